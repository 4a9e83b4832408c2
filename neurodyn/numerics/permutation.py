"""Permutation tests for many units at once: does activity depend on the condition?"""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.seeding import numpy_generator

__all__ = ["condition_test"]


def condition_test(values: np.ndarray, condition: np.ndarray, *, stratum: np.ndarray | None = None, n_permutations: int = 500, seed: int) -> np.ndarray:
    """Probability, without any tuning, of a variance between conditions as large as the one found.

    Parameters
    ----------
    values : array, (trial, unit)
    condition : array, (trial)
        Several trials a condition; their labels are exchanged.
    stratum : array, (trial), optional
        Labels are exchanged within a stratum only, and variance between strata does not count.
    n_permutations : int
    seed : int

    Returns
    -------
    array, (unit)
        (1 + number of permutations at least as large) / (1 + n_permutations): exact, never 0.

    Raises
    ------
    NumericsError
        If no condition has a second trial.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> condition = np.repeat([0, 1], 10)
    >>> tuned = condition + 0.1 * rng.standard_normal(20)
    >>> float(condition_test(tuned[:, None], condition, seed=0)[0]) < 0.01
    True
    """
    x = np.asarray(values, float)
    condition = np.unique(np.asarray(condition), return_inverse=True)[1]
    if len(x) != len(condition):
        raise NumericsError("condition_test", f"{len(x)} trials for {len(condition)} condition labels", expected="one label a trial")
    if np.bincount(condition).max() < 2:
        raise NumericsError("condition_test", f"each of {condition.max() + 1} conditions has one trial", expected="repeated trials", fix="n_repeats=4")
    stratum = np.zeros(len(x), int) if stratum is None else np.unique(np.asarray(stratum), return_inverse=True)[1]
    for s in np.unique(stratum):
        rows = stratum == s
        x[rows] -= x[rows].mean(0)
    x = x.astype(np.float32)
    counts = np.bincount(condition).astype(np.float32)[:, None]
    groups = [np.nonzero(stratum == s)[0] for s in np.unique(stratum)]

    def between(order: np.ndarray) -> np.ndarray:
        ordered = x[order][by_condition]
        return (np.square(np.add.reduceat(ordered, starts, axis=0)) / counts).sum(0)

    by_condition = np.argsort(condition, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(condition))[:-1]])
    found = between(np.arange(len(x)))
    generator = numpy_generator(seed, "condition_test")
    larger = np.zeros(x.shape[1], int)
    for _ in range(n_permutations):
        order = np.arange(len(x))
        for rows in groups:
            order[rows] = generator.permutation(rows)
        larger += between(order) >= found * (1 - 1e-6)
    return (1 + larger) / (1 + n_permutations)
