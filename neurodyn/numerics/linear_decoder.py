"""Linear classifiers in closed form or by a convex solver, for decoding over time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.errors import NumericsError, unknown_name

__all__ = ["DECODERS", "decode"]


def decode(X: np.ndarray, labels: np.ndarray, U: np.ndarray, *, decoder: str = "ridge", penalty: float = 1.0) -> np.ndarray:
    """Train on rows and give a score a class for other rows.

    Parameters
    ----------
    X : array, (row, feature)
        Training rows; features are z-scored by their statistics, constant ones dropped.
    labels : int array, (row)
        0 to n_classes - 1, each present.
    U : array, (..., row, feature)
        Held-out rows.
    decoder : {"ridge", "centroid", "svm"}
        Regularised least squares on one-hot labels; correlation with class means (as in the Neural Decoding Toolbox); linear support vectors.
    penalty : float
        Of ridge, in units of the number of rows over features; 1 / C of the support vectors.

    Returns
    -------
    array, (..., row, class)
        The largest is the decision.  Ridge takes all classes to be equally likely: how often each occurs among the training rows would otherwise
        decide where features tell nothing, and in balanced folds the commonest class in training is the rarest in the test, which is below chance.

    Examples
    --------
    >>> X = np.array([[0.0, 1], [0, 2], [1, 0], [2, 0]])
    >>> decode(X, np.array([0, 0, 1, 1]), np.array([[0.0, 3], [3, 0]])).argmax(-1).tolist()
    [0, 1]
    """
    if decoder not in DECODERS:
        raise unknown_name("decode", "decoder", decoder, DECODERS)
    n_classes = int(labels.max()) + 1
    if len(np.unique(labels)) < max(n_classes, 2):
        raise NumericsError("decode", f"{len(np.unique(labels))} classes among the training rows", expected="at least 2, all of them present")
    mean, std = X.mean(axis=0), X.std(axis=0)
    keep = std > 1e-9 * (np.abs(mean) + 1e-12)
    scale = np.where(keep, std, 1.0)
    Z, W = np.where(keep, (X - mean) / scale, 0.0), np.where(keep, (U - mean) / scale, 0.0)
    return DECODERS[decoder](Z, labels, W, n_classes, penalty)


def _ridge(Z: np.ndarray, labels: np.ndarray, W: np.ndarray, n_classes: int, penalty: float) -> np.ndarray:
    target = np.eye(n_classes)[labels]
    target -= target.mean(axis=0)
    n, p = Z.shape
    alpha = penalty * max(p, 1)
    if p <= n:
        weights = np.linalg.solve(Z.T @ Z + alpha * np.eye(p), Z.T @ target)
    else:
        weights = Z.T @ np.linalg.solve(Z @ Z.T + alpha * np.eye(n), target)
    return W @ weights


def _centroid(Z: np.ndarray, labels: np.ndarray, W: np.ndarray, n_classes: int, penalty: float) -> np.ndarray:
    centres = np.stack([Z[labels == k].mean(axis=0) for k in range(n_classes)])
    centres = centres - centres.mean(axis=1, keepdims=True)
    rows = W - W.mean(axis=-1, keepdims=True)
    centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-300)
    return rows @ centres.T / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-300)


def _svm(Z: np.ndarray, labels: np.ndarray, W: np.ndarray, n_classes: int, penalty: float) -> np.ndarray:
    from sklearn.svm import LinearSVC

    model = LinearSVC(C=1.0 / penalty, dual=True, random_state=0, max_iter=20000).fit(Z, labels)
    scores = model.decision_function(W.reshape(-1, W.shape[-1]))
    scores = np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores
    return scores.reshape(*W.shape[:-1], n_classes)


DECODERS: dict[str, Callable[..., np.ndarray]] = {"ridge": _ridge, "centroid": _centroid, "svm": _svm}
