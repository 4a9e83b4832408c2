"""Partial least squares for many targets, folds and time bins at once.

A component needs only sums over training rows, so nothing is deflated in feature space.  With K = X X' and Y deflated by the scores T
so far, a component is the score t = K Y c, c the dominant eigenvector of the (target, target) matrix S = Y' K Y.  S is downdated by two
rank-one terms a component; K is applied to all folds and bins in one matrix product; scores of held-out rows fall out of the same product.

``solver="exact"`` takes c from an eigensolver.  ``solver="nipals"`` replays scikit-learn's power iteration with its start vector and its
stop rule, both of which can be told from S alone, and so returns scikit-learn's (not fully converged) numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.linalg

from neurodyn.errors import ConvergenceWarning, NumericsError, unknown_name
from neurodyn.numerics.crossval import CVResult, Split, check_regression, held_out_correlation

__all__ = ["SOLVERS", "pls_cv"]

SOLVERS = ("exact", "nipals")
_EPS = np.finfo(np.float64).eps
_CHUNK = 24  # power iterations between two looks at the stop rule
_BYTES = 2**30  # scores of this many bytes are held at once


def pls_cv(
    X: np.ndarray,
    Y: np.ndarray,
    splits: Sequence[Split],
    *,
    n_components: int = 25,
    solver: str = "exact",
    tol: float = 1e-6,
    max_iter: int = 500,
) -> CVResult:
    """Held-out predictions of PLS regression (centred, not scaled).

    Parameters
    ----------
    X : array, (row, feature)
    Y : array, (row, target) or (row, target, time)
        Targets of one time bin are fitted jointly, time bins apart from each other.
    splits : sequence of (train, test)
    n_components : int
    solver : {"exact", "nipals"}
        ``"nipals"`` equals scikit-learn's PLSRegression(scale=False), stop rule included.
    tol, max_iter
        Stop rule of ``"nipals"``.

    Returns
    -------
    CVResult

    Raises
    ------
    NumericsError
        For NaN, shapes that do not fit, or more components than training rows or features.

    Examples
    --------
    >>> from neurodyn.numerics.crossval import make_splits
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 5))
    >>> result = pls_cv(X, X @ rng.normal(size=(5, 3)), make_splits(80, seed=0), n_components=5)
    >>> bool((result.r > 0.999).all())
    True
    """
    if solver not in SOLVERS:
        raise unknown_name("pls_cv", "solver", solver, SOLVERS)
    X, _, shape = check_regression("pls_cv", X, Y, splits)
    Y = np.asarray(Y, dtype=np.float64)
    least = min(min(len(train) for train, _ in splits), X.shape[1])
    if not 1 <= n_components <= least:
        raise NumericsError(
            "pls_cv",
            f"{n_components} components of {X.shape[1]} features and at least {min(len(t) for t, _ in splits)} training rows",
            expected=f"1 to {least}",
            fix=f"n_components={min(max(least, 1), 25)}",
        )
    bins = Y.reshape(*Y.shape[:2], -1)  # (row, target, time)
    n, q, n_bins = bins.shape
    kernel = _Kernel(X - X.mean(axis=0))
    offset = bins.mean(axis=0)
    at_once = max(1, int(_BYTES // (16 * n * n_components * len(splits) + 1)))
    out = [np.empty((len(test), q, n_bins)) for _, test in splits]
    stopped = 0
    for start in range(0, n_bins, at_once):
        block = slice(start, min(start + at_once, n_bins))
        targets = [np.ascontiguousarray(bins[:, :, b] - offset[:, b]) for b in range(block.start, block.stop)]
        problems = [_Problem(np.asarray(train), np.asarray(test), Y_b, n_components) for Y_b in targets for train, test in splits]
        kernel.inner_products(problems)
        stopped += _fit(kernel, problems, n_components, solver, tol, max_iter)
        for j, problem in enumerate(problems):
            b, k = block.start + j // len(splits), j % len(splits)
            out[k][:, :, b] = problem.prediction() + offset[:, b]
    if stopped:
        warnings.warn(f"pls_cv: {stopped} power iterations stopped at max_iter={max_iter}, as scikit-learn's would", ConvergenceWarning, stacklevel=2)
    predictions = [p.reshape(len(p), *shape) for p in out]
    test = [np.asarray(rows) for _, rows in splits]
    return CVResult(predictions, held_out_correlation(predictions, Y, test), test)


class _Kernel:
    """K = X X', formed only where that is the cheaper way; elsewhere everything goes through the features."""

    def __init__(self, X: np.ndarray) -> None:
        n, p = X.shape
        self.X = X
        self.gram = X @ X.T if p > n / 2 and n <= 12000 else None

    def inner_products(self, problems: list[_Problem]) -> None:
        """Give every problem its S = Y' K Y over the training rows, by taking held-out rows off the sum over all rows."""
        whole: dict[int, np.ndarray] = {}
        for problem in problems:
            Y, train = problem.Y, problem.train
            out = np.nonzero(problem.outside)[0]
            if self.gram is None:
                if id(Y) not in whole:
                    whole[id(Y)] = self.X.T @ Y
                total = self.X.sum(axis=0) - self.X[out].sum(axis=0)
                M = whole[id(Y)] - self.X[out].T @ Y[out] - np.outer(total, problem.mean)
                problem.S = M.T @ M
                problem.M, problem.of_fitted = M, np.zeros((len(problem.norm), M.shape[0]))
            else:
                if id(Y) not in whole:
                    whole[id(Y)] = self.gram @ Y
                cross = self.gram[np.ix_(train, out)]
                total = self.gram[train].sum(axis=1) - cross.sum(axis=1)
                H = whole[id(Y)][train] - cross @ Y[out] - np.outer(total, problem.mean)
                S = (Y[train] - problem.mean).T @ H
                problem.S = (S + S.T) / 2
            exact_to = 1e-26 if self.gram is not None else 1e-13  # without going through the rows S keeps the rounding of its start
            problem.floor = exact_to * np.trace(problem.S)


