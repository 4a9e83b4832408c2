"""The convolutional gated recurrent unit.

[r, u] = W_g * [x, h(t-1)] + b_g,     r = sigmoid(r + reset_bias),  u = sigmoid(u)
c = tanh(W_c * [x, r h(t-1)] + b_c),  h(t) = u h(t-1) + (1 - u) c

b_g starts at 1 and the reset gate has a further constant 1, as in the networks of Nayebi et al. 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution

__all__ = ["Config", "ConvGRU", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
    kernel : int
        Width of the kernels in pixels.
    gate_bias : float
        Initial bias of both gates.
    reset_bias : float
        Constant added to the reset gate alone.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    gate_bias: float = 1.0
    reset_bias: float = 1.0


class ConvGRU(nn.Module):
    """Reset and update gates over one state; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"out": n}
        self.reset_bias = config.reset_bias
        self.gates = Convolution(config.n_inputs + n, 2 * n, config.kernel, bias=config.gate_bias, generator=generator)
        self.candidate = Convolution(config.n_inputs + n, n, config.kernel, generator=generator)

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out``, (batch, channel, row, column)."""
        h = state["out"]
        reset, update = self.gates(torch.cat([x, h], dim=1)).chunk(2, dim=1)
        reset, update = torch.sigmoid(reset + self.reset_bias), torch.sigmoid(update)
        candidate = torch.tanh(self.candidate(torch.cat([x, reset * h], dim=1)))
        return {"out": update * h + (1 - update) * candidate}


def build(config: Config, *, generator: torch.Generator) -> ConvGRU:
    """Build the cell with Glorot-uniform kernels drawn from `generator`.

    Examples
    --------
    >>> build(Config(2, 4), generator=torch.Generator()).recurrent
    {'out': 4}
    """
    return ConvGRU(config, generator)
