"""Sums of ellipses: their pixels, and their Fourier transform in closed form.

An ellipse of intensity I, half axes a and b (pixels), turned by phi and centred at c has the continuous transform

    G(k) = I pi a b  2 J1(2 pi q) / (2 pi q)  exp(-2 pi i k . c),      q = |(a k . u, b k . v)|,

with u, v its axes and k in cycles per pixel (Koay, Sarlls and Ozarslan 2007); sums of ellipses are what head phantoms are made of.
"""

from __future__ import annotations

import numpy as np
from scipy.special import j1

from neurodyn.errors import NumericsError

__all__ = ["ellipse_spectrum", "rasterise"]

COLUMNS = ("intensity", "half_axis_row", "half_axis_column", "center_row", "center_column", "angle_rad")


def rasterise(ellipses: np.ndarray, rows: int, columns: int, *, oversampling: int = 4) -> np.ndarray:
    """Mean intensity of each pixel.

    Parameters
    ----------
    ellipses : array, (ellipse, 6)
        Intensity, half axes along row and column before turning (pixels), centre row and column (pixels from the image's centre pixel
        ``(rows // 2, columns // 2)``), angle (radians).
    rows, columns : int
    oversampling : int
        Sample points along each side of a pixel.

    Returns
    -------
    array, (row, column)

    Examples
    --------
    >>> round(float(rasterise(np.array([[2.0, 10, 10, 0, 0, 0]]), 32, 32).sum()) / (2 * np.pi * 100), 2)
    1.0
    """
    ellipses = _checked("rasterise", ellipses)
    y, x = (((np.arange(n * oversampling) + 0.5) / oversampling - 0.5) - n // 2 for n in (rows, columns))
    image = np.zeros((rows * oversampling, columns * oversampling))
    for intensity, a, b, cy, cx, angle in ellipses:
        cos, sin = np.cos(angle), np.sin(angle)
        half = np.hypot(a * cos, b * sin), np.hypot(a * sin, b * cos)  # of the box around it
        inside = tuple(slice(*np.searchsorted(v, (c - h, c + h))) for v, c, h in ((y, cy, half[0]), (x, cx, half[1])))
        dy, dx = y[inside[0], None] - cy, x[None, inside[1]] - cx
        image[inside] += intensity * (((dy * cos + dx * sin) / a) ** 2 + ((dx * cos - dy * sin) / b) ** 2 <= 1)
    return image.reshape(rows, oversampling, columns, oversampling).mean(axis=(1, 3))


def ellipse_spectrum(ellipses: np.ndarray, frequency_row: np.ndarray, frequency_column: np.ndarray) -> np.ndarray:
    """The continuous Fourier transform at given frequencies.

    Parameters
    ----------
    ellipses : array, (ellipse, 6)
        As in :func:`rasterise`.
    frequency_row, frequency_column : array
        Cycles per pixel, broadcast together.

    Returns
    -------
    complex array

    Examples
    --------
    >>> value = ellipse_spectrum(np.array([[1.0, 2.0, 3.0, 0, 0, 0.3]]), np.zeros(1), np.zeros(1))
    >>> bool(np.isclose(value[0], 6 * np.pi))
    True
    """
    ellipses = _checked("ellipse_spectrum", ellipses)
    ky, kx = np.broadcast_arrays(np.asarray(frequency_row, float), np.asarray(frequency_column, float))
    total = np.zeros(ky.shape, complex)
    for intensity, a, b, cy, cx, angle in ellipses:
        cos, sin = np.cos(angle), np.sin(angle)
        z = 2 * np.pi * np.hypot(a * (ky * cos + kx * sin), b * (kx * cos - ky * sin))
        profile = np.where(z < 1e-12, 1.0, 2 * j1(np.maximum(z, 1e-12)) / np.maximum(z, 1e-12))
        total += intensity * np.pi * a * b * profile * np.exp(-2j * np.pi * (ky * cy + kx * cx))
    return total


def _checked(where: str, ellipses: np.ndarray) -> np.ndarray:
    ellipses = np.atleast_2d(np.asarray(ellipses, float))
    if ellipses.ndim != 2 or ellipses.shape[1] != len(COLUMNS):
        raise NumericsError(where, f"`ellipses` has shape {ellipses.shape}", expected=f"(ellipse, 6): {', '.join(COLUMNS)}")
    if not np.isfinite(ellipses).all() or (ellipses[:, 1:3] <= 0).any():
        raise NumericsError(where, "an ellipse has a half axis that is not above 0, or a value that is not finite", expected="finite values, half axes above 0")
    return ellipses
