"""Krylov-Schur: against closed forms, LAPACK and ARPACK; properties; bad input."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.sparse.linalg import LinearOperator as ScipyOperator
from scipy.sparse.linalg import eigs

from neurodyn.dynamics import linearise
from neurodyn.errors import AccuracyWarning, ConfigError, ConvergenceWarning, NumericsError
from neurodyn.numerics import arnoldi

RNG = np.random.default_rng(0)


def distance(found, truth, key=np.abs):
    """Largest distance between the found values and the leading true ones, best matched, relative to the radius."""
    top = truth[np.argsort(-key(truth), kind="stable")][: len(found)]
    gap = np.abs(top[:, None] - found[None, :])
    rows, cols = linear_sum_assignment(gap)
    return gap[rows, cols].max() / np.abs(truth).max()


def random_matrix(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def non_normal(n, seed=0, strength=1.0):
    """Known eigenvalues in a random, badly conditioned basis."""
    rng = np.random.default_rng(seed)
    values = np.linspace(0.1, 1.0, n) * np.where(rng.random(n) < 0.5, -1, 1)
    basis = np.eye(n) + strength * np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    return basis @ np.diag(values) @ np.linalg.inv(basis), values


# ------------------------------------------------------------------------------------------------------- closed form


def test_diagonal():
    found = arnoldi.leading_eigenpairs(np.diag(np.arange(1.0, 501.0)), 5, seed=0)
    assert np.allclose(found.values, [500, 499, 498, 497, 496], atol=1e-5)  # tol 1e-8 of the radius, normal: error ~ residual


def test_repeated_eigenvalues_are_all_found():
    n = 400
    values = np.concatenate([[2.0, 2.0, 2.0], np.linspace(0, 1, n - 3)])
    turn, _ = np.linalg.qr(RNG.standard_normal((n, n)))
    found = arnoldi.leading_eigenpairs(turn @ np.diag(values) @ turn.T, 4, seed=0)
    assert np.allclose(found.values, [2, 2, 2, 1], atol=1e-6)


def test_ring_modes_come_in_pairs():
    angle = 2 * np.pi * np.arange(300) / 300
    ring = (np.cos(angle[:, None] - angle) + 0.25 * np.cos(3 * (angle[:, None] - angle))) / 150
    found = arnoldi.leading_eigenpairs(ring, 4, seed=0)
    assert np.allclose(found.values, [1, 1, 0.25, 0.25], atol=1e-9)


@pytest.mark.parametrize("n_modes", [1, 2, 3, 4])
def test_conjugate_pairs_are_never_split(n_modes):
    A = np.zeros((300, 300))
    for k, (radius, angle) in enumerate([(1.0, 0.5), (0.9, 1.0), (0.8, 2.0)]):
        c, s = radius * np.cos(angle), radius * np.sin(angle)
        A[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = [[c, -s], [s, c]]
    found = arnoldi.leading_eigenpairs(A, n_modes, seed=0)
    assert len(found.values) == n_modes + n_modes % 2
    assert np.allclose(found.values[0::2], found.values[1::2].conj())
    assert (found.values[0::2].imag > 0).all()


# --------------------------------------------------------------------------------------------------- independent code


@pytest.mark.parametrize("which", ["LM", "LR", "LI", "nearest 1"])
@pytest.mark.parametrize("n", [200, 700])
def test_against_lapack(which, n):
    A = random_matrix(n, seed=n)
    found = arnoldi.leading_eigenpairs(A, 12, which=which, seed=0)
    assert found.converged.all()
    assert distance(found.values, np.linalg.eigvals(A), arnoldi.ordering(which)) < 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_none_missed_among_many(seed):
    A = random_matrix(900, seed)
    found = arnoldi.leading_eigenpairs(A, 60, seed=seed)
    assert distance(found.values, np.linalg.eigvals(A)) < 1e-6


def test_none_missed_where_the_first_start_passes_some_over():
    rng = np.random.default_rng(10)  # eigenvalues dense up to the edge of the disc, in a basis that is not orthogonal
    n = 600
    basis = np.eye(n) + np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    values = np.sqrt(rng.random(n // 2)) * np.exp(1j * np.pi * rng.random(n // 2))
    D = np.zeros((n, n))
    for i, v in enumerate(values):
        D[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[v.real, -v.imag], [v.imag, v.real]]
    found = arnoldi.leading_eigenpairs(basis @ D @ np.linalg.inv(basis), 20, seed=0)
    top = values[np.argsort(-np.abs(values))][:10]
    assert np.allclose(np.sort(np.abs(found.values[0::2])), np.sort(np.abs(top)), atol=1e-6)


@pytest.mark.parametrize("strength", [0.5, 1.0, 2.0])
def test_moderately_non_normal(strength):
    A, values = non_normal(500, strength=strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = arnoldi.leading_eigenpairs(A, 10, seed=0)
    assert found.converged.all()
    assert distance(found.values, values.astype(complex)) < 1e-6


def test_against_arpack():
    A = random_matrix(600, 3)
    theirs = eigs(A, k=10, ncv=80, v0=np.ones(600), tol=1e-12, return_eigenvectors=False)
    ours = arnoldi.leading_eigenpairs(A, 10, seed=0).values
    assert np.abs(theirs[:, None] - ours).min(axis=1).max() < 1e-7


def test_vectors_and_left_vectors():
    A = random_matrix(400, 5)
    found = arnoldi.leading_eigenpairs(A, 8, seed=0, left=True)
    right, left = found.right_vectors, found.left_vectors
    assert np.allclose(np.linalg.norm(right, axis=0), 1)
    assert np.allclose(np.linalg.norm(A @ right - right * found.values, axis=0), found.residuals, atol=1e-12)
    assert np.abs(left.conj().T @ A - found.values[:, None] * left.conj().T).max() < 1e-6
    values, lefts, rights = __import__("scipy.linalg").linalg.eig(A, left=True, right=True)
    for value, condition in zip(found.values, found.conditions, strict=True):
        i = np.abs(values - value).argmin()
        assert condition == pytest.approx(1 / abs(np.vdot(lefts[:, i], rights[:, i])), rel=1e-4)


def test_kinds_of_operator_agree():
    A = random_matrix(300, 9)
    T = torch.from_numpy(A)

    class Torch:
        shape, dtype = (300, 300), torch.float64

        def matvec(self, v):
            return T @ v

    class Plain:
        shape = (300, 300)

        def matvec(self, v):
            return torch.nn.functional.linear(v, T)  # fails on arrays

    scipy_like = ScipyOperator((300, 300), matvec=lambda v: A @ v, dtype=float)
    reference = arnoldi.leading_eigenpairs(A, 6, seed=0).values
    for operator in (T, Torch(), Plain(), scipy_like):
        assert np.allclose(arnoldi.leading_eigenpairs(operator, 6, seed=0).values, reference, atol=1e-9)


def test_blocks_agree_with_single_vectors():
    A = random_matrix(600, 11)
    one, four = (arnoldi.leading_eigenpairs(A, 20, seed=0, block_size=b).values for b in (1, 4))
    assert distance(four, np.linalg.eigvals(A)) < 1e-6
    assert distance(one, np.linalg.eigvals(A)) < 1e-6


@pytest.mark.parametrize("degree", [2, 4])
def test_filtering_by_a_power_finds_the_same(degree):
    A = random_matrix(700, 12)
    found = arnoldi.leading_eigenpairs(A, 30, seed=0, filter_degree=degree)
    assert found.converged.all()
    assert distance(found.values, np.linalg.eigvals(A)) < 1e-6


@pytest.mark.parametrize("which", ["LM", "LR", "nearest 1"])
@pytest.mark.parametrize("normal", [True, False])
def test_filtering_by_a_power_of_the_shifted_operator(which, normal):
    """A leak moves the spectrum from zero: the power must be of the operator less most of it, and still miss nothing."""
    B = random_matrix(600, 5) if normal else random_matrix(600, 5) + 0.5 * np.triu(random_matrix(600, 6), 1)
    A = 0.8 * np.eye(600) + 0.15 * B
    found = arnoldi.leading_eigenpairs(A, 20, which=which, seed=0, filter_degree=4)
    assert found.converged.all()
    assert distance(found.values, np.linalg.eigvals(A), arnoldi.ordering(which)) < 1e-6


@pytest.mark.parametrize(("which", "above"), [("LM", 0.95), ("LR", 0.9), ("nearest 1", -0.15)])
@pytest.mark.parametrize("degree", [1, 4])
def test_only_what_lies_above(which, above, degree):
    A = 0.5 * np.eye(500) + 0.5 * random_matrix(500, 7)
    key, truth = arnoldi.ordering(which), np.linalg.eigvals(A)
    found = arnoldi.leading_eigenpairs(A, 60, which=which, seed=0, above=above, filter_degree=degree)
    assert len(found.values) == (key(truth) > above).sum() < 60 and found.converged.all()
    assert distance(found.values, truth, key) < 1e-6
    one = arnoldi.leading_eigenpairs(A, 60, which=which, seed=0, above=10.0, filter_degree=degree)
    assert 1 <= len(one.values) <= 2 and key(one.values)[0] == pytest.approx(key(truth).max(), abs=1e-7)


@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize("place", ["a few beyond", "in the midst"])
def test_nearest_one_of_a_thousand(strength, place):
    """Slow modes beside unstable ones, or in the midst of a spectrum that lies on both sides of 1; in a good basis and a bad one."""
    rng = np.random.default_rng(0)
    n = 1000
    near = 1 + 1e-3 * np.arange(-2, 3)
    if place == "a few beyond":
        values = np.concatenate([near, 1.1 + 0.04 * np.arange(10), 2.0 * np.sqrt(rng.random(n - 15)) - 1.2])
    else:
        values = np.concatenate([near, 1 + 0.1 * rng.choice([-1, 1], n - 5) * (1 + 9 * rng.random(n - 5))])
    basis = np.eye(n) + strength * np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)
        found = arnoldi.leading_eigenpairs(basis @ np.diag(values) @ np.linalg.inv(basis), 5, which="nearest 1", seed=0)
    assert found.converged.all()
    assert distance(found.values, values.astype(complex), arnoldi.ordering("nearest 1")) < 1e-6


def test_filtering_survives_eigenvalues_the_power_cannot_tell_apart():
    n = 400
    values = np.concatenate([[1.0, -1.0, 0.9, -0.9], np.linspace(-0.5, 0.5, n - 4)])
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((n, n)))
    found = arnoldi.leading_eigenpairs(turn @ np.diag(values) @ turn.T, 3, seed=0, filter_degree=2)
    assert found.converged.all()
    assert np.allclose(np.abs(found.values), [1, 1, 0.9], atol=1e-6)


def test_many_operators_in_step_give_what_each_gives_alone():
    g = torch.Generator().manual_seed(0)
    gates = (torch.rand(5, 6 * 8 * 8, generator=g) > 0.4).double()
    weight = torch.randn(6, 6, 3, 3, generator=g, dtype=torch.float64) / 7
    many = linearise.ConvolutionOperator(weight, (6, 8, 8), gate=gates)
    together = arnoldi.leading_eigenpairs_many(many, 6, seed=0)
    for i, found in enumerate(together):
        alone = arnoldi.leading_eigenpairs(many.row(i), 6, seed=0, vectors=False)
        assert np.allclose(found.values, alone.values, atol=1e-9)
        assert found.converged.all()


def test_float32_reaches_its_own_precision():
    A = torch.from_numpy(random_matrix(800, 2)).float()
    found = arnoldi.leading_eigenpairs(A, 20, tol=1e-5, seed=0)
    assert found.converged.all()
    assert distance(found.values, np.linalg.eigvals(A.double().numpy())) < 1e-5


def test_repeatable_from_the_seed():
    A = random_matrix(500, 1)
    a, b = (arnoldi.leading_eigenpairs(A, 10, seed=7) for _ in range(2))
    assert (a.values == b.values).all()
    assert (a.right_vectors == b.right_vectors).all()


# --------------------------------------------------------------------------------------------------------- properties


@given(st.integers(0, 10_000), st.floats(0.1, 10.0), st.integers(1, 8))
def test_scaling(seed, factor, n_modes):
    A = random_matrix(40, seed)
    a = arnoldi.leading_eigenpairs(A, n_modes, seed=0)
    b = arnoldi.leading_eigenpairs(factor * A, n_modes, seed=0)
    assert np.allclose(factor * a.values, b.values, rtol=1e-9, atol=1e-9)


@given(st.integers(0, 10_000), st.sampled_from(["LM", "LR", "nearest 0.5"]))
def test_modes_are_ordered_and_paired(seed, which):
    found = arnoldi.leading_eigenpairs(random_matrix(60, seed), 5, which=which, seed=0)
    keys = arnoldi.ordering(which)(found.values)
    assert (np.diff(keys) <= 1e-12).all()
    assert np.isclose(found.values.sum().imag, 0, atol=1e-12)


# ---------------------------------------------------------------------------------------------------------- bad input


class Broken:
    dtype = torch.float64

    def __init__(self, n, out):
        self.shape, self.out = (n, n), out

    def matvec(self, v):
        return self.out(v)


@pytest.mark.parametrize(
    ("operator", "options", "error", "match"),
    [
        (np.ones((3, 4)), {}, NumericsError, "square"),
        (np.full((300, 300), np.nan), {}, NumericsError, "NaN"),
        (np.eye(4) * 1j, {}, NumericsError, "real form"),
        (np.eye(4), {"n_modes": 5}, NumericsError, "n_modes=4"),
        (np.eye(4), {"n_modes": 0}, NumericsError, "n_modes=1"),
        (np.eye(4), {"which": "largest"}, ConfigError, "nearest 1"),
        (np.eye(4), {"which": "nearest one"}, ConfigError, "nearest 1"),
        (np.eye(4), {"tol": 0.0}, ConfigError, "above 0"),
        (np.eye(300), {"subspace": 2}, NumericsError, "subspace="),
        (object(), {}, NumericsError, "square"),
        (Broken(300, lambda v: v * float("nan")), {}, NumericsError, "NaN"),
        (Broken(300, lambda v: v[:5]), {}, NumericsError, "shape"),
        (Broken(300, lambda v: v), {"left": True}, NumericsError, "rmatvec"),
        (np.eye(300), {"filter_degree": 2, "which": "LI"}, ConfigError, "filter_degree=1"),
        (np.eye(300), {"start": np.zeros(3)}, NumericsError, "start"),
    ],
)
def test_bad_input(operator, options, error, match):
    options = {"n_modes": 2, "seed": 0, **options}
    n_modes = options.pop("n_modes")
    with pytest.raises(error, match=match):
        arnoldi.leading_eigenpairs(operator, n_modes, **options)


@pytest.mark.parametrize(("degree", "most"), [(1, 120), (4, 388)])  # the first restart past 60; the projection too
def test_no_convergence_returns_what_there_is(degree, most):
    A = random_matrix(700, 4)
    with pytest.warns(ConvergenceWarning, match="max_matvecs"):
        found = arnoldi.leading_eigenpairs(A, 20, seed=0, max_matvecs=60, filter_degree=degree)
    assert len(found.values) >= 20
    assert found.n_matvecs <= most
    assert not found.converged.all()
    assert np.isfinite(found.residuals).all()


def test_ill_conditioned_eigenvalues_warn():
    jordan = np.diag(np.full(30, 0.5)) + np.diag(np.ones(29), 1)
    with pytest.warns(AccuracyWarning, match="condition"):
        arnoldi.leading_eigenpairs(jordan, 3, seed=0)
