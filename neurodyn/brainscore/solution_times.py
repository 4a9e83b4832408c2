"""Brain-Score's metric of object solution times with a classifier in torch, since its own needs TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.analysis.object_solution_time import image_dprime, solve
from neurodyn.brainscore.assemblies import flat_coords
from neurodyn.numerics.softmax_decoder import softmax_probabilities

__all__ = ["FastSolutionTimes"]


class FastSolutionTimes:
    """OSTCorrelation: the same splits, d', thresholds, interpolation and correlation.

    Parameters
    ----------
    metric : OSTCorrelation

    Notes
    -----
    Only the initial weights and the order of batches of the classifier are not TensorFlow's, so that scores agree statistically and not in the digits.
    """

    def __init__(self, metric: Any) -> None:
        self._metric = metric

    def __call__(self, source: Any, target: Any) -> Any:
        """Score, with the attrs of Brain-Score's own."""
        return self._metric._cross_validation(source, target, apply=self._split)

    def _split(self, train_source: Any, train_target: Any, test_source: Any, test_target: Any) -> Any:
        train, test = self._metric._align(train_source, train_target), self._metric._align(test_source, test_target)
        (X, labels, times), (U, truth, _) = _arrays(train), _arrays(test)
        names, codes = np.unique(np.concatenate([labels, truth]), return_inverse=True)
        curve = np.empty((len(U), len(times)))
        for t in range(len(times)):
            p = softmax_probabilities(X[:, :, t], codes[: len(X)], U[:, :, t], len(names), seed=0)
            curve[:, t] = image_dprime(p, codes[len(X) :])
        threshold = np.asarray(flat_coords(test_target)["i1"][1], dtype=float)
        return self._metric.correlate(solve(curve, threshold, times), np.asarray(test_target.values, dtype=float))


def _arrays(assembly: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values (presentation, neuroid, time_bin) with bins in order, the labels of the images, and the starts of the bins."""
    coords = flat_coords(assembly)
    start = np.asarray(coords["time_bin_start"][1], dtype=float)
    order = np.argsort(start)
    values = np.asarray(assembly.transpose("presentation", "neuroid", "time_bin").values)[:, :, order]
    return values, np.asarray(coords["image_label"][1]).astype(str), start[order]
