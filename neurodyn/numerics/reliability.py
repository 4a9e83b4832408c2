"""How reproducible recordings are: split-half ceilings, and explainable variance with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import scipy.special
import scipy.stats

from neurodyn.errors import NumericsError, first_of, unknown_name
from neurodyn.numerics.correlation import pearson
from neurodyn.seeding import numpy_generator

__all__ = ["HALVES", "Ceiling", "ExplainableVariance", "explainable_variance", "spearman_brown", "split_half_ceiling"]

HALVES = ("stimulus", "repeat")


@dataclass(frozen=True)
class Ceiling:
    """Split-half reliability of the mean over all repeats.

    Attributes
    ----------
    per_target : array, (target[, time])
        Mean over splits of the corrected correlation.
    per_split : array, (split, target[, time])
    n_stimuli : int
        Stimuli with a repeat in both halves.
    """

    per_target: np.ndarray
    per_split: np.ndarray
    n_stimuli: int

    @property
    def score(self) -> np.ndarray:
        """Median over targets, mean over splits: Brain-Score's number, (time) or a scalar."""
        return np.nanmedian(self.per_split, axis=1).mean(axis=0)


@dataclass(frozen=True)
class ExplainableVariance:
    """The share of the variance of repeat means that the stimuli explain.

    Attributes
    ----------
    fraction : array, (target[, time])
        Unbiased for the signal variance; can be negative where there is none.
    low, high : array, (target[, time])
        Exact interval for Gaussian noise and these stimuli (noncentral F).
    level : float
    n_repeats : float
        Effective repeats a stimulus (the harmonic mean where ragged).
    """

    fraction: np.ndarray
    low: np.ndarray
    high: np.ndarray
    level: float
    n_repeats: float


