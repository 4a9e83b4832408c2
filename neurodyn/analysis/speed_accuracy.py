"""How fast a model is right: accuracy at every step, and rules for stopping early."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, first_of, unknown_name
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses

__all__ = ["POLICIES", "speed_accuracy"]

POLICIES = ("confidence", "entropy")
DEFAULT = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def speed_accuracy(
    logits: xr.DataArray, labels: Sequence[int], *, policy: str = "confidence", thresholds: Sequence[float] = DEFAULT, share: float = 0.95, n_bins: int = 10
) -> xr.Dataset:
    """Accuracy and calibration at every step, and the frontier of mean stopping time and accuracy of a stop rule.

    Parameters
    ----------
    logits : DataArray, (presentation, neuroid, time_bin)
        The readout, one neuroid a class in the order of the labels.
    labels : int sequence, (presentation)
    policy : {"confidence", "entropy"}
        Stop at the first step whose largest probability passes the threshold, or whose entropy, as a share of the largest
        possible, falls below one minus the threshold.  Those that never stop answer at the last step.
    thresholds : sequence of float
        In (0, 1), ascending.
    share : float
        Time to reach this share of the accuracy at the last step.
    n_bins : int
        Bins of confidence for the calibration error.

    Returns
    -------
    Dataset
        =====================  ===========================  =====  ==============================================================
        variable               dims                         units  meaning
        =====================  ===========================  =====  ==============================================================
        accuracy               (time_bin)                   1      share classified correctly
        confidence             (time_bin)                   1      mean largest probability
        calibration_error      (time_bin)                   1      mean |accuracy - confidence| over bins of confidence (ECE)
        area                   ()                           1      mean accuracy over the steps
        steps_to_share         ()                           step   first step (counted from 1) with `share` of the last accuracy
        stop_step              (threshold, presentation)    step   when each image is answered, counted from 1
        stop_time              (threshold)                  step   mean of it
        stop_accuracy          (threshold)                  1      accuracy of these answers
        frontier_area          ()                           1      mean accuracy at equal mean stopping times (see Notes)
        =====================  ===========================  =====  ==============================================================

    Raises
    ------
    SchemaError
        If labels do not fit the logits.
    ConfigError
        If a threshold, the share or the policy cannot be.

    Notes
    -----
    The frontier joins (1, accuracy at the first step), the points of all thresholds and (T, accuracy at the last step); its area is
    the mean height of this curve between 1 and T, so that models are compared at equal time rather than at equal thresholds.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> values = np.array([[[0.0, 3.0], [0.0, 0.0]]])
    >>> coords = {"stimulus_coords": {"stimulus_id": ["a"]}, "neuroid_coords": {"neuroid_id": [0, 1]}, "step": np.arange(2), "dt_ms": None}
    >>> speed_accuracy(make_responses(values, **coords), [0], thresholds=[0.9]).stop_step.values.tolist()
    [[2]]
    """
    check_responses(logits, where="speed_accuracy", name="logits")
    target, levels = _check(logits, labels, policy, thresholds, share, n_bins)
    z = logits.values.astype(np.float64)
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    _, n_classes, n_steps = p.shape
    correct = p.argmax(axis=1) == target[:, None]
    sure = p.max(axis=1) if policy == "confidence" else 1 + (p * np.log(np.clip(p, 1e-300, None))).sum(axis=1) / np.log(n_classes)
    passed = sure[None] > levels[:, None, None]
    stop = np.where(passed.any(axis=2), passed.argmax(axis=2), n_steps - 1)
    right = np.take_along_axis(correct, stop.T, axis=1).T
    accuracy, time, hit = correct.mean(axis=0), stop.mean(axis=1) + 1, right.mean(axis=1)
    confident = p.max(axis=1)
    ids = {name: c for name, c in logits.coords.items() if c.dims in ((PRESENTATION,), (TIME_BIN,))}
    return xr.Dataset(
        {
            "accuracy": (TIME_BIN, accuracy, {"units": "1"}),
            "confidence": (TIME_BIN, confident.mean(axis=0), {"units": "1"}),
            "calibration_error": (TIME_BIN, np.array([_calibration(confident[:, t], correct[:, t], n_bins) for t in range(n_steps)]), {"units": "1"}),
            "area": ((), accuracy.mean(), {"units": "1"}),
            "steps_to_share": ((), int(np.argmax(accuracy >= share * accuracy[-1])) + 1, {"units": "step"}),
            "stop_step": (("threshold", PRESENTATION), stop + 1, {"units": "step"}),
            "stop_time": ("threshold", time, {"units": "step"}),
            "stop_accuracy": ("threshold", hit, {"units": "1"}),
            "frontier_area": ((), _frontier(time, hit, accuracy), {"units": "1"}),
        },
        coords={"threshold": ("threshold", levels, {"units": "1"}), **ids},
        attrs={"policy": policy, "share": share},
    )


def _frontier(time: np.ndarray, hit: np.ndarray, accuracy: np.ndarray) -> float:
    if len(accuracy) == 1:
        return float(accuracy[0])
    t = np.concatenate([[1.0], time, [float(len(accuracy))]])
    a = np.concatenate([accuracy[:1], hit, accuracy[-1:]])
    order = np.argsort(t, kind="stable")
    grid = np.linspace(1, len(accuracy), 201)
    return float(np.interp(grid, t[order], a[order]).mean())


def _calibration(confidence: np.ndarray, correct: np.ndarray, n_bins: int) -> float:
    index = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [(index == b).mean() * abs(correct[index == b].mean() - confidence[index == b].mean()) for b in np.unique(index)]
    return float(np.sum(gaps))


def _check(logits: xr.DataArray, labels: Sequence[int], policy: str, thresholds: Sequence[float], share: float, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    if policy not in POLICIES:
        raise unknown_name("speed_accuracy", "policy", policy, POLICIES)
    target, n_classes = np.asarray(labels), logits.sizes["neuroid"]
    if target.shape != (logits.sizes[PRESENTATION],) or target.dtype.kind not in "iu":
        raise SchemaError(
            "speed_accuracy", f"`labels` is {target.dtype} of shape {target.shape}", expected=f"one integer for each of {len(logits)} presentations"
        )
    wrong = (target < 0) | (target >= n_classes)
    if wrong.any():
        raise SchemaError(
            "speed_accuracy",
            f"`labels` holds {int(wrong.sum())} classes outside the {n_classes} logits ({first_of(target[wrong])})",
            expected="one neuroid a class",
        )
    levels = np.asarray(thresholds, dtype=float)
    if levels.ndim != 1 or not levels.size or not ((levels > 0) & (levels < 1)).all() or (np.diff(levels) <= 0).any():
        raise ConfigError("speed_accuracy", f"`thresholds` is {levels.tolist()}", expected="numbers in (0, 1), ascending", fix="thresholds=(0.5, 0.9)")
    if not 0 < share <= 1 or n_bins < 1:
        raise ConfigError("speed_accuracy", f"`share` is {share} and `n_bins` {n_bins}", expected="a share in (0, 1], one bin or more")
    return target, levels
