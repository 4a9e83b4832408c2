"""Do two populations follow the same dynamics, whatever their coordinates?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.delay_dmd import delay_operator, eigenvalue_distance
from neurodyn.numerics.permutation import group_test
from neurodyn.schema import check_responses
from neurodyn.seeding import numpy_generator, torch_generator

__all__ = ["dynamical_similarity"]

MEASURES = ("eigenvalues", "angular", "euclidean")


def dynamical_similarity(
    responses: xr.DataArray,
    reference: xr.DataArray,
    *,
    n_components: int = 10,
    n_delays: int = 5,
    rank: int = 20,
    n_folds: int = 5,
    measure: Literal["eigenvalues", "angular", "euclidean"] = "eigenvalues",
    n_iterations: int = 1000,
    seed: int,
) -> xr.Dataset:
    """Compare the linear operators fitted to delay-embedded trials of two populations, against what trials of one population give.

    Parameters
    ----------
    responses, reference : DataArray, (presentation, neuroid, time_bin)
        Trials of two populations, as many time bins in both; the trials need not be matched.
    n_components : int
        Principal components kept of each fold.
    n_delays : int
        Time bins stacked into one vector.
    rank : int
        Directions of the stacked vectors kept: the size of the operators.
    n_folds : int
        Each population's trials are dealt to this many folds, and an operator fitted to each.
    measure : {"eigenvalues", "angular", "euclidean"}
        ``"eigenvalues"``: mean squared distance between matched eigenvalues.  ``"angular"`` (rad) and ``"euclidean"``: distance of the
        operators after the best orthogonal change of coordinates, by the package dsa-metric.
    n_iterations : int
        Of that package's optimisation.
    seed : int
        Which trial is in which fold, and the optimiser's start.

    Returns
    -------
    Dataset
        ============  =========================  ==========  =======================================================================
        variable      dims                       units       meaning
        ============  =========================  ==========  =======================================================================
        distance      (estimate, other)          1 or rad    between the operators of any two folds
        between       ()                         1 or rad    mean over folds of different populations
        within        ()                         1 or rad    mean over folds of one population: what estimation alone costs
        excess        ()                         1 or rad    between - within: 0 for equal dynamics, on average
        p_value       ()                         1           share of the ways to deal the folds to two populations with as large an
                                                             excess; 1 / 126 at least with 5 folds
        null          (dealing)                  1 or rad    the excess of each of them
        eigenvalue    (estimate, mode)           1           of the fold's operator, for one time bin; largest modulus first
        ============  =========================  ==========  =======================================================================

        ``population`` and ``fold`` label the estimates.

    Raises
    ------
    SchemaError
        Responses that are not finite and labelled, or of other numbers of time bins.
    ConfigError
        More folds than trials, more components than the folds hold, an unknown measure, or one that needs a package that is missing.

    Notes
    -----
    Every step, the principal components too, is done within a fold, so that under equal dynamics (the same system seen through other
    neuroids, its trials drawn alike and as many of them) the folds are exchangeable and the probability is exact.  A distance of one operator to another has
    no such meaning by itself: two fits to the same system differ.  Trials driven by different inputs differ for that reason alone.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> rng = np.random.default_rng(0)
    >>> def trials(decay):
    ...     paths = np.zeros((20, 3, 30))
    ...     for t in range(1, 30):
    ...         paths[:, :, t] = decay * paths[:, :, t - 1] + rng.standard_normal((20, 3))
    ...     ids = [f"t{i}" for i in range(20)]
    ...     return make_recordings(paths, neuroid_id=["a", "b", "c"], stimulus_id=ids, time_bins_ms=[(i, i + 1) for i in range(30)])
    >>> found = dynamical_similarity(trials(0.9), trials(0.5), n_components=3, n_delays=1, rank=3, seed=0)
    >>> round(float(found.p_value), 3), bool(found.excess > 0)
    (0.008, True)
    """
    if measure not in MEASURES:
        raise unknown_name("dynamical_similarity", "measure", measure, MEASURES)
    for name, given in (("responses", responses), ("reference", reference)):
        check_responses(given, where=f"dynamical_similarity ({name})")
        if not 2 <= n_folds <= min(given.sizes["presentation"], 9):
            raise ConfigError(
                "dynamical_similarity", f"`n_folds` is {n_folds} for {given.sizes['presentation']} trials of `{name}`", expected="2..9, and a trial in each"
            )
    if responses.sizes["time_bin"] != reference.sizes["time_bin"]:
        raise SchemaError(
            "dynamical_similarity",
            f"{responses.sizes['time_bin']} time bins, and {reference.sizes['time_bin']} in `reference`",
            expected="as many, of the same width",
        )
    compare = eigenvalue_distance if measure == "eigenvalues" else _by_package(measure, n_iterations, seed)
    operators = []
    for name, given in (("responses", responses), ("reference", reference)):
        values = np.asarray(given.values, float).transpose(0, 2, 1)
        order = numpy_generator(seed, "dynamical_similarity", name).permutation(len(values))
        operators += [delay_operator(_scores(values[rows], n_components), n_delays=n_delays, rank=rank) for rows in np.array_split(order, n_folds)]
    distance = np.zeros((2 * n_folds, 2 * n_folds))
    for i in range(2 * n_folds):
        for j in range(i):
            distance[i, j] = distance[j, i] = compare(operators[i], operators[j])
    excess, null = group_test(distance, n_folds)
    between = float(distance[:n_folds, n_folds:].mean())
    unit = {"units": "rad" if measure == "angular" else "1"}
    values = np.stack([v[np.argsort(-np.abs(v), kind="stable")] for v in map(np.linalg.eigvals, operators)]).astype(complex)
    return xr.Dataset(
        {
            "distance": (("estimate", "other"), distance, unit),
            "between": ((), between, unit),
            "within": ((), between - excess, unit),
            "excess": ((), excess, unit),
            "p_value": ((), float((null >= excess - 1e-12 * np.abs(null).max()).mean()), {"units": "1"}),
            "null": ("dealing", null, unit),
            "eigenvalue": (("estimate", "mode"), values, {"units": "1"}),
        },
        coords={"population": ("estimate", np.repeat(["responses", "reference"], n_folds)), "fold": ("estimate", np.tile(np.arange(n_folds), 2))},
        attrs={"measure": measure, "n_components": n_components, "n_delays": n_delays, "rank": rank, "n_folds": n_folds, "seed": seed},
    )


def _scores(trials: np.ndarray, n: int) -> np.ndarray:
    """Principal scores of the trials, (trial, time, component)."""
    cloud = trials.reshape(-1, trials.shape[2])
    cloud = cloud - cloud.mean(0)
    most = min(cloud.shape)
    if not 1 <= n <= most:
        raise ConfigError("dynamical_similarity", f"`n_components` is {n}", expected=f"1..{most}", fix=f"n_components={most}")
    V = np.linalg.svd(cloud, full_matrices=False)[2]
    return (cloud @ V[:n].T).reshape(*trials.shape[:2], n)


def _by_package(measure: str, n_iterations: int, seed: int) -> Callable[[np.ndarray, np.ndarray], float]:
    import torch

    try:
        from DSA import SimilarityTransformDist
    except Exception as error:  # what it imports may fail in other ways than being absent
        raise ConfigError(
            "dynamical_similarity",
            f'measure="{measure}" needs the package dsa-metric ({type(error).__name__}: {error})',
            expected="dsa-metric 2.0 or newer",
            fix='pip install "neurodyn[dsa]", or measure="eigenvalues"',
        ) from error

    def compare(A: Any, B: Any) -> float:
        with torch.random.fork_rng(devices=[]):
            torch.random.set_rng_state(torch_generator(seed, "dynamical_similarity").get_state())
            search = SimilarityTransformDist(iters=n_iterations, score_method=measure, lr=0.01)
            pair = [torch.from_numpy(M).float() / float(np.linalg.norm(M)) for M in (A, B)]
            search.fit(*(M.clone() for M in pair))
            return float(search.score(*pair))

    return compare
