r"""Rate networks of one recurrent population, connected fully, sparsely, with low rank, or by convolution.

.. math:: \tau \dot r = -r + \phi(W r + b + B u), \qquad z = F r + c

with the Euler step of CordsNet.  Only the recurrent weights differ between the four connectivities, so that networks of one size can be
compared at one number of recurrent parameters: W is a free matrix (``"full"``), a free matrix on a fixed random mask (``"sparse"``), a product of
two thin matrices (``"low_rank"``), or one convolution over maps (``"convolutional"``: CordsNet's area).
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

__all__ = ["CONNECTIVITIES", "Config", "RateRNN", "build"]

CONNECTIVITIES = ("full", "sparse", "low_rank", "convolutional")
NONLINEARITIES = ("tanh", "relu")


@dataclass(frozen=True)
class Config:
    """A rate network; by default 125 units, the smallest size of the CordsNet paper's comparison.

    Attributes
    ----------
    connectivity : {"full", "sparse", "low_rank", "convolutional"}
    n_units : int
    rank : int
        Of the low-rank weights.
    density : float
        Share of the weights that the sparse mask keeps.
    channels, kernel : int
        Of the convolution, over square maps of n_units / channels positions with zeros around them.
    n_inputs, n_outputs : int
    mean, std : tuple of float
        Of the inputs, one a channel or one for all: a network sees (input - mean) / std, and the blank is the mean.
    nonlinearity : {"tanh", "relu"}
    gain : float
        Of the initial recurrent weights: their spectral radius, about.
    noise : float
        Standard deviation of the current noise of every unit, in units of one time constant; off unless a noise source is given.
    dt_ms, tau_ms : float
        Euler step and time constant, ms.
    stimulus_ms : float
        The trial it was trained on, from its first frame.
    """

    connectivity: str = "full"
    n_units: int = 125
    rank: int = 5
    density: float = 0.0784
    channels: int = 5
    kernel: int = 7
    n_inputs: int = 3
    n_outputs: int = 3
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    nonlinearity: str = "tanh"
    gain: float = 1.0
    noise: float = 0.05
    dt_ms: float = 20.0
    tau_ms: float = 100.0
    stimulus_ms: float = 1300.0

    def __post_init__(self) -> None:
        if self.connectivity not in CONNECTIVITIES:
            raise unknown_name("rate_rnn.Config", "`connectivity`", self.connectivity, CONNECTIVITIES)
        if self.nonlinearity not in NONLINEARITIES:
            raise unknown_name("rate_rnn.Config", "`nonlinearity`", self.nonlinearity, NONLINEARITIES)
        for name in ("n_units", "rank", "density", "channels", "kernel", "n_inputs", "n_outputs", "dt_ms", "tau_ms", "stimulus_ms"):
            if not getattr(self, name) > 0:
                raise ConfigError("rate_rnn.Config", f"`{name}` is {getattr(self, name)}", expected="a number above 0")
        if self.density > 1:
            raise ConfigError("rate_rnn.Config", f"`density` is {self.density}", expected="a share, at most 1")
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, self.n_inputs):
                raise ConfigError("rate_rnn.Config", f"`{name}` has {len(getattr(self, name))} entries for {self.n_inputs} inputs", expected="one an input")
        if self.connectivity == "convolutional" and (self.channels * self.side**2 != self.n_units or self.kernel % 2 == 0):
            raise ConfigError(
                "rate_rnn.Config",
                f"{self.n_units} units do not fill {self.channels} square maps, or the kernel ({self.kernel}) is not odd",
                expected="n_units = channels * side^2 and an odd kernel",
                fix=f"n_units={self.channels * max(1, self.side) ** 2}",
            )

    @property
    def side(self) -> int:
        """Side of the maps of a convolutional network."""
        return round((self.n_units / self.channels) ** 0.5)


class RateRNN(nn.Module):
    """A rate network as a dynamical system; build it with :func:`build`."""

    blank: Tensor
    mean: Tensor
    std: Tensor
    mask: Tensor

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.dt_ms: float | None = config.dt_ms
        self.layers = self.phase = ("hidden",)
        self.trial = Schedule.ms(stimulus=config.stimulus_ms)
        n, k = config.n_units, config.n_inputs
        shape = (config.channels, config.side, config.side) if config.connectivity == "convolutional" else (n,)
        self.state_shape: tuple[int, ...] = shape

        def normal(name: str, shape: tuple[int, ...], scale: float) -> nn.Parameter:
            return nn.Parameter(scale * torch.randn(shape, generator=torch_generator(seed, "rate_rnn", name)))

        if config.connectivity == "low_rank":
            self.left = normal("left", (n, config.rank), config.gain / n**0.5)
            self.right = normal("right", (config.rank, n), 1 / n**0.5)
        elif config.connectivity == "convolutional":
            reach = min(config.kernel, config.side)  # a larger kernel sees no more units
            self.recurrent = normal("recurrent", (config.channels, config.channels, config.kernel, config.kernel), config.gain / (config.channels**0.5 * reach))
        else:
            density = config.density if config.connectivity == "sparse" else 1.0
            self.recurrent = normal("recurrent", (n, n), config.gain / (n * density) ** 0.5)
        if config.connectivity == "sparse":
            self.register_buffer("mask", _mask(n, config.density, seed))
        self.inputs = normal("inputs", (n, k), 1 / k**0.5)
        self.bias = nn.Parameter(torch.zeros(n))
        self.outputs = normal("outputs", (config.n_outputs, n), 1 / n**0.5)
        self.output_bias = nn.Parameter(torch.zeros(config.n_outputs))
        mean, std = (torch.tensor(v).expand(k).reshape(k, 1, 1) for v in (config.mean, config.std))
        self.register_buffer("mean", mean.clone(), persistent=False)
        self.register_buffer("std", std.clone(), persistent=False)
        self.register_buffer("blank", mean.clone(), persistent=False)

    @property
    def alpha(self) -> float:
        """The Euler step in units of the time constant."""
        return float(self.dt_ms or 0.0) / self.config.tau_ms

    @property
    def n_recurrent(self) -> int:
        """Free parameters of the recurrent weights."""
        kind = self.config.connectivity
        if kind == "low_rank":
            return self.left.numel() + self.right.numel()
        return int(self.mask.sum()) if kind == "sparse" else self.recurrent.numel()

    def encode(self, frame: Tensor) -> Drive:
        """Input current of every unit."""
        if tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise SchemaError("rate_rnn.encode", f"`frame` has shape {tuple(frame.shape)}", expected=f"(batch, {', '.join(map(str, self.blank.shape))})")
        shown = ((frame.to(self.bias.dtype) - self.mean) / self.std).flatten(1)
        return {"hidden": F.linear(shown, self.inputs, self.bias).reshape(-1, *self.state_shape)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silence."""
        return {"hidden": torch.zeros_like(drive["hidden"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One Euler step; with a noise source, current noise of standard deviation ``noise * sqrt(2 tau / dt)`` reaches every unit."""
        r = state["hidden"]
        current = self._recurrence(r) + drive["hidden"]
        if noise is not None and self.config.noise:
            current = current + self.noise_scale * noise.normal("hidden", r)
        return {"hidden": torch.lerp(r, self._phi(current), self.alpha)}

    @property
    def noise_scale(self) -> float:
        """Standard deviation of the current noise of one step."""
        return self.config.noise * (2 / self.alpha) ** 0.5

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The rates themselves."""
        for name in layers:
            if name not in self.layers:
                raise unknown_name("rate_rnn.rates", "layer", name, self.layers)
        return {name: state[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The outputs, (batch, output)."""
        return F.linear(state["hidden"].flatten(1), self.outputs, self.output_bias)

    def run(self, shown: Tensor, *, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """All steps at once, for training: the recurrent weights are made only once.

        Parameters
        ----------
        shown : Tensor, (batch, step, channel)
            In [0, 1].
        generator : torch.Generator, optional
            Of the current noise; none when absent.

        Returns
        -------
        outputs : Tensor, (batch, step, output)
        rates : Tensor, (batch, step, unit)
        """
        W = self.recurrent_matrix().t()
        u = F.linear((shown - self.mean.flatten()) / self.std.flatten(), self.inputs, self.bias)
        if generator is not None and self.config.noise:
            u = u + self.noise_scale * torch.randn(u.shape, generator=generator)
        r, rates = torch.zeros_like(u[:, 0]), []
        for current in u.unbind(1):
            r = torch.lerp(r, self._phi(torch.addmm(current, r, W)), self.alpha)
            rates.append(r)
        path = torch.stack(rates, dim=1)
        return F.linear(path, self.outputs, self.output_bias), path

    def recurrent_matrix(self) -> Tensor:
        """The recurrent weights as a matrix, (unit, unit), whatever the connectivity."""
        kind = self.config.connectivity
        if kind == "low_rank":
            return self.left @ self.right
        if kind == "convolutional":
            n = self.config.n_units
            eye = torch.eye(n, dtype=self.bias.dtype, device=self.bias.device).reshape(n, *self.state_shape)
            return self._recurrence(eye).flatten(1).t()
        return self.recurrent * self.mask if kind == "sparse" else self.recurrent

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The convolution kernel, or the matrix of the other connectivities."""
        return self.recurrent if self.config.connectivity == "convolutional" else self.recurrent_matrix()

    def gate(self, state: State, drive: Drive, layer: str) -> Tensor:
        """The derivative of the nonlinearity."""
        current = self._recurrence(state["hidden"]) + drive["hidden"]
        return 1 - torch.tanh(current) ** 2 if self.config.nonlinearity == "tanh" else (current > 0).to(current.dtype)

    def leak(self, layer: str) -> float:
        """Alpha of x <- (1 - alpha) x + alpha phi(W x + ...)."""
        return self.alpha

    def with_dt(self, dt_ms: float) -> RateRNN:
        """The same network, weights shared, integrated with another step."""
        twin = copy.copy(self)
        twin.dt_ms = float(dt_ms)
        return twin

    def _recurrence(self, r: Tensor) -> Tensor:
        kind = self.config.connectivity
        if kind == "low_rank":
            return F.linear(F.linear(r, self.right), self.left)
        if kind == "convolutional":
            return F.conv2d(r, self.recurrent, padding=self.config.kernel // 2)
        return F.linear(r, self.recurrent * self.mask if kind == "sparse" else self.recurrent)

    def _phi(self, current: Tensor) -> Tensor:
        return torch.tanh(current) if self.config.nonlinearity == "tanh" else torch.relu(current)


def _mask(n: int, density: float, seed: int) -> Tensor:
    """Exactly the share of ones asked for, at random places."""
    order = torch.randperm(n * n, generator=torch_generator(seed, "rate_rnn", "mask"))
    mask = torch.zeros(n * n)
    mask[order[: max(1, round(density * n * n))]] = 1.0
    return mask.reshape(n, n)


def build(config: Config, *, seed: int) -> RateRNN:
    """Build an untrained network in eval mode.

    Examples
    --------
    >>> for kind in CONNECTIVITIES:
    ...     print(kind, build(Config(connectivity=kind), seed=0).n_recurrent)
    full 15625
    sparse 1225
    low_rank 1250
    convolutional 1225
    """
    return RateRNN(config, seed=seed).eval()
