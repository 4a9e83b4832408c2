"""When and how long units respond."""

from __future__ import annotations

import numpy as np

__all__ = ["latency", "transience"]


def latency(course: np.ndarray, fraction: float = 0.5) -> np.ndarray:
    """First step, interpolated, at which each course reaches `fraction` of its peak; (unit, step) -> (unit), in steps after onset.

    Step k spans k to k + 1: a course that is at its peak from the first step on has latency 0.

    Examples
    --------
    >>> latency(np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [1.5, 0.0]
    """
    r = np.asarray(course, float)
    level = fraction * r.max(1)
    first = (r >= level[:, None]).argmax(1)
    rows = np.arange(len(r))
    before = r[rows, np.maximum(first - 1, 0)]
    rise = r[rows, first] - before
    part = np.where((first > 0) & (rise > 0), (level - before) / np.where(rise > 0, rise, 1), 1.0)
    return np.where(first > 0, first - 1 + part, 0.0)


def transience(course: np.ndarray) -> np.ndarray:
    """1 - mean of the last quarter / peak of each course: 0 sustained, 1 transient; (unit, step) -> (unit).

    Examples
    --------
    >>> transience(np.array([[0.0, 1.0, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [0.5, 0.0]
    """
    r = np.maximum(np.asarray(course, float), 0)
    tail = r[:, -max(r.shape[1] // 4, 1) :].mean(1)
    peak = r.max(1)
    return np.where(peak > 0, 1 - tail / np.where(peak > 0, peak, 1), 0.0)
