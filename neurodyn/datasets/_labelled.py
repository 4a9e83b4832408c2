"""From decoded pixels and labels to stimuli."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn import places
from neurodyn.errors import DataError, unknown_name
from neurodyn.numerics.image_resize import resize_images
from neurodyn.schema import make_stimuli

SPLITS = ("train", "test")


def labelled(
    pixels: np.ndarray, labels: np.ndarray, *, name: str, split: str, classes: Sequence[str], image_size: int | None, n: int | None
) -> tuple[xr.DataArray, np.ndarray]:
    """Stimuli in [0, 1] with ids, label and category along `presentation`, and the labels as int64."""
    keep = slice(None) if n is None else slice(0, n)
    pixels, labels = pixels[keep], np.asarray(labels[keep], dtype=np.int64)
    values = pixels.astype(np.float32)
    if pixels.dtype == np.uint8:
        values /= np.float32(255)
    if image_size is not None and values.shape[-2:] != (image_size, image_size):
        values = np.clip(resize_images(values, (image_size, image_size)), 0.0, 1.0)
    ids = np.array([f"{name}-{split}-{i:05d}" for i in range(len(values))])
    return make_stimuli(values, ids, label=labels, category=np.asarray(classes)[labels]), labels


def check_split(where: str, split: str, known: Sequence[str] = SPLITS) -> str:
    """Refuse an unknown split, naming the nearest."""
    if split not in known:
        raise unknown_name(where, "split", split, known)
    return split


def locate(where: str, root: str | Path | None, *default: str) -> Path:
    """The folder (or file) given, or the first of `default` under ``NEURODYN_DATA``."""
    if root is not None:
        path = Path(root).expanduser()
        if not path.exists():
            raise DataError(where, f"`root` {path} does not exist", expected=f"a folder with the layout of {where}")
        return path
    found = places.find_data(*default)
    if found is None:
        raise DataError(
            where,
            f"no folder {' or '.join(default)} under NEURODYN_DATA",
            expected="`root`, or NEURODYN_DATA pointing at the folder that holds it",
            fix="export NEURODYN_DATA=/path/to/data",
        )
    return found


def first_file(where: str, folder: Path, names: Sequence[str]) -> Path:
    """The first of `names` that is a file in `folder`."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise DataError(where, f"{folder} holds none of {', '.join(names)}", expected=f"the file {names[0]}")
