"""The reciprocal gated cell: output and memory gate one another, and the input bypasses both.

With x the layer's convolved input, r the output of the layer below ("source"), fb resized feedback maps, h the output, c the
memory, t = t_offset + t_multiplier t_function(.) and g likewise,

cell_in = [W_xc * x] + [W_rc * r] [+ fb]
out_in  = x or W_xo * x  [+ r or P r] [+ fb] [+ W_co * c(t-1)]
c(t) = a( t(W_cc * c(t-1)) c(t-1) + g(W_hc * h(t-1)) cell_in )
h(t) = a( t(W_hh * h(t-1)) h(t-1) + g(W_ch * c(t-1) [+ W_rg * r]) out_in )

Both cross gates read the previous step.  With the default offsets of 1 and multipliers of -1 a gate at rest keeps half of the
state and passes half of the input (Nayebi et al. 2018).  Terms in brackets are options.  ``gating=False`` freezes every gate
where zero weights would leave it, and ``bypass=False`` lets the input reach h only through c; with either, c is added to out_in
(``cell_to_out``), or it would not act at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from neurodyn.cells._convolution import Convolution, MapNorm, activation, convolve_together
from neurodyn.errors import ConfigError, unknown_name

__all__ = ["Config", "ReciprocalGated", "build"]


@dataclass(frozen=True)
class Config:
    """Settings of the cell; the defaults are the cell of the shallow network, with biases.

    Attributes
    ----------
    n_inputs, n_channels : int
        Equal unless `out_kernel` is given.
    n_cell : int or None
        Channels of the memory; `n_channels` when None.
    n_source, n_feedback : int
        Channels of the layer below and of all feedback maps together; 0 where there are none.
    kernel : int
        Width of the tau and gate kernels in pixels.
    cell_kernel : int
        Width of W_xc and W_rc.
    out_kernel : int or None
        Width of W_xo; None takes x as it is.
    size : int or None
        Size of the map in pixels; kernels wider than it are cut to it.
    cell_from : {"input", "source", "both"}
        What drives the memory.
    skip : bool
        Add r to out_in, through a 1 x 1 projection where the channels differ.
    cell_to_out : bool
        Add W_co * c to out_in.
    source_to_out_gate : bool
        Let r reach the gate of out_in.
    feedback_to : {"input", "cell", "out"}
        Where the feedback enters; "input" adds it to x before `input_activation`.
    feedback_kernel : int
    feedback_activation, input_activation, out_activation : str
        Names in :data:`neurodyn.cells._convolution.ACTIVATIONS`.
    separable : bool
        Depthwise-separable tau and gate kernels.
    tau_function, gate_function : {"sigmoid", "tanh"}
    tau_offset, gate_offset : float
    tau_multiplier, gate_multiplier : float or None
        Minus the offset when None.
    gating, bypass : bool
        Ablations; see the module.
    bias : bool
        Whether the convolutions have biases; the released shallow network has none, by an oversight.
    layer_norm : bool
        Normalise c and h before their nonlinearity.
    scale : float or None
        Kernels with a truncated normal of variance scale / fan-in; Glorot-uniform when None.
    depthwise_fan_in : {"tensorflow", "channel"}
    """

    n_inputs: int
    n_channels: int
    n_cell: int | None = None
    n_source: int = 0
    n_feedback: int = 0
    kernel: int = 3
    cell_kernel: int = 3
    out_kernel: int | None = None
    size: int | None = None
    cell_from: Literal["input", "source", "both"] = "input"
    skip: bool = False
    cell_to_out: bool = False
    source_to_out_gate: bool = False
    feedback_to: Literal["input", "cell", "out"] = "out"
    feedback_kernel: int = 1
    feedback_activation: str = "none"
    input_activation: str = "none"
    out_activation: str = "elu"
    separable: bool = False
    tau_function: Literal["sigmoid", "tanh"] = "sigmoid"
    gate_function: Literal["sigmoid", "tanh"] = "sigmoid"
    tau_offset: float = 1.0
    gate_offset: float = 1.0
    tau_multiplier: float | None = None
    gate_multiplier: float | None = None
    gating: bool = True
    bypass: bool = True
    bias: bool = True
    layer_norm: bool = False
    scale: float | None = None
    depthwise_fan_in: Literal["tensorflow", "channel"] = "tensorflow"

    def __post_init__(self) -> None:
        for name, known in (("cell_from", ("input", "source", "both")), ("feedback_to", ("input", "cell", "out"))):
            if getattr(self, name) not in known:
                raise unknown_name("reciprocal_gated", name, getattr(self, name), known)
        if self.n_source == 0 and (self.skip or self.source_to_out_gate or self.cell_from != "input"):
            raise ConfigError(
                "reciprocal_gated",
                f"n_source is 0 but skip={self.skip}, source_to_out_gate={self.source_to_out_gate}, cell_from={self.cell_from!r} need the layer below",
                expected="its number of channels",
                fix=f"n_source={self.n_inputs}",
            )
        if self.out_kernel is None and self.bypass and self.n_inputs != self.n_channels:
            raise ConfigError(
                "reciprocal_gated", f"{self.n_inputs} inputs for {self.n_channels} channels", expected="the same number, or an `out_kernel`", fix="out_kernel=1"
            )
        if not self.bypass and self.skip:
            raise ConfigError("reciprocal_gated", "`skip` is on but `bypass` is off", expected="no input to h besides the memory", fix="skip=False")


class ReciprocalGated(nn.Module):
    """Two states that gate each other's input; see the module for the equations."""

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        n, k = config.n_channels, config.n_cell or config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = config.n_inputs, n, {"out": n, "cell": k}
        self.accepts: tuple[str, ...] = tuple(name for name, used in (("source", config.n_source), ("feedback", config.n_feedback)) if used)
        self.tau_multiplier = -config.tau_offset if config.tau_multiplier is None else config.tau_multiplier
        self.gate_multiplier = -config.gate_offset if config.gate_multiplier is None else config.gate_multiplier
        self._act_in, self._act_out, self._act_fb = (activation(a) for a in (config.input_activation, config.out_activation, config.feedback_activation))
        self._tau, self._gate = activation(config.tau_function), activation(config.gate_function)

        def conv(inputs: int, outputs: int, kernel: int, separable: bool = False, bias: bool = config.bias) -> Convolution:
            return Convolution(
                inputs,
                outputs,
                min(kernel, config.size or kernel),
                bias=0.0 if bias else None,
                separable=separable,
                init="glorot" if config.scale is None else "truncated",
                scale=config.scale or 1.0,
                depthwise_fan_in=config.depthwise_fan_in,
                generator=generator,
            )

        self.input_to_cell = conv(config.n_inputs, k, config.cell_kernel) if config.cell_from != "source" else None
        self.source_to_cell = conv(config.n_source, k, config.cell_kernel) if config.cell_from != "input" else None
        self.input_to_out = conv(config.n_inputs, n, config.out_kernel) if config.out_kernel is not None and config.bypass else None
        self.cell_to_out = conv(k, n, config.kernel) if config.cell_to_out or not (config.gating and config.bypass) else None
        self.project: Convolution | None = None
        if config.skip and config.n_source != n:
            self.project = Convolution(config.n_source, n, 1, bias=None, generator=generator)
        self.feedback: Convolution | None = None
        if config.n_feedback:
            target = {"input": config.n_inputs, "cell": k, "out": n}[config.feedback_to]
            self.feedback = conv(config.n_feedback, target, config.feedback_kernel)
        if config.gating:
            self.tau_cell = conv(k, k, config.kernel, config.separable)
            self.tau_out = conv(n, n, config.kernel, config.separable)
            self.gate_cell = conv(n, k, config.kernel, config.separable)
            self.gate_out = conv(k, n, config.kernel, config.separable)
            self.source_to_gate = conv(config.n_source, n, config.kernel, config.separable) if config.source_to_out_gate else None
        self.norms = nn.ModuleList([MapNorm(k), MapNorm(n)]) if config.layer_norm else None

    def forward(self, x: Tensor, state: Mapping[str, Tensor], *, source: Tensor | None = None, feedback: Tensor | None = None) -> dict[str, Tensor]:
        """One step; ``out`` and ``cell``, each (batch, channel, row, column)."""
        h, c = state["out"], state["cell"]
        fed: dict[str, Tensor] = {} if self.feedback is None or feedback is None else {self.config.feedback_to: self._act_fb(self.feedback(feedback))}
        x = self._act_in(x + fed["input"] if "input" in fed else x)
        keep_c, keep_h, pass_c, pass_h = self.gains(h, c, source)
        new_c = keep_c * c + pass_c * self._cell_in(x, source, fed)
        new_h = keep_h * h + pass_h * self._out_in(x, c, source, fed)
        if self.norms is not None:
            new_c, new_h = self.norms[0](new_c), self.norms[1](new_h)
        return {"out": self._act_out(new_h), "cell": self._act_out(new_c)}

    def gains(self, h: Tensor, c: Tensor, source: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The four gates at a state: what c keeps, what h keeps, and the gains of cell_in and out_in."""
        if not self.config.gating:
            rest = h.new_zeros(())
            keep, let = self._retain(rest), self._admit(rest)
            return keep, keep, let, let
        tau_cell, gate_out = convolve_together(c, [self.tau_cell, self.gate_out])
        tau_out, gate_cell = convolve_together(h, [self.tau_out, self.gate_cell])
        if self.source_to_gate is not None and source is not None:
            gate_out = gate_out + self.source_to_gate(source)
        return self._retain(tau_cell), self._retain(tau_out), self._admit(gate_cell), self._admit(gate_out)

    def _retain(self, z: Tensor) -> Tensor:
        return self.config.tau_offset + self.tau_multiplier * self._tau(z)

    def _admit(self, z: Tensor) -> Tensor:
        return self.config.gate_offset + self.gate_multiplier * self._gate(z)

    def _cell_in(self, x: Tensor, source: Tensor | None, fed: Mapping[str, Tensor]) -> Tensor:
        terms = [] if self.input_to_cell is None else [self.input_to_cell(x)]
        if self.source_to_cell is not None and source is not None:
            terms.append(self.source_to_cell(source))
        if "cell" in fed:
            terms.append(fed["cell"])
        return torch.stack(terms).sum(0) if len(terms) > 1 else terms[0]

    def _out_in(self, x: Tensor, c: Tensor, source: Tensor | None, fed: Mapping[str, Tensor]) -> Tensor:
        total = None
        if self.config.bypass:
            total = x if self.input_to_out is None else self.input_to_out(x)
        if self.config.skip and source is not None and total is not None:
            total = total + (source if self.project is None else self.project(source))
        if "out" in fed:
            total = fed["out"] if total is None else total + fed["out"]
        if self.cell_to_out is not None:
            memory = self.cell_to_out(c)
            total = memory if total is None else total + memory
        assert total is not None
        return total


def build(config: Config, *, generator: torch.Generator) -> ReciprocalGated:
    """Build the cell with kernels drawn from `generator`.

    Examples
    --------
    At zero weights the cell is h(t) = ELU(h / 2 + x / 2).

    >>> cell = build(Config(1, 1), generator=torch.Generator())
    >>> _ = [p.data.zero_() for p in cell.parameters()]
    >>> one = torch.ones(1, 1, 1, 1)
    >>> cell(one, {"out": one, "cell": one})["out"].item()
    1.0
    """
    return ReciprocalGated(config, generator)
