"""The horizontal gated recurrent unit (Linsley et al. 2018) with norms that all steps share.

With input x and state H ("out"), norm N, per-channel vectors alpha, mu, kappa, omega, gamma:

    G1 = sigmoid(N(u1 * H)),       C1 = N(W_minus * (G1 H)),     H1 = relu(x - relu(C1 (alpha H + mu)))
    G2 = sigmoid(N(u2 * H1)),      C2 = N(W_plus * H1),          T  = relu(kappa H1 + gamma C2 + omega H1 C2)
    H <- (1 - G2) H + G2 T

The published cell owns four batch norms a step and so cannot run for longer than it was trained, and starts from fresh noise; here the norms
are shared by all steps and the start is zero (our choice).  The gradient of either lateral kernel is averaged with its transpose in the channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution, _convolve
from neurodyn.cells._interface import check_width
from neurodyn.cells._norms import make_norm

__all__ = ["HGRU", "Config", "build"]

_START = {"alpha": 0.1, "mu": 1.0, "kappa": 0.5, "omega": 0.5, "gamma": 1.0}


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
        Equal: the input is added to the state.
    kernel : int
        Width of both lateral kernels in pixels.
    norm : {"map", "channel", "none"}
        Shared by all steps.
    norm_gain : float
        Initial gain of the norms.
    """

    n_inputs: int
    n_channels: int
    kernel: int = 9
    norm: str = "map"
    norm_gain: float = 0.1


class HGRU(nn.Module):
    """Suppression, then facilitation, each behind a gate; see the module for the equations."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        check_width("hgru", config.n_inputs, config.n_channels)
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = n, n, {"out": n}
        self.gates = nn.ModuleList(Convolution(n, n, 1, generator=generator) for _ in range(2))
        self.lateral = nn.ModuleList(Convolution(n, n, config.kernel, bias=None, generator=generator) for _ in range(2))
        with torch.no_grad():
            bias = torch.empty(n).uniform_(1.0, 7.0, generator=generator)
            for gate, sign in zip(self.gates, (1.0, -1.0), strict=True):
                gate.bias.copy_(sign * bias)  # type: ignore[operator]
            for lateral in self.lateral:
                nn.init.orthogonal_(lateral.weight, generator=generator)  # type: ignore[arg-type]
        self.norms = nn.ModuleList(make_norm(config.norm, n) for _ in range(4))
        for norm in self.norms if config.norm != "none" else ():
            gain = norm.gain if config.norm == "map" else norm.weight
            nn.init.constant_(gain, config.norm_gain)  # type: ignore[arg-type]
        self.vectors = nn.ParameterDict({name: nn.Parameter(torch.full((n, 1, 1), value)) for name, value in _START.items()})

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out``, (batch, channel, row, column)."""
        h, v = state["out"], self.vectors
        first = torch.sigmoid(self.norms[0](self.gates[0](h)))
        suppression = self.norms[1](self._along(0, first * h))
        h1 = F.relu(x - F.relu(suppression * (v["alpha"] * h + v["mu"])))
        second = torch.sigmoid(self.norms[2](self.gates[1](h1)))
        facilitation = self.norms[3](self._along(1, h1))
        target = F.relu(v["kappa"] * h1 + v["gamma"] * facilitation + v["omega"] * h1 * facilitation)
        return {"out": torch.lerp(h, target.to(h.dtype), second.to(h.dtype))}  # convolutions may run in half precision

    def _along(self, k: int, x: Tensor) -> Tensor:
        lateral: Convolution = self.lateral[k]  # type: ignore[assignment]
        weight = lateral.weight
        symmetric = (weight + weight.transpose(0, 1)) / 2
        value = weight.detach() + symmetric - symmetric.detach() if weight.requires_grad else weight
        return _convolve(x, value, None, lateral.kernel, 1)


def build(config: Config, *, generator: torch.Generator) -> HGRU:
    """Build the cell: orthogonal lateral kernels, opposite gate biases, drawn from `generator`.

    Examples
    --------
    >>> build(Config(4, 4, kernel=3), generator=torch.Generator()).recurrent
    {'out': 4}
    """
    return HGRU(config, generator)
