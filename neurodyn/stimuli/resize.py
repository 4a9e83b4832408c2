"""Change the size and the number of channels of stimuli."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.image_resize import resize_images
from neurodyn.schema import check_stimuli

__all__ = ["LUMA", "resize"]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601 weights of red, green, blue


def resize(stimuli: xr.DataArray, size: int | tuple[int, int] | None, n_channels: int | None = None) -> xr.DataArray:
    """Resize images or movies with antialiasing, and turn colour into grey or grey into colour.

    Parameters
    ----------
    stimuli : DataArray, (presentation[, frame], channel, row, column)
        float32 in [0, 1].
    size : int, (int, int) or None
        Pixels of the square result, or (row, column); None keeps the size.  The aspect ratio follows `size`: crop first to keep it.
    n_channels : int, optional
        1 turns red, green, blue into luma (BT.601); 3 repeats a single channel; None keeps the channels.

    Returns
    -------
    DataArray
        Same dims and coords (except those of row, column and channel), float32 in [0, 1].

    Raises
    ------
    SchemaError
        If `stimuli` are not stimuli, or their channels cannot become `n_channels`.
    ConfigError
        If a size is below 1.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> resize(make_stimuli(np.full((2, 1, 8, 8), 0.25)), 32, n_channels=3).shape
    (2, 3, 32, 32)
    """
    check_stimuli(stimuli, where="resize")
    out = _channels(stimuli, n_channels)
    shape = out.shape[-2:] if size is None else (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
    if len(shape) != 2 or min(shape) < 1:
        raise ConfigError("resize", f"`size` is {size}", expected="a number of pixels, or (row, column), of 1 or more", fix="resize(stimuli, 32)")
    if shape == out.shape[-2:]:
        return out
    values = np.clip(resize_images(out.values, (int(shape[0]), int(shape[1]))), 0.0, 1.0)
    return _relabel(out, values, ("row", "column"))


def _channels(stimuli: xr.DataArray, n_channels: int | None) -> xr.DataArray:
    have = stimuli.sizes["channel"]
    if n_channels is None or n_channels == have:
        return stimuli
    if (have, n_channels) == (3, 1):
        luma = np.tensordot(stimuli.values, np.asarray(LUMA, np.float32), axes=([stimuli.dims.index("channel")], [0]))
        values = np.clip(np.expand_dims(luma, stimuli.dims.index("channel")), 0.0, 1.0)
    elif have == 1:
        values = np.repeat(stimuli.values, n_channels, axis=stimuli.dims.index("channel"))
    else:
        raise SchemaError("resize", f"`stimuli` have {have} channels and cannot become {n_channels}", expected="1 or 3 channels", fix="stimuli[:, :1]")
    return _relabel(stimuli, values, ("channel",))


def _relabel(stimuli: xr.DataArray, values: np.ndarray, changed: tuple[str, ...]) -> xr.DataArray:
    coords = {k: v for k, v in stimuli.coords.items() if not set(v.dims) & set(changed)}
    return xr.DataArray(values.astype(np.float32, copy=False), dims=stimuli.dims, coords=coords, name=stimuli.name, attrs=stimuli.attrs)
