"""Stems of the adaptive networks: what the recurrent cell sees of an image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution

__all__ = ["GaborStem", "PixelStem", "RasterStem", "gabor_bank"]


class RasterStem(nn.Module):
    """One place for each square of a maze: a 4 x 4 convolution of stride 2 without padding turns 4n + 4 pixels into 2n + 1 places; ReLU."""

    def __init__(self, n_inputs: int, n_channels: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution = Convolution(n_inputs, n_channels, 4, generator=generator)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channel, row, column) of pixels to places."""
        return F.relu(F.conv2d(image, self.convolution.weight, self.convolution.bias, stride=2))

    def to_pixels(self, answers: Tensor) -> Tensor:
        """The answer of every place for its 2 x 2 pixels; the border of one pixel takes the nearest place's."""
        return F.pad(F.interpolate(answers, scale_factor=2.0, mode="nearest"), (1, 1, 1, 1), mode="replicate")


class PixelStem(nn.Module):
    """One place for each pixel: a 3 x 3 convolution and ReLU, as in the maze networks of the papers."""

    def __init__(self, n_inputs: int, n_channels: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution = Convolution(n_inputs, n_channels, 3, generator=generator)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channel, row, column)."""
        return F.relu(self.convolution(image))

    def to_pixels(self, answers: Tensor) -> Tensor:
        """The same."""
        return answers


class GaborStem(nn.Module):
    """A frozen bank of Gabor filters, ReLU, a max-pool, and a learned gain and offset for each channel (in place of batch norm; our choice).

    Parameters
    ----------
    n_channels : int
        Two phases of n_channels / 2 orientations from 0 to pi, both included, orientation by orientation.
    kernel : int
        Width of the filters in pixels; two cycles, sigma a quarter of it.
    stride, pool : int
        Of the filters and of the pool (its window is 3); the map is stride * pool times smaller than the image.
    """

    bank: Tensor

    def __init__(self, n_inputs: int, n_channels: int, *, kernel: int = 11, stride: int = 2, pool: int = 2) -> None:
        super().__init__()
        self.n_inputs, self.stride, self.pool = n_inputs, stride, pool
        self.register_buffer("bank", gabor_bank(n_channels // 2, kernel)[:, None], persistent=False)
        self.gain = nn.Parameter(torch.ones(n_channels, 1, 1))
        self.offset = nn.Parameter(torch.zeros(n_channels, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channel, row, column) of pixels to places."""
        found = F.relu(F.conv2d(image.sum(dim=1, keepdim=True), self.bank, stride=self.stride, padding=self.bank.shape[-1] // 2))
        if self.pool > 1:
            found = F.max_pool2d(found, 3, self.pool, 1)
        return self.gain * found + self.offset

    def to_pixels(self, answers: Tensor) -> Tensor:
        """The answer of the nearest place."""
        return F.interpolate(answers, scale_factor=float(self.stride * self.pool), mode="nearest")


def gabor_bank(n_orientations: int, kernel: int, *, cycles: float = 2.0, amplitude: float = 0.5) -> Tensor:
    """Gabor filters, (2 n_orientations, row, column): for every orientation the phases 0 and pi.

    Examples
    --------
    >>> bank = gabor_bank(16, 11)
    >>> bank.shape, bool(torch.allclose(bank[0], -bank[1], atol=1e-6))
    (torch.Size([32, 11, 11]), True)
    """
    place = torch.arange(kernel, dtype=torch.float64) - (kernel - 1) / 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    envelope = torch.exp(-(x**2 + y**2) / (2 * (kernel / 4) ** 2))
    filters = []
    for theta in torch.linspace(0, math.pi, n_orientations, dtype=torch.float64):
        along = x * torch.cos(theta) + y * torch.sin(theta)
        filters += [amplitude * envelope * torch.cos(2 * math.pi * cycles / kernel * along + phase) for phase in (0.0, math.pi)]
    return torch.stack(filters).float()
