"""Fixed points: closed forms, scipy's root finder, properties, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import root

from neurodyn.errors import ConfigError, ConvergenceWarning, NumericsError
from neurodyn.numerics import newton_krylov
from neurodyn.testing import systems


def rate_map(weight, alpha=0.2):
    W = torch.as_tensor(weight)
    return lambda x: x + alpha * (-x + torch.tanh(x @ W.T))


def starts(n, k=256, scale=1.0, seed=0):
    return scale * torch.randn(k, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def found_all(states, truth, distance=1e-6):
    gap = torch.cdist(states, torch.as_tensor(truth, dtype=states.dtype)).min(dim=0).values
    return bool((gap < distance).all())


def vector_map(model):
    model = model.double()
    return lambda x: model.advance(x, model.encode(model.blank[None].double())["u"].expand(len(x), -1))


@pytest.mark.parametrize("method", ["union", "newton"])
def test_flip_flop_has_27(method):
    model = systems.flip_flop()
    found = newton_krylov.fixed_points(vector_map(model), starts(3, 400), seed=0, method=method)
    assert len(found.states) == 27
    assert found_all(found.states, model.truth["fixed_points"])
    assert found.speeds.max() < 1e-10
    assert found.converged.all()


def test_hopfield_patterns():
    model = systems.hopfield()
    found = newton_krylov.fixed_points(vector_map(model), starts(16, 400), seed=0)
    assert found_all(found.states, model.truth["fixed_points"])


def test_line_attractor_points_all_lie_on_the_line():
    model = systems.line_attractor(5)
    found = newton_krylov.fixed_points(vector_map(model), starts(5, 64), seed=0)
    direction = torch.as_tensor(model.truth["direction"])
    off = found.states - (found.states @ direction)[:, None] * direction
    assert off.norm(dim=1).max() < 1e-6


def test_against_scipy_root():
    W = 1.5 * np.random.default_rng(0).standard_normal((20, 20)) / np.sqrt(20)
    step = rate_map(W)
    found = newton_krylov.fixed_points(step, starts(20, 128), seed=0)
    theirs = []
    for x0 in starts(20, 60, seed=1).numpy():
        answer = root(lambda x: np.tanh(W @ x) - x, x0, tol=1e-12)
        if answer.success:
            theirs.append(answer.x)
    assert found_all(found.states, np.array(theirs))


def test_gmres_agrees_with_dense():
    W = 1.6 * np.random.default_rng(1).standard_normal((60, 60)) / np.sqrt(60)
    x0 = starts(60, 24)
    _, fast = newton_krylov.newton(rate_map(W), x0, tol=1e-10)
    _, slow = newton_krylov.newton(rate_map(W), x0, tol=1e-10, dense_up_to=0)
    assert (fast < 1e-8).sum() >= 0.5 * len(x0)
    assert (slow < 1e-8).sum() >= 0.5 * len(x0)


def test_slow_points_on_request():
    step = lambda x: x + 0.05 * (x**2 + 1e-4)  # noqa: E731  a saddle-node just after it vanished
    with pytest.warns(ConvergenceWarning, match="slow_speed"):
        none = newton_krylov.fixed_points(step, torch.linspace(-0.5, 0.1, 21, dtype=torch.float64)[:, None], seed=0)
    assert len(none.states) == 0
    with pytest.warns(ConvergenceWarning):
        slow = newton_krylov.fixed_points(step, torch.linspace(-0.5, 0.1, 21, dtype=torch.float64)[:, None], seed=0, slow_speed=1e-4)
    assert len(slow.states) >= 1
    assert not slow.converged.any()
    assert np.abs(slow.states.numpy()).min() < 0.02


@given(st.integers(0, 1000))
def test_every_point_is_fixed_and_counts_add_up(seed):
    W = 1.4 * np.random.default_rng(seed).standard_normal((6, 6)) / np.sqrt(6)
    step = rate_map(W)
    found = newton_krylov.fixed_points(step, starts(6, 40, seed=seed), seed=0)
    assert torch.allclose(step(found.states), found.states, atol=1e-7)
    assert found.counts.sum() == (found.assignments >= 0).sum() <= 40
    distance = torch.cdist(found.states, found.states) + torch.eye(len(found.states), dtype=torch.float64)
    assert distance.min() > 1e-6


@pytest.mark.parametrize(
    ("step", "x0", "options", "error", "match"),
    [
        (torch.tanh, torch.zeros(3), {}, NumericsError, "start, n"),
        (torch.tanh, torch.zeros(3, 2, dtype=torch.int64), {}, NumericsError, "floating"),
        (torch.tanh, torch.full((3, 2), float("nan")), {}, NumericsError, "finite"),
        (lambda x: x[:, :1], torch.zeros(3, 2), {}, NumericsError, "shape"),
        (lambda x: x * float("nan"), torch.zeros(3, 2), {}, NumericsError, "NaN"),
        (torch.tanh, torch.zeros(3, 2), {"method": "adam"}, ConfigError, "anderson"),
        (torch.tanh, torch.zeros(3, 2), {"tol": -1.0}, ConfigError, "above 0"),
    ],
)
def test_bad_input(step, x0, options, error, match):
    with pytest.raises(error, match=match):
        newton_krylov.fixed_points(step, x0, seed=0, **options)
