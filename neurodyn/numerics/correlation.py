"""Correlation and explained variance along an axis, without loops."""

from __future__ import annotations

import numpy as np
import scipy.stats

from neurodyn.errors import NumericsError

__all__ = ["explained_variance", "pearson", "spearman"]

_FLAT = 1e-13  # spread relative to the mean square under which a series counts as constant


def pearson(a: np.ndarray, b: np.ndarray, axis: int = 0) -> np.ndarray:
    """Pearson correlation along one axis; NaN where either side is constant.

    Parameters
    ----------
    a, b : array
        Same shape.
    axis : int
        The axis of the samples; it is removed.

    Returns
    -------
    float64 array

    Examples
    --------
    >>> float(pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6])).round(12))
    1.0
    >>> float(pearson(np.ones(3), np.arange(3.0)))
    nan
    """
    a, b = _same("pearson", a, b)
    x, y = a - a.mean(axis=axis, keepdims=True), b - b.mean(axis=axis, keepdims=True)
    xx, yy, xy = (x * x).sum(axis=axis), (y * y).sum(axis=axis), (x * y).sum(axis=axis)
    flat = (xx <= _FLAT * (a * a).sum(axis=axis)) | (yy <= _FLAT * (b * b).sum(axis=axis))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = xy / np.sqrt(xx * yy)
    return np.where(flat, np.nan, np.clip(r, -1.0, 1.0))


def spearman(a: np.ndarray, b: np.ndarray, axis: int = 0) -> np.ndarray:
    """Spearman correlation along one axis: Pearson of the ranks, ties averaged.

    Parameters are those of :func:`pearson`.

    Examples
    --------
    >>> float(spearman(np.array([1.0, 2, 3, 4]), np.array([1.0, 8, 27, 64])).round(12))
    1.0
    """
    a, b = _same("spearman", a, b)
    return pearson(scipy.stats.rankdata(a, axis=axis), scipy.stats.rankdata(b, axis=axis), axis=axis)


def explained_variance(prediction: np.ndarray, target: np.ndarray, axis: int = 0) -> np.ndarray:
    """1 - sum of squared errors / sum of squares around the target's mean; NaN where the target is constant.

    Examples
    --------
    >>> float(explained_variance(np.array([1.0, 2, 3]), np.array([1.0, 2, 3])))
    1.0
    """
    prediction, target = _same("explained_variance", prediction, target)
    spread = ((target - target.mean(axis=axis, keepdims=True)) ** 2).sum(axis=axis)
    flat = spread <= _FLAT * (target**2).sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = 1 - ((prediction - target) ** 2).sum(axis=axis) / spread
    return np.where(flat, np.nan, out)


def _same(where: str, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        raise NumericsError(where, f"shapes are {a.shape} and {b.shape}", expected="equal shapes")
    return a, b
