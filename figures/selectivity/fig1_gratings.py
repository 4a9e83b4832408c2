"""Tuning to drifting gratings by layer, in two trained networks and their untrained twins."""

import numpy as np

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.style import figure, panel_letter

INPUTS = {"digits": "selectivity/gratings_cordsnet-digits", "cifar": "selectivity/gratings_convrnn-rgc"}
TITLES = {"digits": "CordsNet, digits", "cifar": "gated, CIFAR-10"}
NOTE = "CordsNet: every unit; reciprocal gated network: the central unit of each channel.\nBox: quartiles and median; whiskers: 5th to 95th percentile of units"


def by_layer(cell, name):
    layer, values = np.asarray(cell.layer.values, dtype=str), cell[name].values
    return {k[-1]: values[layer == k] for k in dict.fromkeys(layer.tolist()) if k}  # area0 -> 0


def draw(digits, cifar):
    fig = figure("double", 118)
    axes = fig.subplots(2, 5, gridspec_kw={"wspace": 0.0})
    for row, (name, data) in zip(axes, {"digits": digits, "cifar": cifar}.items(), strict=True):
        cells = [data.isel(model=0), data.isel(model=1)]
        for ax, measure in zip(row, ("osi", "dsi", "f1_f0", "preferred_spatial_frequency_cpp", "preferred_temporal_frequency_hz"), strict=True):
            plot_layer_boxes(ax, [by_layer(c, measure) for c in cells], ("trained", "untrained twin"), counts=measure == "osi")
            ax.tick_params(axis="x", labelsize=5.5)
            ax.set_xlabel({"digits": "area", "cifar": "conv layer"}[name])
        row[0].set_ylabel("orientation selectivity")
        row[1].set_ylabel("direction selectivity")
        row[2].set_ylabel("F1 / F0 (above 1: simple)")
        row[3].set_ylabel("preferred spatial\nfrequency (cycles/pixel)")
        row[4].set_ylabel("preferred temporal\nfrequency (Hz)")
        for ax in row[:2]:
            ax.set_ylim(-0.03, 1.03)
        row[2].set_ylim(0, 2.4)
        row[2].axhline(1, color="black", lw=0.6, ls=":")
        row[3].set_ylim(0, 0.47)
        row[4].set_yscale("log")
        row[0].set_title(TITLES[name], loc="left")
    for ax in axes[:, 4]:
        ticks = [5, 10, 20, 40, 80, 160] if ax is axes[0, 4] else [5, 10, 20, 40]
        ax.set_yticks(ticks, [str(t) for t in ticks])
        ax.minorticks_off()
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=NOTE)
    panel_letter(list(axes.ravel()), dx=-8)
    return fig
