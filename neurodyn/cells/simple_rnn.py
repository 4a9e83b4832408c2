"""The vanilla convolutional recurrent cell.

h(t) = ELU(LN(W_i * x(t) + b_i + W_s * h(t-1) + b_s)), the layer norm being optional (Nayebi et al. 2022: with it in the
shallow net, without it in the intermediate one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution, MapNorm

__all__ = ["Config", "SimpleRNN", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
    kernel : int
        Width of both kernels in pixels.
    layer_norm : bool
        Normalise the summed input over channel, row and column.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    layer_norm: bool = False


class SimpleRNN(nn.Module):
    """Two convolutions and an ELU; see the module for the equation."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"out": n}
        self.input = Convolution(config.n_inputs, n, config.kernel, generator=generator)
        self.recur = Convolution(n, n, config.kernel, generator=generator)
        self.norm = MapNorm(n) if config.layer_norm else None

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out``, (batch, channel, row, column)."""
        total = self.input(x) + self.recur(state["out"])
        return {"out": F.elu(total if self.norm is None else self.norm(total))}


def build(config: Config, *, generator: torch.Generator) -> SimpleRNN:
    """Build the cell with Glorot-uniform kernels and zero biases drawn from `generator`.

    Examples
    --------
    >>> sum(p.numel() for p in build(Config(2, 4), generator=torch.Generator()).parameters())
    224
    """
    return SimpleRNN(config, generator)
