"""Robustness of a linear readout with a known margin, of the recurrent network under masks, and refusals."""

import dataclasses

import numpy as np
import pytest
import torch

from neurodyn.analysis.robustness import attack_images, robustness
from neurodyn.architectures.feedback import Config, build
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.testing.systems import linear_network

CONFIG = Config(channels=(4, 6, 8), image_size=8, n_classes=3, n_steps=3)


def margins():
    """Two pixels each: the brighter one is the class, and the margin is twice the smallest sup-norm change that flips it."""
    gap = np.array([0.02, 0.1, 0.3])
    pixels = np.stack([0.5 + gap / 2, 0.5 - gap / 2], axis=1).reshape(3, 2, 1, 1)
    return make_stimuli(pixels, ["thin", "middle", "wide"]), np.zeros(3, int), gap / 2


@pytest.fixture(scope="module")
def labelled():
    """Images, and as labels what the network itself says, so that its clean accuracy is 1."""
    model = build(CONFIG, seed=1)
    images = make_stimuli(np.random.default_rng(0).uniform(0.1, 0.9, (12, 3, 8, 8)))
    state, drive = None, model.encode(torch.from_numpy(images.values))
    state = model.initial_state(drive)
    with torch.no_grad():
        for _ in range(CONFIG.n_steps):
            state = model.step(state, drive)
    return model, images, model.readout(state).argmax(1).numpy()


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "random_search"])
@pytest.mark.parametrize("loss", ["final", "mean", "margin"])
def test_a_linear_readout_falls_at_half_its_margin(attack, loss):
    stimuli, labels, need = margins()
    found = robustness(linear_network([0.5, 0.5]), stimuli, labels, budgets=[0.005, 0.02, 0.06, 0.2], attack=attack, loss=loss, n_steps=40, seed=0)
    assert found.accuracy.values.tolist() == pytest.approx([1, 1, 2 / 3, 1 / 3, 0])
    assert found.minimal_budget.values.tolist() == [0.02, 0.06, 0.2]
    assert (found.minimal_budget.values > need).all() and float(found.median_minimal_budget) == 0.06
    assert found.monotone.all() and list(found.stimulus_id.values) == ["thin", "middle", "wide"]


def test_the_euclidean_ball_needs_more_than_the_sup_norm():
    stimuli, labels, need = margins()
    edge = float(need[1] * np.sqrt(2))
    found = robustness(linear_network([0.5, 0.5]), stimuli, labels, budgets=[0.98 * edge, 1.02 * edge], norm="l2", seed=0)
    assert found.correct.values[:, 1].tolist() == [True, True, False]


def test_wrong_and_unbroken_images_are_told_apart():
    stimuli, labels, _ = margins()
    labels[0] = 1
    found = robustness(linear_network([0.5, 0.5]), stimuli, labels, budgets=[0.06], n_steps=5, seed=0)
    assert found.minimal_budget.values[0] == 0 and found.minimal_budget.values[1] == 0.06 and np.isnan(found.minimal_budget.values[2])
    assert float(found.median_minimal_budget) == 0.06


def test_gradients_run_through_every_step(labelled):
    """With feedback held away the last step's gradient through time differs from that of a one-step trial."""
    model, images, labels = labelled
    long, short = (attack_images(model, images, labels, budget=0.01, attack="fgsm", schedule=Schedule.steps(stimulus=n), seed=0).values for n in (3, 1))
    assert 0.01 < float((long != short).mean()) < 0.99


def test_attacks_beat_random_noise_and_grow(labelled):
    model, images, labels = labelled
    found = robustness(model, images, labels, budgets=[2 / 255, 8 / 255, 32 / 255], n_steps=10, seed=0)
    assert found.monotone.all() and (np.diff(found.accuracy) <= 0).all() and float(found.accuracy[0]) == 1.0 > float(found.accuracy[-1])


def test_batches_do_not_change_anything(labelled):
    model, images, labels = labelled
    a, b = (robustness(model, images, labels, budgets=[0.02], attack="fgsm", batch_size=n, seed=0) for n in (12, 5))
    assert a.correct.equals(b.correct)
    np.testing.assert_allclose(a.loss, b.loss, rtol=1e-4)  # float32, and the sign of a gradient near 0 may differ


def test_masks_enter_the_gradient_and_the_decision(labelled):
    model, images, labels = labelled
    plain, masked = (attack_images(model, images, labels, budget=0.02, attack="fgsm", n_masks=n, seed=0).values for n in (0, 4))
    assert not np.array_equal(plain, masked)
    stochastic = robustness(model, images, labels, budgets=[0.02], attack="fgsm", n_masks=2, evaluate_masks=3, seed=0)
    again = robustness(model, images, labels, budgets=[0.02], attack="fgsm", n_masks=2, evaluate_masks=3, seed=0)
    assert stochastic.equals(again) and stochastic.attrs["n_masks"] == 2


def test_transfer_uses_the_other_models_images(labelled):
    model, images, labels = labelled
    other = build(dataclasses.replace(CONFIG, feedback="self"), seed=5)
    found = robustness(model, images, labels, budgets=[0.1], n_steps=5, source=other, seed=0)
    own = robustness(model, images, labels, budgets=[0.1], n_steps=5, seed=0)
    assert found.attrs["transfer"] == 1 and float(found.accuracy[-1]) >= float(own.accuracy[-1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"budgets": [8]}, ConfigError, "8 / 255"),
        ({"budgets": [-0.1, 0.1]}, ConfigError, "0 or more, ascending"),
        ({"budgets": [0.2, 0.1]}, ConfigError, "0 or more, ascending"),
        ({"budgets": [float("nan")]}, ConfigError, "finite budgets"),
        ({"budgets": []}, ConfigError, "finite budgets"),
        ({"attack": "pdg"}, ConfigError, "did you mean `pgd`"),
        ({"norm": "l1"}, ConfigError, "unknown norm"),
        ({"loss": "first"}, ConfigError, "unknown loss"),
        ({"attack": "random_search", "norm": "l2"}, ConfigError, "linf"),
        ({"labels": [0, 0]}, SchemaError, "one integer for each of 3"),
        ({"labels": [0.0, 0.0, 0.0]}, SchemaError, "float64"),
        ({"labels": [0, 1, 2]}, SchemaError, r"1 classes outside 0..1 \(first: 2\)"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    stimuli, labels, _ = margins()
    arguments = {"labels": labels, "budgets": [0.1], "n_steps": 2, "seed": 0, **arguments}
    with pytest.raises(error, match=message):
        robustness(linear_network([0.5, 0.5]), stimuli, arguments.pop("labels"), **arguments)


def test_a_model_in_train_mode_is_refused(labelled):
    model, images, labels = labelled
    model.train()
    with pytest.raises(ModelError, match=r"model.eval\(\)"):
        robustness(model, images, labels, seed=0)
    model.eval()
