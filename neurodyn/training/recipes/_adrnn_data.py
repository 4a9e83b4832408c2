"""Images, targets and weights for the adaptive networks: pools drawn once, shown under the symmetries of the square."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.errors import unknown_name
from neurodyn.stimuli.mazes import mazes
from neurodyn.stimuli.pathfinder import pathfinder

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["LEVEL", "Batch", "Pool", "draw_level", "make_pools", "shuffled"]

LEVEL = {"mazes": "size", "pathfinder": "n_paddles"}
"""The argument of each generator that says how hard an image is."""


@dataclass(frozen=True)
class Batch:
    """Images of one level with what should be answered.

    Attributes
    ----------
    images : Tensor, (batch, channel, row, column)
    targets : Tensor of int, (batch) or (batch, row, column)
    weights : Tensor, (batch, row, column), or None
        1 where an answer is asked for: pixels that are not black.
    """

    images: Tensor
    targets: Tensor
    weights: Tensor | None

    def to(self, device: str) -> Batch:
        """The same on another device."""
        return Batch(self.images.to(device), self.targets.to(device), None if self.weights is None else self.weights.to(device))


@dataclass(frozen=True)
class Pool:
    """Images of one level, drawn once.

    Attributes
    ----------
    images : array, (image, channel, row, column)
        uint8, 0..255.
    targets : array, (image) or (image, row, column)
    """

    images: np.ndarray
    targets: np.ndarray


def draw_level(generator: str, level: int, n: int, *, seed: int, options: Mapping[str, Any], task: str, first: int = 0) -> xr.DataArray:
    """Stimuli of one level with the coords that hold their targets."""
    if generator not in LEVEL:
        raise unknown_name("adrnn recipe", "generator", generator, LEVEL)
    if generator == "mazes":
        return mazes(level, n=n, first=first, seed=seed, **options)
    wanted: dict[str, Any] = {"task": "segmentation"} if task == "mask" else {}
    return pathfinder(level, n=n, first=first, seed=seed, **wanted, **options)


def make_pools(generator: str, levels: Sequence[int], n: int, *, seed: int, options: Mapping[str, Any], task: str) -> dict[int, Pool]:
    """`n` images of every level."""
    pools = {}
    for level in levels:
        stimuli = draw_level(generator, level, n, seed=seed, options=options, task=task)
        targets = stimuli.solution.values if task == "mask" else stimuli.label.values
        pools[level] = Pool(np.round(stimuli.values * 255).astype(np.uint8), targets.astype(np.int64))
    return pools


def shuffled(pools: Mapping[int, Pool], n_batches: int, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Batches of one level each, levels in turn, every image turned and mirrored at random."""
    import torch

    levels = list(pools)
    for k in range(n_batches):
        pool = pools[levels[k % len(levels)]]
        rows = torch.randint(len(pool.images), (batch_size,), generator=generator).numpy()
        turn, mirror = (int(v) for v in torch.randint(4, (2,), generator=generator))
        images, targets = pool.images[rows], pool.targets[rows]
        if turn:
            images = np.rot90(images, turn, axes=(-2, -1))
            targets = np.rot90(targets, turn, axes=(-2, -1)) if targets.ndim == 3 else targets
        if mirror % 2:
            images = images[..., ::-1]
            targets = targets[..., ::-1] if targets.ndim == 3 else targets
        yield as_batch(images, targets)


def as_batch(images: np.ndarray, targets: np.ndarray) -> Batch:
    """Tensors of a part of a pool."""
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    return Batch(pixels, torch.from_numpy(np.ascontiguousarray(targets)), (pixels.amax(dim=1) > 0.25).float() if targets.ndim == 3 else None)
