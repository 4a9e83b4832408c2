"""MNIST: 60,000 + 10,000 handwritten digits, 28 x 28 pixels, in the four canonical IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._idx import read_pair
from neurodyn.datasets._labelled import check_split, first_file, labelled, locate

__all__ = ["CLASSES", "load"]

CLASSES = tuple(str(k) for k in range(10))
_STEM = {"train": "train", "test": "t10k"}


def load(root: str | Path | None = None, split: str = "train", *, image_size: int | None = None, n: int | None = None) -> tuple[xr.DataArray, np.ndarray]:
    """Load one split.

    Parameters
    ----------
    root : path, optional
        Folder with ``train-images-idx3-ubyte.gz`` and its three siblings (gzipped or not); ``mnist`` under ``NEURODYN_DATA`` when absent.
    split : {"train", "test"}
    image_size : int, optional
        Resize from 28 to this many pixels.
    n : int, optional
        Keep only the first `n` images.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        float32 in [0, 1]; ``stimulus_id label category`` along `presentation`.
    labels : int array, (presentation)

    Raises
    ------
    DataError
        If a file is missing, truncated, or of another format.
    """
    check_split("mnist", split)
    folder = locate("mnist", root, "mnist", "MNIST/raw")
    return load_idx_folder("mnist", folder, split, CLASSES, image_size=image_size, n=n)


def load_idx_folder(name: str, folder: Path, split: str, classes: tuple[str, ...], *, image_size: int | None, n: int | None) -> tuple[xr.DataArray, np.ndarray]:
    """Load one split of a data set that has MNIST's file names."""
    stem = _STEM[split]
    images = first_file(name, folder, [f"{stem}-images-idx3-ubyte{s}" for s in (".gz", "")])
    labels = first_file(name, folder, [f"{stem}-labels-idx1-ubyte{s}" for s in (".gz", "")])
    pixels, targets = read_pair(name, images, labels)
    return labelled(pixels, targets, name=name, split=split, classes=classes, image_size=image_size, n=n)
