"""From simple to complex: tuning in the first and the last layer of every network, trained and untrained."""

import numpy as np

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.style import figure, panel_letter

INPUTS = {"cells": "selectivity/gratings_convrnn-cells", "feedback": "selectivity/gratings_feedback"}
MEASURES = {"osi": "orientation selectivity", "f1_f0": "F1 / F0 (above 1: simple)"}
SHORT = {"rgc": "gated", "rgc-feedback": "gated,\nfeedback", "rgc-no-bypass": "gated, no\nbypass", "rgc-ungated": "gates\nfrozen"}
SHORT |= {"simple-rnn": "RNN", "conv-lstm": "LSTM", "conv-gru": "GRU", "ugrnn": "UGRNN"}
SHORT |= {"control": "control", "control-dropout": "control,\ndropout", "top": "feedback", "top-dropout": "feedback,\ndropout"}


def short(label):
    name = str(label).split("name=")[1].split(",")[0]
    return SHORT.get(name.split("-", 1)[1], name)


def boxes(data, layer, measure):
    """Trained and untrained values by model, in the order of the grid (a trained model, then its twin)."""
    groups = [{}, {}]
    for k in range(data.sizes["model"]):
        cell = data.isel(model=k)
        groups[k % 2][short(cell.model.values)] = cell[measure].values[np.asarray(cell.layer.values, dtype=str) == layer]
    return groups


def draw(cells, feedback):
    fig = figure("double", 122)
    axes = fig.subplots(2, 4, width_ratios=[8, 8, 4.6, 4.6])
    panels = [(cells, "conv1", "CIFAR-10, first layer"), (cells, "conv4", "CIFAR-10, last layer")]
    panels += [(feedback, "area1", "feedback, first"), (feedback, "area3", "feedback, last")]
    for row, (measure, text) in zip(axes, MEASURES.items(), strict=True):
        for ax, (data, layer, title) in zip(row, panels, strict=True):
            groups = boxes(data, layer, measure)
            plot_layer_boxes(ax, groups, ("trained", "untrained twin"), counts=False)
            ax.tick_params(axis="x", labelrotation=60, labelsize=5.5)
            ax.set_ylim((-0.03, 1.03) if measure == "osi" else (0, 2.4))
            if measure == "osi":
                ax.set_title(f"{title} (n={len(next(iter(groups[0].values())))})", loc="left", fontsize=7)
            else:
                ax.axhline(1, color="black", lw=0.6, ls=":")
        row[0].set_ylabel(text)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    title = "n: at most so many units, the central one of each channel. Box: quartiles and median; whiskers: 5th to 95th percentile"
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=title)
    panel_letter(list(axes.ravel()), dx=-4)
    return fig
