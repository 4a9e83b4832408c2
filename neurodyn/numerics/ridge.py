"""Ridge regression with the penalty of each target chosen by nested cross-validation, one factorisation for everything.

Everything follows from the residual maker R(a) = I - 11'/n - K (K + a I)^-1 of all rows, K the doubly centred Gram matrix:

- residuals of a fit to all rows:                    e = R Y
- held-out residuals of rows f, the fit without f:   R_ff^-1 e_f
- residual maker of the fit without f:               R_tt - R_tf R_ff^-1 R_ft
- leave-one-out residuals of that fit, for choosing the penalty:  its e divided by its diagonal.

So one eigendecomposition of K serves all folds, targets, time bins and penalties, and held-out rows never touch their own penalty.  With a single
penalty one Cholesky factor serves them all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.linalg

from neurodyn.errors import NumericsError
from neurodyn.numerics.crossval import CVResult, Split, check_regression, held_out_correlation

__all__ = ["ALPHAS", "gram_basis", "ridge_cv", "unit_rms"]

ALPHAS = tuple(float(a) for a in np.logspace(-2, 7, 19))
_LARGEST_SQUARE = 6000  # rows up to which an n x n residual maker is formed


def unit_rms(X: np.ndarray) -> np.ndarray:
    """Divide features by one number, so that their mean variance is 1 and a penalty means the same whatever the firing rates are.

    Parameters
    ----------
    X : array, (row, feature)

    Returns
    -------
    array, (row, feature)
        Features keep their variances relative to each other; features that are all constant are returned as they are.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [2.0, 4.0]])
    >>> float(unit_rms(x).var(axis=0).mean())
    1.0
    """
    scale = float(np.sqrt(np.mean(np.var(np.asarray(X, float), axis=0))))
    return X / scale if scale > 0 else X


def ridge_cv(
    X: np.ndarray,
    Y: np.ndarray,
    splits: Sequence[Split],
    *,
    alphas: Sequence[float] = ALPHAS,
    per_target: bool = True,
    groups: np.ndarray | None = None,
) -> CVResult:
    """Held-out predictions of ridge regression with an intercept.

    Parameters
    ----------
    X : array, (row, feature)
    Y : array, (row, target) or (row, target, time)
        Every target and time bin is predicted on its own; they share the factorisation.
    splits : sequence of (train, test)
        From :func:`neurodyn.numerics.crossval.make_splits`.
    alphas : sequence of float
        Penalties tried; with several, the one with the least squared leave-one-out error on the training rows is used.
    per_target : bool
        Choose a penalty for each target (True) or one for all (False, scikit-learn's RidgeCV).
    groups : array, (row), optional
        Leave out whole groups of training rows when choosing the penalty.

    Returns
    -------
    CVResult
        ``alpha`` holds the penalties, (split, target[, time]), and ``inner_error`` what they were chosen by; it also tells on the training rows alone
        which of several feature sets to take.

    Raises
    ------
    NumericsError
        For NaN, shapes that do not fit, penalties at or under zero, or splits that share rows.

    Examples
    --------
    >>> from neurodyn.numerics.crossval import make_splits
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 5))
    >>> result = ridge_cv(X, X @ rng.normal(size=(5, 3)), make_splits(80, seed=0), alphas=[1e-3, 1.0])
    >>> bool((result.r > 0.999).all())
    True
    """
    X, Y, shape = check_regression("ridge_cv", X, Y, splits)
    penalties = np.asarray(alphas, dtype=float).ravel()
    if penalties.size == 0 or not np.isfinite(penalties).all() or (penalties <= 0).any():
        raise NumericsError("ridge_cv", f"`alphas` is {list(alphas)[:4]}", expected="one or more penalties above 0")
    if groups is not None and len(groups) != len(X):
        raise NumericsError("ridge_cv", f"{len(groups)} groups for {len(X)} rows", expected="one group a row")
    held = max(len(test) for _, test in splits)
    small = len(X) <= _LARGEST_SQUARE
    few_held = all(len(train) + len(test) == len(X) for train, test in splits) and held <= 0.3 * len(X) and len(splits) > 2
    errors = None
    if penalties.size == 1 and few_held and (held < X.shape[1] <= len(X) - held or (X.shape[1] > len(X) - held and small)):
        predictions = _by_one_factor(X, Y, splits, float(penalties[0]))
        chosen = [np.full(Y.shape[1], penalties[0]) for _ in splits]
    elif penalties.size == 1:
        predictions = [_single(X, Y, train, test, float(penalties[0])) for train, test in splits]
        chosen = [np.full(Y.shape[1], penalties[0]) for _ in splits]
    elif few_held and small:
        predictions, chosen, errors = _by_residual_maker(X, Y, splits, penalties, per_target, groups)
    else:
        predictions, chosen, errors = _by_split(X, Y, splits, penalties, per_target, groups)
    predictions = [p.reshape(len(p), *shape) for p in predictions]
    test = [np.asarray(rows) for _, rows in splits]
    r = held_out_correlation(predictions, Y.reshape(len(Y), *shape), test)
    inner = None if errors is None else np.stack(errors).reshape(-1, *shape)
    return CVResult(predictions, r, test, np.stack(chosen).reshape(-1, *shape), inner)


def gram_basis(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Left singular vectors and squared singular values of the centred rows, from the smaller Gram matrix.

    Parameters
    ----------
    X : array, (row, feature)

    Returns
    -------
    U : array, (row, rank)
    s2 : array, (rank)
        Descending.
    """
    centred = X - X.mean(axis=0)
    n, p = centred.shape
    if p < n:
        s2, V = scipy.linalg.eigh(centred.T @ centred, driver="evd", overwrite_a=True)
        keep = s2 > max(s2[-1], 0.0) * max(n, p) * np.finfo(float).eps
        s2, U = s2[keep], centred @ V[:, keep]
        U /= np.sqrt(s2)
    else:
        gram = centred @ centred.T
        gram += 2.0 / n * max(np.trace(gram), 1e-300)  # lifts the constant vector out of the null space and above every other eigenvalue, whatever the rank
        s2, U = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True)
        keep = s2 > max(s2[-1], 0.0) * max(n, p) * np.finfo(float).eps
        keep[-1] = False
        s2, U = s2[keep], U[:, keep]
    return np.ascontiguousarray(U[:, ::-1]), s2[::-1].copy()


