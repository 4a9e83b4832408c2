"""The script for the published size, on a dozen small images."""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from neurodyn.datasets import image_folder
from neurodyn.errors import ConfigError, DataError
from neurodyn.experiment.resolve import load_model
from neurodyn.training.cards import read_card
from neurodyn.training.recipes._trials import load_images, load_splits

SCRIPT = Path(__file__).parents[3] / "analyses" / "notebooks" / "cordsnet_full_scale.py"
N = 6


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for category in ("n01", "n02"):
            where = folder / split / category
            where.mkdir(parents=True)
            for k in range(N):
                Image.fromarray(rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)).save(where / f"{k}.png")
    return folder


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("cordsnet_full_scale", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("arm", "dataset", "mix"), [("three", "imagenet_folder", False), ("dense", "image_folder", True), ("cnn", "image_folder", True)])
def test_every_stage_of_the_published_protocol_runs(script, root, tmp_path, arm, dataset, mix):
    toy = {"depth": 2, "channels": 2, "image_size": 16, "batch_size": 2 * N, "cnn_batch": 2 * N, "epochs": 1, "n_classes": None, "device": "cpu", "seed": 0}
    script.run(argparse.Namespace(arm=arm, dataset=dataset, mix=mix, root=str(root), folder=tmp_path, **toy))
    (file,) = tmp_path.glob("*.yaml")
    card = read_card(file)
    assert 0 <= card.metrics["test_accuracy"] <= 1
    model = load_model(file)
    assert model.config.n_classes == 2
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
    if arm == "three":
        assert card.recipe.parameters["crop_area"] == 0.08
        assert (card.recipe.parameters["clip_norm"], card.recipe.parameters["learning_rate"], card.recipe.parameters["stimulus_ms"]) == (1e-4, 1e-5, 200.0)
        assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["anneal-00", "anneal-01", "cnn", "inverse", "linear", "tune", "weights"]


def test_r8_is_what_it_plans(script):
    given = argparse.Namespace(
        depth=8, channels=64, image_size=224, n_classes=1000, dataset="imagenet_folder", root="x", mix=False, device="cuda", batch_size=32, cnn_batch=None,
        epochs=None, arm="three",
    )  # fmt: skip
    _, config, _, p = script.plan(given)
    assert (config.depth, config.image_size, config.n_classes, p.cnn_epochs, p.linear_epochs, p.anneal_rounds, p.tune_epochs) == (
        8,
        224,
        1000,
        300,
        100,
        20,
        20,
    )
    given.arm = "direct"
    assert script.plan(given)[3].stages == ("tune",)


def test_images_on_disk_are_read_batch_by_batch(root):
    images = load_images("image_folder", "test", image_size=16, root=root)
    frames, labels = images.take(torch.tensor([3, 0]))
    whole, of_whole = image_folder.load(root, "val", image_size=16)
    rows = [int(np.flatnonzero(whole.stimulus_id.values == images.pixels.files[k].relative_to(root / "val").as_posix())[0]) for k in (3, 0)]
    assert labels.tolist() == of_whole[rows].tolist()
    np.testing.assert_allclose(frames.numpy(), whole.values[rows], atol=0.5 / 255 + 1e-6)
    some = load_images("image_folder", "train", image_size=16, n=4, root=root)
    assert len(some) == 4
    train, held = load_splits("image_folder", image_size=16, n_train=None, n_test=None, n_validation=3, root=root)
    assert (len(train), len(held)) == (2 * N - 3, 3)
    assert set(train.labels.tolist()) == {0, 1}
    assert not set(train.pixels.files) & set(held.pixels.files)


def test_bad_folders(root, tmp_path):
    with pytest.raises(DataError, match="is not a folder"):
        load_images("image_folder", "train", image_size=16, root=tmp_path)
    with pytest.raises(ConfigError, match="`n_validation` is 12 of 12"):
        load_splits("image_folder", image_size=16, n_train=None, n_test=None, n_validation=12, root=root)
