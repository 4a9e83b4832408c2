"""Resample trained instances and test items together, for many groups at once."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.seeding import numpy_generator

__all__ = ["crossed_resamples"]


def crossed_resamples(values: np.ndarray, *, n_resamples: int = 2000, seed: int) -> np.ndarray:
    """Means of groups under joint resampling: items are drawn once for all groups, instances within each group.

    Differences between groups of one resample are therefore paired over items.

    Parameters
    ----------
    values : array, (group, instance, item)
        NaN rows are instances that a group does not have; a group needs at least one.
    n_resamples : int
    seed : int

    Returns
    -------
    array, (group, n_resamples)

    Raises
    ------
    NumericsError
        Values of another shape, an instance with some of its items missing, a group without instances.

    Examples
    --------
    >>> crossed_resamples(np.ones((2, 3, 5)), n_resamples=4, seed=0).tolist()
    [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]]
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 3 or 0 in values.shape or n_resamples < 1:
        raise NumericsError("crossed_resamples", f"`values` has shape {values.shape}, n_resamples={n_resamples}", expected="(group, instance, item), 1 or more")
    missing = np.isnan(values)
    if (missing.any(axis=2) & ~missing.all(axis=2)).any():
        raise NumericsError("crossed_resamples", "an instance lacks some of its items", expected="each instance tested on every item, or NaN throughout")
    present = ~missing.all(axis=2)
    if not present.any(axis=1).all():
        raise NumericsError("crossed_resamples", f"group {int(np.argmin(present.any(axis=1)))} has no instance", expected="one or more in every group")
    n_groups, _, n_items = values.shape
    generator = numpy_generator(seed, "crossed_resamples", n_groups, n_items)
    weights = generator.multinomial(n_items, np.full(n_items, 1.0 / n_items), size=n_resamples) / n_items
    means = np.where(missing, 0.0, values) @ weights.T  # (group, instance, resample)
    out = np.empty((n_groups, n_resamples))
    for group in range(n_groups):
        rows = np.nonzero(present[group])[0]
        counts = generator.multinomial(len(rows), np.full(len(rows), 1.0 / len(rows)), size=n_resamples) / len(rows)
        out[group] = np.einsum("rk,kr->r", counts, means[group, rows])
    return out
