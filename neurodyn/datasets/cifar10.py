"""CIFAR-10: 50,000 + 10,000 colour images of 32 x 32 pixels in ten classes.

Three layouts are read: ``cifar10-jpeg.tar.xz`` (``train/<class>/<nnnn>.jpg``), the same folders unpacked, and the binary
version (``data_batch_1.bin`` to ``data_batch_5.bin``, ``test_batch.bin``).  The pickled Python version is not: unpickling runs code.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._archive import cached, decode, read_tar
from neurodyn.datasets._labelled import check_split, labelled, locate
from neurodyn.errors import DataError
from neurodyn.seeding import numpy_generator

__all__ = ["CLASSES", "load", "pixels"]

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(root: str | Path | None = None, split: str = "train", *, image_size: int | None = None, n: int | None = None) -> tuple[xr.DataArray, np.ndarray]:
    """Load one split, classes mixed by a fixed permutation.

    Parameters
    ----------
    root : path, optional
        Folder with one of the three layouts, or the archive itself; ``cifar10`` under ``NEURODYN_DATA`` when absent.
    split : {"train", "test"}
    image_size : int, optional
        Resize from 32 to this many pixels.
    n : int, optional
        Keep only the first `n` images (of all classes, since they are mixed).

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        float32 in [0, 1]; ``stimulus_id label category`` along `presentation`.  The whole training split takes 614 MB;
        :func:`pixels` gives the same images as bytes.
    labels : int array, (presentation)

    Raises
    ------
    DataError
        If files are missing, truncated, or of another format.
    """
    values, labels = pixels(root, split)
    return labelled(values, labels, name="cifar10", split=split, classes=CLASSES, image_size=image_size, n=n)


def pixels(root: str | Path | None = None, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """The images of one split as bytes, in the order of :func:`load`, for loops that convert one batch at a time.

    Returns
    -------
    pixels : uint8 array, (presentation, channel, row, column)
    labels : int array, (presentation)
    """
    check_split("cifar10", split)
    where = locate("cifar10", root, "cifar10", "cifar-10-batches-bin")
    archive = where if where.is_file() else where / "cifar10-jpeg.tar.xz"
    if archive.is_file():
        arrays = cached(archive, f"cifar10-{split}", lambda: _from_files(read_tar(archive), split, str(archive)))
    elif (where / split).is_dir():
        files = {p.relative_to(where).as_posix(): p for p in sorted((where / split).rglob("*")) if p.is_file()}
        arrays = _from_files({k: p.read_bytes() for k, p in files.items()}, split, str(where))
    else:
        arrays = _from_binary(where, split)
    order = numpy_generator(0, "cifar10", split).permutation(len(arrays["labels"]))
    return arrays["pixels"][order], arrays["labels"][order].astype(np.int64)


def _from_files(files: dict[str, bytes], split: str, where: str) -> dict[str, np.ndarray]:
    chosen = sorted(name for name in files if name.startswith(f"{split}/"))
    if not chosen:
        raise DataError(where, f"no images below {split}/", expected=f"{split}/<class>/<nnnn>.jpg with the classes {', '.join(CLASSES)}")
    values = np.empty((len(chosen), 3, 32, 32), np.uint8)
    labels = np.empty(len(chosen), np.int64)
    for k, name in enumerate(chosen):
        category = name.split("/")[1]
        if category not in CLASSES:
            raise DataError(where, f"{name} lies in the folder `{category}`", expected=f"one of {', '.join(CLASSES)}")
        image = decode(where, name, files[name])
        if image.shape != (3, 32, 32):
            raise DataError(where, f"{name} is {image.shape[2]} x {image.shape[1]} pixels", expected="32 x 32 pixels")
        values[k], labels[k] = image, CLASSES.index(category)
    return {"pixels": values, "labels": labels}


def _from_binary(folder: Path, split: str) -> dict[str, np.ndarray]:
    for inner in (folder, folder / "cifar-10-batches-bin"):
        names = [f"data_batch_{k}.bin" for k in range(1, 6)] if split == "train" else ["test_batch.bin"]
        if (inner / names[0]).is_file():
            return read_binary("cifar10", [inner / name for name in names], n_label_bytes=1, n_classes=10)
    raise DataError(
        "cifar10",
        f"{folder} holds none of the three layouts",
        expected=f"cifar10-jpeg.tar.xz, {split}/<class>/<nnnn>.jpg, or data_batch_1.bin and its siblings",
        fix="fetch the binary version; the pickled Python version is not read",
    )


def read_binary(where: str, files: list[Path], *, n_label_bytes: int, n_classes: int) -> dict[str, np.ndarray]:
    """Read CIFAR's binary files: label bytes (the last one counts), then 3,072 bytes of red, green and blue planes."""
    record = n_label_bytes + 3 * 32 * 32
    parts = []
    for file in files:
        if not file.is_file():
            raise DataError(where, f"{file} does not exist", expected="every file of the split")
        raw = np.fromfile(file, np.uint8)
        if raw.size == 0 or raw.size % record:
            raise DataError(str(file), f"holds {raw.size} bytes", expected=f"a multiple of {record}", fix="fetch the file again")
        parts.append(raw.reshape(-1, record))
    rows = np.concatenate(parts)
    labels = rows[:, n_label_bytes - 1].astype(np.int64)
    if labels.max() >= n_classes:
        raise DataError(where, f"holds the label {int(labels.max())}", expected=f"labels 0 to {n_classes - 1}")
    return {"pixels": np.ascontiguousarray(rows[:, n_label_bytes:]).reshape(-1, 3, 32, 32), "labels": labels}
