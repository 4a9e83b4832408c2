"""Task-driven convolutional recurrent networks: cells within layers, long-range feedback between them (Nayebi et al. 2018, 2022).

Three trunks take any cell: ``"shallow"`` (5 convolutions and a readout), ``"intermediate"`` (10 and a readout; residual blocks
around the cells, or single convolutions with the searched cell, as released) and ``"small"``, a scaled-down trunk for 28 to 64
pixels.  One step is 10 ms.  In the biological unrolling every edge costs a step, so the readout of n layers is first driven by
the image at step n; in the engineering one, only feedback is late.

What the released code does by oversight is mended, and comes back with ``released=True``: a blank of 0.5 in normalised units
(not grey), the shallow gated cell without biases, the shallow time-decay net without any nonlinearity in layers 3 to 5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures._graph import Node, NodeModule, PooledReadout, SpatialReadout, parse_feedback
from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ConfigError, ModelError, unknown_name

__all__ = ["FEEDBACK_SETS", "SCHEDULES", "Config", "ConvRNN", "build", "match_parameters"]

SCHEDULES: dict[str, tuple[int, int]] = {
    "shallow": (12, 4),
    "intermediate": (12, 5),
    "t22": (22, 0),
    "t30": (30, 0),
    "neural": (10, 16),
}
"""Steps with the image on and steps of blank after it; the released networks' schedules."""

FEEDBACK_SETS: dict[str, tuple[str, ...]] = {
    "none": (),
    "edges_2": ("8->5", "9->6"),
    "edges_3": ("8->5", "9->6", "10->7"),
    "edges_5": ("8->5", "9->6", "10->7", "7->6", "10->9"),
    "figure": ("9->5", "7->6", "8->6", "10->8"),
}
"""Named sets of feedback edges of the intermediate net: the released code's, nested, and those the paper's figures draw."""

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Config:
    """Settings of the network.

    Attributes
    ----------
    depth : {"small", "shallow", "intermediate"}
    cell : str or None
        A file of ``neurodyn/cells``; None is the feedforward net on the same graph.
    feedback : sequence of str, or the name of a set in ``FEEDBACK_SETS``
        Edges such as ``"8->5"``: from layer 8 to layer 5.
    unrolling : {"biological", "engineering"}
    image_size : int
        Rows and columns of the image, pixels.
    n_input_channels : int
        3, or 1 for grey images.
    n_classes : int
    widths : sequence of int, optional
        Channels of every layer; the trunk's own when absent.
    recurrent : sequence of int, optional
        Layers (counted from 1) that have the cell; the trunk's own when absent.
    pools : sequence of int, optional
        Layers of the small trunk that are followed by a max-pool.
    first_stride : int
        Stride of the first convolution of the small trunk.
    cell_options : mapping
        Further fields of the cell's ``Config``; ``use_source=False`` keeps the layer below from a gated cell.
    feedback_kernel : int
        Width of the feedback's convolution where the cell has none of its own.
    schedule : str or (steps on, steps of blank after), optional
        A name in ``SCHEDULES``, or steps; by default long enough for the image to reach the readout and recur 5 times.
    dt_ms : float
        Model time of one step in ms.
    released : bool
        Reproduce what the released code does by oversight; see the module.

    Raises
    ------
    ConfigError
        Unknown names, an edge to a layer that does not exist, a schedule shorter than the latency of the readout.
    """

    depth: Literal["small", "shallow", "intermediate"] = "small"
    cell: str | None = "reciprocal_gated"
    feedback: tuple[str, ...] | str = ()
    unrolling: Literal["biological", "engineering"] = "biological"
    image_size: int = 32
    n_input_channels: int = 3
    n_classes: int = 10
    widths: tuple[int, ...] | None = None
    recurrent: tuple[int, ...] | None = None
    pools: tuple[int, ...] = (1, 3)
    first_stride: int = 2
    cell_options: Mapping[str, Any] = field(default_factory=dict)
    feedback_kernel: int = 1
    schedule: tuple[int, int] | str | None = None
    dt_ms: float = 10.0
    released: bool = False

    def __post_init__(self) -> None:
        for name in ("feedback", "widths", "recurrent", "pools", "schedule"):
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, known in (("depth", tuple(_TRUNKS)), ("unrolling", ("biological", "engineering"))):
            if getattr(self, name) not in known:
                raise unknown_name("convrnn", name, getattr(self, name), known)
        if isinstance(self.feedback, str) and self.feedback not in FEEDBACK_SETS:
            raise unknown_name("convrnn", "feedback set", self.feedback, FEEDBACK_SETS)
        if self.image_size < 8 or self.n_classes < 1 or self.n_input_channels not in (1, 3):
            raise ConfigError(
                "convrnn",
                f"image_size={self.image_size}, n_classes={self.n_classes}, n_input_channels={self.n_input_channels}",
                expected="images of 8 pixels or more, 1 or 3 channels, at least one class",
            )
        if isinstance(self.schedule, str) and self.schedule not in SCHEDULES:
            raise unknown_name("convrnn", "schedule", self.schedule, SCHEDULES)
        names = [node.name for node in self.nodes()]
        parse_feedback(self.edges(), names)
        on, after = self.steps()
        latency = len(names) if self.unrolling == "biological" else 0
        if on < 1 or after < 0 or on + after <= latency:
            raise ConfigError(
                "convrnn",
                f"the schedule lasts {on} + {after} steps but the image first reaches the readout at step {latency}",
                expected=f"at least {latency + 1} steps",
                fix=f"schedule=({latency + 1}, 0)",
            )

    def edges(self) -> tuple[str, ...]:
        """The feedback edges, a named set spelt out."""
        return FEEDBACK_SETS[self.feedback] if isinstance(self.feedback, str) else tuple(self.feedback)

    def steps(self) -> tuple[int, int]:
        """Steps with the image on, and steps of blank after it."""
        if self.schedule is None:
            if self.depth != "small":
                return SCHEDULES[self.depth]
            return (len(self.nodes()) + 6 if self.unrolling == "biological" else 6, 0)
        on, after = SCHEDULES[self.schedule] if isinstance(self.schedule, str) else self.schedule
        return int(on), int(after)

    def nodes(self) -> tuple[Node, ...]:
        """The layers, input to output."""
        return _TRUNKS[self.depth](self)


