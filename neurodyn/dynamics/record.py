"""What to keep of a simulation: layers, steps or bins, neuroids, and reductions applied before storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurodyn.dynamics.schedule import Timeline
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.schema import neuroid_ids
from neurodyn.seeding import numpy_generator

__all__ = ["READOUT", "LayerPlan", "Record", "TimePlan"]

READOUT = "readout"


@dataclass(frozen=True)
class TimePlan:
    """Which bin each step is averaged into.

    Attributes
    ----------
    weights : float array, (step, time_bin)
        Every column sums to 1: the overlap of each step with the bin.
    step, step_end : int array, (time_bin)
    """

    weights: np.ndarray
    step: np.ndarray
    step_end: np.ndarray

    @property
    def needed(self) -> np.ndarray:
        """Whether each step contributes to any bin, (step)."""
        return self.weights.any(axis=1)


@dataclass(frozen=True)
class LayerPlan:
    """Which units of one layer are kept, and how space is reduced.

    Attributes
    ----------
    layer : str
    shape : tuple of int
        (channel, row, column) or (n,) of the layer.
    index : int array or None, (neuroid)
        Flat units kept; None keeps all.
    space_mean : bool
        Average over row and column, one neuroid a channel.
    """

    layer: str
    shape: tuple[int, ...]
    index: np.ndarray | None
    space_mean: bool

    @property
    def n_neuroids(self) -> int:
        """How many neuroids of this layer are kept."""
        if self.index is not None:
            return len(self.index)
        return self.shape[0] if self.space_mean else int(np.prod(self.shape))

    def coords(self) -> dict[str, np.ndarray]:
        """The coords of these neuroids: ``layer channel row column``; -1 marks an averaged axis."""
        n = self.n_neuroids
        if self.space_mean:
            channel, row, column = np.arange(n), np.full(n, -1), np.full(n, -1)
        else:
            full = (*self.shape, 1, 1)[:3]
            if len(self.shape) > 3:  # extra leading axes (delay lines, heads) count as channels
                full = (int(np.prod(self.shape[:-2])), *self.shape[-2:])
            flat = np.arange(int(np.prod(full))) if self.index is None else self.index
            channel, row, column = np.unravel_index(flat, full)
        return {"layer": np.repeat(self.layer, n), "channel": channel, "row": row, "column": column}


@dataclass(frozen=True)
class Record:
    """What `simulate` keeps.

    Attributes
    ----------
    layers : sequence of str, optional
        Layers to record, ``"readout"`` among them if wanted; all of the model's layers when absent.
    steps : "all", "last", "last_shown", or sequence of int
        Steps to keep, counted from stimulus onset (step 0 is the first update with the stimulus on); ``"last_shown"`` is the last one with
        the stimulus on, which in trials that end with a blank is not the last.
    bins_ms : sequence of (start, end), optional
        Average the steps into these bins (overlap-weighted) instead of keeping them singly; ms from onset.
    neuroids : int, mapping of layer to flat unit indices, optional
        Keep only these units; an int draws that many at random from each layer.
    space : {"all", "mean", "center"}
        Keep every position, the spatial mean of each channel, or the central position.
    seed : int, optional
        Required when `neuroids` is a number.

    Examples
    --------
    >>> Record(layers=("V4",), steps="last", space="mean").space
    'mean'
    """

    layers: Sequence[str] | None = None
    steps: Literal["all", "last", "last_shown"] | Sequence[int] = "all"
    bins_ms: Sequence[tuple[float, float]] | None = None
    neuroids: int | Mapping[str, Sequence[int]] | None = None
    space: Literal["all", "mean", "center"] = "all"
    seed: int | None = None

    def names(self, known: Sequence[str]) -> tuple[str, ...]:
        """The layers to keep, in the order asked for, checked against those the model has."""
        if self.space not in ("all", "mean", "center"):
            raise unknown_name("Record", "space", self.space, ("all", "mean", "center"))
        wanted = tuple(known) if self.layers is None else (self.layers,) if isinstance(self.layers, str) else tuple(self.layers)
        for name in wanted:
            if name not in (*known, READOUT):
                raise unknown_name("Record", "layer", name, (*known, READOUT))
        if len(set(wanted)) < len(wanted):
            raise ConfigError("Record", f"layers are named twice in {wanted}", expected="each layer once")
        if isinstance(self.neuroids, Mapping):
            for name in self.neuroids:
                if name not in wanted:
                    raise unknown_name("Record.neuroids", "layer", name, wanted)
        return wanted

    def plan_layers(self, known: Sequence[str], shapes: Mapping[str, tuple[int, ...]]) -> list[LayerPlan]:
        """Resolve the layers and units to keep, in the order asked for."""
        return [self._plan_layer(name, tuple(shapes[name])) for name in self.names(known)]

    def _plan_layer(self, layer: str, shape: tuple[int, ...]) -> LayerPlan:
        spatial = len(shape) == 3
        if self.space == "mean" and spatial:
            return LayerPlan(layer, shape, None, True)
        n = int(np.prod(shape))
        pool = np.arange(n)
        if self.space == "center" and spatial:
            pool = pool.reshape(shape)[:, shape[1] // 2, shape[2] // 2]
        index: np.ndarray | None = pool if self.space == "center" and spatial else None
        if isinstance(self.neuroids, int):
            if self.seed is None:
                raise ConfigError(
                    "Record", f"neuroids={self.neuroids} draws units at random but `seed` is None", expected="a seed", fix="Record(neuroids=..., seed=0)"
                )
            draw = numpy_generator(self.seed, "record", layer).permutation(pool)[: self.neuroids]
            index = np.sort(draw)
        elif isinstance(self.neuroids, Mapping) and layer in self.neuroids:
            index = np.asarray(self.neuroids[layer], dtype=int)
            if index.size == 0 or index.min() < 0 or index.max() >= n:
                raise ConfigError(
                    "Record.neuroids", f"indices of layer `{layer}` reach {index.max() if index.size else 'nothing'}", expected=f"flat indices in 0..{n - 1}"
                )
        return LayerPlan(layer, shape, index, False)

    def plan_time(self, timeline: Timeline) -> TimePlan:
        """Resolve the steps or bins to keep."""
        step = timeline.step
        if self.bins_ms is not None:
            return _plan_bins(self.bins_ms, self.steps, timeline)
        if isinstance(self.steps, str):
            choices = {"all": step, "last": step[-1:], "last_shown": step[timeline.frame >= 0][-1:]}
            if self.steps not in choices:
                raise unknown_name("Record", "steps", self.steps, choices)
            kept = choices[self.steps]
            if not kept.size:
                raise ConfigError("Record", "no step of the trial shows a stimulus", expected="a stimulus of at least one step")
        else:
            kept = np.asarray(sorted(set(int(s) for s in self.steps)))
            missing = np.setdiff1d(kept, step)
            if missing.size or not kept.size:
                raise ConfigError("Record", f"steps {missing.tolist()[:3]} are not in the trial", expected=f"steps {step[0]}..{step[-1]}")
        weights = (step[:, None] == kept[None, :]).astype(np.float32)
        return TimePlan(weights, kept, kept + 1)


def _plan_bins(bins_ms: Sequence[tuple[float, float]], steps: object, timeline: Timeline) -> TimePlan:
    if steps != "all":
        raise ConfigError("Record", "both `steps` and `bins_ms` are given", expected="one of them")
    if timeline.dt_ms is None:
        raise ConfigError(
            "Record", "`bins_ms` is given but the model's dt_ms is None (its iterations are not time)", expected="steps", fix="Record(steps=[...])"
        )
    edges = np.asarray(bins_ms, dtype=float).reshape(-1, 2)
    left, right = timeline.step * timeline.dt_ms, (timeline.step + 1) * timeline.dt_ms
    overlap = np.minimum(right[:, None], edges[None, :, 1]) - np.maximum(left[:, None], edges[None, :, 0])
    overlap = np.clip(overlap, 0.0, None)
    covered = overlap.sum(axis=0)
    short = np.nonzero(covered < (edges[:, 1] - edges[:, 0]) - 1e-6)[0]
    if short.size:
        k = short[0]
        raise ConfigError(
            "Record",
            f"the bin {edges[k, 0]:g}-{edges[k, 1]:g} ms is not covered by the trial ({left[0]:g} to {right[-1]:g} ms)",
            expected="bins inside the trial",
            fix="a longer Schedule",
        )
    start = np.floor(edges[:, 0] / timeline.dt_ms + 1e-9).astype(int)
    end = np.ceil(edges[:, 1] / timeline.dt_ms - 1e-9).astype(int)
    return TimePlan((overlap / covered).astype(np.float32), start, end)


def neuroid_coords(plans: Sequence[LayerPlan]) -> dict[str, np.ndarray]:
    """The neuroid coords of several layers, one after the other."""
    parts = [p.coords() for p in plans]
    joined = {k: np.concatenate([p[k] for p in parts]) for k in ("layer", "channel", "row", "column")}
    return {"neuroid_id": neuroid_ids(joined["layer"], joined["channel"], joined["row"], joined["column"]), **joined}
