"""Tuning to gratings layer by layer, with intervals, and how far a trained network is from its untrained twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.numerics.resampling import alike_interval
from neurodyn.schema import NEUROID
from neurodyn.seeding import numpy_generator

__all__ = ["layer_tuning"]

WHERE = "layer_tuning"
MEASURES = ("osi", "dsi", "circular_variance", "direction_half_width_deg", "f1_f0", "separability", "speed_slope", "preferred_spatial_frequency_cpp")
TEMPORAL = ("preferred_temporal_frequency_hz", "preferred_temporal_frequency_cpf")
SHARES = ("share_responding", "share_tuned")
TWIN = "untrained"


def layer_tuning(tuning: xr.Dataset, *, min_osi: float = 0.1, n_resamples: int = 2000, level: float = 0.95, seed: int) -> xr.Dataset:
    """Summarise what the units of each layer prefer: the median over channels of each channel's median over positions.

    The positions of a channel share their weights, so that channels are what is resampled for the intervals.

    Parameters
    ----------
    tuning : Dataset
        Of :func:`neurodyn.analysis.grating_tuning`; leading dims (models, say) are kept.  Along a dim ``untrained`` the second is taken from the first.
    min_osi : float
        Units less selective for orientation do not count as tuned.
    n_resamples, level : int, float
        Bootstrap over channels.
    seed : int

    Returns
    -------
    Dataset
        Each of these (..., layer_name), with ``_low`` and ``_high``; NaN where a layer has fewer than three channels that respond.  With a dim
        ``untrained`` also ``<variable>_difference``, trained less untrained, with ``_low`` and ``_high``.

        ==================================  ===========  ===================================================================
        variable                            units        meaning
        ==================================  ===========  ===================================================================
        osi, dsi, circular_variance,        1            medians, as are those below
        f1_f0, separability, speed_slope
        direction_half_width_deg            degrees
        preferred_spatial_frequency_cpp     cycle/pixel
        preferred_temporal_frequency_hz     Hz           ``_cpf``, cycles a step, where the model's steps are not time
        share_responding                    1            of units that some grating drives, mean over channels
        share_tuned                         1            of units that respond, those with an OSI of `min_osi` and above
        n_units, n_channels                              how many respond
        ==================================  ===========  ===================================================================

        A share that is the same in all channels has the interval of :func:`neurodyn.numerics.resampling.alike_interval`; differences of which one side is
        such a share have Newcombe's, the distances of both estimates from their bounds added as squares.

    Raises
    ------
    SchemaError
        A Dataset that is not of grating_tuning.

    Examples
    --------
    >>> from neurodyn.analysis import grating_tuning
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> found = grating_tuning(ConvNetwork(), "maps", spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_hz=[10, 20, 30], n_steps=20)
    >>> layer_tuning(found, seed=0).layer_name.values.tolist()
    ['input', 'V1', 'V2']
    """
    for name in ("osi", "layer", "channel", "silent_neuroid_id"):
        if name not in tuning.variables:
            raise SchemaError(WHERE, f"`tuning` has no `{name}` (it has {', '.join(map(str, tuning.variables))})", expected="what grating_tuning returns")
    lead = tuple(str(d) for d in tuning["osi"].dims if d != NEUROID)
    shape = tuple(tuning.sizes[d] for d in lead)
    cells = {str(k): _cells(tuning, str(k), lead) for k in (*MEASURES, *TEMPORAL, "layer", "channel", "silent_neuroid_id") if k in tuning.variables}
    measures = [k for k in (*MEASURES, *TEMPORAL) if k in cells]
    silent = [_of_ids(ids) for ids in cells["silent_neuroid_id"]]
    layers = [np.asarray(v).astype(str) for v in cells["layer"]]
    names = list(dict.fromkeys([k for v in layers for k in v.tolist() if k] + [k for v, _ in silent for k in v.tolist()]))
    found = {k: np.full((n_resamples + 1, len(layers), len(names)), np.nan) for k in (*measures, *SHARES)}
    counts = np.zeros((2, len(layers), len(names)), int)
    alike = {k: np.full((2, len(layers), len(names)), np.nan) for k in SHARES}  # bounds where all channels have the same share
    for m in range(len(layers)):
        for j, name in enumerate(names):
            here, dumb = layers[m] == name, silent[m][1][silent[m][0] == name]
            channel = np.asarray(cells["channel"][m][here], int)
            kinds, index = np.unique(channel, return_inverse=True)
            counts[:, m, j] = here.sum(), len(kinds)
            drawn = numpy_generator(seed, WHERE, m, name)
            for k, values in _by_channel({k: cells[k][m][here] for k in measures}, index, kinds, dumb, min_osi).items():
                if len(values) >= 3:
                    picks = np.concatenate([np.arange(len(values))[None], drawn.integers(0, len(values), (n_resamples, len(values)))])
                    found[k][:, m, j] = (np.mean if k in SHARES else np.median)(values[picks], axis=1)
                    if k in SHARES and np.ptp(values) == 0:
                        alike[k][:, m, j] = alike_interval(values[0], len(values), (0, 1), level=level)
    data: dict[str, Any] = {}
    coords: dict[str, Any] = {"layer_name": names, **{d: tuning[d].values for d in lead if d in tuning.coords}}
    for k, values in found.items():
        units = tuning[k].attrs.get("units", "1") if k in tuning else "1"
        whole = values.reshape(-1, *shape, len(names))
        bounds = _bounds(whole, level)
        if k in SHARES:
            known = alike[k].reshape(bounds.shape)
            bounds = np.where(np.isnan(known), bounds, known)
        data |= _with_bounds(k, whole[0], bounds, (*lead, "layer_name"), units)
        if TWIN in lead and tuning.sizes[TWIN] == 2:
            axis = 1 + lead.index(TWIN)
            apart = whole.take(0, axis) - whole.take(1, axis)
            between = _bounds(apart, level)
            if k in SHARES:
                either = np.isfinite(known).any(axis=(0, axis))
                between = np.where(either, _newcombe(whole[0], bounds, axis), between)
            data |= _with_bounds(f"{k}_difference", apart[0], between, (*(d for d in lead if d != TWIN), "layer_name"), units)
    for k, count in zip(("n_units", "n_channels"), counts, strict=True):
        data[k] = ((*lead, "layer_name"), count.reshape(*shape, len(names)))
    return xr.Dataset(data, coords, attrs={"level": level, "n_resamples": n_resamples, "min_osi": min_osi})


def _cells(tuning: xr.Dataset, name: str, lead: tuple[str, ...]) -> list[np.ndarray]:
    """One array a model; what all models share is repeated."""
    values = tuning[name]
    if not set(lead) <= set(values.dims):
        return [values.values] * int(np.prod([tuning.sizes[d] for d in lead]))
    arranged = values.transpose(*lead, ...).values
    return list(arranged.reshape(int(np.prod(arranged.shape[:-1])), arranged.shape[-1]))


def _of_ids(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Layer and channel of ``layer.channel.row.column``; padding is left out."""
    parts = [str(i).rsplit(".", 3) for i in ids if str(i)]
    return np.array([p[0] for p in parts], dtype=str), np.array([int(p[1]) for p in parts], dtype=int)


