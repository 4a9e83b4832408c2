"""Indices of space-time filters: separability, slant, biphasic shape, extent."""

from __future__ import annotations

import numpy as np

__all__ = ["biphasic_index", "centre_and_extent", "slant", "spacetime_separability", "temporal_profile"]


def spacetime_separability(filters: np.ndarray) -> np.ndarray:
    """Share of each filter's power in its best product of a time course and an image; (unit, lag, ...) -> (unit).

    Examples
    --------
    >>> round(float(spacetime_separability(np.einsum("t,x->tx", [1.0, 2.0], [1.0, 0.0, 3.0])[None])[0]), 6)
    1.0
    """
    values = np.linalg.svd(_flat(filters), compute_uv=False)
    power = np.square(values)
    total = power.sum(1)
    return np.where(total > 0, power[:, 0] / np.where(total > 0, total, 1), 1.0)


def temporal_profile(filters: np.ndarray) -> np.ndarray:
    """Time course of the best separable part, its largest extremum positive; (unit, lag, ...) -> (unit, lag)."""
    u, s, _ = np.linalg.svd(_flat(filters), full_matrices=False)
    course = u[:, :, 0] * s[:, :1]
    largest = np.take_along_axis(course, np.abs(course).argmax(1)[:, None], 1)
    return course * np.where(largest < 0, -1.0, 1.0)


def biphasic_index(filters: np.ndarray) -> np.ndarray:
    """Size of the time course's opposite lobe over its main lobe: 0 monophasic, 1 balanced; (unit, lag, ...) -> (unit).

    Examples
    --------
    >>> biphasic_index(np.array([[[1.0], [-0.5], [0.0]]])).round(6).tolist()
    [0.5]
    """
    course = temporal_profile(filters)
    main = course.max(1)
    return np.where(main > 0, np.maximum(-course.min(1), 0) / np.where(main > 0, main, 1), 0.0)


def slant(filters: np.ndarray) -> np.ndarray:
    """Direction index of the power spectrum of each filter: 0 no preferred direction, 1 a single one.

    The spectrum is halved by the line across its strongest spatial frequency; the index is |ahead - back| / (ahead + back),
    where ahead is the power of drift along that frequency and back against it.

    Parameters
    ----------
    filters : array, (unit, lag, channel, row, column)

    Examples
    --------
    >>> t, x = np.arange(8)[:, None], np.arange(8)
    >>> drift, flicker = np.cos(2 * np.pi * (x - t) / 8), np.cos(2 * np.pi * x / 8) * np.cos(2 * np.pi * t / 8)
    >>> slant(np.stack([drift, flicker]).reshape(2, 8, 1, 1, 8)).round(6).tolist()
    [1.0, 0.0]
    """
    f = np.asarray(filters, float)
    power = np.square(np.abs(np.fft.fftn(f, axes=(1, 3, 4)))).sum(2)
    n_lags, rows, columns = power.shape[1:]
    ky, kx = np.meshgrid(np.fft.fftfreq(rows), np.fft.fftfreq(columns), indexing="ij")
    wt = np.fft.fftfreq(n_lags)
    forward = wt > 0
    spatial = power[:, forward].sum(1).reshape(len(f), -1)
    spatial[:, 0] = 0  # flicker of the whole field has no direction
    best = spatial.argmax(1)
    side = np.sign(np.round(ky.ravel()[best][:, None] * ky.ravel() + kx.ravel()[best][:, None] * kx.ravel(), 12))
    ahead, back = (spatial * (side > 0)).sum(1), (spatial * (side < 0)).sum(1)
    total = ahead + back
    return np.where(total > 0, np.abs(ahead - back) / np.where(total > 0, total, 1), 0.0)


def centre_and_extent(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre (row, column) and standard deviation, in pixels, of each filter's squared weight in space; (unit, lag, channel, row, column).

    Examples
    --------
    >>> spot = np.zeros((1, 1, 1, 5, 5)); spot[..., 3, 1] = 1
    >>> [v.tolist() for v in centre_and_extent(spot)]
    [[3.0], [1.0], [0.0]]
    """
    weight = np.square(np.asarray(filters, float)).sum((1, 2))
    total = np.maximum(weight.sum((1, 2)), np.finfo(float).tiny)
    rows, columns = np.arange(weight.shape[1]), np.arange(weight.shape[2])
    r, c = (weight.sum(2) @ rows) / total, (weight.sum(1) @ columns) / total
    spread = (np.square(rows[None] - r[:, None]) * weight.sum(2)).sum(1) + (np.square(columns[None] - c[:, None]) * weight.sum(1)).sum(1)
    return r, c, np.sqrt(spread / total / 2)


def _flat(filters: np.ndarray) -> np.ndarray:
    f = np.asarray(filters, float)
    return f.reshape(f.shape[0], f.shape[1], -1)
