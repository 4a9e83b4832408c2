"""What a model settles into under constant input: points, a line, a ring, a limit cycle, a torus or chaos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import as_dtype, step_map
from neurodyn.dynamics.vectorise import check_state, phase_space
from neurodyn.errors import ConfigError
from neurodyn.numerics import dimensionality, lyapunov, newton_krylov, regimes

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["REGIMES", "attractors"]

SHRINKING = 1e-3
REGIMES = ("point", "points", "line", "ring", "limit cycle", "torus", "chaos", "unsettled")


def attractors(
    model: DynamicalModel,
    starts: State,
    drive: Drive,
    *,
    n_settle: int = 500,
    n_steps: int = 500,
    n_exponents: int = 3,
    n_traced: int = 4,
    layers: str | Sequence[str] | None = None,
    rest_speed: float = 1e-5,
    neutral: float = 2e-3,
    seed: int,
) -> xr.Dataset:
    """Classify what a model settles into from many starts under one constant input, with the numbers that decided.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    starts : State
        Initial states, one a row; 30 or more to tell a line or ring from points.
    drive : Drive
        Constant input, one row.
    n_settle : int
        Steps before anything is measured.
    n_steps : int
        Steps measured.
    n_exponents : int
        Lyapunov exponents where activity does not rest; 2 are needed to tell a cycle from a torus.
    n_traced : int
        Moving starts for which exponents are computed; the others are taken to be what these are, where these agree.
    layers : str or sequence of str, optional
        Which layers move; the whole phase space when absent.
    rest_speed : float
        A start rests if |F(x) - x| / max(1, |x|) is below this after settling.
    neutral : float
        Exponents (per step) nearer to 0 than this, or than three standard errors, count as 0.
    seed : int
        Tangents.

    Returns
    -------
    Dataset
        ===================  =========================  ======  ===============================================================
        variable             dims                       units   meaning
        ===================  =========================  ======  ===============================================================
        regime               ()                                 of the whole: one of ``REGIMES``; several kinds are joined by "+";
                                                                "unsettled" has not come to rest nor to a cycle: settle longer
        start_regime         (start)                            of each start
        speed                (start)                    1/step  |F(x) - x| after settling
        exponent             (start, exponent_index)    1/step  Lyapunov exponents; NaN at rest or where not traced
        period               (start)                    step    of the return; NaN at rest
        return_error         (start)                    1       distance after one period over the spread of the trajectory
        participation_ratio  (start)                    1       effective dimensions of the trajectory
        n_rest_points        ()                         1       distinct resting points
        dimension            ()                         1       local dimension of the set of resting points
        closure              ()                         1       0 for a ring, 1 for a straight line
        largest_gap          ()                         1       longest gap along the set of resting points
        ===================  =========================  ======  ===============================================================

    Raises
    ------
    SchemaError
        A state of another model.
    ConfigError
        Too few steps.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import limit_cycle
    >>> model = limit_cycle(20)
    >>> drive = model.encode(model.blank[None])
    >>> str(attractors(model, {"x": torch.tensor([[0.3, 0.1]])}, drive, n_settle=200, n_steps=200, seed=0).regime.values)
    'limit cycle'
    """
    import torch

    check_state(model, starts, drive, where="attractors")
    if n_steps < 20 or n_settle < 0 or n_exponents < 1:
        raise ConfigError("attractors", f"{n_settle} steps to settle, {n_steps} measured, {n_exponents} exponents", expected="at least 20 steps, 1 exponent")
    model, starts, drive = as_dtype(model, starts, drive, torch.float64)
    space = phase_space(model, starts, layers)
    move = step_map(model, {k: v[:1] for k, v in starts.items()}, {k: v[:1] for k, v in drive.items()}, layers)
    with torch.no_grad():
        x = space.flatten(starts)
        for _ in range(n_settle):
            x = move(x)
        speed = (move(x) - x).norm(dim=1)
        size = x.norm(dim=1).clamp_min(1.0)
    finite = torch.isfinite(speed)
    rest = (finite & (speed <= rest_speed * size)).cpu().numpy()
    table = _moving(move, x, finite.cpu().numpy() & ~rest, n_steps, min(n_exponents, space.size), n_traced, neutral, seed)
    kinds = np.where(rest, "rest", table.pop("kind"))
    shape = _resting(move, x[torch.as_tensor(rest)])
    kinds = np.where(rest, shape.pop("kind"), kinds)
    present = [k for k in REGIMES if (kinds == k).any()]
    n = len(kinds)
    return xr.Dataset(
        {
            "regime": ((), "+".join(present)),
            "start_regime": ("start", kinds.astype(str)),
            "speed": ("start", speed.cpu().numpy(), {"units": "1/step"}),
            "exponent": (("start", "exponent_index"), table["exponent"], {"units": "1/step"}),
            "period": ("start", table["period"], {"units": "step"}),
            "return_error": ("start", table["error"], {"units": "1"}),
            "participation_ratio": ("start", table["dimension"], {"units": "1"}),
            **{k: ((), v, {"units": "1"}) for k, v in shape.items()},
        },
        coords={"start": np.arange(n), "exponent_index": np.arange(table["exponent"].shape[1])},
        attrs={"n_settle": n_settle, "n_steps": n_steps, "rest_speed": rest_speed, "neutral": neutral, "seed": seed},
    )


def _moving(move: Callable[[Tensor], Tensor], x: Tensor, moving: np.ndarray, n_steps: int, k: int, n_traced: int, neutral: float, seed: int) -> dict:
    """Period, return error, dimension and exponents of the starts that do not rest."""
    import torch

    n = len(moving)
    out = {"exponent": np.full((n, k), np.nan), "kind": np.full(n, "unsettled", dtype=object)}
    out |= {name: np.full(n, np.nan) for name in ("period", "error", "dimension")}
    index = np.nonzero(moving)[0]
    if not len(index):
        return out
    path = []
    with torch.no_grad():
        y = x[torch.as_tensor(index)]
        for _ in range(n_steps):
            y = move(y)
            path.append(y)
    paths = torch.stack(path, dim=1).cpu().numpy()
    traced = index[:n_traced]
    found = lyapunov.spectrum(move, x[torch.as_tensor(traced)], k, n_steps, seed=seed, burn_in=min(n_steps // 4, 200))
    # the error of one trajectory's exponents: how far its estimate still moves over the second half of the run
    drift = np.abs(found.trace[-1] - found.trace[len(found.trace) // 2])
    for i, p in zip(index, paths, strict=True):
        if not np.isfinite(p).all():
            continue
        out["period"][i], out["error"][i] = regimes.recurrence_period(p)
        out["dimension"][i] = dimensionality.participation_ratio(dimensionality.covariance_spectrum(p))
        if i in traced:
            e = found.per_trajectory[int(np.nonzero(traced == i)[0][0])]
            out["exponent"][i] = e
            out["kind"][i] = _kind(e, np.maximum(neutral, 3 * drift), out["period"][i], out["error"][i], p)
    same = {str(out["kind"][i]) for i in traced}
    for i in set(index) - set(traced):  # those without exponents are taken to be what the traced ones are, if these agree
        out["kind"][i] = same.copy().pop() if len(same) == 1 else "unsettled"
    return out


def _kind(exponents: np.ndarray, zero: np.ndarray, period: float, error: float, path: np.ndarray) -> str:
    half, spread = len(path) // 2, _spread(path)
    travel = float(np.linalg.norm(np.diff(path, axis=0), axis=1).mean()) / max(spread, 1e-300)
    if exponents[0] > zero[0]:
        return "chaos"
    shrunk = np.log(max(_spread(path[half:]), 1e-300) / max(_spread(path[:half]), 1e-300))
    if not period > 1 or (exponents[0] < -zero[0] and shrunk < 0.5 * half * exponents[0]):
        return "unsettled"  # drifting without return, or contracting as fast as its exponent says: still on the way to rest
    change, steady = regimes.amplitude_trend(path, period)
    if steady and abs(change) > SHRINKING:
        return "unsettled"  # every turn is smaller, or larger, than the one before: an exponent near 0 cannot tell, the turns can
    if len(exponents) > 1 and abs(exponents[0]) <= zero[0] and abs(exponents[1]) <= zero[1] and error > max(0.05, 0.55 * travel):
        return "torus"
    return "limit cycle"


def _spread(path: np.ndarray) -> float:
    return float(np.sqrt(((path - path.mean(0)) ** 2).sum(1).mean()))


def _resting(move: Callable[[Tensor], Tensor], points: Tensor) -> dict:
    """What the resting points make up."""
    empty = {"kind": "point", "n_rest_points": 0, "dimension": np.nan, "closure": np.nan, "largest_gap": np.nan}
    if not len(points):
        return empty
    size = float(points.norm(dim=1).mean())
    spread = float((points - points.mean(0)).norm(dim=1).max())
    distinct = points[newton_krylov.merge(points, 1e-3, scale=max(spread, 1e-2 * size, 1e-9))[0]]
    if len(distinct) < 8:
        return {**empty, "n_rest_points": len(distinct), "kind": "point" if len(distinct) == 1 else "points"}
    curve = regimes.curve_of_points(distinct.cpu().numpy())
    shape = {"n_rest_points": len(distinct), "dimension": curve.dimension, "closure": curve.closure, "largest_gap": curve.largest_gap}
    if len(distinct) < 0.5 * len(points) or curve.dimension > 1.7:
        return {**shape, "kind": "points"}  # starts collapse on few places, or fill more than a curve
    return {**shape, "kind": "ring" if curve.closure < max(0.15, 1.5 * curve.largest_gap) else "line"}
