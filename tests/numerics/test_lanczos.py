"""Singular values, departure from normality, transient growth and circulant spectra."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm
from scipy.sparse.linalg import svds

from neurodyn.dynamics.linearise import ConvolutionOperator, dense
from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics import circulant, lanczos


def random_matrix(n, seed=0):
    return np.random.default_rng(seed).standard_normal((n, n)) / np.sqrt(n)


def test_known_singular_values():
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((400, 400)))[0] for _ in range(2))
    values = np.concatenate([[5.0, 5.0, 3.0], np.linspace(1, 0, 397)])
    found = lanczos.singular_values(left @ np.diag(values) @ right.T, 4, seed=0)
    assert np.allclose(found.values, [5, 5, 3, 1], atol=1e-7)


@pytest.mark.parametrize("seed", range(2))
def test_against_lapack_and_arpack(seed):
    A = random_matrix(500, seed)
    found = lanczos.singular_values(A, 10, seed=0)
    assert np.allclose(found.values, np.linalg.svd(A, compute_uv=False)[:10], atol=1e-9)
    assert np.allclose(found.values, np.sort(svds(A, 10, v0=np.ones(500), return_singular_vectors=False))[::-1], atol=1e-7)
    assert np.abs(A @ found.right_vectors - found.left_vectors * found.values).max() < 1e-7
    assert found.converged.all()


def test_low_rank_operator_breaks_down_cleanly():
    x = np.random.default_rng(0).standard_normal((400, 2))
    found = lanczos.singular_values(x @ x.T, 4, seed=0)
    assert np.allclose(found.values[:2], np.linalg.eigvalsh(x.T @ x)[::-1])
    assert np.abs(found.values[2:]).max() < 1e-10


@given(st.integers(0, 1000))
def test_abscissa_is_the_initial_growth_rate(seed):
    A = random_matrix(12, seed)
    h = 1e-6
    assert (np.linalg.norm(expm(h * A), 2) - 1) / h == pytest.approx(lanczos.numerical_abscissa(A, seed=0), abs=1e-4)


def test_departure_is_zero_for_normal_and_bounded_always():
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((50, 50)))
    assert lanczos.departure_from_normality(turn, seed=0).henrici < 1e-6
    for seed in range(5):
        found = lanczos.departure_from_normality(random_matrix(30, seed), seed=0)
        assert found.bounds[0] - 1e-12 <= found.henrici <= found.bounds[1] + 1e-12


def test_growth_by_lanczos_agrees_with_powers():
    A = 0.9 * random_matrix(300, 1)
    exact = [np.linalg.norm(np.linalg.matrix_power(A, t), 2) for t in (1, 3, 6)]
    assert np.allclose(lanczos.transient_growth(A, [1, 3, 6], seed=0), exact, rtol=1e-3)


def test_circular_spectrum_is_exact():
    K = np.random.default_rng(0).standard_normal((3, 3, 3, 5))
    A = dense(ConvolutionOperator(torch.as_tensor(K), (3, 6, 4), padding="circular")).numpy()
    found = circulant.convolution_spectrum(K, (6, 4))
    truth = np.linalg.eigvals(A)
    assert np.abs(found.values[:, None] - truth).min(axis=1).max() < 1e-9
    assert np.abs(found.values[:, None] - truth).min(axis=0).max() < 1e-9
    assert found.residuals.max() < 1e-10
    assert np.allclose(circulant.convolution_singular_values(K, (6, 4)), np.linalg.svd(A, compute_uv=False))


def test_zero_padding_states_its_error():
    K = np.random.default_rng(1).standard_normal((2, 2, 3, 3)) / 6
    A = dense(ConvolutionOperator(torch.as_tensor(K), (2, 12, 12))).numpy()
    found = circulant.convolution_spectrum(K, (12, 12), padding="zeros", n_modes=10)
    # a residual r means that a perturbation of norm r has this eigenvalue: the smallest singular value of A - value is at most r
    for value, residual in zip(found.values, found.residuals, strict=True):
        assert np.linalg.svd(A - value * np.eye(len(A)), compute_uv=False)[-1] <= residual + 1e-12


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: lanczos.singular_values(np.ones((2, 3)), 1, seed=0), NumericsError, "square"),
        (lambda: lanczos.singular_values(np.eye(3), 4, seed=0), NumericsError, "1..3"),
        (lambda: lanczos.singular_values(np.eye(400), 5, seed=0, subspace=5), NumericsError, "at least 8"),
        (lambda: lanczos.transient_growth(np.eye(3), [-1], seed=0), NumericsError, "0 or more"),
        (lambda: circulant.convolution_spectrum(np.ones((2, 2, 2, 2)), (4, 4)), NumericsError, "odd"),
        (lambda: circulant.convolution_spectrum(np.ones((2, 1, 3, 3)), (4, 4)), NumericsError, "as many"),
        (lambda: circulant.convolution_spectrum(np.ones((1, 1, 3, 3)), (4, 4), padding="zero"), ConfigError, "zeros"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
