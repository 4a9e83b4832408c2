"""Digits of a data set on cluttered canvases, for experiments on models that look at large images through glimpses."""

from __future__ import annotations

import xarray as xr

from neurodyn import registry
from neurodyn.errors import ConfigError
from neurodyn.experiment.inputs import call_with
from neurodyn.schema import PRESENTATION
from neurodyn.seeding import subseed
from neurodyn.stimuli.clutter import clutter
from neurodyn.stimuli.resize import resize

__all__ = ["cluttered_images"]


def cluttered_images(
    dataset: str,
    *,
    split: str = "test",
    n: int = 1000,
    canvas: int = 40,
    image_size: int = 64,
    n_distractors: int = 5,
    distractor_size: int = 5,
    seed: int = 0,
) -> xr.DataArray:
    """Canvases like those that Gaussian RAM is validated (``split="validation"``) and tested on; the very same where `n` is the recipe's.

    Parameters
    ----------
    dataset : str
        A file of ``neurodyn/datasets`` with small bright-on-black images.
    split : {"test", "validation"}
        The first `n` test images, or the last `n` of the training set.
    n : int
    canvas : int
        Side of the canvas in pixels, before it is enlarged.
    image_size : int
        Pixels a side of the result.
    n_distractors, distractor_size : int
        As in :func:`neurodyn.stimuli.clutter.clutter`.
    seed : int
        0 gives the places of the training recipe; its distractors too where `n` is its number of images (2,000), for they are drawn from all of them.

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        With ``target_row``, ``target_column`` (top left corner) ``target_size`` of the digit and ``image_size``, in pixels of the result.

    Raises
    ------
    ConfigError
        If the split is unknown or smaller than `n`.

    Examples
    --------
    >>> images = cluttered_images("digits", n=3, canvas=20, image_size=40, distractor_size=4)
    >>> images.shape, images.target_size.values.tolist()
    ((3, 1, 40, 40), [16.0, 16.0, 16.0])
    """
    if split not in ("test", "validation"):
        raise ConfigError("cluttered_images", f"`split` is {split!r}", expected='"test" or "validation"')
    load = registry.load_module("datasets", dataset).load
    images, _ = call_with(load, {}, {"split": "test" if split == "test" else "train"}, "cluttered_images")
    if n > len(images):
        raise ConfigError("cluttered_images", f"{n} images are asked for but {dataset} has {len(images)}", expected=f"at most {len(images)}")
    images = images[:n] if split == "test" else images[len(images) - n :]
    placed = clutter(images, canvas=canvas, n_distractors=n_distractors, distractor_size=distractor_size, seed=subseed(seed, split))
    enlarged, gain = resize(placed, image_size), image_size / canvas
    return enlarged.assign_coords(
        target_row=(PRESENTATION, placed.target_row.values * gain, {"units": "pixel"}),
        target_column=(PRESENTATION, placed.target_column.values * gain, {"units": "pixel"}),
        target_size=(PRESENTATION, [images.shape[-1] * gain] * n, {"units": "pixel"}),
        image_size=(PRESENTATION, [image_size] * n, {"units": "pixel"}),
    )
