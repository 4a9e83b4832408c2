"""Whether what a model settles into depends on where it came from: an input led slowly up and down again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import as_dtype, step_map
from neurodyn.dynamics.vectorise import check_state, phase_space
from neurodyn.errors import ConfigError, SchemaError

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["hysteresis"]


def hysteresis(
    model: DynamicalModel,
    state: State,
    first: Drive,
    last: Drive,
    *,
    n_levels: int = 21,
    n_settle: int = 200,
    layers: str | Sequence[str] | None = None,
    tol: float = 1e-2,
    rest_speed: float = 1e-6,
) -> xr.Dataset:
    """Lead the input from one drive to another and back, settle at every level, and compare the two ways.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    state : State
        Where to begin, one a row; every row is led up and down on its own.
    first, last : Drive
        The drives at level 0 and 1, one row each; at level p it is (1 - p) first + p last.  The blank and a stimulus make p the contrast.
    n_levels : int
    n_settle : int
        Steps at every level.
    layers : str or sequence of str, optional
        Which layers move; the whole phase space when absent.
    tol : float
        Distance between the two ways, relative to the largest distance the state moves over the whole sweep, above which they differ.
    rest_speed : float
        Relative speed below which a level has settled.

    Returns
    -------
    Dataset
        ===========  =================================  ======  ===============================================================
        variable     dims                               units   meaning
        ===========  =================================  ======  ===============================================================
        state        (presentation, way, level, neuroid)        where it is after settling; ``way`` is "up" or "down"
        gap          (presentation, level)              1       distance between up and down, relative as for `tol`
        settled      (presentation, way, level)                 1 where it has come to rest
        width        (presentation)                     1       share of the levels at which the two ways differ
        hysteretic   (presentation)                             1 where they differ at a level at which both have come to rest
        mono_stable  (presentation)                             1 where every level has settled and the two ways agree everywhere
        ===========  =================================  ======  ===============================================================

    Raises
    ------
    SchemaError
        A state of another model, or drives of other keys.
    ConfigError
        Fewer than two levels or no steps.

    Notes
    -----
    Agreement of the two ways does not exclude further attractors that neither passes; :func:`neurodyn.analysis.fixed_points` looks for those.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5])
    >>> low, high = (model.encode(torch.full((1, 1, 1, 1), c)) for c in (0.0, 1.0))
    >>> int(hysteresis(model, model.initial_state(low), low, high, n_levels=5, n_settle=60).mono_stable)
    1
    """
    import torch

    check_state(model, state, first, where="hysteresis")
    if set(first) != set(last) or any(len(v) != 1 for v in (*first.values(), *last.values())):
        raise SchemaError("hysteresis", f"drives of {sorted(first)} and {sorted(last)}", expected="the same keys, one row each")
    if n_levels < 2 or n_settle < 1:
        raise ConfigError("hysteresis", f"`n_levels` is {n_levels} and `n_settle` {n_settle}", expected="2 or more levels, 1 or more steps")
    model, state, first = as_dtype(model, state, first, torch.float64)
    _, _, last = as_dtype(model, state, last, torch.float64)
    space = phase_space(model, state, layers)
    level = np.linspace(0.0, 1.0, n_levels)
    x = space.flatten(state)
    found = torch.empty(len(x), 2, n_levels, space.size, dtype=torch.float64)
    speed = torch.empty(len(x), 2, n_levels, dtype=torch.float64)
    with torch.no_grad():
        for way, order in enumerate((range(n_levels), reversed(range(n_levels)))):
            for k in order:
                p = float(level[k])
                move = step_map(model, state, {key: (1 - p) * v + p * last[key] if v.is_floating_point() else v for key, v in first.items()}, layers)
                for _ in range(n_settle):
                    x = move(x)
                found[:, way, k] = x
                speed[:, way, k] = (move(x) - x).norm(dim=1) / x.norm(dim=1).clamp_min(1.0)
    path = found.numpy()
    size = np.linalg.norm(path - path[:, :1, :1], axis=-1).max(axis=(1, 2))
    apart = np.linalg.norm(path[:, 0] - path[:, 1], axis=-1)
    gap = np.divide(apart, size[:, None], out=np.zeros_like(apart), where=size[:, None] > 0)
    settled = (speed <= rest_speed).numpy()
    differs = ~(gap <= tol)
    return xr.Dataset(
        {
            "state": (("presentation", "way", "level", "neuroid"), path, {"units": "1"}),
            "gap": (("presentation", "level"), gap, {"units": "1"}),
            "settled": (("presentation", "way", "level"), settled.astype(int)),
            "width": ("presentation", differs.mean(axis=1), {"units": "1"}),
            "hysteretic": ("presentation", (differs & settled.all(axis=1)).any(axis=1).astype(int)),
            "mono_stable": ("presentation", (~differs.any(axis=1) & settled.all(axis=(1, 2))).astype(int)),
        },
        coords={
            "way": ["up", "down"],
            "level": ("level", level, {"units": "1"}),
            "presentation": np.arange(len(path)),
            **{k: ("neuroid", v) for k, v in space.labels().items()},
        },
        attrs={"n_settle": n_settle, "tol": tol, "rest_speed": rest_speed},
    )
