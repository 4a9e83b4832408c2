"""The dynamical recurrent classifier: a low-resolution sensor that moves, and recurrence in the early layers (Rivkind et al. 2022).

Each frame, optionally with the position of the sensor as two constant channels, drives a stack of convolutional GRUs.  The
outputs of the last one are merged over time, normalised, and read by the back end of a full-resolution teacher:

    h_l(t) = GRU_l(h_(l-1)(t), h_l(t - 1)),      m(t) = mean_(s <= t) h_L(s),      answer(t) = back(LN(m(t)))

The frame is a dict: ``image`` (channel, row, column) seen by the sensor, in [0, 1], and ``position`` (2) in px to the right and
up.  A trial of T frames lasts 300 ms, so that dt = 300 / (T - 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures._drc_teachers import ChannelNorm, build_back, kind_of
from neurodyn.cells import conv_gru_keras
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.seeding import torch_generator

__all__ = ["DRC", "Config", "build"]

_MERGES = ("mean", "max", "last")


@dataclass(frozen=True)
class Config:
    """Settings of a DRC; the defaults are the published network for a ResNet-50 teacher ("DRC, 5 steps, with position").

    Attributes
    ----------
    n_steps : int
        Frames of a trial.
    position : bool
        Append the sensor's position as two channels.
    widths : tuple of int
        Channels of the three stages; the last is the channels of the teacher's map.
    block_size : int
        Convolutional GRUs a stage; 2 is the published "deeper" network.
    activation : str
        Of the candidates of the last stage; the others are tanh.
    upsample : int
        Nearest-neighbour enlargement of each frame; 1 for none.
    merge : {"mean", "max", "last"}
        Over the outputs of the last GRU so far.
    teacher : str
        Kind of the back end, see :mod:`neurodyn.architectures.drc_teacher`.
    n_classes, resolution : int
        `resolution` is receptors along one side.
    mean, scale : tuple of float
        The input is (frame - mean) * scale, a value a colour.
    position_offset_px, position_scale_px : float
        The position channels are (position + offset) / scale; as published 100 and 232.
    duration_ms : float
        From the first to the last frame.
    """

    n_steps: int = 5
    position: bool = True
    widths: tuple[int, ...] = (32, 64, 64)
    block_size: int = 1
    activation: str = "relu"
    upsample: int = 7
    merge: str = "mean"
    teacher: str = "resnet50"
    n_classes: int = 10
    resolution: int = 8
    mean: tuple[float, ...] = (0.4914, 0.4822, 0.4465)
    scale: tuple[float, ...] = (1.0, 1.0, 1.0)
    position_offset_px: float = 100.0
    position_scale_px: float = 232.0
    duration_ms: float = 300.0


class DRC(nn.Module):
    """See the module for the equations.

    Attributes
    ----------
    cells : nn.ModuleList
        The GRUs, input upwards; their states are ``gru1``, ``gru2`` ...
    norm : nn.Module
        Over the channels of the merged map.
    back : nn.Module
        The teacher's back end.
    """

    mean: torch.Tensor
    scale: torch.Tensor
    cells: Any

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__()
        _check(config)
        self.config = config
        self.dt_ms: float | None = config.duration_ms / (config.n_steps - 1)
        self.trial = Schedule.steps(stimulus=config.n_steps)
        n, cells = len(config.mean) + 2 * config.position, []
        for stage, width in enumerate(config.widths):
            last = stage == len(config.widths) - 1
            for block in range(config.block_size):
                cell = conv_gru_keras.Config(n, width, activation=config.activation if last else "tanh")
                cells.append(conv_gru_keras.build(cell, generator=torch_generator(seed, "drc", stage, block)))
                n = width
        self.cells = nn.ModuleList(cells)
        self.norm = ChannelNorm(n)
        self.back = build_back(config.teacher, config.n_classes, torch_generator(seed, "drc", "back"), n_features=n)
        self.phase = tuple(f"gru{k}" for k in range(1, len(cells) + 1))
        self.layers = (*self.phase, "features")
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(config.scale)[:, None, None], persistent=False)

    @property
    def blank(self) -> dict[str, Tensor]:
        """The mean colour, looked at from the centre."""
        size = self.config.resolution
        return {"image": self.mean.expand(-1, size, size), "position": self.mean.new_zeros(2)}

    def front_parameters(self) -> list[nn.Parameter]:
        """The parameters of the recurrent front end: the GRUs and the norm."""
        return [*self.cells.parameters(), *self.norm.parameters()]

    def encode(self, frame: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
        """The convolved input of the first GRU, ``gru1`` (batch, 3 channel, row, column).

        A frame that is a Tensor is an image seen from the centre.
        """
        if isinstance(frame, Tensor):
            frame = {"image": frame, "position": frame.new_zeros(len(frame), 2)}
        return {"gru1": self.cells[0].input(self._channels(frame["image"], frame["position"]))}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros; ``merged`` and ``count`` keep the merge over time."""
        x = drive["gru1"]
        state = {f"gru{k}": x.new_zeros(len(x), cell.n_channels, *x.shape[2:]) for k, cell in enumerate(self.cells, 1)}
        return {**state, "merged": torch.zeros_like(state[self.phase[-1]]), "count": x.new_zeros(len(x))}

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """One frame through all the GRUs, then the merge."""
        new: dict[str, Tensor] = {}
        parts = drive["gru1"]
        for k, cell in enumerate(self.cells, 1):
            parts = parts if k == 1 else cell.input(new[f"gru{k - 1}"])
            new[f"gru{k}"] = cell.update(parts, state[f"gru{k}"])
        new["count"] = state["count"] + 1
        new["merged"] = self._merge(state["merged"], new[self.phase[-1]], new["count"])
        return {k: new[k] for k in state}

    def rates(self, state: dict[str, Tensor], drive: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The state of each GRU, and ``features``, the normalised merge that the back end reads."""
        return {name: self.norm(state["merged"]) if name == "features" else state[name] for name in layers}

    def readout(self, state: dict[str, Tensor]) -> Tensor:
        """Logits after the frames so far, (batch, class)."""
        return self.back(self.norm(state["merged"]))

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The recurrent kernel of a GRU's candidate, (channel, channel, row, column)."""
        cell = self.cells[self.phase.index(layer)]
        return cell.recur[2 * cell.n_channels :]

    def features(self, images: Tensor, positions: Tensor, *, every: bool = False) -> Tensor:
        """The merged map of whole trials: the same numbers as stepping, layer by layer, which is faster to train.

        Parameters
        ----------
        images : Tensor, (batch, frame, channel, row, column)
        positions : Tensor, (batch, frame, 2)
        every : bool
            Return the map after every frame, (batch, frame, channel, row, column), instead of after the last.

        Raises
        ------
        ModelError
            If movies and positions differ in their number of frames or rows.
        """
        if images.dim() != 5 or positions.dim() != 3 or images.shape[:2] != positions.shape[:2]:
            raise ModelError(
                "DRC.features",
                f"movies of shape {tuple(images.shape)} with positions of shape {tuple(positions.shape)}",
                expected="(batch, frame, channel, row, column) and (batch, frame, 2) with equal batch and frame",
            )
        batch, n_frames = images.shape[:2]
        x = self._channels(images.flatten(0, 1), positions.flatten(0, 1))
        h = x
        for cell in self.cells:
            parts = cell.input(x).unflatten(0, (batch, n_frames))
            h, out = parts.new_zeros(batch, cell.n_channels, *parts.shape[3:]), []
            for t in range(n_frames):
                h = cell.update(parts[:, t], h)
                out.append(h)
            stacked = torch.stack(out, dim=1)
            x = stacked.flatten(0, 1)
        return self._merge_all(stacked, every)

    def _merge_all(self, stacked: Tensor, every: bool) -> Tensor:
        merge, n = self.config.merge, stacked.shape[1]
        if not every:
            last = stacked.mean(dim=1) if merge == "mean" else stacked.amax(dim=1) if merge == "max" else stacked[:, -1]
            return self.norm(last)
        count = torch.arange(1, n + 1, device=stacked.device, dtype=stacked.dtype)[:, None, None, None]
        maps = stacked.cumsum(dim=1) / count if merge == "mean" else stacked.cummax(dim=1).values if merge == "max" else stacked
        return self.norm(maps.flatten(0, 1)).unflatten(0, stacked.shape[:2])

    def _merge(self, merged: Tensor, new: Tensor, count: Tensor) -> Tensor:
        if self.config.merge == "last":
            return new
        first = (count == 1)[:, None, None, None]
        if self.config.merge == "max":
            return torch.where(first, new, torch.maximum(merged, new))
        return merged + (new - merged) / count[:, None, None, None]

    def _channels(self, image: Tensor, position: Tensor) -> Tensor:
        config, size = self.config, self.config.resolution
        if tuple(image.shape[1:]) != (len(config.mean), size, size) or tuple(position.shape) != (len(image), 2):
            raise ModelError(
                "drc",
                f"a frame with `image` {tuple(image.shape[1:])} and `position` {tuple(position.shape[1:])} for {len(image)} and {len(position)} rows",
                expected=f"`image` (channel, row, column) = {(len(config.mean), size, size)} and `position` (2,), one a row",
                fix=f"neurodyn.stimuli.sensor_movie.sensor_movie(images, resolution={size}, ...)",
            )
        x = (image - self.mean) * self.scale
        if config.position:
            where = (position.to(x) + config.position_offset_px) / config.position_scale_px
            x = torch.cat([x, where[:, :, None, None].expand(-1, -1, size, size)], dim=1)
        return F.interpolate(x, scale_factor=config.upsample, mode="nearest") if config.upsample > 1 else x


def build(config: Config, *, seed: int) -> DRC:
    """Build a DRC in eval mode.

    Raises
    ------
    ConfigError
        For an unknown merge or teacher, sizes below 1, or a teacher whose map has another size.

    Examples
    --------
    >>> model = build(Config(), seed=0)
    >>> model.dt_ms, sum(p.numel() for p in model.front_parameters())
    (75.0, 419648)
    """
    return DRC(config, seed).eval()


def _check(config: Config) -> None:
    if config.n_steps < 2:
        raise ConfigError("drc", f"`n_steps` is {config.n_steps}", expected="2 or more: one step lasts duration_ms / (n_steps - 1)")
    if min(*config.widths, config.block_size, config.resolution) < 1 or config.upsample < 1:
        raise ConfigError("drc", f"widths {config.widths}, block_size {config.block_size}, upsample {config.upsample}", expected="each 1 or more")
    if config.merge not in _MERGES:
        raise unknown_name("drc", "merge", config.merge, _MERGES)
    if len(config.mean) != len(config.scale):
        raise ConfigError("drc", f"`mean` has {len(config.mean)} values and `scale` {len(config.scale)}", expected="one a colour in each")
    kind = kind_of(config.teacher)
    size = config.resolution * config.upsample
    if (config.widths[-1], size) != (kind.n_features, kind.map_px):
        raise ConfigError(
            "drc",
            f"the front end gives {config.widths[-1]} x {size} x {size} features but the teacher `{config.teacher}` has "
            f"{kind.n_features} x {kind.map_px} x {kind.map_px}",
            expected="maps of the same size",
            fix=f"widths=(..., {kind.n_features}), resolution={config.resolution}, upsample={kind.map_px / config.resolution:g}",
        )
