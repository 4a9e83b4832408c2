"""Training by a card: parameters are checked, weights are written, and --ship writes the card."""

import shutil

import pytest

from neurodyn import places
from neurodyn.errors import ConfigError, ModelError
from neurodyn.experiment.resolve import card_of, load_model
from neurodyn.experiment.train import train_card

CARD = """
name: tiny
architecture: cordsnet
config: {depth: 2, channels: 2, image_size: 8, n_classes: 10, in_channels: 1, stem_kernel: 3, stem_stride: 1, pool: false}
recipe: {name: tiny_recipe, parameters: {gain: 2.0}}
data: none
seed: 3
command: neurodyn train tiny
"""
RECIPE = """
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Parameters:
    gain: float = 1.0


def train(model, parameters, *, seed, folder, progress=None):
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(parameters.gain)
    return {"test_accuracy": 0.5, "seed": seed, "note": "text is not a metric"}
"""


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home" / "models" / "tiny.yaml").write_text(CARD.replace("tiny_recipe", "tiny_recipes.tiny_recipe"), encoding="utf-8")
    (tmp_path / "tiny_recipes").mkdir()
    (tmp_path / "tiny_recipes" / "__init__.py").touch()
    (tmp_path / "tiny_recipes" / "tiny_recipe.py").write_text(RECIPE, encoding="utf-8")
    monkeypatch.setenv("NEURODYN_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "home" / "models" / "tiny.yaml"
    shutil.rmtree(tmp_path / "home")


def test_training_writes_weights_and_leaves_the_card_alone(tiny):
    metrics, path = train_card("tiny")
    assert metrics["test_accuracy"] == 0.5
    assert path == places.results_dir() / "training" / "tiny" / "tiny.safetensors"
    assert path.is_file()
    assert card_of("tiny").weights is None


def test_shipping_writes_weights_digest_and_metrics(tiny):
    _, path = train_card("tiny", ship=True)
    assert path == tiny.parent / "weights" / "tiny.safetensors"
    card = card_of("tiny")
    assert card.metrics == {"test_accuracy": 0.5, "seed": 3}
    assert card.weights.file == "tiny.safetensors"
    assert all(bool((p == 2).all()) for p in load_model("tiny").parameters())


def test_another_seed_is_not_shipped(tiny):
    with pytest.raises(ModelError, match="seed 4 is not the card's"):
        train_card("tiny", ship=True, seed=4)


def test_unknown_recipe_parameters(tiny):
    tiny.write_text(tiny.read_text(encoding="utf-8").replace("gain:", "gian:"), encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean `gain`"):
        train_card("tiny")
