"""Bring model activity and recordings onto the same stimuli and bins, by id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, first_of, unknown_name
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN, check_finite, check_recordings, check_responses

NAN_POLICIES = ("raise", "drop-neuroid")


def by_repeat(recordings: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Rows dealt to stimuli: values (stimulus, repeat, neuroid, time_bin) with NaN where a stimulus has fewer repeats, and the ids in order of appearance."""
    ids, inverse, counts = _groups(recordings)
    order = np.argsort(inverse, kind="stable")
    rank = np.empty(len(inverse), dtype=int)
    rank[order] = np.concatenate([np.arange(c) for c in counts])
    values = np.full((len(ids), counts.max(), *recordings.shape[1:]), np.nan)
    values[inverse, rank] = recordings.values
    return values, ids


def by_repetition_coord(recordings: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`by_repeat`, with repeats in the columns of their ``repetition`` coord where there is one."""
    if "repetition" not in recordings.coords:
        return by_repeat(recordings)
    ids, inverse, _ = _groups(recordings)
    names, column = np.unique(np.asarray(recordings.repetition.values), return_inverse=True)
    cells = inverse * len(names) + column
    if len(np.unique(cells)) < len(cells):
        return by_repeat(recordings)
    values = np.full((len(ids), len(names), *recordings.shape[1:]), np.nan)
    values[inverse, column] = recordings.values
    return values, ids


def mean_by_stimulus(data: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the rows of each stimulus, (stimulus, neuroid, time_bin), and the ids in order of appearance."""
    ids, inverse, counts = _groups(data)
    if len(ids) == len(inverse):
        return np.asarray(data.values), ids
    total = np.zeros((len(ids), *data.shape[1:]))
    np.add.at(total, inverse, data.values)
    return total / counts[:, None, None], ids


def averaged(data: xr.DataArray) -> xr.DataArray:
    """One row a stimulus, with the presentation coords that do not differ between its rows."""
    values, ids = mean_by_stimulus(data)
    if len(ids) == data.sizes[PRESENTATION]:
        return data
    _, inverse, _ = _groups(data)
    first = np.array([np.nonzero(inverse == k)[0][0] for k in range(len(ids))])
    out = data.isel({PRESENTATION: first}).copy(data=values)
    differ = [str(k) for k, v in data.coords.items() if v.dims == (PRESENTATION,) and (v.values[first][inverse] != v.values).any()]
    return out.drop_vars(differ)


def _groups(data: xr.DataArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    keys = np.asarray(data.stimulus_id.values).astype(str)
    ids, first, inverse, counts = np.unique(keys, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return ids[order], place[inverse.ravel()], counts[order]


def per_stimulus(data: xr.DataArray, coord: str, where: str) -> np.ndarray:
    """One value of a presentation coord for each stimulus, which must agree over its rows."""
    if coord not in data.coords or data[coord].dims != (PRESENTATION,):
        known = [str(k) for k, v in data.coords.items() if v.dims == (PRESENTATION,)]
        raise unknown_name(where, "coord of presentation", coord, known)
    ids, inverse, _ = _groups(data)
    values = np.asarray(data[coord].values)
    out = np.empty(len(ids), dtype=values.dtype)
    out[inverse] = values
    if (out[inverse] != values).any():
        bad = np.unique(ids[inverse[out[inverse] != values]])
        raise SchemaError(where, f"`{coord}` differs between the rows of {len(bad)} stimuli ({first_of(bad)})", expected="one value a stimulus")
    return out


def prepare(responses: xr.DataArray, recordings: xr.DataArray, where: str, nan: str = "raise") -> tuple[np.ndarray, np.ndarray, np.ndarray, xr.DataArray]:
    """Check both sides and line them up.

    Returns
    -------
    X : array, (stimulus, feature, model time bin)
    Y : array, (stimulus, neuroid, time bin)
        Means over repeats, in the order of the recordings.
    ids : array, (stimulus)
    recordings : DataArray
        Without the neuroids that `nan` drops.
    """
    if nan not in NAN_POLICIES:
        raise unknown_name(where, "nan", nan, NAN_POLICIES)
    check_responses(responses, where=where)
    check_recordings(recordings, where=where, nan=True)
    if nan == "drop-neuroid":
        finite = np.isfinite(recordings.values).all(axis=(0, 2))
        if not finite.any():
            raise SchemaError(where, "`recordings` holds NaN in every neuroid", expected="a neuroid without NaN")
        recordings = recordings.isel({NEUROID: np.nonzero(finite)[0]})
    finite = np.isfinite(recordings.values)
    if not finite.all():
        check_finite_with_policy(recordings, where)
    Y, ids = mean_by_stimulus(recordings)
    X, model_ids = mean_by_stimulus(responses)
    if len(model_ids) != responses.sizes[PRESENTATION] and "repetition" not in responses.coords:
        raise SchemaError(
            where,
            f"`responses` shows {responses.sizes[PRESENTATION] - len(model_ids)} stimuli more than once without a coord `repetition`",
            expected="one row a stimulus, or rows that say which repetition they are",
        )
    missing, extra = np.setdiff1d(ids, model_ids), np.setdiff1d(model_ids, ids)
    if missing.size or extra.size:
        what = []
        if missing.size:
            what.append(f"`responses` lacks {missing.size} of {len(ids)} recorded stimuli ({first_of(missing)})")
        if extra.size:
            what.append(f"`recordings` lacks {extra.size} of {len(model_ids)} shown stimuli ({first_of(extra)})")
        raise SchemaError(where, " and ".join(what), expected="the same stimulus ids on both sides", fix="select the rows whose stimulus_id both sides hold")
    place = {s: k for k, s in enumerate(model_ids)}
    return np.asarray(X)[[place[s] for s in ids]], Y, ids, recordings


def check_finite_with_policy(recordings: xr.DataArray, where: str) -> None:
    """Refuse NaN, with the mend that the caller's `nan` argument offers."""
    try:
        check_finite(recordings, where=where, name="recordings")
    except SchemaError as error:
        raise SchemaError(where, error.what, expected=error.expected, fix='pass nan="drop-neuroid", or recordings.dropna("neuroid")') from None


def bins_match(responses: xr.DataArray, recordings: xr.DataArray) -> bool:
    """Whether both sides have the same bins in ms."""
    if "time_bin_start" not in responses.coords or responses.sizes[TIME_BIN] != recordings.sizes[TIME_BIN]:
        return False
    return all(np.allclose(responses[k].values, recordings[k].values) for k in ("time_bin_start", "time_bin_end"))


def refuse_bins(responses: xr.DataArray, recordings: xr.DataArray, mapping: str, where: str) -> ConfigError:
    """The error for a mapping that needs equal bins."""
    starts = [f"{float(recordings.time_bin_start[k]):g}-{float(recordings.time_bin_end[k]):g}" for k in range(min(3, recordings.sizes[TIME_BIN]))]
    return ConfigError(
        where,
        f'mapping="{mapping}" but `responses` has {responses.sizes[TIME_BIN]} bins and `recordings` {recordings.sizes[TIME_BIN]} ({", ".join(starts)} ms ...)',
        expected="the same bins on both sides",
        fix='mapping="concatenate", or simulate(..., record=Record(bins_ms=[...])) with the bins of the recordings',
    )


def neuroid_labels(recordings: xr.DataArray, time: bool = True) -> dict[str, Any]:
    """The coords of neuroid (and time_bin) to put on a result."""
    dims: Sequence[tuple[str, ...]] = [(NEUROID,), (TIME_BIN,)] if time else [(NEUROID,)]
    return {str(k): v.variable for k, v in recordings.coords.items() if v.dims in dims and k not in (NEUROID, TIME_BIN)}
