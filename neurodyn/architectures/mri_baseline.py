"""Reconstruction without a pyramid of recurrences: what PC-RNN is held against.

================  ================================================================================================================
kind              what it does
================  ================================================================================================================
``zero_filled``   nothing: the inverse transform of what was measured
``unet``          a U-Net from the zero-filled magnitude to the magnitude, instance-normalised and clamped (Zbontar et al. 2018)
``cascade``       a chain of small residual networks of five convolutions, each followed by data consistency, each with its own weights
                  (Schlemper et al. 2018)
``crnn``          the same residual network at every iteration, its four hidden layers recurrent over iterations (Qin et al. 2019)
================  ================================================================================================================

Frames and scales are those of :mod:`neurodyn.architectures.pcrnn`; all but the U-Net give every coil.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from neurodyn.architectures._measurements import blank_frame, consistent, encode_measurement, in_units, initialise
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics.fourier import crop, pad_to_multiple, rss

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["SMALL", "Baseline", "Config", "build"]

KINDS = ("zero_filled", "unet", "cascade", "crnn")


@dataclass(frozen=True)
class Config:
    """Settings of a baseline.

    Attributes
    ----------
    kind : {"zero_filled", "unet", "cascade", "crnn"}
    n_coils : int
        Virtual coils.
    image_size : (int, int)
        Rows and columns of the blank.
    channels : int
        Of the convolutions; of the first level of the U-Net.
    n_iterations : int
        Cascades, or iterations of the recurrent network.
    n_pools : int
        Levels of the U-Net below the first.
    """

    kind: str = "cascade"
    n_coils: int = 8
    image_size: tuple[int, int] = (320, 320)
    channels: int = 32
    n_iterations: int = 5
    n_pools: int = 4

    def __post_init__(self) -> None:
        object.__setattr__(self, "image_size", tuple(int(v) for v in self.image_size))
        if self.kind not in KINDS:
            raise unknown_name("mri_baseline.Config", "kind", self.kind, KINDS)
        for name in ("n_coils", "channels", "n_iterations", "n_pools"):
            if getattr(self, name) < 1:
                raise ConfigError("mri_baseline.Config", f"`{name}` is {getattr(self, name)}", expected="1 or more")
        if len(self.image_size) != 2 or min(self.image_size) < 8:
            raise ConfigError("mri_baseline.Config", f"`image_size` is {self.image_size}", expected="(rows, columns), 8 or more each")


SMALL = Config(kind="crnn", n_coils=2, image_size=(17, 14), channels=4, n_iterations=2)


class Baseline(nn.Module):
    """See the module for the kinds; build one with :func:`build`."""

    dt_ms = None

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config, n, c = config, 2 * config.n_coils, config.channels
        self.hidden = tuple(f"h{k + 1}" for k in range(4)) if config.kind == "crnn" else ()
        widths = (n, c, c, c, c, n)
        if config.kind == "cascade":
            self.blocks = nn.ModuleList(nn.ModuleList(_conv(a, b) for a, b in itertools.pairwise(widths)) for _ in range(config.n_iterations))
        elif config.kind == "crnn":
            self.forward_path = nn.ModuleList(_conv(a, b) for a, b in itertools.pairwise(widths))
            self.recurrent_path = nn.ModuleList(_conv(c, c, bias=False) for _ in self.hidden)
        elif config.kind == "unet":
            self.unet = UNet(c, config.n_pools)
        self.layers: tuple[str, ...] = ("image",) if config.kind == "unet" else (*self.hidden, "x")
        self.phase: tuple[str, ...] = ("x", *self.hidden) if config.kind in ("cascade", "crnn") else ()
        self.trial = Schedule.steps(stimulus=config.n_iterations if self.phase else 1)
        self.register_buffer("like", torch.zeros(()), persistent=False)
        last = {"cascade": tuple(f"blocks.{k}.4" for k in range(config.n_iterations)), "crnn": ("forward_path.4",)}
        initialise(self, seed, f"mri_baseline.{config.kind}", damped=last.get(config.kind, ()))
        self.eval()

    @property
    def blank(self) -> dict[str, Tensor]:
        """A black image, fully measured."""
        return blank_frame(self.config.n_coils, self.config.image_size, self.like)  # type: ignore[arg-type]

    def encode(self, frame: dict[str, Tensor]) -> Drive:
        """Zero-filled image, missing samples and scale; of the U-Net, all it does."""
        drive = encode_measurement(frame, self.config.n_coils, where="Baseline.encode")
        if self.config.kind == "unet":
            drive["image"] = self.unet(rss(drive["x0"])[:, None])
        return drive

    def initial_state(self, drive: Drive, *, noise: object = None) -> State:
        """The zero-filled image, and silence."""
        x0 = drive["x0"]
        if self.config.kind == "unet":
            return {"image": rss(x0)[:, None], "scale": drive["scale"]}
        hidden = {name: x0.new_zeros(len(x0), self.config.channels, *x0.shape[-2:]) for name in self.hidden}
        return {"x": x0, **hidden, "clock": torch.zeros(len(x0), dtype=torch.long, device=x0.device), "scale": drive["scale"]}

    def step(self, state: State, drive: Drive, *, noise: object = None) -> State:
        """One iteration; a cascade that has come to its end stays there."""
        if self.config.kind == "unet":
            return {"image": drive["image"], "scale": drive["scale"]}
        held = {"clock": state["clock"] + 1, "scale": drive["scale"]}
        if self.config.kind == "zero_filled":
            return {"x": drive["x0"], **held}
        if self.config.kind == "crnn":
            return {**self._recur(state, drive), **held}
        turns = state["clock"].clamp(max=self.config.n_iterations)
        if bool((turns == turns[0]).all()):
            return {"x": self._cascade(int(turns[0]), state["x"], drive), **held}
        rows = [(turns == t).nonzero()[:, 0] for t in turns.unique()]
        parts = [self._cascade(int(turns[r[0]]), state["x"][r], {k: v[r] for k, v in drive.items()}) for r in rows]
        return {"x": torch.cat(parts)[torch.cat(rows).argsort()], **held}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The image in the units of the measurement, and the hidden layers of the recurrent network."""
        for name in layers:
            if name not in self.layers:
                raise unknown_name("Baseline.rates", "layer", name, self.layers)
        return {name: state[name] if name in self.hidden else self._in_units(state[name], state["scale"]) for name in layers}

    def readout(self, state: State) -> Tensor:
        """The reconstruction in the units of the measurement: every coil, or one channel of magnitude for the U-Net."""
        return self._in_units(state["image" if self.config.kind == "unet" else "x"], state["scale"])

    def _in_units(self, image: Tensor, scale: Tensor) -> Tensor:
        if self.config.kind == "unet":
            return image * torch.linalg.vector_norm(scale[:, :2], dim=1, keepdim=True)
        return in_units(image, scale)

    def _recur(self, state: State, drive: Drive) -> State:
        below, new = state["x"], {}
        for name, conv, recurrent in zip(self.hidden, self.forward_path, self.recurrent_path, strict=False):
            below = new[name] = torch.relu(conv(below) + recurrent(state[name]))
        return {"x": consistent(state["x"] + self.forward_path[-1](below), drive), **new}

    def _cascade(self, turn: int, x: Tensor, drive: Drive) -> Tensor:
        if turn == self.config.n_iterations:
            return x
        y = x
        block: nn.ModuleList = self.blocks[turn]  # type: ignore[assignment]
        for k, conv in enumerate(block):
            y = conv(y) if k == len(block) - 1 else F.leaky_relu(conv(y), 0.01)
        return consistent(x + y, drive)


