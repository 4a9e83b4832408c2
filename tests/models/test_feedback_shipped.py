"""The shipped networks of the feedback x dropout design do what their cards say."""

import os

import pytest
import torch

import neurodyn as nd
from neurodyn.datasets import cifar10
from neurodyn.experiment.resolve import card_of
from neurodyn.training.recipes.feedback import Parameters, accuracy

FAMILY = ["feedback-control", "feedback-control-dropout", "feedback-top", "feedback-top-dropout"]


def test_the_four_cells_differ_in_the_two_factors_alone():
    cards = [card_of(name) for name in FAMILY]
    assert {(c.config["feedback"], c.config["dropout"]) for c in cards} == {(f, d) for f in ("self", "top") for d in (0.0, 0.25)}
    assert len({sum(p.numel() for p in nd.load_model(name).parameters()) for name in FAMILY}) == 1
    assert all(c.recipe == cards[0].recipe and c.seed == 0 and c.command == f"neurodyn train {c.name}" for c in cards)
    assert Parameters(**cards[0].recipe.parameters) == Parameters()


@pytest.mark.parametrize("name", FAMILY)
def test_accuracy_is_the_cards(name):
    if not os.path.exists(os.path.join(os.environ.get("NEURODYN_DATA", ""), "cifar10", "cifar10-jpeg.tar.xz")):
        pytest.skip("cifar10/cifar10-jpeg.tar.xz is not under NEURODYN_DATA")
    stimuli, labels = cifar10.load(None, "test", image_size=16, n=500)
    found = accuracy(nd.load_model(name), torch.from_numpy(stimuli.values), torch.from_numpy(labels))
    assert found[-1] == pytest.approx(card_of(name).metrics["accuracy"], abs=0.07)  # 500 of the card's 2,000 images: 3 standard errors
    assert found[-1] > 0.35  # chance is 0.1
