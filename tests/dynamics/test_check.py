"""check_model lets sound models through and names the cause and the mend for each broken clause."""

import re

import pytest
import torch

import neurodyn as nd
from neurodyn.errors import ModelError
from neurodyn.testing import systems
from neurodyn.testing.toys import TOYS, ConvNetwork


@pytest.mark.parametrize("name", TOYS)
def test_every_toy_keeps_the_contract(name):
    model = TOYS[name]()
    assert nd.check_model(model) is model


@pytest.mark.parametrize("name", [n for n in systems.__all__ if n not in ("VectorSystem", "linear_network")])
def test_every_system_keeps_the_contract(name):
    nd.check_model(getattr(systems, name)())


class Remembers(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        self.kept = getattr(self, "kept", 0) + 1
        return {k: v + self.kept for k, v in super().step(state, drive).items()}


class InPlace(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        state["V1"] += 1
        return super().step(state, drive)


class Global(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        torch.rand(1)
        return super().step(state, drive)


class BatchMean(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        return {k: v - v.mean(0) for k, v in super().step(state, drive).items()}


class Reordered(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        return dict(reversed(super().step(state, drive).items()))


class Grows(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        return {**super().step(state, drive), "new": state["V1"]}


class Explodes(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        return {k: v / 0 for k, v in super().step(state, drive).items()}


class Single(ConvNetwork):
    def initial_state(self, drive, *, noise=None):
        return {k: torch.zeros(v.shape) for k, v in super().initial_state(drive).items()}

    def step(self, state, drive, *, noise=None):
        return {k: v.float() for k, v in super().step(state, drive).items()}


class Detached(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        return {k: v.detach() for k, v in super().step(state, drive).items()}


class RowNoise(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        new = super().step(state, drive)
        if noise is not None:
            new["V1"] = new["V1"] + torch.arange(len(new["V1"]))[:, None, None, None]
        return new


class EncodesBadly(ConvNetwork):
    def encode(self, frame):
        return {"input": super().encode(frame)["input"][0]}


class TouchesFrame(ConvNetwork):
    def encode(self, frame):
        frame.mul_(0.5)
        return super().encode(frame)


class Raises(ConvNetwork):
    def step(self, state, drive, *, noise=None):
        return {"V1": drive["nothing"]}


class ExtraRates(ConvNetwork):
    def rates(self, state, drive, layers):
        return {"input": drive["input"], **state}


class Counts(ConvNetwork):
    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def encode(self, frame):
        self.count += 1
        return super().encode(frame)


class Finishes(ConvNetwork):
    def finished(self, state):
        return state["V1"].sum()


def changed(**members):
    model = ConvNetwork()
    for name, value in members.items():
        setattr(model, name, value)
    return model


BROKEN = {
    "nothing": (lambda: object(), "has no dt_ms.*fix: neurodyn.as_dynamical"),
    "train mode": (lambda: ConvNetwork().train(), "train mode.*model.eval"),
    "dt": (lambda: changed(dt_ms=-1.0), "dt_ms is -1"),
    "layers": (lambda: changed(layers=["V1"]), "layers is .*tuple"),
    "no layer": (lambda: changed(layers=()), "layers is empty"),
    "unknown layer": (lambda: changed(layers=("V1", "V9")), "V9"),
    "twice": (lambda: changed(layers=("V1", "V1")), "twice"),
    "unknown phase": (lambda: changed(phase=("V9",)), "phase names .*V9"),
    "phase order": (lambda: changed(phase=("V2", "V1")), "order"),
    "blank batch": (lambda: changed(blank=torch.zeros(1, 1, 8, 8)), "without a batch axis"),
    "blank finite": (lambda: changed(blank=torch.full((1, 8, 8), float("nan"))), "blank.*finite"),
    "memory": (Remembers, "shown again.*into the state"),
    "in place": (InPlace, "changes `V1` of the state.*in-place"),
    "global rng": (Global, "global generator"),
    "batch": (BatchMean, "alone than in a batch"),
    "order": (Reordered, "in the order"),
    "grows": (Grows, "added first: new"),
    "explodes": (Explodes, "not finite"),
    "single": (Single, "float64"),
    "detached": (Detached, "cuts the gradient"),
    "row noise": (RowNoise, "with noise on.*draws by presentation"),
    "encode": (EncodesBadly, "batch first"),
    "frame": (TouchesFrame, "changes `frame`"),
    "raises": (Raises, "step raised KeyError"),
    "rates": (ExtraRates, "returns other layers too"),
    "buffers": (Counts, "changes its own first: count"),
    "finished": (Finishes, "a bool Tensor"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_clauses(case):
    make, says = BROKEN[case]
    with pytest.raises(ModelError) as refused:
        nd.check_model(make())
    assert re.search(says, str(refused.value), re.DOTALL), str(refused.value)
