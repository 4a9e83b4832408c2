"""What a layer says about the object, how many components that takes, and whether the reading survives a change of regime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, first_of
from neurodyn.numerics import dimensionality as dims
from neurodyn.numerics import discriminant
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses

__all__ = ["object_information"]


def object_information(
    responses: xr.DataArray,
    labels: Sequence[int],
    *,
    other: xr.DataArray | None = None,
    n_components: Sequence[int] = (1, 2, 4, 8, 16, 32, 64),
    n_folds: int = 5,
    seed: int,
) -> xr.Dataset:
    """Cross-validated linear decoding of the class from the leading principal components, in bits and in percent.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
    labels : int sequence, (presentation)
    other : DataArray, optional
        The same images in another regime (noise, blur).  The decoder is then trained on `responses` and tested on the held-out
        images of `other`: is the reading invariant?
    n_components : sequence of int
        Numbers of components, ascending.
    n_folds : int
        Folds by image; an image is never trained and tested on.
    seed : int

    Returns
    -------
    Dataset
        ==================  =======================  =====  =================================================================
        variable            dims                     units  meaning
        ==================  =======================  =====  =================================================================
        accuracy            (time_bin, n_component)  1      held-out accuracy
        information         (time_bin, n_component)  bit    log2(classes) - held-out cross-entropy: a lower bound
        best_information    (time_bin)               bit    largest over `n_component`
        efficiency          (time_bin)               bit    best_information / participation ratio of the tested activity
        accuracy_area       (time_bin)               1      mean accuracy over log2(n_component)
        ==================  =======================  =====  =================================================================

    Raises
    ------
    SchemaError
        If ids or labels do not fit.
    ConfigError
        If numbers of components do not ascend.

    Notes
    -----
    The classifier is linear discriminant analysis with Ledoit-Wolf shrinkage, whose posteriors make the cross-entropy meaningful.
    The components are found in the training folds.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> labels = np.arange(40) % 2
    >>> x = np.random.default_rng(0).normal(size=(40, 3, 1)) + 8 * labels[:, None, None]
    >>> coords = {"stimulus_coords": {"stimulus_id": np.arange(40)}, "neuroid_coords": {"neuroid_id": np.arange(3)}, "step": np.array([0]), "dt_ms": None}
    >>> float(object_information(make_responses(x, **coords), labels, n_components=[1], seed=0).accuracy[0, 0])
    1.0
    """
    check_responses(responses, where="object_information")
    target = np.asarray(labels)
    if target.shape != (responses.sizes[PRESENTATION],):
        raise SchemaError("object_information", f"`labels` has shape {target.shape}", expected=f"({responses.sizes[PRESENTATION]},), one a presentation")
    sizes = [int(k) for k in n_components]
    if not sizes or sizes[0] < 1 or sorted(set(sizes)) != sizes:
        raise ConfigError("object_information", f"`n_components` is {sizes}", expected="positive numbers, ascending", fix="n_components=(1, 2, 4, 8)")
    tested = responses if other is None else _aligned(responses, other)
    folds = discriminant.stratified_folds(target, n_folds, seed=seed)
    n_times = responses.sizes[TIME_BIN]
    accuracy, information, ratio = (np.zeros((n_times, len(sizes))), np.zeros((n_times, len(sizes))), np.zeros(n_times))
    for t in range(n_times):
        x, y = responses.values[:, :, t].astype(np.float64), tested.values[:, :, t].astype(np.float64)
        ratio[t] = dims.participation_ratio(dims.covariance_spectrum(y))
        accuracy[t], information[t] = _cross_validated(x, y, target, folds, sizes)
    best = information.max(axis=1)
    logs = np.log2(sizes)
    area = _trapezoid(accuracy, logs) / (logs[-1] - logs[0]) if len(sizes) > 1 else accuracy[:, 0]
    coords = {name: c for name, c in responses.coords.items() if c.dims == (TIME_BIN,)}
    return xr.Dataset(
        {
            "accuracy": ((TIME_BIN, "n_component"), accuracy, {"units": "1"}),
            "information": ((TIME_BIN, "n_component"), information, {"units": "bit"}),
            "best_information": (TIME_BIN, best, {"units": "bit"}),
            "efficiency": (TIME_BIN, best / ratio, {"units": "bit"}),
            "accuracy_area": (TIME_BIN, area, {"units": "1"}),
        },
        coords={**coords, "n_component": sizes},
        attrs={"n_folds": n_folds, "transfer": int(other is not None)},
    )


def _cross_validated(x: np.ndarray, y: np.ndarray, target: np.ndarray, folds: np.ndarray, sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    counts = np.bincount(folds)
    hits, bits = np.zeros((len(counts), len(sizes))), np.zeros((len(counts), len(sizes)))
    for fold in range(len(counts)):
        train, test = folds != fold, folds == fold
        for k, decoder in enumerate(discriminant.fit_nested(x[train], target[train], sizes)):
            logs = decoder.log_probabilities(y[test])
            hits[fold, k] = (decoder.classes[logs.argmax(axis=1)] == target[test]).mean()
            bits[fold, k] = discriminant.information_bits(logs, decoder.classes, target[test])
    return np.average(hits, axis=0, weights=counts), np.average(bits, axis=0, weights=counts)


def _aligned(responses: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    check_responses(other, where="object_information", name="other")
    for dim, coord in ((PRESENTATION, "stimulus_id"), ("neuroid", "neuroid_id")):
        a, b = responses[coord].values, other[coord].values
        if a.shape != b.shape or not (a == b).all():
            wrong = np.setdiff1d(a, b)
            raise SchemaError(
                "object_information",
                f"`other` has another `{coord}` along `{dim}` ({len(b)} for {len(a)}; {first_of(wrong) if len(wrong) else 'in another order'})",
                expected="the same images and units in the same order",
                fix=f"other.set_index({dim}='{coord}').sel({dim}=responses.{coord}.values)",
            )
    if responses.sizes[TIME_BIN] != other.sizes[TIME_BIN]:
        raise SchemaError("object_information", f"`other` has {other.sizes[TIME_BIN]} time bins for {responses.sizes[TIME_BIN]}", expected="the same bins")
    return other


def _trapezoid(heights: np.ndarray, at: np.ndarray) -> np.ndarray:
    return (0.5 * (heights[:, 1:] + heights[:, :-1]) * np.diff(at)).sum(axis=1)
