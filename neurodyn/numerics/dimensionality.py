"""How many dimensions a cloud of points fills."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodyn.errors import ConfigError, NumericsError

__all__ = ["covariance_spectrum", "n_components_for", "participation_ratio", "power_law_exponent", "two_nn"]


def covariance_spectrum(x: np.ndarray, *, correlation: bool = False) -> np.ndarray:
    """Eigenvalues of the covariance of the columns, largest first.

    Parameters
    ----------
    x : array, (..., sample, unit)
        Leading axes are a batch.
    correlation : bool
        Scale every unit to variance 1 first, so that a few strong units do not decide; units that do not vary count for nothing.

    Returns
    -------
    array, (..., min(sample, unit))
        Never negative.

    Examples
    --------
    >>> covariance_spectrum(np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2]])).round(3).tolist()
    [2.667, 0.667]
    """
    x = _checked("covariance_spectrum", x, batched=True)
    x = x - x.mean(axis=-2, keepdims=True)
    if correlation:
        sd = x.std(axis=-2, keepdims=True)
        varying = sd > 1e-12 * np.maximum(sd.max(axis=-1, keepdims=True), 1e-300)
        x = np.where(varying, x / np.where(varying, sd, 1.0), 0.0)
    turned = np.swapaxes(x, -1, -2)
    gram = x @ turned if x.shape[-2] <= x.shape[-1] else turned @ x
    return np.clip(np.linalg.eigvalsh(gram)[..., ::-1], 0.0, None) / (x.shape[-2] - 1)


def participation_ratio(eigenvalues: np.ndarray) -> Any:
    """(sum l)^2 / sum l^2: n for n equal eigenvalues, 1 for a single one; NaN where nothing varies.

    Parameters
    ----------
    eigenvalues : array, (..., component)
        Of a covariance; of a cloud of points, :func:`covariance_spectrum`.

    Returns
    -------
    float, or array of the leading axes

    Examples
    --------
    >>> participation_ratio(np.ones(5)), participation_ratio(np.array([3.0, 0, 0]))
    (5.0, 1.0)
    """
    values = np.asarray(eigenvalues, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = values.sum(axis=-1) ** 2 / (values**2).sum(axis=-1)
    return float(ratio) if ratio.ndim == 0 else ratio


def n_components_for(eigenvalues: np.ndarray, share: float = 0.9) -> int:
    """The number of leading eigenvalues that together reach a share of the sum.

    Examples
    --------
    >>> n_components_for(np.array([6.0, 3.0, 1.0]), 0.9)
    2
    """
    if not 0 < share <= 1:
        raise ConfigError("n_components_for", f"`share` is {share}", expected="a share in (0, 1]")
    values = np.asarray(eigenvalues, float)
    if values.sum() <= 0:
        return 0
    return min(int(np.searchsorted(np.cumsum(values) / values.sum(), share - 1e-12)) + 1, len(values))


def power_law_exponent(eigenvalues: np.ndarray, *, first: int = 5, last: int = 100) -> float:
    """Exponent a of l_k ~ k^-a, by least squares on the logarithms over ranks `first` to `last` (as many as are positive).

    Examples
    --------
    >>> round(power_law_exponent(np.arange(1, 200.0) ** -1.5), 6)
    1.5
    """
    values = np.asarray(eigenvalues, float)
    positive = values[values > 1e-10 * max(float(values.max(initial=0.0)), 1e-300)]
    ranks = np.arange(first, min(last, len(positive)) + 1)
    if len(ranks) < 3:
        return float("nan")
    return float(-np.polyfit(np.log(ranks), np.log(positive[ranks - 1]), 1)[0])


def two_nn(x: np.ndarray) -> float:
    """Intrinsic dimension from the ratio of the distances to the second and first neighbours (Facco et al. 2017, maximum likelihood).

    Points that coincide with another are left out.

    Parameters
    ----------
    x : array, (sample, unit)

    Examples
    --------
    >>> plane = np.random.default_rng(0).normal(size=(1000, 2)) @ np.random.default_rng(1).normal(size=(2, 30))
    >>> 1.8 < two_nn(plane) < 2.2
    True
    """
    from sklearn.neighbors import NearestNeighbors

    x = _checked("two_nn", x)
    if len(x) < 4:
        raise NumericsError("two_nn", f"`x` has {len(x)} samples", expected="4 or more")
    distances = NearestNeighbors(n_neighbors=3).fit(x).kneighbors(x)[0][:, 1:]
    distances = distances[distances[:, 0] > 0]
    logs = np.log(distances[:, 1] / distances[:, 0])
    return float((len(logs) - 1) / logs.sum()) if len(logs) > 1 and logs.sum() > 0 else float("nan")


def _checked(where: str, x: np.ndarray, *, batched: bool = False) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    if x.ndim < 2 or (x.ndim > 2 and not batched) or min(x.shape) < 1 or x.shape[-2] < 2:
        raise NumericsError(where, f"`x` has shape {x.shape}", expected="(sample, unit) with two or more samples")
    if not np.isfinite(x).all():
        raise NumericsError(where, f"`x` holds {int((~np.isfinite(x)).sum())} NaN or infinite values", expected="finite values")
    return x
