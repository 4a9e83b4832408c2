"""One image of each of several classes at several positions, for experiments on tolerance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn import registry
from neurodyn.errors import ConfigError
from neurodyn.experiment.inputs import call_with
from neurodyn.schema import make_stimuli

__all__ = ["shifted_objects"]


def shifted_objects(
    dataset: str, *, split: str = "test", labels: Sequence[int] = (0, 1, 2, 3, 4, 5, 6), shifts_px: Sequence[int] = (-3, 0, 3), image_size: int | None = None
) -> xr.DataArray:
    """The first image of each class, moved sideways; what comes in is black.

    Parameters
    ----------
    dataset : str
        A file of ``neurodyn/datasets`` with labels.
    split : str
    labels : sequence of int
    shifts_px : sequence of int
        To the right.
    image_size : int, optional

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        With coords ``object`` and ``position`` (text).

    Examples
    --------
    >>> shown = shifted_objects("digits", labels=[0, 1], shifts_px=[-2, 0], image_size=16)
    >>> shown.object.values.tolist(), shown.position.values.tolist()
    (['0', '0', '1', '1'], ['-2', '0', '-2', '0'])
    """
    images, known = call_with(registry.load_module("datasets", dataset).load, {}, {"split": split, "image_size": image_size}, "shifted_objects")
    known = np.asarray(known)
    missing = [k for k in labels if k not in known]
    if missing or max(abs(int(s)) for s in shifts_px) >= images.shape[-1]:
        raise ConfigError("shifted_objects", f"labels {missing} are not in `{dataset}`, or a shift leaves the image", expected="known labels and small shifts")
    pixels, names, places = [], [], []
    for label in labels:
        image = images.values[np.nonzero(known == label)[0][0]]
        for shift in shifts_px:
            moved = np.roll(image, int(shift), axis=-1)
            empty = slice(0, shift) if shift > 0 else slice(image.shape[-1] + shift, None)
            if shift:
                moved[..., empty] = 0.0
            pixels.append(moved)
            names.append(str(label))
            places.append(str(shift))
    ids = [f"{n}@{p}" for n, p in zip(names, places, strict=True)]
    return make_stimuli(np.stack(pixels), ids, object=np.array(names), position=np.array(places))
