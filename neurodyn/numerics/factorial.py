"""Two factors of two levels over blocks: effects, intervals and a mixed model with a random intercept a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.seeding import numpy_generator

__all__ = ["EFFECTS", "Effects", "MixedFit", "mixed_model", "two_by_two"]

# Weights of the cells (a0 b0, a0 b1, a1 b0, a1 b1); "a at b1" is the simple effect of a where b is at its second level.
EFFECTS: dict[str, tuple[float, float, float, float]] = {
    "a": (-0.5, -0.5, 0.5, 0.5),
    "b": (-0.5, 0.5, -0.5, 0.5),
    "interaction": (1.0, -1.0, -1.0, 1.0),
    "a at b0": (-1.0, 0.0, 1.0, 0.0),
    "a at b1": (0.0, -1.0, 0.0, 1.0),
    "b at a0": (-1.0, 1.0, 0.0, 0.0),
    "b at a1": (0.0, 0.0, -1.0, 1.0),
}


@dataclass(frozen=True)
class MixedFit:
    """A linear model with one random intercept a block.

    Attributes
    ----------
    coefficients, standard_errors : array, (column)
    covariance : array, (column, column)
        Of the coefficients.
    residual_variance, block_variance : float
        REML estimates.
    degrees_of_freedom : int
        Rows minus columns minus blocks plus one: those of effects that vary within blocks.
    """

    coefficients: np.ndarray
    standard_errors: np.ndarray
    covariance: np.ndarray
    residual_variance: float
    block_variance: float
    degrees_of_freedom: int


@dataclass(frozen=True)
class Effects:
    """Effects of a 2 x 2 design; every array is (effect) in the order of :data:`EFFECTS`.

    Attributes
    ----------
    estimate : array
        In the outcome's units.
    low, high : array
        Percentile bootstrap interval; blocks are resampled.
    t, p_value : array
        Of the mixed model.
    size, size_low, size_high : array
        Cohen's d: estimate, low and high over the pooled standard deviation within cells.  The spread itself is not resampled: that
        of so few blocks is biased downwards.
    t_low, t_high : array
        Interval of the mixed model.
    """

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray
    t: np.ndarray
    p_value: np.ndarray
    size: np.ndarray
    size_low: np.ndarray
    size_high: np.ndarray
    t_low: np.ndarray
    t_high: np.ndarray


def mixed_model(y: np.ndarray, design: np.ndarray, block: np.ndarray) -> MixedFit:
    """Fit y = design beta + block intercept + noise by restricted maximum likelihood.

    Parameters
    ----------
    y : array, (row)
    design : array, (row, column)
        With its own constant column; full rank.
    block : array, (row)
        Block of each row.

    Returns
    -------
    MixedFit

    Raises
    ------
    NumericsError
        If shapes do not fit, values are not finite, or columns depend on each other.

    Notes
    -----
    The ratio of the variances is profiled: for each ratio the rest is generalised least squares in closed form, and the
    restricted likelihood (Patterson and Thompson 1971) is maximised over the logarithm of the ratio, 0 included.

    Examples
    --------
    >>> y = np.array([1.0, 2.0, 11.0, 12.0, 21.0, 22.5])
    >>> design = np.column_stack([np.ones(6), np.tile([0, 1], 3)])
    >>> round(float(mixed_model(y, design, np.repeat([0, 1, 2], 2)).coefficients[1]), 6)
    1.166667
    """
    from scipy.optimize import minimize_scalar

    y, design, block = np.asarray(y, float), np.asarray(design, float), np.asarray(block)
    if y.ndim != 1 or design.ndim != 2 or not len(y) == len(design) == len(block):
        raise NumericsError(
            "mixed_model", f"`y`, `design` and `block` have shapes {y.shape}, {design.shape}, {block.shape}", expected="(row), (row, column), (row)"
        )
    if not (np.isfinite(y).all() and np.isfinite(design).all()):
        raise NumericsError("mixed_model", "`y` or `design` holds NaN or infinity", expected="finite values")
    n, k = design.shape
    if np.linalg.matrix_rank(design) < k or n <= k:
        raise NumericsError(
            "mixed_model", f"`design` has rank {np.linalg.matrix_rank(design)} with {k} columns and {n} rows", expected="independent columns, more rows"
        )
    groups = [np.nonzero(block == b)[0] for b in np.unique(block)]

    def criterion(log_ratio: float) -> float:
        return _reml(y, design, groups, float(np.exp(log_ratio)))[0]

    best = minimize_scalar(criterion, bounds=(-12.0, 12.0), method="bounded", options={"xatol": 1e-8})
    ratio = 0.0 if _reml(y, design, groups, 0.0)[0] <= best.fun + 1e-10 else float(np.exp(best.x))
    _, beta, covariance, variance = _reml(y, design, groups, ratio)
    freedom = max(n - k - (len(groups) - 1), 1)
    return MixedFit(beta, np.sqrt(np.diag(covariance)), covariance, variance, ratio * variance, freedom)


def two_by_two(outcome: np.ndarray, *, covariate: np.ndarray | None = None, n_resamples: int = 2000, level: float = 0.95, seed: int) -> Effects:
    """Main effects, interaction and simple effects of two factors, blocks crossed with both.

    Parameters
    ----------
    outcome : array, (block, a, b)
        Two levels of each factor; every block has all four cells.
    covariate : array, (block, a, b), optional
        Adjusts the effects for it (one common slope), as if all cells had its mean.
    n_resamples : int
        Bootstrap resamples of blocks.
    level : float
        Of the intervals.
    seed : int

    Returns
    -------
    Effects

    Raises
    ------
    NumericsError
        If a cell is missing, there are fewer than three blocks, or the level cannot be.

    Examples
    --------
    >>> y = np.random.default_rng(0).normal(size=(10, 2, 2)) + np.array([[0, 0], [0, 5.0]])
    >>> bool(two_by_two(y, seed=0).low[2] > 2)
    True
    """
    from scipy.stats import t as student

    y, x = _checked(outcome, covariate, level, n_resamples)
    n = len(y)
    block = np.repeat(np.arange(n), 4)
    columns = np.tile(np.eye(4), (n, 1))
    design = columns if x is None else np.column_stack([columns, x.ravel() - x.mean()])
    weights = np.zeros((len(EFFECTS), design.shape[1]))
    weights[:, :4] = list(EFFECTS.values())
    fitted = mixed_model(y.ravel(), design, block)
    estimate = weights @ fitted.coefficients
    error = np.sqrt(np.einsum("ij,jk,ik->i", weights, fitted.covariance, weights))
    ratio = fitted.block_variance / fitted.residual_variance if fitted.residual_variance > 0 else 0.0
    spread = _within_cells(y, x)
    rows = numpy_generator(seed, "two_by_two").integers(0, n, (n_resamples, n))
    draws = _resampled(y, design, ratio, rows) @ weights.T
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(draws, [tail, 100 - tail], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        t = estimate / error
        p = 2 * student.sf(np.abs(t), fitted.degrees_of_freedom)
        size, size_low, size_high = estimate / spread, low / spread, high / spread
    reach = student.ppf(0.5 + level / 2, fitted.degrees_of_freedom) * error
    return Effects(estimate, low, high, t, p, size, size_low, size_high, estimate - reach, estimate + reach)


def _gls(y: np.ndarray, design: np.ndarray, groups: list[np.ndarray], ratio: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and X' V^-1 X for V = I + ratio 11' within blocks: rows are shrunk towards their block's mean."""
    ys, xs = y.copy(), design.copy()
    for rows in groups:
        pull = 1 - 1 / np.sqrt(1 + ratio * len(rows))
        ys[rows] -= pull * y[rows].mean()
        xs[rows] -= pull * design[rows].mean(axis=0)
    gram = xs.T @ xs
    return np.linalg.lstsq(gram, xs.T @ ys, rcond=None)[0], gram


