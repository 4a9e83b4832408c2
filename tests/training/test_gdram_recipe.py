"""The recipe of Gaussian RAM: it resumes, its noise follows its seed, and its controls are matched."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.errors import ConfigError
from neurodyn.training.recipes import gdram as recipe

SMALL = {"image_size": 16, "glimpse_size": 8, "n_scales": 2, "widths": [4, 8], "context_width": 4, "hidden": 16, "head": 16, "n_steps": 2, "in_channels": 1}
SHORT = {"data": "cluttered-digits", "n_train": 128, "n_test": 64, "n_distractors": 1, "distractor_size": 3, "n_epochs": 2, "batch_size": 64}


def test_learns_resumes_and_matches_its_controls(tmp_path):
    parameters = recipe.Parameters(**SHORT, n_scattered_epochs=1, reinforce_weight=0.01, cnn_control=True)
    models = [nd.build("gdram", seed=0, **SMALL, variant="corrected") for _ in range(2)]
    whole = recipe.train(models[0], parameters, seed=0, folder=tmp_path / "a", progress=False)
    assert set(whole) == {"test_accuracy", "first_glimpse_accuracy", "cnn_equal_parameters_accuracy", "cnn_equal_macs_accuracy"}
    recipe.train(models[1], parameters, seed=0, folder=tmp_path / "b", progress=False)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(a, b)
    assert recipe.train(models[1], parameters, seed=0, folder=tmp_path / "b", progress=False) == whole  # nothing is left to do


def test_controls_come_close_in_parameters_and_macs():
    model = nd.build("gdram", seed=0, image_size=64, in_channels=1, n_scales=3, n_steps=6, widths=[16, 32], context_width=16, hidden=64, head=64)
    widths = recipe._cnn_widths(model)
    own = sum(p.numel() for p in model.parameters())
    matched = sum(p.numel() for p in recipe.plain_cnn(1, widths["cnn_equal_parameters"], 10, seed=0).parameters())
    assert matched == pytest.approx(own, rel=0.05)
    assert widths["cnn_equal_macs"] < widths["cnn_equal_parameters"]


def test_macs_of_a_convolution():
    layer = torch.nn.Conv2d(2, 3, 3, padding=1)
    assert recipe.macs(layer, torch.zeros(1, 2, 5, 5)) == 25 * 3 * 2 * 9


def test_canvases_are_drawn_anew_every_epoch_but_not_for_the_test():
    p = recipe.Parameters(**SHORT)
    first, second = (recipe.load_split(p, "train", image_size=16, n_channels=1, epoch=e)[0] for e in (0, 1))
    assert not torch.equal(first, second)
    tests = [recipe.load_split(p, "test", image_size=16, n_channels=1, epoch=e)[0] for e in (0, 1)]
    assert torch.equal(*tests)
    assert np.isfinite(first.numpy()).all()


def test_unknown_data():
    with pytest.raises(ConfigError, match="did you mean `cluttered-mnist`"):
        recipe.Parameters(data="clutered-mnist")
