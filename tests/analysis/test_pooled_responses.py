import numpy as np
import pytest
import torch

from neurodyn.analysis import pooled_responses
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import simulate
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_stimuli


class Maps:
    """One leaky map and one leaky vector."""

    dt_ms, layers, phase, blank = 5.0, ("map", "vector"), ("map", "vector"), torch.zeros(2, 6, 6)

    def encode(self, frame):
        return {"frame": frame}

    def initial_state(self, drive, *, noise=None):
        return {"map": torch.zeros_like(drive["frame"]), "vector": torch.zeros(len(drive["frame"]), 2)}

    def step(self, state, drive, *, noise=None):
        return {"map": 0.5 * state["map"] + drive["frame"], "vector": state["map"].mean((2, 3))}

    def rates(self, state, drive, layers):
        return {k: state[k] for k in layers}

    def readout(self, state):
        return state["vector"]


def test_pools_are_means_of_what_simulate_keeps():
    stimuli = make_stimuli(np.random.default_rng(0).random((5, 2, 6, 6)), label=np.arange(5))
    trial = Schedule.steps(stimulus=4)
    pooled = pooled_responses(Maps(), stimuli, n_pools=3, steps=[1, 3], schedule=trial, batch_size=2)
    whole = simulate(Maps(), stimuli, trial, progress=False)
    maps = whole.values[:, :72, [1, 3]].reshape(5, 2, 3, 2, 3, 2, 2).mean(axis=(3, 5)).reshape(5, 18, 2)
    np.testing.assert_allclose(pooled.values[:, :18], maps, atol=1e-6)
    np.testing.assert_allclose(pooled.values[:, 18:], whole.values[:, 72:, [1, 3]], atol=1e-6)
    assert pooled.time_bin_start.values.tolist() == [5, 15]
    assert pooled.label.values.tolist() == list(range(5))
    assert pooled_responses(Maps(), stimuli, layers=["map"], n_pools=9, schedule=trial).sizes["neuroid"] == 72


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"layers": ["mapp"]}, ConfigError, "did you mean `map`"),
        ({"steps": [99]}, ConfigError, r"expected: 1 or more pools, steps 0\.\.3"),
        ({"n_pools": 0}, ConfigError, "n_pools=0"),
    ],
)
def test_bad_input(kwargs, error, match):
    with pytest.raises(error, match=match):
        pooled_responses(Maps(), make_stimuli(np.zeros((2, 2, 6, 6))), schedule=Schedule.steps(stimulus=4), **kwargs)
    with pytest.raises(SchemaError, match="ndarray"):
        pooled_responses(Maps(), np.zeros((2, 2, 6, 6)))
