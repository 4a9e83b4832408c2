"""Direction and orientation tuning of many units at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.numerics.separable_fit import separable_fit
from neurodyn.numerics.tuning_curves import check_curves, contrast_index

__all__ = ["DirectionFit", "circular_variance", "cross_validated_selectivity", "fit_direction", "sharpest_kappa", "von_mises"]

_N_ANGLES, _N_WIDTHS, _N_ITERATIONS, _CHUNK = 24, 6, 8, 8192
_LOWEST_KAPPA = 0.05


@dataclass(frozen=True)
class DirectionFit:
    """A fitted direction tuning; every entry (unit).

    Attributes
    ----------
    preferred_direction_deg : float array, 0 <= value < 360
    preferred_orientation_deg : float array, 0 <= value < 180
        Of the bars: the direction less 90 degrees.
    osi, dsi : float array
        (preferred - orthogonal) / (preferred + orthogonal) and (preferred - opposite) / (preferred + opposite), from the
        fitted curve, negative responses counted as 0.
    half_width_deg : float array
        Half width at half height of the preferred peak; 180 where the curve does not fall to half.
    r2 : float array
    log_kappa : float array
        Of the von Mises bumps.
    """

    preferred_direction_deg: np.ndarray
    preferred_orientation_deg: np.ndarray
    osi: np.ndarray
    dsi: np.ndarray
    half_width_deg: np.ndarray
    r2: np.ndarray
    log_kappa: np.ndarray


def fit_direction(responses: np.ndarray, directions_deg: Sequence[float] | np.ndarray) -> DirectionFit:
    """Fit direction tuning: an offset and two von Mises bumps of one width, at the preferred direction and its opposite.

    Parameters
    ----------
    responses : array, (unit, direction)
    directions_deg : sequence of float, (direction)
        Evenly spaced over 360 degrees, at least 4.

    Returns
    -------
    DirectionFit

    Raises
    ------
    NumericsError
        Fewer than four directions, uneven spacing, or values that are not finite.

    Examples
    --------
    >>> d = np.arange(0, 360, 45)
    >>> fit = fit_direction(np.exp(3 * (np.cos(np.deg2rad(d - 70)) - 1))[None], d)
    >>> round(float(fit.preferred_direction_deg[0]), 3), round(float(fit.preferred_orientation_deg[0]), 3)
    (70.0, 160.0)
    """
    d = np.asarray(directions_deg, float)
    curves = check_curves("fit_direction", responses, d)
    gaps = np.diff(np.sort(np.mod(d, 360)), append=np.sort(np.mod(d, 360))[0] + 360)
    if len(d) < 4 or not np.allclose(gaps, 360 / len(d)):
        raise NumericsError("fit_direction", f"`directions_deg` are {d.tolist()}", expected="at least four, evenly spaced over 360 degrees")
    parts = [_fit(curves[i : i + _CHUNK], d) for i in range(0, max(len(curves), 1), _CHUNK)]
    return DirectionFit(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def von_mises(delta: np.ndarray, log_kappa: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """exp(kappa (cos(delta) - 1)), and its derivatives by the preferred angle and by log kappa.

    Examples
    --------
    >>> [float(v) for v in von_mises(np.array(0.0), np.array(0.0))]
    [1.0, 0.0, -0.0]
    """
    kappa, cosine = np.exp(log_kappa), np.cos(delta)
    bump = np.exp(kappa * (cosine - 1))
    return bump, bump * kappa * np.sin(delta), -bump * kappa * (1 - cosine)


def sharpest_kappa(n_directions: int) -> float:
    """The concentration whose half width at half height is half the spacing of the directions, at least 1/2.

    Examples
    --------
    >>> round(sharpest_kappa(8), 2)
    9.11
    """
    return max(float(np.log(2) / (1 - np.cos(np.pi / n_directions))), 0.5)


def _fit(curves: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, ...]:
    angles, log_kappas, templates = _dictionary(tuple(d))
    scale = np.maximum(np.abs(curves).max(1, keepdims=True), 1e-300) if len(curves) else 1.0
    match = ((curves / scale).astype(np.float32) @ templates).reshape(len(curves), -1, 3)
    explained = np.where(match[..., 2] > 0, np.square(match[..., :2]).sum(2), 0.0)  # peaks, not dips
    width, angle = np.unravel_index(explained.argmax(1), (len(log_kappas), len(angles)))
    direction = np.deg2rad(d)[:, None]

    def shape(parameters: np.ndarray) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        delta = direction - parameters[0]
        ahead, behind = von_mises(delta, parameters[1]), von_mises(delta + np.pi, parameters[1])
        return [ahead[0][None], behind[0][None]], [[ahead[k][None], behind[k][None]] for k in (1, 2)]

    start = np.stack([angles[angle], log_kappas[width]], axis=1)
    found = separable_fit(
        curves[:, None], shape, start, low=[-np.pi, np.log(_LOWEST_KAPPA)], high=[2 * np.pi, np.log(sharpest_kappa(len(d)))], n_iterations=_N_ITERATIONS
    )
    ahead, behind = found.amplitudes[:, 0].T
    swap = behind > ahead
    preferred = np.mod(np.rad2deg(found.parameters[:, 0]) + 180 * swap, 360)
    ahead, behind = np.where(swap, behind, ahead), np.where(swap, ahead, behind)
    total = np.square(curves - curves.mean(1, keepdims=True)).sum(1)
    r2 = np.where(total > 0, 1 - np.minimum(found.unexplained, total) / np.where(total > 0, total, 1), 0.0)
    turn = np.deg2rad(np.arange(0, 181, 5.0))
    log_kappa = found.parameters[:, 1]
    both = von_mises(turn, log_kappa[:, None])[0], von_mises(turn + np.pi, log_kappa[:, None])[0]
    curve = np.maximum(found.offsets + ahead[:, None] * both[0] + behind[:, None] * both[1], 0)
    peak, side, opposite = curve[:, 0], curve[:, 18], curve[:, 36]
    half = _half_width(curve, np.rad2deg(turn))
    return preferred, np.mod(preferred - 90, 180), contrast_index(peak, side), contrast_index(peak, opposite), half, r2, log_kappa


def _half_width(curve: np.ndarray, turn_deg: np.ndarray) -> np.ndarray:
    level = curve[:, 0] / 2
    below = curve <= level[:, None]
    first = np.where(below.any(1), below.argmax(1), 0)
    rows = np.arange(len(curve))
    high, low = curve[rows, np.maximum(first - 1, 0)], curve[rows, first]
    part = np.where(high > low, (high - level) / np.where(high > low, high - low, 1), 0.0)
    width = turn_deg[np.maximum(first - 1, 0)] + part * (turn_deg[1] - turn_deg[0])
    return np.where(first > 0, width, np.where(below[:, 0] & (curve[:, 0] > 0), 0.0, 180.0))


@lru_cache(maxsize=8)
def _dictionary(directions: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Angles, log kappas, and for each an orthonormal pair of bumps without their mean and their sum, (direction, width x angle x 3)."""
    d = np.deg2rad(np.asarray(directions))
    angles = np.arange(_N_ANGLES) * np.pi / _N_ANGLES
    log_kappas = np.linspace(np.log(_LOWEST_KAPPA), np.log(sharpest_kappa(len(d))), _N_WIDTHS)
    delta = d - angles[None, :, None]
    pair = np.stack([von_mises(delta + turn, log_kappas[:, None, None])[0] for turn in (0.0, np.pi)], axis=-1)
    pair = pair - pair.mean(2, keepdims=True)
    orthonormal, triangle = np.linalg.qr(pair)
    thin = np.abs(np.diagonal(triangle, axis1=-2, axis2=-1)) < 1e-9
    orthonormal = np.where(thin[:, :, None, :], 0.0, orthonormal)
    every = np.concatenate([orthonormal, pair.sum(-1, keepdims=True)], axis=-1)
    return angles, log_kappas, np.ascontiguousarray(every.transpose(2, 0, 1, 3).reshape(len(d), -1), dtype=np.float32)


