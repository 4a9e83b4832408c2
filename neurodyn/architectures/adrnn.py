"""Convolutional recurrent networks that decide for themselves how long to think about an image (AdRNN).

One scaffold and one readout carry every cell, so that nets differ in the cell alone.  With image s, stem, cell F and population L that is read out,

    x = stem(s), constant in time          h_n = F(x, h_{n-1})                     h_0 = 0 (R-ResNet: x)
    y_n = readout(L_n)                     p_n = sigmoid(w . pool(L_n, L_{n-1}) + b)

and the steps are weighted by Adaptive Computation Time or PonderNet (see ``_halting``).  ``readout`` after n steps is the answer if the network were
stopped there; the answer of that step alone is the layer ``output``.  The readout is a 1 x 1 convolution to two maps; for a class they are max-pooled
over space and followed by Linear(2, 2).

Source: Veerabadran, Ravishankar, Tang, Raina and de Sa (2023), arXiv 2311.06964, of which neither text nor code was available: the cell follows
the authors' earlier public code; epsilon, the halting bias, pooled or local halting, and mixing answers rather than states are our choice.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

from neurodyn.architectures import _halting
from neurodyn.architectures._adrnn_stems import GaborStem, PixelStem, RasterStem
from neurodyn.cells import cell_module, make_config, zero_state
from neurodyn.cells._convolution import Convolution
from neurodyn.cells._norms import make_norm
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["SMALL", "AdRNN", "Config", "build"]

CELLS = ("locrnn", "hgru", "conv_gru", "r_resnet", "feedforward")
STEMS = ("raster", "pixel", "gabor")
TASKS = ("mask", "class")
HALTING = ("act", "ponder", "none")
WHERE = ("image", "place")
POOLS = ("mean", "max", "change")


@dataclass(frozen=True)
class Config:
    """What a network looks like.

    Attributes
    ----------
    cell : {"locrnn", "hgru", "conv_gru", "r_resnet", "feedforward"}
        ``"feedforward"`` is the control: `depth` residual blocks with weights of their own, all in one step.
    task : {"mask", "class"}
        Two logits a pixel, or two an image.
    stem : {"raster", "pixel", "gabor"}
    n_channels : int
        Of the stem and of the population that is read out.
    kernel, kernel_inter : int
        Widths of the lateral kernels (of L and S in a LocRNN).
    norm : {"map", "channel", "none"}
        Shared by all steps, see :mod:`neurodyn.cells`; ``"map"`` couples all places and depends on the size of the image.
    activation, gates, interneurons
        Of a LocRNN; the ablations.
    depth : int
        Residual blocks in a pass of R-ResNet, or in the feedforward control.
    recall : bool
        R-ResNet sees the input before every pass.
    halting : {"act", "ponder", "none"}
        ``"none"``: a fixed number of steps.
    halting_at : {"image", "place"}
        One decision an image, from L pooled over space, or one for each place of the map (masks only).
    halting_pool : {"mean", "max", "change"}
        What the halting unit sees of each channel of L: its mean over space, its largest activity, or its largest change since the step before (at the
        first step, since the initial state); at ``"place"``, activity or change of the place.  Where most places are empty, as on PathFinder, the mean
        hardly moves while the contours are followed; the change tells that they still are.
    epsilon : float
    halting_bias : float
        Initial logit of p; -2 is p = 0.12.
    halting_gain : float
        The logit is halting_gain (w . pool(L) + b): the halting unit learns that much faster than the rest.
    n_steps : int
        Length of the trial: the fixed number of steps, or the largest number with halting.
    stem_kernel, stem_stride, stem_pool : int
        Of the Gabor stem.
    image_channels, image_size : int
        Pixels are square; :meth:`AdRNN.resized` shows the same weights to images of another size.
    """

    cell: str = "locrnn"
    task: str = "mask"
    stem: str = "raster"
    n_channels: int = 32
    kernel: int = 5
    kernel_inter: int = 3
    norm: str = "map"
    activation: str = "relu"
    gates: bool = True
    interneurons: bool = True
    depth: int = 2
    recall: bool = False
    halting: str = "act"
    halting_at: str = "image"
    halting_pool: str = "mean"
    epsilon: float = 0.01
    halting_bias: float = -2.0
    halting_gain: float = 10.0
    n_steps: int = 40
    stem_kernel: int = 11
    stem_stride: int = 2
    stem_pool: int = 2
    image_channels: int = 3
    image_size: int = 24

    def __post_init__(self) -> None:
        choices = (("cell", CELLS), ("task", TASKS), ("stem", STEMS), ("halting", HALTING), ("halting_at", WHERE), ("halting_pool", POOLS))
        for name, known in choices:
            if getattr(self, name) not in known:
                raise unknown_name("adrnn.Config", name, getattr(self, name), known)
        for name in ("n_channels", "kernel", "kernel_inter", "depth", "n_steps", "stem_kernel", "stem_stride", "stem_pool", "image_channels"):
            if getattr(self, name) < 1:
                raise ConfigError("adrnn.Config", f"`{name}` is {getattr(self, name)}", expected="1 or more")
        if not 0 < self.epsilon < 1:
            raise ConfigError("adrnn.Config", f"`epsilon` is {self.epsilon}", expected="a number between 0 and 1", fix="epsilon=0.01")
        if not self.halting_gain > 0:
            raise ConfigError("adrnn.Config", f"`halting_gain` is {self.halting_gain}", expected="a number above 0", fix="halting_gain=10.0")
        if self.image_size < 8 or (self.stem == "raster" and self.image_size % 4):
            raise ConfigError("adrnn.Config", f"`image_size` is {self.image_size} for the {self.stem} stem", expected="8 or more; a multiple of 4 for mazes")
        if self.stem == "gabor" and self.task == "mask" and self.image_size % (self.stem_stride * self.stem_pool):
            factor = self.stem_stride * self.stem_pool
            raise ConfigError("adrnn.Config", f"`image_size` is {self.image_size} for a map {factor} times smaller", expected=f"a multiple of {factor}")
        if self.stem == "gabor" and self.n_channels % 2:
            raise ConfigError("adrnn.Config", f"`n_channels` is {self.n_channels} for two phases of Gabor filters", expected="an even number")
        if self.halting_at == "place" and self.task == "class":
            raise ConfigError("adrnn.Config", "halting at every place with one class for the image", expected='task="mask"', fix='halting_at="image"')
        if self.cell != "locrnn" and (not self.gates or not self.interneurons or self.activation != "relu"):
            raise ConfigError("adrnn.Config", f"`gates`, `interneurons` and `activation` belong to locrnn; the cell is {self.cell}", expected="their defaults")


SMALL = Config(n_channels=4, kernel=3, n_steps=4, image_size=16)


class AdRNN(nn.Module):
    """The network; build it with :func:`build`.

    Notes
    -----
    Recordable layers: ``stem``, the cell's variables (``out`` is L, ``inter`` is S), ``halting`` (p_n) and ``output`` (the unmixed answer).
    The phase space is the cell's variables.  ``ponder`` returns N + R.
    """

    dt_ms = None

    def __init__(self, config: Config, *, seed: int) -> None:
        super().__init__()
        self.config = config

        def generator(name: str) -> torch.Generator:
            return torch_generator(seed, "adrnn", name)

        n = config.n_channels
        self.stem = _stem(config, generator("stem"))
        self.cell = _cell(config, generator("cell"))
        self.maps = Convolution(n, 2, 1, generator=generator("maps"))
        self.head = nn.Linear(2, 2) if config.task == "class" else None
        self.halt = nn.Linear(n, 1) if config.halting != "none" else None
        with torch.no_grad():
            if self.head is not None:
                self.head.weight.copy_(torch.eye(2))
                self.head.bias.zero_()
            if self.halt is not None:
                self.halt.weight.normal_(0.0, 0.1 / config.halting_gain, generator=generator("halt"))
                self.halt.bias.fill_(config.halting_bias / config.halting_gain)
        self.phase = tuple(self.cell.recurrent)  # type: ignore[arg-type]
        extra = () if self.halt is None else ("halting",)
        self.layers = ("stem", *(k for k in self.phase if k != "out"), "out", *extra, "output")
        self.blank = torch.zeros(config.image_channels, config.image_size, config.image_size)
        self.trial = Schedule.steps(stimulus=config.n_steps)
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The stem, and what the cell makes of it whatever its state."""
        x = self.stem(frame)
        prepare = getattr(self.cell, "prepare", None)
        return {"x": x, **(prepare(x) if prepare is not None else {})}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silence, or the stem's map for R-ResNet; nothing weighted yet."""
        x = drive["x"]
        state: State = zero_state(self.cell, x)  # type: ignore[arg-type]
        if getattr(self.cell, "starts_from_input", False):
            state["out"] = x
        state["logits"] = torch.zeros_like(self._answer(state["out"]))
        if self.halt is not None:
            state.update(_halting.begin(torch.zeros_like(self._probability(state["out"], state["out"])), state["logits"]))
        return state

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One application of the cell, one answer, one decision."""
        advance = getattr(self.cell, "advance", None)
        inner = {k: state[k] for k in self.phase}
        new: State = dict(advance(drive, inner) if advance is not None else self.cell(drive["x"], inner))
        new["logits"] = self._answer(new["out"])
        if self.halt is not None:
            new.update(_halting.tick(state, self._probability(new["out"], state["out"]), new["logits"], epsilon=self.config.epsilon, rule=self.config.halting))
        return new

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """Stem, populations, halting probability, and the unmixed answer."""
        found = {}
        for name in layers:
            if name not in self.layers:
                raise unknown_name("AdRNN.rates", "layer", name, self.layers)
            if name == "stem":
                found[name] = drive["x"]
            elif name == "halting":
                found[name] = state[_halting.PROBABILITY].unsqueeze(1)
            elif name == "output":
                found[name] = self._to_pixels(state["logits"])
            else:
                found[name] = state[name]
        return found

    def readout(self, state: State) -> Tensor:
        """Logits if the network stopped now, (batch, class) or (batch, class, row, column)."""
        logits = state["logits"]
        return self._to_pixels(logits if self.halt is None else _halting.answer(state, logits, self.config.halting))

    def finished(self, state: State) -> Tensor:
        """Rows that have halted, at every place."""
        if self.halt is None:
            return torch.zeros(len(state["out"]), dtype=torch.bool, device=state["out"].device)
        return state[_halting.DONE].flatten(1).bool().all(dim=1) if state[_halting.DONE].dim() > 1 else state[_halting.DONE] > 0

    def ponder(self, state: State) -> Tensor:
        """N + R of each row, (batch)."""
        return _halting.ponder_cost(state)

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The lateral kernel of a population onto itself, (channel, channel, row, column); LocRNN only."""
        lateral = getattr(self.cell, "lateral", {})
        if layer not in self.phase or not isinstance(lateral, nn.ModuleDict):
            raise unknown_name("AdRNN.recurrent_kernel", "layer", layer, self.phase if isinstance(lateral, nn.ModuleDict) else ())
        n, place = self.config.n_channels, self.phase.index(layer)
        return lateral[layer].weight[:, place * n : (place + 1) * n]  # type: ignore[union-attr, index]

    def resized(self, image_size: int) -> AdRNN:
        """The same weights for images of another size."""
        return self._changed(image_size=image_size)

    def with_steps(self, n_steps: int) -> AdRNN:
        """The same weights with another length of the trial."""
        return self._changed(n_steps=n_steps)

    def _changed(self, **changes: Any) -> AdRNN:
        other = copy.copy(self)
        other.config = dataclasses.replace(self.config, **changes)
        other.blank = self.blank.new_zeros(self.config.image_channels, other.config.image_size, other.config.image_size)
        other.trial = Schedule.steps(stimulus=other.config.n_steps)
        return other

    def _answer(self, out: Tensor) -> Tensor:
        maps = self.maps(out)
        return maps if self.head is None else self.head(maps.amax(dim=(-2, -1)))

    def _probability(self, out: Tensor, before: Tensor) -> Tensor:
        assert self.halt is not None
        seen = (out - before).abs() if self.config.halting_pool == "change" else out
        if self.config.halting_at == "image":
            pooled = seen.mean(dim=(-2, -1)) if self.config.halting_pool == "mean" else seen.amax(dim=(-2, -1))
            logit = self.halt(pooled).squeeze(1)
        else:
            logit = F.conv2d(seen, self.halt.weight[:, :, None, None], self.halt.bias).squeeze(1)
        return torch.sigmoid(self.config.halting_gain * logit)

    def _to_pixels(self, answers: Tensor) -> Tensor:
        return answers if self.config.task == "class" else self.stem.to_pixels(answers)  # type: ignore[operator, union-attr]


