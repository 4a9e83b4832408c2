"""Gaussian RAM: a recurrent glimpse model whose policy says where to look and how sure it is.

Shim and Kim (2020), "Gaussian RAM: Lightweight image classification via stochastic retina-inspired glimpse and reinforcement
learning".  Each step looks through a multi-scale retina, updates a recognition core and a location core, and draws the next
displacement from a Gaussian; its standard deviation also weights that glimpse's logits.

    g = ReLU(what(retina(x, l)) * where(l)),   h1 <- LSTM1(g),   h2 <- LSTM2(h1)
    a ~ N(mu(h2), sigma(h2)),   l <- clamp(l + reach * a),   w <- 1 - (mean sigma - sigma_min) / (sigma_max - sigma_min)
    output = sum_t w_t logits(h1_t) / sum_t w_t

Two trainings share this forward pass (`Config.variant`): ``"paper"`` detaches the policy and the baseline from the cores, so that the
location core and the context net never receive a gradient, scores the unclipped density of a clipped action, and computes the baseline
after the action it is a baseline for; ``"corrected"`` mends the three.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics.retina import glimpse, pyramid

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.noise import BatchNoise, NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["Config", "GaussianRAM", "build"]

_VARIANTS = ("paper", "corrected")
_NORMS = ("batch", "group")
_POLICIES = ("learned", "fixed_sigma", "random", "centre")


@dataclass(frozen=True)
class Config:
    """Sizes and choices of a Gaussian RAM.

    Attributes
    ----------
    image_size : int
        Pixels a side.
    in_channels, n_classes : int
    n_scales, glimpse_size : int
        Scales of the retina and samples a side.
    n_steps : int
        Glimpses in a trial.
    widths : (int, int)
        Channels of the two convolutions of the glimpse net.
    context_width, hidden, head : int
        Channels of the context net; units of the cores; units of the heads.
    variant : {"paper", "corrected"}
        How gradients reach the policy, which density it samples from, and when the baseline is computed.
    norm : {"batch", "group"}
        Of the glimpse net.  Batch norm shares one set of statistics between all glimpses; group norm needs none, and learns several times slower.
    policy : {"learned", "fixed_sigma", "random", "centre"}
        The learned Gaussian; the same with a constant sigma (RAM); uniformly random fixations; always the centre.
    anti_alias : bool
        Low-pass before sampling coarse scales and the context; False samples points as the released code does.
    detach_weights : bool
        Keep classification from reaching sigma through the weights of the glimpses, so that sigma is the policy's alone.
    sigma_range : (float, float)
        Least and largest standard deviation, in units of the largest move; the released code's are exp(-0.5) and exp(0.5).
    stop_threshold : float
        `finished` is true once two consecutive weights lie below it; 0 never stops.
    """

    image_size: int = 128
    in_channels: int = 3
    n_classes: int = 10
    n_scales: int = 4
    glimpse_size: int = 12
    n_steps: int = 8
    widths: tuple[int, int] = (128, 256)
    context_width: int = 64
    hidden: int = 128
    head: int = 256
    variant: str = "paper"
    norm: str = "batch"
    policy: str = "learned"
    anti_alias: bool = True
    detach_weights: bool = False
    sigma_range: tuple[float, float] = (math.exp(-0.5), math.exp(0.5))
    stop_threshold: float = 0.0

    def __post_init__(self) -> None:
        if self.variant not in _VARIANTS:
            raise unknown_name("gdram.Config", "variant", self.variant, _VARIANTS)
        if self.norm not in _NORMS:
            raise unknown_name("gdram.Config", "norm", self.norm, _NORMS)
        if self.policy not in _POLICIES:
            raise unknown_name("gdram.Config", "policy", self.policy, _POLICIES)
        if self.glimpse_size % 4:
            raise ConfigError("gdram.Config", f"`glimpse_size` is {self.glimpse_size}", expected="a multiple of 4 (it is halved twice)", fix="glimpse_size=12")
        if self.image_size < self.glimpse_size:
            raise ConfigError(
                "gdram.Config", f"images of {self.image_size} pixels are smaller than a glimpse of {self.glimpse_size}", expected="image_size >= glimpse_size"
            )
        if self.anti_alias and self.image_size % 2 ** (self.n_scales - 1):
            raise ConfigError(
                "gdram.Config",
                f"images of {self.image_size} pixels cannot be halved {self.n_scales - 1} times",
                expected=f"a multiple of {2 ** (self.n_scales - 1)}",
            )
        if not 0 <= self.stop_threshold <= 1:
            raise ConfigError("gdram.Config", f"`stop_threshold` is {self.stop_threshold}", expected="a weight in 0..1")
        if not 0 < self.sigma_range[0] < self.sigma_range[1]:
            raise ConfigError("gdram.Config", f"`sigma_range` is {self.sigma_range}", expected="0 < least < largest")


def build(config: Config, *, seed: int) -> GaussianRAM:
    """Build an untrained Gaussian RAM, in eval mode.

    Parameters
    ----------
    config : Config
    seed : int
        Of the initial weights (PyTorch's default initialisation).

    Examples
    --------
    >>> model = build(Config(), seed=0)
    >>> sum(p.numel() for p in model.parameters())
    1134799
    """
    from neurodyn.seeding import subseed

    with torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(torch.Generator().manual_seed(subseed(seed, "gdram")).get_state())
        return GaussianRAM(config).eval()


def _convolutions(n_in: int, widths: tuple[int, int], norm: Callable[[int], nn.Module] | None) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source, target in ((n_in, widths[0]), (widths[0], widths[1])):
        layers += [nn.Conv2d(source, target, 3, padding=1), *([norm(target)] if norm else []), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


def _group_norm(n_channels: int) -> nn.Module:
    return nn.GroupNorm(1, n_channels)


class GaussianRAM(nn.Module):
    """The model under the contract; the gaze is part of the state, the whole image is the frame.

    State keys: ``recognition recognition.cell location location.cell gaze`` span the phase space; ``fixation sigma weight_next weight_now
    weight_before glimpse logits numerator denominator count log_probability clipped effort
    baseline`` are bookkeeping.
    """

    dt_ms = None
    layers = ("fixation", "glimpse", "recognition", "location", "sigma", "weight", "logits")
    phase = ("recognition", "recognition.cell", "location", "location.cell", "gaze")
    blank: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        c = self.config = config
        side = c.glimpse_size // 4
        paper = c.variant == "paper"
        norm = nn.BatchNorm2d if c.norm == "batch" else _group_norm
        self.what = nn.Sequential(*_convolutions(c.in_channels * c.n_scales, c.widths, norm), nn.Linear(c.widths[1] * side * side, c.hidden))
        self.where = nn.Sequential(nn.Linear(2, c.hidden), nn.ReLU(), nn.Linear(c.hidden, c.hidden))
        self.recognition = nn.LSTMCell(c.hidden, c.hidden)
        self.location = nn.LSTMCell(c.hidden, c.hidden)
        self.context = nn.Sequential(
            *_convolutions(c.in_channels, (c.context_width, c.context_width), None), nn.Linear(c.context_width * side * side, c.hidden)
        )
        self.policy = nn.Sequential(nn.Linear(c.hidden, c.head), nn.BatchNorm1d(c.head) if paper else nn.LayerNorm(c.head), nn.ReLU())
        self.policy_mean = nn.Linear(c.head, 2)
        self.policy_spread = nn.Linear(c.head, 2)
        self.classifier = nn.Sequential(nn.Linear(c.hidden, c.head), nn.ReLU(), nn.Linear(c.head, c.n_classes))
        self.baseline = nn.Sequential(nn.Linear(2 * c.hidden, c.head), nn.Linear(c.head, 1), nn.Sigmoid())
        self.register_buffer("blank", torch.zeros(c.in_channels, c.image_size, c.image_size), persistent=False)
        self.trial = Schedule.steps(stimulus=c.n_steps)

    @property
    def limit(self) -> float:
        """The largest coordinate of the gaze: the finest glimpse stays inside the image."""
        return 1.0 - self.config.glimpse_size / self.config.image_size

    @property
    def reach(self) -> float:
        """The gaze's largest move a step: half the coarsest glimpse."""
        return self.config.glimpse_size / self.config.image_size * 2 ** (self.config.n_scales - 1)

    def encode(self, frame: Tensor) -> Drive:
        """The image at every scale, and its context vector: all that does not depend on where the gaze is."""
        c = self.config
        size = (c.glimpse_size, c.glimpse_size)
        small = F.adaptive_avg_pool2d(frame, size) if c.anti_alias else F.interpolate(frame, size=size, mode="nearest")
        levels = pyramid(frame, c.n_scales, anti_alias=c.anti_alias)
        return {"context": self.context(small), **{f"scale.{k}": level for k, level in enumerate(levels)}}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | BatchNoise | None = None) -> State:
        """Nothing recognised yet; the location core starts from the context and chooses the first fixation."""
        context = drive["context"]
        zero, one = torch.zeros_like(context), context.new_ones(len(context))
        state = {"recognition": zero, "recognition.cell": zero, "location": context, "location.cell": zero}
        nothing = context.new_zeros(len(context), self.config.n_classes)
        move = self._emit(context, context.new_zeros(len(context), 2), 1.0, noise)
        state |= {"gaze": move["gaze"], "fixation": move["gaze"], "glimpse": zero, "logits": nothing, "numerator": nothing}
        state |= {"weight_next": one, "weight_now": one, "weight_before": one, "denominator": torch.zeros_like(one), "count": torch.zeros_like(one)}
        return state | move | {"baseline": self._value(zero, context)}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | BatchNoise | None = None) -> State:
        """Look, recognise, and choose where to look next."""
        gaze = state["gaze"]
        levels = [drive[f"scale.{k}"] for k in range(self.config.n_scales)]
        patch = glimpse(levels, gaze, size=self.config.glimpse_size)
        if self.training:  # no pathwise gradient through the sensor: the policy learns by reinforcement alone
            patch, gaze = patch.detach(), gaze.detach()
        seen = F.relu(self.what(patch) * self.where(gaze))
        h1, c1 = self.recognition(seen, (state["recognition"], state["recognition.cell"]))
        h2, c2 = self.location(h1, (state["location"], state["location.cell"]))
        move = self._emit(h2, gaze, self.reach, noise)
        weight, logits = state["weight_next"], self.classifier(h1)
        low, high = self.config.sigma_range
        spread = move["sigma"].detach() if self.config.detach_weights else move["sigma"]
        after = {
            "recognition": h1,
            "recognition.cell": c1,
            "location": h2,
            "location.cell": c2,
            "fixation": gaze,
            "glimpse": seen,
            "logits": logits,
            "numerator": state["numerator"] + weight[:, None] * logits,
            "weight_next": 1 - (spread.mean(dim=1) - low) / (high - low),
            "weight_now": weight,
            "weight_before": state["weight_now"],
            "denominator": state["denominator"] + weight,
            "count": state["count"] + 1,
            "baseline": self._value(h1, h2),
            **move,
        }
        return {key: after[key] for key in state}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The two cores and the glimpse code; where the fixation was, how unsure the policy is, and this glimpse's own logits."""
        return {k: state["weight_now"][:, None] if k == "weight" else state[k] for k in layers}

    def readout(self, state: State) -> Tensor:
        """The weighted mean of the glimpses' logits so far, (batch, class)."""
        return state["numerator"] / state["denominator"].clamp_min(1e-6)[:, None]

    def finished(self, state: State) -> Tensor:
        """Rows whose last two glimpses both weighed less than the threshold: nothing more to look at."""
        low = (state["weight_now"] < self.config.stop_threshold) & (state["weight_before"] < self.config.stop_threshold)
        return low & (state["count"] >= 2)

    def _value(self, h1: Tensor, h2: Tensor) -> Tensor:
        return self.baseline(torch.cat([h1, h2], dim=1).detach())[:, 0]

    def _emit(self, h2: Tensor, gaze: Tensor, reach: float, noise: NoiseSource | BatchNoise | None) -> State:
        """The next gaze and sigma (batch, 2); of the move (batch) its log-probability, the share of its axes clipped, and its effort.

        The effort is the squared length of the mean move before it is squashed.
        """
        c = self.config
        nothing = gaze.new_zeros(len(gaze))
        if c.policy == "centre":
            still = {"log_probability": nothing, "clipped": nothing, "effort": nothing}
            return {"gaze": torch.zeros_like(gaze), "sigma": gaze.new_full(gaze.shape, c.sigma_range[0]), **still}
        trunk = self.policy(h2.detach() if c.variant == "paper" and self.training else h2)
        raw, spread = self.policy_mean(trunk), torch.tanh(self.policy_spread(trunk))
        low, high = (math.log(s) for s in c.sigma_range)
        sigma = torch.exp((low + high) / 2 + (high - low) / 2 * spread)
        if c.policy == "fixed_sigma":
            sigma = torch.full_like(sigma, math.exp((low + high) / 2))
        if c.policy == "random":
            scattered = self._scatter(gaze) if noise is None else self.limit * (2 * noise.uniform("gaze", gaze) - 1)
            return {"gaze": scattered, "sigma": sigma, "log_probability": nothing, "clipped": nothing, "effort": nothing}
        clipped = nothing
        if c.variant == "paper":
            mean = torch.tanh(raw)
            drawn = mean if noise is None else mean + sigma * noise.normal("gaze", gaze)
            action, clipped = drawn.clamp(-1, 1), (drawn.detach().abs() > 1).to(gaze.dtype).mean(dim=1)
            log_probability = _normal_log_density(action.detach(), mean, sigma)
        else:  # a squashed Gaussian: the action cannot leave [-1, 1], and its density is that of what was done
            latent = raw if noise is None else raw + sigma * noise.normal("gaze", gaze)
            action = torch.tanh(latent)
            log_probability = _normal_log_density(latent.detach(), raw, sigma) - torch.log1p(-action.detach().pow(2) + 1e-6).sum(dim=1)
        move = action.detach() if self.training else action
        new_gaze = (gaze + reach * move).clamp(-self.limit, self.limit)
        return {"gaze": new_gaze, "sigma": sigma, "log_probability": log_probability, "clipped": clipped, "effort": raw.pow(2).sum(dim=1)}

    def _scatter(self, gaze: Tensor) -> Tensor:
        """Without noise the random policy walks a fixed irrational rotation: spread evenly, yet a pure function of the gaze."""
        phase = (gaze / self.limit + 1) / 2 + gaze.new_tensor([0.6180339887, 0.7548776662])
        return self.limit * (2 * (phase - phase.floor()) - 1)


def _normal_log_density(value: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    return (-0.5 * ((value - mean) / sigma).pow(2) - sigma.log() - 0.5 * math.log(2 * math.pi)).sum(dim=1)
