"""What every recurrent cell offers, and how one is run alone.

A cell module of this folder exports a frozen ``Config`` (its first fields are ``n_inputs`` and ``n_channels``) and
``build(config, *, generator) -> Cell``.  A cell keeps no state: it maps its input and its previous state to the next state,
``out`` among it.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from neurodyn.errors import ModelError, unknown_name

__all__ = ["Cell", "CellModel", "as_model", "cell_module", "check_width", "make_config", "zero_state"]


class Cell(Protocol):
    """A recurrent cell; a structural type, nothing inherits it.

    Attributes
    ----------
    n_inputs, n_channels : int
        Channels of the input and of the output.
    recurrent : dict of str to int
        The channels of every variable carried to the next step; ``"out"`` is one of them where the output recurs.
    accepts : tuple of str
        Further inputs the cell can use: ``"source"`` (the output of the layer below, before the layer's own convolution) and
        ``"feedback"`` (feedback maps, resized to the cell's and concatenated).
    """

    n_inputs: int
    n_channels: int
    recurrent: dict[str, int]
    accepts: tuple[str, ...]

    def __call__(self, x: Tensor, state: Mapping[str, Tensor], **extra: Tensor | None) -> dict[str, Tensor]:
        """One step: (batch, channel, row, column) in; the new ``recurrent`` variables and ``"out"`` come back."""


def zero_state(cell: Cell, x: Tensor) -> dict[str, Tensor]:
    """The state before the first step: zeros, with the batch, map size, device and dtype of the input `x`.

    Examples
    --------
    >>> from neurodyn.cells import ugrnn
    >>> from neurodyn.seeding import torch_generator
    >>> cell = ugrnn.build(ugrnn.Config(2, 3), generator=torch_generator(0, "cell"))
    >>> {k: tuple(v.shape) for k, v in zero_state(cell, torch.zeros(1, 2, 4, 4)).items()}
    {'out': (1, 3, 4, 4)}
    """
    names = {"out": cell.n_channels, **cell.recurrent}
    return {name: x.new_zeros(x.shape[0], n, *x.shape[2:]) for name, n in names.items()}


def cell_module(name: str) -> ModuleType:
    """The module of this folder that holds the cell `name`.

    Raises
    ------
    ConfigError
        If there is none; the nearest name is offered.

    Examples
    --------
    >>> cell_module("conv_gru").Config(2, 3).kernel
    3
    """
    known = sorted(p.stem for p in Path(__file__).parent.glob("*.py") if not p.stem.startswith("_"))
    if name not in known:
        raise unknown_name("neurodyn.cells", "cell", name, known)
    return importlib.import_module(f"neurodyn.cells.{name}")


def make_config(module: Any, n_inputs: int, n_channels: int, **options: Any) -> Any:
    """Build a cell module's ``Config``, naming an unknown option.

    Raises
    ------
    ConfigError
        If the cell has no such option.

    Examples
    --------
    >>> from neurodyn.cells import conv_gru
    >>> make_config(conv_gru, 2, 3, kernel=5).kernel
    5
    """
    known = [f.name for f in dataclasses.fields(module.Config)]
    for name in options:
        if name not in known:
            raise unknown_name(module.__name__, "option", name, known[2:])
    return module.Config(n_inputs, n_channels, **options)


def check_width(where: str, n_inputs: int, n_channels: int) -> None:
    """Refuse a cell whose input and state must have the same channels and do not.

    Raises
    ------
    ModelError
        If they differ.
    """
    if n_inputs != n_channels:
        raise ModelError(
            where,
            f"{n_inputs} input channels for a state of {n_channels}",
            expected="the same number: this cell adds its input to its state",
            fix=f"Config({n_channels}, {n_channels}), with a convolution to {n_channels} channels before the cell",
        )


class CellModel(nn.Module):
    """One cell as a dynamical system: the frame is the cell's input.

    Parameters
    ----------
    cell : Cell
    size : tuple of int
        Rows and columns of the map.
    dt_ms : float or None
        Model time of one step in ms.
    """

    blank: Tensor

    def __init__(self, cell: Cell, size: tuple[int, int], dt_ms: float | None) -> None:
        super().__init__()
        self.cell = cell
        self.dt_ms = dt_ms
        self.phase = tuple(cell.recurrent)
        self.layers = ("out", *(name for name in cell.recurrent if name != "out"))
        self.register_buffer("blank", torch.zeros(cell.n_inputs, *size), persistent=False)

    def encode(self, frame: Tensor) -> dict[str, Tensor]:
        """The frame itself, (batch, channel, row, column)."""
        if tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise ModelError("CellModel", f"a frame of {tuple(frame.shape[1:])}", expected=f"(channel, row, column) = {tuple(self.blank.shape)}")
        return {"x": frame}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros."""
        return zero_state(self.cell, drive["x"])

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """One application of the cell."""
        extra = {"source": drive["x"]} if "source" in self.cell.accepts else {}
        return self.cell(drive["x"], state, **extra)

    def rates(self, state: dict[str, Tensor], drive: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The output and the further state variables."""
        return {name: state[name] for name in layers}

    def readout(self, state: dict[str, Tensor]) -> Tensor:
        """The spatial mean of the output, (batch, channel)."""
        return state["out"].mean(dim=(-2, -1))


def as_model(cell: Cell, size: int | tuple[int, int] = 8, *, dt_ms: float | None = 10.0) -> CellModel:
    """Run a cell alone: a :class:`~neurodyn.dynamics.protocol.DynamicalModel` whose frame is the cell's input.

    Parameters
    ----------
    cell : Cell
    size : int or (rows, columns)
        Size of the map in pixels.
    dt_ms : float or None
        Model time of one step in ms.

    Examples
    --------
    >>> from neurodyn.cells import time_decay
    >>> from neurodyn.seeding import torch_generator
    >>> cell = time_decay.build(time_decay.Config(1, 1, decay=0.5), generator=torch_generator(0, "cell"))
    >>> model = as_model(cell, size=1)
    >>> drive = model.encode(torch.ones(1, 1, 1, 1))
    >>> state = model.step(model.step(model.initial_state(drive), drive), drive)
    >>> model.readout(state).item()
    1.5
    """
    shape = (size, size) if isinstance(size, int) else (size[0], size[1])
    return CellModel(cell, shape, dt_ms).eval()
