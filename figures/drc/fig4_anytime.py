"""Accuracy after every frame, and the training curves of the front ends, beside the linear reconstruction of the image."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"table": "drc/table", "outcomes": "drc/outcomes"}
LINEAR = "linear reconstruction, 5, + teacher"
LINES = {
    "DRC 10, with position": ("green", "-", "v"),
    "DRC 5, with position": ("vermilion", "-", "o"),
    "DRC 5, w/o position": ("orange", "-", "s"),
    "averaged, 10": ("sky", "--", "d"),
    LINEAR: ("black", "-.", "^"),
    "DRC 5, not moving": ("grey", "--", "x"),
}
CURVES = {"t10": "DRC 10, with position", "t5": "DRC 5, with position", "t5-blind": "DRC 5, w/o position", "still": "DRC 5, not moving"}


def line(ax, one, label, colour, dash, marker, fill=None):
    if not np.isfinite(one.anytime).any():
        return
    frames = np.arange(1, one.sizes["time_bin"] + 1)
    ax.plot(frames, 100 * one.anytime, color=colour, linestyle=dash, marker=marker, markerfacecolor=fill or colour, label=label)
    low, high = (100 * (one.anytime + sign * one.anytime_sd) for sign in (-1, 1))
    ax.fill_between(frames, low, high, color=colour, alpha=0.18, linewidth=0)


def draw(table, outcomes):
    fig = figure("double", 72)
    left, right = fig.subplots(1, 2)
    for name, (colour, dash, marker) in LINES.items():
        if name in table.group.values:
            line(left, table.sel(group=name, path="own"), f"{name} (n = {int(table.n_networks.sel(group=name))})", COLOURS[colour], dash, marker)
    n = int(table.n_networks.sel(group="DRC 5, with position"))
    trained_on_five = table.sel(group="DRC 5, with position", path="own, 10 frames")
    line(left, trained_on_five, f"DRC 5, with position, shown 10 (n = {n})", COLOURS["vermilion"], ":", "o", fill="white")
    left.set(xlabel="frames seen", ylabel=f"accuracy so far (%)\n{table.attrs['n_images']:,} images of CIFAR-10", xticks=range(1, 11))
    left.axhline(10, color="black", linewidth=0.5, linestyle=":")
    left.text(10, 10.4, "chance", ha="right", va="bottom", fontsize=5.6)
    left.legend(fontsize=5.6, loc="lower right", bbox_to_anchor=(1.0, 0.1), title="mean, band: SD of n networks", title_fontsize=5.6)
    condition = outcomes.condition.values.astype(str)
    for key, name in CURVES.items():
        colour, dash, _ = LINES[name]
        for k in np.nonzero(condition == key)[0]:
            right.plot(outcomes.shown / 1000, outcomes.feature_error[k], color=COLOURS[colour], linestyle=dash, linewidth=0.9)
        if (condition == key).any():
            right.plot([], [], color=COLOURS[colour], linestyle=dash, label=name)
    right.axhline(outcomes.attrs["linear_feature_error"], color="black", linestyle="-.", linewidth=0.9, label=LINEAR)
    right.set(xlabel="images shown in training (thousands)", ylabel="error of the features\n(share of the teacher's variance)")
    right.legend(fontsize=5.6, title="a line a network", title_fontsize=5.6)
    panel_letter([left, right])
    return fig
