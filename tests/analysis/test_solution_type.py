import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.analysis import solution_type
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_stimuli


class Scalar(torch.nn.Module):
    """One unit with the map r <- f(r) + input; logits (0, r - threshold)."""

    def __init__(self, f, kick=None):
        super().__init__()
        self.f, self.kick, self.dt_ms, self.layers, self.phase = f, kick, 2.0, ("x",), ("x",)
        self.trial = nd.Schedule.steps(before=5, stimulus=20)
        self.register_buffer("blank", torch.zeros(1, 1, 1))

    def encode(self, frame):
        return {"x": frame.flatten(1)}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["x"]), "clock": torch.zeros_like(drive["x"])}

    def step(self, state, drive, *, noise=None):
        gate = (state["clock"] < 15).float() if self.kick else 1.0
        shown = (drive["x"] > 0).float()
        return {"x": self.f(state["x"]) + gate * drive["x"], "clock": (state["clock"] + 1) * shown}

    def rates(self, state, drive, layers):
        return {"x": state["x"]}

    def readout(self, state):
        return torch.cat([torch.zeros_like(state["x"]), state["x"] - 0.3], 1)


STIMULI = make_stimuli(np.full((4, 1, 1, 1), 0.5))


@pytest.mark.parametrize(
    ("f", "kick", "steady", "mono"),
    [
        (lambda r: 0.5 * r, False, 1, 1),  # a leaky unit: holds its answer, forgets it
        (lambda r: 0.9 * r, True, 0, 1),  # driven for 15 steps only: the answer passes
        (lambda r: 2 * torch.tanh(2 * r), False, 1, 0),  # two stable states: remembers for ever
    ],
)
def test_known_solutions(f, kick, steady, mono):
    ds = solution_type(Scalar(f, kick).eval(), STIMULI, [1] * 4, seed=0)
    assert (int(ds.steady_state), int(ds.mono_stable)) == (steady, mono)
    assert ds.accuracy.sizes["time_bin"] == 60
    assert float(ds.accuracy_trained) == 1.0


def test_the_digits_model_is_steady_and_mono_stable():
    from neurodyn.datasets import digits

    stimuli, labels = digits.load("test", image_size=16, n=60)
    ds = solution_type(nd.load_model("cordsnet-digits"), stimuli, labels, schedule=nd.Schedule.ms(before=60, stimulus=80), rest_steps=150, seed=0)
    assert int(ds.steady_state) == int(ds.mono_stable) == 1
    assert ds.sizes["start"] == 17


def test_bad_input():
    model = Scalar(lambda r: 0.5 * r).eval()
    with pytest.raises(SchemaError, match="1 labels for 4 stimuli"):
        solution_type(model, STIMULI, [1], seed=0)
    with pytest.raises(ConfigError, match=r"`prolong` is 0\.5"):
        solution_type(model, STIMULI, [1] * 4, prolong=0.5, seed=0)
