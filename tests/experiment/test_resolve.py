"""Resolving names, on an architecture from outside the project."""

import sys
import types
from dataclasses import dataclass

import pytest
import torch

import neurodyn as nd
from neurodyn.errors import ConfigError, DataError, ModelError
from neurodyn.seeding import torch_generator
from neurodyn.training.cards import Card, write_card
from neurodyn.training.checkpoints import save_weights


@dataclass(frozen=True)
class Config:
    n_units: int = 3


class _Tiny(torch.nn.Module):
    dt_ms, layers, phase = None, ("x",), ("x",)

    def __init__(self, config, seed):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(config.n_units, generator=torch_generator(seed, "w")))
        self.blank = torch.zeros(config.n_units, 1, 1)


def build(config, *, seed):
    return _Tiny(config, seed)


@pytest.fixture
def home(tmp_path, monkeypatch):
    outside = types.ModuleType("outside_lab.tiny")
    outside.Config, outside.build = Config, build
    monkeypatch.setitem(sys.modules, "outside_lab", types.ModuleType("outside_lab"))
    monkeypatch.setitem(sys.modules, "outside_lab.tiny", outside)
    monkeypatch.setenv("NEURODYN_HOME", str(tmp_path))
    trained = build(Config(4), seed=1)
    sha = save_weights(trained, tmp_path / "models" / "weights" / "tiny.safetensors", "float32")
    card = {
        "name": "tiny",
        "architecture": "outside_lab.tiny",
        "config": {"n_units": 4},
        "recipe": {"name": "none"},
        "data": "none",
        "seed": 7,
        "weights": {"file": "tiny.safetensors", "sha256": sha, "dtype": "float32"},
        "command": "neurodyn train tiny",
    }
    write_card(Card.model_validate(card), tmp_path / "models" / "tiny.yaml")
    return tmp_path


def test_load(home):
    assert "tiny" in nd.list_models()
    model = nd.load_model("tiny")
    assert not model.training
    assert torch.equal(model.weight, build(Config(4), seed=1).weight)
    assert torch.equal(nd.load_model(home / "models" / "tiny.yaml").weight, model.weight)


def test_untrained_twin(home):
    assert torch.equal(nd.load_model("tiny", untrained=True).weight, build(Config(4), seed=7).weight)
    assert torch.equal(nd.load_model("tiny", untrained=True, seed=2).weight, build(Config(4), seed=2).weight)


def test_bad_names(home):
    with pytest.raises(ConfigError, match="did you mean `tiny`"):
        nd.load_model("tinny")
    with pytest.raises(ConfigError, match="did you mean `n_units`"):
        nd.build("outside_lab.tiny", n_unit=3)
    with pytest.raises(ConfigError, match="cannot be imported"):
        nd.build("no_such.module")


def test_bad_weights(home):
    file = home / "models" / "weights" / "tiny.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    with pytest.raises(DataError, match="truncated or altered"):
        nd.load_model("tiny")
    file.unlink()
    with pytest.raises(DataError, match=r"tiny\.safetensors is missing"):
        nd.load_model("tiny")
    file.write_bytes(whole)
    card = home / "models" / "tiny.yaml"
    card.write_text(card.read_text().replace("n_units: 4", "n_units: 5"))
    with pytest.raises(ModelError, match="another shape"):
        nd.load_model("tiny")