def _by_one_factor(X: np.ndarray, Y: np.ndarray, splits: Sequence[Split], alpha: float) -> list[np.ndarray]:
    """Held-out predictions at one penalty from one Cholesky factor of all rows: y_f - R_ff^-1 e_f."""
    n, p = X.shape
    centred, targets = X - X.mean(axis=0), Y - Y.mean(axis=0)
    if p > n - max(len(test) for _, test in splits):
        K = centred @ centred.T
        level = np.trace(K) / n  # lifts the constant vector out of the null space; centred targets do not see it
        K += level / n
        K[np.diag_indices(n)] += alpha
        lower, failed = scipy.linalg.lapack.dpotri(scipy.linalg.cholesky(K, lower=True, overwrite_a=True), lower=1, overwrite_c=1)
        if failed:
            raise NumericsError("ridge_cv", f"the Gram matrix is singular at the penalty {alpha:g}", expected="a larger penalty")
        maker = np.tril(lower) + np.tril(lower, -1).T  # R / alpha, but for the constant vector
        e = maker @ targets
        maker -= 1.0 / (n * (level + alpha))
        blocks = [maker[np.ix_(test, test)] for _, test in splits]
    else:
        A = centred.T @ centred
        A[np.diag_indices(p)] += alpha
        Z = scipy.linalg.solve_triangular(scipy.linalg.cholesky(A, lower=True, overwrite_a=True), centred.T, lower=True, overwrite_b=True)
        e = targets - Z.T @ (Z @ targets)
        blocks = [np.eye(len(test)) - 1.0 / n - Z[:, test].T @ Z[:, test] for _, test in splits]
    factors = [scipy.linalg.cho_factor(block, lower=True, overwrite_a=True) for block in blocks]
    return [Y[test] - scipy.linalg.cho_solve(factor, e[test]) for (_, test), factor in zip(splits, factors, strict=True)]


