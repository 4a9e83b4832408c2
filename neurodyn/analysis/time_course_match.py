"""Whether a layer's mean activity rises and falls as that of a brain region does, image by image."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.analysis._alignment import prepare
from neurodyn.errors import ConfigError, NeurodynWarning, SchemaError
from neurodyn.numerics.correlation import pearson
from neurodyn.numerics.resampling import holm
from neurodyn.schema import NEUROID, TIME_BIN
from neurodyn.seeding import numpy_generator

__all__ = ["time_course_match"]


def time_course_match(
    responses: xr.DataArray,
    recordings: xr.DataArray,
    *,
    latencies_ms: Sequence[float] = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0),
    folds: int = 5,
    n_shuffles: int = 100,
    min_bins: int = 5,
    seed: int,
) -> xr.Dataset:
    """Correlate population time courses over time bins, and compare with the brain's time bins in random order.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a model, in ms; ``layer`` along `neuroid`.  Bins as wide as the recording's.
    recordings : DataArray, (presentation, neuroid, time_bin)
        Repeats are averaged; ``region`` along `neuroid` (all are one region without it).
    latencies_ms : sequence of float
        Delays of the brain behind the model that are tried; multiples of the bin.  The delay of an image is chosen on the other folds of images.
    folds : int
        Images are dealt to folds at random.
    n_shuffles : int
        Random orders of the brain's bins, the same for all images.
    min_bins : int
        Bins that model and brain must share at a delay.
    seed : int

    Returns
    -------
    Dataset
        =================  ===============================  =====  ======================================================================
        variable           dims                             units  meaning
        =================  ===============================  =====  ======================================================================
        similarity         (layer, region, presentation)    1      correlation over bins of the two means over neuroids; NaN where one is flat
        shuffled           (layer, region, presentation)    1      the same, mean over random orders of the brain's bins
        median_similarity  (layer, region)                  1      over images
        median_shuffled    (layer, region)                  1
        p_value            (layer, region)                  1      share of phase-randomised courses that match as well, one-sided
        p_adjusted         (layer, region)                  1      Holm over layers and regions
        latency_ms         (layer, region)                  ms     delay chosen most often
        latency_by_fold    (layer, region, fold)            ms     delay chosen on the other images
        model_course       (layer, time_bin_model)          1      mean over images and neuroids, scaled to 0..1
        brain_course       (region, time_bin)               1      the same of the brain
        =================  ===============================  =====  ======================================================================

    Raises
    ------
    SchemaError
        Other images, a model without time or layers, bins of another width.
    ConfigError
        A delay that is no multiple of the bin, or leaves too few bins; fewer images than folds.

    Notes
    -----
    After CordsNet's comparison of activity in its last two layers with V4 and IT, whose own binning, normalisation and test are not published: these
    are ours.  A correlation is not changed by scaling, so nothing is normalised but for the picture.  Images share one time course and neighbouring bins
    are alike, so neither is the sample of the test: surrogates of the recording keep its power spectrum, have random phases, the same for all images,
    and choose their delay anew.  With n surrogates the smallest p is 1 / (n + 1).

    Examples
    --------
    >>> from neurodyn.schema import make_recordings, make_responses
    >>> rise = np.minimum(np.arange(12), 6.0) * np.linspace(1, 2, 20)[:, None, None]
    >>> bins = {"step": np.arange(12), "step_end": np.arange(12) + 1, "dt_ms": 10.0}
    >>> labels = {"stimulus_coords": {"stimulus_id": np.arange(20)}, "neuroid_coords": {"neuroid_id": ["a"], "layer": ["V4"]}}
    >>> brain = make_recordings(rise, stimulus_id=np.arange(20), neuroid_id=["n"], time_bins_ms=[(10 * k, 10 * k + 10) for k in range(12)])
    >>> float(time_course_match(make_responses(rise, **labels, **bins), brain, seed=0).median_similarity.squeeze().round(6))
    1.0
    """
    where = "time_course_match"
    X, Y, ids, recordings = prepare(responses, recordings, where)
    if "time_bin_start" not in responses.coords or "layer" not in responses.coords:
        raise SchemaError(where, "`responses` has no bins in ms, or no layers", expected="responses of a model with dt_ms")
    if not 2 <= folds <= len(ids):
        raise ConfigError(where, f"{folds} folds of {len(ids)} images", expected=f"2 to {len(ids)} folds")
    pairs = _pairs(responses, recordings, latencies_ms, min_bins)
    layers, of_layer = _names(responses.layer.values)
    regions, of_region = _names(recordings.region.values) if "region" in recordings.coords else (["all"], np.zeros(Y.shape[1], int))
    model = np.stack([X[:, of_layer == k].mean(axis=1) for k in range(len(layers))])  # (layer, image, bin)
    brain = np.stack([Y[:, of_region == k].mean(axis=1) for k in range(len(regions))])
    fold = numpy_generator(seed, where, "folds").permutation(len(ids)) % folds
    orders = [numpy_generator(seed, where, "order", k).permutation(brain.shape[2]) for k in range(n_shuffles)]
    phases = [numpy_generator(seed, where, "phases", k).uniform(0, 2 * np.pi, brain.shape[2] // 2 + 1) for k in range(n_shuffles)]
    grid = (len(layers), len(regions))
    found, null = (np.full((*grid, len(ids)), np.nan) for _ in range(2))
    p = np.full(grid, np.nan)
    chosen = np.full((*grid, folds), np.nan)
    for i, j in np.ndindex(*grid):
        at = np.stack([_over_bins(model[i][:, a], brain[j][:, b]) for a, b in pairs.values()])  # (delay, image)
        mean = np.stack([_nanmean(at[:, fold != f]) for f in range(folds)])  # (fold, delay)
        if not np.isfinite(mean).any(axis=1).all():
            continue
        pick = np.nanargmax(mean, axis=1)
        chosen[i, j] = np.asarray(list(pairs))[pick]
        found[i, j] = at[pick[fold], np.arange(len(ids))]
        for k in np.unique(pick):
            a, b = list(pairs.values())[k]
            rows = pick[fold] == k
            shuffles = [_over_bins(model[i][rows][:, a], brain[j][rows][:, order][:, b]) for order in orders]
            null[i, j, rows] = np.mean(shuffles, axis=0) if shuffles else np.nan
        p[i, j] = _share_of_surrogates(model[i], brain[j], list(pairs.values()), phases)
    return _label(found, null, p, chosen, model, brain, (layers, regions, ids), responses, recordings)


def _names(values: np.ndarray) -> tuple[list[str], np.ndarray]:
    text = np.asarray(values).astype(str)
    names = list(dict.fromkeys(text))
    return names, np.array([names.index(v) for v in text])


def _pairs(responses: xr.DataArray, recordings: xr.DataArray, latencies_ms: Sequence[float], min_bins: int) -> dict[float, tuple[np.ndarray, np.ndarray]]:
    """For each delay, which model bins meet which recorded bins."""
    (a, a_end), (b, b_end) = ([np.asarray(d[k].values, float) for k in ("time_bin_start", "time_bin_end")] for d in (responses, recordings))
    if not (np.allclose(a_end - a, a_end[0] - a[0]) and np.allclose(b_end - b, a_end[0] - a[0])):
        raise SchemaError(
            "time_course_match",
            f"bins last {a_end[0] - a[0]:g} ms in `responses` and {b_end[0] - b[0]:g} ms in `recordings`",
            expected="equal widths",
            fix="simulate(..., record=Record(bins_ms=[...])) with bins of the recording's width",
        )
    found = {}
    for delay in latencies_ms:
        i, j = np.nonzero(np.abs(a[:, None] + delay - b[None, :]) < 1e-6)
        if len(i) >= min_bins:
            found[float(delay)] = (i, j)
    if not found:
        raise ConfigError(
            "time_course_match",
            f"no delay of {[float(d) for d in latencies_ms][:5]} brings {min_bins} bins of the model onto bins of the recording",
            expected="multiples of the bin's width, and recordings that overlap the trial",
        )
    return found


def _share_of_surrogates(model: np.ndarray, brain: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]], phases: list[np.ndarray]) -> float:
    """How many surrogates of the recording match as well; each chooses its delay as the data did."""

    def best(course: np.ndarray) -> float:
        at = np.stack([_over_bins(model[:, a], course[:, b]) for a, b in pairs])
        means = _nanmean(at)
        return float(np.nanmedian(at[np.nanargmax(means)])) if np.isfinite(means).any() else -np.inf

    seen, spectrum = best(brain), np.fft.rfft(brain, axis=1)
    made = (np.fft.irfft(spectrum * np.exp(1j * phase), n=brain.shape[1], axis=1) for phase in phases)
    return (1 + sum(best(course) >= seen for course in made)) / (1 + len(phases))


def _over_bins(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return pearson(a, b, axis=1)


def _nanmean(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=1)


def _label(
    found: np.ndarray,
    null: np.ndarray,
    p: np.ndarray,
    chosen: np.ndarray,
    model: np.ndarray,
    brain: np.ndarray,
    names: tuple[list[str], list[str], np.ndarray],
    responses: xr.DataArray,
    recordings: xr.DataArray,
) -> xr.Dataset:
    layers, regions, ids = names
    adjusted = np.full_like(p, np.nan)
    adjusted[np.isfinite(p)] = holm(p[np.isfinite(p)])
    flat = [layers[i] for i in range(len(layers)) if not np.isfinite(found[i]).any()]
    if flat:
        warnings.warn(f"time_course_match: the mean activity of {', '.join(flat)} does not change over time", NeurodynWarning, stacklevel=3)
    unit, ms = {"units": "1"}, {"units": "ms"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        middle = [np.nanmedian(v, axis=2) for v in (found, null)]
    variables: dict[str, Any] = {
        "similarity": (("layer", "region", "presentation"), found, unit),
        "shuffled": (("layer", "region", "presentation"), null, unit),
        "median_similarity": (("layer", "region"), middle[0], unit),
        "median_shuffled": (("layer", "region"), middle[1], unit),
        "p_value": (("layer", "region"), p, unit),
        "p_adjusted": (("layer", "region"), adjusted, unit),
        "latency_ms": (("layer", "region"), _commonest(chosen), ms),
        "latency_by_fold": (("layer", "region", "fold"), chosen, ms),
        "model_course": (("layer", "time_bin_model"), _unit_range(model.mean(axis=1)), unit),
        "brain_course": (("region", TIME_BIN), _unit_range(brain.mean(axis=1)), unit),
    }
    edges = {k: (TIME_BIN, np.asarray(recordings[k].values, float), ms) for k in ("time_bin_start", "time_bin_end")}
    edges |= {f"{k}_model": ("time_bin_model", np.asarray(responses[k].values, float), ms) for k in ("time_bin_start", "time_bin_end")}
    coords = {"layer": layers, "region": regions, "stimulus_id": ("presentation", ids), **edges}
    counts = {"n_images": len(ids), "n_recorded": recordings.sizes[NEUROID], "n_units": responses.sizes[NEUROID]}
    return xr.Dataset(variables, coords=coords, attrs={**counts, "synthetic": str(recordings.attrs.get("synthetic", "no"))})


def _commonest(chosen: np.ndarray) -> np.ndarray:
    out = np.full(chosen.shape[:2], np.nan)
    for i, j in np.ndindex(*out.shape):
        values = chosen[i, j][np.isfinite(chosen[i, j])]
        if values.size:
            names, counts = np.unique(values, return_counts=True)
            out[i, j] = names[counts.argmax()]
    return out


def _unit_range(course: np.ndarray) -> np.ndarray:
    low, high = course.min(axis=1, keepdims=True), course.max(axis=1, keepdims=True)
    return (course - low) / np.where(high > low, high - low, 1.0)
