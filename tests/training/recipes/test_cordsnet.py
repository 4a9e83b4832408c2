"""The stages of CordsNet's training, each against what it should preserve, on small images."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from neurodyn.architectures import cordsnet, cordsnet_cnn
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.seeding import torch_generator
from neurodyn.training.recipes._inverse import copy_feedforward, fit_inverse, gaps, solve_area
from neurodyn.training.recipes._trials import Augmentation, Images, TrialPlan, batches, held_out_accuracy, load_images, run_trial, trial_loss
from neurodyn.training.recipes.cordsnet import PAPER, Parameters, train_on, with_stages

CONFIG = cordsnet.Config(depth=2, channels=6, image_size=8, n_classes=10, in_channels=1, stem_kernel=3, stem_stride=1, before_ms=40, stimulus_ms=60)
FAST = Parameters(dataset="digits", cnn_epochs=8, cnn_batch=32, inverse_epochs=6, anneal_rounds=2, batch_size=32, before_ms=20)


@pytest.fixture(scope="module")
def digits():
    return load_images("digits", "train", image_size=8, n=256), load_images("digits", "test", image_size=8, n=100)


def test_an_exact_recurrence_settles_at_the_folded_current():
    """With W = I - inverse(K) for pointwise K, the linear network's steady state is the CNN's current."""
    cnn = cordsnet_cnn.build(cordsnet_cnn.Config(depth=4, channels=3, image_size=16, n_classes=4, in_channels=1), seed=0).double()
    generator = torch_generator(5, "bn")
    with torch.no_grad():
        for module in cnn.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.copy_(torch.randn(module.running_mean.shape, generator=generator))
                module.bias.copy_(torch.randn(module.bias.shape, generator=generator))
        for conv in cnn.second_conv:
            c = len(conv.v)
            pointwise = torch.zeros(c, c, 3, 3, dtype=torch.float64)
            pointwise[..., 1, 1] = torch.eye(c) + 0.3 * torch.randn((c, c), generator=generator, dtype=torch.float64) / c**0.5
            conv.assign(pointwise)
        teacher = cordsnet_cnn.fold(cnn)
        model = cordsnet.build(cordsnet.Config(depth=4, channels=3, image_size=16, n_classes=4, in_channels=1, slope=1.0), seed=0).double()
        copy_feedforward(model, teacher)
        for i, conv in enumerate(model.recurrent_conv):
            k = teacher.kernels[f"second{i}"][..., 1, 1]
            w = torch.zeros_like(conv.v)
            w[..., 1, 1] = torch.eye(len(k)) - torch.linalg.inv(k)
            conv.assign(w)
            right = torch.linalg.solve(k, teacher.after[i].expand(model.area_bias[i].shape).flatten(1)).reshape(model.area_bias[i].shape)
            model.area_bias[i].copy_(teacher.before[i].expand_as(model.area_bias[i]) + right)
        frames = torch.rand((2, 1, 16, 16), generator=generator, dtype=torch.float64)
        _, currents, logits = teacher.run(frames)
        drive = model.encode(frames)
        state = model.initial_state(drive)
        for _ in range(400):
            state = model.step(state, drive)
        for name, y in zip(model.phase, currents, strict=True):
            torch.testing.assert_close(state[name], y, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(model.readout(state), logits)
        found = gaps(model, teacher, frames)
        assert found["gap_true_mean"] < 1e-5 < found["gap_series_mean"]


def test_the_fit_lowers_the_gap(digits, tmp_path):
    cnn = cordsnet_cnn.build(cordsnet_cnn.twin_config(CONFIG, identity=1.0), seed=0)
    teacher, model = cordsnet_cnn.fold(cnn), cordsnet.build(CONFIG, seed=0)
    copy_feedforward(model, teacher)
    before = gaps(model, teacher, digits[0].take(slice(0, 50))[0])
    settings = {"n_epochs": 6, "batch_size": 32, "learning_rate": 0.01, "series_weight": 1.0, "clip_norm": None, "seed": 0}
    fit_inverse(model, teacher, digits[0], folder=tmp_path, **settings)
    after = gaps(model, teacher, digits[0].take(slice(0, 50))[0])
    assert after["gap_true_mean"] < 0.5 * before["gap_true_mean"]
    assert after["gap_series_mean"] < 0.5 * before["gap_series_mean"]


def test_solving_an_area():
    kernel = 0.3 * torch.randn((2, 2, 3, 3), generator=torch_generator(0, "k"), dtype=torch.float64) / 18**0.5
    right = torch.randn((1, 2, 5, 5), generator=torch_generator(1, "r"), dtype=torch.float64)
    y, converged = solve_area(kernel, right, tol=1e-12)
    assert converged
    torch.testing.assert_close(y - F.conv2d(y, kernel, padding=1), right)
    assert not solve_area(20 * kernel, right)[1]


def test_the_whole_pipeline(digits, tmp_path):
    model = cordsnet.build(CONFIG, seed=0)
    metrics = train_on(model, *digits, FAST, seed=0, folder=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["anneal-00", "anneal-01", "cnn", "inverse", "linear", "tune"]
    assert {"test_accuracy", "test_accuracy_cnn", "test_accuracy_initialised", "test_accuracy_linear", "gap_true_mean"} <= metrics.keys()
    assert metrics["test_accuracy"] > 0.3  # chance is 0.1
    assert model.slope == 0.0
    assert not model.training
    again = cordsnet.build(CONFIG, seed=0)
    assert train_on(again, *digits, FAST, seed=0, folder=tmp_path) == metrics  # resumed, nothing trained twice
    assert torch.equal(again.stem.v, model.stem.v)


def test_training_at_the_steady_state(digits, tmp_path):
    p = replace(with_stages(FAST, "linear", "anneal", "tune"), steady=(2, 2), steady_epochs=1, tune_epochs=1, n_recurrent=64)
    metrics = train_on(cordsnet.build(CONFIG, seed=0), *digits, p, seed=0, folder=tmp_path)
    assert {"linear", "anneal-00", "steady", "tune"} <= {f.name for f in tmp_path.iterdir()}
    rows = {stage: json.loads((tmp_path / stage / "history.jsonl").read_text().splitlines()[0]) for stage in ("anneal-00", "tune")}
    assert "baseline_error" in rows["tune"]
    assert "baseline_error" not in rows["anneal-00"]  # no time, no return
    assert 0 <= metrics["test_accuracy"] <= 1


def test_direct_training_uses_one_stage(digits, tmp_path):
    metrics = train_on(cordsnet.build(CONFIG, seed=0), *digits, replace(with_stages(FAST, "tune"), tune_epochs=1), seed=0, folder=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["tune"]
    assert set(metrics) == {"test_accuracy", "test_accuracy_initialised"}


def test_truncated_gradients_leave_the_value_alone(digits):
    model = cordsnet.build(CONFIG, seed=0)
    frames, labels = digits[0].take(slice(0, 8))
    whole = TrialPlan(n_before=5, n_stimulus=12, window=(9, 12), weights=(0.1, 0.5, 1.0))
    losses, norms = [], []
    for plan in (whole, replace(whole, n_gradient=12), replace(whole, n_gradient=4)):
        model.zero_grad()
        value, _ = trial_loss(model, plan)(model, (frames, labels))
        value.backward()
        losses.append(float(value.detach()))
        norms.append(float(model.recurrent_conv[0].v.grad.norm()))
    assert losses[0] == losses[1] == pytest.approx(losses[2], rel=1e-6)
    assert norms[0] == norms[1] != norms[2]


def test_a_trial_that_is_blank_throughout_returns_to_baseline():
    model = cordsnet.build(CONFIG, seed=0)
    with torch.no_grad():
        for b in model.area_bias:
            b.fill_(0.3)
    plan = TrialPlan(n_before=150, n_stimulus=10, window=(8, 10), weights=(1.0, 1.0), n_after=12, n_penalty=10, penalty=1.0)
    with torch.no_grad():
        _, metrics = trial_loss(model, plan)(model, (model.blank.expand(2, -1, -1, -1), torch.tensor([0, 1])))
    assert metrics["baseline_error"] < 1e-10  # float noise of a contractive network


def test_the_return_to_baseline_on_a_share_of_the_batch_is_that_of_the_share(digits):
    model = cordsnet.build(CONFIG, seed=0)
    frames, labels = digits[0].take(slice(0, 8))
    plan = TrialPlan(n_before=5, n_stimulus=6, window=(4, 6), weights=(0.5, 1.0), n_after=3, n_penalty=2, penalty=1.0)
    whole, part = (trial_loss(model, replace(plan, penalty_share=share))(model, (frames, labels))[1] for share in (1.0, 0.25))
    alone = trial_loss(model, plan)(model, (frames[:2], labels[:2]))[1]
    assert part["cross_entropy"] == whole["cross_entropy"]
    assert part["baseline_error"] == pytest.approx(alone["baseline_error"], rel=1e-5)
    assert part["baseline_error"] != whole["baseline_error"]
    with pytest.raises(ConfigError, match="`penalty_share` is 0"):
        replace(plan, penalty_share=0)


def test_supervised_steps_of_the_paper():
    plan = PAPER.plan(2.0, penalty=True)
    assert (plan.n_before, plan.n_stimulus, plan.window, plan.n_after, plan.n_penalty) == (100, 100, (70, 100), 100, 10)
    assert (plan.weights[0], plan.weights[-1], np.mean(plan.weights)) == pytest.approx((1e-3, 1.0, 0.15714), abs=5e-6)
    assert len(run_trial(cordsnet.build(CONFIG, seed=0), torch.zeros(1, 1, 8, 8), replace(plan, n_before=1))[0]) == 30


def test_batches_are_shuffled_shifted_and_mirrored():
    images = Images(torch.arange(4.0)[:, None, None, None].expand(4, 1, 3, 5) + torch.arange(5.0) / 10, torch.arange(4))
    found = list(batches(images, 2, Augmentation(shift=1, flip=True))(0, torch_generator(0, "b")))
    assert sorted(int(v) for _, labels in found for v in labels) == [0, 1, 2, 3]
    for frames, labels in found:
        assert frames.shape == (2, 1, 3, 5)
        assert torch.equal(frames.mean(dim=(1, 2, 3)).floor().long(), labels)
    assert len(list(batches(images, 3)(0, torch_generator(0, "b")))) == 1
    drawn = [{int(v) for _, labels in batches(images, 1, n_images=2)(k, torch_generator(0, "b", k)) for v in labels} for k in range(8)]
    assert {len(d) for d in drawn} == {2}
    assert len(set(map(frozenset, drawn))) > 1  # another part of the images each epoch


def test_accuracy_of_a_known_readout(digits):
    model = cordsnet.build(CONFIG, seed=0)
    with torch.no_grad():
        model.classifier.g.zero_()
        model.class_bias.copy_(torch.eye(10)[3])
    assert held_out_accuracy(model, digits[1]) == pytest.approx(float((digits[1].labels == 3).float().mean()))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"stages": ("cnn", "tune")}, "first two together"),
        ({"stages": ("tune", "linear")}, "in this order"),
        ({"stages": ("tun",)}, "did you mean `tune`"),
    ],
)
def test_bad_stages(changes, match):
    with pytest.raises(ConfigError, match=match):
        Parameters(**changes)


def test_bad_input(digits, tmp_path):
    model = cordsnet.build(replace(CONFIG, n_classes=5), seed=0)
    with pytest.raises(SchemaError, match=r"classes outside the model's 5 \(first: 5, 6, 7\)"):
        train_on(model, *digits, FAST, seed=0, folder=tmp_path)
    soft = Images(digits[0].pixels, F.one_hot(digits[0].labels, 10).float())
    with pytest.raises(SchemaError, match="soft or one-hot"):
        train_on(cordsnet.build(CONFIG, seed=0), soft, digits[1], FAST, seed=0, folder=tmp_path)
    with pytest.raises(SchemaError, match="images are"):
        train_on(cordsnet.build(replace(CONFIG, image_size=16), seed=0), *digits, FAST, seed=0, folder=tmp_path)
    with pytest.raises(ConfigError, match="`window` is"):
        TrialPlan(n_before=1, n_stimulus=5, window=(4, 6), weights=(1.0, 1.0))
    with pytest.raises(ConfigError, match="did you mean `mnist`"):
        load_images("mnits", "train", image_size=28)
    assert list(tmp_path.iterdir()) == []