class _Problem:
    """One split of one time bin: its scores so far, and its S."""

    def __init__(self, train: np.ndarray, test: np.ndarray, Y: np.ndarray, n_components: int) -> None:
        n, q = Y.shape
        self.train, self.test, self.Y = train, test, Y
        self.outside = np.ones(n, bool)
        self.outside[train] = False
        self.mean = Y[train].mean(axis=0)
        self.scores = np.zeros((n_components, n))  # all rows
        self.fitted = np.zeros((n_components, n))  # zero outside the training rows
        self.norm = np.ones(n_components)
        self.loading = np.zeros((n_components, q))
        self.n_done = 0
        self.S = np.zeros((q, q))
        self.M = self.of_fitted = np.zeros((0, 0))  # X' Y over the training rows, and fitted times X, where they are kept instead of a Gram matrix
        self.floor = 0.0
        spread = np.abs(Y[train] - self.mean).max(axis=0)
        self.start = int(np.argmax(spread > _EPS))

    def direction(self, c: np.ndarray, Yc: np.ndarray) -> np.ndarray:
        """G = Y c over the training rows, deflated, given Y c over all rows; K g is the next score."""
        g = Yc - self.mean @ c
        g[self.outside] = 0.0
        a = self.n_done
        return g - (self.loading[:a] @ c) @ self.fitted[:a]

    def weights(self, c: np.ndarray) -> np.ndarray:
        """X' g for the direction g of c, without going through the rows."""
        a = self.n_done
        return self.M @ c - (self.loading[:a] @ c) @ self.of_fitted[:a]

    def orthogonal(self, t: np.ndarray) -> np.ndarray:
        """Centre over the training rows and remove the earlier scores, there orthogonal to them."""
        t = t - t[self.train].mean()
        a = self.n_done
        for _ in range(2):  # the second pass removes what rounding left
            t = t - ((self.fitted[:a] @ t) / self.norm[:a]) @ self.scores[:a]
        return t

    def add(self, t: np.ndarray, masked: np.ndarray, tY: np.ndarray, h: np.ndarray, energy: float) -> None:
        """Keep a score t and downdate S, given t Y, and h = Y' K t and energy = t K t of what is not fitted yet."""
        a = self.n_done
        norm = masked @ masked
        self.scores[a], self.fitted[a], self.norm[a] = t, masked, norm
        v = tY / norm
        self.loading[a] = v
        self.S -= np.outer(h, v)
        self.S -= np.outer(v, h)
        self.S += energy * np.outer(v, v)
        self.n_done += 1

    def through_features(self, w: np.ndarray) -> tuple[np.ndarray, float]:
        """What `add` takes, from w = X' t."""
        a = self.n_done
        self.of_fitted[a] = w
        return w @ self.M - (self.of_fitted[:a] @ w) @ self.loading[:a], float(w @ w)

    def through_rows(self, masked: np.ndarray, u: np.ndarray, uY: np.ndarray) -> tuple[np.ndarray, float]:
        """What `add` takes, from u = K t over the training rows."""
        a = self.n_done
        return uY - (self.fitted[:a] @ u) @ self.loading[:a], float(masked @ u)

    def prediction(self) -> np.ndarray:
        """Held-out rows, (row, target)."""
        return self.mean + self.scores[:, self.test].T @ self.loading