def spearman_brown(r: np.ndarray, n: float = 2.0) -> np.ndarray:
    """Reliability of n times the data, n r / (1 + (n - 1) r).

    Examples
    --------
    >>> float(spearman_brown(np.array(0.5)).round(4))
    0.6667
    """
    r = np.asarray(r, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return n * r / (1 + (n - 1) * r)


def split_half_ceiling(responses: np.ndarray, *, n_splits: int = 10, seed: int, halves: str | Sequence[tuple[np.ndarray, np.ndarray]] = "stimulus") -> Ceiling:
    """Correlation over stimuli between the means of two halves of the repeats, corrected to the full number (Spearman-Brown).

    Parameters
    ----------
    responses : array, (stimulus, repeat, target[, time])
        NaN marks a missing repeat (missing for all targets).
    n_splits : int
    seed : int
    halves : {"stimulus", "repeat"} or sequence of (repeats, repeats)
        ``"stimulus"`` deals each stimulus's own repeats into two halves, so ragged repeats lose nothing; ``"repeat"`` splits the
        repeat numbers once for all stimuli, with scikit-learn's ShuffleSplit (Brain-Score's ceiling with ``seed=1``).

    Returns
    -------
    Ceiling

    Raises
    ------
    NumericsError
        For fewer than 2 repeats or 3 stimuli, NaN in some targets of a repeat, or (``"repeat"``) stimuli missing from a half.

    Notes
    -----
    One matrix product of half weights and responses serves all splits.  The result is the reliability c of the mean over all repeats; a perfect
    model correlates sqrt(c) with that mean.

    Examples
    --------
    >>> signal = np.arange(50.0)[:, None, None]
    >>> float(split_half_ceiling(np.repeat(signal, 4, axis=1), seed=0).per_target[0].round(6))
    1.0
    """
    values, present, shape = _checked("split_half_ceiling", responses)
    if n_splits < 1:
        raise NumericsError("split_half_ceiling", f"`n_splits` is {n_splits}", expected="1 or more")
    own = isinstance(halves, str) and halves == "stimulus"
    keep = present.sum(axis=1) >= 2 if own else np.ones(len(present), bool)
    if keep.sum() < 3:
        raise NumericsError("split_half_ceiling", f"{int(keep.sum())} stimuli have 2 or more repeats", expected="3 or more", fix="a recording with repeats")
    if not keep.all():
        values, present = values[keep], present[keep]
    weights = _half_weights(present, n_splits, seed, halves, np.nonzero(keep)[0])
    means = _half_means(values, None if present.all() else present, weights)
    n = means.shape[1] // 2
    per_split = np.stack([spearman_brown(pearson(means[:, k], means[:, n + k])) for k in range(n)])
    return Ceiling(per_split.mean(axis=0).reshape(shape), per_split.reshape(n, *shape), len(values))


def explainable_variance(responses: np.ndarray, *, level: float = 0.95) -> ExplainableVariance:
    """Share of the variance of the repeat means that is signal, with its interval.

    Parameters
    ----------
    responses : array, (stimulus, repeat, target[, time])
        NaN marks a missing repeat (missing for all targets).
    level : float
        Coverage of the interval.

    Returns
    -------
    ExplainableVariance

    Notes
    -----
    One-way analysis of variance: with mean squares between and within stimuli B and W and n repeats, the signal variance is (B - W) / n and
    the fraction (B - W) / B (Sahani and Linden 2003).  For these stimuli and Gaussian noise B / W is noncentral F with noncentrality
    n (s - 1) signal / noise, which is inverted for the interval.  With ragged repeats n is the harmonic mean and the interval approximate.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> ev = explainable_variance(rng.normal(size=(200, 1, 1)) + rng.normal(size=(200, 4, 1)))
    >>> bool(ev.low[0] < 0.8 < ev.high[0])
    True
    """
    values, present, shape = _checked("explainable_variance", responses)
    if not 0 < level < 1:
        raise NumericsError("explainable_variance", f"`level` is {level}", expected="a coverage between 0 and 1", fix="level=0.95")
    counts = present.sum(axis=1)
    keep = counts >= 1
    values, present, counts = values[keep].astype(np.float64), present[keep], counts[keep]
    s, total = len(counts), int(counts.sum())
    if s < 3 or total <= s:
        raise NumericsError("explainable_variance", f"{total} repeats of {s} stimuli", expected="3 or more stimuli, some with 2 or more repeats")
    filled = np.where(present[:, :, None], values, 0.0)
    means = filled.sum(axis=1) / counts[:, None]
    within = (np.where(present[:, :, None], values - means[:, None], 0.0) ** 2).sum(axis=(0, 1)) / (total - s)
    n = s / (1 / counts).sum()
    between = n * means.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        f = np.where(within > 0, between / within, np.where(between > 0, np.inf, np.nan))
        fraction = 1 - 1 / f
    low, high = (_fraction_at(f, q, s - 1, total - s) for q in ((1 + level) / 2, (1 - level) / 2))
    return ExplainableVariance(fraction.reshape(shape), low.reshape(shape), high.reshape(shape), level, float(n))


def _fraction_at(f: np.ndarray, quantile: float, df1: int, df2: int) -> np.ndarray:
    """The explainable fraction whose noncentral F distribution has its `quantile` at the observed F."""
    out = np.full(f.shape, np.nan)
    for k, value in enumerate(f):
        if np.isinf(value):
            out[k] = 1.0
        elif np.isfinite(value):
            snr = _noncentrality(float(value), quantile, df1, df2) / df1
            out[k] = snr / (1 + snr)
    return out


def _noncentrality(f: float, quantile: float, df1: int, df2: int) -> float:
    def gap(noncentrality: float) -> float:
        return _noncentral_f_cdf(f, df1, df2, noncentrality) - quantile

    if gap(0.0) <= 0:
        return 0.0
    high = max(4.0 * df1 * f, 10.0)
    while gap(high) > 0:
        high *= 2
    return float(scipy.optimize.brentq(gap, 0.0, high, rtol=1e-8))


def _noncentral_f_cdf(f: float, df1: int, df2: int, noncentrality: float) -> float:
    """Noncentral F distribution; from 30 degrees of freedom on the cube-root normal form (Severo and Zelen 1960), right to about 1e-3."""
    if noncentrality == 0:
        return float(scipy.stats.f.cdf(f, df1, df2))
    if min(df1, df2) < 30:
        return float(scipy.stats.ncf.cdf(f, df1, df2, noncentrality))
    root = (f * df1 / (df1 + noncentrality)) ** (1 / 3)
    a, b = 2 * (df1 + 2 * noncentrality) / (9 * (df1 + noncentrality) ** 2), 2 / (9 * df2)
    return float(scipy.special.ndtr(((1 - b) * root - (1 - a)) / np.sqrt(a + b * root**2)))


def _half_weights(present: np.ndarray, n_splits: int, seed: int, halves: str | Sequence[tuple[np.ndarray, np.ndarray]], stimulus: np.ndarray) -> np.ndarray:
    """Weights that average the first half of every split and then the second, (half, repeat) or, where stimuli differ, (stimulus, half, repeat)."""
    pairs = _halves(present, n_splits, seed, halves)
    masks = np.stack([a for a, _ in pairs] + [b for _, b in pairs], axis=-2)  # (half, repeat) or (stimulus, half, repeat)
    if masks.ndim == 2 and not present.all():
        masks = masks & present[:, None]
    count = masks.sum(axis=-1, keepdims=True)
    if (count == 0).any():
        bad = stimulus[(count == 0).any(axis=(-2, -1))] if masks.ndim == 3 else stimulus
        raise NumericsError(
            "split_half_ceiling",
            f"{len(bad)} stimuli have no repeat in one half ({first_of(bad)})",
            expected="repeats of every stimulus in both halves",
            fix='halves="stimulus"',
        )
    return masks / count


def _half_means(values: np.ndarray, present: np.ndarray | None, weights: np.ndarray, block: int = 64) -> np.ndarray:
    """Weighted sums over repeats, (stimulus, half, target), a block of stimuli at a time so that the scratch stays small."""
    out = np.empty((len(values), weights.shape[-2], values.shape[2]))
    centre = values[0][present[0]].mean(axis=0) if present is not None else values[0].mean(axis=0)
    for k in range(0, len(values), block):
        part = values[k : k + block].astype(np.float64)
        part -= centre
        if present is not None:
            part[~present[k : k + block]] = 0.0
        np.matmul(weights if weights.ndim == 2 else weights[k : k + block], part, out=out[k : k + block])
    return out


def _halves(present: np.ndarray, n_splits: int, seed: int, halves: str | Sequence[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    n_repeats = present.shape[1]
    if not isinstance(halves, str):
        return [(_columns(a, n_repeats), _columns(b, n_repeats)) for a, b in halves]
    if halves not in HALVES:
        raise unknown_name("split_half_ceiling", "halves", halves, HALVES)
    if halves == "repeat":
        from sklearn.model_selection import ShuffleSplit

        splits = ShuffleSplit(n_splits=n_splits, train_size=0.5, random_state=seed).split(np.zeros(n_repeats))
        return [(_columns(a, n_repeats), _columns(b, n_repeats)) for a, b in splits]
    found = []
    counts = present.sum(axis=1)
    for k in range(n_splits):
        generator = numpy_generator(seed, "split_half_ceiling", k)
        order = np.where(present, generator.random(present.shape), np.inf)
        rank = np.argsort(np.argsort(order, axis=1), axis=1)
        odd = generator.random(len(present)) < 0.5  # which half gets the spare repeat
        first = rank < (counts // 2 + (counts % 2) * odd)[:, None]
        found.append((present & first, present & ~first))
    return found


def _columns(indices: np.ndarray, n: int) -> np.ndarray:
    mask = np.zeros(n, bool)
    mask[np.asarray(indices)] = True
    return mask


def _checked(where: str, responses: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    values = np.asarray(responses)
    if values.dtype not in (np.float32, np.float64):
        values = values.astype(np.float64)
    if values.ndim not in (3, 4):
        raise NumericsError(where, f"`responses` has shape {values.shape}", expected="(stimulus, repeat, target[, time])")
    shape = values.shape[2:]
    values = values.reshape(*values.shape[:2], -1)
    if values.shape[1] < 2:
        raise NumericsError(where, "`responses` has 1 repeat", expected="2 or more", fix="a recording with repeats, or ceiling= from the literature")
    if all(np.isfinite(part).all() for part in values):
        return values, np.ones(values.shape[:2], bool), shape
    missing = np.isnan(values)
    if np.isinf(values).any():
        raise NumericsError(where, "`responses` holds infinity", expected="finite values, or NaN for a missing repeat")
    if (missing.any(axis=2) != missing.all(axis=2)).any():
        bad = np.unique(np.nonzero(missing & ~missing.all(axis=2, keepdims=True))[2])
        raise NumericsError(where, f"`responses` holds NaN in {len(bad)} targets but not in others ({first_of(bad)})", expected="NaN for whole repeats only")
    return values, ~missing.all(axis=2), shape
