"""Gabor patches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import make_stimuli
from neurodyn.stimuli._physical import contrasts, spatial_cpp
from neurodyn.stimuli.gratings import pixel_grid, product

__all__ = ["gabors"]


def gabors(
    image_size: int | tuple[int, int],
    *,
    spatial_frequency_cpp: float | Sequence[float],
    orientation_deg: float | Sequence[float] = 0.0,
    phase_deg: float | Sequence[float] = 0.0,
    sigma_px: float | Sequence[float] = 4.0,
    row_px: float | Sequence[float] = 0.0,
    column_px: float | Sequence[float] = 0.0,
    contrast_percent: float | Sequence[float] = 100.0,
    n_channels: int = 1,
) -> xr.DataArray:
    """Draw every combination of the values given as an image.

    The luminance is 1/2 + contrast/2 exp(-r^2 / 2 sigma^2) cos(2 pi f d + phase), d the distance across the bars, upwards for
    `orientation_deg` 0 (horizontal bars), r the distance from the patch's centre.

    Parameters
    ----------
    image_size : int or (n_rows, n_columns)
    spatial_frequency_cpp : float or sequence, cycles per pixel
    orientation_deg, phase_deg, contrast_percent : float or sequence
    sigma_px : float or sequence
        Standard deviation of the envelope.
    row_px, column_px : float or sequence
        Centre of the patch from the middle of the image, up and to the right.
    n_channels : int

    Returns
    -------
    DataArray, (presentation, channel, row, column)

    Raises
    ------
    ConfigError
        A frequency at or above Nyquist, a contrast outside 0..100, or an envelope without width.

    Examples
    --------
    >>> gabors(16, spatial_frequency_cpp=0.2, orientation_deg=[0, 45, 90]).shape
    (3, 1, 16, 16)
    """
    table = product(
        orientation_deg=orientation_deg,
        spatial_frequency_cpp=spatial_cpp("gabors", spatial_frequency_cpp),
        phase_deg=phase_deg,
        sigma_px=sigma_px,
        row_px=row_px,
        column_px=column_px,
        contrast_percent=contrast_percent,
    )
    amplitude = contrasts("gabors", table["contrast_percent"]) / 2
    if (table["sigma_px"] <= 0).any():
        raise ConfigError("gabors", f"`sigma_px` is {table['sigma_px'].min():g}", expected="above 0")
    x, y = pixel_grid(image_size)

    def column(name: str) -> np.ndarray:
        return table[name][:, None, None]

    dx, dy = x - column("column_px"), y - column("row_px")
    across = np.deg2rad(column("orientation_deg") + 90)
    carrier = np.cos(2 * np.pi * column("spatial_frequency_cpp") * (dx * np.cos(across) + dy * np.sin(across)) + np.deg2rad(column("phase_deg")))
    patch = 0.5 + amplitude[:, None, None] * np.exp(-(dx**2 + dy**2) / (2 * column("sigma_px") ** 2)) * carrier
    pixels = np.repeat(patch[:, None], n_channels, axis=1)
    return make_stimuli(pixels, [f"gabor-{i:04d}" for i in range(len(pixels))], **table)
