"""Brain-Score's recordings from local files, without Brain-Score: one netCDF file, and its stimulus set as CSV with images.

The files are those that Brain-Score keeps: ``assy_<identifier>.nc``, ``stimulus_<identifier>.csv`` and ``stimulus_<identifier>.zip`` (or a
folder of that name), dots in identifiers written as underscores, side by side or each in a folder named after its hash (``BRAINIO_HOME``).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.datasets._archive import IMAGE_SUFFIXES, decode, read_zip
from neurodyn.datasets._labelled import locate
from neurodyn.errors import ConfigError, DataError, SchemaError, first_of, unknown_name
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN, check_recordings, make_stimuli

__all__ = ["as_recordings", "load", "rebin"]


def load(
    root: str | Path | None = None,
    identifier: str | None = None,
    *,
    region: str | None = None,
    bins_ms: Sequence[tuple[float, float]] | None = None,
    image_size: int | None = None,
    images: bool = True,
) -> tuple[xr.DataArray | None, xr.DataArray]:
    """Load an assembly and the stimuli that belong to it.

    Parameters
    ----------
    root : path, optional
        The netCDF file, or a folder that holds it (searched two levels deep); ``brainio`` under ``NEURODYN_DATA`` when absent.
    identifier : str, optional
        For example ``"dicarlo.MajajHong2015.public"``; needed where the folder holds several assemblies.
    region : str, optional
        Keep only the neuroids of this region.
    bins_ms : sequence of (start, end), optional
        Bins to return: stored bins where they match, otherwise overlap-weighted means.  When absent all stored bins; of stored bins
        that overlap, the first that do not, and ``attrs["n_bins_left_out"]`` says how many were left.
    image_size : int, optional
        Scale and crop images to this many pixels.
    images : bool
        Whether to read the images.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column), or None
        One row a stimulus; None where `images` is False.
    recordings : DataArray, (presentation, neuroid, time_bin)

    Raises
    ------
    DataError
        If files are missing, truncated or do not fit each other.
    ConfigError
        If the identifier, region or bins are not in the file.
    """
    base = locate("assembly", root, "brainio", "brain-score")
    file = base if base.is_file() else _find(base, identifier)
    data = _open(file)
    table = None
    set_identifier = data.attrs.get("stimulus_set_identifier")
    folder = file.parent if base.is_file() else base
    stem = f"stimulus_{str(set_identifier).replace('.', '_')}" if set_identifier else None
    table_file = next(iter(_search(folder, f"{stem}.csv" if stem else "stimulus_*.csv")), None)
    if table_file is not None:
        table = _read_table(table_file)
        data = _merge(data, table, str(table_file))
    recordings = as_recordings(data, bins_ms=bins_ms, region=region, where=str(file))
    recordings.attrs["dataset"] = file.stem.removeprefix("assy_")
    if not images:
        return None, recordings
    if table_file is None or table is None:
        raise DataError("assembly", f"no {stem or 'stimulus_*'}.csv near {file}", expected="the stimulus set's CSV file and images", fix="images=False")
    return _stimuli(folder, table_file, table, recordings, image_size), recordings


def as_recordings(
    data: xr.DataArray, *, bins_ms: Sequence[tuple[float, float]] | None = None, region: str | None = None, where: str = "as_recordings"
) -> xr.DataArray:
    """Recordings in neurodyn's terms from a flat-coord DataArray in Brain-Score's terms.

    Parameters
    ----------
    data : DataArray
        Dims ``presentation neuroid`` and perhaps ``time_bin`` in any order; no MultiIndex.
    bins_ms, region
        As for :func:`load`.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
    """
    if not {PRESENTATION, NEUROID} <= set(data.dims) or not set(data.dims) <= {PRESENTATION, NEUROID, TIME_BIN}:
        raise SchemaError(where, f"dims are {data.dims}", expected="presentation, neuroid and perhaps time_bin")
    data = data.rename({a: b for a, b in (("image_id", "stimulus_id"), ("time_bin_stop", "time_bin_end")) if a in data.coords and b not in data.coords})
    if region is not None:
        regions = np.asarray(data.coords["region"].values) if "region" in data.coords else np.array([])
        if region not in regions:
            raise unknown_name(where, "region", region, sorted({str(r) for r in regions}))
        data = data.isel(neuroid=np.nonzero(regions == region)[0])
    if TIME_BIN not in data.dims:
        data = _single_bin(data, bins_ms, where)
    data = data.transpose(PRESENTATION, NEUROID, TIME_BIN)
    data = rebin(data, bins_ms, where=where) if bins_ms is not None else _without_overlap(data)
    attrs = {k: v for k, v in data.attrs.items() if isinstance(v, (str, int, float, np.integer, np.floating))}
    data = data.assign_attrs()
    data.attrs = {"units": "1", **attrs}
    for name in ("time_bin_start", "time_bin_end"):
        data.coords[name].attrs["units"] = "ms"
    return check_recordings(data.rename("recordings"), where=where, name="data", nan=True)


def rebin(data: xr.DataArray, bins_ms: Sequence[tuple[float, float]], *, where: str = "rebin") -> xr.DataArray:
    """Activity in other bins: stored bins where they match exactly, otherwise overlap-weighted means.

    Parameters
    ----------
    data : DataArray, (presentation, neuroid, time_bin)
        Rates; means over time keep their meaning, sums do not.
    bins_ms : sequence of (start, end)

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)

    Raises
    ------
    ConfigError
        If a bin is not covered by the stored bins.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> r = make_recordings(np.arange(4.0).reshape(1, 1, 4), stimulus_id="a", neuroid_id="n", time_bins_ms=[(0, 10), (10, 20), (20, 30), (30, 40)])
    >>> rebin(r, [(0, 20), (15, 35)]).values.ravel().tolist()
    [0.5, 2.0]
    """
    edges = np.asarray(bins_ms, dtype=float).reshape(-1, 2)
    start, end = np.asarray(data.time_bin_start.values, float), np.asarray(data.time_bin_end.values, float)
    weights = np.zeros((len(start), len(edges)))
    tiles = _tiles(start, end)
    for k, (a, b) in enumerate(edges):
        exact = np.nonzero((start == a) & (end == b))[0]
        if exact.size:
            weights[exact[0], k] = 1.0
            continue
        overlap = np.clip(np.minimum(end[tiles], b) - np.maximum(start[tiles], a), 0.0, None)
        if overlap.sum() < (b - a) - 1e-6 or b <= a:
            raise ConfigError(
                where, f"the bin {a:g}-{b:g} ms is not covered by the stored bins ({start.min():g} to {end.max():g} ms)", expected="bins inside the recording"
            )
        weights[tiles, k] = overlap / overlap.sum()
    values = np.einsum("pnt,tb->pnb", np.asarray(data.values, dtype=float), weights).astype(data.dtype, copy=False)
    coords: dict[str, Any] = {k: v for k, v in data.coords.items() if TIME_BIN not in v.dims}
    coords["time_bin_start"], coords["time_bin_end"] = ((TIME_BIN, edges[:, j], {"units": "ms"}) for j in (0, 1))
    return xr.DataArray(values, dims=data.dims, coords=coords, name=data.name, attrs=data.attrs)


def _tiles(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Indices of bins that do not overlap, taken greedily in time."""
    kept: list[int] = []
    for k in np.lexsort((end, start)):
        if not kept or start[k] >= end[kept[-1]] - 1e-9:
            kept.append(int(k))
    return np.asarray(kept)


