"""Brain-Score's metrics and ceilings on neurodyn's engine: the same splits, the same numbers, a fraction of the time."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import scipy.sparse

from neurodyn.brainscore.assemblies import flat_coords
from neurodyn.brainscore.installed import require
from neurodyn.brainscore.solution_times import FastSolutionTimes
from neurodyn.errors import DataError, NeurodynWarning, SchemaError, first_of
from neurodyn.numerics.correlation import pearson
from neurodyn.numerics.pls import pls_cv
from neurodyn.numerics.reliability import split_half_ceiling
from neurodyn.numerics.ridge import ridge_cv

__all__ = ["FastCeiling", "FastCrossRegression", "FastTrainTest", "accelerate", "keep_own_ceiling", "on_engine", "repeat_table"]

TOLERANCE = 1e-5


def accelerate(benchmark: Any, *, verify: bool = False) -> Any:
    """Let a benchmark's metric and ceiling run on neurodyn's engine.

    Parameters
    ----------
    benchmark : NeuralBenchmark or TrainTestNeuralBenchmark
        Changed in place.  Metrics other than cross-validated PLS or ridge (one bin, or one map over time), train/test PLS or ridge and object
        solution times stay as they are; so do ceilings other than internal consistency.
    verify : bool
        Also run Brain-Score's own metric on every call; ``score.attrs["library_score"]`` and ``["difference"]`` report it, a difference above 1e-5
        is a warning, and ``benchmark.differences`` keeps them all.  Not for object solution times, whose own classifier needs TensorFlow.

    Returns
    -------
    benchmark
        The same object; ``benchmark.accelerated`` names what was swapped.

    Notes
    -----
    The ceiling is computed from the benchmark's own data and kept on the object.  Brain-Score's cache is keyed on the identifier alone and returns
    the ceiling of other data under the same identifier; it is not asked.
    """
    require()
    benchmark.differences = []
    benchmark.accelerated = tuple(_swap(benchmark, verify, benchmark.differences))
    return benchmark


@contextmanager
def on_engine(benchmark: Any, *, fast: bool, verify: bool) -> Iterator[list[float]]:
    """For one score: a benchmark on neurodyn's engine, on both, or on Brain-Score's own, whatever it ran on before; afterwards on that again.

    Yields
    ------
    list of float
        Differences between the engines, filled as a verified benchmark is called.
    """
    parts = _parts(benchmark)
    differences: list[float] = []
    before = [(part, name, getattr(part, name)) for part in parts for name in ("_similarity_metric", "_ceiling_func") if hasattr(part, name)]
    try:
        for part, name, value in before:
            setattr(part, name, _own(value))
        keep_own_ceiling(benchmark)
        if fast or verify:
            _swap(benchmark, verify, differences)
        yield differences
    finally:
        for part, name, value in before:
            setattr(part, name, value)


def _parts(benchmark: Any) -> list[Any]:
    """The benchmarks that a benchmark is made of (Cowley2026), or itself."""
    sessions = getattr(benchmark, "_sessions", None)
    return [part for session in sessions for part in _parts(session)] if sessions else [benchmark]


def _own(value: Any) -> Any:
    """Brain-Score's own metric or ceiling behind ours."""
    return getattr(value, "library", value)


def _swap(benchmark: Any, verify: bool, differences: list[float]) -> list[str]:
    swapped = []
    for part in _parts(benchmark):
        for name, what, fast_of in (("_similarity_metric", "metric", _fast_metric), ("_ceiling_func", "ceiling", _fast_ceiling)):
            own = _own(getattr(part, name, None))
            fast = fast_of(own)
            if fast is not None:
                fast.library = own
                setattr(part, name, _Verified(own, fast, differences, what) if verify and not isinstance(fast, FastSolutionTimes) else fast)
                swapped.append(what)
        keep_own_ceiling(part)
    return swapped


