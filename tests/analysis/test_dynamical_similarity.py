"""Equal dynamics in other coordinates are found equal, others are not, and the probability is nominal."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis import dynamical_similarity
from neurodyn.errors import ConfigError, NumericsError, SchemaError
from neurodyn.numerics.delay_dmd import delay_operator, eigenvalue_distance
from neurodyn.numerics.permutation import group_test
from neurodyn.schema import make_recordings


def turning(angle, decay=0.95):
    return decay * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def trials(A, seed, *, n_trials=20, n_times=25, n_units=6):
    """Trials of x(t + 1) = A x(t) + noise, seen through a random isometry."""
    rng = np.random.default_rng(seed)
    x = np.zeros((n_trials, n_times, len(A)))
    x[:, 0] = rng.standard_normal((n_trials, len(A)))
    for t in range(1, n_times):
        x[:, t] = x[:, t - 1] @ A.T + 0.3 * rng.standard_normal((n_trials, len(A)))
    seen = x @ np.linalg.qr(rng.standard_normal((n_units, len(A))))[0].T
    labels = {"neuroid_id": [f"n{i}" for i in range(n_units)], "stimulus_id": [f"t{i}" for i in range(n_trials)]}
    return make_recordings(seen.transpose(0, 2, 1), time_bins_ms=[(10 * i, 10 * i + 10) for i in range(n_times)], **labels)


OPTIONS = {"n_components": 2, "n_delays": 1, "rank": 2}


def test_operator_of_a_known_map():
    A = turning(0.4)
    path = np.stack([np.linalg.matrix_power(A, t) @ [1.0, 0.5] for t in range(30)])[None]
    found = np.linalg.eigvals(delay_operator(path, n_delays=1, rank=2, ridge=0.0))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(np.linalg.eigvals(A)), atol=1e-10)
    delayed = np.linalg.eigvals(delay_operator(path[..., :1], n_delays=2, rank=2, ridge=0.0))  # one coordinate and its past hold the other
    np.testing.assert_allclose(np.sort_complex(delayed), np.sort_complex(np.linalg.eigvals(A)), atol=1e-8)


def test_eigenvalues_are_matched_one_to_one():
    assert eigenvalue_distance(turning(0.3), turning(0.3)[::-1, ::-1]) == pytest.approx(0.0, abs=1e-12)
    assert eigenvalue_distance(np.diag([1.0, 0.0]), np.eye(1)) == 0.0  # filled up with zeros


def test_group_test_is_the_mean_over_pairs():
    rng = np.random.default_rng(0)
    place = rng.standard_normal((7, 2))
    D = np.linalg.norm(place[:, None] - place[None], axis=-1)
    excess, null = group_test(D, 3)
    within = np.concatenate([D[:3, :3][np.triu_indices(3, 1)], D[3:, 3:][np.triu_indices(4, 1)]]).mean()
    assert excess == pytest.approx(D[:3, 3:].mean() - within) and len(null) == 35 and null[0] == excess


def test_other_dynamics_are_told_apart_and_equal_ones_are_not():
    same = dynamical_similarity(trials(turning(0.5), 1), trials(turning(0.5), 2), seed=0, **OPTIONS)
    other = dynamical_similarity(trials(turning(0.5), 1), trials(turning(0.8), 3), seed=0, **OPTIONS)
    assert float(same.p_value) > 0.05 and float(other.p_value) == pytest.approx(1 / 126)
    assert float(other.between) > 5 * float(other.within) and abs(float(same.excess)) < 0.5 * float(same.within)
    np.testing.assert_allclose(np.abs(np.angle(other.eigenvalue.mean("mode"))), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(np.angle(other.eigenvalue.isel(mode=0))), np.repeat([0.5, 0.8], 5), atol=0.1)


def test_false_alarms_are_nominal():
    """Under equal dynamics a probability of 5 % or less comes up in 6 of 126 dealings: 4.8 %."""
    p = np.array([float(dynamical_similarity(trials(turning(0.5), 2 * i), trials(turning(0.5), 2 * i + 1), seed=i, **OPTIONS).p_value) for i in range(200)])
    assert 3 <= (p <= 0.05).sum() <= 18  # 99 % of a binomial with 200 draws
    assert abs(np.mean(p) - 0.5) < 0.06 and (p <= 0.5).mean() == pytest.approx(0.5, abs=0.1)


def test_repeatable_and_symmetric():
    a, b = trials(turning(0.5), 1), trials(turning(0.6), 2)
    first, again = (dynamical_similarity(a, b, seed=4, **OPTIONS) for _ in range(2))
    xr.testing.assert_identical(first, again)
    np.testing.assert_allclose(first.distance, first.distance.values.T)


@pytest.mark.parametrize("measure", ["angular", "euclidean"])
def test_after_the_best_change_of_coordinates(measure):
    pytest.importorskip("DSA", reason="dsa-metric is not installed")
    a, b, c = trials(turning(0.5), 1), trials(turning(0.5), 2), trials(turning(1.2), 3)
    options = {"measure": measure, "n_folds": 3, "n_iterations": 100, "seed": 0, **OPTIONS}
    same, other = dynamical_similarity(a, b, **options), dynamical_similarity(a, c, **options)
    assert float(other.between) > 3 * float(same.between) and float(other.p_value) == pytest.approx(0.1)


def test_against_dsa_metric():
    package = pytest.importorskip("DSA", reason="dsa-metric is not installed")
    values = trials(turning(0.5), 1).values.transpose(0, 2, 1).astype(np.float32)
    theirs = package.DMD(values, n_delays=3, rank=4, lamb=0.0)
    theirs.fit()
    ours = delay_operator(values, n_delays=3, rank=4, ridge=0.0)
    a, b = (np.sort_complex(np.linalg.eigvals(M)) for M in (np.asarray(theirs.A_v, float), ours))
    np.testing.assert_allclose(a, b, atol=1e-4)
    search = package.SimilarityTransformDist(score_method="wasserstein")
    import torch

    pair = [torch.from_numpy(M) for M in (ours, delay_operator(values[:10], n_delays=3, rank=4))]
    search.fit(*pair)
    assert search.score(*pair) == pytest.approx(eigenvalue_distance(*(M.numpy() for M in pair)), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"measure": "distance"}, ConfigError, "eigenvalues"),
        ({"n_folds": 21}, ConfigError, "n_folds"),
        ({"n_folds": 1}, ConfigError, "n_folds"),
        ({"n_components": 7}, ConfigError, "n_components=6"),
        ({"rank": 5}, NumericsError, "rank=2"),
        ({"n_delays": 25}, NumericsError, "delays"),
    ],
)
def test_bad_input(options, error, match):
    with pytest.raises(error, match=match):
        dynamical_similarity(trials(turning(0.5), 1), trials(turning(0.5), 2), seed=0, **{**OPTIONS, **options})


def test_other_times_are_refused():
    with pytest.raises(SchemaError, match="time bins"):
        dynamical_similarity(trials(turning(0.5), 1), trials(turning(0.5), 2, n_times=20), seed=0, **OPTIONS)


def test_the_missing_package_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "DSA", None)
    with pytest.raises(ConfigError, match=r"neurodyn\[dsa\]"):
        dynamical_similarity(trials(turning(0.5), 1), trials(turning(0.5), 2), measure="angular", seed=0, **OPTIONS)
