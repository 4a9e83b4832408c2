"""Selectivity for objects, its tolerance to position, and the time course: the same indices for recorded neurons and model units."""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import permutation, tuning
from neurodyn.schema import NEUROID, check_responses

__all__ = ["object_selectivity"]

WHERE = "object_selectivity"


def object_selectivity(
    responses: xr.DataArray,
    *,
    object: str = "object",
    position: str = "position",
    baseline_ms: tuple[float, float] = (-100.0, 0.0),
    window_ms: tuple[float, float] = (50.0, 250.0),
    n_permutations: int = 500,
    alpha: float = 0.05,
    seed: int,
) -> xr.Dataset:
    """Measure how each neuroid tells objects apart, whether it does so wherever they are, and when it responds.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        With times; of a brain or a model.
    object, position : str
        Coords of `presentation`; every object at every position.
    baseline_ms, window_ms : (start, end)
        Bins that lie within count: before the stimulus, and for the response.
    n_permutations, alpha : int, float
        Objects are exchanged within positions, where there are repeats.
    seed : int

    Returns
    -------
    Dataset
        ==================  ====================  =====  ==================================================================================
        variable            dims                  units  meaning
        ==================  ====================  =====  ==================================================================================
        lifetime_sparseness neuroid               1      over objects, mean of the positions; responses less the baseline, at least 0
        selectivity_index   neuroid               1      (n - sum(r / max r)) / (n - 1), likewise
        position_tolerance  neuroid               1      mean correlation of the objects' responses between pairs of positions; NaN for one position
        latency_ms          neuroid               ms     half height of the mean response after onset
        transience          neuroid               1      1 - last quarter of the stimulus bins / peak: 0 sustained, 1 transient
        course              neuroid, time_bin     1      mean response less the baseline, of the sign of its largest deviation
        p_value, tuned      neuroid                      where there are repeats
        silent_neuroid_id   silent_neuroid               no response above the baseline, left out
        ==================  ====================  =====  ==================================================================================

    Raises
    ------
    SchemaError
        Responses without times or without the two coords, or an object that is missing at a position.
    ConfigError
        Windows that hold no bin, fewer than two objects.

    Notes
    -----
    Noise makes objects look different: where repeats are few, sparseness and the selectivity index are biased upwards and the tolerance downwards.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> rate = np.zeros((4, 1, 4))
    >>> rate[:2, :, 2:] = 1.0
    >>> where = {"object": ["a", "a", "b", "b"], "position": ["l", "r", "l", "r"]}
    >>> bins = [(-100, 0), (0, 50), (50, 150), (150, 250)]
    >>> r = make_recordings(rate, stimulus_id=["a@l", "a@r", "b@l", "b@r"], neuroid_id=["n"], time_bins_ms=bins, presentation=where)
    >>> ds = object_selectivity(r, seed=0)
    >>> float(ds.selectivity_index), float(ds.position_tolerance)
    (1.0, 1.0)
    """
    responses = check_responses(responses, where=WHERE)
    names, places = (_labels(responses, key) for key in (object, position))
    if "time_bin_start" not in responses.coords:
        raise SchemaError(WHERE, "`responses` have no times", expected="time_bin_start and time_bin_end in ms")
    start, end = (responses[f"time_bin_{k}"].values.astype(float) for k in ("start", "end"))
    before, during = (_within(start, end, window) for window in (baseline_ms, window_ms))
    objects, i = np.unique(names, return_inverse=True)
    spots, j = np.unique(places, return_inverse=True)
    if len(objects) < 2:
        raise ConfigError(WHERE, f"all presentations show `{objects[0]}`", expected="at least two objects")
    condition = i * len(spots) + j
    counts = np.bincount(condition, minlength=len(objects) * len(spots))
    if not counts.all():
        k = int(np.argmin(counts))
        what = f"object `{objects[k // len(spots)]}` is never at position `{spots[k % len(spots)]}`"
        raise SchemaError(WHERE, what, expected="every object at every position")
    values = responses.values.astype(float)
    trials = values[:, :, during].mean(2) - values[:, :, before].mean(2).mean(0)
    sums = np.zeros((len(counts), trials.shape[1]))
    np.add.at(sums, condition, trials)
    profile = (sums / counts[:, None]).reshape(len(objects), len(spots), -1)
    course = values.mean(0) - values[:, :, before].mean((0, 2))[:, None]
    after = start >= 0
    sign = np.sign(np.take_along_axis(course[:, after], np.abs(course[:, after]).argmax(1)[:, None], axis=1))
    course = course * np.where(sign == 0, 1.0, sign)
    mean = np.maximum(profile.mean(1), 0)
    live = (mean.max(0) > 0) & (course[:, after].max(1) > 0)
    data = _indices(mean[:, live], profile[..., live])
    width = float(np.median(end[after] - start[after]))
    data["latency_ms"] = (NEUROID, start[after][0] + tuning.latency(course[live][:, after]) * width, {"units": "ms"})
    data["transience"] = (NEUROID, tuning.transience(course[live][:, after & (end <= window_ms[1])]), {"units": "1"})
    data["course"] = ((NEUROID, "time_bin"), course[live], {"units": str(responses.attrs.get("units", "1"))})
    if counts.max() >= 2:
        p = permutation.condition_test(trials[:, live], condition, stratum=j, n_permutations=n_permutations, seed=seed)
        data["p_value"], data["tuned"] = (NEUROID, p, {"units": "1"}), (NEUROID, p <= alpha)
    coords = {str(k): (NEUROID, v.values[live]) for k, v in responses.coords.items() if v.dims == (NEUROID,)}
    times = {k: ("time_bin", responses[k].values, responses[k].attrs) for k in ("time_bin_start", "time_bin_end")}
    left_out = ("silent_neuroid", responses["neuroid_id"].values[~live])
    attrs = {"n_objects": len(objects), "n_positions": len(spots), "n_presentations": len(names)}
    return xr.Dataset(data, coords={**coords, **times, "silent_neuroid_id": left_out}, attrs=attrs)