def keep_own_ceiling(benchmark: Any) -> None:
    """Compute a benchmark's ceilings from its own data, once an engine, instead of asking a cache that knows identifiers only."""
    for part in getattr(benchmark, "_sessions", None) or ():
        keep_own_ceiling(part)
    kind = type(benchmark)
    if getattr(benchmark, "_ceiling_func", None) is None or getattr(kind, "_keeps_own_ceiling", False):
        return
    kept: dict[Any, Any] = {}

    def own_ceiling(self: Any) -> Any:
        made_by = self._ceiling_func
        key = made_by if isinstance(made_by, _Verified) else (type(made_by), _own(made_by))
        if key not in kept:
            kept[key] = made_by()
        return kept[key]

    own = {"ceiling": property(own_ceiling), "_keeps_own_ceiling": True, "__module__": kind.__module__}
    benchmark.__class__ = type(kind.__name__, (kind,), own)


class FastCrossRegression:
    """CrossRegressedCorrelation with PLS or ridge, one bin or one map over time.

    Parameters
    ----------
    metric : CrossRegressedCorrelation
    regression : PLSRegression, Ridge or RidgeCV
    over_time : bool
        Whether bins are stacked as samples and scored one by one.
    """

    def __init__(self, metric: Any, regression: Any, over_time: bool) -> None:
        self._metric, self._regression, self._over_time = metric, regression, over_time

    def __call__(self, source: Any, target: Any) -> Any:
        """Score, with the attrs of Brain-Score's own."""
        transformations = require("brainscore_vision.metric_helpers.transformations")
        cv = self._metric.cross_validation
        X, Y = _aligned(source, target, self._over_time)
        _, splits = cv._split.build_splits(target)
        splits = [(np.asarray(a), np.asarray(b)) for a, b in splits]
        r = np.stack(_correlations(self._regression, X, Y, splits))
        values = _score_values(r, target)
        score = transformations.apply_aggregate(self._metric.aggregate, values)
        return transformations.apply_aggregate(cv.aggregate, score)


class FastTrainTest:
    """TrainTestSplitCorrelation with PLS or ridge."""

    def __init__(self, metric: Any, regression: Any) -> None:
        self._metric, self._regression = metric, regression

    def __call__(self, source_train: Any, source_test: Any, target_train: Any, target_test: Any) -> Any:
        """Score, with the attrs of Brain-Score's own."""
        transformations = require("brainscore_vision.metric_helpers.transformations")
        (X, Y), (U, V) = _aligned(source_train, target_train, False), _aligned(source_test, target_test, False)
        n = len(X)
        splits = [(np.arange(n), np.arange(n, n + len(U)))]
        r, alpha = _fit(self._regression, np.concatenate([X, U]), np.concatenate([Y, V]), splits)
        values = _score_values(r, target_test).isel(split=0, drop=True)
        if alpha is not None:
            values.attrs["alpha"] = alpha
        return transformations.apply_aggregate(self._metric.aggregate, values)


class FastCeiling:
    """InternalConsistency, for all time bins at once."""

    def __init__(self, ceiler: Any, assembly: Any) -> None:
        self._ceiler, self._assembly = ceiler, assembly

    def __call__(self) -> Any:
        """Score, with the attrs of Brain-Score's own."""
        transformations = require("brainscore_vision.metric_helpers.transformations")
        cv = self._ceiler._consistency._cross_validation
        coords = flat_coords(self._assembly)
        order = ("presentation", "neuroid") + (("time_bin",) if "time_bin" in self._assembly.dims else ())
        values = np.asarray(self._assembly.transpose(*order).values)
        cells, n_repeats = repeat_table(values, coords["stimulus_id"][1], coords[cv._split._split_coord][1])
        halves = [(np.asarray(a), np.asarray(b)) for a, b in cv._split._split.split(np.zeros(n_repeats))]
        found = split_half_ceiling(cells, seed=0, halves=halves).per_split
        score = transformations.apply_aggregate(lambda v: v.median(dim="neuroid"), _score_values(found, self._assembly))
        return transformations.apply_aggregate(cv.aggregate, score)


