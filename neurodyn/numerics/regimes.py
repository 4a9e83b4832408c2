"""What a trajectory or a set of resting points is: the numbers that tell point, line, ring, cycle, torus and chaos apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from scipy.spatial.distance import cdist

from neurodyn.errors import NumericsError

__all__ = ["Curve", "amplitude_trend", "autocorrelation", "curve_of_points", "recurrence_period"]


@dataclass(frozen=True)
class Curve:
    """The shape of a cloud of points, by its minimum spanning tree.

    Attributes
    ----------
    dimension : float
        Participation ratio of the local neighbourhoods, averaged: near 1 on a curve, near 2 on a surface.
    closure : float
        Distance between the ends of the tree's longest path, over the length of that path: near 0 on a ring, 1 on a straight line.
    length : float
        Of that path.
    largest_gap : float
        The tree's longest edge over the length of the path: a large gap means separate points rather than a curve.
    """

    dimension: float
    closure: float
    length: float
    largest_gap: float


def curve_of_points(points: np.ndarray, *, n_neighbours: int = 6) -> Curve:
    """Describe a cloud of points as a curve.

    Parameters
    ----------
    points : array, (point, n)
        At least 8.
    n_neighbours : int
        Size of the neighbourhoods whose dimension is averaged.

    Examples
    --------
    >>> angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    >>> curve_of_points(np.stack([np.cos(angle), np.sin(angle)], 1)).closure < 0.05
    True
    """
    points = np.asarray(points, float)
    if points.ndim != 2 or len(points) < 8 or not np.isfinite(points).all():
        raise NumericsError("curve_of_points", f"`points` has shape {points.shape}", expected="finite, (point, n), at least 8 points")
    distance = cdist(points, points)
    np.fill_diagonal(distance, 0.0)
    tree = minimum_spanning_tree(np.where(distance > 0, distance, 0.0))
    along = shortest_path(tree, directed=False)
    along = np.where(np.isfinite(along), along, 0.0)
    i, j = np.unravel_index(np.argmax(along), along.shape)
    length = float(along[i, j])
    if length == 0.0:
        return Curve(0.0, 0.0, 0.0, 0.0)
    k = min(n_neighbours, len(points) - 1)
    near = np.argsort(distance, axis=1)[:, 1 : k + 1]
    local = points[near] - points[:, None]
    spread = np.linalg.svd(local, compute_uv=False) ** 2
    total = spread.sum(1)
    ratio = total[total > 0] ** 2 / (spread[total > 0] ** 2).sum(1)
    return Curve(float(ratio.mean()), float(distance[i, j] / length), length, float(tree.max() / length))


def recurrence_period(trajectory: np.ndarray, *, tolerance: float = 0.05) -> tuple[float, float]:
    """The lag after which a trajectory comes back, and how nearly.

    Parameters
    ----------
    trajectory : array, (step, n)
        Settled.
    tolerance : float
        The first lag with a return error below this, or below half a step's travel, counts; else the best lag is reported.

    Returns
    -------
    period : float
        In steps, refined between steps by a parabola; NaN for a trajectory at rest.
    error : float
        Mean |x(t + period) - x(t)| over the spread of the trajectory (its root-mean-square distance from its mean).

    Examples
    --------
    >>> t = np.arange(200)
    >>> period, error = recurrence_period(np.stack([np.cos(0.25 * t), np.sin(0.25 * t)], 1))
    >>> round(period, 1), error < 0.2
    (25.1, True)
    """
    x = np.asarray(trajectory, float)
    if x.ndim != 2 or len(x) < 8 or not np.isfinite(x).all():
        raise NumericsError("recurrence_period", f"`trajectory` has shape {x.shape}", expected="finite, (step, n), at least 8 steps")
    spread = float(np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean()))
    if spread <= 1e-9 * max(float(np.linalg.norm(x, axis=1).mean()), 1e-300):
        return float("nan"), 0.0
    lags = np.arange(1, len(x) // 2 + 1)
    error = np.array([np.linalg.norm(x[lag:] - x[:-lag], axis=1).mean() for lag in lags]) / spread
    inside = np.nonzero((error[1:-1] <= error[:-2]) & (error[1:-1] < error[2:]))[0] + 1
    if error[0] < tolerance and error[1] < tolerance:  # every step is a return: drifting, not turning
        inside = inside[:0]
    if not len(inside):
        best = int(error.argmin())
        return float(lags[best]), float(error[best])
    # a period between two steps misses by up to half a step's travel: allow for that
    travel = float(np.linalg.norm(np.diff(x, axis=0), axis=1).mean()) / spread
    good = inside[error[inside] <= max(tolerance, 0.55 * travel, 1.5 * error[inside].min())]
    best = int(good[0])
    a, b, c = error[best - 1] ** 2, error[best] ** 2, error[best + 1] ** 2
    bend = a - 2 * b + c
    return float(lags[best] + (0.5 * (a - c) / bend if bend > 0 else 0.0)), float(error[best])


def amplitude_trend(trajectory: np.ndarray, period: float) -> tuple[float, bool]:
    """Whether a turning trajectory shrinks or grows from one turn to the next, which a cycle that has been reached does not.

    Parameters
    ----------
    trajectory : array, (step, n)
    period : float
        In steps; need not be whole.

    Returns
    -------
    change : float
        Logarithm of the amplitude (root-mean-square distance from the mean) of the last whole turn over that of the first; NaN for fewer
        than two turns.
    steady : bool
        Whether every turn changes it in the same direction.

    Examples
    --------
    >>> t = np.arange(200)
    >>> spiral = 0.999**t[:, None] * np.stack([np.cos(0.3 * t), np.sin(0.3 * t)], 1)
    >>> change, steady = amplitude_trend(spiral, 2 * np.pi / 0.3)
    >>> round(change / np.log(0.999) / (2 * np.pi / 0.3)), steady
    (8, True)
    """
    from scipy.interpolate import CubicSpline

    x = np.asarray(trajectory, float)
    turns = int((len(x) - 1) // period) if period > 1 else 0
    if turns < 2:
        return float("nan"), False
    per_turn = max(32, int(np.ceil(period)))
    at = np.linspace(0.0, turns * period, turns * per_turn, endpoint=False)
    y = CubicSpline(np.arange(len(x)), x)(at).reshape(turns, per_turn, -1)
    amplitude = np.sqrt(((y - y.mean((0, 1))) ** 2).sum(-1).mean(1))
    change = np.diff(np.log(np.maximum(amplitude, 1e-300)))
    return float(change.sum()), bool((change > 0).all() or (change < 0).all())


def autocorrelation(trajectory: np.ndarray, n_lags: int) -> np.ndarray:
    """Autocorrelation of the population state, <dx(t) . dx(t + lag)> / <|dx|^2>.

    Parameters
    ----------
    trajectory : array, (step, n)
    n_lags : int

    Returns
    -------
    float array, (n_lags + 1)
        From lag 0.

    Examples
    --------
    >>> t = np.arange(400)
    >>> autocorrelation(np.cos(np.pi * t / 10)[:, None], 20).round(2)[[0, 10, 20]].tolist()
    [1.0, -1.0, 1.0]
    """
    x = np.asarray(trajectory, float)
    if x.ndim != 2 or not 0 <= n_lags < len(x):
        raise NumericsError("autocorrelation", f"{n_lags} lags of a trajectory of shape {x.shape}", expected="(step, n) with more steps than lags")
    x = x - x.mean(0)
    power = (x**2).sum() / len(x)
    if power == 0:
        return np.full(n_lags + 1, np.nan)
    return np.array([(x[lag:] * x[: len(x) - lag]).sum() / (len(x) - lag) / power for lag in range(n_lags + 1)])
