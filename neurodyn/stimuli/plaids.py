"""Plaids: two drifting gratings on top of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.schema import make_stimuli
from neurodyn.stimuli._physical import contrasts
from neurodyn.stimuli.gratings import GratingMovie, product

__all__ = ["plaids"]


def plaids(
    image_size: int | tuple[int, int],
    *,
    spatial_frequency_cpp: float | Sequence[float],
    temporal_frequency_cpf: float | Sequence[float] = 0.0,
    direction_deg: float | Sequence[float] = 0.0,
    cross_angle_deg: float | Sequence[float] = 120.0,
    contrast_percent: float | Sequence[float] = 100.0,
    n_frames: int = 1,
    n_channels: int = 1,
    frame_ms: float | None = None,
) -> xr.DataArray:
    """Draw the mean of two gratings that drift at half the cross angle to either side of `direction_deg`.

    Parameters
    ----------
    image_size : int or (n_rows, n_columns)
    spatial_frequency_cpp, temporal_frequency_cpf : float or sequence
        Of both components.
    direction_deg, cross_angle_deg : float or sequence
        Direction of the pattern, and the angle between the components.
    contrast_percent : float or sequence
        Of the plaid: each component has half.
    n_frames, n_channels : int
    frame_ms : float, optional

    Returns
    -------
    DataArray, (presentation[, frame], channel, row, column)

    Raises
    ------
    ConfigError
        Frequencies at or above Nyquist, contrasts outside 0..100.

    Examples
    --------
    >>> plaids(16, spatial_frequency_cpp=0.125, cross_angle_deg=[90, 120], temporal_frequency_cpf=0.1, n_frames=4).shape
    (2, 4, 1, 16, 16)
    """
    contrasts("plaids", contrast_percent)
    table = product(
        direction_deg=direction_deg,
        spatial_frequency_cpp=spatial_frequency_cpp,
        temporal_frequency_cpf=temporal_frequency_cpf,
        contrast_percent=contrast_percent,
        cross_angle_deg=cross_angle_deg,
    )
    half = table["cross_angle_deg"] / 2
    one = {k: v for k, v in table.items() if k != "cross_angle_deg"}
    parts = [
        GratingMovie({**one, "direction_deg": one["direction_deg"] + sign * half}, image_size, n_frames=n_frames, n_channels=n_channels) for sign in (-1, 1)
    ]
    pixels = np.stack([(parts[0].frame(k) + parts[1].frame(k)) / 2 for k in range(n_frames)], axis=1)
    ids = [f"plaid-{i:04d}" for i in range(len(pixels))]
    if n_frames == 1:
        return make_stimuli(pixels[:, 0], ids, **table)
    return make_stimuli(pixels, ids, frame_start=np.arange(n_frames) * (frame_ms or 1.0), **table)
