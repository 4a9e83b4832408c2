"""Robustness to pixel noise that stays and noise that changes, all models given the same frames (after CordsNet, figures 3C and 3D)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"noise": "cordsnet/fig3cd_noise"}
MODELS = (
    ("cordsnet-digits-cnn", "CNN", "green", "s", "correct"),
    ("cordsnet-digits-cnn", "CNN, logits averaged over 20 ms", "sky", "D", "correct_averaged"),
    ("cordsnet-digits-cnn-delays", "CNN in discrete time", "vermilion", "^", "correct"),
    ("cordsnet-digits", "CordsNet", "purple", "o", "correct"),
    ("cordsnet-digits", "CordsNet, logits averaged over 20 ms", "black", "x", "correct_averaged"),
)


def draw(noise):
    fig = figure("double", 84)
    axes = fig.subplots(1, 3, width_ratios=[1, 1, 1])
    sd, n = noise.noise.values, noise.sizes["presentation"]
    place = np.arange(len(sd))
    for model, name, colour, marker, variable in MODELS:
        for ax, kind in ((axes[1], "frozen"), (axes[2], "dynamic")):
            if kind == "frozen" and variable != "correct":
                continue
            p = noise[variable].sel(model=model, kind=kind).mean("presentation").values
            low, high = _wilson(p, n)
            shift = 0.06 * ([m[1] for m in MODELS].index(name) - 2)
            ax.errorbar(
                place + shift, 100 * p, 100 * np.stack([p - low, high - p]), color=COLOURS[colour], marker=marker, ms=3, lw=0.9, capsize=1.5, label=name
            )
        if variable == "correct":
            for kind, style in (("frozen", "-"), ("dynamic", (0, (3, 1.5)))):
                error = noise.error.sel(model=model, kind=kind).values[1:]
                middle = error.mean(axis=1)
                spread = 1.96 * error.std(axis=1, ddof=1) / np.sqrt(n)
                axes[0].errorbar(place[1:], middle, spread, color=COLOURS[colour], ls=style, marker=marker, ms=3, lw=0.9, capsize=1.5, label=f"_{name} {kind}")
    axes[0].set_yscale("log")
    axes[0].set_ylabel("Error of the last area\n(of its variance across images)")
    axes[0].set_title("Error of the output area")
    for name, style in (("noise frozen", "-"), ("noise new every 2 ms", (0, (3, 1.5)))):
        axes[0].plot([], [], color="0.3", lw=0.9, ls=style, label=name)
    axes[0].legend(loc="upper left")
    for ax, title in zip(axes[1:], ("Noise frozen for the image", "Noise new every 2 ms"), strict=True):
        ax.axhline(10, color="0.6", lw=0.6, ls=(0, (1, 1.5)), label="_chance")
        ax.set_ylabel("Accuracy (%)")
        ax.set_ylim(0, 103)
        ax.set_title(title)
    for ax in axes:
        ax.set_xticks(place, [f"{v:g}" for v in sd])
        ax.set_xlabel("Noise s.d. (pixels in 0 to 1)")
    axes[0].set_xlim(place[1] - 0.3, place[-1] + 0.3)
    handles, labels = axes[2].get_legend_handles_labels()
    fig.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=3,
        title=f"n = {n} test images of scikit-learn's digits, one trained network each; bars: 95 % intervals; dotted: chance",
    )
    panel_letter(axes)
    return fig


def _wilson(p, n, z=1.96):
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.minimum(middle - half, p), np.maximum(middle + half, p)
