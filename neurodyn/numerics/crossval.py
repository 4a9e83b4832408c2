"""Cross-validation: which rows train, which are held out, and what a cross-validated fit returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neurodyn.errors import NumericsError, unknown_name
from neurodyn.numerics.correlation import pearson

__all__ = ["KINDS", "CVResult", "Split", "check_regression", "held_out_correlation", "make_splits"]

KINDS = ("kfold", "shuffle")
Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class CVResult:
    """Held-out predictions of a cross-validated regression.

    Attributes
    ----------
    predictions : list of array, (row, target[, time])
        One array a split: predictions of that split's held-out rows.
    r : array, (split, target[, time])
        Pearson correlation of predictions and targets over the held-out rows; 0 for constant predictions, NaN for constant targets.
    test : list of int array
        Held-out rows of each split.
    alpha : array or None, (split, target[, time])
        Penalty chosen on the training rows (ridge).
    inner_error : array or None, (split, target[, time])
        Mean squared error of that penalty when training rows (or groups of them) are left out in turn; None where there was nothing to choose.
    """

    predictions: list[np.ndarray]
    r: np.ndarray
    test: list[np.ndarray]
    alpha: np.ndarray | None = field(default=None)
    inner_error: np.ndarray | None = field(default=None)

    def out_of_fold(self, n_rows: int) -> np.ndarray:
        """Predictions in the order of the rows, (row, target[, time]); the mean where a row is held out more than once, NaN where never."""
        total = np.zeros((n_rows, *self.predictions[0].shape[1:]))
        count = np.zeros(n_rows)
        for rows, values in zip(self.test, self.predictions, strict=True):
            total[rows] += values
            count[rows] += 1
        with np.errstate(invalid="ignore"):
            return total / count.reshape(-1, *[1] * (total.ndim - 1))


def make_splits(
    n: int,
    *,
    n_splits: int = 10,
    kind: str = "kfold",
    train_size: float = 0.9,
    labels: Sequence | np.ndarray | None = None,
    groups: Sequence | np.ndarray | None = None,
    seed: int,
) -> list[Split]:
    """Training and held-out rows, identical to scikit-learn's (and so to Brain-Score's with ``kind="shuffle", seed=1``).

    Parameters
    ----------
    n : int
        Number of rows.
    n_splits : int
    kind : {"kfold", "shuffle"}
        Every row held out once, or `n_splits` random draws of ``1 - train_size`` of the rows.
    train_size : float
        Share of the rows that train (shuffle only).
    labels : sequence, (n), optional
        Keep the proportions of these classes.
    groups : sequence, (n), optional
        Rows of one group are never on both sides.
    seed : int

    Returns
    -------
    list of (train, test)
        Two int arrays a split.

    Raises
    ------
    NumericsError
        For more splits than rows or groups, or fewer held-out rows than classes.

    Examples
    --------
    >>> [test.tolist() for _, test in make_splits(4, n_splits=2, seed=0)]
    [[2, 3], [0, 1]]
    """
    from sklearn import model_selection as ms

    if kind not in KINDS:
        raise unknown_name("make_splits", "kind", kind, KINDS)
    units = n if groups is None else len(np.unique(np.asarray(groups)))
    what = "rows" if groups is None else "groups"
    if units < 2 or (kind == "kfold" and not 2 <= n_splits <= units):
        raise NumericsError("make_splits", f"{n_splits} splits of {units} {what}", expected=f"2 to {units} splits", fix=f"n_splits={max(2, units)}")
    for name, values in (("labels", labels), ("groups", groups)):
        if values is not None and len(values) != n:
            raise NumericsError("make_splits", f"{len(values)} {name} for {n} rows", expected="one a row")
    if labels is not None and groups is not None and kind == "shuffle":
        raise NumericsError("make_splits", "labels and groups are both given", expected='one of them, or kind="kfold"')
    shuffle = {"n_splits": n_splits, "train_size": train_size, "random_state": seed}
    fold = {"n_splits": n_splits, "shuffle": True, "random_state": seed}
    if kind == "kfold":
        if groups is None:
            splitter = ms.KFold(**fold) if labels is None else ms.StratifiedKFold(**fold)
        else:
            if labels is None:
                return _group_folds(np.asarray(groups), n_splits, seed)
            splitter = ms.StratifiedGroupKFold(**fold)
    elif groups is not None:
        splitter = ms.GroupShuffleSplit(**shuffle)
    else:
        splitter = ms.ShuffleSplit(**shuffle) if labels is None else ms.StratifiedShuffleSplit(**shuffle)
    try:
        return [(np.asarray(a), np.asarray(b)) for a, b in splitter.split(np.zeros(n), labels, groups)]
    except ValueError as error:
        raise NumericsError("make_splits", f"{error}", expected="enough rows of every class on both sides", fix="labels=None") from error


def _group_folds(groups: np.ndarray, n_splits: int, seed: int) -> list[Split]:
    from sklearn.model_selection import KFold

    names, inverse = np.unique(groups, return_inverse=True)
    out = []
    for _, held in KFold(n_splits, shuffle=True, random_state=seed).split(names):
        test = np.isin(inverse, held)
        out.append((np.nonzero(~test)[0], np.nonzero(test)[0]))
    return out


def check_regression(where: str, X: np.ndarray, Y: np.ndarray, splits: Sequence[Split]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Refuse arrays that cannot be regressed; return float64 X, Y flattened to (row, target), and Y's trailing shape."""
    X, Y = np.asarray(X), np.asarray(Y)
    if X.ndim != 2:
        raise NumericsError(where, f"`X` has shape {X.shape}", expected="(row, feature)")
    if Y.ndim not in (2, 3) or len(Y) != len(X):
        raise NumericsError(where, f"`Y` has shape {Y.shape} for {len(X)} rows of `X`", expected="(row, target) or (row, target, time)")
    for name, values in (("X", X), ("Y", Y)):
        if not np.isfinite(values).all():
            bad = np.unique(np.nonzero(~np.isfinite(values))[1])
            raise NumericsError(where, f"`{name}` holds NaN or infinity in {len(bad)} columns (first: {bad[0]})", expected="finite values")
    if not splits:
        raise NumericsError(where, "`splits` is empty", expected="a list of (train, test)", fix="make_splits(len(X), seed=0)")
    for k, (train, test) in enumerate(splits):
        both = np.intersect1d(train, test)
        if len(train) < 3 or len(test) < 1 or both.size or max(np.max(train), np.max(test)) >= len(X) or min(np.min(train), np.min(test)) < 0:
            raise NumericsError(
                where,
                f"split {k} trains on {len(train)} rows, holds out {len(test)}, shares {both.size}, for {len(X)} rows",
                expected="3 or more training rows, 1 or more others",
            )
    return np.ascontiguousarray(X, dtype=np.float64), np.ascontiguousarray(Y.reshape(len(Y), -1), dtype=np.float64), Y.shape[1:]


def held_out_correlation(predictions: Sequence[np.ndarray], Y: np.ndarray, test: Sequence[np.ndarray]) -> np.ndarray:
    """Pearson correlation of each split's held-out rows, (split, target...); NaN where fewer than 2 rows are held out or the target is constant.

    A prediction that does not vary where the target does predicts nothing and counts as 0: were it NaN, means and medians would leave out
    just the targets that the fit fails on.
    """
    return np.stack(
        [_or_zero(pearson(p, Y[rows]), Y[rows]) if len(rows) > 1 else np.full(p.shape[1:], np.nan) for p, rows in zip(predictions, test, strict=True)]
    )


def _or_zero(r: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(r) & ~np.isnan(pearson(targets, targets)), 0.0, r)
