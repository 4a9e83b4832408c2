"""Between a State and a flat vector: the phase space of a model, with a label for every coordinate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import ModelError, SchemaError, unknown_name
from neurodyn.schema import neuroid_ids

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["PhaseSpace", "check_state", "expand_rows", "phase_keys", "phase_space"]


@dataclass(frozen=True)
class PhaseSpace:
    """A set of State keys laid out as one vector, in the order of the model's ``phase``.

    Attributes
    ----------
    keys : tuple of str
    shapes : tuple of tuple of int
        Shape of one row of each key.

    Examples
    --------
    >>> import torch
    >>> space = PhaseSpace(("V1", "V2"), ((2, 1, 1), (3,)))
    >>> state = {"V1": torch.zeros(4, 2, 1, 1), "V2": torch.ones(4, 3), "clock": torch.zeros(4)}
    >>> vector = space.flatten(state)
    >>> tuple(vector.shape), space.size
    ((4, 5), 5)
    >>> sorted(space.restore(vector + 1, state)) == sorted(state)
    True
    """

    keys: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Coordinates of each key."""
        return tuple(int(np.prod(s)) for s in self.shapes)

    @property
    def size(self) -> int:
        """Dimension of the space."""
        return sum(self.sizes)

    @property
    def slices(self) -> dict[str, slice]:
        """Where each key lies in the vector."""
        ends = np.cumsum(self.sizes)
        return {k: slice(int(e) - n, int(e)) for k, n, e in zip(self.keys, self.sizes, ends, strict=True)}

    def flatten(self, state: State) -> Tensor:
        """State to vectors, (batch, n)."""
        import torch

        missing = [k for k in self.keys if k not in state]
        if missing:
            raise SchemaError("PhaseSpace.flatten", f"`state` lacks {', '.join(missing)}", expected=f"a state with keys {', '.join(self.keys)}")
        parts = [state[k].reshape(len(state[k]), math.prod(state[k].shape[1:])) for k in self.keys]  # -1 would not do for no rows
        got = tuple(p.shape[1] for p in parts)
        if got != self.sizes:
            raise SchemaError("PhaseSpace.flatten", f"`state` has {got} coordinates for {self.keys}", expected=f"{self.sizes}: a state of the same model")
        return torch.cat(parts, dim=1) if len(parts) > 1 else parts[0]

    def split(self, vectors: Tensor) -> State:
        """Vectors, (batch, n), to the keys of this space alone."""
        if vectors.shape[-1] != self.size:
            raise SchemaError("PhaseSpace.split", f"`vectors` have {vectors.shape[-1]} coordinates", expected=f"{self.size}")
        parts = vectors.split(list(self.sizes), dim=1)
        return {k: p.reshape(len(vectors), *s) for k, s, p in zip(self.keys, self.shapes, parts, strict=True)}

    def restore(self, vectors: Tensor, held: State) -> State:
        """Vectors, (batch, n), to a whole State: every key outside this space comes from `held` (one row, or as many)."""
        n, new = len(vectors), self.split(vectors)
        return {k: new[k] if k in new else expand_rows(v, n) for k, v in held.items()}

    def labels(self) -> dict[str, np.ndarray]:
        """One label a coordinate: ``neuroid_id layer channel row column``; `layer` is the State key."""
        parts = []
        for key, shape in zip(self.keys, self.shapes, strict=True):
            full = (*shape, 1, 1)[:3] if len(shape) <= 3 else (int(np.prod(shape[:-2])), *shape[-2:])
            n = int(np.prod(shape))
            parts.append((np.repeat(key, n), *np.unravel_index(np.arange(n), full)))
        layer, channel, row, column = (np.concatenate([p[i] for p in parts]) for i in range(4))
        ids = neuroid_ids(layer, channel, row, column)  # type: ignore[arg-type]
        return {"neuroid_id": ids, "layer": layer, "channel": channel, "row": row, "column": column}


def phase_keys(model: DynamicalModel, layers: str | Sequence[str] | None = None) -> tuple[str, ...]:
    """The phase keys that belong to `layers`: a key itself, or every ``layer.part`` of it; all of them when None.

    Raises
    ------
    ConfigError
        If a layer has no state in the phase space.
    """
    if layers is None:
        return tuple(model.phase)
    wanted = (layers,) if isinstance(layers, str) else tuple(layers)
    chosen: set[str] = set()
    for name in wanted:
        own = [k for k in model.phase if k == name or k.startswith(name + ".")]
        if not own:
            raise unknown_name("phase_keys", "layer", name, dict.fromkeys([*model.phase, *(k.split(".")[0] for k in model.phase)]))
        chosen.update(own)
    return tuple(k for k in model.phase if k in chosen)


def phase_space(model: DynamicalModel, state: State, layers: str | Sequence[str] | None = None) -> PhaseSpace:
    """The phase space of a model, or the part of it that belongs to some layers.

    Parameters
    ----------
    model : DynamicalModel
    state : State
        Gives the shapes.
    layers : str or sequence of str, optional
        Layers or State keys; the whole phase space when absent.

    Raises
    ------
    ConfigError
        Unknown layers.
    SchemaError
        A state that lacks phase keys.
    ModelError
        Phase keys that are not floating.
    """
    keys = phase_keys(model, layers)
    if not keys:
        raise ModelError("phase_space", f"{type(model).__name__} has an empty `phase`", expected="at least one floating State key")
    missing = [k for k in keys if k not in state]
    if missing:
        raise SchemaError(
            "phase_space", f"`state` lacks {', '.join(missing)} (it has {', '.join(state)})", expected=f"a state of this model: {', '.join(model.phase)}"
        )
    whole = [k for k in keys if not state[k].is_floating_point()]
    if whole:
        raise ModelError("phase_space", f"phase key `{whole[0]}` has dtype {state[whole[0]].dtype}", expected="a floating dtype", fix="leave it out of `phase`")
    return PhaseSpace(keys, tuple(tuple(state[k].shape[1:]) for k in keys))


def check_state(model: DynamicalModel, state: State, drive: Drive, *, where: str) -> None:
    """Refuse a state of another model: its keys and shapes must be those of the model's own initial state.

    Raises
    ------
    SchemaError
        Keys or shapes of another model, or values that are not finite.
    """
    import torch

    with torch.no_grad():
        own = model.initial_state({k: v[:1] for k, v in drive.items()})
    lacking = [k for k in own if k not in state]
    if lacking:
        raise SchemaError(where, f"`state` lacks {', '.join(lacking)} (it has {', '.join(state)})", expected=f"a state of this model: {', '.join(own)}")
    for key, value in own.items():
        if tuple(state[key].shape[1:]) != tuple(value.shape[1:]):
            raise SchemaError(
                where,
                f"`state[{key!r}]` has rows of shape {tuple(state[key].shape[1:])}",
                expected=f"{tuple(value.shape[1:])}: a state of this model at this image size",
                fix="state, drive = neurodyn.state_at(model, stimuli)",
            )
        if key in model.phase and not bool(torch.isfinite(state[key]).all()):
            raise SchemaError(where, f"`state[{key!r}]` holds NaN or infinity", expected="a finite state")


def expand_rows(value: Tensor, n: int) -> Tensor:
    """Give a tensor of one row `n` rows, without copying; others must already have `n`."""
    if len(value) == n:
        return value
    if len(value) != 1:
        raise SchemaError("expand_rows", f"{len(value)} rows for a batch of {n}", expected=f"1 or {n} rows")
    return value.expand(n, *value.shape[1:])
