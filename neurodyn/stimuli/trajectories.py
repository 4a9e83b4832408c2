"""Where the sensor looks: trajectories as pure functions of (seed, style, parameters).

Positions are pixels from the centre of the image, to the right and up.  Row i of a set is drawn from its own part of one
stream of uniform numbers, so that trajectory i is the same whatever the number drawn, and can be drawn alone.

Styles measured from the start point (radius r starts at 3 px and grows by the mean given, with a standard deviation of 0.16; points are
truncated towards zero to whole pixels; the first is the centre):

====================  =============  ==================================================================================
style                 dr, px a step  heading phi
====================  =============  ==================================================================================
``spiral_2dir2``      -0.1           turns by N(pi/2, pi/8), one sense a trajectory; begins anywhere
``spiral_2dir``       -0.1           the same; begins at a whole number of radians
``spiral``            -0.1           the same, always anticlockwise
``spiral_2dir_shfl``  -0.1           ``spiral_2dir2`` with all points but the first in random order
``big_steps``         -0.1           the sense is drawn at every step
``brownian``          -0.1           a new whole number of radians at every step (a ring, not a Brownian path)
``const_p_noise``     +0.3           turns by N(0, `turn_rad`)
``zigzag``            +0.3           turns by +-pi/8 in turn, with a standard deviation of 0.005
``degenerate``        +0.3           constant: a straight line; begins at a whole number of radians
``degenerate_fix``    +0.3           the same, pushed out by 0.5 px until the point is a new one
``degenerate_fix2``   +0.3           the same; begins anywhere
====================  =============  ==================================================================================

Styles that accumulate steps:

=======================  ==============================================================================================
``not_moving``           every point is the start
``old``                  whole steps, uniform in -2..2 px along each axis
``von_mises``            step length sqrt(2) + |N(0, 1)| px; turns by VonMises(0, |kappa|), from behind where kappa < 0
``intoy_rucci``          Brownian motion with diffusion constant `diffusion` over `duration_ms` (Intoy and Rucci 2020)
``matched_von_mises``    ``von_mises`` moved and selected so that eccentricity, path length and the number of sampling
                         phases are the same for every kappa: only the turning differs
=======================  ==============================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics.paths import measure
from neurodyn.schema import PRESENTATION
from neurodyn.seeding import subseed

__all__ = ["DIFFUSION", "STYLES", "positions", "trajectories", "von_mises_quantile"]

DIFFUSION = {"snellen": 10.998, "fixation": 30.155}  # arcmin^2 / s, Intoy and Rucci 2020
_RADIUS, _GROWTH, _DRIFT, _DRIFT_SD = 3.0, 0.8, -0.5, 0.16  # px
_CANDIDATES = 24


def positions(style: str, n: int, n_steps: int, *, seed: int, first: int = 0, rows: Sequence[int] | np.ndarray | None = None, **parameters: Any) -> np.ndarray:
    """Draw trajectories `first` to `first + n` of a style, or those of the indices `rows`.

    Parameters
    ----------
    style : str
        A key of ``STYLES``.
    n, n_steps : int
        Trajectories, and points of each.
    seed : int
    first : int
        Index of the first trajectory: ``positions(style, 1, T, seed=s, first=7)`` is row 7 of ``positions(style, 100, T, seed=s)``.
    rows : sequence of int, (trajectory), optional
        Indices of the `n` trajectories, in any order; `first` is then not used.
    **parameters
        The style's own; see ``STYLES``.

    Returns
    -------
    array, (trajectory, point, 2)
        Pixels from the centre of the image, to the right and up.

    Raises
    ------
    ConfigError
        For an unknown style or parameter, or a number out of range.

    Examples
    --------
    >>> positions("not_moving", 1, 2, seed=0).tolist()
    [[[0.0, 0.0], [0.0, 0.0]]]
    >>> many = positions("spiral_2dir2", 10, 5, seed=1)
    >>> bool((positions("spiral_2dir2", 1, 5, seed=1, first=7)[0] == many[7]).all())
    True
    """
    if style not in STYLES:
        raise unknown_name("trajectories", "style", style, STYLES)
    if n < 1 or n_steps < 1 or first < 0:
        raise ConfigError("trajectories", f"n={n}, n_steps={n_steps}, first={first}", expected="n and n_steps of 1 or more, first of 0 or more")
    draw, width, known = STYLES[style]
    for name in parameters:
        if name not in known:
            raise unknown_name(f"trajectories({style!r})", "parameter", name, known)
    values = dict(known) | parameters
    n_uniforms = width(n_steps)
    key = subseed(seed, "trajectories", style)
    if rows is None:
        return draw(_uniforms(key, first, n, n_uniforms), n_steps, values)
    if len(rows) != n:
        raise ConfigError("trajectories", f"{len(rows)} indices in `rows` for {n} trajectories", expected="one index a trajectory")
    return draw(np.concatenate([_uniforms(key, int(row), 1, n_uniforms) for row in rows]), n_steps, values)


def trajectories(style: str = "spiral_2dir2", n: int = 100, n_steps: int = 5, *, seed: int, **parameters: Any) -> xr.Dataset:
    """Trajectories with their measures, labelled.

    Parameters
    ----------
    style : str
    n, n_steps : int
    seed : int
    **parameters
        The style's own, and ``field_px``, ``image_px``, ``pitch_px`` of :func:`neurodyn.numerics.paths.measure`.

    Returns
    -------
    Dataset
        ``position`` (presentation, frame, axis) in px, and one variable (presentation) for each of
        :data:`neurodyn.numerics.paths.MEASURES`.

    Examples
    --------
    >>> ds = trajectories("von_mises", 200, 5, seed=0, kappa=-5.0)
    >>> round(float(ds.eccentricity_px.mean()), 1)
    1.6
    """
    geometry = {k: parameters.pop(k) for k in ("field_px", "image_px", "pitch_px") if k in parameters}
    points = positions(style, n, n_steps, seed=seed, **parameters)
    measures = measure(points, **geometry)
    ids = np.array([f"{style}-{seed}-{i:05d}" for i in range(n)])
    units = {name: {"px": "px", "px2": "px^2", "rad": "rad"}.get(name.rsplit("_", 1)[-1], "1") for name in measures} | {"curvature_per_px": "1/px"}
    variables: dict[str, Any] = {"position": ((PRESENTATION, "frame", "axis"), points, {"units": "px"})}
    variables |= {name: (PRESENTATION, value, {"units": units[name]}) for name, value in measures.items()}
    return xr.Dataset(variables, coords={"stimulus_id": (PRESENTATION, ids), "axis": ["right", "up"]}, attrs={"style": style, "seed": seed})


def von_mises_quantile(u: np.ndarray, kappa: float) -> np.ndarray:
    """Quantile function of the von Mises distribution around 0, in [-pi, pi].

    Examples
    --------
    >>> von_mises_quantile(np.array([0.25, 0.5]), 0.0).round(4).tolist()
    [-1.5708, 0.0]
    """
    half_width = np.pi if kappa < 50 else min(np.pi, 12 / np.sqrt(kappa))
    angle = np.linspace(-half_width, half_width, 8193)
    density = np.exp(kappa * (np.cos(angle) - 1))
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return np.interp(u, mass / mass[-1], angle)


def _uniforms(key: int, first: int, n: int, n_uniforms: int) -> np.ndarray:
    stream = np.random.PCG64(key)
    stream.advance(first * n_uniforms)  # one 64-bit draw a uniform number
    return np.random.Generator(stream).random((n, n_uniforms))


def _normal(u: np.ndarray) -> np.ndarray:
    from scipy.special import ndtri

    return ndtri(np.clip(u, 1e-16, 1 - 1e-16))


def _polar(radius: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Points around the start, truncated to whole pixels; the start comes first."""
    points = np.stack([np.trunc(radius * np.sin(heading)), np.trunc(radius * np.cos(heading))], axis=-1)
    return np.concatenate([np.zeros((len(points), 1, 2)), points], axis=1) + 0.0  # no negative zeros


