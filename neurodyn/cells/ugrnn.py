"""The update-gate cell: one gate, one candidate.

[g, c] = W * [x, h(t-1)] + b,  g = sigmoid(g + update_bias),  c = tanh(c),  h(t) = g h(t-1) + (1 - g) c

(Collins, Sohl-Dickstein and Sussillo 2017; the convolutional form of Nayebi et al. 2022.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution

__all__ = ["UGRNN", "Config", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
    kernel : int
        Width of the kernel in pixels.
    update_bias : float
        Constant added to the gate.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    update_bias: float = 1.0


class UGRNN(nn.Module):
    """One update gate over one state; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"out": n}
        self.update_bias = config.update_bias
        self.parts = Convolution(config.n_inputs + n, 2 * n, config.kernel, generator=generator)

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out``, (batch, channel, row, column)."""
        h = state["out"]
        gate, candidate = self.parts(torch.cat([x, h], dim=1)).chunk(2, dim=1)
        gate = torch.sigmoid(gate + self.update_bias)
        return {"out": gate * h + (1 - gate) * torch.tanh(candidate)}


def build(config: Config, *, generator: torch.Generator) -> UGRNN:
    """Build the cell with Glorot-uniform kernels drawn from `generator`.

    Examples
    --------
    >>> build(Config(2, 4), generator=torch.Generator()).recurrent
    {'out': 4}
    """
    return UGRNN(config, generator)
