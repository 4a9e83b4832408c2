"""Scikit-learn's handwritten digits: 1,797 images of 8 x 8 pixels, embedded in a dependency."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import check_split, labelled
from neurodyn.seeding import numpy_generator

__all__ = ["CLASSES", "load"]

CLASSES = tuple(str(k) for k in range(10))
_TEST_SHARE = 0.2


def load(split: str = "train", image_size: int | None = None, *, n: int | None = None) -> tuple[xr.DataArray, np.ndarray]:
    """Load one split; a fifth of each class is the test set, fixed for ever.

    Parameters
    ----------
    split : {"train", "test", "all"}
    image_size : int, optional
        Resize from 8 to this many pixels (bilinear).
    n : int, optional
        Keep only the first `n` images.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        float32 in [0, 1]; ``stimulus_id label category`` along `presentation`.
    labels : int array, (presentation)

    Raises
    ------
    ConfigError
        If the split is unknown.

    Examples
    --------
    >>> stimuli, labels = load("test", image_size=16)
    >>> stimuli.shape, labels[:4].tolist()
    ((359, 1, 16, 16), [6, 0, 6, 7])
    """
    from sklearn.datasets import load_digits

    check_split("digits", split, ("train", "test", "all"))
    bunch = load_digits()
    pixels = (bunch.images / 16.0).astype(np.float32)[:, None]
    held_out = np.zeros(len(pixels), dtype=bool)
    for k in range(10):
        rows = np.nonzero(bunch.target == k)[0]
        held_out[numpy_generator(0, "digits", k).permutation(rows)[: round(_TEST_SHARE * len(rows))]] = True
    keep = {"train": ~held_out, "test": held_out, "all": np.ones_like(held_out)}[split]
    order = numpy_generator(0, "digits", "order").permutation(len(pixels))
    order = order[keep[order]]
    return labelled(pixels[order], bunch.target[order], name="digits", split=split, classes=CLASSES, image_size=image_size, n=n)
