"""CIFAR-100: 50,000 + 10,000 colour images of 32 x 32 pixels in a hundred classes, in the binary version.

The folder holds ``train.bin``, ``test.bin``, ``fine_label_names.txt`` and ``coarse_label_names.txt`` (it is called
``cifar-100-binary`` when unpacked).  The pickled Python version is not read: unpickling runs code.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import check_split, labelled, locate
from neurodyn.datasets.cifar10 import read_binary
from neurodyn.errors import DataError
from neurodyn.seeding import numpy_generator

__all__ = ["load", "pixels"]


def load(root: str | Path | None = None, split: str = "train", *, image_size: int | None = None, n: int | None = None) -> tuple[xr.DataArray, np.ndarray]:
    """Load one split, classes mixed by a fixed permutation.

    Parameters
    ----------
    root : path, optional
        Folder with the binary files, or its parent; ``cifar100`` or ``cifar-100-binary`` under ``NEURODYN_DATA`` when absent.
    split : {"train", "test"}
    image_size : int, optional
        Resize from 32 to this many pixels.
    n : int, optional
        Keep only the first `n` images.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        float32 in [0, 1]; ``stimulus_id label category`` along `presentation`.
    labels : int array, (presentation)
        Fine labels, 0 to 99.

    Raises
    ------
    DataError
        If files are missing, truncated, or of another format.
    """
    folder = _folder(root)
    values, labels = pixels(folder, split)
    return labelled(values, labels, name="cifar100", split=split, classes=_class_names(folder), image_size=image_size, n=n)


def pixels(root: str | Path | None = None, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """The images of one split as bytes, in the order of :func:`load`.

    Returns
    -------
    pixels : uint8 array, (presentation, channel, row, column)
    labels : int array, (presentation)
    """
    check_split("cifar100", split)
    arrays = read_binary("cifar100", [_folder(root) / f"{split}.bin"], n_label_bytes=2, n_classes=100)
    order = numpy_generator(0, "cifar100", split).permutation(len(arrays["labels"]))
    return arrays["pixels"][order], arrays["labels"][order]


def _folder(root: str | Path | None) -> Path:
    folder = locate("cifar100", root, "cifar100", "cifar-100-binary")
    inner = folder / "cifar-100-binary"
    return inner if inner.is_dir() else folder


def _class_names(folder: Path) -> list[str]:
    file = folder / "fine_label_names.txt"
    if not file.is_file():
        return [f"class-{k:02d}" for k in range(100)]
    names = file.read_text(encoding="utf-8").split()
    if len(names) != 100:
        raise DataError(str(file), f"holds {len(names)} names", expected="100 class names")
    return names
