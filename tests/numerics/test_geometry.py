"""Geometry: against closed forms, scipy and literal formulas; invariances; bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.distance import pdist
from scipy.stats import kendalltau, spearmanr

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics import geometry


def data(n=12, units=7, seed=0):
    return np.random.default_rng(seed).standard_normal((n, units))


@pytest.mark.parametrize("method", ["correlation", "cosine", "euclidean"])
def test_rdm_against_scipy(method):
    X = data()
    assert np.allclose(geometry.rdm(X, method=method), pdist(X, method), atol=1e-12)


def test_rdm_takes_batches():
    X = np.stack([data(seed=i) for i in range(3)])
    assert np.allclose(geometry.rdm(X)[1], geometry.rdm(X[1]))
    assert geometry.squareform(geometry.rdm(X)).shape == (3, 12, 12)


def test_crossnobis_is_unbiased_and_matches_its_formula():
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((6, 40))
    noisy = signal + 2.0 * rng.standard_normal((400, 3, 6, 40))
    exact = pdist(signal, "sqeuclidean") / 40
    found = geometry.crossnobis(noisy)
    standard_error = found.std(0) / np.sqrt(400)
    assert (np.abs(found.mean(0) - exact) < 4 * standard_error).all()
    X, pairs = noisy[0], []
    for a in range(3):
        for b in range(3):
            if a != b:
                pairs.append([(X[a, i] - X[a, j]) @ (X[b, i] - X[b, j]) / 40 for i in range(6) for j in range(i + 1, 6)])
    assert np.allclose(found[0], np.mean(pairs, 0))
    precision = np.diag(np.arange(1.0, 41.0))
    assert np.allclose(geometry.crossnobis(X, noise_precision=precision), geometry.crossnobis(X * np.sqrt(np.arange(1.0, 41.0))))


def test_comparisons_against_scipy():
    A, B = geometry.rdm(np.stack([data(seed=i) for i in range(3)])), geometry.rdm(np.stack([data(seed=i) for i in (7, 8)]))
    for method, one in {
        "pearson": lambda a, b: np.corrcoef(a, b)[0, 1],
        "spearman": lambda a, b: spearmanr(a, b).statistic,
        "kendall": lambda a, b: kendalltau(a, b).statistic,  # no ties here
        "cosine": lambda a, b: a @ b / np.linalg.norm(a) / np.linalg.norm(b),
    }.items():
        assert np.allclose(geometry.compare_rdms(A, B, method=method), [[one(a, b) for b in B] for a in A], atol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 3.0, 1e6])
def test_correlation_of_rdms_far_from_zero(offset):
    A, B = np.random.default_rng(0).random((2, 3, 45)) + offset
    np.testing.assert_allclose(geometry.compare_rdms(A, B, method="pearson"), np.corrcoef(A, B)[:3, 3:], atol=1e-9 if offset > 10 else 1e-13)
    assert np.isnan(geometry.compare_rdms(np.full(45, offset), B, method="pearson")).all()


def test_whitened_cosine_is_the_cosine_after_whitening():
    n = 8
    i, j = np.triu_indices(n, 1)
    C = np.zeros((len(i), n))
    C[np.arange(len(i)), i], C[np.arange(len(i)), j] = 1, -1
    V = (C @ C.T) ** 2
    a, b = geometry.rdm(data(n), method="sqeuclidean"), geometry.rdm(data(n, seed=3), method="sqeuclidean")
    inner = lambda x, y: x @ np.linalg.solve(V, y)  # noqa: E731
    assert geometry.compare_rdms(a, b, method="whitened_cosine")[0, 0] == pytest.approx(inner(a, b) / np.sqrt(inner(a, a) * inner(b, b)), abs=1e-10)


def test_procrustes_against_scipy():
    X, Y = data(20, 5), data(20, 5, 1)
    assert geometry.procrustes(X, Y) == pytest.approx(scipy_procrustes(X, Y)[2], abs=1e-12)
    wide = np.random.default_rng(2).standard_normal((10, 300)), np.random.default_rng(3).standard_normal((10, 200))
    padded = np.concatenate([wide[1], np.zeros((10, 100))], axis=1)
    assert geometry.procrustes(*wide) == pytest.approx(scipy_procrustes(wide[0], padded)[2], abs=1e-10)


def test_debiased_cka_is_zero_for_unrelated_and_the_biased_one_is_not():
    rng = np.random.default_rng(0)
    pairs = [(rng.standard_normal((20, 200)), rng.standard_normal((20, 200))) for _ in range(40)]
    debiased = np.array([geometry.cka(X, Y) for X, Y in pairs])
    assert abs(debiased.mean()) < 4 * debiased.std() / np.sqrt(40)
    assert np.mean([geometry.cka(X, Y, debiased=False) for X, Y in pairs]) > 0.8


def test_both_ways_to_cka_agree():
    X, Y = data(30, 5), data(30, 6, 1)
    few = geometry.cka(X, Y, debiased=False)
    repeated = geometry.cka(np.tile(X, 10), np.tile(Y, 10), debiased=False)  # more units than conditions, the same kernels
    assert few == pytest.approx(repeated, abs=1e-12)


@given(st.integers(0, 1000))
def test_invariances(seed):
    X, Y = data(15, 6, seed), data(15, 9, seed + 1)
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    moved, order = 3 * X @ turn + rng.standard_normal(6), rng.permutation(15)
    for measure in (geometry.cka, geometry.procrustes, geometry.shape_distance):
        assert measure(moved, Y) == pytest.approx(measure(X, Y), abs=1e-8)
        assert measure(X[order], Y[order]) == pytest.approx(measure(X, Y), abs=1e-8)
        assert measure(Y, X) == pytest.approx(measure(X, Y), abs=1e-8)
    Z = data(15, 4, seed + 2)
    assert geometry.shape_distance(X, Z) <= geometry.shape_distance(X, Y) + geometry.shape_distance(Y, Z) + 1e-9


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: geometry.rdm(data(), method="euclid"), ConfigError, "did you mean `euclidean`"),
        (lambda: geometry.rdm(np.full((3, 3), np.nan)), NumericsError, "finite"),
        (lambda: geometry.rdm(np.ones(3)), NumericsError, "condition, unit"),
        (lambda: geometry.crossnobis(data()), NumericsError, "fold"),
        (lambda: geometry.crossnobis(np.ones((2, 3, 4)), noise_precision=np.eye(3)), NumericsError, "symmetric"),
        (lambda: geometry.compare_rdms(np.ones(3), np.ones(6)), NumericsError, "same conditions"),
        (lambda: geometry.compare_rdms(np.ones(3), np.ones(3), method="tau"), ConfigError, "kendall"),
        (lambda: geometry.compare_rdms(np.array([1, np.nan, 2]), np.ones(3)), NumericsError, "NaN"),
        (lambda: geometry.cka(data(3), data(3)), NumericsError, "debiased=False"),
        (lambda: geometry.cka(data(5), data(6)), NumericsError, "same conditions"),
        (lambda: geometry.procrustes(np.ones((4, 2)), data(4)), NumericsError, "differ"),
        (lambda: geometry.squareform(np.ones(4)), NumericsError, "4 pairs"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
