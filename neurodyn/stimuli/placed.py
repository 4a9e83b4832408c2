"""Images at chosen places on a canvas, to ask what activity tells about an object wherever it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import PRESENTATION, check_stimuli, make_stimuli

__all__ = ["placed"]


def placed(images: xr.DataArray, *, canvas: int, places: Mapping[str, Sequence[int]], background: float = 0.0) -> xr.DataArray:
    """Show every image at every place.

    Parameters
    ----------
    images : DataArray, (presentation, channel, row, column)
    canvas : int
        Side of the canvas, pixels.
    places : mapping of name to (row, column)
        Top left corner of the image, pixels.
    background : float
        Of the canvas.

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        The coords of `images`, ``position`` (the name of the place) and ``image`` (the id without it); ``stimulus_id`` is ``image@position``.

    Raises
    ------
    ConfigError
        If there is no place, or an image does not fit.

    Examples
    --------
    >>> shown = placed(make_stimuli(np.ones((2, 1, 4, 4))), canvas=8, places={"left": (2, 0), "right": (2, 4)})
    >>> shown.sizes["presentation"], shown.values[0, 0, 3].tolist()
    (4, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    """
    images = check_stimuli(images, where="placed")
    n, channels, rows, columns = images.shape
    if not places:
        raise ConfigError("placed", "`places` is empty", expected="one or more named corners")
    for name, (r, c) in places.items():
        if min(r, c) < 0 or r + rows > canvas or c + columns > canvas:
            raise ConfigError(
                "placed", f"images of {rows} x {columns} pixels at {name} = ({r}, {c}) leave a canvas of {canvas}", expected="corners that keep them inside"
            )
    values = np.full((len(places), n, channels, canvas, canvas), background, np.float32)
    for k, (r, c) in enumerate(places.values()):
        values[k, :, :, r : r + rows, c : c + columns] = images.values
    ids = images.stimulus_id.values.astype(str)
    labels = {str(k): np.tile(v.values, len(places)) for k, v in images.coords.items() if v.dims == (PRESENTATION,) and k not in ("stimulus_id", "position")}
    names = np.repeat(list(places), n)
    shown = [f"{i}@{p}" for i, p in zip(np.tile(ids, len(places)), names, strict=True)]
    return make_stimuli(values.reshape(-1, *values.shape[2:]), shown, **labels, image=np.tile(ids, len(places)), position=names)
