"""Bootstrap intervals, hierarchical and paired, and control of multiple comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from neurodyn.errors import NumericsError, unknown_name
from neurodyn.seeding import numpy_generator

__all__ = ["STATISTICS", "Interval", "PairedDifference", "alike_interval", "bootstrap_ci", "hierarchical_bootstrap", "holm", "paired_difference", "wilson"]

STATISTICS: dict[str, Callable[..., Any]] = {"mean": np.mean, "median": np.median, "std": np.std}
Statistic = str | Callable[..., Any]
Range = tuple[float, float]


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap interval.

    Attributes
    ----------
    estimate, low, high : float or array
        The statistic of the data, and the percentile interval.
    level : float
    n : int
        How many independent units were resampled (the outer ones in a hierarchical bootstrap).
    """

    estimate: Any
    low: Any
    high: Any
    level: float
    n: int


@dataclass(frozen=True)
class PairedDifference(Interval):
    """A difference of paired values with its interval.

    Attributes
    ----------
    p_value : float
        Two-sided: twice the smaller share of resamples on either side of 0, never below 1 / (n_resamples + 1).
    """

    p_value: Any = float("nan")


def bootstrap_ci(
    values: np.ndarray, statistic: Statistic = "mean", *, n_resamples: int = 2000, level: float = 0.95, seed: int, within: Range | None = None
) -> Interval:
    """Percentile bootstrap interval of a statistic over the last axis.

    Parameters
    ----------
    values : array, (..., item)
        Items are independent of each other; leading axes are resampled together.
    statistic : {"mean", "median", "std"} or callable
        A callable takes (array, axis) and removes that axis.
    n_resamples : int
    level : float
        Coverage of the interval.
    seed : int
    within : (float, float), optional
        The range that items can take, where the mean is one of a share or a score: (0, 1), or (-1, 1) for the difference of two.

    Returns
    -------
    Interval

    Raises
    ------
    NumericsError
        For NaN, no item, a level outside (0, 1), values outside `within`, or `within` with a statistic other than the mean.

    Notes
    -----
    Resamples of items that are all alike are alike too, and their interval has no width however few items there are.  Where `within` is given, such
    items get the interval of :func:`alike_interval` instead; without it they keep [value, value].

    Examples
    --------
    >>> ci = bootstrap_ci(np.arange(100.0), seed=0)
    >>> float(ci.estimate), bool(ci.low < 49.5 < ci.high)
    (49.5, True)
    >>> right = bootstrap_ci(np.ones(20), seed=0, within=(0, 1))  # every one of 20 images
    >>> float(right.low.round(3)), float(right.high)
    (0.839, 1.0)
    """
    values = _checked("bootstrap_ci", values, level, n_resamples, statistic, within)
    n = values.shape[-1]
    draw = numpy_generator(seed, "bootstrap_ci", n).integers(n, size=(n_resamples, n))
    reduce = _statistic(statistic)
    found = _interval(reduce(values, axis=-1), _in_chunks(values, draw, reduce), level, n)
    return found if within is None else _where_alike(found, values, n, within)


