"""Distributions of one number over the units of each layer, trained beside untrained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_layer_boxes"]


def plot_layer_boxes(
    ax: Axes,
    groups: Sequence[dict[str, np.ndarray]],
    labels: Sequence[str],
    *,
    colours: Sequence[str] = (COLOURS["blue"], COLOURS["grey"]),
    counts: bool = True,
) -> None:
    """Draw one box a layer and group: median, quartiles, and whiskers from the 5th to the 95th percentile.

    Parameters
    ----------
    ax : Axes
    groups : sequence of dict
        For each group, layer -> values (unit).
    labels : sequence of str
        One a group, for the legend.
    colours : sequence of str
    counts : bool
        Write the number of units of the first group under each layer.
    """
    layers = list(groups[0])
    width = 0.8 / len(groups)
    for g, (group, label, colour) in enumerate(zip(groups, labels, colours, strict=True)):
        at = np.arange(len(layers)) + (g - (len(groups) - 1) / 2) * width
        values = [np.asarray(group[k])[np.isfinite(group[k])] for k in layers]
        boxes = ax.boxplot(values, positions=at, widths=0.8 * width, whis=(5, 95), showfliers=False, patch_artist=True, manage_ticks=False)
        for part in (*boxes["whiskers"], *boxes["caps"]):
            part.set(color=colour, lw=0.8)
        for box, median in zip(boxes["boxes"], boxes["medians"], strict=True):
            box.set(facecolor=colour, alpha=0.35, edgecolor=colour, lw=0.8)
            median.set(color=colour, lw=1.6)
        ax.plot([], [], color=colour, lw=4, alpha=0.6, label=label)
    names = [f"{k}\nn={np.isfinite(groups[0][k]).sum()}" for k in layers] if counts else layers
    ax.set_xticks(np.arange(len(layers)), names)
    ax.set_xlim(-0.6, len(layers) - 0.4)
