"""Population activity moving through its principal components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import SchemaError
from neurodyn.plot.style import COLOURS, CYCLE

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_trajectories"]


def plot_trajectories(
    ax: Axes,
    trajectories: xr.Dataset,
    *,
    presentations: Sequence[int] | None = None,
    components: tuple[int, int] = (0, 1),
    labels: Sequence[str] | None = None,
    colours: Sequence[str] | None = None,
    onset: bool = True,
) -> Axes:
    """Draw one line a presentation: open circle at stimulus onset, filled circle at the end.

    Parameters
    ----------
    ax : Axes
    trajectories : Dataset
        Of ``trajectories``.
    presentations : sequence of int, optional
        Which rows; all when absent.
    components : (int, int)
        Which components, from 0.
    labels, colours : sequence of str, optional
        One a presentation; the legend names those labelled.
    onset : bool
        Begin where the stimulus does, leaving the blank before it out.

    Returns
    -------
    Axes
    """
    if "score" not in trajectories:
        raise SchemaError("plot_trajectories", "the Dataset has no `score`", expected="the result of trajectories")
    score = trajectories["score"].transpose("presentation", "time_bin", "component")
    rows = range(score.sizes["presentation"]) if presentations is None else presentations
    shown = slice(None)
    if onset and "step" in trajectories.coords:
        shown = slice(max(int(np.searchsorted(trajectories["step"].values, 0)) - 1, 0), None)
    for k, row in enumerate(rows):
        colour = CYCLE[k % len(CYCLE)] if colours is None else colours[k]
        x, y = (score.values[row, shown, c] for c in components)
        ax.plot(x, y, color=colour, lw=1.0, label=None if labels is None else labels[k], zorder=2)
        ax.plot(x[:1], y[:1], "o", mfc="white", mec=colour, ms=3.5, mew=0.8, zorder=3, label=f"_onset {k}")
        ax.plot(x[-1:], y[-1:], "o", color=colour, ms=3.5, zorder=4, label=f"_end {k}")
    ratio = trajectories["explained_variance_ratio"].values
    for setter, c in ((ax.set_xlabel, components[0]), (ax.set_ylabel, components[1])):
        setter(f"PC {c + 1} ({100 * ratio[c]:.0f} % of variance)")
    ax.set_aspect("equal", adjustable="datalim")
    ax.margins(0.08)
    ax.axhline(0, color=COLOURS["grey"], lw=0.3, zorder=0, label="_zero")
    ax.axvline(0, color=COLOURS["grey"], lw=0.3, zorder=0, label="_zero")
    return ax
