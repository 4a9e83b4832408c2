"""The PC-RNN recipe: it beats zero-filling by 3 dB on its own images, resumes to the bit, and gives all networks the same batches."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from neurodyn.architectures import mri_baseline
from neurodyn.architectures.pcrnn import Config, build
from neurodyn.errors import ConfigError
from neurodyn.numerics.fourier import rss
from neurodyn.numerics.image_quality import psnr
from neurodyn.training.recipes import pcrnn as recipe
from neurodyn.training.recipes.pcrnn import Parameters, evaluate, measured, references, train

SMALL = Config(n_coils=2, image_size=(16, 16), channels=4, n_iterations=(1, 1, 1), fusion_channels=4)
SHORT = Parameters(n_train=6, n_cycles=1, n_validation=2, n_test=2, n_epochs=2, batch_size=2, warmup_steps=2)


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_training_on_sixteen_images_gains_three_decibels(tmp_path):
    model = build(Config(n_coils=2, image_size=(16, 16), channels=12, n_iterations=(1, 1, 2), fusion_channels=12), seed=0)
    options = {"accelerations": (4,), "n_validation": 1, "n_test": 1, "snr_db": 40.0, "n_cycles": 1}
    train(model, Parameters(n_train=16, n_epochs=20, batch_size=4, learning_rate=8e-3, warmup_steps=10, **options), seed=0, folder=tmp_path)
    frames = measured("phantoms", "train", 16, acceleration=4, image_size=16, n_coils=2, snr_db=40.0, keep_reference=True)
    found = evaluate(model, frames)
    gain = 10 * np.log10(found.zero_filled_nmse.mean() / found.nmse.mean())
    assert float(gain) > 3
    target, image = rss(frames.reference.values), recipe.reconstruct(model, frames)
    assert float(found.psnr[0]) == pytest.approx(psnr(target[0], image[0]))


def test_a_stopped_run_goes_on_to_the_bit_and_says_what_it_measured(tmp_path, monkeypatch):
    whole = build(SMALL, seed=0)
    metrics = train(whole, SHORT, seed=0, folder=tmp_path / "whole")
    assert set(metrics) == {f"{k}_{a}x" for k in ("psnr", "ssim", "nmse", "zero_filled_psnr") for a in (4, 8)}
    kept, calls = recipe._summary, []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return kept(*arguments)

    monkeypatch.setattr(recipe, "_summary", stop)
    with pytest.raises(KeyboardInterrupt):
        train(build(SMALL, seed=0), SHORT, seed=0, folder=tmp_path / "stopped")
    monkeypatch.setattr(recipe, "_summary", kept)
    again = build(SMALL, seed=0)
    assert train(again, SHORT, seed=0, folder=tmp_path / "stopped") == metrics and torch.equal(weights(whole), weights(again))
    rows = [json.loads(line) for line in (tmp_path / "whole" / "history.jsonl").read_text().splitlines()]
    assert len(rows) == 2 and {"train_nmse", "train_ssim", "psnr_8x"} <= set(rows[0])


def test_cycles_go_on_from_the_weights_with_images_not_shown_before(tmp_path, monkeypatch):
    shown, kept = [], recipe._cycle

    def spy(model, images, parameters, seed, folder, progress):
        shown.append((images.tobytes(), weights(model)))
        kept(model, images, parameters, seed, folder, progress)
        shown[-1] += (weights(model),)

    monkeypatch.setattr(recipe, "_cycle", spy)
    train(build(SMALL, seed=0), dataclasses.replace(SHORT, n_train=2, n_epochs=1, n_cycles=2), seed=0, folder=tmp_path)
    (first, _, left), (second, found, _) = shown
    assert first != second and torch.equal(left, found)


@pytest.mark.parametrize("kind", ["zero_filled", "unet", "cascade", "crnn"])
def test_baselines_train_on_the_same_batches(tmp_path, monkeypatch, kind):
    seen, kept = {}, recipe._batches

    def spy(kspace, coils, parameters, generator):
        for frame, target in kept(kspace, coils, parameters, generator):
            seen.setdefault(who[0], []).append((frame["mask"].sum().item(), target.sum().item()))
            yield frame, target

    monkeypatch.setattr(recipe, "_batches", spy)
    who = ["pyramid"]
    train(build(SMALL, seed=0), SHORT, seed=0, folder=tmp_path / "a")
    who[0] = kind
    config = mri_baseline.Config(kind, n_coils=2, image_size=(16, 16), channels=4, n_iterations=2, n_pools=2)
    metrics = train(mri_baseline.build(config, seed=0), SHORT, seed=0, folder=tmp_path / "b")
    assert kind == "zero_filled" or seen[kind] == seen["pyramid"]
    if kind == "zero_filled":
        assert metrics["psnr_4x"] == metrics["zero_filled_psnr_4x"]


def test_splits_hold_different_images_and_fixed_masks():
    sets = [references("phantoms", split, 2, image_size=16, n_coils=2).values for split in ("train", "validation", "test")]
    assert not any(np.array_equal(a, b) for i, a in enumerate(sets) for b in sets[i + 1 :])
    digits = [set(references("digits", split, 5, image_size=16, n_coils=2).stimulus_id.values) for split in ("train", "validation", "test")]
    assert not (digits[0] & digits[1] or digits[0] & digits[2])
    a, b = (measured("digits", "test", 2, acceleration=8, image_size=16, n_coils=2) for _ in range(2))
    assert set(a) == {"kspace", "mask"} and a.equals(b)
    assert references("phantoms", "test", 1, image_size=(20, 16), n_coils=1).shape == (1, 2, 20, 16)


@pytest.mark.data("cifar10")
def test_natural_images():
    from neurodyn import places

    if places.find_data("cifar10") is None:
        pytest.skip("cifar10 is not under NEURODYN_DATA")
    sets = [references("cifar10", split, 3, image_size=16, n_coils=2) for split in ("train", "validation", "test")]
    assert len({i for s in sets for i in s.stimulus_id.values}) == 9 and sets[0].shape == (3, 4, 16, 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": "phantom"}, "did you mean `phantoms`"),
        ({"mask": "equispace"}, "did you mean `equispaced`"),
        ({"nmse_of": "coil"}, "did you mean `coils`"),
        ({"n_train": 0}, "`n_train` is 0"),
        ({"accelerations": ()}, r"`accelerations` is \(\)"),
        ({"accelerations": (0.5,)}, r"`accelerations` is \(0.5,\)"),
        ({"nmse_weight": 0.0, "ssim_weight": 0.0}, "the loss weights are 0.0 and 0.0"),
    ],
)
def test_bad_parameters(change, message):
    with pytest.raises(ConfigError, match=message):
        Parameters(**change)


def test_bad_requests():
    with pytest.raises(ConfigError, match="did you mean `test`"):
        references("phantoms", "tst", 1)
    with pytest.raises(ConfigError, match="unknown images"):
        references("phantom", "test", 1)
    with pytest.raises(ConfigError, match="100000 digits of the test split are asked for"):
        references("digits", "test", 100_000, image_size=8)
