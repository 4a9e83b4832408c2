"""Whether the weight that a glimpse model gives its own glimpses means anything, beside what its class probabilities say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.numerics.correlation import spearman
from neurodyn.schema import TIME_BIN, check_responses
from neurodyn.seeding import numpy_generator

__all__ = ["auroc", "glimpse_weights"]

WHERE = "glimpse_weights"


def glimpse_weights(
    responses: xr.DataArray,
    labels: Sequence[int],
    *,
    weight: str = "weight",
    logits: str = "logits",
    readout: str = "readout",
    fixation: str = "fixation",
    n_resamples: int = 500,
    level: float = 0.95,
    seed: int,
) -> xr.Dataset:
    """Accuracy of single and of averaged glimpses, and what the weights tell about them.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        One neuroid of the layer `weight`, one a class of `logits` (this glimpse's own) and of `readout` (their weighted mean so far);
        where there are two of `fixation` and the coords ``target_row target_column target_size``, distance to the target is compared too.
    labels : int sequence, (presentation)
    weight, logits, readout, fixation : str
        Names of the layers.
    n_resamples : int
        Of the bootstrap over presentations.
    level : float
        Coverage of the intervals.
    seed : int

    Returns
    -------
    Dataset
        =======================  =====================  =====  =====================================================================
        variable                 dims                   units  meaning
        =======================  =====================  =====  =====================================================================
        accuracy, low, high      (answer, time_bin)     1      of the ``weighted`` mean so far, the ``uniform`` mean so far and the
                                                               ``single`` glimpse, with interval
        weighting_gain, _low,    (time_bin)             1      weighted - uniform, paired
        _high
        weight_mean, weight_sd   (time_bin)             1      over presentations
        auroc, auroc_low,        (score, time_bin)      1      how well the ``weight`` or the glimpse's ``confidence`` (largest
        auroc_high                                             probability) ranks right glimpses above wrong ones; 0.5 is chance
        rho, rho_low, rho_high   (property, time_bin)   1      Spearman correlation of the weight with the probability of the ``label``,
                                                               the ``entropy`` of the classes and the ``distance`` to the target
        =======================  =====================  =====  =====================================================================

        NaN where the weight is the same in every presentation.

    Raises
    ------
    SchemaError
        If a layer is missing or of another size, or labels do not fit.

    Notes
    -----
    Where the gaze is driven by the same state as the weight, a correlation with correctness need not be an estimate of uncertainty: the distance to
    the target is there to compare with.
    """
    check_responses(responses, where=WHERE, name="responses")
    layers = {name: _layer(responses, name) for name in (weight, logits, readout)}
    target = _targets(labels, layers[logits], layers[readout], layers[weight])
    w, single = layers[weight][:, 0], layers[logits]
    n, _, n_steps = single.shape
    uniform = single.cumsum(axis=2) / np.arange(1, n_steps + 1)
    answers = {"weighted": layers[readout], "uniform": uniform, "single": single}
    right = np.stack([a.argmax(axis=1) == target[:, None] for a in answers.values()]).astype(float)
    p = scipy.special.softmax(single.astype(float), axis=1)
    properties = {"label": p[np.arange(n), target], "entropy": scipy.stats.entropy(p, axis=1)}
    distance = _distance(responses, fixation)
    if distance is not None:
        properties["distance"] = distance
    scores = {"weight": w, "confidence": p.max(axis=1)}
    draws = numpy_generator(seed, WHERE).integers(n, size=(n_resamples, n))

    def interval(statistic: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
        found = np.stack([statistic(*(a[rows] for a in arrays)) for rows in draws])
        edges, known = np.full((2, n_steps), np.nan), np.isfinite(found).any(axis=0)
        edges[:, known] = np.nanquantile(found[:, known], [(1 - level) / 2, (1 + level) / 2], axis=0)
        return np.stack([statistic(*arrays), *edges])

    accuracy = np.stack([interval(lambda r: r.mean(axis=0), r) for r in right])
    gain = interval(lambda a: a.mean(axis=0), right[0] - right[1])
    ranked = np.stack([interval(auroc, s, right[2]) for s in scores.values()])
    related = np.stack([interval(lambda a, b: spearman(a, b, axis=0), w, v) for v in properties.values()])
    unit: dict[str, str] = {"units": "1"}
    variables: dict[str, Any] = {}
    tables: list[tuple[str, tuple[str, ...], np.ndarray]] = [
        ("", ("answer", TIME_BIN), accuracy),
        ("auroc_", ("score", TIME_BIN), ranked),
        ("rho_", ("property", TIME_BIN), related),
        ("weighting_gain_", (TIME_BIN,), gain),
    ]
    for name, dims, values in tables:
        axis = len(dims) - 1
        for k, part in enumerate((name.rstrip("_") or "accuracy", f"{name}low", f"{name}high")):
            variables[part] = (dims, values.take(k, axis=axis), unit)
    variables |= {"weight_mean": (TIME_BIN, w.mean(axis=0), unit), "weight_sd": (TIME_BIN, w.std(axis=0), unit)}
    kept = {name: c for name, c in responses.coords.items() if c.dims == (TIME_BIN,)}
    return xr.Dataset(variables, coords={**kept, "answer": list(answers), "score": list(scores), "property": list(properties)}, attrs={"n": n, "seed": seed})


def auroc(score: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of each column: the chance that a positive row scores above a negative one, ties counting half.

    Parameters
    ----------
    score, positive : array, (row, column)

    Returns
    -------
    array, (column)
        NaN where the scores do not differ, or all rows are positive or negative.

    Examples
    --------
    >>> auroc(np.array([[1.0], [2.0], [3.0]]), np.array([[0.0], [0.0], [1.0]])).tolist()
    [1.0]
    """
    ranks = scipy.stats.rankdata(score, axis=0)
    n_positive = positive.sum(axis=0)
    n_negative = len(positive) - n_positive
    with np.errstate(invalid="ignore", divide="ignore"):
        area = ((ranks * positive).sum(axis=0) - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return np.where((np.ptp(score, axis=0) < 1e-6) | (n_positive == 0) | (n_negative == 0), np.nan, area)


def _layer(responses: xr.DataArray, name: str) -> np.ndarray:
    chosen = responses.values[:, responses.layer.values == name]
    if not chosen.shape[1]:
        known = ", ".join(sorted(set(responses.layer.values.tolist())))
        raise SchemaError(WHERE, f"`responses` holds no layer `{name}`", expected=f"it among {known}", fix=f"record: {{layers: [..., {name}]}}")
    return chosen


def _distance(responses: xr.DataArray, fixation: str) -> np.ndarray | None:
    """Distance of each fixation to the middle of the target in units of the target's side, (presentation, time_bin), where it can be known."""
    gaze = responses.values[:, responses.layer.values == fixation]
    if gaze.shape[1] != 2 or "target_row" not in responses.coords or "image_size" not in responses.coords:
        return None
    size, side = responses.image_size.values, responses.target_size.values
    middle = np.stack([responses.target_column.values + side / 2, responses.target_row.values + side / 2], 1)
    return np.linalg.norm((gaze + 1) / 2 * size[:, None, None] - middle[..., None], axis=1)


def _targets(labels: Sequence[int], single: np.ndarray, averaged: np.ndarray, weight: np.ndarray) -> np.ndarray:
    target = np.asarray(labels)
    if target.shape != (len(single),) or target.dtype.kind not in "iu" or target.min() < 0 or target.max() >= single.shape[1]:
        raise SchemaError(
            WHERE, f"`labels` is {target.dtype} of shape {target.shape}", expected=f"one class of {single.shape[1]} for each of {len(single)} rows"
        )
    if averaged.shape != single.shape or weight.shape[1] != 1:
        raise SchemaError(
            WHERE, f"{single.shape[1]} logits, {averaged.shape[1]} readouts and {weight.shape[1]} weights", expected="as many readouts as logits, one weight"
        )
    return target
