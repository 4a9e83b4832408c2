"""Tuning to direction and spatial frequency together: a unit's place in the plane of spatial frequencies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.numerics.direction_tuning import sharpest_kappa, von_mises
from neurodyn.numerics.frequency_tuning import frequency_bump
from neurodyn.numerics.separable_fit import Shape, separable_fit

__all__ = ["PlaneFit", "fit_plane"]

_LEAD, _LEFT = 0.98, 0.02


@dataclass(frozen=True)
class PlaneFit:
    """The better of two shapes fitted to surfaces over direction and spatial frequency; every entry (unit).

    Attributes
    ----------
    direction_deg : float array, 0 <= value < 360
    log_peak : float array
        Logarithm of the preferred frequency at the preferred direction.
    in_plane : bool array
        Whether a round Gaussian in the plane of frequencies fits better than a product of a direction and a frequency curve.
    weights : float array, (unit, direction, frequency)
        The fitted surface without its offsets, 0 where it is negative: what a response is multiplied with to see other properties of the unit best.
    """

    direction_deg: np.ndarray
    log_peak: np.ndarray
    in_plane: np.ndarray
    weights: np.ndarray


def fit_plane(
    surfaces: np.ndarray,
    directions_deg: np.ndarray,
    frequencies: np.ndarray,
    *,
    direction_deg: np.ndarray,
    log_kappa: np.ndarray,
    family: np.ndarray,
    log_peak: np.ndarray,
    log_width: np.ndarray,
    n_iterations: int = 6,
    polish_product: bool = False,
    noise_variance: np.ndarray | float = 0.0,
) -> PlaneFit:
    """Fit each surface by a Gaussian in the plane of frequencies and by a product of curves, both with a weaker copy in the opposite direction.

    Between two measured directions a Gaussian in the plane peaks at a frequency lower by the cosine of the offset, a product does not: which of the two a unit
    is decides what its preferred frequency is.

    Parameters
    ----------
    surfaces : array, (unit, direction, frequency)
    directions_deg : array, (direction)
        Ascending, evenly spaced over 360 degrees, an even number.
    frequencies : array, (frequency)
    direction_deg, log_kappa : array, (unit)
        Where to start: of :func:`neurodyn.numerics.direction_tuning.fit_direction`.
    family, log_peak, log_width : array, (unit)
        Likewise of :func:`neurodyn.numerics.frequency_tuning.fit_frequency`.
    n_iterations : int
    polish_product : bool
        Fit the product to the whole surface too, instead of taking it as its two curves give it (noisy surfaces).
    noise_variance : array, (unit), or float
        Of one value of each surface: a Gaussian in the plane that leaves more than two per cent beyond it does not count as one.

    Returns
    -------
    PlaneFit

    Raises
    ------
    NumericsError
        An odd number of directions, or fewer than four.

    Examples
    --------
    >>> d, f = np.arange(0, 360, 45.0), np.geomspace(0.03, 0.4, 8)
    >>> turn = np.deg2rad(d - 20)[:, None]
    >>> surface = np.exp(-(f**2 + 0.1**2 - 2 * f * 0.1 * np.cos(turn)) / (2 * 0.03**2))[None]
    >>> start = {"direction_deg": [25.0], "log_kappa": [1.0], "family": [0], "log_peak": [np.log(0.09)], "log_width": [np.log(0.3)]}
    >>> fit = fit_plane(surface, d, f, **{k: np.array(v) for k, v in start.items()})
    >>> round(float(np.exp(fit.log_peak[0])), 4), round(float(fit.direction_deg[0]), 2), bool(fit.in_plane[0])
    (0.1, 20.0, True)
    """
    d = np.asarray(directions_deg, float)
    n, half = len(surfaces), len(d) // 2
    if len(d) % 2 or len(d) < 4 or surfaces.shape[1:] != (len(d), len(frequencies)):
        raise NumericsError("fit_plane", f"surfaces of shape {surfaces.shape} over {len(d)} directions", expected="an even number of directions, at least 4")
    step = 360 / len(d)
    first = np.rint((direction_deg - d[0]) / step - (half - 1) / 2).astype(int)
    ahead = np.mod(first[:, None] + np.arange(half), len(d))
    rows = np.arange(n)[:, None]
    groups = np.stack([surfaces[rows, ahead], surfaces[rows, np.mod(ahead + half, len(d))]], axis=1).reshape(n, 2, -1)
    centre = np.deg2rad(d[0] + step * (first + (half - 1) / 2))  # angles relative to the middle of the window
    offset = np.deg2rad(step) * (np.arange(half) - (half - 1) / 2)
    turn = np.mod(np.deg2rad(direction_deg) - centre + np.pi, 2 * np.pi) - np.pi
    log_f = np.log(np.asarray(frequencies, float))
    low, high = [log_f[0], np.log(0.05), -np.pi / 2], [log_f[-1], np.log(3.0), np.pi / 2]
    start = np.stack([log_peak, np.clip(log_width, *np.log([0.08, 1.0])), turn], axis=1)
    gauss = separable_fit(groups, _gaussian(log_f, offset), start, low=low, high=high, n_iterations=n_iterations, chunk=512)
    score, best = gauss.unexplained.copy(), np.full(n, -1)
    parameters = np.concatenate([gauss.parameters, np.zeros((n, 1))], axis=1)
    amplitude = gauss.amplitudes[:, :, 0].copy()
    low, high = [log_f[0], np.log(1e-2), -np.pi / 2, np.log(0.05)], [log_f[-1], np.log(20.0), np.pi / 2, np.log(sharpest_kappa(len(d)))]
    for k in np.unique(family):
        here = np.nonzero(family == k)[0]
        begin = np.stack([log_peak, log_width, turn, log_kappa], axis=1)[here]
        product = separable_fit(
            groups[here], _product(int(k), log_f, offset), begin, low=low, high=high, n_iterations=n_iterations if polish_product else 0, chunk=512
        )
        wins = product.unexplained < _LEAD * score[here]
        score[here[wins]], best[here[wins]] = product.unexplained[wins], k
        parameters[here[wins]], amplitude[here[wins]] = product.parameters[wins], product.amplitudes[wins, :, 0]
    weights = _weights(surfaces.shape, log_f, offset, ahead, best, parameters, amplitude) if polish_product else np.zeros((n, 0, 0))
    direction = np.mod(np.rad2deg(centre + parameters[:, 2]), 360)
    total = np.square(groups - groups.mean(2, keepdims=True)).sum((1, 2))
    close = gauss.unexplained - noise_variance * groups[0].size <= _LEFT * total
    return PlaneFit(direction, parameters[:, 0], (best < 0) & close, weights)


def _gaussian(log_f: np.ndarray, offset: np.ndarray) -> Shape:
    f = np.tile(np.exp(log_f), len(offset))[:, None]
    angle = np.repeat(offset, len(log_f))[:, None]

    def shape(parameters: np.ndarray) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        peak, spread = np.exp(parameters[0]), np.exp(parameters[1])
        along, aside = f / peak * np.cos(angle - parameters[2]), f / peak * np.sin(angle - parameters[2])
        precision = 1 / np.square(spread)
        q = 0.5 * precision * (np.square(along - 1) + np.square(aside))
        b = np.exp(-q)
        return [b[None]], [[(b * (2 * q - precision * (1 - along)))[None]], [(2 * q * b)[None]], [(b * precision * aside)[None]]]

    return shape


def _product(family: int, log_f: np.ndarray, offset: np.ndarray) -> Shape:
    def shape(parameters: np.ndarray) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        bump = frequency_bump(family, log_f[:, None], parameters[0], parameters[1])
        turn = von_mises(offset[:, None] - parameters[2], parameters[3])
        columns = [(turn[i][:, None] * bump[j]).reshape(1, -1, parameters.shape[1]) for i, j in ((0, 0), (0, 1), (0, 2), (1, 0), (2, 0))]
        return columns[:1], [[c] for c in columns[1:]]

    return shape


def _weights(
    shape: tuple[int, ...], log_f: np.ndarray, offset: np.ndarray, ahead: np.ndarray, best: np.ndarray, parameters: np.ndarray, amplitude: np.ndarray
) -> np.ndarray:
    out = np.zeros(shape)
    n_directions = shape[1]
    for k in np.unique(best):
        here = np.nonzero(best == k)[0]
        make = _gaussian(log_f, offset) if k < 0 else _product(int(k), log_f, offset)
        bump = make(parameters[here].T)[0][0][0].T.reshape(len(here), len(offset), -1)
        for g in (0, 1):
            rows = np.mod(ahead[here] + g * len(offset), n_directions)
            out[here[:, None], rows] = np.maximum(amplitude[here, g], 0)[:, None, None] * bump
    return out
