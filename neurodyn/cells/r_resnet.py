"""A residual group applied again and again with the same weights: recurrence as weight tying across layers.

    y  = relu(N(K_b2 * relu(N(K_b1 * y))) + y)     for every block b of the group,        starting from y = h(t-1) (+ R * x with recall)

Without recall the input enters only as the first state, as in the tied residual networks; with recall it is added before every pass.
Norms are shared by all passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution
from neurodyn.cells._interface import check_width
from neurodyn.cells._norms import make_norm

__all__ = ["Config", "RResNet", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
        Equal: the input is the first state.
    kernel : int
    n_blocks : int
        Residual blocks of two convolutions in a pass.
    norm : {"map", "channel", "none"}
    recall : bool
        Add a 1 x 1 convolution of the input before every pass.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    n_blocks: int = 2
    norm: str = "map"
    recall: bool = False


class RResNet(nn.Module):
    """One pass of the residual group; see the module for the equation."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        check_width("r_resnet", config.n_inputs, config.n_channels)
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = n, n, {"out": n}
        self.starts_from_input = not config.recall
        self.convolutions = nn.ModuleList(Convolution(n, n, config.kernel, bias=None, generator=generator) for _ in range(2 * config.n_blocks))
        self.norms = nn.ModuleList(make_norm(config.norm, n) for _ in range(2 * config.n_blocks))
        self.recall = Convolution(n, n, 1, generator=generator) if config.recall else None

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One pass; ``out``, (batch, channel, row, column)."""
        y = state["out"] if self.recall is None else state["out"] + self.recall(x)
        layers = list(zip(self.convolutions, self.norms, strict=True))
        for (first, norm1), (second, norm2) in zip(layers[::2], layers[1::2], strict=True):
            y = F.relu(norm2(second(F.relu(norm1(first(y))))) + y)
        return {"out": y}


def build(config: Config, *, generator: torch.Generator) -> RResNet:
    """Build the cell with Glorot-uniform kernels drawn from `generator`.

    Examples
    --------
    >>> sum(p.numel() for p in build(Config(54, 54), generator=torch.Generator()).parameters())
    105408
    """
    return RResNet(config, generator)
