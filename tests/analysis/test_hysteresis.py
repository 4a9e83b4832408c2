"""Up and down: systems with one and with two stable states."""

import numpy as np
import pytest
import torch

from neurodyn.analysis import hysteresis
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.testing import systems


class Bistable(systems.VectorSystem):
    """x <- tanh(gain x + input): two stable states at small inputs where the gain is above 1."""

    def __init__(self, gain):
        super().__init__(np.zeros(1), np.zeros(1), dt_ms=None, truth={})
        self.gain = gain

    def advance(self, x, u):
        return torch.tanh(self.gain * x + u)


def drives(*values):
    return [{"x": torch.tensor([[v]])} for v in values]


def sweep(gain, **options):
    model = Bistable(gain)
    low, high = drives(-2.0, 2.0)
    (key,) = model.encode(model.blank[None])
    low, high = ({key: v["x"]} for v in (low, high))
    return hysteresis(model, {"x": torch.zeros(2, 1)}, low, high, **{"n_levels": 41, "n_settle": 100, **options})


def test_two_stable_states_make_a_loop_of_the_known_width():
    gain = 2.0
    found = sweep(gain)
    # the fold: 1 = gain (1 - x^2), where the input is atanh(x) - gain x
    x = np.sqrt(1 - 1 / gain)
    fold = abs(np.arctanh(x) - gain * x)
    inside = np.abs(-2 + 4 * found.level.values) < fold - 0.05
    outside = np.abs(-2 + 4 * found.level.values) > fold + 0.05
    assert (found.gap.values[:, inside] > 0.5).all()
    assert (found.gap.values[:, outside] < 1e-3).all()
    assert found.hysteretic.values.tolist() == [1, 1]
    assert found.mono_stable.values.tolist() == [0, 0]
    assert float(found.width[0]) == pytest.approx(2 * fold / 4, abs=0.05)


def test_one_stable_state_has_no_memory():
    found = sweep(0.5)
    assert found.mono_stable.values.tolist() == [1, 1]
    assert found.hysteretic.values.tolist() == [0, 0]
    assert float(found.width.max()) == 0
    level = found.level.values
    x = found.state.values[0, 0, :, 0]
    np.testing.assert_allclose(x, np.tanh(0.5 * x - 2 + 4 * level), atol=1e-9)


def test_lagging_behind_is_not_hysteresis():
    model = systems.linear_network([0.999])
    low, high = (model.encode(torch.full((1, 1, 1, 1), c)) for c in (0.0, 1.0))
    found = hysteresis(model, model.initial_state(low), low, high, n_levels=5, n_settle=20)
    assert float(found.gap.max()) > 0.05
    assert found.hysteretic.item() == found.mono_stable.item() == 0


def test_bad_input():
    model = systems.linear_network([0.5])
    low = model.encode(torch.zeros(1, 1, 1, 1))
    with pytest.raises(ConfigError, match="2 or more levels"):
        hysteresis(model, model.initial_state(low), low, low, n_levels=1)
    with pytest.raises(SchemaError, match="the same keys"):
        hysteresis(model, model.initial_state(low), low, {"y": torch.zeros(1, 1)})
    with pytest.raises(SchemaError):
        hysteresis(model, {"z": torch.zeros(1, 1)}, low, low)
