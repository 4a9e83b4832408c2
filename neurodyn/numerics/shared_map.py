"""One linear map for all time bins: ridge regression on (row, bin) pairs, tested bin by bin on held-out rows.

With a map W shared over time, a prediction can only change in time because the features do.  Features that are the same for every row (a
feedforward model after stimulus offset) predict a constant, which correlates with nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from neurodyn.errors import NumericsError

__all__ = ["ALPHAS", "SharedMap", "shared_map_cv"]

ALPHAS = tuple(float(a) for a in np.logspace(-2, 5, 8))
CONSTANT = 1e-6  # standard deviation of predictions over rows, relative to that over rows and bins, below which they are constant


@dataclass(frozen=True)
class SharedMap:
    """Held-out predictions of a map shared over time.

    Attributes
    ----------
    predictions : array, (row, bin, target)
        Each row predicted by the fold that held it out.
    r : array, (fold, bin, target)
        Pearson correlation over the held-out rows of a bin; 0 where the predictions are constant, NaN where the targets are.
    alpha : array, (fold, target)
        Penalty with the least squared error on the other folds, each predicted from the rest.
    constant : bool array, (fold, bin, target)
    """

    predictions: np.ndarray
    r: np.ndarray
    alpha: np.ndarray
    constant: np.ndarray


def shared_map_cv(X: np.ndarray, Y: np.ndarray, folds: np.ndarray, *, alphas: Sequence[float] = ALPHAS) -> SharedMap:
    """Cross-validate a ridge map that is the same in every bin.

    Parameters
    ----------
    X : array, (row, bin, feature)
    Y : array, (row, bin, target)
    folds : int array, (row)
        Fold that holds each row out, 0, 1, ...; at least 3.
    alphas : sequence of float
        Penalties, in thousandths of the mean eigenvalue of the centred features' scatter matrix.

    Returns
    -------
    SharedMap

    Raises
    ------
    NumericsError
        Shapes that do not fit, values that are not finite, fewer than 3 folds or 3 rows in one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 4, 5))
    >>> fit = shared_map_cv(X, X @ rng.normal(size=(5, 2)), np.arange(60) % 3)
    >>> bool((fit.r > 0.999).all())
    True
    """
    X, Y, folds = np.asarray(X, float), np.asarray(Y, float), np.asarray(folds)
    n_folds = _check(X, Y, folds, alphas)
    n_bins, p, q = X.shape[1], X.shape[2], Y.shape[2]
    parts = []
    for f in range(n_folds):
        x, y = X[folds == f].reshape(-1, p), Y[folds == f].reshape(-1, q)
        parts.append((x.T @ x, x.T @ y, x.sum(0), y.sum(0), len(x)))
    predictions, alpha = np.zeros(Y.shape), np.zeros((n_folds, q))
    for f in range(n_folds):
        others = [g for g in range(n_folds) if g != f]
        error = np.zeros((len(alphas), q))
        for inner in others:
            fitted = _solve([parts[g] for g in others if g != inner], alphas)
            x, y = X[folds == inner].reshape(-1, p), Y[folds == inner].reshape(-1, q)
            for k, (weights, offset) in enumerate(fitted):
                error[k] += ((y - x @ weights - offset) ** 2).sum(0)
        best = error.argmin(0)
        alpha[f] = np.asarray(alphas)[best]
        fitted = _solve([parts[g] for g in others], alphas)
        weights = np.stack([fitted[best[t]][0][:, t] for t in range(q)], axis=1)
        offset = np.array([fitted[best[t]][1][t] for t in range(q)])
        predictions[folds == f] = X[folds == f] @ weights + offset
    r, constant = np.full((n_folds, n_bins, q), np.nan), np.zeros((n_folds, n_bins, q), bool)
    for f in range(n_folds):
        r[f], constant[f] = _correlate(predictions[folds == f], Y[folds == f])
    return SharedMap(predictions, r, alpha, constant)


def _solve(parts: Sequence[tuple], alphas: Sequence[float]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and offset for each penalty, from one eigendecomposition of the pooled covariance."""
    gram, cross, sx, sy, n = (sum(values[1:], values[0]) for values in zip(*parts, strict=True))
    gram, cross = gram - np.outer(sx, sx) / n, cross - np.outer(sx, sy) / n
    size, vectors = scipy.linalg.eigh(gram)
    size = np.maximum(size, 0.0)
    unit = max(size.mean(), 1e-300) * 1e-3
    rotated = vectors.T @ cross
    found = []
    for alpha in alphas:
        weights = vectors @ (rotated / (size + alpha * unit)[:, None])
        found.append((weights, (sy - sx @ weights) / n))
    return found


def _correlate(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation over rows of (row, bin, target); 0 and True where predictions are constant."""
    dp, dy = p - p.mean(0), y - y.mean(0)
    sp, sy = np.sqrt((dp**2).mean(0)), np.sqrt((dy**2).mean(0))
    constant = sp <= CONSTANT * np.maximum(p.std(axis=(0, 1)), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (dp * dy).mean(0) / (sp * sy)
    return np.where(sy > 0, np.where(constant, 0.0, r), np.nan), constant


def _check(X: np.ndarray, Y: np.ndarray, folds: np.ndarray, alphas: Sequence[float]) -> int:
    if X.ndim != 3 or Y.ndim != 3 or X.shape[:2] != Y.shape[:2] or folds.shape != X.shape[:1]:
        raise NumericsError(
            "shared_map_cv",
            f"shapes are {X.shape}, {Y.shape} and {folds.shape}",
            expected="(row, bin, feature), (row, bin, target), (row), rows and bins alike",
        )
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        raise NumericsError("shared_map_cv", "values are not finite", expected="finite features and targets")
    if min(alphas, default=0) <= 0:
        raise NumericsError("shared_map_cv", f"`alphas` is {list(alphas)[:4]}", expected="one or more penalties above 0")
    counts = np.bincount(folds) if len(folds) and folds.min() >= 0 else np.zeros(1, int)
    if len(counts) < 3 or counts.min() < 3:
        raise NumericsError("shared_map_cv", f"folds hold {counts.tolist()} rows", expected="3 or more folds of 3 or more rows")
    return len(counts)
