"""A small convolutional recurrent network with or without top-down feedback and unit dropout.

Three areas are swept from the input upwards within a step; recurrence and feedback come from the step before.  With image s,
area l, step t, channel LayerNorm N and element-wise dropout D,

    bottom-up stream     u_t(l) = relu(N(F_l * a_t(l-1))),          a_t(0) = s
    top-down stream      d_t(l) = relu(N(G_l * a_{t-1}(source))),   brought to the map of area l
    integration          z_t(l) = u_t(l) + alpha d_t(l)
    post-integration     a_t(l) = D(relu(N(z_t(l) + R_l * a_{t-1}(l))))
    readout              o_t    = W mean(a_t(top)) + b

The first area is the integration layer: by default the top area feeds back to it.  The control without feedback ("self") has a
top-down stream of exactly as many weights, on the same coarse map and with the same delay, whose source is the first area itself, so
that capacity, cost and memory are matched and only where the signal comes from differs.  LayerNorm is taken over the channels
of each location, so nothing is shared between steps and a network may be run for longer than it was trained.

Source of the question: Greco, D'Alessandro, Friston, Pezzulo and Siegel (2025), arXiv 2508.07115.  Only its abstract is
known to us: every value here is our choice.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["Config", "FeedbackConvRNN", "build"]

FEEDBACK = ("top", "self", "none")
MASKS = ("step", "trial")
ROUTES = ("single", "adjacent")


@dataclass(frozen=True)
class Config:
    """What a network of the 2 x 2 design looks like.

    Attributes
    ----------
    feedback : {"top", "self", "none"}
        Source of the top-down stream: the area above, the integrating area itself (the matched control), or no stream at all.
    routes : {"single", "adjacent"}
        One stream from the top area to the first, or one between every two neighbouring areas.
    dropout : float
        Probability p of silencing a unit at a step when noise is on; survivors are scaled by 1 / (1 - p).
    mask : {"step", "trial"}
        A new mask at every step, or one mask for a whole trial.
    alpha : float
        Gain of the top-down stream.
    refinements : int
        How often the first area's recurrence is applied within a step; 3 gives a network without feedback the path length that
        the top-down loop gives.
    channels, strides : tuple of int, (area)
    image_channels, image_size, n_classes, n_steps : int
        Pixels are square; `n_steps` is the length of the trial the network is trained on.
    """

    feedback: str = "top"
    routes: str = "single"
    dropout: float = 0.25
    mask: str = "step"
    alpha: float = 1.0
    refinements: int = 1
    channels: tuple[int, ...] = (16, 32, 64)
    strides: tuple[int, ...] = (2, 2, 2)
    image_channels: int = 3
    image_size: int = 16
    n_classes: int = 10
    n_steps: int = 5

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(int(c) for c in self.channels))
        object.__setattr__(self, "strides", tuple(int(s) for s in self.strides))
        for name, value, known in (("feedback", self.feedback, FEEDBACK), ("mask", self.mask, MASKS), ("routes", self.routes, ROUTES)):
            if value not in known:
                raise unknown_name("feedback.Config", name, value, known)
        if not 0 <= self.dropout < 1:
            raise ConfigError("feedback.Config", f"`dropout` is {self.dropout}", expected="a probability in [0, 1)", fix="dropout=0.25")
        if not math.isfinite(self.alpha):
            raise ConfigError("feedback.Config", f"`alpha` is {self.alpha}", expected="a finite gain", fix="alpha=1.0")
        if len(self.channels) < 2 or len(self.strides) != len(self.channels) or min(self.channels + self.strides) < 1:
            raise ConfigError(
                "feedback.Config", f"`channels` is {self.channels} and `strides` {self.strides}", expected="two or more areas, one positive stride for each"
            )
        if self.feedback == "self" and any(self.channels[source] % 2 for source, _ in self.pairs):
            raise ConfigError(
                "feedback.Config",
                f"`channels` is {self.channels}: the matched control needs half the channels of a feedback source as hidden units",
                expected="even numbers of channels above the first area",
            )
        for name in ("refinements", "image_channels", "image_size", "n_classes", "n_steps"):
            if getattr(self, name) < 1:
                raise ConfigError("feedback.Config", f"`{name}` is {getattr(self, name)}", expected="1 or more")
        if self.image_size < math.prod(self.strides):
            raise ConfigError("feedback.Config", f"`image_size` is {self.image_size} for strides {self.strides}", expected=f"{math.prod(self.strides)} or more")

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(source, target) of every top-down stream, areas counted from 0."""
        if self.feedback == "none":
            return ()
        top = len(self.channels) - 1
        return ((top, 0),) if self.routes == "single" else tuple((k + 1, k) for k in range(top))


