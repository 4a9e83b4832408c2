"""Images, targets and weights for the adaptive networks: pools drawn once, shown under the symmetries of the square."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
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

__all__ = ["LEVEL", "Batch", "Pool", "draw_level", "draw_unseen", "make_pools", "seen_images", "shuffled"]

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
    traces : Tensor of int, (batch, row, column), or None
        Of displays with a label: 1 on the contour that joins both disks, 0 on the ink of the others, -1 elsewhere.
    """

    images: Tensor
    targets: Tensor
    weights: Tensor | None
    traces: Tensor | None = None

    def to(self, device: str) -> Batch:
        """The same on another device."""
        images, targets, weights, traces = (None if v is None else v.to(device) for v in (self.images, self.targets, self.weights, self.traces))
        return Batch(images, targets, weights, traces)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Pool:
    """Images of one level, drawn once.

    Attributes
    ----------
    images : array, (image, channel, row, column)
        uint8, 0..255.
    targets : array, (image) or (image, row, column)
    traces : array, (image, row, column), or None
        As in a batch.
    """

    images: np.ndarray
    targets: np.ndarray
    traces: np.ndarray | None = None


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
        traces = None if task == "mask" else traced(stimuli)
        pools[level] = Pool(np.round(stimuli.values * 255).astype(np.uint8), targets.astype(np.int64), traces)
    return pools


def seen_images(pools: Mapping[int, Pool]) -> set[bytes]:
    """The images of some pools, each under all 8 symmetries of the square at once."""
    return {_whichever_way(image) for pool in pools.values() for image in pool.images}


def draw_unseen(
    generator: str, level: int, n: int, *, seen: Set[bytes], seed: int, options: Mapping[str, Any], task: str, n_draws: int | None = None
) -> xr.DataArray:
    """The first `n` stimuli of a stream that are not `seen` under any symmetry of the square.

    Small mazes are few: those of size 5 number 109 up to symmetry, and 2,000 draws meet them all.  Where `n_draws` (20 n) bring too few that are new, the
    first of the stream take the remaining places; the coord ``in_training``, bool (presentation), tells.  Two of the `n` may be alike up to symmetry: of
    100 mazes of size 5 about a third are, of size 7 a few, of larger ones none.
    """
    drawn: list[xr.DataArray] = []
    new: list[np.ndarray] = []
    while sum(map(len, new)) < n and len(drawn) * n < (20 * n if n_draws is None else n_draws):
        drawn.append(draw_level(generator, level, n, seed=seed, options=options, task=task, first=len(drawn) * n))
        keys = [_whichever_way(image) for image in np.round(drawn[-1].values * 255).astype(np.uint8)]
        new.append(np.flatnonzero([key not in seen for key in keys]) + (len(drawn) - 1) * n)
    found = np.concatenate(new)[:n]
    old = np.setdiff1d(np.arange(len(drawn) * n), np.concatenate(new))[: n - len(found)]
    chosen = np.sort(np.concatenate([found, old]))
    parts = [one.isel(presentation=chosen[chosen // n == k] - k * n) for k, one in enumerate(drawn)]
    stimuli = xr.concat([part for part in parts if part.sizes["presentation"]], "presentation")
    return stimuli.assign_coords(in_training=("presentation", np.isin(chosen, old)))


def _whichever_way(image: np.ndarray) -> bytes:
    """The same for an image however it is turned or mirrored."""
    return min(np.rot90(one, k, axes=(1, 2)).tobytes() for one in (image, image[..., ::-1]) for k in range(4))


def traced(stimuli: xr.DataArray) -> np.ndarray:
    """Of PathFinder displays, int8 (presentation, row, column): 1 on the contour that joins both disks, 0 on the ink of the others, -1 elsewhere."""
    ids = stimuli.contour_id.values.astype(np.int64)
    joined = (ids == stimuli.marked.values[:, None, None]) & (stimuli.label.values[:, None, None] == 1)
    return np.where(ids > 0, joined.astype(np.int8), np.int8(-1))


def shuffled(pools: Mapping[int, Pool], n_batches: int, batch_size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Batches of one level each, levels in turn, every image turned and mirrored at random."""
    import torch

    levels = list(pools)
    for k in range(n_batches):
        pool = pools[levels[k % len(levels)]]
        rows = torch.randint(len(pool.images), (batch_size,), generator=generator).numpy()
        turn, mirror = (int(v) for v in torch.randint(4, (2,), generator=generator))
        parts = [pool.images[rows], pool.targets[rows], None if pool.traces is None else pool.traces[rows]]
        for j, part in enumerate(parts):
            if part is not None and part.ndim > 1:
                part = np.rot90(part, turn, axes=(-2, -1))
                parts[j] = part[..., ::-1] if mirror % 2 else part
        yield as_batch(*parts)


def as_batch(images: np.ndarray, targets: np.ndarray, traces: np.ndarray | None = None) -> Batch:
    """Tensors of a part of a pool."""
    import torch

    pixels, wanted = torch.from_numpy(np.ascontiguousarray(images)).float() / 255, torch.from_numpy(np.ascontiguousarray(targets))
    marked = None if traces is None else torch.from_numpy(np.ascontiguousarray(traces))
    return Batch(pixels, wanted, (pixels.amax(dim=1) > 0.25).float() if targets.ndim == 3 else None, marked)
