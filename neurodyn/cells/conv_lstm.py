"""The convolutional long short-term memory.

[i, j, f, o] = W * [x, m(t-1)] + b
c(t) = c(t-1) sigmoid(f + forget_bias + w_f c(t-1)) + sigmoid(i + w_i c(t-1)) tanh(j)
m(t) = tanh(c(t)) sigmoid(o + w_o c(t-1)),  out = m

Optional: layer norm of the four parts and of c(t); peepholes w, one weight a channel and position, of which the output's also
reads the OLD c, as in the networks of Nayebi et al. 2022.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution, Init, MapNorm
from neurodyn.errors import ConfigError, ModelError

__all__ = ["Config", "ConvLSTM", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
    kernel : int
        Width of the kernel in pixels.
    forget_bias : float
        Constant added to the forget gate.
    gate_bias : float
        Initial bias of all four parts.
    layer_norm, peephole : bool
    size : int, (rows, columns) or None
        Size of the map in pixels; peepholes need it.
    scale : float or None
        Kernels with a truncated normal of variance scale / fan-in; Glorot-uniform when None.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 3
    forget_bias: float = 1.0
    gate_bias: float = 0.0
    layer_norm: bool = False
    peephole: bool = False
    size: int | tuple[int, int] | None = None
    scale: float | None = None


class ConvLSTM(nn.Module):
    """Input, forget and output gates over a cell and an output; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"out": n, "cell": n}
        self.forget_bias = config.forget_bias
        init: Init = "glorot" if config.scale is None else "truncated"
        self.parts = Convolution(config.n_inputs + n, 4 * n, config.kernel, bias=config.gate_bias, init=init, scale=config.scale or 1.0, generator=generator)
        self.norms = nn.ModuleList([MapNorm(n) for _ in range(5)]) if config.layer_norm else None
        self.peephole: nn.Parameter | None = None
        if config.peephole:
            if config.size is None:
                raise ConfigError("conv_lstm", "`peephole` is on but `size` is None", expected="the size of the map", fix="Config(..., peephole=True, size=14)")
            rows, columns = (config.size, config.size) if isinstance(config.size, int) else config.size
            self.peephole = nn.Parameter(torch.zeros(3, n, rows, columns))  # input, forget, output; zeros are our choice

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out`` and ``cell``, each (batch, channel, row, column)."""
        old = state["cell"]
        parts = list(self.parts(torch.cat([x, state["out"]], dim=1)).chunk(4, dim=1))
        if self.norms is not None:
            parts = [norm(part) for norm, part in zip(self.norms[:4], parts, strict=True)]
        i, j, f, o = parts
        f = f + self.forget_bias
        if self.peephole is not None:
            if self.peephole.shape[-2:] != old.shape[-2:]:
                raise ModelError(
                    "conv_lstm",
                    f"peepholes of {tuple(self.peephole.shape[-2:])} for a map of {tuple(old.shape[-2:])}",
                    expected="the map size given as `size`",
                )
            i, f, o = i + self.peephole[0] * old, f + self.peephole[1] * old, o + self.peephole[2] * old
        cell = old * torch.sigmoid(f) + torch.sigmoid(i) * torch.tanh(j)
        if self.norms is not None:
            cell = self.norms[4](cell)
        return {"out": torch.tanh(cell) * torch.sigmoid(o), "cell": cell}


def build(config: Config, *, generator: torch.Generator) -> ConvLSTM:
    """Build the cell with kernels drawn from `generator`.

    Examples
    --------
    >>> build(Config(2, 4), generator=torch.Generator()).recurrent
    {'out': 4, 'cell': 4}
    """
    return ConvLSTM(config, generator)