class _FeedForward(nn.Module):
    """Residual blocks with weights of their own, all in one step."""

    accepts: tuple[str, ...] = ()

    def __init__(self, config: Config, generator: torch.Generator) -> None:
        super().__init__()
        n = config.n_channels
        self.n_inputs, self.n_channels, self.recurrent = n, n, {"out": n}
        self.convolutions = nn.ModuleList(Convolution(n, n, config.kernel, bias=None, generator=generator) for _ in range(2 * config.depth))
        self.norms = nn.ModuleList(make_norm(config.norm, n) for _ in range(2 * config.depth))

    def forward(self, x: Tensor, state: Any) -> dict[str, Tensor]:
        y = x
        layers = list(zip(self.convolutions, self.norms, strict=True))
        for (first, norm1), (second, norm2) in zip(layers[::2], layers[1::2], strict=True):
            y = F.relu(norm2(second(F.relu(norm1(first(y))))) + y)
        return {"out": y}


def _stem(config: Config, generator: torch.Generator) -> nn.Module:
    if config.stem == "gabor":
        return GaborStem(config.image_channels, config.n_channels, kernel=config.stem_kernel, stride=config.stem_stride, pool=config.stem_pool)
    kind = RasterStem if config.stem == "raster" else PixelStem
    return kind(config.image_channels, config.n_channels, generator=generator)


def _cell(config: Config, generator: torch.Generator) -> nn.Module:
    n = config.n_channels
    options: dict[str, Any] = {"kernel": config.kernel}
    if config.cell == "feedforward":
        return _FeedForward(config, generator)
    if config.cell == "locrnn":
        names = ("kernel_inter", "norm", "activation", "gates", "interneurons")
        options |= {name: getattr(config, name) for name in names}
    elif config.cell == "hgru":
        options |= {"norm": config.norm}
    elif config.cell == "r_resnet":
        options |= {"norm": config.norm, "n_blocks": config.depth, "recall": config.recall}
    module = cell_module(config.cell)
    return module.build(make_config(module, n, n, **options), generator=generator)


def build(config: Config, *, seed: int) -> AdRNN:
    """Build an untrained network in eval mode.

    Parameters
    ----------
    config : Config
    seed : int
        Stem, cell, readout and halting unit have streams of their own, so networks of different cells share the rest.

    Returns
    -------
    AdRNN

    Examples
    --------
    >>> build(SMALL, seed=0).layers
    ('stem', 'inter', 'out', 'halting', 'output')
    """
    return AdRNN(config, seed=seed)
