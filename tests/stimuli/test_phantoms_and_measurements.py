"""Phantoms and simulated measurements: exact spectra, streams per sample, noise of the size asked for, frames that match their reference."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.ellipses import ellipse_spectrum, rasterise
from neurodyn.numerics.fourier import as_complex, fft2c, measured_error, rss
from neurodyn.schema import check_stimuli, make_stimuli
from neurodyn.stimuli.measurements import coil_images, measurements, undersample
from neurodyn.stimuli.phantoms import phantoms, random_ellipses


def test_phantoms_are_stimuli_with_a_stream_for_each():
    four, two = phantoms(4, image_size=32, seed=5), phantoms(2, image_size=32, seed=5)
    check_stimuli(four)
    assert np.array_equal(four.values[:2], two.values) and list(four.stimulus_id.values[:2]) == list(two.stimulus_id.values)
    assert not np.array_equal(four.values[0], four.values[1]) and not np.array_equal(phantoms(2, image_size=32, seed=6).values, two.values)
    assert (four.values[:, 0, 0] == 0).all() and four.values.std(axis=(1, 2, 3)).min() > 0.1


def test_the_spectrum_of_a_head_is_the_one_in_closed_form():
    ellipses, n = random_ellipses(8, 48, seed=0, index=3), 48
    ky, kx = np.meshgrid((np.arange(n) - n // 2) / n, (np.arange(n) - n // 2) / n, indexing="ij")
    exact = ellipse_spectrum(ellipses, ky, kx) * np.sinc(ky) * np.sinc(kx)
    found = fft2c(rasterise(ellipses, n, n, oversampling=12).astype(complex)) * n
    low = np.hypot(ky, kx) < 0.15
    assert abs(found - exact)[low].max() < 0.005 * abs(exact).max()


def test_coils_share_the_image_and_noise_has_the_size_asked_for():
    images = phantoms(3, image_size=32, seed=0)
    clean, noisy = coil_images(images, n_coils=4, snr_db=np.inf, seed=1), coil_images(images, n_coils=4, snr_db=20, seed=1)
    np.testing.assert_allclose(rss(clean.values), images.values[:, 0], atol=1e-6)
    noise = noisy.values - clean.values
    for k in range(3):
        assert 10 * np.log10((clean.values[k] ** 2).mean() / (noise[k] ** 2).mean()) == pytest.approx(20, abs=0.3)
    alone = coil_images(images.isel(presentation=[2]), n_coils=4, snr_db=20, seed=1)
    assert np.array_equal(alone.values[0], noisy.values[2])


def test_a_frame_is_the_measured_part_of_its_reference():
    frames = measurements(phantoms(3, image_size=32, seed=0), n_coils=2, acceleration=4, seed=0)
    full = fft2c(as_complex(frames.reference.values))
    np.testing.assert_allclose(as_complex(frames.kspace.values), full * frames.mask.values, atol=1e-5)
    assert measured_error(frames.reference.values, frames.kspace.values, frames.mask.values).max() < 1e-5
    assert len({m.tobytes() for m in frames.mask.values}) == 3
    again = measurements(phantoms(5, image_size=32, seed=0), n_coils=2, acceleration=4, seed=0)
    xr.testing.assert_equal(frames, again.isel(presentation=slice(0, 3)))
    assert set(undersample(coil_images(phantoms(1, image_size=32, seed=0), seed=0), keep_reference=False, seed=0)) == {"kspace", "mask"}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: phantoms(2, image_size=8, seed=0), ConfigError, "16 pixels or more"),
        (lambda: coil_images(make_stimuli(np.zeros((1, 1, 8, 8))), n_coils=0, seed=0), ConfigError, "`n_coils` is 0"),
        (lambda: coil_images(np.zeros((1, 1, 8, 8)), seed=0), SchemaError, "ndarray"),
        (lambda: coil_images(make_stimuli(np.zeros((1, 1, 8, 8))), snr_db=np.nan, seed=0), ConfigError, "`snr_db` is nan"),
        (
            lambda: undersample(xr.DataArray(np.zeros((1, 3, 8, 8)), dims=("presentation", "channel", "row", "column")), seed=0),
            SchemaError,
            "two channels a coil",
        ),
        (lambda: measurements(phantoms(1, image_size=32, seed=0), acceleration=0.2, seed=0), ConfigError, "`acceleration` is 0.2"),
    ],
)
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
