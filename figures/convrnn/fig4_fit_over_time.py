"""One linear map for the whole trial: who goes on predicting after the image is gone (synthetic recordings with known dynamics)."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"fit": "convrnn/neural_fit", "untrained": "convrnn/neural_fit_untrained"}

MODELS = {
    "convrnn-rgc": ("gated + bypass", "blue", "-"),
    "convrnn-rgc-ungated": ("gates frozen", "sky", "-"),
    "convrnn-conv-lstm": ("LSTM", "purple", "-"),
    "convrnn-time-decay": ("time decay", "orange", "-"),
    "convrnn-feedforward": ("feedforward control", "grey", "--"),
}


def draw(fit, untrained):
    fig = figure("double", 112)
    top, bottom = fig.subplots(2, 3, height_ratios=[1.3, 1.0])
    starts = fit.time_bin_start.values
    regions = [str(r) for r in fit.region.values]
    for ax, region in zip(top, regions, strict=True):
        _courses(ax, fit, region, starts)
        ax.plot(
            starts,
            untrained.best.values[:, fit.site_region.values == region].mean(axis=1),
            color=COLOURS["blue"],
            lw=0.7,
            ls=(0, (1, 1)),
            label="gated, untrained",
        )
    top[0].set_ylabel("correlation,\nheld-out images")
    fig.legend(*top[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, columnspacing=1.2)
    _shares(bottom[0], fit, regions)
    for ax, name in zip(bottom[1:], ("convrnn-rgc", "convrnn-feedforward"), strict=True):
        _shares_by_bin(ax, fit.sel(model=name), starts, MODELS[name][0])
    panel_letter([*top, *bottom], dx=-16)
    figure_note(
        fig,
        "a-c: each site by the layer that fits it best; bands: one standard error over sites. "
        "d-f: shares of sites (ff.: feedforward control). Synthetic recordings.",
    )
    return fig


def _courses(ax, fit, region, starts):
    sites = fit.site_region.values == region
    n = int(sites.sum())
    for name, (label, colour, style) in MODELS.items():
        values = fit.best.sel(model=name).values[:, sites]
        mean, error = values.mean(axis=1), values.std(axis=1, ddof=1) / np.sqrt(n)
        ax.fill_between(starts, mean - error, mean + error, color=COLOURS[colour], alpha=0.25, lw=0)
        ax.plot(starts, mean, style, color=COLOURS[colour], label=label)
    consistency = np.nanmean(fit.consistency.isel(model=0).values[:, sites], axis=1)
    ax.plot(starts, consistency, ":", color="black", lw=0.9, label="split-half consistency")
    ax.axhline(0, color="black", lw=0.5)
    ax.axvspan(0, 100, ymin=0.965, color="black", lw=0)
    ax.set_xlim(0, starts[-1] + 10)
    ax.set_ylim(-0.08, 1.0)
    ax.set_xlabel("time from image onset (ms)")
    ax.annotate("image on", (103, 0.955), fontsize=6)
    ax.set_title(f"synthetic {region} ({n} sites)")


def _shares(ax, fit, regions):
    layers = [str(v) for v in fit.layer.values]
    shade = _shades(len(layers))
    shown = [("convrnn-rgc", "gated"), ("convrnn-feedforward", "ff.")]
    ticks, names = [], []
    for j, region in enumerate(regions):
        for i, (model, label) in enumerate(shown):
            x, base = 3.2 * j + 1.25 * i, 0.0
            for k, layer in enumerate(layers):
                value = 100 * float(fit.share.sel(model=model, layer=layer, region=region))
                ax.bar([x], [value], bottom=[base], width=0.85, color=shade[k], label=layer if i + j == 0 else f"_{layer} {model} {region}")
                base += value
            ticks.append(x)
            names.append(label)
        ax.annotate(region, (3.2 * j + 0.62, -0.16), xycoords=("data", "axes fraction"), ha="center", va="top")
    ax.set_xticks(ticks, names, fontsize=6)
    ax.set_ylabel("sites that prefer a layer (%)")
    ax.tick_params(axis="x", length=0)
    ax.set_ylim(0, 100)


def _shares_by_bin(ax, fit, starts, label):
    layers = [str(v) for v in fit.layer.values]
    region = str(fit.region.values[-1])
    values = np.nan_to_num(100 * fit.share_by_bin.sel(region=region).values)
    base = np.zeros(len(starts))
    for k, layer in enumerate(layers):
        ax.bar(starts + 5, values[k], width=9.0, bottom=base, color=_shades(len(layers))[k], label=layer)
        base = base + values[k]
    ax.set_xlim(0, starts[-1] + 10)
    ax.set_ylim(0, 100)
    ax.set_xlabel("time from image onset (ms)")
    ax.set_ylabel(f"{region}: share of best layer (%)")
    ax.set_title(label)
    if label.startswith("feed"):
        ax.annotate("no layer\nabove r = 0.1", (205, 30), fontsize=6, ha="center")
    if label.startswith("feed"):
        ax.legend(loc="upper right", fontsize=6, handlelength=0.8, borderpad=0.2)


def _shades(n):
    return [(*(1 - (1 - np.array([0.0, 0.45, 0.70])) * w),) for w in np.linspace(0.25, 1.0, n)]
