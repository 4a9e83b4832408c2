"""Lyapunov spectra: linear maps, the limit cycle and Lorenz; properties; bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import NumericsError
from neurodyn.numerics import lyapunov
from neurodyn.testing import systems


def vector_map(model):
    model = model.double()
    drive = model.encode(torch.zeros(1, *model.blank.shape, dtype=torch.float64))["u"]
    return lambda x: model.advance(x, drive.expand(len(x), -1))


@given(st.integers(0, 1000))
def test_linear_map(seed):
    rng = np.random.default_rng(seed)
    values = np.sort(rng.uniform(0.2, 2.0, 4))[::-1]
    turn, _ = np.linalg.qr(rng.standard_normal((4, 4)))
    A = torch.from_numpy(turn @ np.diag(values) @ turn.T)
    found = lyapunov.spectrum(lambda x: x @ A.T, torch.zeros(4, dtype=torch.float64), 4, 20, seed=0, burn_in=0)
    assert found.exponents.sum() == pytest.approx(np.log(values).sum(), abs=1e-10)  # the volume contracts by the determinant at every step


def test_limit_cycle():
    model = systems.limit_cycle(20)
    found = lyapunov.spectrum(vector_map(model), torch.tensor([1.0, 0.0], dtype=torch.float64), 2, 400, seed=0, burn_in=200)
    assert np.allclose(found.exponents, model.truth["lyapunov"], atol=1e-6)


def test_lorenz():
    step = vector_map(systems.lorenz(0.02))
    x = torch.tensor([0.0, 0.0, 25.0], dtype=torch.float64) + torch.randn(512, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for _ in range(1250):  # 25 units of time: the attractor mixes slowly
        x = step(x)
    found = lyapunov.spectrum(step, x, 1, 1750, dt=0.02, seed=0, burn_in=150, qr_every=10)
    assert found.exponents[0] == pytest.approx(0.906, abs=0.01)
    assert found.errors[0] < 0.005
    assert found.trace.shape == (175, 1)


@pytest.mark.parametrize(
    ("start", "options", "match"),
    [
        (torch.zeros(2, 2, 2), {}, "trajectory, n"),
        (torch.zeros(3), {"n_exponents": 4}, "1..3"),
        (torch.zeros(3), {"n_steps": 0}, "positive"),
        (torch.full((3,), 1e30), {"n_steps": 20}, "bounded"),
    ],
)
def test_bad_input(start, options, match):
    options = {"n_exponents": 1, "n_steps": 5, **options}
    with pytest.raises(NumericsError, match=match):
        lyapunov.spectrum(lambda x: x**2, start, seed=0, **options)
