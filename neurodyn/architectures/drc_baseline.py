"""What a moving low-resolution sensor gives without recurrence in the early layers: the controls of a DRC.

==================  ===========================================================================================================
kind                what it does with the frames
==================  ===========================================================================================================
``committee``       classifies every frame alone, enlarged to full size, and averages the class probabilities
``recurrent_head``  the same convolutions, then a vector GRU on their pooled output and its mean over time
``stacked``         all frames side by side as channels through plain convolutions, as many parameters as the DRC's front end
==================  ===========================================================================================================

Frames and trials are those of :mod:`neurodyn.architectures.drc`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures._drc_teachers import ChannelNorm, build_back, build_front, dense, kind_of
from neurodyn.cells._convolution import Convolution
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.seeding import torch_generator

__all__ = ["Baseline", "Config", "build"]

_KINDS = ("committee", "recurrent_head", "stacked")


@dataclass(frozen=True)
class Config:
    """Settings of a baseline.

    Attributes
    ----------
    kind : {"committee", "recurrent_head", "stacked"}
    n_steps : int
        Frames of a trial; ``stacked`` has that many slots.
    position : bool
        Whether the network is told where the sensor is (``committee`` cannot be).
    teacher : str
        Kind of the front end (``committee``, ``recurrent_head``) and back end.
    width : int
        Channels of the plain convolutions of ``stacked``, or units of the GRU of ``recurrent_head``.
    n_classes, resolution : int
    mean, scale : tuple of float
    position_offset_px, position_scale_px, duration_ms : float
        As in :class:`neurodyn.architectures.drc.Config`.
    """

    kind: str = "committee"
    n_steps: int = 5
    position: bool = False
    teacher: str = "two_core"
    width: int = 60
    n_classes: int = 10
    resolution: int = 8
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465)
    scale: tuple[float, ...] = (2.0, 2.0, 2.0)
    position_offset_px: float = 0.0
    position_scale_px: float = 4.0
    duration_ms: float = 300.0


class Baseline(nn.Module):
    """See the module for the kinds; `features` and `back` are trained as those of a DRC are."""

    mean: torch.Tensor
    scale: torch.Tensor
    front: Any
    back: Any

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__()
        _check(config)
        self.config, kind = config, kind_of(config.teacher)
        self.dt_ms: float | None = config.duration_ms / (config.n_steps - 1)
        self.trial = Schedule.steps(stimulus=config.n_steps)
        self.phase: tuple[str, ...] = {"committee": (), "recurrent_head": ("gru",), "stacked": ("stack",)}[config.kind]
        self.layers = ("features",)
        g, n = torch_generator(seed, "baseline", config.kind), len(config.mean)
        if config.kind == "stacked":
            widths = ((n + 2 * config.position) * config.n_steps, config.width, config.width, kind.n_features)
            self.front: nn.Module = nn.ModuleList(Convolution(a, b, 3, generator=g) for a, b in itertools.pairwise(widths))
            self.norm: nn.Module = ChannelNorm(kind.n_features)
        else:
            self.front, self.norm = build_front(config.teacher, n, g), nn.Identity()
        self.back = build_back(config.teacher, config.n_classes, torch_generator(seed, "baseline", "back"))
        if config.kind == "recurrent_head":
            n_pooled = self.back[-1].in_features
            self.trunk = self.back[:-1]
            self.gru_input = dense(n_pooled + 2 * config.position, 3 * config.width, g)
            self.gru_recur = dense(config.width, 3 * config.width, g)
            self.back = dense(config.width, config.n_classes, g)
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(config.scale)[:, None, None], persistent=False)

    @property
    def blank(self) -> dict[str, Tensor]:
        """The mean colour, looked at from the centre."""
        size = self.config.resolution
        return {"image": self.mean.expand(-1, size, size), "position": self.mean.new_zeros(2)}

    def front_parameters(self) -> list[nn.Parameter]:
        """Everything before the back end."""
        back = {id(p) for p in self.back.parameters()}
        return [p for p in self.parameters() if id(p) not in back]

    def encode(self, frame: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
        """What the convolutions make of one frame alone (``stacked``: the frame itself)."""
        if isinstance(frame, Tensor):
            frame = {"image": frame, "position": frame.new_zeros(len(frame), 2)}
        return {"frame": self._frame(frame["image"], frame["position"])}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros."""
        x, config = drive["frame"], self.config
        count = {"count": x.new_zeros(len(x))}
        if config.kind == "stacked":
            return {"stack": x.new_zeros(len(x), config.n_steps * x.shape[1], *x.shape[2:]), **count}
        if config.kind == "recurrent_head":
            return {"gru": x.new_zeros(len(x), config.width), "merged": x.new_zeros(len(x), config.width), **count}
        return {"features": torch.zeros_like(x), "evidence": x.new_zeros(len(x), config.n_classes), **count}

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Take one more frame in."""
        x, count = drive["frame"], state["count"] + 1
        if self.config.kind == "stacked":
            slot = (state["count"].long() % self.config.n_steps)[:, None] == torch.arange(self.config.n_steps, device=x.device)
            stack = state["stack"].unflatten(1, (self.config.n_steps, -1))
            stack = torch.where(slot[:, :, None, None, None], x[:, None], stack)
            return {"stack": stack.flatten(1, 2), "count": count}
        if self.config.kind == "recurrent_head":
            h = self._gru(x, state["gru"])
            return {"gru": h, "merged": state["merged"] + (h - state["merged"]) / count[:, None], "count": count}
        said = self.back(x).softmax(dim=-1)
        return {"features": x, "evidence": state["evidence"] + (said - state["evidence"]) / count[:, None], "count": count}

    def rates(self, state: dict[str, Tensor], drive: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
        """``features``: what the back end reads."""
        return {name: self._read(state) for name in layers}

    def readout(self, state: dict[str, Tensor]) -> Tensor:
        """Logits after the frames so far; of a committee, the logarithm of the mean probabilities."""
        return state["evidence"].clamp_min(1e-12).log() if self.config.kind == "committee" else self.back(self._read(state))

    def features(self, images: Tensor, positions: Tensor) -> Tensor:
        """What the back end reads after whole trials of (batch, frame, channel, row, column); a committee takes single frames.

        Raises
        ------
        ModelError
            If movies and positions differ in length, or the trial has another number of frames than the kind takes.
        """
        n_frames = 1 if self.config.kind == "committee" else self.config.n_steps
        if images.dim() != 5 or positions.dim() != 3 or images.shape[:2] != positions.shape[:2] or (images.shape[1] != n_frames):
            raise ModelError(
                "Baseline.features",
                f"movies of shape {tuple(images.shape)} with positions of shape {tuple(positions.shape)}",
                expected=f"(batch, frame, channel, row, column) and (batch, frame, 2) with {n_frames} frames",
            )
        x = self._frame(images.flatten(0, 1), positions.flatten(0, 1)).unflatten(0, images.shape[:2])
        if self.config.kind == "stacked":
            return self._read({"stack": x.flatten(1, 2)})
        if self.config.kind == "committee":
            return x[:, 0]
        h = x.new_zeros(len(x), self.config.width)
        total = torch.zeros_like(h)
        for t in range(n_frames):
            h = self._gru(x[:, t], h)
            total = total + h
        return total / n_frames

    def _read(self, state: dict[str, Tensor]) -> Tensor:
        if self.config.kind != "stacked":
            return state["merged" if self.config.kind == "recurrent_head" else "features"]
        x = state["stack"]
        for conv in self.front:
            x = F.elu(conv(x))
        return self.norm(x)

    def _gru(self, x: Tensor, h: Tensor) -> Tensor:
        n = self.config.width
        given, kept = self.gru_input(x), self.gru_recur(h)
        gates = torch.sigmoid(given[:, : 2 * n] + kept[:, : 2 * n])
        return h + gates[:, :n] * (torch.tanh(given[:, 2 * n :] + gates[:, n:] * kept[:, 2 * n :]) - h)

    def _frame(self, image: Tensor, position: Tensor) -> Tensor:
        config, size = self.config, self.config.resolution
        if tuple(image.shape[1:]) != (len(config.mean), size, size) or tuple(position.shape) != (len(image), 2):
            raise ModelError(
                "drc_baseline",
                f"a frame with `image` {tuple(image.shape[1:])} and `position` {tuple(position.shape[1:])}",
                expected=f"`image` (channel, row, column) = {(len(config.mean), size, size)} and `position` (2,), one a row",
            )
        x = (image - self.mean) * self.scale
        where = (position.to(x) + config.position_offset_px) / config.position_scale_px
        if config.kind == "stacked":
            return torch.cat([x, where[:, :, None, None].expand(-1, -1, size, size)], dim=1) if config.position else x
        kind = kind_of(config.teacher)
        x = self.front(F.interpolate(x, size=kind.image_px * kind.upsample, mode="nearest"))
        if config.kind == "committee":
            return x
        pooled = self.trunk(x)
        return torch.cat([pooled, where], dim=1) if config.position else pooled


def build(config: Config, *, seed: int) -> Baseline:
    """Build a baseline in eval mode.

    Examples
    --------
    >>> build(Config("stacked", position=True), seed=0).phase
    ('stack',)
    """
    return Baseline(config, seed).eval()


def _check(config: Config) -> None:
    if config.kind not in _KINDS:
        raise unknown_name("drc_baseline", "kind", config.kind, _KINDS)
    if config.n_steps < 2:
        raise ConfigError("drc_baseline", f"`n_steps` is {config.n_steps}", expected="2 or more")
    if config.kind == "committee" and config.position:
        raise ConfigError("drc_baseline", "a committee classifies frames alone and is given `position`", expected="position=False")
    if config.kind == "stacked" and kind_of(config.teacher).map_px != config.resolution:
        raise ConfigError("drc_baseline", f"the teacher `{config.teacher}` has maps of {kind_of(config.teacher).map_px} px", expected=f"{config.resolution} px")
    if config.kind == "recurrent_head" and config.teacher == "resnet50":
        raise ConfigError("drc_baseline", "`recurrent_head` is built for the small teachers", expected="two_core, v1 or v2")
