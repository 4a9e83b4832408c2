"""How well model activity predicts recordings: held-out correlation, ceiling, and their quotient, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.analysis._alignment import bins_match, by_repeat, neuroid_labels, per_stimulus, prepare, refuse_bins
from neurodyn.errors import ConfigError, NeurodynWarning, first_of, unknown_name
from neurodyn.numerics.correlation import explained_variance
from neurodyn.numerics.crossval import CVResult, Split, held_out_correlation, make_splits
from neurodyn.numerics.fold_bootstrap import fold_bootstrap
from neurodyn.numerics.pls import pls_cv
from neurodyn.numerics.projection import project
from neurodyn.numerics.reliability import split_half_ceiling
from neurodyn.numerics.ridge import ALPHAS, ridge_cv, unit_rms
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN
from neurodyn.seeding import numpy_generator

__all__ = ["CONVENTIONS", "MAPPINGS", "REGRESSIONS", "predictivity"]

REGRESSIONS = ("ridge", "pls")
MAPPINGS = ("concatenate", "per-bin", "shared")
CONVENTIONS = {"r^2/c": lambda r, c: r * np.abs(r) / c, "(r/c)^2": lambda r, c: r * np.abs(r) / c**2, "r/sqrt(c)": lambda r, c: r / np.sqrt(c)}


def predictivity(
    responses: xr.DataArray,
    recordings: xr.DataArray,
    *,
    regression: str = "ridge",
    folds: int = 10,
    mapping: str | None = None,
    groups: str | None = None,
    ceiling: float | xr.DataArray | None = None,
    convention: str = "r^2/c",
    alphas: Sequence[float] = ALPHAS,
    n_components: int = 25,
    n_features: int | None = None,
    nan: str = "raise",
    n_resamples: int = 1000,
    keep_predictions: bool = False,
    seed: int,
) -> xr.Dataset:
    """Predict each recorded neuroid from model activity on stimuli that the fit has not seen.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Model activity, one row a stimulus (rows with a ``repetition`` are averaged).
    recordings : DataArray, (presentation, neuroid, time_bin)
        Repeats are rows: averaged for the fit, used for the ceiling.
    regression : {"ridge", "pls"}
        Ridge chooses a penalty for each neuroid on the training folds; PLS takes `n_components` (exact solver).
    folds : int
        Stimuli are dealt to folds at random.
    mapping : {"concatenate", "per-bin", "shared"}, optional
        ``"concatenate"`` makes every model bin a feature of every recorded bin; ``"per-bin"`` fits bin to equal bin; ``"shared"`` fits one
        map to all bins (rows are stimulus x bin).  When absent: per bin where bins match, concatenate where the model has one bin.
    groups : str, optional
        A coord of the recordings' presentations; stimuli of one group are never on both sides of a fold.
    ceiling : float or DataArray (neuroid), optional
        A ceiling from elsewhere; when absent the split-half reliability of the repeats, missing where there are none.
    convention : {"r^2/c", "(r/c)^2", "r/sqrt(c)"}
        How `normalised` is made; negative correlations stay negative.
    alphas : sequence of float
        Penalties tried (ridge), in units of the features' mean variance: a model's firing rates may be scaled without any effect.
    n_components : int
        Components (PLS).
    n_features : int, optional
        Project more features than this to this many at random; the error is reported.
    nan : {"raise", "drop-neuroid"}
    n_resamples : int
        Bootstrap resamples of held-out predictions (and of neuroids, for the medians).
    keep_predictions : bool
        Also return held-out predictions and targets, which paired comparisons need.
    seed : int

    Returns
    -------
    Dataset
        The dim `time_bin` is there where the recordings have several bins.

        ====================  ====================  =====  ===================================================================
        variable              dims                  units  meaning
        ====================  ====================  =====  ===================================================================
        raw                   (neuroid[, time_bin]) 1      held-out Pearson correlation, mean over folds
        raw_low, raw_high     (neuroid[, time_bin]) 1      95 % interval over held-out predictions (`groups`)
        explained_variance    (neuroid[, time_bin]) 1      1 - squared error / variance of the held-out predictions
        ceiling               (neuroid[, time_bin]) 1      reliability c of the mean over repeats; NaN where unknown
        normalised            (neuroid[, time_bin]) 1      `convention` of raw and ceiling; NaN where excluded
        status                (neuroid[, time_bin])        "ok", "constant", "near-silent" or "no ceiling"
        median_raw            ([time_bin])          1      of raw over neuroids
        median_raw_low, _high ([time_bin])          1      95 % interval over held-out predictions and neuroids
        median_normalised     ([time_bin])          1      of normalised over neuroids (NaN without ceiling)
        prediction, target    (presentation, ...)          only with `keep_predictions`; `fold` along `presentation`
        ====================  ====================  =====  ===================================================================

    Raises
    ------
    SchemaError
        For ids missing on one side, NaN, transposed or overlapping data.
    ConfigError
        For unknown names, or a mapping that needs equal bins.
    NumericsError
        For fewer stimuli than folds or components.

    Notes
    -----
    Constant neuroids, neuroids that are constant within a fold, and ceilings at or under zero are excluded and listed in ``attrs["excluded"]``
    and in one warning; nothing is divided by them.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings, make_responses
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(60, 4, 1))
    >>> labels = {"stimulus_coords": {"stimulus_id": np.arange(60)}, "neuroid_coords": {"neuroid_id": np.arange(4)}}
    >>> model = make_responses(x, **labels, step=[0], dt_ms=None)
    >>> brain = make_recordings(x[:, :2], stimulus_id=np.arange(60), neuroid_id="ab", time_bins_ms=[(70, 170)])
    >>> bool(predictivity(model, brain, folds=5, seed=0).median_raw > 0.99)
    True
    """
    if regression not in REGRESSIONS:
        raise unknown_name("predictivity", "regression", regression, REGRESSIONS)
    if convention not in CONVENTIONS:
        raise unknown_name("predictivity", "convention", convention, CONVENTIONS)
    X, Y, ids, recordings = prepare(responses, recordings, "predictivity", nan)
    mapping = _mapping(mapping, responses, recordings)
    names = None if groups is None else per_stimulus(recordings, groups, "predictivity")
    splits = make_splits(len(ids), n_splits=folds, groups=names, seed=seed)
    X, projection_error = _reduce(X, n_features, seed)
    result = _fit(X, Y, splits, mapping, regression, alphas, n_components, names)
    status = _status(Y, splits)
    usable = status == "ok"
    raw = np.where(usable, result.r.mean(axis=0), np.nan)
    c, source = _ceiling(recordings, ceiling, Y.shape[1:], seed)
    status[usable & ~(c > 0) & np.isfinite(c)] = "no ceiling"
    good = usable & (c > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        normalised = np.where(good, CONVENTIONS[convention](raw, np.where(good, c, np.nan)), np.nan)
    generator = numpy_generator(seed, "predictivity", "bootstrap")
    boot = fold_bootstrap(result.predictions, Y, result.test, n_resamples=n_resamples, generator=generator, keep=usable, groups=names)
    excluded = _report(status, recordings)
    dims: tuple[str, ...] = (NEUROID, TIME_BIN)
    predicted = result.out_of_fold(len(ids))
    data: dict[str, Any] = {
        "raw": (dims, raw),
        "raw_low": (dims, boot.low),
        "raw_high": (dims, boot.high),
        "explained_variance": (dims, np.where(usable, explained_variance(predicted, Y), np.nan)),
        "ceiling": (dims, c),
        "normalised": (dims, normalised),
        "median_raw": ((TIME_BIN,), _nanmedian(raw)),
        "median_raw_low": ((TIME_BIN,), boot.median_low),
        "median_raw_high": ((TIME_BIN,), boot.median_high),
        "median_normalised": ((TIME_BIN,), _nanmedian(normalised)),
    }
    if keep_predictions:
        data["prediction"] = ((PRESENTATION, *dims), predicted)
        data["target"] = ((PRESENTATION, *dims), Y)
    variables = {k: (*v, {"units": recordings.attrs.get("units", "1") if k in ("prediction", "target") else "1"}) for k, v in data.items()}
    variables["status"] = (dims, status)
    out = xr.Dataset(variables, coords=neuroid_labels(recordings))
    if keep_predictions:
        fold = np.full(len(ids), -1)
        for k, (_, test) in enumerate(splits):
            fold[test] = k
        out = out.assign_coords(stimulus_id=(PRESENTATION, ids), fold=(PRESENTATION, fold))
    out.attrs = {
        "convention": convention,
        "regression": regression,
        "mapping": mapping,
        "folds": folds,
        "n_stimuli": len(ids),
        "n_features": int(X.shape[1]),
        "projection_error": projection_error,
        "ceiling_source": source,
        "excluded": excluded,
        "n_resamples": n_resamples,
    }
    return out.squeeze(TIME_BIN) if Y.shape[2] == 1 else out


def _mapping(mapping: str | None, responses: xr.DataArray, recordings: xr.DataArray) -> str:
    match = bins_match(responses, recordings)
    if mapping is None:
        if responses.sizes[TIME_BIN] == 1:
            return "concatenate"
        if match:
            return "per-bin"
        raise refuse_bins(responses, recordings, "per-bin", "predictivity")
    if mapping not in MAPPINGS:
        raise unknown_name("predictivity", "mapping", mapping, MAPPINGS)
    if mapping != "concatenate" and not match:
        raise refuse_bins(responses, recordings, mapping, "predictivity")
    return mapping


def _reduce(X: np.ndarray, n_features: int | None, seed: int) -> tuple[np.ndarray, float]:
    if n_features is None or X.shape[1] <= n_features:
        return X, 0.0
    if n_features < 1:
        raise ConfigError("predictivity", f"`n_features` is {n_features}", expected="1 or more")
    flat = np.moveaxis(X, 2, 1).reshape(-1, X.shape[1])
    reduced, error = project(flat, n_features, numpy_generator(seed, "predictivity", "projection"))
    return np.moveaxis(reduced.reshape(X.shape[0], X.shape[2], n_features), 1, 2), error


def _fit(
    X: np.ndarray, Y: np.ndarray, splits: list[Split], mapping: str, regression: str, alphas: Sequence[float], n_components: int, groups: np.ndarray | None
) -> CVResult:
    def run(x: np.ndarray, y: np.ndarray, s: list[Split], g: np.ndarray | None) -> CVResult:
        return ridge_cv(unit_rms(x), y, s, alphas=alphas, groups=g) if regression == "ridge" else pls_cv(x, y, s, n_components=n_components)

    if mapping == "concatenate":
        return run(X.reshape(len(X), -1), Y, splits, groups)
    if mapping == "per-bin":
        parts = [run(X[:, :, b], Y[:, :, b], splits, groups) for b in range(Y.shape[2])]
        predictions = [np.stack([p.predictions[k] for p in parts], axis=-1) for k in range(len(splits))]
    else:
        n, n_bins = len(Y), Y.shape[2]
        rows = [(_spread(a, n, n_bins), _spread(b, n, n_bins)) for a, b in splits]
        owner = np.tile(np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1], n_bins)
        stacked = run(np.concatenate(np.moveaxis(X, 2, 0)), np.concatenate(np.moveaxis(Y, 2, 0)), rows, owner)
        predictions = [np.moveaxis(p.reshape(n_bins, -1, Y.shape[1]), 0, 2) for p in stacked.predictions]
    test = [b for _, b in splits]
    return CVResult(predictions, held_out_correlation(predictions, Y, test), test)


def _spread(rows: np.ndarray, n: int, n_bins: int) -> np.ndarray:
    return (np.arange(n_bins)[:, None] * n + rows).ravel()


def _status(Y: np.ndarray, splits: list[Split]) -> np.ndarray:
    status = np.full(Y.shape[1:], "ok", dtype="<U11")
    for rows in [r for pair in splits for r in pair]:
        status[np.ptp(Y[rows], axis=0) == 0] = "near-silent"
    status[np.ptp(Y, axis=0) == 0] = "constant"
    return status


def _ceiling(recordings: xr.DataArray, given: float | xr.DataArray | None, shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, str]:
    if given is None:
        values, _ = by_repeat(recordings)
        if values.shape[1] < 2 or (np.isfinite(values[:, :, 0, 0]).sum(axis=1) >= 2).sum() < 3:
            return np.full(shape, np.nan), "none: no repeats"
        return split_half_ceiling(values, seed=seed).per_target.reshape(shape), "split-half, Spearman-Brown"
    if isinstance(given, xr.DataArray):
        if NEUROID not in given.dims or "neuroid_id" not in given.coords:
            raise ConfigError("predictivity", f"`ceiling` has dims {given.dims}", expected="a number, or a DataArray (neuroid[, time_bin]) with neuroid_id")
        place = {str(i): k for k, i in enumerate(given.neuroid_id.values)}
        ids = [str(i) for i in recordings.neuroid_id.values]
        missing = [i for i in ids if i not in place]
        if missing:
            raise ConfigError("predictivity", f"`ceiling` lacks {len(missing)} neuroids ({first_of(missing)})", expected="a ceiling for every neuroid")
        values = given.transpose(NEUROID, ...).values[[place[i] for i in ids]]
        return np.broadcast_to(values.reshape(len(ids), -1), shape).astype(float).copy(), "given for each neuroid"
    if not 0 < float(given) <= 1:
        raise ConfigError("predictivity", f"`ceiling` is {given}", expected="a reliability in (0, 1]")
    return np.full(shape, float(given)), f"given: {float(given):g}"


def _report(status: np.ndarray, recordings: xr.DataArray) -> str:
    bad = status != "ok"
    if not bad.any():
        return ""
    ids = np.asarray(recordings.neuroid_id.values).astype(str)
    parts = [f"{kind}: {', '.join(ids[(status == kind).any(axis=1)])}" for kind in ("constant", "near-silent", "no ceiling") if (status == kind).any()]
    rows = ids[bad.any(axis=1)]
    warnings.warn(f"predictivity: {len(rows)} of {len(ids)} neuroids are excluded in some bin ({first_of(rows)}); see `status`", NeurodynWarning, stacklevel=3)
    return "; ".join(parts)


def _nanmedian(values: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(values, axis=0)
