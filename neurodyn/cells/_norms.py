"""Normalisations that own nothing of a step, so that a cell may run for longer than it was trained."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.cells._convolution import MapNorm
from neurodyn.errors import unknown_name

__all__ = ["NORMS", "ChannelNorm", "make_norm"]

NORMS = ("map", "channel", "none")


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each location: nothing is shared between locations."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channel, row, column)."""
        return F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


def make_norm(name: str, n_channels: int) -> nn.Module:
    """The normalisation of that name.

    Parameters
    ----------
    name : {"map", "channel", "none"}
        Over channel, row and column of each sample (GroupNorm of one group: it couples all locations); over the channels of each location; none.
    n_channels : int

    Raises
    ------
    ConfigError
        If the name is unknown.
    """
    if name not in NORMS:
        raise unknown_name("neurodyn.cells", "norm", name, NORMS)
    if name == "map":
        return MapNorm(n_channels, 1e-5)
    return ChannelNorm(n_channels) if name == "channel" else nn.Identity()
