"""Images of a data set at several places of a model's frame, for decoding across positions."""

from __future__ import annotations

import xarray as xr

from neurodyn import registry
from neurodyn.errors import ConfigError
from neurodyn.stimuli.placed import placed

__all__ = ["placed_images"]


def placed_images(dataset: str = "digits", *, size: int = 10, split: str = "test", n: int | None = None, image_size: int = 16) -> xr.DataArray:
    """The first images of a split, scaled down and shown left, in the middle and right, on black.

    Parameters
    ----------
    dataset : str
        A reader of ``neurodyn/datasets`` with ``load(split, image_size)``.
    size : int
        Side of an image, pixels.
    split : str
    n : int, optional
        Presentations in all, the same images at every place.
    image_size : int
        Side of the frame, pixels.

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        With ``position`` along `presentation`.
    """
    if not 0 < size < image_size:
        raise ConfigError(
            "placed_images", f"`size` is {size} for a frame of {image_size}", expected=f"1..{image_size - 1} pixels", fix=f"size={image_size // 2}"
        )
    stimuli, _ = registry.load_module("datasets", dataset).load(split, image_size=size, n=None if n is None else -(-n // 3))
    room = image_size - size
    places = {"left": (room // 2, 0), "middle": (room // 2, room // 2), "right": (room // 2, room)}
    return placed(stimuli, canvas=image_size, places=places)