def _widths(config: Config, default: tuple[int, ...]) -> tuple[int, ...]:
    widths = default if config.widths is None else config.widths
    fixed = config.depth != "small"
    if (fixed and len(widths) != len(default)) or len(widths) < 2 or min(widths) < 1:
        raise ConfigError("convrnn", f"`widths` is {tuple(widths)}", expected=f"{len(default) if fixed else 'two or more'} positive numbers of channels")
    return tuple(widths)


def _recurrent(config: Config, n_layers: int, default: tuple[int, ...]) -> tuple[int, ...]:
    chosen = default if config.recurrent is None else config.recurrent
    unknown = [i for i in chosen if not 1 <= i <= n_layers]
    if unknown:
        raise ConfigError("convrnn", f"`recurrent` names layers {unknown}", expected=f"layers in 1..{n_layers}")
    return () if config.cell is None else tuple(chosen)


def _small(config: Config) -> tuple[Node, ...]:
    widths = _widths(config, (16, 32, 32, 48, 48))
    recurrent = _recurrent(config, len(widths), tuple(range(2, len(widths) + 1)))
    return tuple(
        Node(
            f"conv{i}",
            width,
            kernel=5 if i == 1 else 3,
            stride=config.first_stride if i == 1 else 1,
            activation="none" if i in recurrent and config.cell == "searched_gated" else "elu",
            cell=config.cell if i in recurrent else None,
            cell_options=config.cell_options,
            pool=2 if i in config.pools else 0,
        )
        for i, width in enumerate(widths, 1)
    )


