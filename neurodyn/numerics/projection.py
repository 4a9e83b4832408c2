"""Fewer features by random projection, with the error it makes."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["project"]


def project(X: np.ndarray, n_features: int, generator: np.random.Generator, *, n_check: int = 500) -> tuple[np.ndarray, float]:
    """Project rows to `n_features` Gaussian directions and measure what that does to their inner products.

    Parameters
    ----------
    X : array, (row, feature)
    n_features : int
    generator : Generator
    n_check : int
        Rows on which the error is measured.

    Returns
    -------
    projected : array, (row, n_features)
    error : float
        |G' - G| / |G| (Frobenius) of the centred Gram matrices before and after, on `n_check` rows; ridge and PLS see the features only
        through that matrix.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(20, 300))
    >>> project(X, 50, np.random.default_rng(1))[0].shape
    (20, 50)
    """
    if n_features < 1:
        raise NumericsError("project", f"`n_features` is {n_features}", expected="1 or more")
    out = np.zeros((len(X), n_features))
    for start in range(0, X.shape[1], 4096):  # the projection matrix is never held whole
        block = np.asarray(X[:, start : start + 4096], dtype=np.float64)
        out += block @ (generator.normal(size=(block.shape[1], n_features)) / np.sqrt(n_features))
    rows = np.linspace(0, len(X) - 1, min(n_check, len(X))).astype(int)
    before, after = (np.asarray(v[rows], dtype=np.float64) for v in (X, out))
    before, after = before - before.mean(axis=0), after - after.mean(axis=0)
    gram = before @ before.T
    return out, float(np.linalg.norm(after @ after.T - gram) / max(np.linalg.norm(gram), 1e-300))
