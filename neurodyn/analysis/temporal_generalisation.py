"""Does a decoder trained at one time read the activity of another?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.numerics import discriminant
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses

__all__ = ["temporal_generalisation"]


def temporal_generalisation(responses: xr.DataArray, labels: Sequence[int], *, n_components: int = 32, n_folds: int = 5, seed: int) -> xr.Dataset:
    """Train a linear decoder at every time, test it on held-out images at every time.

    A square block of high values says that the code stands still; a diagonal says that it moves on.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
    labels : int sequence, (presentation)
    n_components : int
        Principal components of the training activity.
    n_folds : int
        By image.
    seed : int

    Returns
    -------
    Dataset
        ===============  =======================  =====  ===========================================================================
        variable         dims                     units  meaning
        ===============  =======================  =====  ===========================================================================
        accuracy         (train_bin, test_bin)    1      held-out accuracy
        generalisation   ()                       1      mean off the diagonal over mean on it, both above chance
        ===============  =======================  =====  ===========================================================================

    Raises
    ------
    SchemaError
        If labels do not fit.

    Notes
    -----
    King and Dehaene (2014).  Chance is the share of the commonest class.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> labels = np.arange(40) % 2
    >>> x = np.random.default_rng(0).normal(size=(40, 3, 2)) + 9 * labels[:, None, None]
    >>> coords = {"stimulus_coords": {"stimulus_id": np.arange(40)}, "neuroid_coords": {"neuroid_id": np.arange(3)}, "step": np.arange(2), "dt_ms": None}
    >>> temporal_generalisation(make_responses(x, **coords), labels, seed=0).accuracy.values.tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    check_responses(responses, where="temporal_generalisation")
    target = np.asarray(labels)
    if target.shape != (responses.sizes[PRESENTATION],):
        raise SchemaError("temporal_generalisation", f"`labels` has shape {target.shape}", expected=f"({responses.sizes[PRESENTATION]},), one a presentation")
    folds = discriminant.stratified_folds(target, n_folds, seed=seed)
    values, n_times = responses.values.astype(np.float64), responses.sizes[TIME_BIN]
    hits = np.zeros((n_times, n_times, len(target)))
    for fold in range(n_folds):
        train, test = folds != fold, folds == fold
        for t in range(n_times):
            decoder = discriminant.fit(values[train, :, t], target[train], n_components=n_components)
            for s in range(n_times):
                hits[t, s, test] = decoder.predict(values[test, :, s]) == target[test]
    accuracy = hits.mean(axis=2)
    chance = np.unique(target, return_counts=True)[1].max() / len(target)
    off = ~np.eye(n_times, dtype=bool)
    above = np.trace(accuracy) / n_times - chance
    kept = float((accuracy[off].mean() - chance) / above) if n_times > 1 and above > 0 else float("nan")
    steps = responses.coords["step"].values if "step" in responses.coords else np.arange(n_times)
    return xr.Dataset(
        {"accuracy": (("train_bin", "test_bin"), accuracy, {"units": "1"}), "generalisation": ((), kept, {"units": "1"})},
        coords={"train_step": ("train_bin", steps), "test_step": ("test_bin", steps)},
        attrs={"chance": float(chance), "n_folds": n_folds, "n_components": n_components},
    )
