"""The centred transform, hard data consistency and padding: closed forms, numpy against torch, a literal sum, properties, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import NumericsError
from neurodyn.numerics import fourier
from neurodyn.numerics.fourier import as_channels, as_complex, center_crop, crop, data_consistency, fft2c, ifft2c, measured_error, pad_to_multiple, rss

SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def complex_noise(*shape, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=shape) + 1j * draw.normal(size=shape)


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (6, 5)])
def test_transform_is_the_sum_written_out(size):
    x = complex_noise(*size)
    rows, columns = (np.arange(n) - n // 2 for n in size)
    wave = [np.exp(-2j * np.pi * np.outer(k, k) / n) for k, n in ((rows, size[0]), (columns, size[1]))]
    np.testing.assert_allclose(fft2c(x), wave[0] @ x @ wave[1].T / np.sqrt(x.size), atol=1e-12)


def test_a_point_at_the_origin_is_flat_and_a_wave_is_a_point():
    point = np.zeros((6, 5), complex)
    point[3, 2] = 1
    np.testing.assert_allclose(fft2c(point), np.full((6, 5), 1 / np.sqrt(30)), atol=1e-15)
    wave = np.exp(2j * np.pi * (np.arange(8) - 4) * 2 / 8)[None].repeat(4, axis=0)
    assert abs(fft2c(wave)[2, 6] - np.sqrt(32)) < 1e-12


@settings(max_examples=20, deadline=None)
@given(SIZES, st.integers(0, 99))
def test_inverse_energy_and_both_kits(size, seed):
    x = complex_noise(2, *size, seed=seed)
    there = fft2c(x)
    np.testing.assert_allclose(ifft2c(there), x, atol=1e-12)
    assert np.isclose((abs(there) ** 2).sum(), (abs(x) ** 2).sum())
    np.testing.assert_allclose(fft2c(torch.from_numpy(x)).numpy(), there, atol=1e-12)
    channels = as_channels(x)
    np.testing.assert_array_equal(as_complex(channels), x)
    np.testing.assert_array_equal(as_channels(torch.from_numpy(x)).numpy(), channels)
    np.testing.assert_allclose(rss(channels), np.sqrt((abs(x) ** 2).sum(0)))


@settings(max_examples=20, deadline=None)
@given(SIZES, st.integers(0, 99))
def test_consistency_is_a_projection_that_keeps_the_measured(size, seed):
    truth, other = complex_noise(3, *size, seed=seed), complex_noise(3, *size, seed=seed + 1)
    mask = torch.from_numpy((np.random.default_rng(seed).random(size) < 0.4).astype(float))
    y, z, t = (torch.from_numpy(as_channels(v)) for v in (fft2c(truth), other, truth))
    once = data_consistency(z, y, mask)
    torch.testing.assert_close(data_consistency(once, y, mask), once)
    assert float(measured_error(once[None], y[None], mask)) < 1e-5
    torch.testing.assert_close(data_consistency(t, y, mask), t)  # a centred transform: the true image stays
    torch.testing.assert_close(data_consistency(z, y, torch.ones_like(mask)), t)
    torch.testing.assert_close(data_consistency(z, y, torch.zeros_like(mask)), z)


def test_a_mixture_of_centred_and_uncentred_would_be_seen():
    truth = complex_noise(1, 8, 8)
    wrong = torch.from_numpy(as_channels(np.fft.fft2(truth, norm="ortho")))
    t, mask = torch.from_numpy(as_channels(truth)), torch.zeros(8, 8).double()
    mask[:, 2:5] = 1
    assert float((data_consistency(t, wrong, mask) - t).abs().max()) > 0.1


def test_measured_error_is_relative_to_the_largest_sample():
    y = torch.zeros(1, 2, 4, 4)
    y[0, 0, 2, 2] = 10.0
    x = as_channels(ifft2c(as_complex(y)))
    assert float(measured_error(x, y, torch.ones(4, 4))) < 1e-6
    y2 = y.clone()
    y2[0, 1, 2, 3] = 1.0
    assert float(measured_error(x, y2, torch.ones(4, 4))) == pytest.approx(0.1, rel=1e-5)


@pytest.mark.parametrize(("size", "multiple"), [((5, 8), 4), ((320, 322), 4), ((7, 7), 1), ((8, 8), 4)])
def test_padding_is_undone_by_cropping(size, multiple):
    x = torch.rand(1, 2, *size)
    padded = pad_to_multiple(x, multiple)
    assert padded.shape[-2] % multiple == padded.shape[-1] % multiple == 0
    assert torch.equal(crop(padded, size), x) and float(padded.sum()) == pytest.approx(float(x.sum()))


def test_radial_frequency_has_its_zero_where_the_transform_has():
    radius = fourier.radial_frequency(6, 5)
    assert radius[3, 2] == 0 and radius.max() <= np.hypot(0.5, 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: as_complex(np.zeros((3, 4, 4))), "3 channels are not pairs"),
        (lambda: data_consistency(torch.zeros(2, 8, 8), torch.zeros(2, 7, 6), torch.ones(7, 6)), r"images of \(2, 8, 8\) and k-space of \(2, 7, 6\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(NumericsError, match=message):
        call()


def test_center_crop_keeps_the_centre():
    x = np.arange(30).reshape(5, 6)
    assert center_crop(x, (3, 4)).tolist() == x[1:4, 1:5].tolist() and np.array_equal(center_crop(x, (5, 6)), x)
    with pytest.raises(NumericsError, match="5 x 6 are smaller than 7 x 4"):
        center_crop(x, (7, 4))
