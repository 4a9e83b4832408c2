"""Ellipses: areas and spectra in closed form, the raster against the exact spectrum, shift and rotation, bad input."""

import numpy as np
import pytest

from neurodyn.errors import NumericsError
from neurodyn.numerics.ellipses import ellipse_spectrum, rasterise
from neurodyn.numerics.fourier import fft2c

TWO = np.array([[1.0, 12, 8, 1.5, -2.0, 0.4], [-0.5, 3, 5, -4, 3.3, 1.2]])


def grid(n):
    return np.meshgrid((np.arange(n) - n // 2) / n, (np.arange(n) - n // 2) / n, indexing="ij")


@pytest.mark.parametrize("n", [48, 49])
def test_the_raster_has_the_exact_spectrum_at_low_frequencies(n):
    image = rasterise(TWO, n, n, oversampling=16)
    ky, kx = grid(n)
    exact = ellipse_spectrum(TWO, ky, kx) * np.sinc(ky) * np.sinc(kx)  # a pixel is the mean over its area
    off = abs(fft2c(image.astype(complex)) * n - exact)
    low = np.hypot(ky, kx) < 0.1
    assert off[low].max() < 0.004 * abs(exact).max()
    assert off.max() < 0.02 * abs(exact).max()


def test_areas_shift_and_turn():
    zero = np.zeros(1)
    assert ellipse_spectrum(TWO, zero, zero)[0] == pytest.approx(np.pi * (96 - 0.5 * 15))
    assert rasterise(TWO, 64, 64, oversampling=16).sum() == pytest.approx(np.pi * (96 - 7.5), rel=2e-3)
    k = np.array([0.03]), np.array([-0.05])
    moved = TWO[:1] + np.array([[0, 0, 0, 2, 5, 0]])
    assert ellipse_spectrum(moved, *k)[0] == pytest.approx(ellipse_spectrum(TWO[:1], *k)[0] * np.exp(-2j * np.pi * (0.03 * 2 - 0.05 * 5)))
    disc = np.array([[1.0, 6, 6, 0, 0, 0.0], [1.0, 6, 6, 0, 0, 1.0]])
    assert ellipse_spectrum(disc[:1], *k)[0] == pytest.approx(ellipse_spectrum(disc[1:], *k)[0])
    upright, lying = np.array([[1.0, 9, 4, 0, 0, np.pi / 2]]), np.array([[1.0, 4, 9, 0, 0, 0.0]])
    np.testing.assert_allclose(rasterise(upright, 32, 32), rasterise(lying, 32, 32), atol=0.3)
    assert ellipse_spectrum(upright, *k)[0] == pytest.approx(ellipse_spectrum(lying, *k)[0])


@pytest.mark.parametrize("bad", [np.ones((2, 5)), np.array([[1, 0, 2, 0, 0, 0.0]]), np.array([[np.nan, 1, 2, 0, 0, 0.0]])])
def test_bad_input(bad):
    with pytest.raises(NumericsError):
        rasterise(bad, 8, 8)
