"""Nodes and edges of a convolutional recurrent network, and the two ways to unroll it.

A node collects its inputs, convolves them, passes the result through a recurrent cell and hands on what comes out:

    u(t) = output of the node below,  fb(t) = feedback outputs, resized to the node's map and concatenated
    h(t) = cell( F(u(t), fb(t)), h(t-1) ),    r(t) = A(h(t), u(t))

"biological": every edge costs one step; all nodes read what the others held one step ago.  "engineering": a whole feedforward
sweep in each step; feedback alone is one step late.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn import cells
from neurodyn.cells._convolution import Convolution, activation
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.seeding import torch_generator

__all__ = ["Node", "NodeModule", "PooledReadout", "SpatialReadout", "parse_feedback"]

_EDGE = re.compile(r"\s*(?:conv)?(\d+)\s*->\s*(?:conv)?(\d+)\s*")


@dataclass(frozen=True)
class Node:
    """One layer of the network.

    Attributes
    ----------
    name : str
    n_channels : int
        Channels of the first convolution.
    kernel, stride : int
        Of the first convolution.
    activation : str
        Nonlinearity before the cell.
    cell : str or None
        A file of ``neurodyn/cells``.
    cell_channels : int or None
        Channels of the cell; `n_channels` when None.
    cell_options : mapping
        Further fields of the cell's ``Config``.
    second : bool
        A second 3 x 3 convolution and an ELU after the cell.
    skip : bool
        Add the node's input before the last ELU (with `second`).
    pool : int
        Width of the max-pool of stride 2; 0 does not pool.
    """

    name: str
    n_channels: int
    kernel: int = 3
    stride: int = 1
    activation: str = "elu"
    cell: str | None = None
    cell_channels: int | None = None
    cell_options: Mapping[str, Any] = field(default_factory=dict)
    second: bool = False
    skip: bool = False
    pool: int = 0

    @property
    def n_out(self) -> int:
        """Channels handed to the next node."""
        return self.n_channels if self.cell is None or self.second else self.cell_channels or self.n_channels


def parse_feedback(edges: Sequence[str], names: Sequence[str], *, where: str = "convrnn") -> tuple[tuple[str, str], ...]:
    """Read feedback edges such as ``"8->5"`` or ``"conv8->conv5"``.

    Returns
    -------
    tuple of (source, target)
        In the order given.

    Raises
    ------
    ConfigError
        An edge that cannot be read, names a layer that does not exist, does not run downwards, or appears twice.

    Examples
    --------
    >>> parse_feedback(["3->1"], ["conv1", "conv2", "conv3"])
    (('conv3', 'conv1'),)
    """
    found: list[tuple[str, str]] = []
    for edge in edges:
        match = _EDGE.fullmatch(edge)
        if match is None:
            raise ConfigError(where, f"feedback edge `{edge}` cannot be read", expected='source->target by layer number, such as "8->5"')
        ends = tuple(f"conv{number}" for number in match.groups())
        for end in ends:
            if end not in names:
                raise unknown_name(where, f"layer in feedback edge `{edge}`:", end, names)
        source, target = ends
        if names.index(source) <= names.index(target):
            raise ConfigError(
                where, f"feedback edge `{edge}` does not run downwards", expected="a source above its target", fix=f'"{target[4:]}->{source[4:]}"'
            )
        if (source, target) in found:
            raise ConfigError(where, f"feedback edge `{edge}` is given twice", expected="each edge once")
        found.append((source, target))
    return tuple(found)


class NodeModule(nn.Module):
    """The weights of one node and its update.

    Parameters
    ----------
    node : Node
    n_inputs : int
        Channels of the node below, or of the image.
    n_feedback : int
        Channels of all feedback sources together.
    feedback_kernel : int
        Width of the convolution of the feedback where the cell has none of its own.
    size : int
        Rows of the map inside the node, in pixels.
    seed : int
    """

    def __init__(self, node: Node, n_inputs: int, n_feedback: int, feedback_kernel: int, size: int, seed: int) -> None:
        super().__init__()
        self.node, self.size = node, size
        self._act = activation(node.activation)

        def conv(part: str, inputs: int, outputs: int, kernel: int, **options: Any) -> Convolution:
            return Convolution(inputs, outputs, kernel, generator=torch_generator(seed, "convrnn", node.name, part), **options)

        self.first = conv("first", n_inputs, node.n_channels, node.kernel, stride=node.stride, init="truncated")
        self.cell: Any = None
        self.accepts: tuple[str, ...] = ()
        if node.cell is not None:
            self.cell = _make_cell(node, n_inputs, n_feedback, size, seed)
            self.accepts = self.cell.accepts
        width = node.n_channels if node.cell is None else node.cell_channels or node.n_channels
        self.feedback: Convolution | None = None
        if n_feedback and "feedback" not in self.accepts:
            self.feedback = conv("feedback", n_feedback, node.n_channels, feedback_kernel, bias=None, init="truncated")
        self.second = conv("second", width, node.n_channels, 3, init="truncated") if node.second else None
        self.project: Convolution | None = None
        if node.skip and n_inputs != node.n_channels:
            self.project = conv("project", n_inputs, node.n_channels, 1, bias=None)

    def variables(self) -> dict[str, int]:
        """The state variables of the cell and their channels."""
        return {} if self.cell is None else dict(self.cell.recurrent)

    def before(self, source: Tensor) -> Tensor:
        """The first convolution, without feedback and nonlinearity."""
        return self.first(source)

    def update(self, before: Tensor, source: Tensor, cell: Mapping[str, Tensor], feedback: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """One step: what the node hands on, and the new state variables of its cell."""
        x = before
        if self.feedback is not None and feedback is not None:
            x = x + self.feedback(feedback)
        x = self._act(x)
        kept: dict[str, Tensor] = {}
        if self.cell is not None:
            offered = {"source": source, "feedback": feedback}
            new = self.cell(x, cell, **{k: offered[k] for k in self.accepts})
            kept, x = {k: new[k] for k in self.cell.recurrent}, new["out"]
        if self.second is not None:
            x = self.second(x)
            if self.node.skip:
                x = x + (source if self.project is None else self.project(source))
            x = F.elu(x)
        return self._pool(x), kept

    def _pool(self, x: Tensor) -> Tensor:
        if not self.node.pool:
            return x
        if self.node.pool == 2:
            return F.max_pool2d(x, 2, 2, ceil_mode=True)
        return F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), self.node.pool, 2, ceil_mode=True)


def _make_cell(node: Node, n_inputs: int, n_feedback: int, size: int, seed: int) -> Any:
    module = cells.cell_module(str(node.cell))
    options = dict(node.cell_options)
    known = module.Config.__dataclass_fields__
    if "n_source" in known and options.pop("use_source", True):
        options.setdefault("n_source", n_inputs)
    if "n_feedback" in known:
        options.setdefault("n_feedback", n_feedback)
    if "size" in known:
        options.setdefault("size", size)
    config = cells.make_config(module, node.n_channels, node.cell_channels or node.n_channels, **options)
    return module.build(config, generator=torch_generator(seed, "convrnn", node.name, "cell"))


class PooledReadout(nn.Module):
    """Global average, then a linear map to the classes; the bias starts at 1, as released."""

    def __init__(self, n_inputs: int, n_classes: int, seed: int, bias: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_classes, n_inputs).normal_(0.0, 0.01, generator=torch_generator(seed, "convrnn", "readout")))
        self.bias = nn.Parameter(torch.full((n_classes,), float(bias)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, class)."""
        return F.linear(x.mean(dim=(-2, -1)), self.weight, self.bias)


class SpatialReadout(nn.Module):
    """A 2 x 2 convolution without padding to the classes, then the global average."""

    def __init__(self, n_inputs: int, n_classes: int, size: int, seed: int) -> None:
        super().__init__()
        kernel = min(2, size)
        self.weight = nn.Parameter(torch.empty(n_classes, n_inputs, kernel, kernel).normal_(0.0, 0.01, generator=torch_generator(seed, "convrnn", "readout")))
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Logits, (batch, class)."""
        return F.conv2d(x, self.weight, self.bias).mean(dim=(-2, -1))