def _labels(responses: xr.DataArray, name: str) -> np.ndarray:
    known = [str(k) for k, v in responses.coords.items() if v.dims == ("presentation",)]
    if name not in known:
        raise SchemaError(WHERE, f"`responses` have no coord `{name}` along presentation", expected=f"one of {', '.join(known)}")
    return responses[name].values.astype(str)


def _within(start: np.ndarray, end: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    inside = (start >= window[0] - 1e-9) & (end <= window[1] + 1e-9)
    if not inside.any():
        raise ConfigError(WHERE, f"no time bin lies within {window[0]:g}..{window[1]:g} ms", expected=f"a window within {start.min():g}..{end.max():g} ms")
    return inside


def _indices(mean: np.ndarray, profile: np.ndarray) -> dict[str, tuple]:
    """`mean` (object, neuroid), `profile` (object, position, neuroid)."""
    n, one = len(mean), {"units": "1"}
    sparse = (1 - np.square(mean.mean(0)) / np.maximum(np.square(mean).mean(0), 1e-300)) / (1 - 1 / n)
    depth = (n - (mean / mean.max(0)).sum(0)) / (n - 1)
    tolerance = np.zeros(mean.shape[1])
    pairs = list(itertools.combinations(range(profile.shape[1]), 2))
    if not pairs:
        tolerance[:] = np.nan
    for a, b in pairs:
        x, y = (profile[:, k] - profile[:, k].mean(0) for k in (a, b))
        norm = np.sqrt(np.square(x).sum(0) * np.square(y).sum(0))
        tolerance += np.where(norm > 0, (x * y).sum(0) / np.where(norm > 0, norm, 1), 0.0) / len(pairs)
    return {"lifetime_sparseness": (NEUROID, sparse, one), "selectivity_index": (NEUROID, depth, one), "position_tolerance": (NEUROID, tolerance, one)}