def repeat_table(values: np.ndarray, stimulus_id: np.ndarray, repetition: np.ndarray) -> tuple[np.ndarray, int]:
    """Rows as (stimulus, repeat, ...), both sorted; NaN where a stimulus lacks a repeat, the mean where it has one twice.  Also the number of repeats."""
    import pandas

    stimulus, ids = pandas.factorize(np.asarray(stimulus_id), sort=True)
    repeat, repeats = pandas.factorize(np.asarray(repetition), sort=True)
    if min(stimulus.min(initial=0), repeat.min(initial=0)) < 0:
        raise DataError(
            "repeat_table", "a presentation has no stimulus_id or no repetition", expected="one of each a presentation", fix="drop those rows first"
        )
    shape = (len(ids), len(repeats))
    cell = stimulus * shape[1] + repeat
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    if count.max() > 1:
        matrix = scipy.sparse.csr_matrix((np.ones(len(cell)), (cell, np.arange(len(cell)))), shape=(len(count), len(cell)))
        table = matrix @ values.reshape(len(values), -1).astype(float) / np.maximum(count, 1)[:, None]
    else:
        table = np.empty((len(count), int(np.prod(values.shape[1:]))), values.dtype if values.dtype in (np.float32, np.float64) else float)
        table[cell] = values.reshape(len(values), -1)
    table[count == 0] = np.nan
    return table.reshape(*shape, *values.shape[1:]), len(repeats)


class _Verified:
    def __init__(self, library: Any, fast: Any, differences: list[float], what: str) -> None:
        self.library, self._fast, self._differences, self._what = library, fast, differences, what

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        fast, library = self._fast(*args, **kwargs), self.library(*args, **kwargs)
        difference = float(np.nanmax(np.abs(np.asarray(fast.values) - np.asarray(library.values))))
        fast.attrs["library_score"] = library
        fast.attrs["difference"] = difference
        self._differences.append(difference)
        if difference > TOLERANCE:
            warnings.warn(f"accelerate: the {self._what} differs from Brain-Score's by {difference:.2e}", NeurodynWarning, stacklevel=2)
        return fast


def _fast_metric(metric: Any) -> Any:
    module = require("brainscore_vision.metrics.regression_correlation.metric")
    temporal = require("brainscore_vision.metric_helpers.temporal")
    if type(metric) is module.CrossRegressedCorrelation:
        regression, over_time = metric.regression, False
        if isinstance(regression, temporal.SpanTimeRegression):
            regression, over_time = regression._regression, True
        inner = getattr(regression, "_regression", None)
        pearson_inside = metric.correlation.callable if over_time and isinstance(metric.correlation, temporal.PerOps) else metric.correlation
        if _known(inner) and _is_pearson(pearson_inside) and metric.cross_validation._preprocess_indices is None:
            return FastCrossRegression(metric, inner, over_time)
    if type(metric) is module.TrainTestSplitCorrelation:
        inner = getattr(metric.regression, "_regression", None)
        if _known(inner) and _is_pearson(metric.correlation):
            return FastTrainTest(metric, inner)
    if type(metric).__name__ == "OSTCorrelation" and type(metric) is require("brainscore_vision.metrics.ost.metric").OSTCorrelation:
        return FastSolutionTimes(metric)
    return None


def _is_pearson(correlation: Any) -> bool:
    import scipy.stats

    return getattr(correlation, "_correlation", None) is scipy.stats.pearsonr


def _known(regression: Any) -> bool:
    from sklearn.cross_decomposition import PLSRegression
    from sklearn.linear_model import Ridge, RidgeCV

    if type(regression) is PLSRegression:
        return not regression.scale
    if type(regression) is Ridge:
        return bool(regression.fit_intercept) and not regression.positive and np.ndim(regression.alpha) == 0 and regression.alpha > 0
    if type(regression) is RidgeCV:
        return bool(regression.fit_intercept) and regression.cv is None and regression.scoring is None and not regression.alpha_per_target
    return type(regression).__name__ in ("DualRidgeRegression", "DualRidgeCVRegression")


def _correlations(regression: Any, X: np.ndarray, Y: np.ndarray, splits: list) -> list[np.ndarray]:
    if X.ndim == 2:
        return list(_fit(regression, X, Y, splits)[0])
    n, _, n_bins = X.shape
    rows = [tuple((np.arange(n_bins)[:, None] * n + part).ravel() for part in pair) for pair in splits]
    flat_X, flat_Y = (np.moveaxis(V, 2, 0).astype(np.float64, order="C").reshape(n_bins * n, -1) for V in (X, Y))  # one pass over what may be gigabytes
    result = _run(regression, flat_X, flat_Y, rows)
    Y = Y.astype(np.float64)
    out = []
    for predicted, (_, test) in zip(result.predictions, splits, strict=True):
        out.append(pearson(np.moveaxis(predicted.reshape(n_bins, len(test), -1), 0, 2), Y[test]))
    return out