def _fit(kernel: _Kernel, problems: list[_Problem], n_components: int, solver: str, tol: float, max_iter: int) -> int:
    """Take all components of all problems in step; return how many power iterations did not converge."""
    stopped = 0
    for _ in range(n_components):
        alive = [p for p in problems if np.trace(p.S) > p.floor and p.floor > 0]
        if not alive:
            break
        C = np.empty((len(alive), len(alive[0].S)))
        for c, problem in zip(C, alive, strict=True):
            c[:], converged = _dominant(problem.S) if solver == "exact" else _power(problem.S, problem.start, tol, max_iter)
            c /= np.sqrt(max(c @ (problem.S @ c), 1e-300))
            stopped += not converged
        if kernel.gram is None:
            scores = np.stack([p.weights(c) for p, c in zip(alive, C, strict=True)]) @ kernel.X.T
        else:
            G = _times_targets(alive, C, transpose=True)
            scores = np.stack([p.direction(c, row) for p, c, row in zip(alive, C, G, strict=True)]) @ kernel.gram
        masked = np.zeros_like(scores)
        for out, kept, problem in zip(scores, masked, alive, strict=True):
            out[:] = problem.orthogonal(out)
            kept[problem.train] = out[problem.train]
        of_scores = _times_targets(alive, masked)
        if kernel.gram is None:
            found = [p.through_features(w) for p, w in zip(alive, masked @ kernel.X, strict=True)]
        else:
            images = masked @ kernel.gram
            for problem, u in zip(alive, images, strict=True):
                u[:] = problem.orthogonal(u)
                u[problem.outside] = 0.0  # u sums to 0 over the training rows, so Y need not be centred
            of_images = _times_targets(alive, images)
            found = [p.through_rows(*each) for p, *each in zip(alive, masked, images, of_images, strict=True)]
        for problem, t, kept, tY, (h, energy) in zip(alive, scores, masked, of_scores, found, strict=True):
            if kept @ kept > 0:
                problem.add(t, kept, tY, h, energy)
            else:
                problem.floor = 0.0
    return stopped


def _times_targets(problems: list[_Problem], rows: np.ndarray, transpose: bool = False) -> np.ndarray:
    """Each problem's row times its Y (or Y'); problems of one time bin share Y and one matrix product."""
    out = np.empty((len(problems), problems[0].Y.shape[0 if transpose else 1]))
    owner = np.array([id(p.Y) for p in problems])
    for one in np.unique(owner):
        mine = np.nonzero(owner == one)[0]
        Y = problems[mine[0]].Y
        out[mine] = rows[mine] @ (Y.T if transpose else Y)
    return out


def _dominant(S: np.ndarray) -> tuple[np.ndarray, bool]:
    """Dominant eigenvector of a symmetric matrix."""
    q = len(S)
    if q <= 512:
        return scipy.linalg.eigh(S, subset_by_index=[q - 1, q - 1], check_finite=False)[1][:, 0], True
    from scipy.sparse.linalg import eigsh

    return eigsh(S, k=1, which="LA", v0=S.sum(axis=1) + np.diag(S))[1][:, 0], True


def _power(S: np.ndarray, start: int, tol: float, max_iter: int) -> tuple[np.ndarray, bool]:
    """Scikit-learn's power iteration, seen from the targets.

    Its weights after i rounds are w_i = X' Y c_i / |X' Y c_i| with c_0 the unit vector of the first target and c_i = S c_(i-1), so
    |w_i - w_(i-1)|^2 = 2 - 2 c_i.c_i / sqrt((c_i.S c_i) (c_(i-1).S c_(i-1))); it stops when that falls under `tol`.
    """
    q = len(S)
    scaled = S / np.trace(S)
    chain = np.zeros((_CHUNK + 1, q))
    chain[0, start] = 1.0
    done = 0
    while True:
        n_steps = min(_CHUNK, max_iter - done)
        for i in range(n_steps):
            np.dot(scaled, chain[i], out=chain[i + 1])
        if n_steps < 1 or q == 1:
            return chain[0], q == 1
        steps = chain[: n_steps + 1]
        squares = np.einsum("iq,iq->i", steps, steps)
        energy = np.einsum("iq,iq->i", steps[:-1], steps[1:])
        with np.errstate(divide="ignore", invalid="ignore"):
            change = 2 - 2 * squares[1:-1] / np.sqrt(energy[1:] * energy[:-1])
        hit = np.nonzero(change < tol)[0]
        if hit.size:
            return chain[hit[0] + 1] / np.sqrt(squares[hit[0] + 1]), True
        if done + n_steps >= max_iter:
            return chain[n_steps - 1] / np.sqrt(squares[n_steps - 1]), False
        done += n_steps - 1
        chain[0] = chain[n_steps - 1] / np.sqrt(squares[n_steps - 1])