def _without_overlap(data: xr.DataArray) -> xr.DataArray:
    start, end = np.asarray(data.time_bin_start.values, float), np.asarray(data.time_bin_end.values, float)
    kept = _tiles(start, end)
    if len(kept) == len(start) and (kept == np.arange(len(start))).all():
        return data
    out = data.isel(time_bin=kept)
    out.attrs = {**data.attrs, "n_bins_left_out": len(start) - len(kept)}
    return out


def _single_bin(data: xr.DataArray, bins_ms: Sequence[tuple[float, float]] | None, where: str) -> xr.DataArray:
    ends = [data.coords[k].values.item() for k in ("time_bin_start", "time_bin_end") if k in data.coords and data.coords[k].ndim == 0]
    data = data.drop_vars([k for k in ("time_bin_start", "time_bin_end", TIME_BIN) if k in data.coords])
    if len(ends) != 2:
        if bins_ms is None or len(bins_ms) != 1:
            raise SchemaError(where, "the data has no time bin", expected="the one bin it was averaged over", fix="bins_ms=[(70, 170)]")
        ends = [float(x) for x in bins_ms[0]]
    data = data.expand_dims(TIME_BIN, -1)
    return data.assign_coords(time_bin_start=(TIME_BIN, [float(ends[0])]), time_bin_end=(TIME_BIN, [float(ends[1])]))


