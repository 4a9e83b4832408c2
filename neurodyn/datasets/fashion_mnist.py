"""Fashion-MNIST: 60,000 + 10,000 grey images of clothing, 28 x 28 pixels, in MNIST's four IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import check_split, locate
from neurodyn.datasets.mnist import load_idx_folder

__all__ = ["CLASSES", "load"]

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def load(root: str | Path | None = None, split: str = "train", *, image_size: int | None = None, n: int | None = None) -> tuple[xr.DataArray, np.ndarray]:
    """Load one split.

    Parameters
    ----------
    root : path, optional
        Folder with ``train-images-idx3-ubyte.gz`` and its three siblings (gzipped or not); ``fashion_mnist``, ``fashion-mnist`` or
        ``FashionMNIST/raw`` under ``NEURODYN_DATA`` when absent.
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
    check_split("fashion_mnist", split)
    folder = locate("fashion_mnist", root, "fashion_mnist", "fashion-mnist", "FashionMNIST/raw")
    return load_idx_folder("fashion_mnist", folder, split, CLASSES, image_size=image_size, n=n)
