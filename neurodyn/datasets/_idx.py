"""The IDX format of MNIST and its relatives, and the data sets that come in MNIST's four files."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import check_split, first_file, labelled, locate
from neurodyn.errors import DataError

_STEM = {"train": "train", "test": "t10k"}
_MAGIC = {1: 2049, 3: 2051}  # unsigned bytes with one axis (labels) or three (images)


def read_idx(path: Path, n_axes: int) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or plain.

    Parameters
    ----------
    path : Path
    n_axes : {1, 3}
        1 for labels (magic 2049), 3 for images (magic 2051).

    Returns
    -------
    uint8 array

    Raises
    ------
    DataError
        If the file is truncated, too long, not gzip, or of another magic number.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), f"cannot be decompressed ({error})", expected="a whole gzip file", fix="fetch the file again") from error
    head = 4 + 4 * n_axes
    if len(raw) < head:
        raise DataError(str(path), f"holds {len(raw)} bytes", expected=f"an IDX header of {head} bytes", fix="fetch the file again")
    magic, *shape = struct.unpack(f">{1 + n_axes}I", raw[:head])
    if magic != _MAGIC[n_axes]:
        raise DataError(str(path), f"starts with magic number {magic}", expected=f"{_MAGIC[n_axes]} ({'images' if n_axes == 3 else 'labels'})")
    size = int(np.prod(shape, dtype=np.int64))
    if len(raw) - head != size:
        raise DataError(str(path), f"holds {len(raw) - head} values for a header of {tuple(shape)}", expected=f"{size} values", fix="fetch the file again")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def read_pair(where: str, images: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images with a channel axis, (item, 1, row, column), and their labels, of equal number."""
    pixels, targets = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(targets):
        raise DataError(where, f"{images.name} holds {len(pixels)} images and {labels.name} {len(targets)} labels", expected="as many labels as images")
    if targets.size and targets.max() > 9:
        raise DataError(where, f"{labels.name} holds the label {int(targets.max())}", expected="labels 0 to 9")
    return pixels[:, None], targets


@dataclass(frozen=True)
class IdxSet:
    """A data set in MNIST's four files.

    Attributes
    ----------
    name : str
    classes : tuple of str
    folders : tuple of str
        Where it is looked for under ``NEURODYN_DATA``.
    """

    name: str
    classes: tuple[str, ...]
    folders: tuple[str, ...]

    def load(
        self, root: str | Path | None = None, split: str = "train", *, image_size: int | None = None, n: int | None = None
    ) -> tuple[xr.DataArray, np.ndarray]:
        """Load one split.

        Parameters
        ----------
        root : path, optional
            Folder with ``train-images-idx3-ubyte.gz`` and its three siblings (gzipped or not); the data set's own folder under
            ``NEURODYN_DATA`` when absent.
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
        check_split(self.name, split)
        folder, stem = locate(self.name, root, *self.folders), _STEM[split]
        images = first_file(self.name, folder, [f"{stem}-images-idx3-ubyte{s}" for s in (".gz", "")])
        labels = first_file(self.name, folder, [f"{stem}-labels-idx1-ubyte{s}" for s in (".gz", "")])
        pixels, targets = read_pair(self.name, images, labels)
        return labelled(pixels, targets, name=self.name, split=split, classes=self.classes, image_size=image_size, n=n)
