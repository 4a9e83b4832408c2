"""Noise that does not depend on how presentations are batched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.seeding import numpy_generator, torch_generator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BatchNoise", "NoiseSource"]


class NoiseSource:
    """Gaussian noise whose row i comes from a stream keyed by (seed, presentation, step, name).

    Parameters
    ----------
    seed : int
    presentations : sequence
        One key a row of the batch: two rows with the same key see the same noise.
    step : int
        The current step; `at` moves to another.

    Examples
    --------
    >>> import torch
    >>> whole = NoiseSource(0, ["a", "b"]).normal("x", torch.zeros(2, 3))
    >>> alone = NoiseSource(0, ["b"]).normal("x", torch.zeros(1, 3))
    >>> bool((whole[1] == alone[0]).all())
    True
    """

    def __init__(self, seed: int, presentations: Sequence[object], step: int = 0) -> None:
        self.seed, self.presentations, self.step = int(seed), list(presentations), int(step)

    def at(self, step: int) -> NoiseSource:
        """The same source at another step."""
        return NoiseSource(self.seed, self.presentations, step)

    def normal(self, name: str, like: Tensor) -> Tensor:
        """Standard normal noise with the shape, dtype and device of `like`, (batch, ...)."""
        return self._draw(name, like, "standard_normal")

    def uniform(self, name: str, like: Tensor) -> Tensor:
        """Uniform noise in [0, 1) with the shape, dtype and device of `like`, (batch, ...)."""
        return self._draw(name, like, "random")

    def _draw(self, name: str, like: Tensor, kind: str) -> Tensor:
        import torch

        rows = [
            getattr(numpy_generator(self.seed, presentation, self.step, name), kind)(tuple(like.shape[1:]), dtype=np.float32)
            for presentation in self.presentations
        ]
        return torch.from_numpy(np.stack(rows)).to(device=like.device, dtype=like.dtype)


class BatchNoise:
    """Noise drawn for a whole batch at once from one stream a step and name: fast, for training and for expectations over masks.

    A row's noise depends on the batch it is in; where that matters use :class:`NoiseSource`.

    Parameters
    ----------
    seed : int
    step : int
        The current step; `at` moves to another.

    Examples
    --------
    >>> import torch
    >>> noise = BatchNoise(0)
    >>> bool((noise.uniform("x", torch.zeros(2, 3)) == noise.uniform("x", torch.zeros(2, 3))).all())
    True
    """

    def __init__(self, seed: int, step: int = 0) -> None:
        self.seed, self.step = int(seed), int(step)

    def at(self, step: int) -> BatchNoise:
        """The same source at another step."""
        return BatchNoise(self.seed, step)

    def normal(self, name: str, like: Tensor) -> Tensor:
        """Standard normal noise with the shape, dtype and device of `like`."""
        return self._draw(name, like, "normal_")

    def uniform(self, name: str, like: Tensor) -> Tensor:
        """Uniform noise in [0, 1) with the shape, dtype and device of `like`."""
        return self._draw(name, like, "uniform_")

    def _draw(self, name: str, like: Tensor, kind: str) -> Tensor:
        generator = torch_generator(self.seed, self.step, name, device=like.device)
        return getattr(like.new_empty(like.shape), kind)(generator=generator)
