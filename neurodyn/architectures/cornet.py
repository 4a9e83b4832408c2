"""CORnet-RT, -R and -S: four areas named after the ventral stream, the peers that convolutional recurrent networks are held against.

RT and R: y(t) = ReLU(GN(W * (u(t) + y(t-1)))), u = ReLU(GN(W_in * output of the area below)).  In RT an area reads what the one
below held one step ago; at step 0 the areas above V1 get no input at all.  R is the same with a whole sweep in each step.

S: V1 is feedforward; V2, V4 and IT in turn run their bottleneck block on their own output 2, 4 and 2 times, with batch norms of
their own at every pass, a stride of 2 at the first.  One step of the model is one pass of the area whose turn it is
(Kubilius et al. 2018, 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.seeding import torch_generator

__all__ = ["SMALL", "CORnetRT", "CORnetS", "Config", "build"]

AREAS = ("V1", "V2", "V4", "IT")
PASSES = {"V2": 2, "V4": 4, "IT": 2}


@dataclass(frozen=True)
class Config:
    """Settings of the network.

    Attributes
    ----------
    variant : {"RT", "R", "S"}
    image_size : int
        Rows and columns of the image, pixels.
    n_classes : int
    widths : tuple of int
        Channels of V1, V2, V4 and IT.
    n_steps : int, optional
        Length of the trial in steps; 5 (RT, R), 8 (S, where it cannot be changed).
    dt_ms : float, optional
        Model time of one step in ms; None leaves the iterations untimed.  For S it is always None.

    Raises
    ------
    ConfigError
        Unknown variant, images too small for four areas, a trial shorter than the latency of IT.
    """

    variant: Literal["RT", "R", "S"] = "RT"
    image_size: int = 224
    n_classes: int = 1000
    widths: tuple[int, ...] = (64, 128, 256, 512)
    n_steps: int | None = None
    dt_ms: float | None = None

    def __post_init__(self) -> None:
        if self.variant not in ("RT", "R", "S"):
            raise unknown_name("cornet", "variant", self.variant, ("RT", "R", "S"))
        object.__setattr__(self, "widths", tuple(self.widths))
        if len(self.widths) != 4 or min(self.widths) < 1 or self.image_size < 16:
            raise ConfigError("cornet", f"widths={self.widths}, image_size={self.image_size}", expected="4 numbers of channels and 16 pixels or more")
        if self.variant == "S" and (self.n_steps not in (None, 8) or self.dt_ms is not None):
            raise ConfigError("cornet", f"n_steps={self.n_steps}, dt_ms={self.dt_ms} for variant S", expected="neither: it makes 8 passes, which are not time")
        shortest = 4 if self.variant == "RT" else 1
        if self.n_steps is not None and self.n_steps < shortest:
            raise ConfigError("cornet", f"`n_steps` is {self.n_steps} but the image reaches IT at step {shortest - 1}", expected=f"{shortest} or more")


SMALL = Config(image_size=32, n_classes=10, widths=(8, 8, 16, 16))
"""A configuration for tests and small images."""


class _Network(nn.Module):
    """What the variants share: normalisation, blank, decoder, and the readout over a trial."""

    mean: Tensor
    std: Tensor
    blank: Tensor
    n_steps: int

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__()
        self.config, self.layers = config, AREAS
        self.dt_ms = config.dt_ms
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406))[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225))[:, None, None], persistent=False)
        self.register_buffer("blank", torch.full((3, config.image_size, config.image_size), 0.5), persistent=False)
        self.decoder = nn.utils.skip_init(nn.Linear, config.widths[-1], config.n_classes)
        _draw(self.decoder, seed, "decoder")

    def _normalised(self, frame: Tensor) -> Tensor:
        if tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise ModelError("cornet.encode", f"a frame of {tuple(frame.shape)}", expected=f"(batch, channel, row, column) = (n, {tuple(self.blank.shape)})")
        return (frame - self.mean) / self.std

    def rates(self, state: dict[str, Tensor], drive: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The output of each area, (batch, channel, row, column)."""
        return {name: state[name] for name in layers}

    def readout(self, state: dict[str, Tensor]) -> Tensor:
        """The logits read from IT, (batch, class)."""
        return self.decoder(state["IT"].mean(dim=(-2, -1)))

    def logits(self, frames: Tensor, *, first: int | None = None) -> Tensor:
        """The readout over the model's own trial, (batch, step, class), from step `first` (the latency of IT when absent).

        Raises
        ------
        ConfigError
            If no step is left.
        """
        model: Any = self
        first = model.latency() if first is None else first
        if not model.latency() <= first < self.n_steps:
            raise ConfigError("cornet.logits", f"`first` is {first}", expected=f"a step in {model.latency()}..{self.n_steps - 1}")
        drive = model.encode(frames)
        state, kept = model.initial_state(drive), []
        for t in range(self.n_steps):
            state = model.step(state, drive)
            if t >= first:
                kept.append(self.readout(state))
        return torch.stack(kept, dim=1)


