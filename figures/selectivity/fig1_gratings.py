"""Tuning to drifting gratings by layer, in two trained networks and their untrained twins."""

import numpy as np

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.style import figure, panel_letter

INPUTS = {"digits": "selectivity/gratings_cordsnet", "cifar": "selectivity/gratings_convrnn"}
NETWORKS = {"digits": ("cordsnet-digits", "CordsNet, digits", "area"), "cifar": ("convrnn-rgc", "gated, CIFAR-10", "conv layer")}
MEASURES = {
    "osi": "orientation selectivity",
    "dsi": "direction selectivity",
    "f1_f0": "F1 / F0 (above 1: simple)",
    "preferred_spatial_frequency_cpp": "preferred spatial\nfrequency (cycles/pixel)",
    "preferred_temporal_frequency_hz": "preferred temporal\nfrequency (Hz)",
}
NOTE = (
    "Every unit that responds (a to e: {} trained, {} untrained; f to j: {} and {}; s: stem).\n"
    "Box: quartiles and median; whiskers: 5th to 95th percentile of units"
)


def by_layer(cell, name):
    layer, values = np.asarray(cell.layer.values, dtype=str), cell[name].values
    return {k.removeprefix("area").removeprefix("conv").replace("stem", "s"): values[layer == k] for k in dict.fromkeys(layer.tolist()) if k}


def draw(digits, cifar):
    fig = figure("double", 118)
    axes, counts = fig.subplots(2, 5, gridspec_kw={"wspace": 0.0}), []
    for row, data, (network, title, kind) in zip(axes, (digits, cifar), NETWORKS.values(), strict=True):
        cells = [data.sel(model_name=network).isel(untrained=m) for m in (0, 1)]
        for ax, (measure, text) in zip(row, MEASURES.items(), strict=True):
            plot_layer_boxes(ax, [by_layer(c, measure) for c in cells], ("trained", "untrained twin"), counts=False)
            ax.set(xlabel=kind, ylabel=text)
        for ax in row[:2]:
            ax.set_ylim(-0.03, 1.03)
        row[2].set_ylim(0, 2.4)
        row[2].axhline(1, color="black", lw=0.6, ls=":")
        row[3].set_ylim(0, 0.47)
        row[4].set_yscale("log")
        ticks = cells[0].temporal_frequency_hz.values.ravel()
        row[4].set_yticks(ticks, [f"{t:g}" for t in ticks])
        row[4].minorticks_off()
        row[0].set_title(title, loc="left")
        counts.append([int((np.asarray(c.layer.values).astype(str) != "").sum()) for c in cells])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=NOTE.format(*counts[0], *counts[1]))
    panel_letter(list(axes.ravel()), dx=-8)
    return fig