def wilson(share: np.ndarray, n: int, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share of `n` independent yes-or-no items.

    Parameters
    ----------
    share : array
        Between 0 and 1.
    n : int
    level : float
        Coverage.

    Returns
    -------
    low, high : array

    Notes
    -----
    The shares p that a normal test does not reject: |share - p| <= z sqrt(p (1 - p) / n) (Wilson 1927).  It has a width also at 0 and 1.

    Examples
    --------
    >>> [float(x.round(4)) for x in wilson(np.array(1.0), 10)]
    [0.7225, 1.0]
    """
    share = np.asarray(share, dtype=float)
    if n < 1 or not 0 < level < 1 or not np.isfinite(share).all() or (share.size and (share.min() < 0 or share.max() > 1)):
        raise NumericsError("wilson", f"{n} items, level {level}", expected="shares in [0, 1] of 1 or more items, a level between 0 and 1")
    z2 = float(scipy.special.ndtri((1 + level) / 2)) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0)


def alike_interval(value: np.ndarray, n: int, within: Range, *, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Interval of the mean of `n` independent items that are all alike.

    Parameters
    ----------
    value : array
        What every item is.
    n : int
    within : (float, float)
        The range that items can take.
    level : float
        Coverage.

    Returns
    -------
    low, high : array

    Notes
    -----
    None of `n` items is otherwise, so that at most Wilson's upper bound u for 0 of `n` is (:func:`wilson`), and what is may lie at either end of the range:
    value - u (value - least) to value + u (most - value).  For items that are right or wrong that is Wilson's interval; for differences of two such, all 0,
    it is -u to u.

    Examples
    --------
    >>> [float(x.round(4)) for x in alike_interval(np.array(1.0), 10, (0, 1))], [float(x.round(4)) for x in alike_interval(np.array(0.0), 10, (-1, 1))]
    ([0.7225, 1.0], [-0.2775, 0.2775])
    """
    value = np.asarray(value, dtype=float)
    otherwise = wilson(np.array(0.0), n, level=level)[1]
    return value - otherwise * (value - within[0]), value + otherwise * (within[1] - value)


def hierarchical_bootstrap(
    values: np.ndarray,
    statistic: Statistic = "mean",
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
    crossed: bool = True,
    within: Range | None = None,
) -> Interval:
    """Interval that resamples training seeds and test items.

    Parameters
    ----------
    values : array, (seed, item)
        One row a trained instance, one column a test item.
    statistic : {"mean", "median", "std"} or callable
        Applied to all values of a resample.
    n_resamples : int
    level : float
    seed : int
    crossed : bool
        True where every instance saw the same items (one draw of items for all rows); False where items are nested in rows.
    within : (float, float), optional
        The range that values can take, as in :func:`bootstrap_ci`.

    Returns
    -------
    Interval
        `n` is the number of seeds.

    Notes
    -----
    Where all values are alike and `within` is given, the interval is that of so many items (crossed) or so many values (nested).

    Examples
    --------
    >>> ci = hierarchical_bootstrap(np.arange(6.0).reshape(2, 3), seed=0)
    >>> float(ci.estimate), bool(ci.low < 2.5 < ci.high), ci.n
    (2.5, True, 2)
    """
    values = _checked("hierarchical_bootstrap", values, level, n_resamples, statistic, within)
    if values.ndim != 2:
        raise NumericsError("hierarchical_bootstrap", f"`values` has shape {values.shape}", expected="(seed, item)")
    n_seeds, n_items = values.shape
    generator = numpy_generator(seed, "hierarchical_bootstrap", *values.shape)
    reduce = _statistic(statistic)
    found = np.empty(n_resamples)
    for k in range(n_resamples):
        rows = generator.integers(n_seeds, size=n_seeds)[:, None]
        columns = generator.integers(n_items, size=(1 if crossed else n_seeds, n_items))
        found[k] = reduce(values[rows, columns].reshape(-1), axis=-1)
    interval = _interval(reduce(values.reshape(-1), axis=-1), found, level, n_seeds)
    return interval if within is None else _where_alike(interval, values.reshape(-1), n_items if crossed else values.size, within)


def paired_difference(
    a: np.ndarray, b: np.ndarray, statistic: Statistic = "mean", *, n_resamples: int = 2000, level: float = 0.95, seed: int
) -> PairedDifference:
    """Interval of statistic(a - b) where a and b were measured on the same items.

    Parameters
    ----------
    a, b : array, (..., item)
        The same items in the same order.
    statistic : {"mean", "median", "std"} or callable
    n_resamples : int
    level : float
    seed : int

    Returns
    -------
    PairedDifference

    Examples
    --------
    >>> d = paired_difference(np.arange(50.0) + 1, np.arange(50.0), seed=0)
    >>> float(d.estimate), float(d.low), bool(d.p_value < 0.01)
    (1.0, 1.0, True)
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if a.shape != b.shape:
        raise NumericsError("paired_difference", f"shapes are {a.shape} and {b.shape}", expected="the same items in both")
    difference = _checked("paired_difference", a - b, level, n_resamples)
    n = difference.shape[-1]
    draw = numpy_generator(seed, "paired_difference", n).integers(n, size=(n_resamples, n))
    reduce = _statistic(statistic)
    found = _in_chunks(difference, draw, reduce)
    side = np.minimum((found <= 0).sum(axis=-1), (found >= 0).sum(axis=-1))
    interval = _interval(reduce(difference, axis=-1), found, level, n)
    p = np.minimum(1.0, 2.0 * (side + 1) / (n_resamples + 1))
    return PairedDifference(interval.estimate, interval.low, interval.high, level, n, p)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's step-down adjustment of a family of p values.

    Parameters
    ----------
    p_values : array, (test)

    Returns
    -------
    array, (test)
        Adjusted values; those at or under the level reject with that family-wise error (Holm 1979).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03])).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    if p.ndim != 1 or not np.isfinite(p).all() or (p.size and (p.min() < 0 or p.max() > 1)):
        raise NumericsError("holm", f"`p_values` has shape {p.shape}", expected="one axis of values in [0, 1]")
    order = np.argsort(p, kind="stable")
    adjusted = np.minimum(1.0, np.maximum.accumulate(p[order] * (p.size - np.arange(p.size))))
    out = np.empty_like(p)
    out[order] = adjusted
    return out


def _statistic(statistic: Statistic) -> Callable[..., Any]:
    if callable(statistic):
        return statistic
    if statistic not in STATISTICS:
        raise unknown_name("resampling", "statistic", statistic, STATISTICS)
    return STATISTICS[statistic]


def _in_chunks(values: np.ndarray, draw: np.ndarray, reduce: Callable[..., Any]) -> np.ndarray:
    size = max(1, int(2**24 // max(values.size, 1)))  # at most 128 MiB of scratch
    return np.concatenate([reduce(values[..., draw[k : k + size]], axis=-1) for k in range(0, len(draw), size)], axis=-1)


def _interval(estimate: Any, found: np.ndarray, level: float, n: int) -> Interval:
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2], axis=-1)
    return Interval(estimate, low, high, level, n)


def _where_alike(interval: Interval, values: np.ndarray, n: int, within: Range) -> Interval:
    low, high = alike_interval(values[..., 0], n, within, level=interval.level)
    alike = np.ptp(values, axis=-1) == 0
    return Interval(interval.estimate, np.where(alike, low, interval.low)[()], np.where(alike, high, interval.high)[()], interval.level, interval.n)


def _checked(where: str, values: np.ndarray, level: float, n_resamples: int, statistic: Statistic = "mean", within: Range | None = None) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim < 1 or values.size == 0:
        raise NumericsError(where, f"`values` has shape {values.shape}", expected="at least one item")
    if not np.isfinite(values).all():
        raise NumericsError(where, f"`values` holds NaN or infinity in {int((~np.isfinite(values)).sum())} of {values.size} entries", expected="finite values")
    if not 0 < level < 1:
        raise NumericsError(where, f"`level` is {level}", expected="a coverage between 0 and 1", fix="level=0.95")
    if n_resamples < 1:
        raise NumericsError(where, f"`n_resamples` is {n_resamples}", expected="1 or more")
    if within is not None and statistic != "mean":
        raise NumericsError(where, f"`within` is given for the statistic {statistic!r}", expected="the mean")
    if within is not None and (values.min() < within[0] or values.max() > within[1]):
        raise NumericsError(where, f"values reach from {values.min():.4g} to {values.max():.4g}", expected=f"values within {within}")
    return values