class _AreaRT(nn.Module):
    def __init__(self, n_inputs: int, n_channels: int, kernel: int, stride: int, seed: int, name: str) -> None:
        super().__init__()
        self.input = _conv(n_inputs, n_channels, kernel, stride, seed, f"{name}.input", bias=True)
        self.recur = _conv(n_channels, n_channels, 3, 1, seed, f"{name}.recur")
        groups = 32 if n_channels % 32 == 0 else 1
        self.norm_input, self.norm_recur = nn.GroupNorm(groups, n_channels), nn.GroupNorm(groups, n_channels)

    def feed(self, below: Tensor) -> Tensor:
        return F.relu(self.norm_input(self.input(below)))

    def update(self, u: Tensor, y: Tensor) -> Tensor:
        return F.relu(self.norm_recur(self.recur(u + y)))


class CORnetRT(_Network):
    """CORnet-RT (biological unrolling) and -R (a sweep in each step); build it with :func:`build`.

    Attributes
    ----------
    phase : tuple of str
        The four areas.  ``started`` in the state says whether a step has been made; it is no part of the phase.
    """

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(config, seed)
        self.phase = AREAS
        self.n_steps = config.n_steps or 5
        self.trial = Schedule.steps(stimulus=self.n_steps)
        inputs = (3, *config.widths)
        self.areas = nn.ModuleDict(
            {name: _AreaRT(inputs[i], config.widths[i], 7 if i == 0 else 3, 4 if i == 0 else 2, seed, name) for i, name in enumerate(AREAS)}
        )

    def latency(self) -> int:
        """The first step at which the image drives IT, and with it the readout."""
        return 3 if self.config.variant == "RT" else 0

    def encode(self, frame: Tensor) -> dict[str, Tensor]:
        """The input to V1, (batch, channel, row, column)."""
        v1: Any = self.areas["V1"]
        return {"V1": v1.feed(self._normalised(frame))}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros in every area."""
        u, size, state = drive["V1"], drive["V1"].shape[-1], {}
        for name, width in zip(AREAS, self.config.widths, strict=True):
            state[name] = u.new_zeros(u.shape[0], width, size, size)
            size = -(-size // 2)
        return {**state, "started": u.new_zeros(u.shape[0])}

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """One update of all areas; each reads the one below as it was (RT) or as it is now (R)."""
        new: dict[str, Tensor] = {}
        areas: Any = self.areas
        for i, name in enumerate(AREAS):
            if i == 0:
                u = drive["V1"]
            elif self.config.variant == "R":
                u = areas[name].feed(new[AREAS[i - 1]])
            else:
                u = areas[name].feed(state[AREAS[i - 1]])
                u = torch.where(state["started"][:, None, None, None] > 0, u, torch.zeros_like(u))
            new[name] = areas[name].update(u, state[name])
        new["started"] = torch.ones_like(state["started"])
        return new


class _BlockS(nn.Module):
    def __init__(self, n_inputs: int, n_channels: int, n_passes: int, seed: int, name: str) -> None:
        super().__init__()
        n, wide = n_channels, 4 * n_channels
        self.n_passes = n_passes
        self.input = _conv(n_inputs, n, 1, 1, seed, f"{name}.input")
        self.skip = _conv(n, n, 1, 2, seed, f"{name}.skip")
        self.narrow = _conv(n, wide, 1, 1, seed, f"{name}.narrow")
        self.space = _conv(wide, wide, 3, 1, seed, f"{name}.space")
        self.back = _conv(wide, n, 1, 1, seed, f"{name}.back")
        self.norm_skip = nn.BatchNorm2d(n)
        self.norms = nn.ModuleList([nn.ModuleList([nn.BatchNorm2d(wide), nn.BatchNorm2d(wide), nn.BatchNorm2d(n)]) for _ in range(n_passes)])

    def forward(self, x: Tensor, k: int) -> Tensor:
        """Pass k; the first takes the output of the area below, the others the area's own."""
        if k == 0:
            x = self.input(x)
            skip = self.norm_skip(self.skip(x))
        else:
            skip = x
        norms: Any = self.norms
        one, two, three = norms[k]
        y = F.relu(one(self.narrow(x)))
        y = F.relu(two(F.conv2d(y, self.space.weight, stride=2 if k == 0 else 1, padding=1)))
        return F.relu(three(self.back(y)) + skip)


