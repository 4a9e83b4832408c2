"""The IDX format of MNIST and its relatives."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from neurodyn.errors import DataError

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
