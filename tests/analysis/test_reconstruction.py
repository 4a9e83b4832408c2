"""Reconstruction analyses against closed forms: what is known about zero-filled images, linear projections and contracting maps."""

import numpy as np
import pytest
import torch
import xarray as xr

from neurodyn.analysis import frequency_gain, quality_contrasts, reconstruction_endpoints, reconstruction_errors
from neurodyn.architectures import mri_baseline
from neurodyn.architectures.pcrnn import Config, build
from neurodyn.dynamics.linearise import dense, jacobian
from neurodyn.dynamics.simulate import state_at
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.numerics.fourier import as_channels, as_complex, fft2c, rss
from neurodyn.numerics.image_quality import nmse, psnr, ssim
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.measurements import measurements
from neurodyn.stimuli.phantoms import phantoms
from neurodyn.testing.systems import linear_network

FRAME = ["kspace", "mask"]
SIZE = {"n_coils": 2, "image_size": (16, 16)}


@pytest.fixture(scope="module")
def stimuli():
    return measurements(phantoms(3, image_size=16, seed=0), n_coils=2, acceleration=2, seed=0)


@pytest.fixture(scope="module")
def network():
    return build(Config(**SIZE, channels=3, n_iterations=(2, 2, 2), fusion_channels=3), seed=0)


def baseline(kind):
    return mri_baseline.build(mri_baseline.Config(kind, **SIZE, channels=3, n_pools=2, n_iterations=2), seed=0)


def test_zero_filled_errors_in_closed_form(stimuli):
    found = reconstruction_errors(baseline("zero_filled"), stimuli, steps={"x": 0}, n_bands=4, n_shown=2)
    for name in found.image.values:  # all three are the same image
        one = found.sel(image=name)
        np.testing.assert_allclose(one.missing_error, 1, atol=1e-5)
        assert float(one.measured_error.max()) < 1e-5
        expected = np.where(stimuli.mask.values[:, 0] == 0, 1, 0)
        power = (abs(fft2c(as_complex(stimuli.reference.values))) ** 2).sum(axis=1)
        np.testing.assert_allclose(one.kspace_error, (power * expected).sum(0) / power.sum(0), atol=1e-5)
    target, magnitude = rss(stimuli.reference.values), found.magnitude.sel(image="readout").values
    for key, measure in (("nmse", nmse), ("psnr", psnr), ("ssim", ssim)):
        np.testing.assert_allclose(found[key].sel(image="readout").values[:2], [measure(t, m) for t, m in zip(target, magnitude, strict=False)], rtol=1e-6)


def test_a_perfect_network_has_no_error_in_any_band(stimuli):
    whole = stimuli.copy()
    whole["kspace"] = (("presentation", "channel", "row", "column"), stimuli.kspace.values * 0)
    whole["kspace"] = whole.kspace + as_channels(fft2c(as_complex(stimuli.reference.values))).astype(np.float32)
    whole["mask"] = xr.ones_like(stimuli.mask)
    found = reconstruction_errors(build(Config(**SIZE, channels=2, fusion_channels=2), seed=1), whole, n_bands=4)
    assert float(found.band_error.max()) < 1e-10 and float(found.nmse.max()) < 1e-10 and float(found.psnr.min()) > 90


def test_magnitude_networks_have_no_complex_errors(stimuli):
    found = reconstruction_errors(baseline("unet"), stimuli)
    assert np.isnan(found.missing_error.sel(image="readout")).all() and np.isfinite(found.band_error.sel(image="readout")).all()


def test_gain_is_that_of_the_dense_jacobian_and_zero_on_measured_samples():
    noise = make_stimuli(np.random.default_rng(0).random((2, 1, 8, 8)))
    frames = measurements(noise, n_coils=1, acceleration=2, keep_reference=False, seed=0)
    network = build(Config(n_coils=1, image_size=(8, 8), channels=3, n_iterations=(1, 1, 2), fusion_channels=3), seed=0)
    state, drive = state_at(network, frames)
    found = frequency_gain(network, state, drive, frames, n_probes=300, seed=0)
    assert float(found.measured_gain.max()) < 1e-12 and found.n_measured.values.tolist() == frames.mask.values.sum(axis=(1, 2, 3)).astype(int).tolist()
    one, shown = ({k: v[:1].double() if v.is_floating_point() else v[:1] for k, v in values.items()} for values in (state, drive))
    matrix = dense(jacobian(network.double(), one, shown, inputs=network.phase, outputs="x"))
    exact = (fft2c(as_complex(matrix.T.reshape(-1, 2, 8, 8))).abs() ** 2).sum(0).mean(0).sqrt().numpy()
    missing = found.measured.values[0] == 0
    np.testing.assert_allclose(found.gain.values[0][missing], exact[missing], rtol=0.25)
    assert np.corrcoef(found.gain.values[0][missing], exact[missing])[0, 1] > 0.9


def test_without_consistency_nothing_is_zero(stimuli):
    network = build(Config(**SIZE, channels=3, n_iterations=(2, 2, 2), fusion_channels=3, data_consistency=False), seed=0)
    frames = stimuli[FRAME].isel(presentation=[0])
    found = frequency_gain(network, *state_at(network, frames), frames, n_probes=4, seed=0)
    assert float(found.measured_gain.min()) > 1e-3