class CORnetS(_Network):
    """CORnet-S: one step is one pass of the area whose turn it is; build it with :func:`build`.

    Attributes
    ----------
    phase : tuple of str
        V2, V4 and IT; ``pass`` in the state counts the passes made and is no part of the phase.
    """

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__(config, seed)
        self.dt_ms, self.phase = None, AREAS[1:]
        self.turns = tuple((name, k) for name, n in PASSES.items() for k in range(n))
        self.n_steps = len(self.turns)
        self.trial = Schedule.steps(stimulus=self.n_steps)
        w = config.widths
        self.v1 = nn.ModuleList(
            [_conv(3, w[0], 7, 2, seed, "V1.first"), nn.BatchNorm2d(w[0]), _conv(w[0], w[0], 3, 1, seed, "V1.second"), nn.BatchNorm2d(w[0])]
        )
        self.areas = nn.ModuleDict({name: _BlockS(w[i], w[i + 1], PASSES[name], seed, name) for i, name in enumerate(AREAS[1:])})

    def latency(self) -> int:
        """The step of IT's first pass."""
        return self.turns.index(("IT", 0))

    def encode(self, frame: Tensor) -> dict[str, Tensor]:
        """V1, (batch, channel, row, column)."""
        first, norm_first, second, norm_second = self.v1
        x = F.max_pool2d(F.relu(norm_first(first(self._normalised(frame)))), 3, 2, padding=1)
        return {"V1": F.relu(norm_second(second(x)))}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros in V2, V4 and IT; no pass made."""
        v1, size = drive["V1"], drive["V1"].shape[-1]
        state = {"V1": torch.zeros_like(v1)}
        for name, width in zip(AREAS[1:], self.config.widths[1:], strict=True):
            size = -(-size // 2)
            state[name] = v1.new_zeros(v1.shape[0], width, size, size)
        return {**state, "pass": v1.new_zeros(v1.shape[0])}

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """The next pass; nothing changes once all eight are made.

        Raises
        ------
        ModelError
            If the rows of the batch are at different passes.
        """
        made = state["pass"]
        if bool((made != made[0]).any()):
            raise ModelError("cornet.step", f"rows of the batch are at passes {sorted(set(made.tolist()))[:3]}", expected="all rows at the same pass")
        k = int(made[0])
        if k >= self.n_steps:
            return dict(state)
        name, turn = self.turns[k]
        below = {"V1": drive["V1"], **state} | {"V1": drive["V1"]}
        source = below[AREAS[AREAS.index(name) - 1]] if turn == 0 else state[name]
        return {**state, "V1": drive["V1"], name: self.areas[name](source, turn), "pass": made + 1}

    def finished(self, state: dict[str, Tensor]) -> Tensor:
        """Rows whose eight passes are made, bool (batch)."""
        return state["pass"] >= self.n_steps


def _conv(n_inputs: int, n_outputs: int, kernel: int, stride: int, seed: int, name: str, bias: bool = False) -> nn.Conv2d:
    layer = nn.utils.skip_init(nn.Conv2d, n_inputs, n_outputs, kernel, stride=stride, padding=kernel // 2, bias=bias)
    _draw(layer, seed, name)
    return layer


def _draw(layer: Any, seed: int, name: str) -> None:
    """PyTorch's default: uniform within 1 / sqrt(fan_in), for weights and biases; CORnet-S redraws its kernels, N(0, 2 / fan_out)."""
    generator = torch_generator(seed, "cornet", name)
    limit = layer.weight[0].numel() ** -0.5
    with torch.no_grad():
        layer.weight.uniform_(-limit, limit, generator=generator)
        if layer.bias is not None:
            layer.bias.uniform_(-limit, limit, generator=generator)


def build(config: Config, *, seed: int) -> CORnetRT | CORnetS:
    """Build the network with weights drawn from `seed`, in eval mode.

    Examples
    --------
    >>> model = build(SMALL, seed=0)
    >>> model.layers, model.n_steps, model.latency()
    (('V1', 'V2', 'V4', 'IT'), 5, 3)
    """
    network = CORnetS(config, seed) if config.variant == "S" else CORnetRT(config, seed)
    if isinstance(network, CORnetS):
        for name, module in network.named_modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight.shape[0] * module.kernel_size[0] ** 2
                with torch.no_grad():
                    module.weight.normal_(0.0, (2.0 / fan_out) ** 0.5, generator=torch_generator(seed, "cornet", name, "normal"))
    return network.eval()
