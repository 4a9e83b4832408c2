r"""A fully connected rate network on pixels: the control without convolutions.

.. math:: \tau \dot r = -r + [W r + b + B x]_+, \qquad z = F r + c

with the Euler step, time constant and trial of CordsNet.  :func:`units_for` finds the size at which it has as many parameters as another model.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["Config", "DenseRNN", "build", "units_for"]


@dataclass(frozen=True)
class Config:
    """A dense rate network.

    Attributes
    ----------
    n_units : int
    image_size, n_classes, in_channels : int
    dt_ms, tau_ms : float
        Euler step and time constant, ms.
    gain : float
        Standard deviation of the initial recurrent weights times sqrt(n_units); below 1 the silent network is stable.
    mean, std : tuple of float
        Of the training images, one a channel.
    before_ms, stimulus_ms, after_ms : float
        The trial it was trained on.
    """

    n_units: int = 100
    image_size: int = 28
    n_classes: int = 10
    in_channels: int = 1
    dt_ms: float = 2.0
    tau_ms: float = 10.0
    gain: float = 0.5
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    before_ms: float = 200.0
    stimulus_ms: float = 200.0
    after_ms: float = 0.0

    def __post_init__(self) -> None:
        for name in ("n_units", "image_size", "n_classes", "in_channels", "dt_ms", "tau_ms"):
            if not getattr(self, name) > 0:
                raise ConfigError("dense_rnn.Config", f"`{name}` is {getattr(self, name)}", expected="a number above 0")


class DenseRNN(nn.Module):
    """A fully connected rate network as a dynamical system; build it with :func:`build`."""

    blank: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.dt_ms: float | None = config.dt_ms
        self.layers = self.phase = ("hidden",)
        self.trial = Schedule.ms(before=config.before_ms, stimulus=config.stimulus_ms, after=config.after_ms)
        n, n_pixels = config.n_units, config.in_channels * config.image_size**2

        def normal(name: str, shape: tuple[int, ...], scale: float) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(shape, generator=torch_generator(seed, "dense_rnn", name)))

        self.recurrent = normal("recurrent", (n, n), config.gain / n**0.5)
        self.inputs = normal("inputs", (n, n_pixels), 1 / n_pixels**0.5)
        self.bias = nn.Parameter(torch.zeros(n))
        self.classifier = normal("classifier", (config.n_classes, n), 1 / n**0.5)
        self.class_bias = nn.Parameter(torch.zeros(config.n_classes))
        mean, std = (torch.tensor(v).reshape(-1, 1, 1).expand(config.in_channels, 1, 1) for v in (config.mean, config.std))
        self.register_buffer("mean", mean.clone(), persistent=False)
        self.register_buffer("std", std.clone(), persistent=False)
        self.register_buffer("blank", mean.expand(-1, config.image_size, config.image_size).clone(), persistent=False)

    @property
    def alpha(self) -> float:
        """The Euler step in units of the time constant."""
        return float(self.dt_ms or 0.0) / self.config.tau_ms

    def encode(self, frame: Tensor) -> Drive:
        """Input current of every unit, (batch, unit)."""
        if tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise SchemaError("dense_rnn.encode", f"`frame` has shape {tuple(frame.shape)}", expected=f"(batch, {', '.join(map(str, self.blank.shape))})")
        image = (frame.to(self.bias.dtype) - self.mean) / self.std
        return {"hidden": F.linear(image.flatten(1), self.inputs, self.bias)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silence."""
        return {"hidden": torch.zeros_like(drive["hidden"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One Euler step."""
        r = state["hidden"]
        return {"hidden": torch.lerp(r, torch.relu(F.linear(r, self.recurrent) + drive["hidden"]), self.alpha)}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The rates themselves."""
        for name in layers:
            if name not in self.layers:
                raise unknown_name("dense_rnn.rates", "layer", name, self.layers)
        return {name: state[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """Logits, (batch, class)."""
        return F.linear(state["hidden"], self.classifier, self.class_bias)

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The recurrent weights, (unit, unit)."""
        return self.recurrent

    def gate(self, state: State, drive: Drive, layer: str) -> Tensor:
        """1 where a unit is above threshold, (batch, unit)."""
        return (F.linear(state["hidden"], self.recurrent) + drive["hidden"] > 0).to(self.bias.dtype)

    def leak(self, layer: str) -> float:
        """Alpha of x <- (1 - alpha) x + alpha phi(W x + ...)."""
        return self.alpha

    def with_dt(self, dt_ms: float) -> DenseRNN:
        """The same network, weights shared, integrated with another step."""
        twin = copy.copy(self)
        twin.dt_ms = float(dt_ms)
        return twin


def build(config: Config, *, seed: int) -> DenseRNN:
    """Build an untrained network in eval mode.

    Examples
    --------
    >>> model = build(Config(n_units=5, image_size=4, n_classes=3), seed=0)
    >>> drive = model.encode(torch.zeros(1, 1, 4, 4))
    >>> model.readout(model.step(model.initial_state(drive), drive)).shape
    torch.Size([1, 3])
    """
    return DenseRNN(config, seed=seed).eval()


def units_for(n_parameters: int, *, n_pixels: int, n_classes: int) -> int:
    """The number of units whose network comes closest to `n_parameters`.

    Examples
    --------
    >>> n = units_for(57_000, n_pixels=3072, n_classes=10)
    >>> n, n * n + n * (3072 + 1 + 10) + 10
    (18, 55828)
    """

    def count(n: int) -> int:
        return n * n + n * (n_pixels + 1 + n_classes) + n_classes

    guess = 1
    while count(guess) < n_parameters:
        guess += 1
    return min(max(1, guess - 1), guess, key=lambda n: abs(count(n) - n_parameters))
