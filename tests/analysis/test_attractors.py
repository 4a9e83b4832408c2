"""Regimes of systems whose regime is known."""

import numpy as np
import pytest
import torch

from neurodyn.analysis import attractors
from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics import regimes
from neurodyn.testing import systems


def starts(n, k=40, scale=1.0, seed=0):
    return {"x": scale * torch.randn(k, n, generator=torch.Generator().manual_seed(seed))}


def classify(model, state, **options):
    drive = model.encode(model.blank[None])
    return attractors(model, state, drive, **{"n_settle": 300, "n_steps": 200, "seed": 0, "n_traced": 2, **options})


@pytest.mark.parametrize(
    ("model", "n", "regime"),
    [
        (systems.linear_network([0.5, 0.3]), 2, "point"),
        (systems.flip_flop(), 3, "points"),
        (systems.hopfield(), 16, "points"),
        (systems.line_attractor(5), 5, "line"),
        (systems.ring_attractor(), 2, "ring"),
        (systems.limit_cycle(20.5), 2, "limit cycle"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_known_regimes(model, n, regime):
    found = classify(model, starts(n, scale=0.7))
    assert str(found.regime.values) == regime


def test_the_numbers_behind_a_limit_cycle():
    found = classify(systems.limit_cycle(20.5), starts(2, 4, 0.5))
    assert np.allclose(found.period, 20.5, atol=0.2)
    assert np.allclose(found.exponent[0, :2], [0, np.log(0.6)], atol=1e-2)
    assert np.allclose(found.participation_ratio, 2, atol=0.05)


def test_lorenz_is_chaos():
    found = classify(systems.lorenz(0.04), starts(3, 1, 5.0), n_settle=100, n_steps=500, n_exponents=1)
    assert (found.start_regime.values == "chaos").all()
    assert (found.exponent[:, 0] > 0.01).all()


def test_torus_has_two_neutral_directions():
    class Torus(systems.VectorSystem):
        def advance(self, x, u):
            z = torch.view_as_complex(x.reshape(-1, 2, 2).contiguous())
            turn = torch.exp(1j * torch.tensor([0.31, 0.31 * 5**0.5 / 2], dtype=x.dtype))
            z = z * turn * (1 + 0.2 * (1 - z.abs() ** 2))
            return torch.view_as_real(z).reshape(-1, 4) + u

    model = Torus(np.ones(4) / 2, np.zeros(4), dt_ms=None, truth={})
    assert str(classify(model, starts(4, 3)).regime.values) == "torus"


@pytest.mark.parametrize("model", [systems.rotation(0.3, 0.995), systems.linear_network([0.99, 0.9]), systems.linear_network([0.999, 0.9])], ids=str)
def test_what_is_still_settling_is_no_cycle(model):
    found = classify(model, starts(2, 3))
    assert (found.start_regime.values == "unsettled").all()


@pytest.mark.parametrize(("angle", "radius"), [(0.3, 0.9995), (0.1, 0.9995), (0.1, 0.9999), (0.3, 0.99995), (0.3, 1.0002)])
def test_a_slowly_turning_transient_is_no_cycle(angle, radius):
    found = classify(systems.rotation(angle, radius), starts(2, 2))
    assert (np.abs(found.exponent) < 2e-3).all()  # which count as 0
    assert (found.start_regime.values == "unsettled").all()


@pytest.mark.parametrize("period", [7.3, 20.5, 60.7])
def test_a_cycle_that_has_been_reached_stays_one(period):
    assert str(classify(systems.limit_cycle(period), starts(2, 2, 0.5)).regime.values) == "limit cycle"


def test_an_orbit_between_two_points_is_a_cycle():
    class Logistic(systems.VectorSystem):
        def advance(self, x, u):
            return 3.2 * x * (1 - x)

    found = classify(Logistic(np.array([0.3]), np.zeros(1), dt_ms=None, truth={}), {"x": torch.tensor([[0.2], [0.7]])}, n_exponents=1)
    assert str(found.regime.values) == "limit cycle"
    assert float(found.exponent.max()) < -0.5
    assert np.allclose(found.period, 2)


def test_order_of_starts_does_not_matter():
    model, state = systems.flip_flop(2), starts(2)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    a, b = classify(model, state), classify(model, {"x": state["x"][order]})
    assert int(a.n_rest_points) == int(b.n_rest_points) == 4
    assert np.allclose(a.speed.values[order], b.speed.values)


def test_shapes_of_clouds():
    t = np.linspace(0, 1, 80)
    line = regimes.curve_of_points(np.stack([t, t**2, 0 * t], 1))
    assert line.closure > 0.9
    assert line.dimension < 1.2
    plane = regimes.curve_of_points(np.random.default_rng(0).random((300, 2)))
    assert plane.dimension > 1.4


def test_bad_input():
    with pytest.raises(ConfigError, match="20 steps"):
        classify(systems.flip_flop(), starts(3), n_steps=5)
    with pytest.raises(NumericsError, match="8 points"):
        regimes.curve_of_points(np.ones((3, 2)))
    with pytest.raises(NumericsError, match="8 steps"):
        regimes.recurrence_period(np.ones((3, 2)))
    with pytest.raises(NumericsError, match="lags"):
        regimes.autocorrelation(np.ones((3, 2)), 5)
