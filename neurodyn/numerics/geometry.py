"""Geometry of population activity: dissimilarities, their comparison, and similarities of representations.

Arrays are (condition, unit); leading axes are batches.  Sums are in double precision.  References: Kriegeskorte et al. 2008
(RDM); Walther et al. 2016 (crossnobis); Diedrichsen et al. 2021 (whitened comparison); Kornblith et al. 2019 (CKA); Song et
al. 2012 and Murphy et al. 2024 (debiasing); Williams et al. 2021 (shape distance).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg, stats

from neurodyn.errors import NumericsError, unknown_name

__all__ = [
    "COMPARISONS",
    "DISSIMILARITIES",
    "cka",
    "compare_rdms",
    "crossnobis",
    "procrustes",
    "rdm",
    "shape_distance",
    "squareform",
]


def _checked(X: np.ndarray, where: str, name: str) -> np.ndarray:
    X = np.asarray(X, dtype=np.float64)
    if X.ndim < 2 or X.shape[-2] < 2 or X.shape[-1] < 1:
        raise NumericsError(where, f"`{name}` has shape {X.shape}", expected="(..., condition, unit) with at least 2 conditions")
    if not np.isfinite(X).all():
        raise NumericsError(where, f"`{name}` holds NaN or infinity in {int((~np.isfinite(X)).any(-1).sum())} rows", expected="finite values")
    return X


def _condensed(square: np.ndarray) -> np.ndarray:
    n = square.shape[-1]
    i, j = np.triu_indices(n, 1)
    return np.take(square.reshape(*square.shape[:-2], n * n), i * n + j, axis=-1)  # pairs of one RDM side by side, unlike square[..., i, j]


def squareform(condensed: np.ndarray) -> np.ndarray:
    """Vectors of pairs, (..., pair), to symmetric matrices with a zero diagonal, (..., condition, condition).

    Examples
    --------
    >>> squareform(np.array([1.0, 2.0, 3.0])).tolist()
    [[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]]
    """
    pairs = np.shape(condensed)[-1]
    n = int(np.rint((1 + np.sqrt(1 + 8 * pairs)) / 2))
    if n * (n - 1) // 2 != pairs:
        raise NumericsError("squareform", f"{pairs} pairs", expected="n (n - 1) / 2 for some n")
    out = np.zeros((*np.shape(condensed)[:-1], n, n))
    i, j = np.triu_indices(n, 1)
    out[..., i, j] = condensed
    out[..., j, i] = condensed
    return out


def _correlation(X: np.ndarray) -> np.ndarray:
    Z = X - X.mean(-1, keepdims=True)
    size = np.linalg.norm(Z, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        Z = np.where(size > 1e-12 * np.linalg.norm(X, axis=-1, keepdims=True), Z / size, np.nan)
    return _condensed(1.0 - np.clip(Z @ np.swapaxes(Z, -1, -2), -1.0, 1.0))


def _cosine(X: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(X, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        Z = np.where(size > 0, X / size, np.nan)
    return _condensed(1.0 - np.clip(Z @ np.swapaxes(Z, -1, -2), -1.0, 1.0))


def _squared(X: np.ndarray) -> np.ndarray:
    X = X - X.mean(-2, keepdims=True)  # the same distances, fewer digits cancelled
    gram = X @ np.swapaxes(X, -1, -2)
    size = np.diagonal(gram, axis1=-2, axis2=-1)
    return np.maximum(_condensed(size[..., :, None] + size[..., None, :] - 2 * gram), 0.0)


DISSIMILARITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "correlation": _correlation,
    "cosine": _cosine,
    "euclidean": lambda X: np.sqrt(_squared(X)),
    "sqeuclidean": lambda X: _squared(X) / X.shape[-1],
}


def rdm(X: np.ndarray, *, method: str = "correlation") -> np.ndarray:
    """Dissimilarities between every pair of conditions.

    Parameters
    ----------
    X : array, (..., condition, unit)
    method : {"correlation", "cosine", "euclidean", "sqeuclidean"}
        ``"correlation"``: 1 - Pearson over units; ``"sqeuclidean"`` is divided by the number of units.

    Returns
    -------
    array, (..., pair)
        Pairs in the order of ``numpy.triu_indices(condition, 1)``; NaN where a correlation has no variance.

    Examples
    --------
    >>> rdm(np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])).round(6).tolist()
    [2.0, 0.0, 2.0]
    """
    if method not in DISSIMILARITIES:
        raise unknown_name("rdm", "`method`", method, [*DISSIMILARITIES, "crossnobis"])
    return DISSIMILARITIES[method](_checked(X, "rdm", "X"))


def crossnobis(X: np.ndarray, *, noise_precision: np.ndarray | None = None) -> np.ndarray:
    """Cross-validated squared Mahalanobis distances: unbiased, so that their mean is 0 where conditions do not differ.

    Parameters
    ----------
    X : array, (..., fold, condition, unit)
        Independent measurements of the same conditions; every pair of different folds is averaged.
    noise_precision : array, (unit, unit), optional
        Inverse covariance of the noise; identity when absent.

    Returns
    -------
    array, (..., pair)
        Divided by the number of units; may be negative.

    Examples
    --------
    >>> X = np.array([[[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]]])
    >>> crossnobis(X).tolist()
    [1.0]
    """
    X = np.asarray(X, dtype=np.float64)
    if X.ndim < 3 or X.shape[-3] < 2:
        raise NumericsError("crossnobis", f"`X` has shape {X.shape}", expected="(..., fold, condition, unit) with at least 2 folds")
    X = _checked(X, "crossnobis", "X")
    m, units = X.shape[-3], X.shape[-1]
    W = X if noise_precision is None else X @ _root(np.asarray(noise_precision, float), units)
    total = W.sum(-3)
    # sum over pairs of different folds = (sum of all) - (sum of same)
    cross = total @ np.swapaxes(total, -1, -2) - (W @ np.swapaxes(W, -1, -2)).sum(-3)
    gram = cross / (m * (m - 1) * units)
    size = np.diagonal(gram, axis1=-2, axis2=-1)
    return _condensed(size[..., :, None] + size[..., None, :] - gram - np.swapaxes(gram, -1, -2))


def _root(precision: np.ndarray, units: int) -> np.ndarray:
    if precision.shape != (units, units) or not np.allclose(precision, precision.T, rtol=1e-6, atol=1e-10):
        raise NumericsError("crossnobis", f"`noise_precision` has shape {precision.shape}", expected=f"symmetric, ({units}, {units})")
    values, vectors = np.linalg.eigh(precision)
    if values.min() < -1e-8 * max(values.max(), 0.0):
        raise NumericsError("crossnobis", f"`noise_precision` has an eigenvalue of {values.min():.3g}", expected="positive semi-definite")
    return vectors * np.sqrt(np.maximum(values, 0.0))


# ---------------------------------------------------------------------------------------------------- comparing RDMs


def _norms(A: np.ndarray) -> np.ndarray:
    """Lengths of the rows, NaN where 0."""
    size = np.sqrt(np.einsum("ij,ij->i", A, A))
    return np.where(size > 0, size, np.nan)


def _cosine_of(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return (A @ B.T) / np.outer(_norms(A), _norms(B))


def _pearson_of(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """From sums of products, without centred copies, unless means so far beyond the spread would cost digits."""
    n = A.shape[-1]
    a, b = A.mean(-1), B.mean(-1)
    own, other = (np.einsum("ij,ij->i", X, X) - n * m**2 for X, m in ((A, a), (B, b)))
    if (n * a**2 >= 1e4 * own).any() or (n * b**2 >= 1e4 * other).any():
        return _cosine_of(A - a[:, None], B - b[:, None])
    return (A @ B.T - n * np.outer(a, b)) / np.sqrt(np.outer(own, other))


def _spearman_of(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return _pearson_of(stats.rankdata(A, axis=-1), stats.rankdata(B, axis=-1))


def _kendall_of(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """tau-a, the one that does not reward tied models."""
    out = np.empty((len(A), len(B)))
    pairs = A.shape[-1] * (A.shape[-1] - 1) / 2
    for i, a in enumerate(A):
        for j, b in enumerate(B):
            tau = stats.kendalltau(a, b, variant="b").statistic
            free = [pairs - (np.unique(v, return_counts=True)[1] * (np.unique(v, return_counts=True)[1] - 1) / 2).sum() for v in (a, b)]
            out[i, j] = tau * np.sqrt(free[0] * free[1]) / pairs
    return out


def _whitened_of(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    """Cosine whitened by the covariance that dissimilarities of independent conditions have, V = (C C^T) o (C C^T), C the contrasts.

    V = 1/4 of the squared overlap of pairs: its inverse acts through the centred second-moment matrices, where the whitened
    product of two RDMs is the Frobenius product of their double-centred forms.
    """
    a, b = _centred_gram(A), _centred_gram(B)
    return _cosine_of(a.reshape(len(a), -1), b.reshape(len(b), -1))


def _centred_gram(A: np.ndarray) -> np.ndarray:
    D = squareform(A)
    return -0.5 * (D - D.mean(-1, keepdims=True) - D.mean(-2, keepdims=True) + D.mean((-1, -2), keepdims=True))


COMPARISONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cosine": _cosine_of,
    "pearson": _pearson_of,
    "spearman": _spearman_of,
    "kendall": _kendall_of,
    "whitened_cosine": _whitened_of,
}


def compare_rdms(A: np.ndarray, B: np.ndarray, *, method: str = "spearman") -> np.ndarray:
    """Similarity of every RDM of one set with every RDM of another.

    Parameters
    ----------
    A : array, (rdm, pair) or (pair)
    B : array, (rdm, pair) or (pair)
    method : {"cosine", "pearson", "spearman", "kendall", "whitened_cosine"}
        ``"kendall"`` is tau-a.

    Returns
    -------
    array, (rdm of A, rdm of B)

    Examples
    --------
    >>> compare_rdms(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 9.0]), method="spearman").round(6).tolist()
    [[1.0]]
    """
    if method not in COMPARISONS:
        raise unknown_name("compare_rdms", "`method`", method, COMPARISONS)
    A, B = (np.atleast_2d(np.ascontiguousarray(X, dtype=float)) for X in (A, B))
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[1]:
        raise NumericsError("compare_rdms", f"RDMs of {A.shape[-1]} and {B.shape[-1]} pairs", expected="the same conditions in the same order")
    for name, X in (("A", A), ("B", B)):
        if not np.isfinite(X.sum()) and not np.isfinite(X).all():  # a finite sum settles it, and is faster
            raise NumericsError("compare_rdms", f"`{name}` holds NaN in {int((~np.isfinite(X)).any(1).sum())} RDMs", expected="finite dissimilarities")
    return COMPARISONS[method](A, B)


# ------------------------------------------------------------------------------------------- comparing representations


def _kernel(X: np.ndarray, *, centre: bool) -> np.ndarray:
    X = X - X.mean(-2, keepdims=True) if centre else X
    return X @ np.swapaxes(X, -1, -2)


def _hsic_unbiased(K: np.ndarray, L: np.ndarray) -> float:
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    k, m = K.sum(0), L.sum(0)
    return float((K * L).sum() + k.sum() * m.sum() / ((n - 1) * (n - 2)) - 2 * (k @ m) / (n - 2)) / (n * (n - 3))


def cka(X: np.ndarray, Y: np.ndarray, *, debiased: bool = True) -> float:
    """Linear centred kernel alignment of two representations of the same conditions.

    Parameters
    ----------
    X : array, (condition, unit)
    Y : array, (condition, other unit)
    debiased : bool
        The estimate whose expectation is 0 for unrelated representations, whatever the number of units (needs 4 conditions); it
        may be negative.

    Returns
    -------
    float

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((50, 5))
    >>> round(cka(X, 3 * X), 6)
    1.0
    """
    X, Y = _paired(X, Y, "cka")
    n = len(X)
    if debiased:
        if n < 4:
            raise NumericsError("cka", f"{n} conditions", expected="at least 4 for the debiased estimate", fix="debiased=False")
        K, L = _kernel(X - X.mean(0), centre=False), _kernel(Y - Y.mean(0), centre=False)
        top, a, b = _hsic_unbiased(K, L), _hsic_unbiased(K, K), _hsic_unbiased(L, L)
    elif n > X.shape[1] + Y.shape[1]:  # features are fewer: work on their covariances
        X, Y = X - X.mean(0), Y - Y.mean(0)
        top, a, b = (float((M**2).sum()) for M in (X.T @ Y, X.T @ X, Y.T @ Y))
    else:
        K, L = _kernel(X, centre=True), _kernel(Y, centre=True)
        top, a, b = (float((M * N).sum()) for M, N in ((K, L), (K, K), (L, L)))
    return float(top / np.sqrt(a * b)) if a > 0 and b > 0 else float("nan")


def _paired(X: np.ndarray, Y: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    X, Y = _checked(X, where, "X"), _checked(Y, where, "Y")
    if X.ndim != 2 or Y.ndim != 2 or len(X) != len(Y):
        raise NumericsError(where, f"`X` has shape {X.shape} and `Y` {Y.shape}", expected="(condition, unit), the same conditions in the same order")
    return X, Y


def _nuclear(X: np.ndarray, Y: np.ndarray) -> float:
    """Sum of the singular values of X^T Y, from the smaller side."""
    n = len(X)
    if n < min(X.shape[1], Y.shape[1]):  # X^T Y has the singular values of sqrt(K) sqrt(L)
        roots = [_half(X @ X.T), _half(Y @ Y.T)]
        return float(np.linalg.svd(roots[0].T @ roots[1], compute_uv=False).sum())
    return float(linalg.svdvals(X.T @ Y).sum())


def _half(K: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(K)
    return vectors * np.sqrt(np.maximum(values, 0.0))


def procrustes(X: np.ndarray, Y: np.ndarray, *, scale: bool = True) -> float:
    """Procrustes disparity: what is left after the best shift, rotation and, by default, scale.

    Parameters
    ----------
    X : array, (condition, unit)
    Y : array, (condition, other unit)
        Padded with zeros where the numbers of units differ.
    scale : bool
        With scale 1 - (sum of singular values)^2 of the normalised product, between 0 and 1, as ``scipy.spatial.procrustes``;
        without, the squared distance |X - Y R|^2.

    Returns
    -------
    float

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((20, 3))
    >>> round(procrustes(X, 2 * X[:, ::-1] + 1), 6)
    0.0
    """
    X, Y = _paired(X, Y, "procrustes")
    X, Y = X - X.mean(0), Y - Y.mean(0)
    a, b = np.linalg.norm(X), np.linalg.norm(Y)
    if a == 0 or b == 0:
        raise NumericsError("procrustes", "one representation does not vary", expected="conditions that differ")
    overlap = _nuclear(X, Y)
    left = 1.0 - (overlap / (a * b)) ** 2 if scale else a**2 + b**2 - 2 * overlap
    return max(float(left), 0.0)


def shape_distance(X: np.ndarray, Y: np.ndarray) -> float:
    """Angular shape distance: a metric between representations up to shift, rotation and scale, in radians.

    Parameters
    ----------
    X : array, (condition, unit)
    Y : array, (condition, other unit)

    Returns
    -------
    float
        0 to pi / 2.

    Examples
    --------
    >>> X = np.random.default_rng(0).standard_normal((20, 3))
    >>> round(shape_distance(X, -X), 3)
    0.0
    """
    X, Y = _paired(X, Y, "shape_distance")
    X, Y = X - X.mean(0), Y - Y.mean(0)
    size = np.linalg.norm(X) * np.linalg.norm(Y)
    if size == 0:
        raise NumericsError("shape_distance", "one representation does not vary", expected="conditions that differ")
    return float(np.arccos(np.clip(_nuclear(X, Y) / size, -1.0, 1.0)))
