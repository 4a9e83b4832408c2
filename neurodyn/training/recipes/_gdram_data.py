"""What Gaussian RAM is trained on: digits among clutter on canvases drawn anew, or CIFAR-10 enlarged a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurodyn.datasets import cifar10, digits, mnist
from neurodyn.errors import ConfigError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import subseed
from neurodyn.stimuli.clutter import clutter

if TYPE_CHECKING:
    import xarray as xr
    from torch import Tensor

    from neurodyn.training.recipes.gdram import Parameters

__all__ = ["canvases", "load_split", "shown", "sources"]

SPLITS = ("train", "validation", "test")


def sources(parameters: Parameters, split: str) -> tuple[xr.DataArray, np.ndarray]:
    """The small images of a split and their labels; the validation split is the end of the training set.

    Parameters
    ----------
    parameters : Parameters
    split : {"train", "validation", "test"}

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column)
        As the data set has them, before they are put on a canvas or enlarged.
    labels : int array, (presentation)

    Raises
    ------
    ConfigError
        If the training set is too small for both.
    """
    wanted = {"train": parameters.n_train, "validation": parameters.n_validation, "test": parameters.n_test}[split]
    stored = "test" if split == "test" else "train"
    if parameters.data == "large-cifar10":
        pixels, labels = cifar10.pixels(split=stored)
    elif parameters.data == "cluttered-mnist":
        stimuli, labels = mnist.load(split=stored)
        pixels = stimuli.values
    else:
        stimuli, labels = digits.load(stored)
        pixels = stimuli.values
    n = len(labels)
    if split != "test" and parameters.n_train + parameters.n_validation > n:
        raise ConfigError(
            "recipes.gdram",
            f"{parameters.n_train} training and {parameters.n_validation} validation images of {n}",
            expected=f"together at most {n}",
            fix=f"n_train={n - parameters.n_validation}",
        )
    keep = slice(n - wanted, n) if split == "validation" else slice(0, wanted)
    values = pixels[keep].astype(np.float32) / (np.float32(255) if pixels.dtype == np.uint8 else np.float32(1))
    name = parameters.data.split("-")[1]
    ids = np.array([f"{name}-{stored}-{i:05d}" for i in range(n)[keep]])
    return make_stimuli(values, ids, label=labels[keep]), labels[keep]


def canvases(stimuli: xr.DataArray, parameters: Parameters, *, seed: int) -> xr.DataArray:
    """Digits on cluttered canvases; pictures as they are."""
    if parameters.data == "large-cifar10":
        return stimuli
    return clutter(stimuli, canvas=parameters.canvas, n_distractors=parameters.n_distractors, distractor_size=parameters.distractor_size, seed=seed)


def load_split(parameters: Parameters, split: str, *, image_size: int, n_channels: int, epoch: int = 0) -> tuple[Tensor, Tensor]:
    """Images (presentation, channel, row, column) in [0, 1] and labels (presentation); only training canvases follow the epoch."""
    import torch

    stimuli, labels = sources(parameters, split)
    placed = canvases(stimuli, parameters, seed=subseed(epoch if split == "train" else 0, split))
    return shown(torch.from_numpy(np.ascontiguousarray(placed.values)), image_size, n_channels), torch.from_numpy(np.asarray(labels))


def shown(images: Tensor, image_size: int, n_channels: int) -> Tensor:
    """Images enlarged bilinearly to the model's size where they are smaller, and repeated over its channels."""
    import torch.nn.functional as F

    if images.shape[-1] != image_size:
        images = F.interpolate(images, size=(image_size, image_size), mode="bilinear", align_corners=False)
    return images.expand(-1, n_channels, -1, -1).contiguous()
