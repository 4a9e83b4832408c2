r"""CordsNet: convolutional recurrent networks with the dynamics of continuous-time rate networks (Soo et al. 2024).

Area :math:`l` holds rates :math:`r_l` that follow

.. math:: \tau \dot r_l = -r_l + \phi(W_l * r_l + b_l + A_l * s_l)

with 3x3 convolutions :math:`W_l` (recurrent) and :math:`A_l` (from the areas below), a bias for every unit, and
:math:`\phi` = ReLU.  Areas come in blocks of two; a block halves the map and doubles the channels.  With
:math:`[x]_+` = ReLU and p the pooled output of the stem,

.. math::
    s_0 = p, \quad s_1 = [r_0]_+ + S * p, \quad s_{2m} = [r_{2m-1}]_+ + [r_{2m-2}]_+, \quad
    s_{2m+1} = [r_{2m}]_+ + Q_m * [r_{2m-1}]_+ .

One step is forward Euler with :math:`\alpha` = dt/tau.  Every area reads the previous step of the areas below, so that a
signal needs one step a block; the stem and both products of p with kernels do not depend on the state and are computed once
for each image, in `encode`.  There is no feedback between areas: the spectrum of the whole network's Jacobian is the union
of the areas' spectra.
"""

from __future__ import annotations

import copy
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures._weight_norm import WeightNormed, materialise
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, NeurodynWarning, SchemaError, unknown_name
from neurodyn.numerics.convolution import conv_spectral_radius
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["Config", "CordsNet", "area_shapes", "build", "count_macs", "euler_radius"]

DEPTHS = (2, 4, 6, 8)


@dataclass(frozen=True)
class Config:
    """A CordsNet; the defaults are the paper's, where depth 8 with 1000 classes at 224 pixels is R8.

    Attributes
    ----------
    depth : {2, 4, 6, 8}
        Number of areas.
    channels : int
        Of the first block; each further block doubles them.
    image_size : int
        Side of the square image, pixels.
    n_classes, in_channels : int
    stem_kernel, stem_stride : int
        Of the first convolution (7 and 2 in the paper).
    pool : bool
        Whether a 3x3 average pool of stride 2 follows the stem.
    dt_ms, tau_ms : float
        Euler step and time constant of every unit, ms.
    mean, std : tuple of float
        Of the training images, one a channel; images are normalised in `encode`, and the blank is the mean.
    slope : float
        Of the nonlinearity below 0 inside the areas: 0 = ReLU (final model), 1 = linear, between = annealing.
    before_ms, stimulus_ms, after_ms : float
        The trial it was trained on.
    """

    depth: int = 8
    channels: int = 64
    image_size: int = 224
    n_classes: int = 1000
    in_channels: int = 3
    stem_kernel: int = 7
    stem_stride: int = 2
    pool: bool = True
    dt_ms: float = 2.0
    tau_ms: float = 10.0
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)
    slope: float = 0.0
    before_ms: float = 200.0
    stimulus_ms: float = 200.0
    after_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise ConfigError("cordsnet.Config", f"`depth` is {self.depth}", expected="2, 4, 6 or 8 areas (blocks of two)", fix="depth=4")
        for name in ("channels", "image_size", "n_classes", "in_channels", "stem_stride"):
            if getattr(self, name) < 1:
                raise ConfigError("cordsnet.Config", f"`{name}` is {getattr(self, name)}", expected="1 or more")
        if self.stem_kernel % 2 == 0 or self.stem_kernel < 1:
            raise ConfigError("cordsnet.Config", f"`stem_kernel` is {self.stem_kernel}", expected="an odd number")
        factor = self.stem_stride * (2 if self.pool else 1) * 2 ** (self.depth // 2 - 1)
        if self.image_size < factor:
            raise ConfigError(
                "cordsnet.Config",
                f"`image_size` is {self.image_size} but depth {self.depth} with this stem divides it by {factor}",
                expected=f"{factor} pixels or more",
                fix="a smaller depth, stem_stride=1, or pool=False",
            )
        for name in ("dt_ms", "tau_ms"):
            if not getattr(self, name) > 0:
                raise ConfigError("cordsnet.Config", f"`{name}` is {getattr(self, name)}", expected="a time above 0 ms")
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, self.in_channels):
                raise ConfigError(
                    "cordsnet.Config", f"`{name}` has {len(getattr(self, name))} entries for {self.in_channels} channels", expected="one a channel"
                )


