"""When a population has solved each image: the first moment its decoder is as good as behaviour (Kar et al. 2019)."""

from __future__ import annotations

import numpy as np
import scipy.special
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, first_of, unknown_name
from neurodyn.numerics.correlation import spearman
from neurodyn.numerics.crossval import make_splits
from neurodyn.numerics.softmax_decoder import softmax_probabilities
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses

__all__ = ["image_dprime", "object_solution_time", "solve"]


def object_solution_time(
    responses: xr.DataArray,
    threshold: xr.DataArray,
    *,
    label: str = "label",
    solved_ms: xr.DataArray | None = None,
    n_splits: int = 10,
    test_size: float = 0.1,
    split_seed: int = 1,
    learning_rate: float = 1e-4,
    max_epochs: int = 40,
    seed: int,
) -> xr.Dataset:
    """Time at which a decoder of each bin reaches the behavioural d' of each image.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        One row an image, with bins in ms.
    threshold : DataArray, (presentation)
        Behavioural d' of each image, with ``stimulus_id``.
    label : str
        Coord of presentation with the object's name.
    solved_ms : DataArray, (presentation), optional
        Solution times of the brain, with ``stimulus_id``; NaN where it did not solve an image.  Gives the correlation.
    n_splits, test_size, split_seed
        Random splits of the images; the defaults are Brain-Score's.
    learning_rate, max_epochs
        Of the classifier; the defaults are Brain-Score's.
    seed : int
        Of the classifier's initial weights and batches.

    Returns
    -------
    Dataset
        ==============  ========================  =====  ==========================================================================
        variable        dims                      units  meaning
        ==============  ========================  =====  ==========================================================================
        solution_ms     (split, presentation)     ms     bin start, interpolated to the threshold; NaN if not held out or not solved
        dprime          (presentation, time_bin)  1      d' against each distractor, mean over distractors and splits
        solved          ()                        1      share of held-out images solved
        consistency     (split)                   1      Spearman correlation with `solved_ms` over images that both solve
        ==============  ========================  =====  ==========================================================================

    Raises
    ------
    SchemaError
        For ids that do not match, or bins without ms.
    ConfigError
        If no neuroid changes over time (a static model has no solution times).

    Notes
    -----
    For image i of object g and distractor d: miss rate m = p_d / (p_d + p_g); d' = z(1 - m) - z(F), F the mean miss rate of held-out images of d
    against g; clipped to 5 on either side; the image's d' is the mean over distractors.  Its solution time is the first bin where that reaches the
    threshold, interpolated from the earlier bin with the largest d' below it.  The classifier is softmax regression by Adam as in Brain-Score's metric,
    in torch instead of TensorFlow; initial weights and batches differ, so single times agree statistically and not in the digits.
    """
    check_responses(responses, where="object_solution_time")
    if "time_bin_start" not in responses.coords:
        raise SchemaError(
            "object_solution_time", "`responses` has no bins in ms", expected="a model whose steps are time", fix="Record(bins_ms=[(70, 80), ...])"
        )
    if label not in responses.coords:
        known = [str(k) for k, v in responses.coords.items() if v.dims == (PRESENTATION,)]
        raise unknown_name("object_solution_time", "coord of presentation", label, known)
    if np.ptp(responses.values, axis=2).max() == 0:
        raise ConfigError("object_solution_time", "no neuroid changes over time", expected="activity that evolves; a static model has no solution times")
    ids = responses.stimulus_id.values.astype(str)
    wanted = _by_id(threshold, ids, "threshold")
    names, codes = np.unique(responses[label].values, return_inverse=True)
    times = np.asarray(responses.time_bin_start.values, float)
    splits = make_splits(len(ids), n_splits=n_splits, kind="shuffle", train_size=1 - test_size, seed=split_seed)
    solution = np.full((n_splits, len(ids)), np.nan)
    total, count = np.zeros((len(ids), len(times))), np.zeros((len(ids), len(times)))
    held = np.zeros((n_splits, len(ids)), bool)
    for k, (train, test) in enumerate(splits):
        curve = np.empty((len(test), len(times)))
        for t in range(len(times)):
            fit, held_out = responses.values[train, :, t], responses.values[test, :, t]
            p = softmax_probabilities(fit, codes[train], held_out, len(names), learning_rate=learning_rate, max_epochs=max_epochs, seed=seed)
            curve[:, t] = image_dprime(p, codes[test])
        solution[k, test] = solve(curve, wanted[test], times)
        total[test] += np.nan_to_num(curve)
        count[test] += np.isfinite(curve)  # a split that holds out no distractor says nothing of its images
        held[k, test] = np.isfinite(curve).any(axis=1)
    with np.errstate(invalid="ignore"):
        dprime = total / count
    data = {
        "solution_ms": (("split", PRESENTATION), solution, {"units": "ms"}),
        "dprime": ((PRESENTATION, TIME_BIN), dprime, {"units": "1"}),
        "solved": ((), float(np.isfinite(solution[held]).mean()) if held.any() else float("nan"), {"units": "1"}),
    }
    if solved_ms is not None:
        brain = _by_id(solved_ms, ids, "solved_ms", nan=True)
        data["consistency"] = (("split",), np.array([_consistency(s, brain) for s in solution]), {"units": "1"})
    coords = {str(k): v.variable for k, v in responses.coords.items() if v.dims in ((PRESENTATION,), (TIME_BIN,))}
    return xr.Dataset(
        data, coords=coords, attrs={"n_splits": n_splits, "test_size": test_size, "validated": "definition only; Brain-Score's runs on TensorFlow"}
    )


