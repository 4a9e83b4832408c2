"""Brain-Score's assemblies to labelled recordings, and labelled activity to assemblies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.brainscore.installed import require
from neurodyn.datasets.assembly import as_recordings
from neurodyn.errors import SchemaError
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN, check_responses

__all__ = ["flat_coords", "from_assembly", "to_assembly"]


def flat_coords(assembly: xr.DataArray) -> dict[str, tuple[tuple[str, ...], np.ndarray]]:
    """Every coord and every MultiIndex level of an assembly, name -> (dims, values)."""
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    for name, coord in assembly.coords.items():
        index = assembly.indexes.get(name) if name in assembly.dims else None
        if index is not None and hasattr(index, "levels"):  # a MultiIndex, of one level too
            for level in index.names:
                found[str(level)] = ((str(name),), np.asarray(index.get_level_values(level)))
        elif name not in assembly.dims:
            found.setdefault(str(name), (tuple(map(str, coord.dims)), np.asarray(coord.values)))
        elif index is not None and index.name is not None and str(index.name) != name:
            found[str(index.name)] = ((str(name),), np.asarray(index))
    return found


def from_assembly(assembly: xr.DataArray, *, bins_ms: Sequence[tuple[float, float]] | None = None, region: str | None = None) -> xr.DataArray:
    """Recordings from a Brain-Score assembly (or model activity from the assembly a model returned).

    Parameters
    ----------
    assembly : NeuroidAssembly
        Dims presentation, neuroid and perhaps time_bin, in any order; MultiIndex levels become flat coords.
    bins_ms : sequence of (start, end), optional
        Bins to return; needed where the assembly has none.
    region : str, optional
        Keep only these neuroids.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)

    Raises
    ------
    SchemaError
        For other dims, or ids missing.
    """
    if not isinstance(assembly, xr.DataArray):
        raise SchemaError("from_assembly", f"`assembly` is a {type(assembly).__name__}", expected="a NeuroidAssembly or another DataArray")
    coords: dict[str, Any] = {}
    for name, (dims, values) in flat_coords(assembly).items():
        simple = values if values.dtype != object or not len(values.ravel()) or not all(isinstance(v, str) for v in values.ravel()) else values.astype(str)
        if name not in assembly.dims:
            coords[name] = (dims, simple)
    attrs = {k: v for k, v in assembly.attrs.items() if isinstance(v, (str, int, float))}
    flat = xr.DataArray(np.asarray(assembly.values), dims=assembly.dims, coords=coords, attrs=attrs)
    return as_recordings(flat, bins_ms=bins_ms, region=region, where="from_assembly")


def to_assembly(activity: xr.DataArray, *, stimulus_set: Any = None, region: str | None = None, identifier: str | None = None) -> Any:
    """A NeuroidAssembly from recordings or model activity.

    Parameters
    ----------
    activity : DataArray, (presentation, neuroid, time_bin)
    stimulus_set : StimulusSet, optional
        Its columns become coords of presentation (metrics stratify by them), and it travels along as ``attrs["stimulus_set"]``.
    region : str, optional
        Sets the coord ``region`` where the activity has none.
    identifier : str, optional
        Name of the assembly.

    Returns
    -------
    NeuroidAssembly

    Raises
    ------
    ConfigError
        If Brain-Score is absent.
    SchemaError
        If the activity is not (presentation, neuroid, time_bin), or stimuli are missing from the set.
    """
    check_responses(activity, where="to_assembly", name="activity", nan=True)
    module = require("brainscore_core.supported_data_standards.brainio.assemblies")
    coords: dict[str, Any] = {str(k): (v.dims, v.values) for k, v in activity.coords.items() if k not in activity.dims and len(v.dims) == 1}
    n, n_neuroids, n_bins = activity.shape
    if stimulus_set is not None:
        place = {str(s): k for k, s in enumerate(stimulus_set["stimulus_id"].values)}
        missing = [s for s in activity.stimulus_id.values if str(s) not in place]
        if missing:
            raise SchemaError("to_assembly", f"`stimulus_set` lacks {len(missing)} stimuli (first: {missing[0]})", expected="a row for every stimulus_id")
        rows = [place[str(s)] for s in activity.stimulus_id.values]
        for column in stimulus_set.columns:
            if column != "filename" or column not in coords:
                coords[str(column)] = ((PRESENTATION,), np.asarray(stimulus_set[column].values)[rows])
    if "region" not in coords or region is not None:
        coords["region"] = ((NEUROID,), np.repeat(region or "unknown", n_neuroids))
    if sum(dims == (PRESENTATION,) for dims, _ in coords.values()) < 2:  # a single level would swallow stimulus_id
        coords["presentation_number"] = ((PRESENTATION,), np.arange(n))
    if "time_bin_start" not in coords:
        coords["time_bin_start"], coords["time_bin_end"] = (((TIME_BIN,), np.arange(n_bins) + k) for k in (0, 1))
    coords.pop("step", None)
    assembly = module.NeuroidAssembly(np.asarray(activity.values), coords=coords, dims=activity.dims)
    assembly.attrs.update({k: v for k, v in activity.attrs.items() if isinstance(v, (str, int, float))})
    if stimulus_set is not None:
        assembly.attrs["stimulus_set"] = stimulus_set
        assembly.attrs["stimulus_set_identifier"] = getattr(stimulus_set, "identifier", None)
    if identifier is not None:
        assembly.attrs["identifier"] = identifier
    return assembly
