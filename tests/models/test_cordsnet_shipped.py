"""The shipped CordsNets do what their cards say."""

import os

import pytest
import torch

import neurodyn as nd
from neurodyn.dynamics.schedule import Schedule
from neurodyn.experiment.resolve import card_of, weights_path
from neurodyn.training.recipes._trials import held_out_accuracy, load_images, spontaneous

FAMILY = [n for n in nd.list_models() if card_of(n).recipe.name in ("cordsnet", "cordsnet_cnn", "dense_rnn")]
NEEDS = {"mnist": "mnist/t10k-images-idx3-ubyte.gz", "cifar10": "cifar10/cifar10-jpeg.tar.xz", "digits": None}


def images(model, card, n):
    dataset = card.recipe.parameters["dataset"]
    root = os.environ.get("NEURODYN_DATA", "")
    if NEEDS[dataset] and not os.path.exists(os.path.join(root, NEEDS[dataset])):
        pytest.skip(f"{NEEDS[dataset]} is not under NEURODYN_DATA")
    return load_images(dataset, "test", image_size=model.config.image_size, n=n)


@pytest.mark.parametrize("name", FAMILY)
def test_card(name):
    card, model = card_of(name), nd.load_model(name)
    assert not model.training
    assert card.command.removeprefix("neurodyn train ") in (name, card.weights.file.removesuffix(".safetensors"))
    assert weights_path(name).stat().st_size < 2_000_000
    twin = nd.load_model(name, untrained=True)
    assert any(not torch.equal(a, b) for a, b in zip(model.parameters(), twin.parameters(), strict=True))


@pytest.mark.parametrize("name", FAMILY)
def test_accuracy_is_the_card_s(name):
    card, model = card_of(name), nd.load_model(name)
    n = 359 if card.recipe.parameters["dataset"] == "digits" else 500
    found = held_out_accuracy(model, images(model, card, n), trial=Schedule.ms(before=60, stimulus=100))
    standard_error = (card.metrics["test_accuracy"] * (1 - card.metrics["test_accuracy"]) / n) ** 0.5
    assert found == pytest.approx(card.metrics["test_accuracy"], abs=4 * standard_error + 0.005)  # a part of the test set, a shorter trial
    assert found > 0.2  # chance is 0.1


def test_digits_keeps_its_answer_and_returns_to_baseline():
    model = nd.load_model("cordsnet-digits")
    part = images(model, card_of("cordsnet-digits"), 100)
    accuracy = held_out_accuracy(model, part)
    assert held_out_accuracy(model, part, trial=Schedule.ms(before=60, stimulus=600)) == accuracy  # not a transient
    for dt_ms in (1.0, 5.0):
        assert held_out_accuracy(model.with_dt(dt_ms), part) == pytest.approx(accuracy, abs=0.021)  # a continuous-time system, not a schedule of steps
    baseline = spontaneous(model, 100)
    with torch.no_grad():
        drive = model.encode(part.take(slice(0, 5))[0])
        state = {k: v.expand(5, *v.shape[1:]) for k, v in baseline.items()}
        for _ in range(50):
            state = model.step(state, drive)
        away = sum(float((state[k] - baseline[k]).norm()) for k in model.phase)
        blank = {k: v.expand(5, *v.shape[1:]) for k, v in model.encode(model.blank.unsqueeze(0)).items()}
        for _ in range(100):
            state = model.step(state, blank)
        assert sum(float((state[k] - baseline[k]).norm()) for k in model.phase) < 1e-3 * away