def _find(folder: Path, identifier: str | None) -> Path:
    found = {p.stem.removeprefix("assy_"): p for p in _search(folder, "assy_*.nc") or _search(folder, "*.nc")}
    if not found:
        raise DataError("assembly", f"no netCDF file in {folder}", expected="assy_<identifier>.nc, beside stimulus_<identifier>.csv and .zip")
    if identifier is None:
        if len(found) > 1:
            raise ConfigError("assembly", f"{folder} holds {len(found)} assemblies ({first_of(sorted(found))})", expected="`identifier`")
        return next(iter(found.values()))
    wanted = identifier.replace(".", "_")
    if wanted not in found:
        raise unknown_name("assembly", "identifier", identifier, sorted(found))
    return found[wanted]


def _search(folder: Path, pattern: str) -> list[Path]:
    return sorted([*folder.glob(pattern), *folder.glob(f"*/{pattern}")])


def _open(file: Path) -> xr.DataArray:
    try:
        data = xr.load_dataarray(file)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise DataError(str(file), f"is not a whole netCDF file ({error})", expected="one variable with flat coords", fix="fetch the file again") from error
    return data


def _read_table(file: Path) -> dict[str, list[str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    if not rows:
        raise DataError(str(file), "holds no rows", expected="one row a stimulus")
    table: dict[str, list[str]] = {k: [row[k] for row in rows] for k in rows[0]}
    if "stimulus_id" not in table and "image_id" in table:
        table["stimulus_id"] = table.pop("image_id")
    if "stimulus_id" not in table:
        raise DataError(str(file), f"has the columns {', '.join(table)}", expected="a column stimulus_id")
    ids = table["stimulus_id"]
    if len(set(ids)) < len(ids):
        raise DataError(str(file), f"names {len(ids) - len(set(ids))} stimuli twice", expected="one row a stimulus")
    return table


def _merge(data: xr.DataArray, table: dict[str, list[str]], where: str) -> xr.DataArray:
    key = "stimulus_id" if "stimulus_id" in data.coords else "image_id"
    if key not in data.coords:
        raise SchemaError(where, "the assembly has no stimulus_id", expected="stimulus_id along presentation")
    place = {s: k for k, s in enumerate(table["stimulus_id"])}
    ids = [str(s) for s in data.coords[key].values]
    missing = sorted({s for s in ids if s not in place})
    if missing:
        raise DataError(where, f"lacks {len(missing)} stimuli of the assembly ({first_of(missing)})", expected="a row for every stimulus_id")
    rows = np.array([place[s] for s in ids])
    new = {name: (PRESENTATION, _typed(values)[rows]) for name, values in table.items() if name not in data.coords and name not in ("", "stimulus_id")}
    return data.assign_coords(new)


def _typed(values: list[str]) -> np.ndarray:
    for kind in (int, float):
        try:
            return np.array([kind(v) for v in values])
        except ValueError:
            continue
    return np.array(values)


def _stimuli(folder: Path, table_file: Path, table: dict[str, list[str]], recordings: xr.DataArray, image_size: int | None) -> xr.DataArray:
    from neurodyn.datasets.image_folder import cover

    wanted = list(dict.fromkeys(str(s) for s in recordings.stimulus_id.values))
    names = dict(zip(table["stimulus_id"], table.get("filename") or table["stimulus_id"], strict=True))
    archive = next(iter(_search(folder, f"{table_file.stem}.zip")), None)
    if archive is not None:
        files = read_zip(archive)
        source = str(archive)
    else:
        unpacked = next((p for p in (table_file.with_suffix(""), table_file.parent) if p.is_dir()), table_file.parent)
        files = {p.relative_to(unpacked).as_posix(): p.read_bytes() for p in sorted(unpacked.rglob("*")) if p.suffix.lower() in IMAGE_SUFFIXES}
        source = str(unpacked)
    by_name = {key: raw for name, raw in files.items() for key in (name, PurePosixPath(name).name, PurePosixPath(name).stem)}
    missing = [s for s in wanted if names[s] not in by_name and s not in by_name]
    if missing:
        raise DataError(source, f"lacks the images of {len(missing)} of {len(wanted)} stimuli ({first_of(missing)})", expected="one image a stimulus")
    pixels = []
    for s in wanted:
        image = decode(source, names[s], by_name.get(names[s], by_name.get(s, b""))).astype(np.float32) / np.float32(255)
        pixels.append(image if image_size is None else cover(image, image_size))
    if len({p.shape for p in pixels}) > 1:
        raise DataError(source, "holds images of several sizes", expected="one size", fix="image_size=224")
    rows = {s: k for k, s in reversed(list(enumerate(str(x) for x in recordings.stimulus_id.values)))}
    order = [rows[s] for s in wanted]
    keep = [k for k in table if k in recordings.coords and k not in ("stimulus_id", "repetition")]
    return make_stimuli(np.stack(pixels), wanted, **{k: recordings.coords[k].values[order] for k in keep})
