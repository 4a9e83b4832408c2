"""What stopping early costs and saves: stop rules of a glimpse model, calibrated on other images than they are tested on."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.special
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.resampling import bootstrap_ci
from neurodyn.schema import check_responses

__all__ = ["RULES", "early_stopping"]

WHERE = "early_stopping"
RULES = ("weight", "confidence", "fixed")


def early_stopping(
    responses: xr.DataArray,
    labels: Sequence[int],
    *,
    weight: str = "weight",
    readout: str = "readout",
    n_thresholds: int = 201,
    tolerance: float = 0.01,
    calibration: xr.DataArray | None = None,
    macs_before: float = 0.0,
    macs_glimpse: float = 1.0,
    seed: int,
) -> xr.Dataset:
    """Sweep three stop rules, and choose the cheapest threshold that loses no more accuracy than `tolerance`.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        One neuroid of the layer `weight` (in [0, 1]) and one a class of `readout`, after every glimpse, of a model that does not stop.
    labels : int sequence, (presentation)
    weight, readout : str
        Names of the layers.
    n_thresholds : int
        Thresholds in [0, 1], equally spaced; the rule ``fixed`` has one a glimpse.
    tolerance : float
        Accuracy that may be lost.
    calibration : DataArray, (rule, threshold), optional
        Thresholds chosen on other images: ``chosen`` of another call; chosen on these images when absent.
    macs_before, macs_glimpse : float
        Multiply-accumulates of a trial before its first glimpse, and of each glimpse.
    seed : int
        Of the bootstrap over presentations.

    Returns
    -------
    Dataset
        ======================  ===================  =======  =======================================================================
        variable                dims                 units    meaning
        ======================  ===================  =======  =======================================================================
        accuracy                (rule, threshold)    1        of the answer where the rule stops
        glimpses                (rule, threshold)    glimpse  mean number before the answer
        macs                    (rule, threshold)    1        mean multiply-accumulates of a trial
        stopped                 (rule, threshold)    1        share of images on which the rule fires before the last glimpse
        chosen                  (rule)               1        the threshold that is used
        chosen_accuracy,        (rule)               1        accuracy there and its interval
        chosen_low,
        chosen_high
        chosen_glimpses,        (rule)               glimpse
        chosen_macs             (rule)               1
        chosen_loss, _low,      (rule)               1        accuracy of all glimpses less that at the threshold, paired, with interval
        _high
        chosen_stopped          (rule)               1        0: the rule never fires; 1: it always does
        full_accuracy           ()                   1        after all glimpses
        ======================  ===================  =======  =======================================================================

    Raises
    ------
    SchemaError
        If a layer is missing or labels do not fit.
    ConfigError
        If the tolerance or the number of thresholds cannot be.

    Warns
    -----
    UserWarning
        If the rule ``weight`` never fires at its chosen threshold, or fires on every image.

    Notes
    -----
    ``weight`` stops at the second of two successive glimpses that both weigh less than the threshold (Shim and Kim 2020); ``confidence`` at
    the first whose largest class probability reaches it; ``fixed`` after the same number of glimpses in every image, threshold k / T
    standing for k of T.
    """
    check_responses(responses, where=WHERE, name="responses")
    w, sure, right = _checked(responses, labels, weight, readout, n_thresholds, tolerance)
    n, n_steps = right.shape
    levels = np.linspace(0, 1, n_thresholds)
    last = n_steps - 1
    low = w[None] < levels[:, None, None]
    stop = {
        "weight": _first(np.concatenate([np.zeros_like(low[..., :1]), low[..., 1:] & low[..., :-1]], axis=-1), last),
        "confidence": _first(sure[None] >= np.where(levels < 1, levels, np.inf)[:, None, None], last),  # a threshold of 1 never fires
        "fixed": np.broadcast_to(np.clip(np.round(levels * n_steps).astype(int) - 1, 0, last)[:, None], (n_thresholds, n)),
    }
    at = np.stack([stop[rule] for rule in RULES])  # rule, threshold, presentation
    hit = right[np.arange(n), at].astype(float)
    accuracy, glimpses, stopped = hit.mean(-1), at.mean(-1) + 1, (at < last).mean(-1)
    full = right[:, last].astype(float)
    if calibration is None:
        good = accuracy >= full.mean() - tolerance
        index = np.where(good, glimpses, np.inf).argmin(axis=1)
    else:
        wanted = calibration.sel(rule=list(RULES)).values
        index = np.abs(levels[None] - wanted[:, None]).argmin(axis=1)
    rows = np.arange(len(RULES))
    chosen = bootstrap_ci(hit[rows, index], seed=seed, within=(0, 1))
    loss = bootstrap_ci(full - hit[rows, index], seed=seed, within=(-1, 1))
    _report(float(stopped[0, index[0]]), float(levels[index[0]]))
    unit, both, rule = {"units": "1"}, ("rule", "threshold"), ("rule",)
    cost = macs_before + macs_glimpse * glimpses
    return xr.Dataset(
        {
            "accuracy": (both, accuracy, unit),
            "glimpses": (both, glimpses, {"units": "glimpse"}),
            "macs": (both, cost, unit),
            "stopped": (both, stopped, unit),
            "chosen": (rule, levels[index], unit),
            "chosen_accuracy": (rule, chosen.estimate, unit),
            "chosen_low": (rule, chosen.low, unit),
            "chosen_high": (rule, chosen.high, unit),
            "chosen_glimpses": (rule, glimpses[rows, index], {"units": "glimpse"}),
            "chosen_macs": (rule, cost[rows, index], unit),
            "chosen_loss": (rule, loss.estimate, unit),
            "chosen_loss_low": (rule, loss.low, unit),
            "chosen_loss_high": (rule, loss.high, unit),
            "chosen_stopped": (rule, stopped[rows, index], unit),
            "full_accuracy": ((), full.mean(), unit),
        },
        coords={"rule": list(RULES), "threshold": ("threshold", levels, unit)},
        attrs={"tolerance": tolerance, "calibrated_elsewhere": int(calibration is not None), "n": n, "seed": seed},
    )


def _first(fires: np.ndarray, last: int) -> np.ndarray:
    return np.where(fires.any(axis=-1), fires.argmax(axis=-1), last)


def _report(share: float, threshold: float) -> None:
    if share in (0.0, 1.0):
        word = "never fires" if share == 0 else "fires on every image"
        warnings.warn(f"{WHERE}: the weight rule {word} at its threshold {threshold:.3g}", UserWarning, stacklevel=3)


def _checked(
    responses: xr.DataArray, labels: Sequence[int], weight: str, readout: str, n_thresholds: int, tolerance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if n_thresholds < 2 or not 0 <= tolerance < 1:
        raise ConfigError(WHERE, f"`n_thresholds` is {n_thresholds} and `tolerance` {tolerance}", expected="two thresholds or more, a tolerance in [0, 1)")
    layer = responses.layer.values
    w, logits, target = responses.values[:, layer == weight], responses.values[:, layer == readout], np.asarray(labels)
    if w.shape[1] != 1 or not logits.shape[1]:
        raise SchemaError(WHERE, f"layer `{weight}` has {w.shape[1]} neuroids and `{readout}` {logits.shape[1]}", expected="one weight, one readout a class")
    if target.shape != (len(logits),) or target.dtype.kind not in "iu":
        raise SchemaError(WHERE, f"`labels` is {target.dtype} of shape {target.shape}", expected=f"one integer for each of {len(logits)} presentations")
    said = logits.argmax(axis=1)
    return w[:, 0], scipy.special.softmax(logits.astype(float), axis=1).max(axis=1), said == target[:, None]