class UNet(nn.Module):
    """Magnitude to magnitude, (batch, 1, row, column): fastMRI's U-Net with average pooling, instance norms and leaky rectifiers.

    Parameters
    ----------
    width : int
        Channels of the first level; they double at every level below.
    n_pools : int
    """

    def __init__(self, width: int, n_pools: int) -> None:
        super().__init__()
        widths = [width * 2**k for k in range(n_pools + 1)]
        self.n_pools = n_pools
        self.down = nn.ModuleList(_block(a, b) for a, b in itertools.pairwise([1, *widths]))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2, bias=False) for a, b in reversed(list(itertools.pairwise(widths))))
        self.up = nn.ModuleList(_block(2 * a, a) for a in reversed(widths[:-1]))
        self.out = nn.Conv2d(width, 1, 1)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Normalise each image, go down and up, and undo the normalisation; the output is cut at 0."""
        mean, std = magnitude.mean(dim=(-3, -2, -1), keepdim=True), magnitude.std(dim=(-3, -2, -1), keepdim=True) + 1e-11
        y = pad_to_multiple(((magnitude - mean) / std).clamp(-6, 6), 2**self.n_pools)
        skipped = []
        for k, block in enumerate(self.down):
            y = block(y if k == 0 else F.avg_pool2d(y, 2))
            skipped.append(y)
        skipped.pop()
        for grow, block in zip(self.grow, self.up, strict=True):
            y = F.leaky_relu(F.instance_norm(grow(y)), 0.2)
            y = block(torch.cat([y, skipped.pop()], dim=1))
        y = crop(self.out(y), tuple(magnitude.shape[-2:]))  # type: ignore[arg-type]
        return torch.relu(y * std + mean)


def build(config: Config, *, seed: int) -> Baseline:
    """Build an untrained baseline in eval mode.

    Parameters
    ----------
    config : Config
    seed : int

    Returns
    -------
    Baseline

    Examples
    --------
    >>> [build(Config(kind, n_coils=1, image_size=(16, 16)), seed=0).phase for kind in KINDS]
    [(), (), ('x',), ('x', 'h1', 'h2', 'h3', 'h4')]
    """
    return Baseline(config, seed=seed)


def _conv(a: int, b: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(a, b, 3, padding=1, bias=bias)


def _block(a: int, b: int) -> nn.Sequential:
    def half(a: int) -> list[nn.Module]:
        return [_conv(a, b, bias=False), nn.InstanceNorm2d(b), nn.LeakyReLU(0.2)]

    return nn.Sequential(*half(a), *half(b))
