"""How a resting state changes while the input, or its strength, changes: the bifurcation diagram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import as_dtype
from neurodyn.dynamics.vectorise import check_state, phase_space
from neurodyn.errors import SchemaError
from neurodyn.numerics import continuation

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["bifurcation"]


def bifurcation(
    model: DynamicalModel,
    state: State,
    first: Drive,
    last: Drive,
    *,
    interval: tuple[float, float] = (0.0, 1.0),
    layers: str | Sequence[str] | None = None,
    n_modes: int = 4,
    step: float = 0.05,
    max_points: int = 400,
    tol: float = 1e-9,
    seed: int,
) -> xr.Dataset:
    """Follow one fixed point from one drive to another, (1 - p) first + p last, round folds too.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    state : State
        Near a fixed point under the drive at the first end of the interval; one row.
    first, last : Drive
        The drives at p = 0 and p = 1, one row each: the blank and a stimulus make p the contrast of the stimulus.
    interval : (float, float)
        Where p starts and where it is led to.
    layers : str or sequence of str, optional
        Which layers move; the whole phase space when absent.
    n_modes, step, max_points, tol, seed
        As for :func:`neurodyn.numerics.continuation.follow`.

    Returns
    -------
    Dataset
        ===========  =====================  ======  ==================================================================
        variable     dims                   units   meaning
        ===========  =====================  ======  ==================================================================
        parameter    (point)                1       p
        state        (point, neuroid)               the fixed point
        speed        (point)                1/step  |F(x) - x|
        eigenvalue   (point, mode)          1       of the Jacobian of one step, largest modulus first
        stable       (point)                        largest modulus below 1
        event        (point)                        what happens after this point: "", "fold", "real", "flip", "rotation"
        ===========  =====================  ======  ==================================================================

        ``attrs["complete"]`` is 1 where the other end was reached, 0 where the branch turned back out of the interval or stopped.

    Raises
    ------
    SchemaError
        A state of another model, or drives of other keys.
    NumericsError
        No fixed point near the start.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25])
    >>> blank, shown = (model.encode(torch.full((1, 2, 1, 1), c)) for c in (0.0, 1.0))
    >>> found = bifurcation(model, model.initial_state(blank), blank, shown, seed=0)
    >>> found.state.values[-1].round(4).tolist(), bool(found.stable.all())
    ([2.0, 1.3333], True)
    """
    import torch

    check_state(model, state, first, where="bifurcation")
    if set(first) != set(last):
        raise SchemaError("bifurcation", f"`first` has keys {sorted(first)} and `last` {sorted(last)}", expected="drives of the same model")
    rows = {len(v) for v in (*state.values(), *first.values(), *last.values())}
    if rows != {1}:
        raise SchemaError("bifurcation", f"state and drives have {max(rows)} rows", expected="one row each", fix="{k: v[:1] for k, v in state.items()}")
    model, state, first = as_dtype(model, state, first, torch.float64)
    last = {k: v.double() if v.is_floating_point() else v for k, v in last.items()}
    space = phase_space(model, state, layers)

    def family(x: Tensor, p: Tensor) -> Tensor:
        drive = {}
        for key, a in first.items():
            weight = p.reshape(-1, *([1] * (a.dim() - 1)))
            drive[key] = a + weight * (last[key] - a) if a.is_floating_point() else a.expand(len(p), *a.shape[1:])
        return space.flatten(model.step(space.restore(x, state), drive))

    branch = continuation.follow(family, space.flatten(state)[0], interval, step=step, max_points=max_points, n_modes=n_modes, tol=tol, seed=seed)
    event = np.full(len(branch.parameters), "", dtype="U16")
    for index, name in branch.events:
        event[index] = name
    return xr.Dataset(
        {
            "parameter": ("point", branch.parameters, {"units": "1"}),
            "state": (("point", "neuroid"), branch.states, {"units": "1"}),
            "speed": ("point", branch.speeds, {"units": "1/step"}),
            "eigenvalue": (("point", "mode"), branch.eigenvalues, {"units": "1"}),
            "stable": ("point", branch.stable),
            "event": ("point", event),
        },
        coords={**{k: ("neuroid", v) for k, v in space.labels().items()}, "mode": np.arange(branch.eigenvalues.shape[1])},
        attrs={"complete": int(branch.complete), "tol": tol, "seed": seed},
    )