def _by_channel(values: dict[str, np.ndarray], index: np.ndarray, kinds: np.ndarray, dumb: np.ndarray, min_osi: float) -> dict[str, np.ndarray]:
    """One number a channel for every measure."""
    out = {k: np.array([np.median(v[index == c]) for c in range(len(kinds))]) for k, v in values.items()}
    out["share_tuned"] = np.array([np.mean(values["osi"][index == c] >= min_osi) for c in range(len(kinds))])
    every = np.union1d(kinds, dumb)
    live = np.array([np.sum(kinds[index] == c) if len(index) else 0 for c in every])
    quiet = np.array([np.sum(dumb == c) for c in every])
    out["share_responding"] = live / np.maximum(live + quiet, 1)
    return out


def _bounds(values: np.ndarray, level: float) -> np.ndarray:
    """Interval over the resamples, which follow the estimate."""
    return np.quantile(values[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)


def _newcombe(estimate: np.ndarray, bounds: np.ndarray, axis: int) -> np.ndarray:
    """Interval of the first less the second along an axis of `bounds` (one less in `estimate`), independent of each other."""
    (a, b), (low, high) = (estimate.take(k, axis - 1) for k in (0, 1)), bounds
    low_a, low_b, high_a, high_b = (v.take(k, axis - 1) for v in (low, high) for k in (0, 1))
    return np.stack([a - b - np.hypot(a - low_a, high_b - b), a - b + np.hypot(high_a - a, b - low_b)])


def _with_bounds(name: str, estimate: np.ndarray, bounds: np.ndarray, dims: tuple[str, ...], units: str) -> dict[str, Any]:
    parts = zip(("", "_low", "_high"), (estimate, *bounds), strict=True)
    return {name + suffix: (dims, part, {"units": units}) for suffix, part in parts}
