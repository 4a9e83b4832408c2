"""The feedback recipe: it learns, resumes to the bit, and cells share what a seed draws."""

import dataclasses

import numpy as np
import pytest
import torch

from neurodyn.architectures.feedback import Config, build
from neurodyn.errors import ConfigError, DataError, SchemaError
from neurodyn.training.recipes.feedback import Parameters, accuracy, train, train_on

CONFIG = Config(channels=(4, 6, 8), image_size=8, n_classes=3, n_steps=3)
PARAMETERS = Parameters(n_epochs=3, batch_size=20, learning_rate=1e-2)


def coloured(n=120, seed=0):
    """Three classes (chance 1 in 3) told apart by the brightest channel."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, n)
    pixels = generator.uniform(0.2, 0.5, (n, 3, 8, 8)).astype(np.float32)
    pixels[np.arange(n), labels] += 0.4
    return pixels, labels


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_a_small_network_learns_and_says_so(tmp_path):
    model = build(CONFIG, seed=0)
    metrics = train_on(model, coloured(), coloured(60, 1), dataclasses.replace(PARAMETERS, n_epochs=12), seed=0, folder=tmp_path)
    assert metrics["accuracy"] > 0.6 and set(metrics) == {"accuracy", "train_accuracy", *(f"accuracy_step_{k}" for k in (1, 2, 3))}
    x, y = coloured(60, 1)
    assert accuracy(model, torch.from_numpy(x), torch.from_numpy(y))[-1] == pytest.approx(metrics["accuracy"], abs=1e-4)


def test_a_stopped_run_goes_on_to_the_bit(tmp_path, monkeypatch):
    whole, stopped = build(CONFIG, seed=0), build(CONFIG, seed=0)
    train_on(whole, coloured(), coloured(20, 1), PARAMETERS, seed=0, folder=tmp_path / "whole")
    from neurodyn.training.recipes import feedback

    kept, calls = feedback.accuracy, []

    def stop_after_two(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return kept(*arguments, **options)

    monkeypatch.setattr(feedback, "accuracy", stop_after_two)
    with pytest.raises(KeyboardInterrupt):
        train_on(stopped, coloured(), coloured(20, 1), PARAMETERS, seed=0, folder=tmp_path / "stopped")
    monkeypatch.setattr(feedback, "accuracy", kept)
    again = build(CONFIG, seed=0)
    train_on(again, coloured(), coloured(20, 1), PARAMETERS, seed=0, folder=tmp_path / "stopped")
    assert torch.equal(weights(whole), weights(again))


@pytest.mark.parametrize("change", [{"loss_steps": "last"}, {"flip": False}, {"learning_rate": 2e-2}])
def test_every_setting_changes_the_weights(tmp_path, change):
    one = dataclasses.replace(PARAMETERS, n_epochs=1)
    a, b = build(CONFIG, seed=0), build(CONFIG, seed=0)
    train_on(a, coloured(40), coloured(20, 1), one, seed=0, folder=tmp_path / "a")
    train_on(b, coloured(40), coloured(20, 1), dataclasses.replace(one, **change), seed=0, folder=tmp_path / "b")
    assert not torch.equal(weights(a), weights(b))


@pytest.mark.parametrize("change", [{"loss_steps": "first"}, {"n_epochs": 0}, {"n_train": 0}])
def test_bad_parameters_are_refused(change):
    with pytest.raises(ConfigError, match="feedback recipe"):
        dataclasses.replace(PARAMETERS, **change)


def test_labels_outside_the_classes_are_refused(tmp_path):
    pixels, labels = coloured(20)
    with pytest.raises(SchemaError, match="train labels"):
        train_on(build(CONFIG, seed=0), (pixels, labels + 1), coloured(20), PARAMETERS, seed=0, folder=tmp_path)


def test_missing_data_is_named(tmp_path):
    with pytest.raises(DataError, match="cifar10"):
        train(build(Config(), seed=0), Parameters(data_root=str(tmp_path / "none")), seed=0, folder=tmp_path)
