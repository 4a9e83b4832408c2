"""Robustness to pixel noise that stays and noise that changes, all models given the same frames (after CordsNet, figures 3C and 3D)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"digits": "cordsnet/noise_digits"}
TITLES = {"digits": "Digits", "mnist": "MNIST"}
MODELS = (
    ("cnn", "CNN", "green", "s", "accuracy"),
    ("cnn", "CNN, logits averaged over 20 ms", "sky", "D", "accuracy_averaged"),
    ("cnn-delays", "CNN in discrete time", "vermilion", "^", "accuracy"),
    ("three", "CordsNet", "purple", "o", "accuracy"),
    ("three", "CordsNet, logits averaged over 20 ms", "black", "x", "accuracy_averaged"),
)


def draw(**tables):
    fig = figure("double", 30 + 56 * len(tables))
    axes = fig.subplots(len(tables), 3, squeeze=False)
    for row, (dataset, table) in zip(axes, tables.items(), strict=True):
        _error(row[0], table)
        for ax, kind, title in ((row[1], "frozen", "noise frozen"), (row[2], "dynamic", "new noise every 2 ms")):
            _accuracy(ax, table, kind)
            ax.set_title(f"{TITLES[dataset]}, {title}")
        row[0].set_title(f"{TITLES[dataset]}, {table.sizes['seed']} seeds, {table.attrs['n_images']:,} images")
        place = np.arange(table.sizes["noise"])
        for ax in row:
            ax.set_xticks(place, [f"{v:g}" for v in table.noise.values])
            ax.set_xlabel("Noise s.d. (pixels in 0 to 1)")
        row[0].set_xlim(place[1] - 0.3, place[-1] + 0.3)
    for name, style in (("noise frozen", "-"), ("noise new every 2 ms", (0, (3, 1.5)))):
        axes[0, 0].plot([], [], color="0.3", lw=0.9, ls=style, label=name)
    axes[0, 0].legend(loc="upper left")
    handles, labels = axes[0, 2].get_legend_handles_labels()
    title = "test images; mean of the seeds; bars: 95 % intervals over seeds and images; small open markers: single networks; dotted: chance"
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title=title)
    panel_letter(axes.ravel())
    return fig


def _error(ax, table):
    """Error of the last area for both kinds of noise, on a logarithmic scale."""
    place = np.arange(table.sizes["noise"])[1:]
    for model, name, colour, marker, variable in MODELS:
        if variable == "accuracy":
            for kind, style in (("frozen", "-"), ("dynamic", (0, (3, 1.5)))):
                mean, low, high = (table[k].sel(condition=model, measure="error", kind=kind).values[1:] for k in ("mean", "low", "high"))
                bars = np.stack([mean - low, high - mean])
                ax.errorbar(place, mean, bars, color=COLOURS[colour], ls=style, marker=marker, ms=3, lw=0.9, capsize=1.5, label=f"_{name} {kind}")
    ax.set_yscale("log")
    ax.set_ylabel("Error of the last area\n(of its variance across images)")


def _accuracy(ax, table, kind):
    place = np.arange(table.sizes["noise"])
    shown = [m for m in MODELS if kind == "dynamic" or m[4] == "accuracy"]
    for k, (model, name, colour, marker, variable) in enumerate(shown):
        one = table.sel(condition=model, measure=variable, kind=kind)
        mean, low, high = (100 * one[v].values for v in ("mean", "low", "high"))
        at = place + 0.09 * (k - (len(shown) - 1) / 2)
        ax.errorbar(at, mean, np.stack([mean - low, high - mean]), color=COLOURS[colour], marker=marker, ms=3, lw=0.9, capsize=1.5, label=name)
        for seed, values in zip(one.seed.values, one.by_seed.transpose("seed", "noise").values, strict=True):
            ax.plot(at, 100 * values, marker if marker != "x" else "+", ms=1.8, mfc="none", mew=0.4, ls="", color=COLOURS[colour], label=f"_{name} seed {seed}")
    ax.axhline(10, color="0.6", lw=0.6, ls=(0, (1, 1.5)), label="_chance")
    ax.set_ylabel("Accuracy (%)")
    ax.set_ylim(0, 103)
