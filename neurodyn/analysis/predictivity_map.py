"""Which layer, at which moment of the model, predicts which moment of the recording; and the latency between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.analysis._alignment import neuroid_labels, prepare
from neurodyn.errors import SchemaError, unknown_name
from neurodyn.numerics.crossval import make_splits
from neurodyn.numerics.projection import project
from neurodyn.numerics.resampling import bootstrap_ci
from neurodyn.numerics.ridge import ALPHAS, ridge_cv, unit_rms
from neurodyn.schema import NEUROID, TIME_BIN
from neurodyn.seeding import numpy_generator

__all__ = ["predictivity_map"]


def predictivity_map(
    responses: xr.DataArray,
    recordings: xr.DataArray,
    *,
    layers: Sequence[str] | None = None,
    folds: int = 5,
    alphas: Sequence[float] = ALPHAS,
    n_features: int | None = None,
    nan: str = "raise",
    seed: int,
) -> xr.Dataset:
    """Fit every bin of every layer to every bin of the recording (ridge), and find the lag at which they match best.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Model activity with ``layer`` along `neuroid` (one layer where the coord is absent).
    recordings : DataArray, (presentation, neuroid, time_bin)
        Repeats are rows and are averaged.
    layers : sequence of str, optional
        All when absent.
    folds : int
    alphas : sequence of float
        Penalties tried, in units of the features' mean variance; one chosen for each neuroid and bin on the training folds.
    n_features : int, optional
        Project larger layers to this many features at random; ``projection_error`` says what it cost.
    nan : {"raise", "drop-neuroid"}
    seed : int

    Returns
    -------
    Dataset
        =================  =============================================  =====  ======================================================
        variable           dims                                           units  meaning
        =================  =============================================  =====  ======================================================
        raw                (layer, model_time_bin, time_bin, neuroid)     1      held-out correlation, mean over folds
        latency_ms         (layer)                                        ms     lag of the recording behind the model at which least
                                                                                 correlation is lost
        latency_low, high  (layer)                                        ms     95 % interval over neuroids
        latency_by_fold    (layer, fold)                                  ms     the lag chosen on that fold's training rows alone
        raw_at_latency     (layer, neuroid)                               1      correlation in each fold at that lag, mean over folds
        projection_error   (layer)                                        1      0 where no projection was needed
        =================  =============================================  =====  ======================================================

        Latencies are NaN where the model's steps are not time, and for layers that predict nothing.

    Raises
    ------
    SchemaError
        As for :func:`neurodyn.analysis.predictivity.predictivity`.

    Notes
    -----
    A lag L joins all pairs of bins whose centres differ by L, provided they cover at least half of the recording.  What it loses is, in each of these
    recorded bins, the correlation of the best bin of the model minus that of the bin at L (means over neuroids), mean over recorded bins.  The mean
    correlation itself will not do: a longer lag leaves out more of the early bins, in which nothing can be predicted, and so looks better.

    The lag of a fold is the one that loses least of the variance explained when its training rows are left out one by one.  It must not be chosen by the
    correlations in the other folds: their fits have seen the fold's rows, and on noise the best lag would seem to predict them.
    """
    X, Y, ids, recordings = prepare(responses, recordings, "predictivity_map", nan)
    of_unit = np.asarray(responses["layer"].values).astype(str) if "layer" in responses.coords else np.full(X.shape[1], "all")
    known = list(dict.fromkeys(of_unit))
    chosen = known if layers is None else list(layers)
    for name in chosen:
        if name not in known:
            raise unknown_name("predictivity_map", "layer", name, known)
    splits = make_splits(len(ids), n_splits=folds, seed=seed)
    n_model, n_bins, n_sites = X.shape[2], Y.shape[2], Y.shape[1]
    r, inner = np.zeros((2, folds, len(chosen), n_model, n_bins, n_sites))
    variance = np.stack([Y[train].var(axis=0) for train, _ in splits])
    penalties = np.resize(np.asarray(alphas, dtype=float), max(2, np.size(alphas)))  # of one penalty two, so that its inner error is told
    errors = np.zeros(len(chosen))
    for i, name in enumerate(chosen):
        units = X[:, of_unit == name]
        for t in range(n_model):
            x = units[:, :, t]
            if n_features is not None and x.shape[1] > n_features:
                x, error = project(x, n_features, numpy_generator(seed, "predictivity_map", name))
                errors[i] = max(errors[i], error)
            if np.ptp(x, axis=0).max() == 0:  # nothing has reached this layer yet
                continue
            fit = ridge_cv(unit_rms(x), Y, splits, alphas=penalties.tolist())
            r[:, i, t] = np.moveaxis(fit.r, 1, 2)
            with np.errstate(invalid="ignore", divide="ignore"):
                inner[:, i, t] = np.moveaxis(1 - fit.inner_error / variance, 1, 2)
    r, inner = np.nan_to_num(r, nan=0.0), np.nan_to_num(inner, nan=0.0, neginf=0.0)
    latency = _latencies(responses, recordings, r, inner, seed)
    unit, ms = {"units": "1"}, {"units": "ms"}
    data = {
        "raw": (("layer", "model_time_bin", TIME_BIN, NEUROID), r.mean(axis=0), unit),
        "latency_ms": (("layer",), latency["all"], ms),
        "latency_low": (("layer",), latency["low"], ms),
        "latency_high": (("layer",), latency["high"], ms),
        "latency_by_fold": (("layer", "fold"), latency["by_fold"], ms),
        "raw_at_latency": (("layer", NEUROID), latency["raw"], unit),
        "projection_error": (("layer",), errors, unit),
    }
    coords: dict[str, Any] = {**neuroid_labels(recordings), "layer": chosen, "fold": np.arange(folds)}
    for name in ("time_bin_start", "time_bin_end", "step"):
        if name in responses.coords:
            coords[f"model_{name}"] = ("model_time_bin", responses[name].values, responses[name].attrs)
    return xr.Dataset(data, coords=coords, attrs={"folds": folds, "n_stimuli": len(ids), "regression": "ridge"})


def _latencies(responses: xr.DataArray, recordings: xr.DataArray, r: np.ndarray, inner: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    folds, n_layers, _, _, n_sites = r.shape
    nothing = {k: np.full(n_layers, np.nan) for k in ("all", "low", "high")}
    nothing |= {"by_fold": np.full((n_layers, folds), np.nan), "raw": np.full((n_layers, n_sites), np.nan)}
    if "time_bin_start" not in responses.coords:
        return nothing
    lags, pairs = _lags(_centres(responses), _centres(recordings))
    out = {k: v.copy() for k, v in nothing.items()}
    for i in range(n_layers):
        table = r[:, i].mean(axis=0)  # (model bin, bin, neuroid)
        if np.ptp(table) == 0:
            out["raw"][i] = 0.0
            continue
        interval = bootstrap_ci(
            table.reshape(-1, n_sites),
            lambda values, axis, shape=table.shape[:2]: _best_lag(values.mean(axis=axis).T.reshape(-1, *shape), lags, pairs),
            n_resamples=500,
            seed=seed,
        )
        out["all"][i], out["low"][i], out["high"][i] = np.ravel(interval.estimate)[0], interval.low, interval.high
        best = _best_lag(inner[:, i].mean(axis=3), lags, pairs)
        out["by_fold"][i] = best
        out["raw"][i] = np.mean([r[k, i][pairs[int(np.nonzero(lags == lag)[0][0])]].mean(axis=0) for k, lag in enumerate(best)], axis=0)
    return out


def _centres(data: xr.DataArray) -> np.ndarray:
    return (np.asarray(data.time_bin_start.values, float) + np.asarray(data.time_bin_end.values, float)) / 2


def _lags(model: np.ndarray, brain: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Lags that cover half of the recording, and for each the pairs of bins it joins, (model bin, bin)."""
    difference = np.round(brain[None, :] - model[:, None], 6)
    lags = [lag for lag in np.unique(difference) if (difference == lag).any(axis=0).sum() >= (len(brain) + 1) // 2]
    if not lags:
        raise SchemaError(
            "predictivity_map",
            "no lag matches half of the recorded bins with bins of the model",
            expected="model bins spaced like the recorded ones",
            fix="simulate(..., record=Record(bins_ms=[...])) with bins of the recording's width",
        )
    return np.asarray(lags), [difference == lag for lag in lags]


def _best_lag(tables: np.ndarray, lags: np.ndarray, pairs: list[np.ndarray]) -> np.ndarray:
    """The lag at which each table, (..., model bin, bin), loses least against the best model bin for each bin."""
    lost = tables.max(axis=-2, keepdims=True) - tables
    return lags[np.argmin([lost[..., joined].mean(axis=-1) for joined in pairs], axis=0)]
