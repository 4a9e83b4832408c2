"""Estimates with intervals, one a row, and the single measurements behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_interval_points"]


def plot_interval_points(
    ax: Axes,
    estimates: Sequence[float] | np.ndarray,
    low: Sequence[float] | np.ndarray,
    high: Sequence[float] | np.ndarray,
    labels: Sequence[str],
    *,
    colours: Sequence[str] | None = None,
    points: np.ndarray | None = None,
    label: str | None = None,
) -> None:
    """Draw one row for each estimate: a dot, its interval, and small open dots for the measurements it summarises.

    Parameters
    ----------
    ax : Axes
    estimates, low, high : sequence of float, (row)
    labels : sequence of str, (row)
        Top to bottom.
    colours : sequence of str, optional
    points : array, (row, measurement), optional
        NaN where a row has fewer.
    label : str, optional
        Of the dots, for the legend and the numbers file.
    """
    y = np.arange(len(labels))[::-1].astype(float)
    colours = [COLOURS["blue"]] * len(labels) if colours is None else list(colours)
    for i, colour in enumerate(colours):
        ax.plot([low[i], high[i]], [y[i], y[i]], color=colour, lw=1.4, solid_capstyle="butt", label=f"_{labels[i]} interval")
        if points is not None:
            found = np.asarray(points[i])[np.isfinite(points[i])]
            ax.plot(found, np.full(len(found), y[i] - 0.28), "o", ms=2.2, mfc="none", mew=0.5, color=colour, label=f"_{labels[i]} single")
        ax.plot([estimates[i]], [y[i]], "o", ms=3.8, color=colour, label=label if label and i == 0 else f"_{labels[i]}")
    ax.set_yticks(y, labels)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    ax.tick_params(axis="y", length=0)
