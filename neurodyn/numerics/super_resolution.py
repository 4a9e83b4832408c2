"""How much of an image the best linear estimator recovers from low-resolution frames at known positions.

The image x has a Gaussian prior with the power spectrum of natural images, S(f) proportional to 1 / (f^2 + f0^2); every frame is y = A x + noise,
with A the receptors' weights.  The posterior variance of the Wiener estimator gives

    R^2 = 1 - tr(C - C A' (A C A' + s^2 I)^-1 A C) / tr(C)

No linear reader of the frames does better on images of that prior; a network that knows more about images can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["Bound", "image_prior", "linear_bound", "linear_reconstruction"]


@dataclass(frozen=True)
class Bound:
    """The bound for some trajectories.

    Attributes
    ----------
    r2 : array, (trajectory)
        Explained share of the variance of the image.
    rank : int array, (trajectory)
        Independent measurements of the image in the frames.
    """

    r2: np.ndarray
    rank: np.ndarray


def image_prior(n_pixels: int, *, exponent: float = 2.0, lowest_cpp: float = 1.0 / 64) -> np.ndarray:
    """Covariance of the pixels of an image whose power falls as frequency to the minus `exponent`.

    Parameters
    ----------
    n_pixels : int
        Side of the image.
    exponent : float
    lowest_cpp : float
        Frequency below which the spectrum is flat, cycles per pixel.

    Returns
    -------
    array, (pixel, pixel)
        Unit variance; stationary, from a field twice as wide so that opposite borders are not neighbours.

    Examples
    --------
    >>> c = image_prior(4)
    >>> c.shape, float(c[0, 0].round(6)), bool(c[0, 1] > c[0, 3])
    ((16, 16), 1.0, True)
    """
    n = 2 * n_pixels
    f = np.fft.fftfreq(n)
    power = (f[:, None] ** 2 + f[None, :] ** 2 + lowest_cpp**2) ** (-exponent / 2)
    shape = np.fft.ifft2(power).real
    shape /= shape[0, 0]
    row, column = np.divmod(np.arange(n_pixels**2), n_pixels)
    return shape[(row[:, None] - row[None]) % n, (column[:, None] - column[None]) % n]


def linear_bound(
    positions: np.ndarray,
    *,
    image_px: int = 32,
    resolution: int = 8,
    field_px: float = 32.0,
    noise: float = 0.01,
    exponent: float = 2.0,
    kernel: str = "cubic",
) -> Bound:
    """The Wiener bound for each of some trajectories.

    Parameters
    ----------
    positions : array, (trajectory, frame, 2)
        px from the centre of the image, to the right and up; known to the estimator.
    image_px, resolution, field_px, kernel
        The sensor, as in :func:`neurodyn.numerics.sensor.sample`; outside the image it sees a known colour.
    noise : float
        Standard deviation of each receptor's noise, in standard deviations of the image.
    exponent : float
        Of the prior's power spectrum.

    Returns
    -------
    Bound

    Raises
    ------
    NumericsError
        If `positions` has another shape or `noise` is not above 0.

    Examples
    --------
    >>> still = linear_bound(np.zeros((1, 5, 2)), image_px=16, resolution=4, field_px=16)
    >>> int(still.rank[0])
    16
    """
    p = _checked("linear_bound", positions, noise)
    prior = image_prior(image_px, exponent=exponent)
    rows, columns = _weights(p, image_px, resolution, field_px, kernel)
    r2, rank = np.empty(len(p)), np.empty(len(p), int)
    for k in range(len(p)):
        _, first = np.unique(p[k], axis=0, return_index=True)  # a position seen again adds no equation, only averages the noise
        _, counts = np.unique(p[k], axis=0, return_counts=True)
        a = np.einsum("trh,tcw->trchw", rows[k, first], columns[k, first]).reshape(-1, image_px**2)
        spread = np.repeat(noise**2 / counts, resolution**2)
        seen = a @ prior
        inverse = np.linalg.solve(seen @ a.T + np.diag(spread), seen)
        r2[k] = (seen * inverse).sum() / np.trace(prior)
        rank[k] = np.linalg.matrix_rank(a, tol=1e-6)
    return Bound(r2, rank)


def linear_reconstruction(
    frames: np.ndarray,
    positions: np.ndarray,
    *,
    image_px: int = 32,
    field_px: float = 32.0,
    padding: Sequence[float] | float = 0.0,
    noise: float = 0.01,
    exponent: float = 2.0,
    kernel: str = "cubic",
) -> np.ndarray:
    """The Wiener estimate of images after every frame, from the frames so far and their positions: what reaches the bound.

    Parameters
    ----------
    frames : array, (trajectory, frame, channel, row, column)
        What :func:`neurodyn.numerics.sensor.sample` saw of each image.
    positions : array, (trajectory, frame, 2)
        px from the centre of the image, to the right and up.
    image_px, field_px, kernel
        The sensor; its resolution is that of the frames.
    padding : float or (channel)
        Colour around the image, and the mean of the prior.
    noise, exponent : float
        As in :func:`linear_bound`.

    Returns
    -------
    array, (trajectory, frame, channel, row, column)
        The estimate after each frame, of `image_px` rows and columns.

    Raises
    ------
    NumericsError
        If the shapes do not fit or `noise` is not above 0.

    Examples
    --------
    >>> linear_reconstruction(np.full((1, 2, 1, 4, 4), 0.3), np.zeros((1, 2, 2)), image_px=8, field_px=8, padding=0.3)[0, :, 0, 0, 0].round(6).tolist()
    [0.3, 0.3]
    """
    p, y = _checked("linear_reconstruction", positions, noise), np.asarray(frames, dtype=float)
    if y.ndim != 5 or y.shape[:2] != p.shape[:2] or y.shape[3] != y.shape[4]:
        what = f"`frames` has shape {y.shape} and `positions` {p.shape}"
        raise NumericsError("linear_reconstruction", what, expected="(trajectory, frame, channel, row, column), square, and (trajectory, frame, 2)")
    n, n_frames, n_channels, resolution, _ = y.shape
    colour = np.broadcast_to(np.asarray(padding, dtype=float), (n_channels,))
    y = (y - colour[:, None, None]).transpose(0, 1, 3, 4, 2).reshape(n, n_frames, resolution**2, n_channels)
    places, index = np.unique(p.reshape(-1, 2), axis=0, return_inverse=True)  # whole-pixel trajectories share few positions
    index = index.reshape(n, n_frames)
    rows, columns = _weights(places, image_px, resolution, field_px, kernel)
    a = np.einsum("prh,pcw->prchw", rows, columns).reshape(len(places), resolution**2, image_px**2)
    seen = a @ image_prior(image_px, exponent=exponent)
    out = np.empty((n, n_frames, n_channels, image_px, image_px))
    for k in range(n):
        wide, one = seen[index[k]].reshape(-1, image_px**2), a[index[k]].reshape(-1, image_px**2)
        gram, data = wide @ one.T + noise**2 * np.eye(len(one)), y[k].reshape(-1, n_channels)
        for t in range(n_frames):
            m = (t + 1) * resolution**2
            found = wide[:m].T @ np.linalg.solve(gram[:m, :m], data[:m])
            out[k, t] = found.T.reshape(n_channels, image_px, image_px)
    return out + colour[:, None, None]


def _checked(where: str, positions: np.ndarray, noise: float) -> np.ndarray:
    p = np.asarray(positions, dtype=float)
    if p.ndim != 3 or p.shape[-1] != 2:
        raise NumericsError(where, f"`positions` has shape {p.shape}", expected="(trajectory, frame, 2)")
    if not noise > 0:
        raise NumericsError(where, f"`noise` is {noise}", expected="a standard deviation above 0")
    return p


def _weights(positions: np.ndarray, image_px: int, resolution: int, field_px: float, kernel: str) -> tuple[np.ndarray, np.ndarray]:
    """What the receptors of each row and column take from the pixels, (..., receptor, pixel), at positions (..., 2)."""
    import torch

    from neurodyn.numerics.sensor import axis_weights

    where = torch.from_numpy(positions)
    rows, columns = (axis_weights(image_px, c, resolution=resolution, field_px=field_px, kernel=kernel).numpy() for c in (-where[..., 1], where[..., 0]))
    return rows, columns
