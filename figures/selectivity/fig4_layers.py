"""Tuning to gratings layer by layer in every network that sees images, trained and untrained, with intervals."""

from neurodyn.plot.layer_intervals import plot_layer_intervals
from neurodyn.plot.style import figure, panel_letter

INPUTS = {
    "convrnn": "selectivity/layers_convrnn",
    "v4": "selectivity/layers_v4",
    "digits": "selectivity/layers_cordsnet",
    "mnist": "selectivity/layers_cordsnet-mnist",
    "cifar10": "selectivity/layers_cordsnet-cifar10",
    "feedback": "selectivity/layers_feedback",
    "drc": "selectivity/layers_drc",
    "teacher": "selectivity/layers_drc-teacher",
    "gdram": "selectivity/layers_gdram",
    "pathfinder": "selectivity/layers_pathfinder",
}
FAMILIES = {
    "cells on CIFAR-10": ("convrnn",),
    "V4": ("v4",),
    "CordsNet": ("digits", "mnist", "cifar10"),
    "feedback": ("feedback",),
    "moving sensor": ("drc", "teacher"),
    "glimpses": ("gdram",),
    "contours": ("pathfinder",),
}
MEASURES = {
    "osi": "orientation\nselectivity",
    "dsi": "direction\nselectivity",
    "f1_f0": "F1 / F0\n(above 1: simple)",
    "preferred_spatial_frequency_cpp": "preferred spatial\nfrequency (c/pixel)",
}
NOTE = (
    "One dot a network: median over channels of the median over positions; bars: {level:.0%} bootstrap intervals over\n"
    "the 3 to 64 channels of a layer that respond.  F1 / F0 is cut at 1000 (units without a mean response)."
)


def draw(**summaries):
    groups = {title: [summaries[k] for k in keys] for title, keys in FAMILIES.items()}
    layers = {title: list(dict.fromkeys(str(v) for data in group for v in data.layer_name.values)) for title, group in groups.items()}
    fig = figure("double", 150)
    axes = fig.subplots(len(MEASURES), len(groups), sharex="col", sharey="row", width_ratios=[len(v) + 0.6 for v in layers.values()])
    for k, (row, (measure, text)) in enumerate(zip(axes, MEASURES.items(), strict=True)):
        for ax, (title, group) in zip(row, groups.items(), strict=True):
            plot_layer_intervals(ax, group, measure, layers=layers[title])
            ax.tick_params(axis="x", labelrotation=60, labelsize=5.5)
            if k == 0:
                count = sum(data.sizes["model_name"] for data in group)
                ax.set_title(f"{title} ({count})", fontsize=6.5)
        row[0].set_ylabel(text)
    for ax in axes[:2].ravel():
        ax.set_ylim(-0.03, 1.03)
    for ax in axes[2]:
        ax.set_yscale("log")
        ax.set_ylim(0.01, 2000)
        ax.axhline(1, color="black", lw=0.5, ls=":", zorder=0)
    axes[3, 0].set_ylim(0, 0.47)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=NOTE.format(level=summaries["convrnn"].attrs["level"]))
    panel_letter(list(axes[:, 0]), dx=-24)
    return fig
