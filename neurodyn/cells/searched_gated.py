"""The reciprocal gated cell found by search: the median of the best cells of Nayebi et al. 2018, as released.

c(t) = ELU( 0.9219 (1 - sigmoid(D7 c)) c + 0.7007 (1 - tanh(D7 h)) (W2 x) )
h(t) = ELU( 0.9219 (1 - sigmoid(D7 h)) h + 0.7007 (1 - tanh(D7 c)) (W3 x + P r + W1 fb) )

with x = ELU(the layer's convolution), r the layer below, fb the feedback maps, and D7 depthwise-separable 7 x 7 kernels.  The tanh
gates let the input gain reach 1.40: they can amplify.  The search also found biases for the gates; the released code never adds
them, and with them the state would start almost shut (retention 0.014).  They are not added here either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from neurodyn.cells.reciprocal_gated import Config as GeneralConfig
from neurodyn.cells.reciprocal_gated import ReciprocalGated

__all__ = ["Config", "build"]


@dataclass(frozen=True)
class Config(GeneralConfig):
    """Settings of the cell: those of :class:`neurodyn.cells.reciprocal_gated.Config` with the values that were found.

    Attributes
    ----------
    n_cell : int or None
        64 in every layer of the released network.
    n_source : int
        Channels of the layer below, for the skip; without it (0) there is no skip.
    """

    n_cell: int | None = 64
    kernel: int = 7
    cell_kernel: int = 2
    out_kernel: int | None = 3
    skip: bool | None = None  # type: ignore[assignment]
    input_activation: str = "elu"
    separable: bool = True
    gate_function: Literal["sigmoid", "tanh"] = "tanh"
    tau_offset: float = 0.9219348064291611
    gate_offset: float = 0.7006566684988862
    scale: float | None = 0.6393378386273998

    def __post_init__(self) -> None:
        if self.skip is None:
            object.__setattr__(self, "skip", self.n_source > 0)
        super().__post_init__()


def build(config: Config, *, generator: torch.Generator) -> ReciprocalGated:
    """Build the cell with kernels drawn from `generator`.

    Examples
    --------
    >>> build(Config(8, 8, n_cell=4), generator=torch.Generator()).recurrent
    {'out': 8, 'cell': 4}
    """
    return ReciprocalGated(config, generator)