def _shallow(config: Config) -> tuple[Node, ...]:
    widths = _widths(config, (64, 128, 256, 256, 512))
    recurrent = _recurrent(config, 5, (3, 4, 5))
    linear = config.cell not in (None, "reciprocal_gated") and (config.cell != "time_decay" or config.released)
    narrow = config.cell in ("simple_rnn", "conv_lstm")
    searched = _SEARCHED_LSTM if config.cell == "conv_lstm" and config.widths is None else {}
    defaults: dict[str, Any] = {}
    if config.cell == "simple_rnn":
        defaults = {"layer_norm": True}
    if config.cell == "reciprocal_gated":
        defaults = {"source_to_out_gate": True, "bias": not config.released}
    return tuple(
        Node(
            f"conv{i}",
            width,
            kernel=7 if i == 1 else 3,
            stride=2 if i == 1 else 1,
            activation="none" if linear and i in recurrent else "elu",
            cell=config.cell if i in recurrent else None,
            cell_channels={256: 128 if i == 3 else 256, 512: 256}.get(width, max(width // 2, 1)) if narrow and i in recurrent else None,
            cell_options={**defaults, **searched.get(i, {}), **config.cell_options},
            pool=2,
        )
        for i, width in enumerate(widths, 1)
    )


def _intermediate(config: Config) -> tuple[Node, ...]:
    single = config.cell in ("searched_gated", "reciprocal_gated", None)
    widths = _widths(config, (64, 128, 128, 128, 128, 256, 256, 256, 512, 512) if single else (64, 64, 64, 128, 128, 256, 256, 512, 512, 512))
    recurrent = _recurrent(config, 10, (4, 5, 6, 7, 8, 9, 10))
    pools = (1, 4, 6, 7, 10)
    return tuple(
        Node(
            f"conv{i}",
            width,
            kernel=7 if i == 1 else 3,
            stride=2 if i == 1 else 1,
            activation="none" if config.cell == "searched_gated" and i in recurrent else "elu",
            cell=config.cell if i in recurrent else None,
            cell_options=config.cell_options,
            second=i >= 4 if config.cell is None else not single and i >= 2,
            skip=not single and i >= 2,
            pool=2 if i in pools else 0,
        )
        for i, width in enumerate(widths, 1)
    )


_TRUNKS = {"small": _small, "shallow": _shallow, "intermediate": _intermediate}
_SEARCHED_LSTM: dict[int, dict[str, Any]] = {
    3: {"kernel": 2, "forget_bias": 1.3562, "gate_bias": 1.6428, "scale": 0.7009, "layer_norm": True},
    4: {"kernel": 3, "forget_bias": 0.9780, "gate_bias": -1.1660, "scale": 1.8315, "layer_norm": True, "peephole": True},
    5: {"kernel": 4, "forget_bias": 0.9249, "gate_bias": -1.3495, "scale": 0.8938, "layer_norm": True},
}
"""What the search found for the released shallow LSTM."""


class ConvRNN(nn.Module):
    """A convolutional recurrent network as a dynamical system; build it with :func:`build`.

    Attributes
    ----------
    layers : tuple of str
        ``conv1`` ... ``convN``: what each layer hands on, after its max-pool.
    phase : tuple of str
        Every delayed output (``conv3``) and state variable of a cell (``conv3.out``, ``conv3.cell``).
    trial : Schedule
    n_steps : int
        Length of the trial in steps.
    """

    mean: Tensor
    std: Tensor
    blank: Tensor
    nodes: Any
    readout_map: Any

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__()
        self.config, self.dt_ms = config, config.dt_ms
        nodes = config.nodes()
        self.layers: tuple[str, ...] = tuple(node.name for node in nodes)
        self.edges = parse_feedback(config.edges(), self.layers)
        self._sources = {name: tuple(s for s, t in self.edges if t == name) for name in self.layers}
        widths = {node.name: node.n_out for node in nodes}
        self.nodes = nn.ModuleDict()
        size, below = config.image_size, config.n_input_channels
        self.map_size: dict[str, int] = {}
        for node in nodes:
            size = -(-size // node.stride)
            fed = sum(widths[s] for s in self._sources[node.name])
            self.nodes[node.name] = NodeModule(node, below, fed, config.feedback_kernel, size, seed)
            size = -(-size // 2) if node.pool else size
            self.map_size[node.name], below = size, node.n_out
        if config.depth == "shallow":
            self.readout_map = SpatialReadout(below, config.n_classes, size, seed)
        else:
            self.readout_map = PooledReadout(below, config.n_classes, seed)
        on, after = config.steps()
        self.n_steps, self.trial = on + after, Schedule.steps(stimulus=on, after=after)
        variables = [(name, f"{name}.{v}") for name in self.layers for v in self.nodes[name].variables()]
        carried = self.layers if config.unrolling == "biological" else tuple(n for n in self.layers if any(n == s for s, _ in self.edges))
        self.phase: tuple[str, ...] = tuple(k for name in self.layers for k in [*([name] if name in carried else []), *(v for n, v in variables if n == name)])
        mean, std = _IMAGENET if config.n_input_channels == 3 else ((0.5,), (0.5,))
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(std)[:, None, None], persistent=False)
        grey = 0.5 * self.std + self.mean if config.released else torch.full_like(self.mean, 0.5)
        self.register_buffer("blank", grey.expand(-1, config.image_size, config.image_size).clone(), persistent=False)

    @property
    def is_static(self) -> bool:
        """Whether the first layer depends on the image alone, so that it is computed once a frame."""
        first = self.layers[0]
        return self.nodes[first].cell is None and not self._sources[first]

    def latency(self, layer: str = "readout") -> int:
        """The first step at which the image drives a layer, or the readout.

        Raises
        ------
        ConfigError
            If there is no such layer.
        """
        names = (*self.layers, "readout")
        if layer not in names:
            raise unknown_name("convrnn.latency", "layer", layer, names)
        return names.index(layer) if self.config.unrolling == "biological" else 0

    def encode(self, frame: Tensor) -> dict[str, Tensor]:
        """The first layer's response to the image, (batch, channel, row, column); its convolution only, where it recurs.

        Raises
        ------
        ModelError
            If the image has another size.
        """
        if tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise ModelError(
                "convrnn.encode", f"a frame of {tuple(frame.shape)}", expected=f"(batch, channel, row, column) = (n, {', '.join(map(str, self.blank.shape))})"
            )
        image = (frame - self.mean) / self.std
        first = self.nodes[self.layers[0]]
        before = first.before(image)
        if self.is_static:
            return {"first": first.update(before, image, {}, None)[0]}
        return {"first": before, "image": image}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros: every layer's output, its cell's variables, and the logits."""
        like = drive["first"]
        state = {}
        for name in self.layers:
            node, size = self.nodes[name], self.map_size[name]
            state[name] = like.new_zeros(like.shape[0], node.node.n_out, size, size)
            for variable, n in node.variables().items():
                state[f"{name}.{variable}"] = like.new_zeros(like.shape[0], n, node.size, node.size)
        state["logits"] = like.new_zeros(like.shape[0], self.config.n_classes)
        return state

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """One step of 10 ms: all layers read what the others held before it (biological), or one sweep (engineering)."""
        new: dict[str, Tensor] = {}
        for name in self.layers:
            new.update(self._update(name, state, new, drive))
        last = self.layers[-1]
        biological = self.config.unrolling == "biological"
        new["logits"] = self.readout_map(state[last] if biological else new[last])
        return new

    def rates(self, state: dict[str, Tensor], drive: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
        """What each layer hands on, (batch, channel, row, column)."""
        return {name: state[name] for name in layers}

    def readout(self, state: dict[str, Tensor]) -> Tensor:
        """The logits, (batch, class)."""
        return state["logits"]

    def logits(self, frames: Tensor, *, first: int | None = None) -> Tensor:
        """The readout over the model's own trial, computing only what the image can have reached and what the readout can still read.

        Equal to stepping through the trial, for about half of the work; training uses it.

        Parameters
        ----------
        frames : Tensor, (batch, channel, row, column)
            In [0, 1].
        first : int, optional
            First step to return; the latency of the readout when absent.

        Returns
        -------
        Tensor, (batch, step, class)
            Steps `first` to the end of the trial.

        Raises
        ------
        ConfigError
            If no step is left.
        """
        first = self.latency() if first is None else first
        if not self.latency() <= first < self.n_steps:
            raise ConfigError("convrnn.logits", f"`first` is {first}", expected=f"a step in {self.latency()}..{self.n_steps - 1}: the readout is driven there")
        on, _ = self.config.steps()
        image = self.encode(frames)
        blank = {k: v.expand(frames.shape[0], *v.shape[1:]) for k, v in self.encode(self.blank[None]).items()}
        state = self.initial_state({k: v[:1] for k, v in image.items()})
        biological, depth = self.config.unrolling == "biological", len(self.layers)
        kept = []
        for t in range(self.n_steps):
            drive = image if t < on else blank
            new: dict[str, Tensor] = {}
            for i, name in enumerate(self.layers):
                if biological and t > self.n_steps - 1 - (depth - i):
                    continue  # too late to reach the readout
                driven = not biological or t >= i
                rows = frames.shape[0] if driven else 1
                new.update(self._update(name, state, new, drive, rows=rows))
            if t >= first:
                kept.append(self.readout_map(state[self.layers[-1]] if biological else new[self.layers[-1]]))
            state = {**state, **new}
        return torch.stack(kept, dim=1)

    def _update(
        self, name: str, old: Mapping[str, Tensor], new: Mapping[str, Tensor], drive: Mapping[str, Tensor], rows: int | None = None
    ) -> dict[str, Tensor]:
        node = self.nodes[name]
        index = self.layers.index(name)
        if index == 0 and self.is_static:
            return {name: drive["first"]}

        def fit(value: Tensor) -> Tensor:
            return value if rows is None or value.shape[0] == rows else value.expand(rows, *value.shape[1:])

        if index == 0:
            before, source = fit(drive["first"]), fit(drive["image"])
        else:
            held = old if self.config.unrolling == "biological" else new
            source = fit(held[self.layers[index - 1]])
            before = node.before(source)
        fed = [_resize(fit(old[s]), before.shape[-2:]) for s in self._sources[name]]
        cell = {v: fit(old[f"{name}.{v}"]) for v in node.variables()}
        out, kept = node.update(before, source, cell, torch.cat(fed, dim=1) if fed else None)
        return {name: out, **{f"{name}.{v}": value for v, value in kept.items()}}


def _resize(x: Tensor, size: torch.Size) -> Tensor:
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def build(config: Config, *, seed: int) -> ConvRNN:
    """Build the network with weights drawn from `seed`, in eval mode.

    Parameters
    ----------
    config : Config
    seed : int

    Examples
    --------
    >>> model = build(Config(cell="conv_gru", feedback=("5->2",), widths=(4, 4, 4, 4, 4)), seed=0)
    >>> model.layers, model.latency(), model.n_steps
    (('conv1', 'conv2', 'conv3', 'conv4', 'conv5'), 5, 11)
    """
    return ConvRNN(config, seed).eval()


def match_parameters(config: Config, n_parameters: int) -> Config:
    """The small net of the same shape whose number of parameters is nearest to `n_parameters`.

    The widths above the first layer are scaled together, the last two then moved by up to 2 channels; a searched cell's memory has half
    of the mean width.

    Examples
    --------
    >>> config = match_parameters(Config(cell="conv_lstm"), 20000)
    >>> sum(p.numel() for p in build(config, seed=0).parameters())
    19711
    """
    if config.depth != "small":
        raise ConfigError("match_parameters", f"`depth` is {config.depth!r}", expected='"small": the other trunks have published widths')
    base = _widths(config, (16, 32, 32, 48, 48))

    def scaled(scale: float) -> Config:
        widths = (base[0], *(max(1, round(w * scale)) for w in base[1:]))
        options = dict(config.cell_options)
        if config.cell == "searched_gated":
            options["n_cell"] = max(1, round(sum(widths) / len(widths) / 2))
        return dataclasses.replace(config, widths=widths, cell_options=options)

    def miss(candidate: Config) -> int:
        return abs(sum(p.numel() for p in build(candidate, seed=0).parameters()) - n_parameters)

    low, high = 0.05, 8.0
    for _ in range(14):  # widths grow with the scale, so halving finds the crossing
        middle = (low * high) ** 0.5
        count = sum(p.numel() for p in build(scaled(middle), seed=0).parameters())
        low, high = (middle, high) if count < n_parameters else (low, middle)
    near = [
        dataclasses.replace(c, widths=(*c.widths[:-2], max(1, c.widths[-2] + i), max(1, c.widths[-1] + j)))
        for c in (scaled(low), scaled(high))
        for i in (-2, -1, 0, 1, 2)
        for j in (-2, -1, 0, 1, 2)
        if c.widths is not None
    ]
    return min(near, key=miss)
