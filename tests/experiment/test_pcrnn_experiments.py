"""What the shipped table of reconstructions must show."""

import numpy as np
import pytest

from neurodyn.analysis import quality_contrasts
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.tables import shipped_table


@pytest.fixture(scope="module")
def table():
    return shipped_table(**read_experiment("pcrnn/outcomes").spec.parameters)


def test_every_network_reconstructed_every_image(table):
    assert all(np.isfinite(table[k]).all() for k in ("nmse", "psnr", "ssim"))
    on_phantoms = set(table.condition.values[table.images.values == "phantoms"].astype(str))
    assert {"zero-filled", "pyramid", "single", "no-consistency", "no-fusion", "untied", "cascade", "crnn", "unet"} <= on_phantoms


def test_the_pyramid_beats_zero_filling_by_three_decibels_and_its_single_scale(table):
    parameters = read_experiment("pcrnn/contrasts").spec.parameters
    found = quality_contrasts(table, **{**parameters, "measures": ("psnr",)}, n_resamples=300, seed=0).sel(measure="psnr")
    assert (found.difference_low.sel(contrast="pyramid - zero-filled") > 3).all()
    assert (found.difference_low.sel(contrast="pyramid - single") > 0).all()
    assert int(found.n_pairs.sel(contrast="pyramid - single")) == 2


def test_natural_images_are_better_than_zero_filled(table):
    parameters = read_experiment("pcrnn/contrasts_natural").spec.parameters
    found = quality_contrasts(table, **{**parameters, "measures": ("psnr",)}, n_resamples=300, seed=0).sel(measure="psnr")
    assert (found.difference_low.sel(contrast="pyramid - zero-filled") > 0).all()
