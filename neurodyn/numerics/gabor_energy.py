"""Gabor energy: the amplitude of quadrature pairs of Gabor filters, pooled over space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft

from neurodyn.errors import NumericsError

__all__ = ["gabor_energy"]


def gabor_energy(
    images: np.ndarray, *, wavelengths_px: Sequence[float] = (4.0, 8.0, 16.0, 32.0), n_orientations: int = 8, n_pools: int = 7, bandwidth: float = 0.56
) -> np.ndarray:
    """Energy of a Gabor bank, averaged over a grid of square pools.

    Parameters
    ----------
    images : array, (image, row, column)
    wavelengths_px : sequence of float
        Pixels a cycle.
    n_orientations : int
        Evenly spaced over 180 degrees.
    n_pools : int
        Pools along each side.
    bandwidth : float
        Standard deviation of the Gaussian envelope in wavelengths; 0.56 is one octave.

    Returns
    -------
    float32 array, (image, wavelength, orientation, pool row, pool column)

    Notes
    -----
    With the analytic filter's transfer function H (a Gaussian around the preferred frequency, zero elsewhere), the energy is |F^-1 (H F image)|,
    the root of the summed squares of the even and the odd filter.  Images are treated as periodic after removing their mean.

    Examples
    --------
    >>> wave = np.cos(2 * np.pi * np.arange(32) / 8)[None, None, :] * np.ones((1, 32, 1))
    >>> energy = gabor_energy(wave, wavelengths_px=(4, 8, 16), n_orientations=2, n_pools=1)[0, :, :, 0, 0]
    >>> np.unravel_index(energy.argmax(), energy.shape) == (1, 0)
    True
    """
    images = np.asarray(images, dtype=np.float32)
    if images.ndim != 3:
        raise NumericsError("gabor_energy", f"`images` has shape {images.shape}", expected="(image, row, column)")
    rows, columns = images.shape[1:]
    if min(rows, columns) < n_pools or n_pools < 1:
        raise NumericsError("gabor_energy", f"{n_pools} pools a side for images of {rows} x {columns} pixels", expected="at least a pixel a pool")
    v, u = np.meshgrid(scipy.fft.fftfreq(rows), scipy.fft.fftfreq(columns), indexing="ij")
    filters = []
    for wavelength in wavelengths_px:
        for k in range(n_orientations):
            angle = np.pi * k / n_orientations
            distance = (u - np.cos(angle) / wavelength) ** 2 + (v - np.sin(angle) / wavelength) ** 2
            filters.append(2 * np.exp(-2 * (np.pi * bandwidth * wavelength) ** 2 * distance))
    edges_r, edges_c = np.linspace(0, rows, n_pools + 1).astype(int), np.linspace(0, columns, n_pools + 1).astype(int)
    areas = np.outer(np.diff(edges_r), np.diff(edges_c)).astype(np.float32)
    out = np.empty((len(images), len(filters), n_pools, n_pools), np.float32)
    for start in range(0, len(images), 64):
        block = images[start : start + 64]
        spectrum = scipy.fft.fft2(block - block.mean(axis=(1, 2), keepdims=True))
        for k, transfer in enumerate(filters):
            energy = np.abs(scipy.fft.ifft2(spectrum * transfer.astype(np.float32), overwrite_x=True))
            out[start : start + 64, k] = np.add.reduceat(np.add.reduceat(energy, edges_r[:-1], axis=1), edges_c[:-1], axis=2) / areas
    return out.reshape(len(images), len(wavelengths_px), n_orientations, n_pools, n_pools)
