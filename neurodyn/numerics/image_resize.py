"""Antialiased image resizing as two small matrices, one for rows and one for columns."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["resize_images", "resize_matrix"]


@lru_cache(maxsize=64)
def _cached_matrix(n_in: int, n_out: int) -> np.ndarray:
    scale = n_in / n_out
    support = max(scale, 1.0)
    centre = (np.arange(n_out) + 0.5) * scale
    weights = np.clip(1.0 - np.abs((np.arange(n_in)[None, :] + 0.5 - centre[:, None]) / support), 0.0, None)
    matrix = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def resize_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Triangle-filter weights that map `n_in` samples to `n_out`; the filter widens when shrinking, so nothing aliases.

    Parameters
    ----------
    n_in, n_out : int

    Returns
    -------
    array, (n_out, n_in)
        Every row sums to 1.

    Examples
    --------
    >>> resize_matrix(4, 2).shape
    (2, 4)
    >>> np.allclose(resize_matrix(5, 5), np.eye(5))
    True
    """
    if n_in < 1 or n_out < 1:
        raise NumericsError("resize_matrix", f"sizes are {n_in} and {n_out}", expected="1 or more")
    return _cached_matrix(int(n_in), int(n_out))


def resize_images(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize the last two axes with antialiasing.

    Parameters
    ----------
    pixels : array, (..., row, column)
    size : (int, int)
        Rows and columns of the result.

    Returns
    -------
    float32 array, (..., row, column)
        The same as bilinear interpolation with antialiasing of Pillow and torch; values stay within the input's range.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim < 2:
        raise NumericsError("resize_images", f"`pixels` has shape {pixels.shape}", expected="(..., row, column)")
    rows, columns = resize_matrix(pixels.shape[-2], size[0]), resize_matrix(pixels.shape[-1], size[1])
    flat = pixels.reshape(-1, *pixels.shape[-2:])
    out = np.empty((len(flat), size[0], size[1]), dtype=np.float32)
    for start in range(0, len(flat), 4096):  # bounded scratch memory
        part = slice(start, start + 4096)
        out[part] = rows @ flat[part].astype(np.float32, copy=False) @ columns.T
    return out.reshape(*pixels.shape[:-2], *size)
