"""The laterally connected cell with interneurons (LocRNN) of Veerabadran et al. 2023, after Li's (1998) circuit of V1.

Two populations see the input x: L ("out") is read out, the interneurons S ("inter") are not.  With norm N and pointwise phi,

    g_L = sigmoid(N(A_x * x) + N(A_L * L)),      g_S = sigmoid(N(B_x * x) + N(B_S * S))        1 x 1 kernels
    l   = phi(V_L * x + W_L * [L, S]),           s   = phi(V_S * x + W_S * [L, S])             V 1 x 1, W the lateral kernels
    L   <- phi(N(g_L l + (1 - g_L) L)),          S   <- phi(N(g_S s + (1 - g_S) S))

Both populations are updated from the step before.  No sign is imposed on W: excitation and inhibition are names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution, activation, convolve_together
from neurodyn.cells._norms import make_norm

__all__ = ["Config", "LocRNN", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
    kernel, kernel_inter : int
        Widths of W_L and W_S in pixels.
    norm : {"map", "channel", "none"}
        Over the whole map of a sample (as in the authors' earlier code), over the channels of each location, or none.
    activation : str
        phi: "relu", "tanh", "relu6" or "clip" (to 0..1).
    gates : bool
        Without gates a population becomes phi(N(l)).
    interneurons : bool
        Without them S is absent and W_L sees L alone.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 7
    kernel_inter: int = 5
    norm: str = "map"
    activation: str = "relu"
    gates: bool = True
    interneurons: bool = True


class LocRNN(nn.Module):
    """Two gated populations with lateral kernels; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        n, n_in = config.n_channels, config.n_inputs
        self.config = config
        self.n_inputs, self.n_channels = n_in, n
        self.names = ("out", "inter") if config.interneurons else ("out",)
        self.recurrent = dict.fromkeys(self.names, n)
        self.phi = activation(config.activation)
        widths = {"out": config.kernel, "inter": config.kernel_inter}

        def conv(inputs: int, kernel: int = 1) -> Convolution:
            return Convolution(inputs, n, kernel, generator=generator)

        self.drive_in = nn.ModuleDict({k: conv(n_in) for k in self.names})
        self.lateral = nn.ModuleDict({k: conv(len(self.names) * n, widths[k]) for k in self.names})
        self.norm = nn.ModuleDict({k: make_norm(config.norm, n) for k in self.names})
        kinds = [f"{k}_{part}" for k in self.names for part in ("input", "state")] if config.gates else []
        self.gate = nn.ModuleDict({k: conv(n_in if k.endswith("input") else n) for k in kinds})
        self.gate_norm = nn.ModuleDict({k: make_norm(config.norm, n) for k in kinds})

    def prepare(self, x: Tensor) -> dict[str, Tensor]:
        """What depends on the input alone: V * x and, with gates, N(A * x), of each population."""
        drive = {f"{k}.drive": self.drive_in[k](x) for k in self.names}
        for k in self.names if self.config.gates else ():
            drive[f"{k}.gate"] = self.gate_norm[f"{k}_input"](self.gate[f"{k}_input"](x))
        return drive

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out`` and ``inter``, (batch, channel, row, column)."""
        return self.advance(self.prepare(x), state)

    def advance(self, drive: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step from what `prepare` made of the input."""
        both = torch.cat([state[k] for k in self.names], dim=1)
        sums = convolve_together(both, [self.lateral[k] for k in self.names])  # type: ignore[misc]
        new = {}
        for k, total in zip(self.names, sums, strict=True):
            value = self.phi(drive[f"{k}.drive"] + total)
            if self.config.gates:
                open_ = torch.sigmoid(drive[f"{k}.gate"] + self.gate_norm[f"{k}_state"](self.gate[f"{k}_state"](state[k])))
                value = torch.lerp(state[k], value.to(state[k].dtype), open_.to(state[k].dtype))  # convolutions may run in half precision
            new[k] = self.phi(self.norm[k](value))
        return new


def build(config: Config, *, generator: torch.Generator) -> LocRNN:
    """Build the cell with Glorot-uniform kernels and zero biases drawn from `generator`.

    Examples
    --------
    >>> cell = build(Config(32, 32), generator=torch.Generator())
    >>> sum(p.numel() for p in cell.parameters())
    158336
    """
    return LocRNN(config, generator)
