"""The contract: what a model must offer to be simulated, linearised and compared.

A model is a discrete-time dynamical system driven by frames.  With state x, frame s and drive u = encode(s),

    x(t + 1) = step(x(t), u(t)),        rates(x, u) = what an electrode sees,        readout(x) = the task's output.

There is no base class: any object with these members is a model.  The six-line loop that everything else is built on is

>>> import torch
>>> from neurodyn.testing.systems import linear_network
>>> model = linear_network([0.5, 0.25])
>>> drive = model.encode(torch.ones(1, 2, 1, 1))
>>> state = model.initial_state(drive)
>>> for _ in range(60):
...     state = model.step(state, drive)
>>> [round(float(r), 4) for r in model.rates(state, drive, model.layers)["x"].flatten()]
[2.0, 1.3333]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.noise import NoiseSource

__all__ = ["Drive", "DynamicalModel", "Frame", "State"]

State = dict[str, "Tensor"]
Drive = dict[str, "Tensor"]
Frame = "Tensor | dict[str, Tensor]"


@runtime_checkable
class DynamicalModel(Protocol):
    """A recurrent model as a dynamical system; a structural type, nothing inherits it.

    Attributes
    ----------
    dt_ms : float or None
        Model time of one step in ms; None where iterations are not time.
    layers : tuple of str
        Recordable layers, input to output, layers computed in `encode` included.
    phase : tuple of str
        The floating State keys that span the phase space.  Jacobians, fixed points and Lyapunov exponents act on these and
        hold every other key (step counters, running means, halting sums, gaze flags).
    blank : Tensor, (channel, row, column), or dict of Tensor
        One frame shown when there is no stimulus.

    Notes
    -----
    Optional members, used where present:

    ``finished(state) -> bool Tensor, (batch)``
        Rows that are done; :func:`neurodyn.dynamics.simulate.unroll` freezes them.
    ``trial : Schedule``
        The trial the model was trained on; what `simulate` plays when no schedule is given.
    ``recurrent_kernel(layer) -> Tensor, (channel, channel, row, column)``, or ``(n, n)`` for a vector layer
        The bare recurrent weights of a layer (zero padding), for the ``"kernel"`` and ``"gated"`` operators.
    ``gate(state, drive, layer) -> Tensor``
        The derivative of the layer's nonlinearity at a state, shaped like one batch of the layer.
    ``leak(layer) -> float``
        alpha of x <- (1 - alpha) x + alpha f(W x + ...); the kernel operators' map is (1 - alpha) I + alpha W.
    """

    # read-only here, so that class attributes, buffers and properties all satisfy the type
    @property
    def dt_ms(self) -> float | None: ...

    @property
    def layers(self) -> tuple[str, ...]: ...

    @property
    def phase(self) -> tuple[str, ...]: ...

    @property
    def blank(self) -> Any: ...

    def encode(self, frame: Any) -> Drive:
        """Everything that does not depend on the state; called once for each distinct frame, (batch, channel, row, column)."""

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The state before the first step; batch size, device and dtype come from the drive."""

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One update, pure: a new state is returned, the old one is untouched; ``noise=None`` means noise off."""

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """What an electrode in each of `layers` would see, each (batch, ...)."""

    def readout(self, state: State) -> Tensor:
        """The task's output, (batch, ...); called only at the steps that are asked for."""
