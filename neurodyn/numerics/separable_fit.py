"""Separable least squares for many curves at once: a few shape parameters each, amplitudes and offsets eliminated in closed form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["Shape", "ShapeFit", "separable_fit"]

Shape = Callable[[np.ndarray], tuple[list[np.ndarray], list[list[np.ndarray]]]]
_TINY = 1e-300


@dataclass(frozen=True)
class ShapeFit:
    """What :func:`separable_fit` finds.

    Attributes
    ----------
    parameters : float array, (curve, parameter)
    amplitudes : float array, (curve, group, column)
    offsets : float array, (curve, group)
    unexplained : float array, (curve)
        Sum of the squared residuals.
    """

    parameters: np.ndarray
    amplitudes: np.ndarray
    offsets: np.ndarray
    unexplained: np.ndarray


def separable_fit(
    curves: np.ndarray, shape: Shape, start: np.ndarray, *, low: Sequence[float], high: Sequence[float], n_iterations: int = 8, chunk: int = 2048
) -> ShapeFit:
    """Fit y = offset + sum_j amplitude_j column_j(parameters) to every curve by damped Gauss-Newton on the parameters.

    Offsets and amplitudes are those that fit best at any parameters (variable projection), so no starting values are needed for
    them; a step that does not help is refused and damped, curve by curve.  Fits whose amplitudes sum to no more than 0 (dips) count
    as explaining nothing.

    Parameters
    ----------
    curves : array, (curve, group, x)
        Groups share the parameters and have amplitudes and an offset each.
    shape : callable
        parameters (parameter, curve) -> columns, a list of arrays that broadcast to (group, x, curve), and for each parameter the list of their derivatives.
    start : array, (curve, parameter)
    low, high : sequence of float
        Bounds of the parameters.
    n_iterations : int
    chunk : int
        Curves at a time, so that the work stays in the processor's cache.

    Returns
    -------
    ShapeFit

    Raises
    ------
    NumericsError
        If the starts do not fit the curves.

    Notes
    -----
    Golub and Pereyra (1973), with Kaufman's (1975) approximation of the Jacobian.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 9)[:, None]
    >>> def bump(p):
    ...     b = np.exp(-((x - p[0]) ** 2) / 0.2)[None]
    ...     return [b], [[b * 2 * (x - p[0]) / 0.2]]
    >>> y = 3 + 2 * np.exp(-((x[:, 0] - 0.31) ** 2) / 0.2)
    >>> separable_fit(y[None, None], bump, np.zeros((1, 1)), low=[-1], high=[1]).parameters.round(6).tolist()
    [[0.31]]
    """
    curves, start = np.asarray(curves, float), np.asarray(start, float)
    if curves.ndim != 3 or start.shape != (len(curves), len(low)) or len(low) != len(high):
        raise NumericsError(
            "separable_fit", f"curves {curves.shape}, starts {start.shape}, {len(low)} bounds", expected="(curve, group, x) and (curve, parameter)"
        )
    bounds = np.asarray(low, float)[:, None], np.asarray(high, float)[:, None]
    parts = [_fit(curves[i : i + chunk], shape, start[i : i + chunk], bounds, n_iterations) for i in range(0, max(len(curves), 1), chunk)]
    return ShapeFit(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def _fit(curves: np.ndarray, shape: Shape, start: np.ndarray, bounds: tuple[np.ndarray, np.ndarray], n_iterations: int) -> tuple[np.ndarray, ...]:
    """The work is laid out with the curves last, so that every sum over x runs along contiguous memory."""
    y = np.ascontiguousarray(curves.transpose(1, 2, 0))
    mean = y.mean(1)
    y = y - mean[:, None]
    total = _power(y)
    here = np.clip(start.T, *bounds)
    now = _evaluate(y, total, shape, here)
    damping = np.full(y.shape[-1], 1e-2)
    for _ in range(n_iterations):
        tried = np.clip(here + _step(now[1], now[2], damping), *bounds)
        found = _evaluate(y, total, shape, tried)
        wins = found[0] < now[0]
        damping = np.clip(np.where(wins, 0.2 * damping, 6.0 * damping), 1e-8, 1e8)
        here = np.where(wins, tried, here)
        now = tuple(np.where(wins, new, old) for new, old in zip(found, now, strict=True))
    score, _, _, amplitude, offset = now
    return here.T, amplitude.transpose(2, 0, 1), (offset + mean).T, score


def _power(values: np.ndarray) -> np.ndarray:
    return np.square(values).sum(1).sum(0)


def _evaluate(y: np.ndarray, total: np.ndarray, shape: Shape, parameters: np.ndarray) -> tuple[np.ndarray, ...]:
    """Squares left over, gradient and Gauss-Newton matrix in the parameters, amplitudes and offsets (of y less its mean)."""
    columns, slopes = shape(parameters)
    means = [c.mean(1, keepdims=True) for c in columns]
    basis, triangle = _orthogonal([c - m for c, m in zip(columns, means, strict=True)])
    weights = [(y * q).sum(1, keepdims=True) for q in basis]
    left = y - weights[0] * basis[0]
    for q, w in zip(basis[1:], weights[1:], strict=True):
        left -= w * q
    amplitudes = _back_substitute(triangle, weights)
    offset = -sum(a * m for a, m in zip(amplitudes, means, strict=True))
    jacobian = []
    for per_column in slopes:
        turn = sum(a * s for a, s in zip(amplitudes, per_column, strict=True))
        turn = turn - turn.mean(1, keepdims=True)
        for q in basis:
            turn = turn - (turn * q).sum(1, keepdims=True) * q
        jacobian.append(turn)
    n = len(jacobian)
    gradient, curvature = np.empty((n, y.shape[-1])), np.empty((n, n, y.shape[-1]))
    for i in range(n):
        gradient[i] = (jacobian[i] * left).sum(1).sum(0)
        for j in range(i + 1):
            curvature[i, j] = curvature[j, i] = (jacobian[i] * jacobian[j]).sum(1).sum(0)
    amplitude = np.concatenate([np.broadcast_to(a, (len(y), 1, y.shape[-1])) for a in amplitudes], axis=1)
    peaks = amplitude.sum(1).sum(0) > 0
    score = np.where(peaks, _power(left), total)
    offset = np.broadcast_to(offset, (len(y), 1, y.shape[-1]))[:, 0]
    return score, gradient, curvature, np.where(peaks, amplitude, 0.0), np.where(peaks, offset, 0.0)


def _orthogonal(columns: list[np.ndarray]) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """Gram-Schmidt: orthonormal columns, and the upper triangle that leads back."""
    basis: list[np.ndarray] = []
    triangle: list[list[np.ndarray]] = []
    for column in columns:
        size = np.square(column).sum(1, keepdims=True)
        row, rest = [], column
        for q in basis:
            part = (rest * q).sum(1, keepdims=True)
            rest = rest - part * q
            row.append(part)
        norm2 = np.square(rest).sum(1, keepdims=True)
        usable = norm2 > 1e-12 * size + _TINY
        norm = np.where(usable, np.sqrt(norm2), np.inf)  # a column that adds nothing gets amplitude 0
        basis.append(rest / norm)
        triangle.append([*row, norm])
    return basis, triangle


def _back_substitute(triangle: list[list[np.ndarray]], weights: list[np.ndarray]) -> list[np.ndarray]:
    amplitudes: list[np.ndarray] = [w for w in weights]
    for j in reversed(range(len(weights))):
        value = weights[j]
        for k in range(j + 1, len(weights)):
            value = value - triangle[k][j] * amplitudes[k]
        amplitudes[j] = value / triangle[j][j]
    return amplitudes


def _step(gradient: np.ndarray, curvature: np.ndarray, damping: np.ndarray) -> np.ndarray:
    diagonal = np.einsum("iic->ic", curvature)
    extra = damping * diagonal + 1e-12 * diagonal.max(0) + _TINY
    if len(gradient) == 2:  # closed form: far faster than LAPACK one by one
        a, d, b = curvature[0, 0] + extra[0], curvature[1, 1] + extra[1], curvature[0, 1]
        det = np.maximum(a * d - b * b, _TINY)
        return np.stack([(d * gradient[0] - b * gradient[1]) / det, (a * gradient[1] - b * gradient[0]) / det])
    damped = curvature.transpose(2, 0, 1) + extra.T[:, :, None] * np.eye(len(gradient))
    return np.linalg.solve(damped, gradient.T[..., None])[..., 0].T
