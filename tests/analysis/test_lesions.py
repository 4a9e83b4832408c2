"""Lesions do to a network what its equations say, and controls are matched."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.analysis.lesions import LesionedModel, lesions, selectivity_classes
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.testing.toys import ConvNetwork


class Votes(torch.nn.Module):
    """Eight channels, of which 0-3 carry the answer (one class each) and 4-7 noise of like variance."""

    dt_ms = None
    layers = ("x",)
    phase = ("x",)

    def __init__(self):
        super().__init__()
        self.register_buffer("blank", torch.zeros(8, 1, 1))
        self.eval()

    def encode(self, frame):
        return {"u": frame.flatten(1)}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["u"])}

    def step(self, state, drive, *, noise=None):
        return {"x": 0.5 * state["x"] + drive["u"]}

    def rates(self, state, drive, layers):
        return {k: state["x"] for k in layers}

    def readout(self, state):
        return state["x"][:, :4]


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 4, 80)
    pixels = np.concatenate([np.eye(4)[label], rng.permuted(np.eye(4)[label], axis=1)], axis=1)
    return make_stimuli(pixels[:, :, None, None], label=label)


def test_only_what_carries_the_answer_is_missed(images):
    ds = lesions(Votes(), images, "x", {"votes": [1, 2], "noise": [4, 5]}, n_controls=6, n_resamples=300, seed=0, schedule=nd.Schedule.steps(stimulus=4))
    assert float(ds.accuracy_intact) == 1.0
    share = np.isin(images.label.values, [1, 2]).mean()
    assert abs(float(ds.loss.sel(group="votes", kind="output")) - share) < 0.3  # silent classes can still win a tie
    assert float(ds.loss.sel(group="noise", kind="output")) == 0.0
    assert float(ds.excess_low.sel(group="votes", kind="output")) > 0
    assert (ds.loss.sel(kind="lateral") == 0).all()  # no channel talks to another
    assert (ds.loss_low <= ds.loss).all()
    assert (ds.loss <= ds.loss_high).all()


def test_lateral_lesions_spare_the_output_and_the_channel_itself():
    model = ConvNetwork()
    drive = model.encode(torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)))
    state = model.step(model.initial_state(drive), drive)
    lesioned = LesionedModel(model, "V2", [1], "lateral").step(state, drive)
    intact, gone = model.step(state, drive), LesionedModel(model, "V2", [1], "output").step(state, drive)
    torch.testing.assert_close(lesioned["V1"], intact["V1"])  # feedback still sees it
    torch.testing.assert_close(lesioned["V2"][:, 1], intact["V2"][:, 1])
    assert not torch.equal(lesioned["V2"][:, 0], intact["V2"][:, 0])
    assert gone["V2"][:, 1].abs().max() == 0


@pytest.mark.parametrize("kind", ["output", "lateral"])
def test_a_lesioned_model_keeps_the_contract(kind):
    nd.check_model(LesionedModel(ConvNetwork(), "V1", [0, 2], kind))


def test_classes():
    groups = selectivity_classes(np.array([1, 0.1, 0.9, 0.2]), np.array([0.1, 1, 0.8, 0.2]), np.array([1.1, 1.1, 1.0, 2.0]), 1)
    assert groups == {"space": [0], "time": [1], "both": [2], "spacetime": [3]}


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"groups": {"all": range(8)}}, ConfigError, "too few others"),
        ({"groups": {"none": []}}, ConfigError, "some of 0..7"),
        ({"groups": {"far": [9]}}, ConfigError, "some of 0..7"),
        ({"layer": "y"}, ConfigError, "unknown layer"),
        ({"kinds": ["outputs"]}, ConfigError, "did you mean `output`"),
        ({"n_controls": 0}, ConfigError, "at least one"),
    ],
)
def test_bad_input(images, change, kind, says):
    arguments = {"layer": "x", "groups": {"a": [0]}, "n_controls": 1, "seed": 0, **change}
    with pytest.raises(kind, match=says):
        lesions(Votes(), images, arguments.pop("layer"), arguments.pop("groups"), **arguments)


def test_labels_are_required(images):
    with pytest.raises(SchemaError, match="no coord `label`"):
        lesions(Votes(), images.drop_vars("label"), "x", {"a": [0]}, seed=0)