def _radius(u: np.ndarray, growth: float) -> np.ndarray:
    return _RADIUS + np.cumsum(growth + _DRIFT + _DRIFT_SD * _normal(u), axis=1)


def _start(u: np.ndarray, whole: bool) -> np.ndarray:
    return np.floor(6 * u) if whole else 2 * np.pi * u


def _spiral(u: np.ndarray, n_steps: int, *, whole: bool, sense: str) -> np.ndarray:
    k = n_steps - 1
    radius = _radius(u[:, 2 : 2 + k], _GROWTH / 2)
    turn = np.pi / 2 + np.pi / 8 * _normal(u[:, 2 + k : 2 + 2 * k])
    if sense == "each":
        sign = np.where(u[:, 2 + 2 * k : 2 + 3 * k] < 0.5, -1.0, 1.0)
    else:
        sign = np.where(u[:, 1:2] < 0.5, -1.0, 1.0) if sense == "once" else np.ones_like(u[:, :1])
    return _polar(radius, _start(u[:, :1], whole) + np.cumsum(sign * turn, axis=1))


def _shuffled(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    points = _spiral(u, n_steps, whole=False, sense="once")
    order = 1 + np.argsort(u[:, 2 * n_steps : 3 * n_steps - 1], axis=1)
    return np.concatenate([points[:, :1], np.take_along_axis(points, order[..., None], axis=1)], axis=1)


def _ring(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    k = n_steps - 1
    return _polar(_radius(u[:, :k], _GROWTH / 2), np.floor(6 * u[:, k : 2 * k]))


def _const_p_noise(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    k = n_steps - 1
    heading = _start(u[:, :1], True) + np.cumsum(values["turn_rad"] * _normal(u[:, 1 + k : 1 + 2 * k]), axis=1)
    return _polar(_radius(u[:, 1 : 1 + k], _GROWTH), heading)


def _zigzag(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    k = n_steps - 1
    swing = np.pi / 8 * (-1.0) ** np.arange(k) + 0.005 * _normal(u[:, 1 + k : 1 + 2 * k])
    return _polar(_radius(u[:, 1 : 1 + k], _GROWTH), _start(u[:, :1], True) + np.cumsum(swing, axis=1))


def _straight(u: np.ndarray, n_steps: int, *, whole: bool, pushed: bool) -> np.ndarray:
    k = n_steps - 1
    heading = _start(u[:, 0], whole)
    if not pushed:
        return _polar(_radius(u[:, 1 : 1 + k], _GROWTH), np.repeat(heading[:, None], k, axis=1))
    growth = _GROWTH + _DRIFT + _DRIFT_SD * _normal(u[:, 1 : 1 + k])
    unit = np.stack([np.sin(heading), np.cos(heading)], axis=-1)
    radius, points = np.full(len(u), _RADIUS), [np.zeros((len(u), 2))]
    for t in range(k):
        radius = radius + growth[:, t]
        point = np.trunc(radius[:, None] * unit)
        while (same := (point == points[-1]).all(axis=1)).any():
            radius = np.where(same, radius + 0.5, radius)
            point = np.trunc(radius[:, None] * unit)
        points.append(point + 0.0)
    return np.stack(points, axis=1)


def _old(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    steps = np.floor(5 * u.reshape(len(u), n_steps, 2)) - 2
    steps[:, 0] = 0
    return np.cumsum(steps, axis=1)


def _walk(u: np.ndarray, n_steps: int, kappa: float) -> np.ndarray:
    """Unrounded persistent walk from the centre; 2 * n_steps uniforms a row."""
    turn = von_mises_quantile(u[..., 1:n_steps], abs(kappa)) + (np.pi if kappa < 0 else 0.0)
    heading = np.concatenate([2 * np.pi * u[..., :1], 2 * np.pi * u[..., :1] + np.cumsum(turn, axis=-1)], axis=-1)
    length = np.sqrt(2) + np.abs(_normal(u[..., n_steps : 2 * n_steps]))
    length[..., 0] = 0.0
    return np.stack([np.cumsum(length * np.cos(heading), axis=-1), np.cumsum(length * np.sin(heading), axis=-1)], axis=-1)


def _von_mises(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    walk = _walk(u, n_steps, float(values["kappa"]))
    return np.floor(walk) if values["whole"] else walk


def _intoy_rucci(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    diffusion = values["diffusion"]
    if isinstance(diffusion, str):
        if diffusion not in DIFFUSION:
            raise unknown_name("trajectories('intoy_rucci')", "diffusion", diffusion, DIFFUSION)
        diffusion = DIFFUSION[diffusion]
    spread = np.sqrt(2 * float(diffusion) * values["duration_ms"] / 1000 / max(n_steps - 1, 1))  # arcmin, one axis, one interval
    steps = spread * values["px_per_arcmin"] * _normal(u.reshape(len(u), n_steps, 2))
    steps[:, 0] = 0.0
    walk = np.cumsum(steps, axis=1)
    return np.floor(walk) if values["whole"] else walk


def _matched(u: np.ndarray, n_steps: int, values: Mapping[str, Any]) -> np.ndarray:
    goal_ecc, goal_length = float(values["eccentricity_px"]), float(values["step_px"]) * (n_steps - 1)
    want = int(values["n_phases"] or min(n_steps, 16))
    if not goal_ecc >= goal_length / 4:
        raise ConfigError(
            "trajectories('matched_von_mises')",
            f"`eccentricity_px` is {goal_ecc:g} for paths of {goal_length:g} px: a straight one lies farther out on average even when centred",
            expected=f"{goal_length / 4:.3g} px or more",
            fix=f"eccentricity_px={goal_length / 4 + 1:.1f}, or a smaller step_px",
        )
    tries = u.reshape(len(u), _CANDIDATES, 2 * n_steps + 1)
    walk = _walk(tries[..., :-1], n_steps, float(values["kappa"]))
    steps = np.diff(walk, axis=-2)
    length = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=-1)
    walk = walk * (goal_length / np.where(length > 0, length, 1.0))[..., None, None]  # the same path length before rounding
    centred = walk - walk.mean(axis=-2, keepdims=True)
    points = np.round(centred + _offset(centred, 2 * np.pi * tries[..., -1], goal_ecc)[..., None, :])
    found = measure(points.reshape(-1, n_steps, 2))
    wrong = 10.0 * np.abs(found["n_phases"] - want) + np.abs(found["path_length_px"] - goal_length) / 0.5 + np.abs(found["eccentricity_px"] - goal_ecc) / 0.25
    best = wrong.reshape(len(u), _CANDIDATES).argmin(axis=1)
    return points[np.arange(len(u)), best] + 0.0


def _offset(centred: np.ndarray, direction: np.ndarray, goal: float) -> np.ndarray:
    """Shift along `direction` at which the mean eccentricity is `goal`, by bisection; 0 where the path is wider already."""
    unit = np.stack([np.cos(direction), np.sin(direction)], axis=-1)
    low, high = np.zeros(direction.shape), np.full(direction.shape, 2.0 * goal)
    mean = lambda a: np.linalg.norm(centred + (a[..., None] * unit)[..., None, :], axis=-1).mean(axis=-1)  # noqa: E731
    for _ in range(30):
        middle = (low + high) / 2
        over = mean(middle) > goal
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return ((low + high) / 2)[..., None] * unit


Draw = Callable[[np.ndarray, int, Mapping[str, Any]], np.ndarray]
STYLES: dict[str, tuple[Draw, Callable[[int], int], Mapping[str, Any]]] = {  # how to draw, uniform numbers a row, parameters with defaults
    "spiral_2dir2": (lambda u, t, p: _spiral(u, t, whole=False, sense="once"), lambda t: 3 * t, {}),
    "spiral_2dir": (lambda u, t, p: _spiral(u, t, whole=True, sense="once"), lambda t: 3 * t, {}),
    "spiral": (lambda u, t, p: _spiral(u, t, whole=True, sense="always"), lambda t: 3 * t, {}),
    "spiral_2dir_shfl": (_shuffled, lambda t: 3 * t, {}),
    "big_steps": (lambda u, t, p: _spiral(u, t, whole=True, sense="each"), lambda t: 3 * t, {}),
    "brownian": (_ring, lambda t: 2 * t, {}),
    "const_p_noise": (_const_p_noise, lambda t: 2 * t, {"turn_rad": 0.5}),
    "zigzag": (_zigzag, lambda t: 2 * t, {}),
    "degenerate": (lambda u, t, p: _straight(u, t, whole=True, pushed=False), lambda t: t, {}),
    "degenerate_fix": (lambda u, t, p: _straight(u, t, whole=True, pushed=True), lambda t: t, {}),
    "degenerate_fix2": (lambda u, t, p: _straight(u, t, whole=False, pushed=True), lambda t: t, {}),
    "not_moving": (lambda u, t, p: np.zeros((len(u), t, 2)), lambda t: 1, {}),
    "old": (_old, lambda t: 2 * t, {}),
    "von_mises": (_von_mises, lambda t: 2 * t, {"kappa": 0.0, "whole": True}),
    "intoy_rucci": (_intoy_rucci, lambda t: 2 * t, {"diffusion": "snellen", "duration_ms": 300.0, "px_per_arcmin": 4.0, "whole": True}),
    "matched_von_mises": (
        _matched,
        lambda t: _CANDIDATES * (2 * t + 1),
        {"kappa": 0.0, "eccentricity_px": 4.0, "step_px": 2.25, "n_phases": None},
    ),
}
