"""Time decay: the weakest memory, one number a layer.

s(t) = tau s(t-1) + x(t),  out = s.  tau starts at 0, is trained and is not confined to [0, 1] (Nayebi et al. 2018).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neurodyn.cells._interface import check_width

__all__ = ["Config", "TimeDecay", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell.

    Attributes
    ----------
    n_inputs, n_channels : int
        Must be equal.
    decay : float
        Initial tau, the share of the state kept from one step to the next.
    """

    n_inputs: int
    n_channels: int
    decay: float = 0.0


class TimeDecay(nn.Module):
    """A leaky sum of the input with one trained leak; see the module for the equation."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config) -> None:
        super().__init__()
        check_width("time_decay", config.n_inputs, config.n_channels)
        self.n_inputs, self.n_channels = config.n_inputs, config.n_channels
        self.recurrent = {"out": config.n_channels}
        self.decay = nn.Parameter(torch.tensor(float(config.decay)))

    def forward(self, x: Tensor, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """One step; ``out``, (batch, channel, row, column)."""
        return {"out": self.decay * state["out"] + x}


def build(config: Config, *, generator: torch.Generator) -> TimeDecay:
    """Build the cell; it draws nothing from `generator`.

    Examples
    --------
    >>> build(Config(2, 2), generator=torch.Generator()).decay.item()
    0.0
    """
    return TimeDecay(config)
