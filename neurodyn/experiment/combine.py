"""Put the cells of a grid together along one dim an axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.errors import ArtefactError

if TYPE_CHECKING:
    from neurodyn.experiment.spec import Experiment

__all__ = ["combine"]


def combine(cells: Sequence[xr.Dataset], experiment: Experiment) -> xr.Dataset:
    """Stack results along the axes of the grid.

    A coord that differs between cells (the units of two models, say) becomes one for each cell.  Where a dim has another length in another
    cell (as many fixed points as were found), shorter ones are filled with NaN (text with ``""``) and ``n_<dim>`` says how many there are.

    Parameters
    ----------
    cells : sequence of Dataset
        In the order of the grid, last axis fastest.
    experiment : Experiment

    Returns
    -------
    Dataset
    """
    axes = experiment.axes
    if not axes:
        return cells[0]
    names = [set(map(str, c.variables)) for c in cells]
    if any(n != names[0] for n in names):
        k = next(k for k, n in enumerate(names) if n != names[0])
        odd = sorted(names[k] ^ names[0])[:3]
        raise ArtefactError("combine", f"cells {experiment.cells[0].label} and {experiment.cells[k].label} differ in their variables ({', '.join(odd)})")
    for name in axes:
        if name in names[0] or any(name in c.dims for c in cells):
            raise ArtefactError("combine", f"the result has a variable `{name}`, as the grid has an axis", expected="another name for one of them")
    lengths = {str(d): [c.sizes[d] for c in cells] for d in cells[0].dims}
    shape = tuple(len(v) for v in axes.values())
    ragged = {d for d, n in lengths.items() if len(set(n)) > 1}
    coords: dict[str, Any] = {k: (k, _labels(v)) for k, v in axes.items()}
    coords.update({f"n_{d}": (tuple(axes), np.reshape(lengths[d], shape)) for d in sorted(ragged)})
    variables: dict[str, Any] = {}
    for name in map(str, cells[0].variables):
        parts = [c.variables[name] for c in cells]
        shared = name in cells[0].coords and all(p.identical(parts[0]) for p in parts)
        place = coords if name in cells[0].coords else variables
        if shared:
            place[name] = (parts[0].dims, parts[0].values, parts[0].attrs)
            continue
        if name in cells[0].dims:
            longest = max(parts, key=len)
            if all(np.array_equal(p.values, longest.values[: len(p)]) for p in parts):  # numbered from 0: the longer numbering holds the shorter
                place[name] = (longest.dims, longest.values, longest.attrs)
                continue
            raise ArtefactError("combine", f"cells disagree on the index `{name}`", expected="a coord of another name than its dim")
        padded = [_pad(p, {d: max(lengths[d]) for d in map(str, p.dims)}, bool(ragged & set(map(str, p.dims)))) for p in parts]
        values = np.stack(padded).reshape(*shape, *padded[0].shape)
        place[name] = ((*axes, *parts[0].dims), values, parts[0].attrs)
    attrs = {k: v for k, v in cells[0].attrs.items() if all(c.attrs.get(k) == v for c in cells)}
    return xr.Dataset(variables, coords, attrs=attrs)


def _pad(variable: xr.Variable, sizes: dict[str, int], ragged: bool) -> np.ndarray:
    values = variable.values
    if not ragged:
        return values
    if values.dtype.kind in "OU":
        fill: Any = ""
        values = values.astype(object)
    else:
        fill = np.nan
        values = values.astype(np.result_type(values.dtype, np.float32)) if values.dtype.kind in "biu" else values
    target = np.full([sizes[str(d)] for d in variable.dims], fill, dtype=values.dtype)
    target[tuple(slice(n) for n in values.shape)] = values
    return target


def _labels(values: Sequence[Any]) -> np.ndarray:
    """Numbers as numbers, anything else as short text."""
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return np.asarray(values)
    return np.asarray([v if isinstance(v, str) else _text(v) for v in values])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k}={_text(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "-".join(_text(v) for v in value)
    return "none" if value is None else str(value)