def _reml(y: np.ndarray, design: np.ndarray, groups: list[np.ndarray], ratio: float) -> tuple[float, np.ndarray, np.ndarray, float]:
    n, k = design.shape
    beta, gram = _gls(y, design, groups, ratio)
    residual = y - design @ beta
    square = float(residual @ residual) - sum(ratio / (1 + ratio * len(r)) * residual[r].sum() ** 2 for r in groups)
    variance = max(square, 0.0) / (n - k)
    log_v = sum(np.log1p(ratio * len(r)) for r in groups)
    value = (n - k) * np.log(max(variance, 1e-300)) + log_v + np.linalg.slogdet(gram)[1]
    return float(value), beta, variance * np.linalg.pinv(gram), variance


def _resampled(y: np.ndarray, design: np.ndarray, ratio: float, rows: np.ndarray) -> np.ndarray:
    """Coefficients (resample, column) of data made of the blocks `rows` (resample, block): normal equations add up over blocks."""
    n = len(y)
    ys, xs = y.reshape(n, 4), design.reshape(n, 4, -1)
    pull = 1 - 1 / np.sqrt(1 + 4 * ratio)
    ys, xs = ys - pull * ys.mean(axis=1, keepdims=True), xs - pull * xs.mean(axis=1, keepdims=True)
    gram, cross = np.einsum("bij,bik->bjk", xs, xs), np.einsum("bij,bi->bj", xs, ys)
    return np.einsum("rjk,rk->rj", np.linalg.pinv(gram[rows].sum(axis=1), hermitian=True), cross[rows].sum(axis=1))


def _within_cells(y: np.ndarray, x: np.ndarray | None) -> np.ndarray:
    """Pooled standard deviation within the four cells, of what the covariate leaves; (..., block, 2, 2) -> (...)."""
    r = y - y.mean(axis=-3, keepdims=True)
    inside = (-3, -2, -1)
    if x is not None:
        c = x - x.mean(axis=-3, keepdims=True)
        slope = (c * r).sum(axis=inside, keepdims=True) / np.maximum((c**2).sum(axis=inside, keepdims=True), 1e-300)
        r = r - c * slope
    return np.sqrt((r**2).sum(axis=inside) / (4 * (y.shape[-3] - 1)))


def _checked(outcome: np.ndarray, covariate: np.ndarray | None, level: float, n_resamples: int) -> tuple[np.ndarray, np.ndarray | None]:
    y = np.asarray(outcome, float)
    if y.ndim != 3 or y.shape[1:] != (2, 2) or len(y) < 3:
        raise NumericsError("two_by_two", f"`outcome` has shape {y.shape}", expected="(block, 2, 2) with three blocks or more")
    x = None if covariate is None else np.asarray(covariate, float)
    if x is not None and x.shape != y.shape:
        raise NumericsError("two_by_two", f"`covariate` has shape {x.shape} and `outcome` {y.shape}", expected="the same shape")
    for name, values in (("outcome", y), ("covariate", x)):
        if values is not None and not np.isfinite(values).all():
            raise NumericsError("two_by_two", f"`{name}` holds {int((~np.isfinite(values)).sum())} missing values", expected="all four cells of every block")
    if not 0 < level < 1 or n_resamples < 1:
        raise NumericsError("two_by_two", f"`level` is {level} and `n_resamples` {n_resamples}", expected="a level in (0, 1), one resample or more")
    return y, x
