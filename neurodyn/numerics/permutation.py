"""Permutation tests for many units at once: does activity depend on the condition?"""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.seeding import numpy_generator

__all__ = ["condition_test", "group_test"]

_CHUNK = 2048


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

    Notes
    -----
    With as many trials in every condition and as many conditions in every stratum, the conditions (in a random order) are shifted
    cyclically within each repeat, a group of permutations for which all statistics follow from the cross-correlations of the repeats:
    one product of matrices for all permutations and units.  Other designs exchange labels one permutation after the other.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> condition = np.repeat([0, 1], 10)
    >>> tuned = condition + 0.1 * rng.standard_normal(20)
    >>> float(condition_test(tuned[:, None], condition, seed=0)[0]) < 0.01
    True
    """
    x = np.asarray(values)
    condition = np.unique(np.asarray(condition), return_inverse=True)[1]
    if len(x) != len(condition):
        raise NumericsError("condition_test", f"{len(x)} trials for {len(condition)} condition labels", expected="one label a trial")
    counts = np.bincount(condition)
    if counts.max() < 2:
        raise NumericsError("condition_test", f"each of {condition.max() + 1} conditions has one trial", expected="repeated trials", fix="n_repeats=4")
    stratum = np.zeros(len(x), int) if stratum is None else np.unique(np.asarray(stratum), return_inverse=True)[1]
    generator = numpy_generator(seed, "condition_test")
    index = _balanced(condition, stratum, counts, n_permutations, generator)
    larger = _by_labels(x, condition, stratum, n_permutations, generator) if index is None else _by_shifts(x, index, n_permutations, generator)
    return (1 + larger) / (1 + n_permutations)


def group_test(distances: np.ndarray, n_first: int) -> tuple[float, np.ndarray]:
    """Do two groups of estimates lie further apart than estimates of one group do?

    Parameters
    ----------
    distances : array, (estimate, estimate)
        Symmetric; the first `n_first` estimates are one group, the others the other.
    n_first : int

    Returns
    -------
    excess : float
        Mean distance between the groups less the mean distance within them.
    null : array, (permutation)
        The excess for every way of dealing the estimates to groups of these sizes, the true one first.  The share of them at least as
        large as `excess` is a probability, exact where the estimates are exchangeable.

    Raises
    ------
    NumericsError
        A group of fewer than two estimates, or so many that they cannot be dealt in every way.

    Examples
    --------
    >>> place = np.array([0.0, 0.1, 0.2, 5.0, 5.1, 5.2])
    >>> excess, null = group_test(np.abs(place[:, None] - place[None, :]), 3)
    >>> round(excess, 2), len(null), float(np.mean(null >= excess - 1e-12))
    (4.87, 20, 0.1)
    """
    from itertools import combinations
    from math import comb

    D = np.asarray(distances, float)
    n = len(D)
    if D.shape != (n, n) or not 2 <= n_first <= n - 2 or comb(n, n_first) > 200_000:
        raise NumericsError("group_test", f"distances of shape {D.shape}, {n_first} in the first group", expected="two or more in each group, 20 in all")
    member = np.zeros((comb(n, n_first), n), bool)
    for row, chosen in enumerate(combinations(range(n), n_first)):  # the true dealing comes first
        member[row, list(chosen)] = True
    inside = member.astype(float)
    outside = 1 - inside
    off = D - np.diag(np.diag(D))
    own, other = (np.einsum("pi,ij,pj->p", m, off, m, optimize=True) for m in (inside, outside))
    across = np.einsum("pi,ij,pj->p", inside, off, outside, optimize=True)
    n_other = n - n_first
    null = across / (n_first * n_other) - (own + other) / (n_first * (n_first - 1) + n_other * (n_other - 1))
    return float(null[0]), null


def _balanced(condition: np.ndarray, stratum: np.ndarray, counts: np.ndarray, n_permutations: int, generator: np.random.Generator) -> np.ndarray | None:
    """Rows of a balanced design, (stratum, condition in random order, repeat); None for others and for too few shifts."""
    n_repeats = counts[0]
    home = np.zeros(len(counts), int)
    home[condition] = stratum
    sizes = np.bincount(home)
    if (counts != n_repeats).any() or (home[condition] != stratum).any() or (sizes != sizes[0]).any():
        return None
    if float(sizes[0]) ** (n_repeats - 1) < 4 * (n_permutations + 1):
        return None
    by_condition = np.argsort(condition, kind="stable").reshape(len(counts), n_repeats)
    return np.stack([by_condition[generator.permutation(np.nonzero(home == s)[0])] for s in range(len(sizes))])


def _by_shifts(x: np.ndarray, index: np.ndarray, n_permutations: int, generator: np.random.Generator) -> np.ndarray:
    """How many of the shifts leave at least as much variance between conditions; the sum of squares within repeats is the same for all."""
    import scipy.fft

    _, n_conditions, n_repeats = index.shape
    pairs = [(a, b) for a in range(n_repeats) for b in range(a + 1, n_repeats)]
    shift = generator.integers(0, n_conditions, (n_permutations, n_repeats))
    choose = np.zeros((n_permutations, len(pairs), n_conditions), np.float32)
    for k, (a, b) in enumerate(pairs):
        choose[np.arange(n_permutations), k, (shift[:, b] - shift[:, a]) % n_conditions] = 1
    choose = choose.reshape(n_permutations, -1)
    larger = np.empty(x.shape[1], int)
    for start in range(0, x.shape[1], _CHUNK):
        units = slice(start, start + _CHUNK)
        part = x[:, units][index].astype(np.float32)  # (stratum, condition, repeat, unit)
        part -= part.mean(1, keepdims=True)
        spectrum = scipy.fft.rfft(part, axis=1)
        cross = np.stack([(spectrum[:, :, a].conj() * spectrum[:, :, b]).sum(0) for a, b in pairs])
        together = scipy.fft.irfft(cross, n_conditions, axis=1)  # (pair, shift, unit)
        found = together[:, 0].sum(0)
        slack = 1e-5 * np.abs(together).max((0, 1)) * len(pairs)
        larger[units] = (choose @ together.reshape(-1, together.shape[-1]) >= found - slack).sum(0)
    return larger


def _by_labels(values: np.ndarray, condition: np.ndarray, stratum: np.ndarray, n_permutations: int, generator: np.random.Generator) -> np.ndarray:
    """How many of the exchanges of labels within strata leave at least as much variance between conditions."""
    x = values.astype(float)
    groups = [np.nonzero(stratum == s)[0] for s in np.unique(stratum)]
    for rows in groups:
        x[rows] -= x[rows].mean(0)
    x = x.astype(np.float32)
    counts = np.bincount(condition).astype(np.float32)[:, None]
    by_condition = np.argsort(condition, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(condition))[:-1]])

    def between(order: np.ndarray) -> np.ndarray:
        return (np.square(np.add.reduceat(x[order][by_condition], starts, axis=0)) / counts).sum(0)

    found = between(np.arange(len(x)))
    larger = np.zeros(x.shape[1], int)
    for _ in range(n_permutations):
        order = np.arange(len(x))
        for rows in groups:
            order[rows] = generator.permutation(rows)
        larger += between(order) >= found * (1 - 1e-6)
    return larger
