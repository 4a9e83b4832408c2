"""Sparse noise: a few light and dark squares on grey in every frame."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["sparse"]


def sparse(
    image_size: int,
    *,
    n_frames: int,
    n_presentations: int = 1,
    square_px: int = 1,
    n_squares: int = 1,
    contrast_percent: float = 100.0,
    n_channels: int = 1,
    frame_ms: float | None = None,
    seed: int,
) -> xr.DataArray:
    """Draw frames in each of which `n_squares` squares of a grid are light or dark, the others grey.

    Parameters
    ----------
    image_size : int
        A multiple of `square_px`.
    n_frames, n_presentations, n_channels : int
    square_px, n_squares : int
        Side of a square, and how many differ from grey in a frame.
    contrast_percent : float
    frame_ms : float, optional
    seed : int

    Returns
    -------
    DataArray, (presentation, frame, channel, row, column)

    Raises
    ------
    ConfigError
        Squares that do not tile the image, or more squares than there are.

    Examples
    --------
    >>> movie = sparse(8, n_frames=4, square_px=2, seed=0)
    >>> (movie != 0.5).sum(("channel", "row", "column")).values.tolist()
    [[4, 4, 4, 4]]
    """
    n = image_size // square_px
    if n * square_px != image_size or not 1 <= n_squares <= n * n:
        raise ConfigError("sparse", f"{n_squares} squares of {square_px} pixels in an image of {image_size}", expected="squares that tile the image")
    pixels = np.full((n_presentations, n_frames, n_channels, n * n), 0.5)
    for i in range(n_presentations):
        generator = numpy_generator(seed, "sparse", i)
        for k in range(n_frames):
            where = generator.choice(n * n, n_squares, replace=False)
            pixels[i, k][:, where] += 0.5 * contrast_percent / 100 * generator.choice([-1.0, 1.0], n_squares)
    grid = pixels.reshape(n_presentations, n_frames, n_channels, n, n).repeat(square_px, axis=-2).repeat(square_px, axis=-1)
    ids = [f"sparse-{seed}-{i:04d}" for i in range(n_presentations)]
    return make_stimuli(grid, ids, frame_start=np.arange(n_frames) * (frame_ms or 1.0))
