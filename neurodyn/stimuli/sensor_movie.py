"""What a moving low-resolution sensor sees of images, as stimuli for models whose frame is an image and a position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import sensor
from neurodyn.schema import MOVIE_DIMS, PRESENTATION, check_stimuli
from neurodyn.seeding import subseed
from neurodyn.stimuli import trajectories

__all__ = ["sensor_movie"]


def sensor_movie(
    images: xr.DataArray,
    path: np.ndarray | Mapping[str, Any],
    n_frames: int = 5,
    *,
    seed: int | None = None,
    resolution: int = 8,
    field_px: float | None = None,
    padding: float | Sequence[float] = (0.4914, 0.4822, 0.4465),
    margin_px: float | None = 100.0,
    kernel: str = "cubic",
    uneven: bool = False,
) -> xr.Dataset:
    """Look at images along trajectories.

    Parameters
    ----------
    images : DataArray, (presentation, channel, row, column)
        float32 in [0, 1].
    path : array (presentation, frame, 2), or mapping
        Positions in px to the right and up, one trajectory an image; or ``style`` and its parameters, for
        :func:`neurodyn.stimuli.trajectories.positions`; an image's trajectory then depends on its id (and repetition), not on its place.
    n_frames : int
        Of each trial; an array must have that many.
    seed : int, optional
        Of the trajectories, where `path` is a mapping.
    resolution : int
        Receptors along one side.
    field_px : float, optional
        Width of the field of view; that of the image when absent.
    padding : float or one a channel
        Colour of the scene around the image; by default the mean of CIFAR-10.
    margin_px, kernel, uneven
        As in :func:`neurodyn.numerics.sensor.sample`.

    Returns
    -------
    Dataset
        ``image`` (presentation, frame, channel, row, column) and ``position`` (presentation, frame, axis) in px, with the coords of the
        images along `presentation`.  Cubic receptors can pass 0 and 1 slightly at sharp edges.

    Raises
    ------
    SchemaError
        If images are not images, or images, positions and frames differ in number.
    ConfigError
        If trajectories are to be drawn without a seed.
    NumericsError
        If a trajectory leaves the scene, or the resolution does not divide the field.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> movie = sensor_movie(make_stimuli(np.full((2, 3, 32, 32), 0.5)), {"style": "spiral_2dir2"}, 5, seed=0)
    >>> movie.image.shape, movie.position.shape
    ((2, 5, 3, 8, 8), (2, 5, 2))
    """
    import torch

    check_stimuli(images, where="sensor_movie")
    if "frame" in images.dims:
        raise SchemaError("sensor_movie", "`images` are movies", expected="still images (presentation, channel, row, column)")
    n = images.sizes[PRESENTATION]
    points = _drawn(path, images, n_frames, seed) if isinstance(path, Mapping) else np.asarray(path, dtype=float)
    if points.shape != (n, n_frames, 2):
        raise SchemaError(
            "sensor_movie",
            f"`path` has shape {points.shape} for {n} images and {n_frames} frames",
            expected=f"positions of shape {(n, n_frames, 2)}",
            fix=f"n_frames={points.shape[1]}" if points.ndim == 3 and points.shape[0] == n and points.shape[2] == 2 else "one trajectory an image",
        )
    seen = sensor.sample(
        torch.from_numpy(np.ascontiguousarray(images.values)),
        torch.from_numpy(points.astype(np.float32)),
        resolution=resolution,
        field_px=float(images.sizes["column"]) if field_px is None else field_px,
        padding=padding if isinstance(padding, (int, float)) or len(padding) == images.sizes["channel"] else float(np.mean(padding)),
        margin_px=margin_px,
        kernel=kernel,
        uneven=uneven,
    )
    coords = {str(k): v for k, v in images.coords.items() if v.dims == (PRESENTATION,)}
    variables = {"image": (MOVIE_DIMS, seen.numpy(), {"units": "1"}), "position": ((PRESENTATION, "frame", "axis"), points.astype(np.float32), {"units": "px"})}
    return xr.Dataset(variables, coords={**coords, "axis": ["right", "up"]})


def _drawn(path: Mapping[str, Any], images: xr.DataArray, n_frames: int, seed: int | None) -> np.ndarray:
    if seed is None:
        raise ConfigError("sensor_movie", "trajectories are drawn at random but `seed` is None", expected="a seed", fix="sensor_movie(..., seed=0)")
    parameters = {k: v for k, v in path.items() if k != "style"}
    ids = [str(i) for i in images.stimulus_id.values]
    again = images.repetition.values if "repetition" in images.coords else np.zeros(len(ids), int)
    rows = [subseed(0, i, r) >> 23 for i, r in zip(ids, again, strict=True)]  # 40 bits: an image keeps its trajectory wherever it stands
    return trajectories.positions(str(path.get("style", "spiral_2dir2")), len(ids), n_frames, seed=seed, rows=rows, **parameters)
