"""A linear classifier with probabilities: principal components, then Gaussian classes of one shrunk covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.seeding import numpy_generator

__all__ = ["Discriminant", "fit", "fit_nested", "information_bits", "stratified_folds"]


@dataclass(frozen=True)
class Discriminant:
    """A fitted classifier.

    Attributes
    ----------
    classes : array, (class)
    mean : array, (unit)
    axes : array, (unit, component)
    coefficients : array, (component, class)
    intercepts : array, (class)
    """

    classes: np.ndarray
    mean: np.ndarray
    axes: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray

    def log_probabilities(self, x: np.ndarray) -> np.ndarray:
        """Log posterior of every class, (sample, class)."""
        from scipy.special import log_softmax

        return log_softmax((np.asarray(x, float) - self.mean) @ self.axes @ self.coefficients + self.intercepts, axis=1)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The likeliest class of each sample."""
        return self.classes[self.log_probabilities(x).argmax(axis=1)]


def fit(x: np.ndarray, labels: np.ndarray, *, n_components: int = 50) -> Discriminant:
    """Fit linear discriminant analysis with Ledoit-Wolf shrinkage on the leading principal components.

    Parameters
    ----------
    x : array, (sample, unit)
    labels : array, (sample)
    n_components : int
        Principal components kept (at most min(sample - 1, unit)).

    Examples
    --------
    >>> x = np.array([[0.0, 0], [0, 1], [5, 0], [5, 1]])
    >>> fit(x, np.array([0, 0, 1, 1]), n_components=2).predict(x).tolist()
    [0, 0, 1, 1]
    """
    return fit_nested(x, labels, [n_components])[0]


def fit_nested(x: np.ndarray, labels: np.ndarray, sizes: Sequence[int]) -> list[Discriminant]:
    """:func:`fit` for several numbers of components, which are found once.

    Raises
    ------
    NumericsError
        If shapes do not fit, or there are fewer than two classes of two samples.
    """
    x, labels = np.asarray(x, dtype=np.float64), np.asarray(labels)
    if x.ndim != 2 or len(x) != len(labels) or min(sizes, default=0) < 1:
        raise NumericsError("discriminant.fit", f"`x` has shape {x.shape} for {len(labels)} labels, {list(sizes)} components", expected="(sample, unit)")
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        raise NumericsError("discriminant.fit", f"{len(classes)} classes, the smallest of {counts.min()} samples", expected="two classes of two samples each")
    mean = x.mean(axis=0)
    axes = _principal_axes(x - mean, max(sizes))
    scores, priors = (x - mean) @ axes, np.log(counts / len(x))
    if axes.shape[1] == 0:
        return [Discriminant(classes, mean, axes, np.zeros((0, len(classes))), priors) for _ in sizes]
    return [Discriminant(classes, mean, axes[:, :k], *_classes(scores[:, :k], index, len(classes), priors)) for k in sizes]


def _principal_axes(centred: np.ndarray, n_components: int) -> np.ndarray:
    from scipy.linalg import eigh

    n, d = centred.shape
    k, side = min(n_components, n - 1, d), min(n, d)
    gram = centred @ centred.T if n <= d else centred.T @ centred
    values, vectors = eigh(gram, subset_by_index=(side - k, side - 1))
    values, vectors = values[::-1], vectors[:, ::-1]
    keep = values > 1e-10 * max(float(values[0]), 1e-300)
    values, vectors = values[keep], vectors[:, keep]
    return centred.T @ vectors / np.sqrt(values) if n <= d else vectors


def _classes(scores: np.ndarray, index: np.ndarray, n_classes: int, priors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.covariance import ledoit_wolf

    means = np.stack([scores[index == c].mean(axis=0) for c in range(n_classes)])
    covariance = ledoit_wolf(scores - means[index], assume_centered=True)[0]
    floor = 1e-8 * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    coefficients = np.linalg.solve(covariance + floor * np.eye(len(covariance)), means.T)
    return coefficients, priors - 0.5 * (means * coefficients.T).sum(axis=1)


def information_bits(log_probabilities: np.ndarray, classes: np.ndarray, labels: np.ndarray) -> float:
    """A lower bound on what the response says about the class: log2(classes) minus the held-out cross-entropy, in bits.

    May be negative for a decoder that is worse than none.

    Examples
    --------
    >>> round(information_bits(np.log(np.array([[0.5, 0.5], [0.5, 0.5]])), np.array([0, 1]), np.array([0, 1])), 12) + 0.0
    0.0
    """
    at = np.searchsorted(classes, labels)
    return float(np.log2(len(classes)) + log_probabilities[np.arange(len(labels)), at].mean() / np.log(2))


def stratified_folds(labels: np.ndarray, n_folds: int, *, seed: int) -> np.ndarray:
    """The fold of each sample, classes spread evenly.

    Examples
    --------
    >>> stratified_folds(np.repeat([0, 1], 4), 2, seed=0).tolist().count(0)
    4
    """
    labels = np.asarray(labels)
    counts = np.unique(labels, return_counts=True)[1]
    if n_folds < 2 or counts.min() < n_folds:
        raise NumericsError(
            "stratified_folds", f"{n_folds} folds for a class of {counts.min()} samples", expected="2 folds or more, one sample of each class in each"
        )
    folds = np.empty(len(labels), int)
    generator = numpy_generator(seed, "folds")
    for value in np.unique(labels):
        rows = np.nonzero(labels == value)[0]
        folds[generator.permutation(rows)] = np.arange(len(rows)) % n_folds
    return folds
