"""Intervals of held-out correlations that resample the held-out rows within their folds, and the targets."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.numerics.correlation import pearson

__all__ = ["FoldBootstrap", "fold_bootstrap", "resampled_r"]


@dataclass(frozen=True)
class FoldBootstrap:
    """Percentile intervals.

    Attributes
    ----------
    low, high : array, (target[, time])
        Of the correlation of each target, over held-out rows.
    median_low, median_high : array, ([time])
        Of the median over targets, over held-out rows and targets.
    """

    low: np.ndarray
    high: np.ndarray
    median_low: np.ndarray
    median_high: np.ndarray


def resampled_r(predictions: Sequence[np.ndarray], Y: np.ndarray, test: Sequence[np.ndarray], draws: Sequence[np.ndarray]) -> np.ndarray:
    """Mean over folds of the correlation in each resample, (resample, target...).

    Parameters
    ----------
    predictions : sequence of array, (row, target...)
    Y : array, (row, target...)
    test : sequence of int array
    draws : sequence of array, (resample, row)
        How often each held-out row of a fold is drawn.
    """
    shape = Y.shape[1:]
    total, share = np.zeros((len(draws[0]), int(np.prod(shape)))), np.zeros((len(draws[0]), 1))
    for p, rows, weights in zip(predictions, test, draws, strict=True):
        x, y = p.reshape(len(rows), -1), Y[rows].reshape(len(rows), -1)
        flat = np.isnan(pearson(x, y))  # what the estimate counts as 0 is 0 in every resample
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
        n = np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
        drawn = weights.sum(axis=1, keepdims=True) / len(rows)  # 1, or with groups how much of the fold was drawn
        mx, my = weights @ x / n, weights @ y / n
        xy, xx, yy = weights @ (x * y) / n - mx * my, weights @ (x * x) / n - mx**2, weights @ (y * y) / n - my**2
        with np.errstate(invalid="ignore", divide="ignore"):
            r = xy / np.sqrt(xx * yy)
        share += drawn
        total += drawn * np.where(np.isfinite(r) & ~flat, np.clip(r, -1, 1), 0.0)  # a resample of equal rows tells nothing
    return (total / share).reshape(-1, *shape)


def row_draws(test: Sequence[np.ndarray], n_resamples: int, generator: np.random.Generator, groups: np.ndarray | None = None) -> list[np.ndarray]:
    """How often each held-out row is drawn in each resample, fold by fold; whole groups at a time, over all folds, where rows come in groups."""
    if groups is not None:
        names, member = np.unique(groups, return_inverse=True)
        counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n_resamples).astype(float)
        return [counts[:, member[rows]] for rows in test]
    return [generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=n_resamples).astype(float) for rows in test]


def fold_bootstrap(
    predictions: Sequence[np.ndarray],
    Y: np.ndarray,
    test: Sequence[np.ndarray],
    *,
    n_resamples: int,
    generator: np.random.Generator,
    keep: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    level: float = 0.95,
) -> FoldBootstrap:
    """Intervals for held-out correlations.

    Parameters
    ----------
    predictions, Y, test
        As for :func:`resampled_r`.
    n_resamples : int
        0 gives NaN.
    generator : Generator
    keep : bool array, (target...), optional
        Targets that count; others are NaN.
    groups : array, (row), optional
        Rows of one group are not independent: groups are resampled instead.
    level : float

    Returns
    -------
    FoldBootstrap
    """
    shape = Y.shape[1:]
    if n_resamples < 1:
        return FoldBootstrap(np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape[1:], np.nan), np.full(shape[1:], np.nan))
    r = resampled_r(predictions, Y, test, row_draws(test, n_resamples, generator, groups))
    if keep is not None:
        r = np.where(keep, r, np.nan)
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(r, ends, axis=0)
    targets = generator.integers(shape[0], size=(n_resamples, shape[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        medians = np.stack([np.nanmedian(r[k, targets[k]], axis=0) for k in range(n_resamples)])
        median_low, median_high = np.nanquantile(medians, ends, axis=0)
    return FoldBootstrap(low, high, median_low, median_high)