def _fit(regression: Any, X: np.ndarray, Y: np.ndarray, splits: list) -> tuple[np.ndarray, float | None]:
    result = _run(regression, X.astype(np.float64), Y.astype(np.float64), splits)
    several = result.alpha is not None and hasattr(regression, "alphas")
    return result.r, float(result.alpha[0].ravel()[0]) if several else None  # type: ignore[index]


def _run(regression: Any, X: np.ndarray, Y: np.ndarray, splits: list) -> Any:
    name = type(regression).__name__
    if name == "PLSRegression":
        return pls_cv(X, Y, splits, n_components=regression.n_components, solver="nipals", tol=regression.tol, max_iter=regression.max_iter)
    alphas = regression.alphas if hasattr(regression, "alphas") else [regression.alpha]
    return ridge_cv(X, Y, splits, alphas=np.ravel(alphas).tolist(), per_target=False)


def _aligned(source: Any, target: Any, over_time: bool) -> tuple[np.ndarray, np.ndarray]:
    """Values of both in the row order of the target, in their own precision."""
    order = ("presentation", "neuroid") + (("time_bin",) if over_time else ())
    ids = [[str(s) for s in np.asarray(flat_coords(a)["stimulus_id"][1])] for a in (source, target)]
    place = {s: k for k, s in enumerate(ids[0])}
    missing = [s for s in ids[1] if s not in place]
    if missing or len(place) != len(ids[1]):
        raise SchemaError(
            "accelerate",
            f"the model returned {len(ids[0])} rows ({len(place)} stimuli) for {len(ids[1])} recorded stimuli" + (f" ({first_of(missing)})" if missing else ""),
            expected="every recorded stimulus once",
        )
    rows = [place[s] for s in ids[1]]
    X, Y = (np.asarray(a.transpose(*order).values) for a in (source, target))
    return X if rows == list(range(len(X))) else X[rows], Y


def _score_values(r: np.ndarray, target: Any) -> Any:
    """(split, neuroid[, time_bin]) as a Score with the target's neuroid (and time) coords, neuroids sorted by id as Brain-Score sorts them."""
    metrics = require("brainscore_vision.metrics")
    dims = ("split", "neuroid") + (("time_bin",) if r.ndim == 3 else ())
    coords: dict[str, Any] = {"split": np.arange(len(r))}
    coords |= {k: v for k, v in flat_coords(target).items() if v[0] in (("neuroid",), ("time_bin",)) and v[0][0] in dims and k not in ("neuroid", "time_bin")}
    order = np.argsort(np.asarray(coords["neuroid_id"][1]), kind="stable")
    coords |= {k: (d, np.asarray(v)[order]) for k, (d, v) in ((k, c) for k, c in coords.items() if k != "split") if d == ("neuroid",)}
    return metrics.Score(r[:, order], coords=coords, dims=dims)


def _fast_ceiling(ceiling_func: Any) -> Any:
    """Look into the benchmark's closure for an InternalConsistency and the assembly it is called on."""
    if ceiling_func is None or getattr(ceiling_func, "__closure__", None) is None:
        return None
    consistency = require("brainscore_vision.metrics.internal_consistency.ceiling")
    temporal = require("brainscore_vision.metric_helpers.temporal")
    assemblies = require("brainscore_core.supported_data_standards.brainio.assemblies")
    held = [cell.cell_contents for cell in ceiling_func.__closure__]
    ceilers = [c.callable if isinstance(c, temporal.PerOps) else c for c in held]
    ceilers = [c for c in ceilers if type(c) is consistency.InternalConsistency]
    data = [c for c in held if isinstance(c, assemblies.DataAssembly)]
    if len(ceilers) != 1 or len(data) != 1 or len(held) != 2:
        return None
    if not isinstance(ceilers[0]._consistency._consistency._consistency_metric, consistency.PearsonCorrelation):
        return None
    return FastCeiling(ceilers[0], data[0])
