"""Where the activity stands still, among trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import SchemaError
from neurodyn.plot.style import COLOURS, CYCLE

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_fixed_points"]


def plot_fixed_points(
    ax: Axes,
    points: xr.Dataset,
    trajectories: xr.Dataset,
    *,
    components: tuple[int, int] = (0, 1),
    colours: Mapping[str, str] | None = None,
    label: bool = True,
) -> Axes:
    """Mark fixed points in the coordinates of saved trajectories: stars where stable, crosses where not; slow points are left out.

    Parameters
    ----------
    ax : Axes
    points : Dataset
        Of ``fixed_points``.
    trajectories : Dataset
        Of ``trajectories``; its units must be among those of `points`, by ``neuroid_id``.
    components : (int, int)
    colours : mapping, optional
        ``stimulus_id`` of the constant input -> colour; others are grey.
    label : bool
        Name stable and unstable points, with their number, in the legend.

    Returns
    -------
    Axes

    Raises
    ------
    SchemaError
        If units of the trajectories are missing from the points.
    """
    order = {str(k): n for n, k in enumerate(points["neuroid_id"].values)}
    wanted = [str(k) for k in trajectories["neuroid_id"].values]
    missing = [k for k in wanted if k not in order]
    if missing:
        raise SchemaError("plot_fixed_points", f"{len(missing)} of {len(wanted)} units of the trajectories are not in `points` (first: {missing[0]})")
    state = points["state"].transpose("fixed_point", "neuroid").values[:, [order[k] for k in wanted]]
    place = (state - trajectories["center"].values) @ trajectories["loading"].transpose("neuroid", "component").values[:, list(components)]
    fixed = np.asarray(points["converged"].values, bool)
    stable = np.asarray(points["stable"].values, bool)
    inputs = np.array([str(k) for k in (points["stimulus_id"] if "stimulus_id" in points.coords else points["presentation"]).values])
    for kind, name, marker, size in ((fixed & stable, "stable fixed points", "*", 55), (fixed & ~stable, "other fixed points", "x", 18)):
        for n, k in enumerate(dict.fromkeys(inputs[kind].tolist())):
            here = kind & (inputs == k)
            colour = CYCLE[n % len(CYCLE)] if colours is None else colours.get(k, COLOURS["grey"])
            edge = {"edgecolors": "black", "linewidths": 0.4} if marker == "*" else {"linewidths": 0.9}
            ax.scatter(place[here, 0], place[here, 1], s=size, marker=marker, color=colour, zorder=5, label=f"_{name} {k}", **edge)
        if label and kind.any():
            ax.scatter([], [], s=size, marker=marker, color="0.5", label=f"{name} (n = {int(kind.sum())})")
    return ax
