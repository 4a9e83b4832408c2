"""Indices of surfaces of spatial x temporal frequency, and of size series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["separability", "speed_slope", "suppression_index"]


def separability(surfaces: np.ndarray) -> np.ndarray:
    """Share of the power of each surface that its first singular component holds: 1 for a product of two curves.

    Parameters
    ----------
    surfaces : array, (unit, a, b)

    Examples
    --------
    >>> separability(np.outer([1.0, 2.0, 1.0], [0.5, 1.0])[None]).tolist()
    [1.0]
    """
    s = np.asarray(surfaces, float)
    if s.shape[-2] > s.shape[-1]:
        s = s.swapaxes(-2, -1)
    gram = s @ s.swapaxes(-2, -1)  # its eigenvalues are the squares of the singular values
    total = np.einsum("...ii->...", gram)
    return np.where(total > 0, np.linalg.eigvalsh(gram)[..., -1] / np.where(total > 0, total, 1), 1.0).round(12)


def speed_slope(surfaces: np.ndarray, spatial: Sequence[float] | np.ndarray, temporal: Sequence[float] | np.ndarray) -> np.ndarray:
    """Slope of the preferred temporal frequency against spatial frequency, both in octaves: 0 separable, 1 speed-tuned.

    The preferred temporal frequency of each spatial frequency is the response-weighted mean of the octaves (responses above half of that
    row's peak); the slope is a regression weighted by the rows' peaks.

    Parameters
    ----------
    surfaces : array, (unit, spatial, temporal)
    spatial, temporal : sequence of float

    Examples
    --------
    >>> s = t = 2.0 ** np.arange(7)
    >>> tuned = np.exp(-((np.log2(t) - np.log2(s)[:, None]) ** 2) - (np.log2(s)[:, None] - 3) ** 2)
    >>> round(float(speed_slope(tuned[None], s, t)[0]), 1)
    1.0
    """
    r = np.maximum(np.asarray(surfaces, float), 0)
    x, y = np.log2(np.asarray(spatial, float)), np.log2(np.asarray(temporal, float))
    peak = r.max(axis=2, keepdims=True)
    strong = np.where(r >= 0.5 * peak, r, 0.0)
    mass = strong.sum(-1)
    centre = (strong @ y) / np.where(mass > 0, mass, 1)
    weight = np.where(peak[..., 0] >= 0.3 * peak.max(axis=1), peak[..., 0], 0.0)
    total = np.maximum(weight.sum(1), np.finfo(float).tiny)
    dx = x - ((weight @ x) / total)[:, None]
    dy = centre - ((weight * centre).sum(1) / total)[:, None]
    spread = (weight * dx**2).sum(1)
    return np.where(spread > 0, (weight * dx * dy).sum(1) / np.where(spread > 0, spread, 1), 0.0)


def suppression_index(responses: np.ndarray) -> np.ndarray:
    """1 - response to the largest size / peak response, negative responses counted as 0; (unit, size) -> (unit).

    Examples
    --------
    >>> suppression_index(np.array([[0.5, 1.0, 0.25]])).tolist()
    [0.75]
    """
    r = np.maximum(np.asarray(responses, float), 0)
    peak = r.max(1)
    return np.where(peak > 0, 1 - r[:, -1] / np.where(peak > 0, peak, 1), 0.0)
