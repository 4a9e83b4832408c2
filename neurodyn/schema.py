"""The vocabulary of labelled data: dims, coords, units, and the checks every entry point makes.

Model responses and brain recordings are plain :class:`xarray.DataArray` with the same three dims, so that every comparison
is symmetric:

=================  ==============================================  ==========================================================
dim                required coords                                 usual further coords
=================  ==============================================  ==========================================================
``presentation``   ``stimulus_id``                                 ``repetition``, any stimulus property
``neuroid``        ``neuroid_id``                                  recordings: ``region animal session``; models: ``layer channel row column``
``time_bin``       ``time_bin_start``, ``time_bin_end`` (ms from   models also ``step``; where a model's steps are not time, ``step``
                   stimulus onset)                                 alone
=================  ==============================================  ==========================================================

Stimuli have dims (``presentation``[, ``frame``], ``channel``, ``row``, ``column``), float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError, first_of

__all__ = [
    "NEUROID",
    "PRESENTATION",
    "TIME_BIN",
    "check_finite",
    "check_ids",
    "check_recordings",
    "check_responses",
    "check_stimuli",
    "check_time_bins",
    "make_recordings",
    "make_responses",
    "make_stimuli",
    "neuroid_ids",
]

PRESENTATION, NEUROID, TIME_BIN = "presentation", "neuroid", "time_bin"
RESPONSE_DIMS = (PRESENTATION, NEUROID, TIME_BIN)
IMAGE_DIMS = (PRESENTATION, "channel", "row", "column")
MOVIE_DIMS = (PRESENTATION, "frame", "channel", "row", "column")


_AXES_MEND = {
    2: "pixels[:, :, None, None] where rows are presentations and columns channels (inputs without a place); pixels[None, None] for one grey image",
    3: "pixels[:, None] where the first axis counts grey images; pixels[None] for one image in colour, channel first",
}


def make_stimuli(
    pixels: np.ndarray,
    stimulus_id: Sequence[Hashable] | np.ndarray | None = None,
    *,
    frame_start: Sequence[float] | np.ndarray | None = None,
    **properties: Any,
) -> xr.DataArray:
    """Label an array of images or movies.

    Parameters
    ----------
    pixels : array, (presentation, channel, row, column) or (presentation, frame, channel, row, column)
        Values in [0, 1]; converted to float32.
    stimulus_id : sequence, optional
        One id a presentation; ``"stimulus-0000"`` and so on when absent.
    frame_start : sequence of float, (frame), optional
        When each frame begins, ms from stimulus onset (steps for models whose ``dt_ms`` is None).
    **properties
        Further coords of ``presentation``, for example ``label=labels``.

    Returns
    -------
    DataArray
        Stimuli that pass :func:`check_stimuli`.

    Examples
    --------
    >>> make_stimuli(np.zeros((2, 1, 8, 8)), label=[0, 1]).dims
    ('presentation', 'channel', 'row', 'column')
    """
    pixels = np.asarray(pixels, dtype=np.float32)
    if pixels.ndim not in (4, 5):
        raise SchemaError(
            "make_stimuli",
            f"`pixels` has shape {pixels.shape}",
            expected="(presentation, channel, row, column) for images, (presentation, frame, channel, row, column) for movies",
            fix=_AXES_MEND.get(pixels.ndim),
        )
    dims = IMAGE_DIMS if pixels.ndim == 4 else MOVIE_DIMS
    ids = _ids(stimulus_id, len(pixels), "stimulus")
    coords: dict[str, Any] = {"stimulus_id": (PRESENTATION, ids)}
    for name, values in properties.items():
        coords[name] = (PRESENTATION, np.asarray(values))
    if frame_start is not None:
        coords["frame_start"] = ("frame", np.asarray(frame_start, dtype=float), {"units": "ms"})
    stimuli = xr.DataArray(pixels, dims=dims, coords=coords, name="stimuli", attrs={"units": "1"})
    return check_stimuli(stimuli, where="make_stimuli")


def make_recordings(
    values: np.ndarray,
    *,
    stimulus_id: Sequence[Hashable] | np.ndarray,
    neuroid_id: Sequence[Hashable] | np.ndarray,
    time_bins_ms: Sequence[tuple[float, float]] | np.ndarray,
    units: str = "spikes/s",
    presentation: Mapping[str, Any] | None = None,
    neuroid: Mapping[str, Any] | None = None,
) -> xr.DataArray:
    """Label recorded activity.

    Parameters
    ----------
    values : array, (presentation, neuroid) or (presentation, neuroid, time_bin)
    stimulus_id : sequence, (presentation)
    neuroid_id : sequence, (neuroid)
    time_bins_ms : sequence of (start, end), (time_bin)
        In ms from stimulus onset.
    units : str
        Units of the values.
    presentation, neuroid : dict, optional
        Further coords of the two dims, for example ``presentation={"repetition": ...}``.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)

    Examples
    --------
    >>> make_recordings(np.zeros((2, 3)), stimulus_id="ab", neuroid_id="xyz", time_bins_ms=[(50, 150)]).shape
    (2, 3, 1)
    """
    values = np.asarray(values)
    values = values[..., None] if values.ndim == 2 else values
    edges = np.asarray(time_bins_ms, dtype=float).reshape(-1, 2)
    if values.ndim != 3 or values.shape != (len(stimulus_id), len(neuroid_id), len(edges)):
        raise SchemaError(
            "make_recordings",
            f"`values` has shape {values.shape} for {len(stimulus_id)} stimulus ids, {len(neuroid_id)} neuroid ids and {len(edges)} time bins",
            expected="(presentation, neuroid[, time_bin])",
        )
    coords: dict[str, Any] = {
        "stimulus_id": (PRESENTATION, _ids(stimulus_id, len(values), "stimulus")),
        "neuroid_id": (NEUROID, _ids(neuroid_id, values.shape[1], "neuroid")),
        "time_bin_start": (TIME_BIN, edges[:, 0], {"units": "ms"}),
        "time_bin_end": (TIME_BIN, edges[:, 1], {"units": "ms"}),
    }
    coords.update({k: (PRESENTATION, np.asarray(v)) for k, v in (presentation or {}).items()})
    coords.update({k: (NEUROID, np.asarray(v)) for k, v in (neuroid or {}).items()})
    return xr.DataArray(values, dims=RESPONSE_DIMS, coords=coords, name="recordings", attrs={"units": units})


def make_responses(
    values: np.ndarray,
    *,
    stimulus_coords: dict[str, np.ndarray],
    neuroid_coords: dict[str, np.ndarray],
    step: np.ndarray,
    dt_ms: float | None,
    step_end: np.ndarray | None = None,
    units: str = "1",
) -> xr.DataArray:
    """Label simulated activity.

    Parameters
    ----------
    values : array, (presentation, neuroid, time_bin)
    stimulus_coords : dict of arrays, (presentation)
    neuroid_coords : dict of arrays, (neuroid)
    step : int array, (time_bin)
        First step of each bin; step 0 is the first update with the stimulus on, negative steps precede it.
    dt_ms : float or None
        Model time of one step in ms; None leaves ``time_bin_start`` and ``time_bin_end`` out.
    step_end : int array, (time_bin), optional
        One past the last step of each bin; ``step + 1`` when absent.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
    """
    coords: dict[str, Any] = {k: (PRESENTATION, v) for k, v in stimulus_coords.items()}
    coords.update({k: (NEUROID, v) for k, v in neuroid_coords.items()})
    step = np.asarray(step)
    step_end = step + 1 if step_end is None else np.asarray(step_end)
    coords["step"] = (TIME_BIN, step, {"units": "step"})
    if dt_ms is not None:
        coords["time_bin_start"] = (TIME_BIN, step * float(dt_ms), {"units": "ms"})
        coords["time_bin_end"] = (TIME_BIN, step_end * float(dt_ms), {"units": "ms"})
    return xr.DataArray(values, dims=RESPONSE_DIMS, coords=coords, name="responses", attrs={"units": units})


def neuroid_ids(layer: Iterable[str], channel: Iterable[int], row: Iterable[int], column: Iterable[int]) -> np.ndarray:
    """Ids of model units, ``layer.channel.row.column``.

    Examples
    --------
    >>> neuroid_ids(["V4"], [3], [0], [7]).tolist()
    ['V4.3.0.7']
    """
    columns = [v.tolist() if isinstance(v, np.ndarray) else v for v in (layer, channel, row, column)]  # numpy's own scalars are slow to print
    return np.array([f"{a}.{b}.{c}.{d}" for a, b, c, d in zip(*columns, strict=True)])


def check_stimuli(stimuli: xr.DataArray, *, where: str = "check_stimuli") -> xr.DataArray:
    """Refuse anything that is not a set of images or movies in [0, 1].

    Parameters
    ----------
    stimuli : DataArray, (presentation[, frame], channel, row, column)

    Returns
    -------
    DataArray
        The stimuli, unchanged.

    Raises
    ------
    SchemaError
        For other types, dims, dtypes, ids or ranges.
    """
    if not isinstance(stimuli, xr.DataArray):
        raise SchemaError(where, f"`stimuli` is a {type(stimuli).__name__}", expected="an xarray.DataArray", fix="neurodyn.schema.make_stimuli(pixels)")
    if stimuli.dims not in (IMAGE_DIMS, MOVIE_DIMS):
        raise SchemaError(
            where,
            f"`stimuli` has dims {stimuli.dims}",
            expected=f"{IMAGE_DIMS} or {MOVIE_DIMS}",
            fix='stimuli.transpose("presentation", ..., "channel", "row", "column")',
        )
    if stimuli.dtype != np.float32:
        raise SchemaError(where, f"`stimuli` has dtype {stimuli.dtype}", expected="float32 in [0, 1]", fix='(stimuli / 255).astype("float32") for 8-bit images')
    check_ids(stimuli, PRESENTATION, "stimulus_id", where=where, unique=False)
    values = stimuli.values
    if not np.isfinite(values).all():
        bad = np.unique(np.nonzero(~np.isfinite(values))[0])
        raise SchemaError(
            where,
            f"`stimuli` holds NaN or infinity in {len(bad)} of {len(values)} presentations ({first_of(stimuli.stimulus_id.values[bad])})",
            expected="finite values",
            fix=f"drop these presentations: stimuli[np.isfinite(stimuli).all({list(stimuli.dims[1:])})]",
        )
    if values.size and (values.min() < 0 or values.max() > 1):
        raise SchemaError(
            where,
            f"`stimuli` ranges from {values.min():.4g} to {values.max():.4g}",
            expected="values in [0, 1]",
            fix="stimuli / 255 for 8-bit images"
            if 1.5 < values.max() <= 255 and values.min() >= 0
            else "undo any normalisation (models normalise in encode); clip(0, 1) a small overshoot, as neurodyn.stimuli.resize does",
        )
    return stimuli


def check_responses(responses: xr.DataArray, *, where: str, name: str = "responses", nan: bool = False) -> xr.DataArray:
    """Refuse anything that is not model activity, (presentation, neuroid, time_bin), with ids.

    Parameters
    ----------
    responses : DataArray
    where : str
        The function on whose behalf the check is made.
    name : str
        The argument's name in the message.
    nan : bool
        Whether NaN is allowed.

    Raises
    ------
    SchemaError
        For other types, dims, ids, overlapping bins, or NaN.
    """
    return _check_activity(responses, where=where, name=name, nan=nan, need_ms=False)


def check_recordings(recordings: xr.DataArray, *, where: str, name: str = "recordings", nan: bool = False) -> xr.DataArray:
    """Refuse anything that is not recorded activity, (presentation, neuroid, time_bin), with ids and bins in ms.

    Parameters and errors are those of :func:`check_responses`; bins in ms are required.
    """
    return _check_activity(recordings, where=where, name=name, nan=nan, need_ms=True)


def _check_activity(data: xr.DataArray, *, where: str, name: str, nan: bool, need_ms: bool) -> xr.DataArray:
    if not isinstance(data, xr.DataArray):
        raise SchemaError(where, f"`{name}` is a {type(data).__name__}", expected="an xarray.DataArray (presentation, neuroid, time_bin)")
    if set(data.dims) != set(RESPONSE_DIMS):
        absent = next((d for d in RESPONSE_DIMS if d not in data.dims), None)
        raise SchemaError(
            where,
            f"`{name}` has dims {data.dims}",
            expected=f"{RESPONSE_DIMS}",
            fix=f"select with brackets, which keep the dim: isel({absent}=[-1]), not isel({absent}=-1)" if absent else "select along the other dims",
        )
    if data.dims != RESPONSE_DIMS:
        raise SchemaError(
            where,
            f"`{name}` has its dims in the order {data.dims}",
            expected=f"{RESPONSE_DIMS}",
            fix=f'{name}.transpose("presentation", "neuroid", "time_bin")',
        )
    if 0 in data.shape:
        raise SchemaError(where, f"`{name}` is empty: {dict(zip(data.dims, data.shape, strict=True))}", expected="at least one of each")
    check_ids(data, PRESENTATION, "stimulus_id", where=where, name=name, unique=False)
    check_ids(data, NEUROID, "neuroid_id", where=where, name=name, unique=True)
    check_time_bins(data, where=where, name=name, need_ms=need_ms)
    if not nan:
        check_finite(data, where=where, name=name)
    return data


def check_ids(data: xr.DataArray, dim: str, coord: str, *, where: str, name: str = "stimuli", unique: bool) -> None:
    """Refuse data without ids along `dim`, or with duplicated ids where they must be unique."""
    if coord not in data.coords:
        raise SchemaError(where, f"`{name}` has no coord `{coord}`", expected=f"one id along `{dim}`", fix=f'{name}.assign_coords({coord}=("{dim}", ids))')
    if data[coord].dims != (dim,):
        raise SchemaError(where, f"`{name}.{coord}` has dims {data[coord].dims}", expected=f"({dim!r},)")
    if unique:
        ids, counts = np.unique(np.asarray(data[coord].values).astype(str), return_counts=True)
        if (counts > 1).any():
            raise SchemaError(
                where, f"`{name}.{coord}` holds {int((counts > 1).sum())} ids more than once ({first_of(ids[counts > 1])})", expected="unique ids"
            )


def check_time_bins(data: xr.DataArray, *, where: str, name: str, need_ms: bool) -> None:
    """Refuse bins without edges, empty bins, unordered bins and overlapping bins."""
    has_ms = "time_bin_start" in data.coords and "time_bin_end" in data.coords
    if not has_ms:
        if need_ms or "step" not in data.coords:
            raise SchemaError(where, f"`{name}` has no time_bin_start and time_bin_end", expected="bin edges in ms from stimulus onset along `time_bin`")
        return
    for edge in ("time_bin_start", "time_bin_end"):
        if data[edge].dims != (TIME_BIN,):
            raise SchemaError(
                where,
                f"`{name}.{edge}` has dims {data[edge].dims}",
                expected="one edge a bin",
                fix="select with brackets, which keep the edges: isel(time_bin=[-1]), not isel(time_bin=-1)",
            )
    start, end = np.asarray(data.time_bin_start.values, float), np.asarray(data.time_bin_end.values, float)
    if (end <= start).any():
        k = int(np.argmax(end <= start))
        raise SchemaError(where, f"`{name}` has a bin from {start[k]:g} to {end[k]:g} ms", expected="time_bin_end after time_bin_start")
    if (np.diff(start) <= 0).any():
        k = int(np.argmax(np.diff(start) <= 0))
        raise SchemaError(
            where,
            f"`{name}` has bins out of order ({start[k]:g} ms before {start[k + 1]:g} ms)",
            expected="ascending bins",
            fix=f'{name}.sortby("time_bin_start")',
        )
    if (start[1:] < end[:-1] - 1e-9).any():
        k = int(np.argmax(start[1:] < end[:-1] - 1e-9))
        raise SchemaError(
            where,
            f"`{name}` has overlapping bins ({start[k]:g}-{end[k]:g} and {start[k + 1]:g}-{end[k + 1]:g} ms)",
            expected="bins that do not overlap",
            fix=f"{name}.isel(time_bin=slice(None, None, 2))",
        )


def check_finite(data: xr.DataArray, *, where: str, name: str) -> None:
    """Refuse NaN and infinity, naming the neuroids that hold them."""
    finite = np.isfinite(data.values)
    if finite.all():
        return
    axis = data.get_axis_num(NEUROID)
    bad = ~finite.all(axis=tuple(k for k in range(finite.ndim) if k != axis))
    ids = np.asarray(data.neuroid_id.values)[bad]
    raise SchemaError(
        where,
        f"`{name}` holds NaN in {int(bad.sum())} of {bad.size} neuroids ({first_of(ids)})",
        expected="finite values for every (presentation, neuroid, time_bin)",
        fix=f'{name}.dropna("neuroid")',
    )


def _ids(ids: Sequence[Hashable] | np.ndarray | None, n: int, kind: str) -> np.ndarray:
    if ids is None:
        return np.array([f"{kind}-{i:04d}" for i in range(n)])
    values = np.asarray(list(ids))
    if len(values) != n:
        raise SchemaError(f"make_{kind}", f"{len(values)} ids for {n} rows", expected="one id a row")
    return values