class FeedbackConvRNN(nn.Module):
    """The network; build it with :func:`build`.

    Notes
    -----
    Recordable layers of area l: ``area<l>.u`` (bottom-up), ``area<l>.d`` (top-down), ``area<l>.z`` (their sum) and ``area<l>``
    (post-integration).  The phase space is the post-integration activity of all areas; the top-down stream is kept in the
    state as bookkeeping, because it was computed from the state before.

    Two optional entries let analyses intervene without changing weights.  A state entry ``area<l>.gain``, (batch, channel, row,
    column), multiplies the post-integration activity of that area (lesions).  A drive entry ``area<l>.d`` replaces the top-down
    stream (replayed, shuffled or held feedback).
    """

    dt_ms = None
    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config
        n = len(config.channels)
        widths = (config.image_channels, *config.channels)
        self.areas = tuple(f"area{k + 1}" for k in range(n))
        self.bottom_up = nn.ModuleList(nn.Conv2d(widths[k], widths[k + 1], 3, config.strides[k], 1, bias=False) for k in range(n))
        self.recurrent = nn.ModuleList(nn.Conv2d(c, c, 3, 1, 1, bias=False) for c in config.channels)
        self.norm_u = nn.ModuleList(nn.LayerNorm(c) for c in config.channels)
        self.norm_a = nn.ModuleList(nn.LayerNorm(c) for c in config.channels)
        self.top_down, self.norm_d = nn.ModuleDict(), nn.ModuleDict()
        for source, target in config.pairs:
            self.top_down[self.areas[target]] = _stream(config.channels[source], config.channels[target], config.feedback)
            self.norm_d[self.areas[target]] = nn.LayerNorm(config.channels[target], bias=False)
        self.head = nn.Linear(config.channels[-1], config.n_classes)
        self.register_buffer("pixel_mean", torch.full((config.image_channels, 1, 1), 0.5), persistent=False)
        self.register_buffer("pixel_std", torch.full((config.image_channels, 1, 1), 0.25), persistent=False)
        if config.image_channels == 3:
            self.pixel_mean.copy_(torch.tensor([0.491, 0.482, 0.447]).reshape(3, 1, 1))
            self.pixel_std.copy_(torch.tensor([0.247, 0.243, 0.262]).reshape(3, 1, 1))
        self.blank = torch.full((config.image_channels, config.image_size, config.image_size), 0.5)
        self.trial = Schedule.steps(stimulus=config.n_steps)
        self.held = False
        self.phase = self.areas
        self.lesionable = self.areas
        self.integrating = tuple(self.areas[target] for _, target in config.pairs)
        self.layers = tuple(
            name for area in self.areas for name in ([f"{area}.u", f"{area}.d", f"{area}.z", area] if area in self.integrating else [f"{area}.u", area])
        )
        sizes, side = [], config.image_size
        for stride in config.strides:
            side = (side - 1) // stride + 1
            sizes.append(side)
        self.maps = {area: (c, side, side) for area, c, side in zip(self.areas, config.channels, sizes, strict=True)}
        self._sources = {self.areas[target]: self.areas[source] for source, target in config.pairs}
        _initialise(self, seed)
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The bottom-up stream of the first area, which depends on the image alone."""
        pixels = ((frame - self.pixel_mean) / self.pixel_std).contiguous(memory_format=torch.channels_last)
        return {"area1": self._stream_u(0, pixels)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silence everywhere."""
        like, state = drive["area1"], {}
        for area in self.areas:
            state[area] = like.new_zeros((len(like), *self.maps[area])).contiguous(memory_format=torch.channels_last)
            if area in self.integrating:
                state[f"{area}.d"] = torch.zeros_like(state[area])
        return state

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One sweep upwards; recurrence and feedback come from `state`."""
        new: State = {}
        for k, area in enumerate(self.areas):
            z = drive["area1"] if k == 0 else self._stream_u(k, new[self.areas[k - 1]])
            d = self._stream_d(area, state, drive) if area in self.integrating else None
            if d is not None:
                z = z + self.config.alpha * d
            a = state[area]
            for _ in range(self.config.refinements if k == 0 else 1):
                a = F.relu(_over_channels(self.norm_a[k], z + self.recurrent[k](a)))
            a = self._silence(area, a, noise)
            gain = state.get(f"{area}.gain")
            new[area] = a if gain is None else a * gain
            if d is not None:
                new[f"{area}.d"] = d
            if gain is not None:
                new[f"{area}.gain"] = gain
        return new

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """Streams, their sum and post-integration activity of the step that led to `state`."""
        rates = {}
        for name in layers:
            area, _, part = name.partition(".")
            if name not in self.layers:
                raise unknown_name("FeedbackConvRNN.rates", "layer", name, self.layers)
            if part in ("", "d"):
                rates[name] = state[name]
                continue
            k = self.areas.index(area)
            u = drive["area1"] if k == 0 else self._stream_u(k, state[self.areas[k - 1]])
            rates[name] = u if part == "u" else u + self.config.alpha * state[f"{area}.d"]
        return rates

    def readout(self, state: State) -> Tensor:
        """Class logits, (batch, class)."""
        return self.head(state[self.areas[-1]].mean(dim=(-2, -1)))

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The bare local recurrence of an area, (channel, channel, row, column)."""
        if layer not in self.areas:
            raise unknown_name("FeedbackConvRNN.recurrent_kernel", "layer", layer, self.areas)
        return self.recurrent[self.areas.index(layer)].weight  # type: ignore[return-value]

    def with_alpha(self, alpha: float) -> FeedbackConvRNN:
        """The same network with another gain of the top-down stream; 0 lesions it."""
        if not self.integrating:
            raise ModelError("FeedbackConvRNN.with_alpha", "this network has no top-down stream", expected='feedback "top" or "self"')
        other = copy.deepcopy(self)
        other.config = Config(**{**self.config.__dict__, "alpha": float(alpha)})
        return other

    def with_held_feedback(self) -> FeedbackConvRNN:
        """The same dynamics with the feedback block of the Jacobian zeroed: the top-down stream passes no derivative."""
        other = self.with_alpha(self.config.alpha)
        other.held = True
        return other

    def _stream_u(self, k: int, below: Tensor) -> Tensor:
        return F.relu(_over_channels(self.norm_u[k], self.bottom_up[k](below)))

    def _stream_d(self, area: str, state: State, drive: Drive) -> Tensor:
        if f"{area}.d" in drive:
            return drive[f"{area}.d"]
        source = state[self._sources[area]]
        side = self.maps[self._sources[area]][1:]
        if self.config.feedback == "self":
            source = F.adaptive_avg_pool2d(state[area], side)
        d = F.relu(_over_channels(self.norm_d[area], self.top_down[area](source)))
        d = d.detach() if self.held else d
        return d if self.maps[area][1:] == side else F.interpolate(d, size=self.maps[area][1:], mode="nearest")

    def _silence(self, area: str, a: Tensor, noise: NoiseSource | None) -> Tensor:
        p = self.config.dropout
        if noise is None or p == 0:
            return a
        source = noise.at(0) if self.config.mask == "trial" else noise
        return a * (source.uniform(f"dropout.{area}", a) >= p) / (1 - p)


