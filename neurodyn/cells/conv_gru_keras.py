"""The convolutional gated recurrent unit with hard gates and one bias, as Keras builds it.

hs(a) = clip(0.2 a + 0.5, 0, 1)
z = hs(W_z * x + b_z + U_z * h),   r = hs(W_r * x + b_r + U_r * h)
c = g(W_c * x + b_c + U_c * (r h)),   h' = (1 - z) h + z c

z close to 1 forgets: the opposite convention to :mod:`neurodyn.cells.conv_gru`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution, activation
from neurodyn.errors import ConfigError

__all__ = ["Config", "ConvGRUKeras", "build", "hard_sigmoid"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
    kernel : int
        Width of the kernels in pixels; odd.
    activation : str
        Of the candidate: ``tanh``, ``relu``, ``elu``.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    activation: str = "tanh"


class ConvGRUKeras(nn.Module):
    """Hard update and reset gates over one state; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        if config.kernel % 2 == 0:
            raise ConfigError("conv_gru_keras", f"`kernel` is {config.kernel}", expected="an odd width")
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"out": n}
        self.candidate = activation(config.activation)
        self.input = Convolution(config.n_inputs, 3 * n, config.kernel, generator=generator)
        self.recur = nn.Parameter(_orthogonal(n, config.kernel, generator))

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out``, (batch, channel, row, column)."""
        return {"out": self.update(self.input(x), state["out"])}

    def update(self, parts: Tensor, h: Tensor) -> Tensor:
        """The next state from the convolved input, (batch, 3 channel, row, column): update, reset, candidate."""
        n, pad = self.n_channels, self.recur.shape[-1] // 2
        gates = hard_sigmoid(parts[:, : 2 * n] + F.conv2d(h, self.recur[: 2 * n], padding=pad))
        update, reset = gates[:, :n], gates[:, n:]
        candidate = self.candidate(parts[:, 2 * n :] + F.conv2d(reset * h, self.recur[2 * n :], padding=pad))  # type: ignore[operator]
        return h + update * (candidate - h)


def hard_sigmoid(x: Tensor) -> Tensor:
    """clip(0.2 x + 0.5, 0, 1): slope 0.2, not the 1 / 6 of torch.

    Examples
    --------
    >>> hard_sigmoid(torch.tensor([-3.0, 0.0, 1.0, 3.0])).tolist()
    [0.0, 0.5, 0.699999988079071, 1.0]
    """
    return (0.2 * x + 0.5).clamp(0.0, 1.0)


def build(config: Config, *, generator: torch.Generator) -> ConvGRUKeras:
    """Build the cell: Glorot-uniform input kernel over all three parts together, orthogonal recurrent kernel, zero bias.

    Examples
    --------
    >>> sum(p.numel() for p in build(Config(5, 32), generator=torch.Generator()).parameters())
    32064
    """
    return ConvGRUKeras(config, generator)


def _orthogonal(n: int, kernel: int, generator: torch.Generator) -> Tensor:
    """(3 n, n, kernel, kernel) whose (kernel * kernel * n, 3 n) matrix has orthonormal columns."""
    rows = kernel * kernel * n
    q, r = torch.linalg.qr(torch.randn(max(rows, 3 * n), min(rows, 3 * n), generator=generator))
    q = q * torch.sign(torch.diagonal(r))
    matrix = q if rows >= 3 * n else q.T
    return matrix[:rows, : 3 * n].reshape(kernel, kernel, n, 3 * n).permute(3, 2, 0, 1).contiguous()