def circular_variance(responses: np.ndarray, directions_deg: Sequence[float] | np.ndarray, *, period_deg: float = 180.0) -> np.ndarray:
    """1 - |sum r exp(2 pi i d / period)| / sum r: 0 for a single angle, 1 for none; negative responses count as 0.

    Parameters
    ----------
    responses : array, (unit, direction)
    directions_deg : sequence of float
    period_deg : float
        180 for orientation, 360 for direction.

    Examples
    --------
    >>> circular_variance(np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]), [0, 45, 90, 135]).round(3).tolist()
    [0.0, 1.0]
    """
    r = np.maximum(check_curves("circular_variance", responses, np.asarray(directions_deg)), 0)
    phasor = np.exp(2j * np.pi * np.asarray(directions_deg, float) / period_deg)
    total = r.sum(1)
    return np.where(total > 0, 1 - np.abs(r @ phasor) / np.where(total > 0, total, 1), 1.0)


def cross_validated_selectivity(seen: np.ndarray, held: np.ndarray, directions_deg: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orientation and direction selectivity without the bias of looking for a peak and reading it in the same noise.

    The preferred direction comes from the fit to the trials seen; the responses there, aside and behind are read from those held out (trigonometric
    interpolation, linear in the responses), and averaged over the splits before the ratios are taken.  Untuned units get 0 on average, so that single
    values can be negative; they lie in [-1, 1].  A direction found in part of the trials is a little off, so that tuned units come out
    low rather than high.

    Parameters
    ----------
    seen, held : array, (split, unit, direction)
        Mean responses with independent noise; usually two halves of the trials, both ways round.
    directions_deg : sequence of float, (direction)
        Evenly spaced over 360 degrees, at least 4.

    Returns
    -------
    osi, dsi : float array, (unit)

    Examples
    --------
    >>> d = np.arange(0, 360, 30)
    >>> curve = 1 + np.cos(np.deg2rad(d - 50))[None]
    >>> [float(v[0].round(3)) for v in cross_validated_selectivity([curve], [curve], d)]
    [0.333, 1.0]
    """
    d = np.deg2rad(np.asarray(directions_deg, float))
    read = np.zeros((3, np.shape(held)[1]))
    for first, second in zip(seen, held, strict=True):
        preferred = np.deg2rad(fit_direction(first, directions_deg).preferred_direction_deg)
        curves = check_curves("cross_validated_selectivity", second, d)
        for k, turns in enumerate(((0.0,), (np.pi / 2, -np.pi / 2), (np.pi,))):
            read[k] += sum(_interpolate(curves, d, preferred + turn) for turn in turns) / len(turns)
    peak, side, opposite = read
    return _signed_ratio(peak, side), _signed_ratio(peak, opposite)


def _signed_ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a - b) / (a + b) in [-1, 1]; noise can leave a sum near or below 0: the sign stays that of the difference."""
    size = np.maximum(np.abs(a), np.abs(b))
    total = np.maximum(a + b, 1e-3 * size)
    return np.clip(np.where(size > 0, (a - b) / np.where(size > 0, total, 1), 0.0), -1.0, 1.0)


def _interpolate(curves: np.ndarray, d: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Trigonometric interpolation of evenly spaced values: the Dirichlet kernel."""
    n = len(d)
    x = angle[:, None] - d
    half = (n - 1) // 2
    kernel = 1 + 2 * sum(np.cos(k * x) for k in range(1, half + 1))
    if n % 2 == 0:
        kernel = kernel + np.cos(n / 2 * x)
    return (curves * kernel).sum(1) / n
