"""One image as a moving sensor sees it: the scene, the fields of view along a trajectory, and the frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.schema import check_stimuli
from neurodyn.stimuli.sensor_movie import sensor_movie

__all__ = ["sensor_view"]


def sensor_view(
    stimuli: xr.DataArray,
    *,
    path: Mapping[str, Any],
    n_steps: int = 5,
    resolution: int = 8,
    margin_px: int = 12,
    padding: tuple[float, ...] = (0.4914, 0.4822, 0.4465),
    seed: int,
) -> xr.Dataset:
    """Show images to a moving sensor and keep everything a drawing of it needs.

    Parameters
    ----------
    stimuli : DataArray, (presentation, channel, row, column)
    path : mapping
        ``style`` of the trajectory and its parameters.
    n_steps, resolution : int
        Frames, and receptors along one side.
    margin_px : int
        Of the scene shown around the image.
    padding : tuple of float
        Colour of the scene.
    seed : int

    Returns
    -------
    Dataset
        ``scene`` (presentation, channel, row, column), ``image`` (presentation, frame, channel, receptor_row, receptor_column) and
        ``position`` (presentation, frame, axis) in px from the centre of the scene.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> sensor_view(make_stimuli(np.zeros((1, 3, 32, 32))), path={"style": "not_moving"}, seed=0).scene.shape
    (1, 3, 56, 56)
    """
    check_stimuli(stimuli, where="sensor_view")
    movie = sensor_movie(stimuli, path, n_steps, seed=seed, resolution=resolution, padding=padding)
    pixels = stimuli.values
    scene = np.empty((*pixels.shape[:2], pixels.shape[2] + 2 * margin_px, pixels.shape[3] + 2 * margin_px), np.float32)
    scene[:] = np.asarray(padding, np.float32)[:, None, None]
    scene[:, :, margin_px : margin_px + pixels.shape[2], margin_px : margin_px + pixels.shape[3]] = pixels
    return xr.Dataset(
        {
            "scene": (("presentation", "channel", "row", "column"), scene, {"units": "1"}),
            "image": (("presentation", "frame", "channel", "receptor_row", "receptor_column"), movie.image.values, {"units": "1"}),
            "position": movie.position.drop_vars([c for c in movie.position.coords if c != "axis"]),
        },
        coords={"stimulus_id": ("presentation", stimuli.stimulus_id.values)},
        attrs={"image_px": int(pixels.shape[-1]), "margin_px": margin_px},
    )
