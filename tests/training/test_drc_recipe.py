"""The recipes of the moving sensor, on generated images in CIFAR-10's binary layout."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from neurodyn.architectures import drc, drc_baseline, drc_teacher
from neurodyn.errors import ConfigError, ModelError
from neurodyn.training.cards import Card, Weights, write_card
from neurodyn.training.checkpoints import save_weights
from neurodyn.training.recipes import _drc_data as data
from neurodyn.training.recipes import drc as recipe
from neurodyn.training.recipes import drc_teacher as teacher_recipe


def write_gratings(folder, n):
    """`n` images in each of CIFAR-10's files: ten classes that differ in the phase of a fine grating, which a still sensor cannot tell."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"):
        labels = rng.integers(10, size=n)
        x = np.arange(32)
        wave = 128 + 90 * np.sin(2 * np.pi * (x[None] / 6 + labels[:, None] / 10))
        pixels = np.clip(wave[:, None, None, :] + 10 * rng.normal(size=(n, 3, 32, 32)), 0, 255).astype(np.uint8)
        (folder / name).write_bytes(np.concatenate([labels[:, None].astype(np.uint8), pixels.reshape(n, -1)], axis=1).tobytes())


@pytest.fixture
def root(tmp_path, monkeypatch):
    write_gratings(tmp_path / "data" / "cifar-10-batches-bin", 40)
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def card(root):
    teacher = drc_teacher.build(drc_teacher.Config(), seed=0)
    digest = save_weights(teacher, root / "weights" / "teacher.safetensors")
    weights = Weights(file="teacher.safetensors", sha256=digest)
    recipe_ = {"name": "drc_teacher"}
    write_card(
        Card(name="teacher", architecture="drc_teacher", recipe=recipe_, data="generated", seed=0, weights=weights, command="none"), root / "teacher.yaml"
    )
    return str(root / "teacher.yaml")


QUICK = recipe.Parameters(
    n_train=None, n_test=None, epoch_size=100, feature_epochs=2, back_epochs=1, batch_size=16, back_batch_size=32, n_cached=64, precision="float32"
)
SMALL = drc.Config(n_steps=3, widths=(4, 4, 32), upsample=1, teacher="two_core", activation="elu", position_offset_px=0.0, position_scale_px=4.0)


def test_the_teacher_learns(root):
    model = drc_teacher.build(drc_teacher.Config(), seed=0)
    found = teacher_recipe.train(model, teacher_recipe.Parameters(n_epochs=4, batch_size=30, shift_px=0), seed=0, folder=root / "run", progress=False)
    assert found["test_accuracy"] > 0.2  # chance 0.1; flips keep the phase of some classes ambiguous


def test_the_paper_s_two_stages_and_their_repetition(root, card):
    before = drc.build(SMALL, seed=1)
    runs = []
    for name in ("a", "b"):
        model = drc.build(SMALL, seed=1)
        runs.append(recipe.train(model, replace(QUICK, teacher=card), seed=1, folder=root / name, progress=False))
    assert runs[0] == runs[1]
    again = drc.build(SMALL, seed=1)
    assert recipe.train(again, replace(QUICK, teacher=card), seed=1, folder=root / "a", progress=False)["test_accuracy"] == runs[0]["test_accuracy"]
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), model.parameters(), strict=True))
    assert not torch.equal(model.cells[0].recur, before.cells[0].recur)
    assert runs[0]["feature_error"] < 1.5
    assert list(runs[0]["feature_error_after"]) == ["100", "200"]
    outcomes = np.load(root / "a" / "outcomes.npy")
    assert outcomes.shape == (1, 40, 3)
    assert outcomes[:, :, -1].mean() == pytest.approx(runs[0]["test_accuracy"])


def test_a_resnet50_teaches_and_its_back_end_is_retrained(tmp_path, monkeypatch):
    root = tmp_path
    write_gratings(root / "data" / "cifar-10-batches-bin", 2)
    monkeypatch.setenv("NEURODYN_DATA", str(root / "data"))
    teacher = drc_teacher.build(drc_teacher.Config("resnet50"), seed=0)
    weights = Weights(file="resnet50.safetensors", sha256=save_weights(teacher, root / "weights" / "resnet50.safetensors"))
    named = {"name": "resnet50", "architecture": "drc_teacher", "config": {"kind": "resnet50"}, "recipe": {"name": "drc_teacher"}}
    write_card(Card(**named, data="none", seed=0, weights=weights, command="none"), root / "resnet50.yaml")
    student = drc.build(drc.Config(n_steps=2, widths=(2, 2, 64)), seed=0)
    before = student.back.layer4[2].conv3.weight.clone()
    tiny = replace(QUICK, teacher=str(root / "resnet50.yaml"), epoch_size=4, n_test=2, feature_epochs=1, batch_size=2, back_batch_size=2, n_cached=2)
    found = recipe.train(student, tiny, seed=0, folder=root / "run", progress=False)
    assert np.isfinite(found["feature_error"])
    after = student.back.layer4[2].conv3.weight
    assert not torch.equal(after, before)
    assert torch.allclose(after, teacher.back.layer4[2].conv3.weight, atol=2e-3)  # copied, then one small step


@pytest.mark.parametrize(("kind", "method"), [("committee", "labels"), ("committee", "teacher"), ("stacked", "teacher"), ("recurrent_head", "labels")])
def test_baselines_train(root, card, kind, method):
    model = drc_baseline.build(drc_baseline.Config(kind, n_steps=2, width=6), seed=0)
    found = recipe.train(model, replace(QUICK, teacher=card, method=method, feature_epochs=1, n_cached=0), seed=0, folder=root / "run", progress=False)
    assert 0 <= found["test_accuracy"] <= 1


def test_lists_of_trajectory_parameters_take_turns():
    mixed = data.draw({"style": "von_mises", "kappa": [-5, 20]}, 400, 5, seed=0)
    reach = mixed[:, -1].norm(dim=-1)
    assert reach[1::2].mean() > 2 * reach[0::2].mean()
    with pytest.raises(ConfigError, match="one at most"):
        data.draw({"style": "matched_von_mises", "kappa": [0, 1], "eccentricity_px": [4, 5]}, 4, 5, seed=0)


def test_bad_teachers(root, card):
    wide = drc.build(replace(SMALL, widths=(4, 4, 64), teacher="v1"), seed=0)
    with pytest.raises(ModelError, match="teacher='two_core'"):
        recipe.train(wide, replace(QUICK, teacher=card), seed=0, folder=root / "run", progress=False)
    with pytest.raises(ConfigError, match="drc-teacher-cifar10"):
        recipe.train(drc.build(SMALL, seed=0), replace(QUICK, teacher="nobody"), seed=0, folder=root / "run", progress=False)
    with pytest.raises(ConfigError, match="unknown method"):
        recipe.Parameters(method="labls")