def build(config: Config, *, seed: int) -> FeedbackConvRNN:
    """Build an untrained network in eval mode.

    Parameters
    ----------
    config : Config
    seed : int
        Every weight tensor has its own stream, so networks of different cells start from the same shared weights.

    Returns
    -------
    FeedbackConvRNN

    Examples
    --------
    >>> a, b = (build(Config(feedback=f), seed=0) for f in ("top", "self"))
    >>> sum(p.numel() for p in a.parameters()) == sum(p.numel() for p in b.parameters())
    True
    >>> a.layers[:4]
    ('area1.u', 'area1.d', 'area1.z', 'area1')
    """
    return FeedbackConvRNN(config, seed=seed)


def _stream(source: int, target: int, feedback: str) -> nn.Module:
    """A bias-free 1 x 1 projection, or the control of equally many weights from the target itself through half as many hidden units."""
    if feedback == "top":
        return nn.Conv2d(source, target, 1, bias=False)
    return nn.Sequential(nn.Conv2d(target, source // 2, 1, bias=False), nn.ReLU(), nn.Conv2d(source // 2, target, 1, bias=False))


def _over_channels(norm: nn.Module, x: Tensor) -> Tensor:
    return norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _initialise(network: FeedbackConvRNN, seed: int) -> None:
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() < 2:
                continue
            gain = 0.5 if name.startswith("recurrent") else math.sqrt(2.0) if weight.dim() == 4 else 1.0
            fan_in = math.prod(weight.shape[1:])
            weight.copy_(torch.randn(weight.shape, generator=torch_generator(seed, "feedback", name)) * gain / math.sqrt(fan_in))
        network.head.bias.zero_()