def test_a_contracting_network_ends_in_one_point_and_an_expanding_one_does_not(stimuli, network):
    found = reconstruction_endpoints(network, stimuli, modules={"x3": 5}, n_steps=40, seed=0)
    last = found.isel(module=0, time_bin=-1)
    assert float(last.distance.sel(start="own").max()) == 0 and found.nmse.shape == (1, 4, 3, 40)
    linear = build(Config(**SIZE, channels=3, n_iterations=(2, 2, 2), fusion_channels=0, activation="none"), seed=0)
    with torch.no_grad():
        for cell in linear.iterations:
            cell.residual[1].weight.mul_(0)
            cell.leave.weight.mul_(0.01)
    # h <- h + e(x), x <- C x + x0: the hidden state goes on growing unless e(x) vanishes, so it does not settle
    grown = reconstruction_endpoints(linear, stimuli, modules={"x3": 5}, n_steps=30, seed=0)
    assert grown.same_end.item() == 0
    with torch.no_grad():
        for cell in linear.iterations:
            eye = torch.zeros_like(cell.residual[0].weight)
            eye[range(3), range(3), 1, 1] = 1
            cell.residual[0].weight.copy_(eye)
            cell.residual[1].weight.copy_(-0.9 * eye)  # r(h) = 0.1 h
    settled = reconstruction_endpoints(linear, stimuli, modules={"x3": 5}, n_steps=30, seed=0)
    assert settled.same_end.item() == 1 and settled.settled.item() == 1
    assert np.allclose(settled.nmse.isel(time_bin=-1), settled.nmse.isel(time_bin=-1).sel(start="own"), atol=1e-4)


def table(hole=False):
    draw = np.random.default_rng(0)
    item, noise = draw.normal(size=50), draw.normal(size=(5, 2, 50))
    level = np.array([0, 0, 2, 2, -3.0])[:, None, None]
    coords = {"condition": ("network", ["a", "a", "b", "b", "z"]), "training_seed": ("network", [0, 1, 0, 1, 0]), "acceleration": [4, 8]}
    noise[0, 0, 0] = np.nan if hole else 0
    values = (("network", "acceleration", "presentation"), level + 5 * item + 0.1 * noise, {"units": "dB"})
    return xr.Dataset({"psnr": values, "n_parameters": ("network", [7, 7, 9, 9, 0])}, {**coords, "images": ("network", ["p"] * 5)})


def test_contrasts_are_paired_over_images_and_seeds():
    found = quality_contrasts(table(), contrasts={"b - a": ["b", "a"], "b - z": ["b", "z"]}, measures=["psnr"], images="p", seed=0)
    assert np.allclose(found.difference.values, [[[2, 2], [5, 5]]], atol=0.1) and (found.difference_high - found.difference_low < 0.3).all()
    assert (found.mean_high - found.mean_low > 1).all() and (found.share_better == 1).all()
    assert found.n_pairs.values.tolist() == [2, 2] and found.n_parameters.values.tolist() == [7, 9, 0]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m, s: reconstruction_errors(m, s[FRAME]), SchemaError, "`stimuli` has kspace, mask"),
        (lambda m, s: reconstruction_errors(m, s, steps={"late": 6}), ConfigError, "step 6 of `late` is not in the trial"),
        (lambda m, s: reconstruction_endpoints(m, s, modules={"x": 0}, begin_from=("own", "nois"), seed=0), ConfigError, "did you mean `noise`"),
        (lambda m, s: reconstruction_endpoints(m, s.isel(presentation=[0]), modules={"x": 0}, seed=0), ConfigError, "1 presentations"),
        (lambda m, s: frequency_gain(m, *state_at(m, s[FRAME]), s[FRAME], layer="y", seed=0), ConfigError, "`y` holds no complex images"),
        (lambda m, s: frequency_gain(m, *state_at(m, s[FRAME]), s[FRAME].isel(presentation=[0]), seed=0), SchemaError, "no mask for 3 states"),
        (lambda m, s: quality_contrasts(table(), contrasts={"c": ["b", "aa"]}, measures=["psnr"], seed=0), ConfigError, "unknown condition"),
        (lambda m, s: quality_contrasts(table(), contrasts={}, measures=["ssim"], seed=0), SchemaError, "lacks ssim"),
        (
            lambda m, s: quality_contrasts(
                table().where(table().psnr < 0, drop=False).assign(n_parameters=table().n_parameters), contrasts={}, measures=["psnr"], seed=0
            ),
            SchemaError,
            "missing or not finite",
        ),
        (lambda m, s: quality_contrasts(table(), contrasts={}, measures=["psnr"], images="q", seed=0), ConfigError, "unknown images"),
        (lambda m, s: reconstruction_errors(linear_network([0.5]), s), ModelError, "takes other frames"),
    ],
)
def test_bad_input(stimuli, network, call, kind, message):
    with pytest.raises(kind, match=message):
        call(network, stimuli)
