"""Units on the plane of spatial and temporal selectivity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_selectivity_plane"]


def plot_selectivity_plane(ax: Axes, plane: xr.Dataset, layer: str, *, colour: str = COLOURS["blue"], marker: str = "o", label: str | None = None) -> Any:
    """Scatter one layer's units: temporal activation across, spatial up, each relative to the unit's best movie.

    Parameters
    ----------
    ax : Axes
    plane : Dataset
        One model's part of what ``selectivity_plane`` returns: ``space``, ``time`` (neuroid) with coord ``layer``.
    layer : str
    colour, marker, label : str
    """
    here = np.asarray(plane["layer"].values) == layer
    s, t = plane["space"].values[here], plane["time"].values[here]
    keep = np.isfinite(s) & np.isfinite(t)
    ax.plot([0, 1], [0, 1], color="black", lw=0.5, ls=":", zorder=0)
    ax.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    return ax.scatter(t[keep], s[keep], s=12, marker=marker, color=colour, alpha=0.75, lw=0.8, label=label)
