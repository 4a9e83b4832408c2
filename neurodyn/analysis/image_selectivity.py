"""Selectivity of units and of recorded neurons for a set of images: the same indices for both."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import permutation, tuning
from neurodyn.schema import NEUROID, check_responses

__all__ = ["image_selectivity"]

WHERE = "image_selectivity"


def image_selectivity(
    responses: xr.DataArray, *, baseline: xr.DataArray | None = None, property: str | None = None, n_permutations: int = 500, alpha: float = 0.05, seed: int
) -> xr.Dataset:
    """How selectively each neuroid responds to the stimuli shown, whatever they are.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a model or a brain; repeats are rows.
    baseline : DataArray, (neuroid), optional
        Response to grey, subtracted; by ``neuroid_id``.
    property : str, optional
        A coord of `presentation` (an angle in degrees whose name ends in ``_deg``, or any label) to average over first: then
        the indices are of that property, with orientation and direction tuning where it is an angle.
    n_permutations, alpha : int, float
        Permutation test over the repeats, where there are any.
    seed : int

    Returns
    -------
    Dataset
        ===================  =======  =====  ===============================================================================
        variable             dims     units  meaning
        ===================  =======  =====  ===============================================================================
        lifetime_sparseness  neuroid  1      (1 - mean(r)^2 / mean(r^2)) / (1 - 1/n): 0 equal responses, 1 one stimulus
        selectivity_index    neuroid  1      (n - sum(r / max r)) / (n - 1): depth of selectivity
        breadth              neuroid  1      share of stimuli above half of the best response
        best_stimulus        neuroid         its id
        peak                 neuroid  1      best response
        peak_bin_ms          neuroid  ms     middle of the bin where responses vary most (`peak_bin` without times)
        reliability          neuroid  1      correlation of odd and even repeats over stimuli, where every stimulus has two
        p_value, tuned       neuroid         permutation of stimulus labels, where there are repeats
        osi, dsi, ...        neuroid         where `property` is an angle over 360 degrees (see numerics.tuning)
        silent_neuroid_id    silent_neuroid  never above 0, left out
        ===================  =======  =====  ===============================================================================

        Responses are means over the bins, less the baseline; negative ones count as 0.

    Raises
    ------
    SchemaError
        Responses that do not follow the schema, or hold NaN.
    ConfigError
        A property that is not a coord of the presentations, or a single stimulus.

    Notes
    -----
    Sparseness after Vinje and Gallant (2000), depth of selectivity after Rainer and Miller (2000).

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> r = make_recordings(np.eye(4), stimulus_id="abcd", neuroid_id="wxyz", time_bins_ms=[(50, 150)])
    >>> image_selectivity(r, seed=0).lifetime_sparseness.values.tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    responses = check_responses(responses, where=WHERE)
    labels = responses["stimulus_id"].values if property is None else _property(responses, property)
    stimuli, index = np.unique(labels, return_inverse=True)
    if len(stimuli) < 2:
        raise ConfigError(WHERE, f"all {len(labels)} presentations show `{stimuli[0]}`", expected="at least two stimuli")
    trials = responses.values.astype(float).mean(2)
    if baseline is not None:
        if baseline.dims != (NEUROID,) or list(baseline["neuroid_id"].values) != list(responses["neuroid_id"].values):
            raise SchemaError(WHERE, "`baseline` and `responses` hold other neuroids", expected="the same neuroid_id in the same order")
        trials = trials - baseline.values
    counts = np.bincount(index)
    means = np.stack([np.bincount(index, trials[:, u]) / counts for u in range(trials.shape[1])], axis=1)
    r = np.maximum(means, 0)
    live = r.max(0) > 0
    ids = responses["neuroid_id"].values
    data = _indices(r[:, live], stimuli)
    data.update(_timing(responses, index, counts, live))
    if counts.min() >= 2:
        data["reliability"] = (NEUROID, _halves(trials[:, live], index), {"units": "1"})
    if counts.max() >= 2:
        p = permutation.condition_test(trials[:, live], index, n_permutations=n_permutations, seed=seed)
        data["p_value"], data["tuned"] = (NEUROID, p, {"units": "1"}), (NEUROID, p <= alpha)
    if property is not None and property.endswith("_deg"):
        fit = tuning.fit_direction(means[:, live].T, stimuli.astype(float))
        for name in ("preferred_direction_deg", "preferred_orientation_deg", "half_width_deg"):
            data[name] = (NEUROID, getattr(fit, name), {"units": "degree"})
        data["osi"], data["dsi"] = (NEUROID, fit.osi, {"units": "1"}), (NEUROID, fit.dsi, {"units": "1"})
    coords = {str(k): (NEUROID, v.values[live]) for k, v in responses.coords.items() if v.dims == (NEUROID,)}
    return xr.Dataset(
        data, coords={**coords, "silent_neuroid_id": ("silent_neuroid", ids[~live])}, attrs={"n_stimuli": len(stimuli), "n_presentations": len(labels)}
    )


def _property(responses: xr.DataArray, name: str) -> np.ndarray:
    known = [str(k) for k, v in responses.coords.items() if v.dims == ("presentation",)]
    if name not in known:
        raise ConfigError(WHERE, f"`property` is `{name}`", expected=f"one of {', '.join(known)}")
    return responses[name].values


def _indices(r: np.ndarray, stimuli: np.ndarray) -> dict[str, tuple]:
    n = len(r)
    peak = r.max(0)
    sparse = (1 - np.square(r.mean(0)) / np.square(r).mean(0)) / (1 - 1 / n)
    depth = (n - (r / peak).sum(0)) / (n - 1)
    one = {"units": "1"}
    return {
        "lifetime_sparseness": (NEUROID, sparse, one),
        "selectivity_index": (NEUROID, depth, one),
        "breadth": (NEUROID, (r >= peak / 2).mean(0), one),
        "best_stimulus": (NEUROID, stimuli[r.argmax(0)].astype(str)),
        "peak": (NEUROID, peak, one),
    }


def _timing(responses: xr.DataArray, index: np.ndarray, counts: np.ndarray, live: np.ndarray) -> dict[str, tuple]:
    values = responses.values[:, live].astype(float)
    order = np.argsort(index, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    by_stimulus = np.add.reduceat(values[order], starts, axis=0) / counts[:, None, None]
    top = by_stimulus.var(0).argmax(1)
    if "time_bin_start" not in responses.coords:
        return {"peak_bin": (NEUROID, responses["step"].values[top], {"units": "step"})}
    middle = (responses["time_bin_start"].values + responses["time_bin_end"].values) / 2
    return {"peak_bin_ms": (NEUROID, middle[top], {"units": "ms"})}


def _halves(trials: np.ndarray, index: np.ndarray) -> np.ndarray:
    order = np.argsort(index, kind="stable")
    rank = np.empty(len(index), int)
    starts = np.concatenate([[0], np.cumsum(np.bincount(index))[:-1]])
    rank[order] = np.arange(len(index)) - np.repeat(starts, np.bincount(index))
    halves = []
    for parity in (0, 1):
        rows = rank % 2 == parity
        sums = np.stack([np.bincount(index[rows], trials[rows, u], minlength=index.max() + 1) for u in range(trials.shape[1])], axis=1)
        halves.append(sums / np.bincount(index[rows], minlength=index.max() + 1)[:, None])
    a, b = (h - h.mean(0) for h in halves)
    norm = np.sqrt(np.square(a).sum(0) * np.square(b).sum(0))
    return np.where(norm > 0, (a * b).sum(0) / np.where(norm > 0, norm, 1), 0.0)
