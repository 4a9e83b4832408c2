"""The recipe on generated images whose class can be read at a glance."""

import numpy as np
import pytest

from neurodyn.architectures.convrnn import Config, build
from neurodyn.errors import ConfigError
from neurodyn.seeding import numpy_generator
from neurodyn.training.recipes.convrnn import Parameters, load_images, step_logits, train_on


def coloured(n, seed):
    """Noise tinted red, green or blue: three classes, (presentation, 3, 16, 16) bytes."""
    generator = numpy_generator(seed, "coloured")
    labels = generator.integers(0, 3, n)
    images = generator.integers(0, 120, (n, 3, 16, 16))
    images[np.arange(n), labels] += 130
    return images.astype(np.uint8), labels


@pytest.mark.parametrize("loss", ["last", "window"])
def test_it_learns_and_goes_on_where_it_stopped(tmp_path, loss):
    config = Config(cell="reciprocal_gated", widths=(8, 8, 8), image_size=16, n_classes=3, schedule=(5, 0))
    parameters = Parameters(n_epochs=6, batch_size=16, learning_rate=1e-2, warmup_steps=2, loss=loss)
    model = build(config, seed=0)
    metrics = train_on(model, coloured(160, 0), coloured(60, 1), parameters, seed=0, folder=tmp_path)
    assert metrics["accuracy"] > 0.9 and set(metrics["accuracy_by_step"]) == {"3", "4"}
    again = build(config, seed=0)
    assert train_on(again, coloured(160, 0), coloured(60, 1), parameters, seed=0, folder=tmp_path)["accuracy"] == metrics["accuracy"]
    logits = step_logits(model, coloured(5, 2)[0], batch_size=2)
    assert logits.shape == (5, 2, 3)


def test_digits_are_read_at_the_models_size():
    images, labels = load_images(Parameters(dataset="digits", n_train=20), "train", size=16)
    assert images.dtype == np.uint8 and images.shape[0] == len(labels) == 20 and images.shape[-1] == 16


def test_bad_parameters(tmp_path):
    with pytest.raises(ConfigError, match="did you mean `cifar10`"):
        Parameters(dataset="cifar")
    with pytest.raises(ConfigError, match=r"unknown loss `first`"):
        Parameters(loss="first")
    model = build(Config(cell=None, widths=(4, 4, 4), image_size=16, n_classes=3, schedule=(4, 0)), seed=0)
    with pytest.raises(ConfigError, match="at least one batch"):
        train_on(model, coloured(8, 0), coloured(8, 1), Parameters(batch_size=16), seed=0, folder=tmp_path)


def test_imagenet_stays_on_disk_until_a_batch_needs_it(tmp_path):
    from PIL import Image

    generator = numpy_generator(0, "files")
    for split, wnid in [(s, w) for s in ("train", "val") for w in ("n01", "n02")]:
        (tmp_path / split / wnid).mkdir(parents=True)
        for k in range(3):
            pixels = generator.integers(0, 255, (20, 24, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / split / wnid / f"{wnid}_{k}.JPEG")
    parameters = Parameters(dataset="imagenet_folder", root=str(tmp_path), n_train=None, n_test=4, n_epochs=1, batch_size=2, flip=False)
    images, labels = load_images(parameters, "train", size=16)
    assert len(images) == 6 and sorted(labels.tolist()) == [0, 0, 0, 1, 1, 1]
    assert images[np.array([4, 0])].shape == (2, 3, 16, 16) and images[1:3].dtype == np.uint8
    model = build(Config(cell="ugrnn", widths=(4, 4, 4), image_size=16, n_classes=2, schedule=(4, 0)), seed=0)
    metrics = train_on(model, (images, labels), load_images(parameters, "test", size=16), parameters, seed=0, folder=tmp_path / "run")
    assert 0 <= metrics["accuracy"] <= 1