def area_shapes(config: Config) -> list[tuple[int, int, int]]:
    """(channel, row, column) of every area.

    Examples
    --------
    >>> area_shapes(Config(depth=4))
    [(64, 56, 56), (64, 56, 56), (128, 28, 28), (128, 28, 28)]
    """
    side = -(-config.image_size // config.stem_stride)
    side = -(-side // 2) if config.pool else side
    shapes = []
    for i in range(config.depth):
        if i and i % 2 == 0:
            side = -(-side // 2)
        shapes.append((config.channels * 2 ** (i // 2), side, side))
    return shapes


class CordsNet(nn.Module):
    """A convolutional recurrent network as a dynamical system; build it with :func:`build`.

    Attributes
    ----------
    layers : tuple of str
        ``stem`` (the pooled output of the first convolution) and ``area0``, ``area1``, ...
    phase : tuple of str
        The areas.
    alpha : float
        dt / tau.
    slope : float
        Of the nonlinearity below 0; the annealing recipe lowers it from 1 to 0.
    """

    blank: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config
        self.dt_ms: float | None = config.dt_ms
        self.slope = config.slope
        self.trial = Schedule.ms(before=config.before_ms, stimulus=config.stimulus_ms, after=config.after_ms)
        self.phase = tuple(f"area{i}" for i in range(config.depth))
        self.layers = ("stem", *self.phase)
        shapes = area_shapes(config)
        widths = [s[0] for s in shapes]

        def conv(name: str, n_in: int, n_out: int, kernel: int) -> WeightNormed:
            return WeightNormed((n_out, n_in, kernel, kernel), torch_generator(seed, "cordsnet", name))

        self.stem = conv("stem", config.in_channels, widths[0], config.stem_kernel)
        self.input_skip = conv("input_skip", widths[0], widths[0], 3)
        self.forward_conv = nn.ModuleList(conv(f"forward{i}", widths[max(i - 1, 0)], c, 3) for i, c in enumerate(widths))
        self.recurrent_conv = nn.ModuleList(conv(f"recurrent{i}", c, c, 3) for i, c in enumerate(widths))
        self.area_skip = nn.ModuleList(conv(f"skip{i}", widths[i - 2], widths[i], 1) for i in range(3, config.depth, 2))
        self.area_bias = nn.ParameterList(nn.Parameter(torch.zeros(s)) for s in shapes)
        self.classifier = WeightNormed((config.n_classes, widths[-1]), torch_generator(seed, "cordsnet", "classifier"))
        self.class_bias = nn.Parameter(_uniform((config.n_classes,), widths[-1], torch_generator(seed, "cordsnet", "class_bias")))
        mean, std = (torch.tensor(v).reshape(-1, 1, 1).expand(config.in_channels, 1, 1) for v in (config.mean, config.std))
        self.register_buffer("mean", mean.clone(), persistent=False)
        self.register_buffer("std", std.clone(), persistent=False)
        self.register_buffer("blank", mean.expand(-1, config.image_size, config.image_size).clone(), persistent=False)
        self._kernels: dict[str, Any] = {}

    @property
    def alpha(self) -> float:
        """The Euler step in units of the time constant."""
        return float(self.dt_ms or 0.0) / self.config.tau_ms

    def encode(self, frame: Tensor) -> Drive:
        """The stem, and its products with the two kernels that read it: (batch, channel, row, column) in [0, 1] -> currents."""
        if frame.dim() != 4 or tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise SchemaError("cordsnet.encode", f"`frame` has shape {tuple(frame.shape)}", expected=f"(batch, {', '.join(map(str, self.blank.shape))})")
        w = self.kernels(fresh=True)
        image = (frame.to(self.class_bias.dtype) - self.mean) / self.std
        p = F.conv2d(image, w["stem"], stride=self.config.stem_stride, padding=self.config.stem_kernel // 2)
        p = F.avg_pool2d(p, 3, stride=2, padding=1) if self.config.pool else p
        skip = F.conv2d(p, w["input_skip"], padding=1)
        return {
            "stem": p,
            "area0": F.conv2d(p, w["forward0"], padding=1) + w["bias0"],
            "area1": F.conv2d(skip, w["forward1"], padding=1) + w["bias1"],
        }

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silence."""
        like, n = drive["area0"], len(drive["area0"])
        return {name: like.new_zeros((n, *b.shape)) for name, b in zip(self.phase, self.area_bias, strict=True)}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One Euler step of all areas at once; the model has no noise of its own."""
        w = self.kernels()
        outputs = [torch.relu(state[name]) for name in self.phase]
        new: State = {}
        for i, name in enumerate(self.phase):
            r, current = state[name], self._current(i, state[name], outputs, drive, w)
            if self.slope == 0.0 and not torch.is_grad_enabled():  # `current` is ours alone: no further memory is touched
                new[name] = torch.relu_(current).lerp_(r, 1 - self.alpha)
            else:
                new[name] = torch.lerp(r, self.nonlinearity(current), self.alpha)
        return new

    def nonlinearity(self, current: Tensor) -> Tensor:
        """phi: ReLU, or a leaky ReLU of the present `slope` while annealing."""
        if self.slope == 0.0:
            return torch.relu(current)
        return current if self.slope == 1.0 else F.leaky_relu(current, self.slope)

    def current(self, i: int, state: State, drive: Drive) -> Tensor:
        """The input of area `i`'s nonlinearity at a state, (batch, channel, row, column)."""
        outputs = [torch.relu(state[name]) for name in self.phase]
        return self._current(i, state[self.phase[i]], outputs, drive, self.kernels())

    def settled(self, drive: Drive, *, n_free: int = 30, n_gradient: int = 0) -> State:
        """The steady state under a drive, area by area: nothing feeds back, so that each area settles on the settled ones below it.

        Each area is iterated as r <- phi(W r + input) from the state without recurrence, which gives the series I + W + W^2 + ... where units do not
        cross threshold; its limit is the fixed point of every Euler step.  Gradients flow through the last `n_gradient` iterations alone: as many terms
        of the series of the implicit gradient.

        Parameters
        ----------
        drive : Drive
        n_free, n_gradient : int
            Iterations without and with gradients.
        """
        w, state = self.kernels(), {}  # type: dict[str, Tensor], State
        outputs: list[Tensor] = []
        for i, name in enumerate(self.phase):
            below, kernel = self._below(i, outputs, drive, w), w[f"recurrent{i}"]
            with torch.no_grad():
                r = self.nonlinearity(below)
                for _ in range(n_free):
                    r = self.nonlinearity(F.conv2d(r, kernel, padding=1) + below)
            for _ in range(n_gradient):
                r = self.nonlinearity(F.conv2d(r, kernel, padding=1) + below)
            state[name] = r
            outputs.append(torch.relu(r))
        return state

    def _current(self, i: int, r: Tensor, x: list[Tensor], drive: Drive, w: dict[str, Tensor]) -> Tensor:
        return _sum(F.conv2d(r, w[f"recurrent{i}"], padding=1), self._below(i, x, drive, w))

    def _below(self, i: int, x: list[Tensor], drive: Drive, w: dict[str, Tensor]) -> Tensor:
        """What reaches area `i` from the image and the areas below it, its bias included."""
        if i == 0:
            return drive["area0"]
        if i == 1:
            return _sum(F.conv2d(x[0], w["forward1"], padding=1), drive["area1"])
        if i % 2 == 0:
            return _sum(F.conv2d(x[i - 1] + x[i - 2], w[f"forward{i}"], stride=2, padding=1), w[f"bias{i}"])
        return _sum(F.conv2d(x[i - 1] + F.conv2d(x[i - 2], w[f"skip{i}"], stride=2), w[f"forward{i}"], padding=1), w[f"bias{i}"])

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """Rectified rates of the areas, which is what they send on; the stem's output as it is."""
        for name in layers:
            if name not in self.layers:
                raise unknown_name("cordsnet.rates", "layer", name, self.layers)
        return {name: drive["stem"] if name == "stem" else torch.relu(state[name]) for name in layers}

    def readout(self, state: State) -> Tensor:
        """Logits, (batch, class): the last two areas summed, averaged over space, through the classifier."""
        w = self.kernels()
        features = (torch.relu(state[self.phase[-1]]) + torch.relu(state[self.phase[-2]])).mean(dim=(-2, -1))
        return F.linear(features, w["classifier"], self.class_bias)

    def kernels(self, *, fresh: bool = False) -> dict[str, Tensor]:
        """All weight-normalised kernels and the biases with a batch axis, computed once for each set of parameters."""
        return materialise(self, self._kernels, fresh=fresh)

    def normed(self) -> dict[str, WeightNormed]:
        """The weight-normalised kernels by name."""
        found: dict[str, Any] = {"stem": self.stem, "input_skip": self.input_skip, "classifier": self.classifier}
        found |= {f"forward{i}": m for i, m in enumerate(self.forward_conv)}
        found |= {f"recurrent{i}": m for i, m in enumerate(self.recurrent_conv)}
        found |= {f"skip{2 * k + 3}": m for k, m in enumerate(self.area_skip)}
        return found

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The bare recurrent kernel of an area, (channel, channel, row, column); zero padding of 1."""
        return self.kernels()[f"recurrent{self._area(layer)}"]

    def gate(self, state: State, drive: Drive, layer: str) -> Tensor:
        """Derivative of the nonlinearity at a state: 1 above threshold, `slope` below, (batch, channel, row, column)."""
        current = self.current(self._area(layer), state, drive)
        return torch.where(current > 0, 1.0, self.slope).to(current.dtype)

    def leak(self, layer: str) -> float:
        """Alpha of x <- (1 - alpha) x + alpha phi(W x + ...)."""
        self._area(layer)
        return self.alpha

    def with_dt(self, dt_ms: float) -> CordsNet:
        """The same network, weights shared, integrated with another step.

        Warns
        -----
        NeurodynWarning
            If the Euler map of an area is unstable at this step.
        """
        if not dt_ms > 0:
            raise ConfigError("cordsnet.with_dt", f"`dt_ms` is {dt_ms}", expected="a time above 0 ms")
        twin = copy.copy(self)
        twin.dt_ms, twin._kernels = float(dt_ms), {}
        _warn_if_unstable(twin)
        return twin

    def _area(self, layer: str) -> int:
        if layer not in self.phase:
            raise unknown_name("cordsnet", "area", layer, self.phase)
        return self.phase.index(layer)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_kernels": {}}  # what is derived from the parameters is not copied


def build(config: Config, *, seed: int) -> CordsNet:
    """Build an untrained CordsNet in eval mode.

    Parameters
    ----------
    config : Config
    seed : int

    Warns
    -----
    NeurodynWarning
        If `dt_ms` is above `tau_ms` and makes the Euler map unstable; the spectral radius is given.

    Examples
    --------
    >>> model = build(Config(depth=2, channels=4, image_size=8, n_classes=3, in_channels=1), seed=0)
    >>> drive = model.encode(torch.zeros(1, 1, 8, 8))
    >>> model.readout(model.step(model.initial_state(drive), drive)).shape
    torch.Size([1, 3])
    """
    model = CordsNet(config, seed=seed)
    if config.dt_ms > config.tau_ms:  # below, an untrained network is stable: its recurrent kernels are contractions
        _warn_if_unstable(model)
    return model.eval()


def euler_radius(model: CordsNet) -> dict[str, float]:
    """Spectral radius of each area's one-step map with all units above threshold, or all below if that is larger.

    Below threshold a ReLU unit only leaks: its map is 1 - alpha.
    """
    silent = abs(1 - model.alpha) if model.slope == 0.0 else 0.0
    radii = {}
    for name, bias in zip(model.phase, model.area_bias, strict=True):
        kernel = model.recurrent_kernel(name).detach()
        radii[name] = max(silent, conv_spectral_radius(kernel, bias.shape[-2:], shift=1 - model.alpha, scale=model.alpha, seed=0))
    return radii


def count_macs(config: Config) -> dict[str, int]:
    """Multiply-accumulates for one image: ``once`` in `encode`, and for each ``step`` as the equations need them.

    Examples
    --------
    >>> round(count_macs(Config(depth=8))["step"] / 1e9, 2)
    1.58
    """
    shapes = area_shapes(config)
    side = -(-config.image_size // config.stem_stride)
    c, h, w = shapes[0]
    once = c * config.in_channels * config.stem_kernel**2 * side * side + 3 * 9 * c * c * h * w
    step = 0
    for i, (n, rows, columns) in enumerate(shapes):
        pixels = rows * columns
        step += 9 * n * n * pixels
        if i:
            step += 9 * n * shapes[i - 1][0] * pixels
        if i > 2 and i % 2:
            step += n * shapes[i - 2][0] * pixels
    return {"once": once, "step": step}


def _warn_if_unstable(model: CordsNet) -> None:
    radii = euler_radius(model)
    worst = max(radii, key=lambda k: radii[k])
    if radii[worst] > 1 + 1e-3:
        warnings.warn(
            f"cordsnet: dt_ms={model.dt_ms:g} with tau_ms={model.config.tau_ms:g} makes the Euler map of `{worst}` unstable "
            f"(spectral radius {radii[worst]:.3f}, alpha {model.alpha:g}): activity may diverge; use a smaller dt_ms",
            NeurodynWarning,
            stacklevel=3,
        )


def _sum(fresh: Tensor, other: Tensor) -> Tensor:
    """Add to a tensor that nobody else holds."""
    return fresh + other if torch.is_grad_enabled() else fresh.add_(other)


def _uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    return (torch.rand(shape, generator=generator) * 2 - 1) / fan_in**0.5
