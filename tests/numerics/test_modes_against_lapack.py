"""Every returned mode right and none missed: random, trained, non-normal and near-defective operators against LAPACK and against construction.

The same at 4,000 units: ``benchmarks/accuracy.py``.
"""

import warnings

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

import neurodyn as nd
from neurodyn.dynamics import linearise
from neurodyn.errors import AccuracyWarning
from neurodyn.numerics import arnoldi
from neurodyn.stimuli.cognitive import cognitive


def paired(found, truth):
    """Distance of every found value to its partner among the leading true ones."""
    top = truth[np.argsort(-np.abs(truth), kind="stable")][: len(found)]
    gap = np.abs(top[:, None] - found[None, :])
    rows, columns = linear_sum_assignment(gap)
    out = np.empty(len(found))
    out[columns] = gap[rows, columns]
    return out


def trained_operators():
    model = nd.load_model("cordsnet-digits")
    kernel = model.recurrent_kernel("area0").detach().double()
    gate = (torch.rand(8, 9, 9, generator=torch.Generator().manual_seed(0)) > 0.4).double()
    yield linearise.ConvolutionOperator(kernel, (8, 9, 9))
    yield linearise.ConvolutionOperator(kernel, (8, 9, 9), gate=gate)
    rnn = nd.load_model("rnn-memory-convolutional").double()
    state, drive = nd.state_at(rnn, cognitive("memory_pro", seed=0, n_angles=3), None, step=64)
    many = linearise.jacobian(rnn, {k: v.double() for k, v in state.items()}, {k: v.double() for k, v in drive.items()})
    yield many.row(1)


@pytest.mark.parametrize("operator", trained_operators(), ids=["kernel", "gated kernel", "step of a memory network"])
def test_trained(operator):
    A = linearise.dense(operator).numpy()
    n_modes = min(60, len(A) // 3)
    found = arnoldi.leading_eigenpairs(operator, n_modes, seed=0)
    truth = np.linalg.eigvals(A)
    assert found.converged.all()
    assert paired(found.values, truth).max() < 1e-6 * np.abs(truth).max()


@pytest.mark.parametrize("strength", [1.0, 3.0, 5.0])
def test_non_normal_with_known_values(strength):
    rng = np.random.default_rng(1)
    n = 400
    basis = np.eye(n) + strength * np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    radius, angle = np.sqrt(rng.random(n // 2)), np.pi * rng.random(n // 2)
    D = np.zeros((n, n))
    for i, (a, b) in enumerate(zip(radius * np.cos(angle), radius * np.sin(angle), strict=True)):
        D[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[a, -b], [b, a]]
    A = basis @ D @ np.linalg.inv(basis)
    truth = np.concatenate([radius * np.exp(1j * angle), radius * np.exp(-1j * angle)])
    found = arnoldi.leading_eigenpairs(A, 20, seed=0, left=True)
    assert found.conditions.max() < 1e6
    assert paired(found.values, truth).max() < 1e-6


@pytest.mark.parametrize("gap", [1e-3, 1e-4])
def test_near_defective_says_so_and_stays_within_its_condition(gap):
    n, size = 400, 4
    values = np.linspace(-0.5, 0.5, n)
    A = np.diag(values)
    for k in range(3):
        block = slice(size * k, size * (k + 1))
        A[block, block] = np.diag(1 - 0.1 * k + gap * np.arange(size)) + 0.2 * np.eye(size, k=1)
    truth = np.sort(np.diag(A))[::-1].astype(complex)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((n, n)))[0]
    with pytest.warns(AccuracyWarning, match="condition numbers"):
        found = arnoldi.leading_eigenpairs(turn @ A @ turn.T, 12, seed=0, left=True)
    assert found.converged.all()
    floor = 1e-15 * np.sqrt(n)  # rounding of the rotated matrix is a residual too
    assert (paired(found.values, truth) <= 10 * found.conditions * np.maximum(found.residuals, floor)).all()


def test_a_warm_start_costs_less_and_changes_nothing():
    A = np.random.default_rng(0).standard_normal((600, 600)) / np.sqrt(600)
    A = A + A.T
    step = 1e-4 * np.random.default_rng(1).standard_normal((600, 600)) / np.sqrt(600)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = arnoldi.leading_eigenpairs(A, 6, seed=0)
        cold = arnoldi.leading_eigenpairs(A + step, 6, seed=0, verify=False)
        warm = arnoldi.leading_eigenpairs(A + step, 6, seed=0, verify=False, start=before.right_vectors)
    np.testing.assert_allclose(np.sort(warm.values), np.sort(cold.values), atol=1e-7)
    assert warm.n_matvecs < cold.n_matvecs