def _by_residual_maker(
    X: np.ndarray, Y: np.ndarray, splits: Sequence[Split], alphas: np.ndarray, per_target: bool, groups: np.ndarray | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    n = len(X)
    U, s2 = gram_basis(X)
    complement = None if U.shape[1] == n - 1 else np.eye(n) - 1.0 / n - U @ U.T
    offset = Y.mean(axis=0)
    centred = Y - offset
    rotated = U.T @ centred
    residual_outside = centred - U @ rotated if complement is not None else 0.0
    best = [np.full(Y.shape[1], np.inf) for _ in splits]
    chosen = [np.zeros(Y.shape[1]) for _ in splits]
    predictions = [np.zeros((len(test), Y.shape[1])) for _, test in splits]
    for alpha in alphas:
        shrink = np.sqrt(alpha / (s2 + alpha))
        half = U * shrink
        R = half @ half.T
        if complement is not None:
            R += complement
        e = U @ (rotated * (shrink**2)[:, None]) + residual_outside
        for k, (train, test) in enumerate(splits):
            block = R[np.ix_(test, test)]
            inverse = scipy.linalg.cho_solve(scipy.linalg.cho_factor(block, lower=True), np.eye(len(test)))
            held = inverse @ e[test]
            R_tf = R[np.ix_(train, test)]
            inner = e[train] - R_tf @ held
            error = _inner_error(inner, R, R_tf, inverse, train, groups)
            error = error if per_target else np.full_like(error, error.mean())
            better = error < best[k]
            best[k][better] = error[better]
            chosen[k][better] = alpha
            predictions[k][:, better] = Y[test][:, better] - held[:, better]
    return predictions, chosen, best


def _inner_error(inner: np.ndarray, R: np.ndarray, R_tf: np.ndarray, inverse: np.ndarray, train: np.ndarray, groups: np.ndarray | None) -> np.ndarray:
    solved = R_tf @ inverse
    if groups is None:
        diagonal = np.diag(R)[train] - np.einsum("tf,tf->t", R_tf, solved)
        return np.einsum("tq,tq->q", inner / diagonal[:, None], inner / diagonal[:, None]) / len(train)
    total = np.zeros(inner.shape[1])
    names = np.asarray(groups)[train]
    for name in np.unique(names):
        rows = np.nonzero(names == name)[0]
        block = R[np.ix_(train[rows], train[rows])] - R_tf[rows] @ solved[rows].T
        total += (np.linalg.solve(block, inner[rows]) ** 2).sum(axis=0)
    return total / len(train)


def _by_split(
    X: np.ndarray, Y: np.ndarray, splits: Sequence[Split], alphas: np.ndarray, per_target: bool, groups: np.ndarray | None
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """One factorisation a split: for few splits, or more rows than a square matrix should have."""
    predictions, chosen, errors = [], [], []
    for train, test in splits:
        centre, offset = X[train].mean(axis=0), Y[train].mean(axis=0)
        targets = Y[train] - offset
        U, s2 = gram_basis(X[train])
        rotated = U.T @ targets
        alpha, error = _choose(U, s2, rotated, targets, alphas, per_target, None if groups is None else np.asarray(groups)[train])
        weights = rotated * (np.sqrt(s2)[:, None] / (s2[:, None] + alpha))
        predictions.append(((X[test] - centre) @ ((X[train] - centre).T @ U / np.sqrt(s2))) @ weights + offset)
        chosen.append(alpha)
        errors.append(error)
    return predictions, chosen, errors


def _single(X: np.ndarray, Y: np.ndarray, train: np.ndarray, test: np.ndarray, alpha: float) -> np.ndarray:
    """Held-out predictions of one split at one penalty."""
    centre, offset = X[train].mean(axis=0), Y[train].mean(axis=0)
    centred, targets = X[train] - centre, Y[train] - offset
    n, p = centred.shape
    A = centred.T @ centred if p <= n else centred @ centred.T
    A[np.diag_indices(min(n, p))] += alpha
    factor = scipy.linalg.cho_factor(A, lower=True, overwrite_a=True)
    if p <= n:
        return (X[test] - centre) @ scipy.linalg.cho_solve(factor, centred.T @ targets) + offset
    return ((X[test] - centre) @ centred.T) @ scipy.linalg.cho_solve(factor, targets) + offset


def _choose(
    U: np.ndarray, s2: np.ndarray, rotated: np.ndarray, targets: np.ndarray, alphas: np.ndarray, per_target: bool, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    n, q = targets.shape
    best, chosen = np.full(q, np.inf), np.zeros(q)
    squares = U**2
    for alpha in alphas:
        keep = s2 / (s2 + alpha)
        e = targets - U @ (rotated * keep[:, None])
        if groups is None:
            error = ((e / (1 - 1.0 / n - squares @ keep)[:, None]) ** 2).mean(axis=0)
        else:
            error = np.zeros(q)
            for name in np.unique(groups):
                rows = np.nonzero(groups == name)[0]
                block = np.eye(len(rows)) - 1.0 / n - (U[rows] * keep) @ U[rows].T
                error += (np.linalg.solve(block, e[rows]) ** 2).sum(axis=0) / n
        error = error if per_target else np.full(q, error.mean())
        better = error < best
        best[better], chosen[better] = error[better], alpha
    return chosen, best