def image_dprime(probabilities: np.ndarray, truth: np.ndarray, *, cap: float = 5.0) -> np.ndarray:
    """Mean d' of each image over its distractors.

    Parameters
    ----------
    probabilities : array, (image, class)
    truth : int array, (image)
    cap : float

    Returns
    -------
    array, (image)

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.2, 0.8]])
    >>> image_dprime(p, np.array([0, 1])).round(3).tolist()
    [2.123, 2.123]
    """
    n, n_classes = probabilities.shape
    own = probabilities[np.arange(n), truth][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        miss = probabilities / (probabilities + own)
    miss[np.arange(n), truth] = np.nan
    alarm = np.full((n_classes, n_classes), np.nan)  # alarm[d, g]: images of d taken for g
    for d in range(n_classes):
        rows = miss[truth == d]
        if len(rows):
            alarm[d] = [np.nan if np.isnan(rows[:, g]).all() else np.nanmean(rows[:, g]) for g in range(n_classes)]
    with np.errstate(invalid="ignore"):  # certain of the object and of the distractor: nothing can be said
        dprime = scipy.special.ndtri(1 - miss) - scipy.special.ndtri(alarm.T[truth])
    dprime = np.clip(dprime, -cap, cap)
    valid = np.isfinite(dprime)
    return np.where(valid.any(axis=1), np.where(valid, dprime, 0.0).sum(axis=1) / np.maximum(valid.sum(axis=1), 1), np.nan)


def solve(curve: np.ndarray, threshold: np.ndarray, times: np.ndarray) -> np.ndarray:
    """First time each row reaches its threshold, interpolated from the earlier time with the largest value below it.

    Parameters
    ----------
    curve : array, (image, time)
    threshold : array, (image)
    times : array, (time)
        Ascending.

    Returns
    -------
    array, (image)
        NaN where the threshold is never reached; the first time where it is reached at once.

    Examples
    --------
    >>> solve(np.array([[0.0, 1.0, 3.0], [5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]), np.array([2.0, 2.0, 2.0]), np.array([70.0, 80, 90])).tolist()
    [85.0, 70.0, nan]
    """
    out = np.full(len(curve), np.nan)
    for i, (row, level) in enumerate(zip(curve, threshold, strict=True)):
        reached = np.nonzero(row >= level)[0]
        if not reached.size:
            continue
        hit = reached[0]
        before = row[:hit]
        if not np.isfinite(before).any():
            out[i] = times[hit]
            continue
        last = int(np.nanargmax(before))
        out[i] = times[last] + (level - row[last]) / (row[hit] - row[last]) * (times[hit] - times[last])
    return out


def _consistency(ours: np.ndarray, brain: np.ndarray) -> float:
    both = np.isfinite(ours) & np.isfinite(brain)
    return float(spearman(ours[both], brain[both])) if both.sum() > 2 else float("nan")


def _by_id(values: xr.DataArray, ids: np.ndarray, name: str, nan: bool = False) -> np.ndarray:
    if not isinstance(values, xr.DataArray) or values.dims != (PRESENTATION,) or "stimulus_id" not in values.coords:
        raise SchemaError("object_solution_time", f"`{name}` is not labelled", expected="a DataArray (presentation) with stimulus_id")
    place = {str(s): k for k, s in enumerate(values.stimulus_id.values)}
    missing = [s for s in ids if s not in place]
    if missing:
        raise SchemaError(
            "object_solution_time", f"`{name}` lacks {len(missing)} of {len(ids)} images ({first_of(missing)})", expected="a value for every stimulus_id"
        )
    found = np.asarray(values.values, dtype=float)[[place[s] for s in ids]]
    if not nan and not np.isfinite(found).all():
        raise SchemaError("object_solution_time", f"`{name}` holds NaN for {int((~np.isfinite(found)).sum())} images", expected="finite thresholds")
    return found
