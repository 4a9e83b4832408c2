"""The recipe of Gaussian RAM: it resumes, its noise follows its seed, and its controls are matched."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.errors import ConfigError
from neurodyn.training.recipes import gdram as recipe

SMALL = {"image_size": 16, "glimpse_size": 8, "n_scales": 2, "widths": [4, 8], "context_width": 4, "hidden": 16, "head": 16, "n_steps": 2, "in_channels": 1}
SHORT = {
    "data": "cluttered-digits",
    "canvas": 12,
    "n_train": 128,
    "n_validation": 32,
    "n_test": 64,
    "n_distractors": 1,
    "distractor_size": 3,
    "n_epochs": 2,
    "batch_size": 64,
}


def test_learns_and_resumes(tmp_path):
    parameters = recipe.Parameters(**SHORT, n_scattered_epochs=1, supervise="all", reward="to-go", reinforce_weight=0.01)
    models = [nd.build("gdram", seed=0, **SMALL, variant="corrected") for _ in range(2)]
    whole = recipe.train(models[0], parameters, seed=0, folder=tmp_path / "a", progress=False)
    assert set(whole) == {f"{split}{what}_accuracy" for split in ("validation", "test") for what in ("", "_first_glimpse")}
    recipe.train(models[1], parameters, seed=0, folder=tmp_path / "b", progress=False)
    for a, b in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(a, b)
    assert recipe.train(models[1], parameters, seed=0, folder=tmp_path / "b", progress=False) == whole  # nothing is left to do


@pytest.mark.parametrize("policy", ["random", "centre", "fixed_sigma"])
def test_controls_train(tmp_path, policy):
    model = nd.build("gdram", seed=0, **SMALL, variant="corrected", policy=policy)
    before = model.policy_mean.weight.detach().clone()
    recipe.train(model, recipe.Parameters(**{**SHORT, "n_epochs": 1}), seed=0, folder=tmp_path, progress=False)
    assert torch.equal(model.policy_mean.weight, before) == (policy != "fixed_sigma")  # without a policy there is nothing to reinforce


def test_cnn_trains_in_place_of_the_model(tmp_path):
    model = nd.build("gdram", seed=0, **SMALL)
    found = recipe.train(model, recipe.Parameters(**{**SHORT, "n_epochs": 1}, cnn="equal-macs"), seed=0, folder=tmp_path, progress=False)
    before, per_glimpse = recipe.model_macs(model)
    assert found["macs"] / (before + 2 * per_glimpse) == pytest.approx(1, rel=0.3)
    assert 0 <= found["test_accuracy"] <= 1


def test_controls_come_close_in_parameters_and_macs():
    model = nd.build("gdram", seed=0, image_size=64, in_channels=1, n_scales=3, n_steps=6, widths=[16, 32], context_width=16, hidden=64, head=64)
    widths = recipe.cnn_widths(model)
    own = sum(p.numel() for p in model.parameters())
    matched = sum(p.numel() for p in recipe.plain_cnn(1, widths["equal-parameters"], 10, seed=0).parameters())
    assert matched == pytest.approx(own, rel=0.05)
    assert widths["equal-macs"] < widths["equal-parameters"]


def test_macs_of_a_trial_are_those_that_the_operators_report():
    from neurodyn.analysis import network_cost

    model = nd.build("gdram", seed=0, **SMALL)
    before, per_glimpse = recipe.model_macs(model)
    cost = network_cost(model)
    baseline = 2 * 16 * 16 + 16
    assert int(cost.macs_step) == per_glimpse + baseline
    assert int(cost.macs_once) == before - 16 * 16 - 4 * 16  # encode holds the context, not the first move


def test_gradients_arrive_where_the_two_trainings_send_them():
    """The paper's leaves the location core and the context net without any; the corrected one reaches every module."""
    images, labels = recipe.load_split(recipe.Parameters(**SHORT), "train", image_size=16, n_channels=1)
    batch, parameters = (images[:32], labels[:32], 0, 0), recipe.Parameters(**SHORT)
    reached = {}
    for variant in ("paper", "corrected"):
        reach = recipe.gradient_reach(nd.build("gdram", seed=0, **SMALL, variant=variant), batch, parameters)
        reached[variant] = {module for term in reach.values() for module, norm in term.items() if norm > 0}
        everything = set(reach["classification"])
        assert reach["classification"]["policy_mean"] == 0  # only reinforcement moves the mean
        assert {m for m, norm in reach["baseline"].items() if norm > 0} == {"baseline"}
    assert everything - reached["paper"] == {"location", "context"}
    assert reached["corrected"] == everything


def test_gradient_noise_falls_out_of_repeated_batches():
    images, labels = recipe.load_split(recipe.Parameters(**SHORT), "train", image_size=16, n_channels=1)
    model, parameters = nd.build("gdram", seed=0, **SMALL, variant="corrected"), recipe.Parameters(**SHORT)
    same = recipe.gradient_noise(model, [(images[:32], labels[:32], 0, 0)] * 2, parameters)
    other = recipe.gradient_noise(model, [(images[:32], labels[:32], k, 0) for k in range(4)], parameters)
    assert same["noise"] < 1e-6 * same["signal"]
    assert other["noise"] > 0


def test_rewards_to_go_are_shares_of_later_answers():
    right, wrong = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    answers, labels = [wrong, right, right, wrong], torch.tensor([0])
    assert recipe._rewards(answers, labels, "to-go")[:, 0].tolist() == pytest.approx([0.5, 2 / 3, 0.5, 0.0])
    assert recipe._rewards(answers, labels, "terminal")[:, 0].tolist() == [0.0] * 4


def test_macs_of_a_convolution():
    layer = torch.nn.Conv2d(2, 3, 3, padding=1)
    assert recipe.macs(layer, torch.zeros(1, 2, 5, 5)) == 25 * 3 * 2 * 9


def test_only_training_canvases_follow_the_epoch():
    p = recipe.Parameters(**SHORT)
    for split in ("train", "validation", "test"):
        first, second = (recipe.load_split(p, split, image_size=16, n_channels=1, epoch=e)[0] for e in (0, 1))
        assert torch.equal(first, second) == (split != "train")
        assert np.isfinite(first.numpy()).all()


def test_validation_is_the_end_of_the_training_set():
    p = recipe.Parameters(**SHORT)
    ids = {split: set(recipe.sources(p, split)[0].stimulus_id.values.tolist()) for split in ("train", "validation", "test")}
    assert len(ids["train"] | ids["validation"] | ids["test"]) == 128 + 32 + 64
    with pytest.raises(ConfigError, match="together at most"):
        recipe.sources(recipe.Parameters(**{**SHORT, "n_train": 1430}), "train")


def test_canvases_of_experiments_are_those_of_the_recipe():
    from neurodyn.experiment.cluttered_images import cluttered_images

    p = recipe.Parameters(**SHORT)
    for split, n in (("test", 64), ("validation", 32)):
        ours = cluttered_images("digits", split=split, n=n, canvas=12, image_size=16, n_distractors=1, distractor_size=3)
        images, labels = recipe.load_split(p, split, image_size=16, n_channels=1)
        np.testing.assert_allclose(ours.values, images.numpy(), atol=1e-5)
        assert ours.label.values.tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": "clutered-mnist"}, "did you mean `cluttered-mnist`"),
        ({"supervise": "al"}, "did you mean `all`"),
        ({"reward": "to-do"}, "did you mean `to-go`"),
        ({"cnn": "equal-mac"}, "did you mean `equal-macs`"),
    ],
)
def test_unknown_names(changes, message):
    with pytest.raises(ConfigError, match=message):
        recipe.Parameters(**changes)
