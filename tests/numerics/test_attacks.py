"""Attacks: closed forms on linear losses, torchattacks as an oracle, budgets as properties, refusals."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics import attacks


def linear(weights):
    return lambda x: (x * weights).flatten(1).sum(1)


def inside(n=4, shape=(3, 6, 6), seed=0, low=0.3, high=0.7):
    return low + (high - low) * torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2), torch.nn.Tanh(), torch.nn.Flatten(), torch.nn.Linear(32, 5))
    return model.eval()


def cross_entropy(model, labels):
    return lambda x: torch.nn.functional.cross_entropy(model(x), labels, reduction="none")


def test_the_best_attack_on_a_linear_loss_is_known():
    x, w = inside(), torch.randn(3, 6, 6, generator=torch.Generator().manual_seed(1))
    sup, ball = x + 0.05 * w.sign(), x + 0.05 * w / w.norm()
    torch.testing.assert_close(attacks.fgsm(linear(w), x, 0.05), sup)
    torch.testing.assert_close(attacks.fgsm(linear(w), x, 0.05, norm="l2"), ball)
    torch.testing.assert_close(attacks.pgd(linear(w), x, 0.05, seed=0), sup, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(attacks.pgd(linear(w), x, 0.05, norm="l2", random_start=False, seed=0), ball, atol=1e-6, rtol=1e-6)
    gained = linear(w)(attacks.pgd(linear(w), x, 0.05, norm="l2", n_steps=100, seed=0)) - linear(w)(x)
    assert float(gained.min()) > 0.98 * 0.05 * float(w.norm())  # what a random start adds sideways shrinks by a fortieth a step


@pytest.mark.parametrize(("norm", "name", "budget"), [("linf", "PGD", 8 / 255), ("l2", "PGDL2", 0.5)])
def test_projected_gradients_agree_with_torchattacks(network, norm, name, budget):
    torchattacks = pytest.importorskip("torchattacks", exc_type=Exception)
    x, labels = inside(8), torch.arange(8) % 5
    size = 2.5 * budget / 20
    oracle = getattr(torchattacks, name)(network, eps=budget, alpha=size, steps=20, random_start=False)(x, labels)
    ours = attacks.pgd(cross_entropy(network, labels), x, budget, norm=norm, n_steps=20, random_start=False, seed=0)
    torch.testing.assert_close(ours, oracle, atol=2e-6, rtol=0)  # float32; gradients are scaled by the batch size there
    assert float((ours - x).abs().max()) > 0.9 * (budget if norm == "linf" else 0.02)


def test_one_gradient_step_agrees_with_torchattacks(network):
    torchattacks = pytest.importorskip("torchattacks", exc_type=Exception)
    x, labels = inside(8), torch.arange(8) % 5
    torch.testing.assert_close(attacks.fgsm(cross_entropy(network, labels), x, 0.03), torchattacks.FGSM(network, eps=0.03)(x, labels), atol=1e-7, rtol=0)


@given(st.sampled_from(["linf", "l2"]), st.floats(0, 0.6), st.integers(0, 99), st.booleans())
def test_changes_stay_in_the_ball_and_the_box(norm, budget, seed, start):
    x = inside(3, (1, 4, 4), seed, 0.0, 1.0)
    w = torch.randn(1, 4, 4, generator=torch.Generator().manual_seed(seed))
    y = attacks.pgd(lambda v: (v * w).pow(2).flatten(1).sum(1), x, budget, norm=norm, n_steps=3, random_start=start, seed=seed)
    change = (y - x).flatten(1)
    size = change.abs().amax(1) if norm == "linf" else change.norm(dim=1)
    assert float(y.min()) >= 0 and float(y.max()) <= 1 and float(size.max()) <= budget * (1 + 1e-5) + 1e-6


def test_a_larger_budget_never_does_less(network):
    x, labels = inside(100), torch.arange(100) % 5
    loss = cross_entropy(network, labels)
    with torch.no_grad():
        values = [float(loss(attacks.pgd(loss, x, b, seed=0)).mean()) for b in (0.0, 0.01, 0.02, 0.05, 0.1)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(float(loss(x).mean().detach()), rel=1e-6)


def test_rows_do_not_see_each_other(network):
    x, labels = inside(6), torch.arange(6) % 5
    whole = attacks.pgd(cross_entropy(network, labels), x, 0.03, random_start=False, seed=0)
    part = attacks.pgd(cross_entropy(network, labels[2:4]), x[2:4], 0.03, random_start=False, seed=0)
    torch.testing.assert_close(whole[2:4], part, atol=1e-6, rtol=0)


def test_the_search_without_gradients_finds_a_linear_optimum_and_never_lowers_the_loss(network):
    x, w = inside(2), torch.ones(3, 6, 6)
    found = attacks.random_search(linear(w), x, 0.05, n_queries=300, seed=0)
    assert float((linear(w)(found) - linear(w)(x)).min()) > 0.8 * 0.05 * 108
    labels = torch.arange(2)
    loss = cross_entropy(network, labels)
    assert bool((loss(attacks.random_search(loss, x, 0.05, n_queries=20, seed=0)) >= loss(x)).all())


def test_seeds_decide_the_start():
    x, w = inside(), torch.zeros(3, 6, 6)
    a, b, c = (attacks.pgd(linear(w), x, 0.1, n_steps=1, seed=s) for s in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"budget": -0.1}, ConfigError, "0 to 1, the size of the box"),
        ({"budget": 8.0}, ConfigError, "budget=8 / 255"),
        ({"budget": float("nan")}, ConfigError, "`budget` is nan"),
        ({"budget": 100.0, "norm": "l2"}, ConfigError, "0 to 10.39"),
        ({"norm": "l1"}, ConfigError, "unknown norm `l1`"),
        ({"n_steps": 0}, ConfigError, "1 or more"),
        ({"step_size": -1.0}, ConfigError, "step_size=None"),
        ({"x": inside() + 1}, NumericsError, "x.clamp"),
        ({"loss": lambda x: x.sum()}, NumericsError, 'reduction="none"'),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    given_ = {"loss": linear(torch.ones(3, 6, 6)), "x": inside(), "budget": 0.1, "seed": 0, **arguments}
    with pytest.raises(error, match=message):
        attacks.pgd(given_.pop("loss"), given_.pop("x"), given_.pop("budget"), **given_)


def test_the_search_wants_images():
    with pytest.raises(NumericsError, match="channel, row, column"):
        attacks.random_search(lambda x: x.sum(1), torch.from_numpy(np.full((2, 3), 0.5, np.float32)), 0.1, seed=0)
