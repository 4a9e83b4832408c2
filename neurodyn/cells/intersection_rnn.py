"""The intersection cell: a gate through time and a gate through depth.

[gh, h, gy, y] = W * [x, s(t-1)] + b
gh = sigmoid(gh + gate_bias),  gy = sigmoid(gy + gate_bias),  h = tanh(h),  y = ReLU(y)
s(t) = gh s(t-1) + (1 - gh) h,     out(t) = gy x(t) + (1 - gy) y

The output is not the state: the second gate lets the input bypass the cell (Collins, Sohl-Dickstein and Sussillo 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution
from neurodyn.cells._interface import check_width

__all__ = ["Config", "IntersectionRNN", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
        Must be equal.
    kernel : int
        Width of the kernel in pixels.
    gate_bias : float
        Constant added to both gates.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    gate_bias: float = 1.0


class IntersectionRNN(nn.Module):
    """Two gates, one through time and one through depth; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        check_width("intersection_rnn", config.n_inputs, config.n_channels)
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"hidden": n}
        self.gate_bias = config.gate_bias
        self.parts = Convolution(2 * n, 4 * n, config.kernel, generator=generator)

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out`` and ``hidden``, each (batch, channel, row, column)."""
        s = state["hidden"]
        time_gate, h, depth_gate, y = self.parts(torch.cat([x, s], dim=1)).chunk(4, dim=1)
        time_gate, depth_gate = torch.sigmoid(time_gate + self.gate_bias), torch.sigmoid(depth_gate + self.gate_bias)
        hidden = time_gate * s + (1 - time_gate) * torch.tanh(h)
        return {"out": depth_gate * x + (1 - depth_gate) * torch.relu(y), "hidden": hidden}


def build(config: Config, *, generator: torch.Generator) -> IntersectionRNN:
    """Build the cell with Glorot-uniform kernels drawn from `generator`.

    Examples
    --------
    >>> build(Config(4, 4), generator=torch.Generator()).recurrent
    {'hidden': 4}
    """
    return IntersectionRNN(config, generator)
