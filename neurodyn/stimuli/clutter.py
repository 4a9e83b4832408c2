"""Digits somewhere on a large canvas, among pieces of other digits."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import PRESENTATION, check_stimuli, make_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["clutter"]


def clutter(
    images: xr.DataArray,
    *,
    canvas: int = 128,
    n_distractors: int = 5,
    distractor_size: int = 5,
    seed: int,
) -> xr.DataArray:
    """Place each image at a random position on a black canvas with patches cut from other images.

    Parameters
    ----------
    images : DataArray, (presentation, channel, row, column)
        Small bright-on-black images, for example MNIST.
    canvas : int
        Side of the canvas, pixels.
    n_distractors : int
        Patches a canvas, each cut at random from another image of the set.
    distractor_size : int
        Side of a patch, pixels.
    seed : int
        Presentation i draws from its own stream keyed by (seed, stimulus_id), so a subset sees the same canvases.

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        With all coords of `images` and ``target_row``, ``target_column``: the top left corner of the image, pixels.

    Raises
    ------
    ConfigError
        If the images or the patches do not fit.

    Notes
    -----
    The layout of cluttered MNIST (Mnih et al. 2014; Shim and Kim 2020): a patch may overlap the target; the brighter pixel wins.

    Examples
    --------
    >>> images = make_stimuli(np.ones((2, 1, 8, 8)))
    >>> clutter(images, canvas=32, n_distractors=0, seed=0).values.sum(axis=(1, 2, 3)).tolist()
    [64.0, 64.0]
    """
    images = check_stimuli(images, where="clutter")
    n, channels, rows, columns = images.shape
    if max(rows, columns) > canvas:
        raise ConfigError(
            "clutter",
            f"images of {rows} x {columns} pixels do not fit a canvas of {canvas}",
            expected="a larger canvas",
            fix=f"canvas={2 * max(rows, columns)}",
        )
    if not 0 < distractor_size <= min(rows, columns):
        raise ConfigError("clutter", f"`distractor_size` is {distractor_size}", expected=f"1..{min(rows, columns)} pixels")
    if n_distractors and n < 2:
        raise ConfigError("clutter", "distractors are cut from other images but there is only one", expected="two images or more", fix="n_distractors=0")
    pixels, values = np.zeros((n, channels, canvas, canvas), np.float32), images.values
    corner = np.empty((n, 2), int)
    places = np.array([rows, columns]), np.array([distractor_size, distractor_size])
    bounds = np.array([*(canvas - places[0] + 1), *np.tile([n - 1, *(places[0] - places[1] + 1), *(canvas - places[1] + 1)], n_distractors)])
    for i, name in enumerate(images.stimulus_id.values):
        draws = (numpy_generator(seed, "clutter", name).random(len(bounds)) * bounds).astype(int)
        corner[i] = y, x = draws[:2]
        pixels[i, :, y : y + rows, x : x + columns] = values[i]
        for step, top, left, y, x in draws[2:].reshape(n_distractors, 5):
            patch = values[(i + 1 + step) % n, :, top : top + distractor_size, left : left + distractor_size]
            target = pixels[i, :, y : y + distractor_size, x : x + distractor_size]
            np.maximum(target, patch, out=target)
    coords = {str(k): v.values for k, v in images.coords.items() if v.dims == (PRESENTATION,)}
    ids = coords.pop("stimulus_id")
    return make_stimuli(pixels, ids, **coords, target_row=corner[:, 0], target_column=corner[:, 1])
