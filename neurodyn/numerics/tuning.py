"""Tuning curves of many units at once: preferred values, bandwidths and indices.

A curve is fitted by matching it with a dictionary of template shapes: for every template the offset and the amplitude that
fit best are known in closed form, so the best of thousands of templates is found for all units by one product of matrices,
without starting values and without local minima.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from neurodyn.errors import NumericsError

__all__ = [
    "DirectionFit",
    "FrequencyFit",
    "circular_variance",
    "fit_direction",
    "fit_frequency",
    "latency",
    "naka_rushton",
    "separability",
    "speed_slope",
    "suppression_index",
    "transience",
]

_N_CENTRES, _N_WIDTHS, _CHUNK = 64, 12, 512
_SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0, -0.25, -0.5, -0.75, -1.0)
_FAR_DEG = 50.0


@dataclass(frozen=True)
class FrequencyFit:
    """A fitted frequency tuning; every entry (unit).

    Attributes
    ----------
    preferred : float array
        Frequency of the peak.
    low_cut, high_cut : float array
        Where the fitted curve falls to half its peak: 0 and infinity where it does not within the range measured.
    bandwidth_octaves : float array
        log2(high_cut / low_cut); infinite where a cut is open.
    r2 : float array
        Share of the curve's variance that the fit explains.
    at_edge : bool array
        The largest response is at the lowest or highest frequency measured: the true peak may lie beyond.
    """

    preferred: np.ndarray
    low_cut: np.ndarray
    high_cut: np.ndarray
    bandwidth_octaves: np.ndarray
    r2: np.ndarray
    at_edge: np.ndarray


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
    """

    preferred_direction_deg: np.ndarray
    preferred_orientation_deg: np.ndarray
    osi: np.ndarray
    dsi: np.ndarray
    half_width_deg: np.ndarray
    r2: np.ndarray


def fit_frequency(responses: np.ndarray, frequencies: Sequence[float] | np.ndarray, *, tilt_deg: np.ndarray | None = None, exact: bool = False) -> FrequencyFit:
    """Fit spatial or temporal frequency tuning curves.

    The templates are an offset plus a bump on a linear axis (Gaussian, Lorentzian) or on a logarithmic one (Gaussian, hyperbolic
    secant, and f^n exp(-n f^2 / 2 f0^2)), whichever fits best.

    Parameters
    ----------
    responses : array, (unit, frequency) or (unit, neighbour, frequency)
        With a neighbour axis, curves measured at neighbouring directions are fitted together: one peak f0 and one width, an
        offset and amplitude each, the peak at direction offset d lying at f0 cos(d)^p, p from -1 through 0 (polar separable)
        to 1 (a Gaussian in the plane of frequencies), whichever fits best; neighbours beyond 50 degrees do not count.
    frequencies : sequence of float, (frequency)
        Positive and ascending, at least 3.
    tilt_deg : array, (unit, neighbour), optional
        Direction of each neighbour less the preferred direction.
    exact : bool
        The curves hold no noise: what the template leaves over is interpolated by a cubic spline before the peak is read off.

    Returns
    -------
    FrequencyFit

    Raises
    ------
    NumericsError
        Fewer than three frequencies, frequencies that do not ascend, or values that are not finite.

    Examples
    --------
    >>> f = np.geomspace(0.02, 0.3, 8)
    >>> fit = fit_frequency(np.exp(-((f - 0.11) ** 2) / (2 * 0.03**2))[None], f)
    >>> round(float(fit.preferred[0]), 3)
    0.11
    """
    f = np.asarray(frequencies, float)
    curves = _check_curves("fit_frequency", responses, f)
    if curves.ndim == 2:
        curves = curves[:, None]
    tilt = np.zeros(curves.shape[:2]) if tilt_deg is None else np.deg2rad(np.asarray(tilt_deg, float))
    if len(f) < 3 or (f <= 0).any() or (np.diff(f) <= 0).any():
        raise NumericsError("fit_frequency", f"`frequencies` are {f.tolist()}", expected="at least three, positive and ascending")
    parts = [_fit_frequency(curves[i : i + _CHUNK], tilt[i : i + _CHUNK], f, exact) for i in range(0, len(curves), _CHUNK)]
    return FrequencyFit(*(np.concatenate(p) for p in zip(*parts, strict=True))) if parts else FrequencyFit(*([np.zeros(0)] * 6))


def _fit_frequency(curves: np.ndarray, tilt: np.ndarray, f: np.ndarray, exact: bool) -> tuple[np.ndarray, ...]:
    centres, widths, unit_bumps = _frequency_templates(tuple(f))
    n_units, n_near = curves.shape[:2]
    rows = np.arange(n_units)
    near = np.abs(tilt) <= np.deg2rad(_FAR_DEG)
    strongest = np.where(near, curves.var(axis=-1), -1).argmax(axis=1)
    target = curves[rows, strongest]
    family, log_peak, log_width = _best_shape(target, np.log(f), centres, widths, unit_bumps)
    offset, amplitude, r2 = _regress(target, _bump(family, np.log(f), log_peak, log_width))
    fine = np.geomspace(f[0], f[-1], 481)
    curve = offset[:, None] + amplitude[:, None] * _bump(family, np.log(fine), log_peak, log_width)
    peak = log_peak
    if exact:
        from scipy.interpolate import CubicSpline

        left = target - offset[:, None] - amplitude[:, None] * _bump(family, np.log(f), log_peak, log_width)
        corrected = curve + CubicSpline(np.log(f), left, axis=1)(np.log(fine))
        far = np.abs(np.log(fine) - np.log(f[target.argmax(1)])[:, None]) > np.max(np.diff(np.log(f)))
        tops = [np.where(far, -np.inf, c).argmax(1) for c in (curve, corrected)]
        peak = peak + np.log(fine[tops[1]] / fine[tops[0]])
        curve = corrected
    if n_near > 1:
        peak = peak + _untilt(curves, tilt, near, strongest, np.log(f), family, log_peak, log_width)
    low, high = _half_height(np.maximum(curve, 0), fine)
    with np.errstate(divide="ignore"):
        bandwidth = np.where(low > 0, np.log2(high / np.where(low > 0, low, 1.0)), np.inf)
    top = target.argmax(1)
    return np.clip(np.exp(peak), f[0], f[-1]), low, high, bandwidth, r2, (top == 0) | (top == len(f) - 1)


def _bump(family: np.ndarray, log_f: np.ndarray, log_peak: np.ndarray, log_width: np.ndarray) -> np.ndarray:
    """Bumps of height 1, (unit, frequency): Gaussian and Lorentzian on a linear axis, Gaussian, sech and f^n exp(-n f^2 / 2 f0^2) on a log one.

    Widths are relative to the peak, in e-folds.
    """
    out = np.empty((len(family), len(log_f)))
    for k in np.unique(family):
        rows = family == k
        d, w = log_f - log_peak[rows, None], np.exp(log_width[rows])[:, None]
        if k == 0:
            out[rows] = np.exp(-0.5 * np.square(d / w))
        elif k == 1:
            out[rows] = np.exp(-0.5 * np.square(np.expm1(d) / w))
        elif k == 2:
            out[rows] = 1 / (1 + np.square(np.expm1(d) / w))
        elif k == 3:
            out[rows] = 1 / np.cosh(np.clip(d / w, -50, 50))
        else:
            out[rows] = np.exp(np.clip((d - 0.5 * np.expm1(2 * d)) / np.square(w), -50, 0))
    return out


_N_FAMILIES = 5


def _best_shape(
    target: np.ndarray, log_f: np.ndarray, centres: np.ndarray, widths: np.ndarray, unit_bumps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Family, log peak and log width of each unit's curve: the best template of each family, polished by a shrinking search."""
    n_units = len(target)
    match = target.astype(np.float32) @ unit_bumps.reshape(-1, unit_bumps.shape[-1]).T
    match = match.reshape(n_units, _N_FAMILIES, -1)
    width, centre = np.unravel_index(match.argmax(axis=2), (len(widths), len(centres)))
    family = np.repeat(np.arange(_N_FAMILIES), n_units)
    curve = np.tile(target, (_N_FAMILIES, 1))
    peak, spread = np.log(centres)[centre.T.ravel()], np.log(widths)[width.T.ravel()]
    h_peak, h_width = np.log(centres[1] / centres[0]), np.log(widths[1] / widths[0])
    score = _regress(curve, _bump(family, log_f, peak, spread))[2]
    for _ in range(8):
        for dp, dw in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1)):
            tried = np.clip(peak + dp * h_peak, log_f[0], log_f[-1]), np.clip(spread + dw * h_width, np.log(widths[0]), np.log(widths[-1]))
            new = _regress(curve, _bump(family, log_f, *tried))[2]
            wins = new > score
            peak, spread, score = np.where(wins, tried[0], peak), np.where(wins, tried[1], spread), np.where(wins, new, score)
        h_peak, h_width = 0.55 * h_peak, 0.55 * h_width
    best = score.reshape(_N_FAMILIES, n_units).argmax(axis=0)
    pick = best * n_units + np.arange(n_units)
    return best, peak[pick], spread[pick]


def _untilt(
    curves: np.ndarray,
    tilt: np.ndarray,
    near: np.ndarray,
    strongest: np.ndarray,
    log_f: np.ndarray,
    family: np.ndarray,
    log_peak: np.ndarray,
    log_width: np.ndarray,
) -> np.ndarray:
    """What to add to the strongest direction's log peak to get that of the preferred direction.

    The peaks of the neighbouring directions are tied at log f0 + p log cos(tilt); p is the one that explains most.
    """
    rows = np.arange(len(curves))
    drop = np.log(np.maximum(np.cos(tilt), 1e-3))
    here = drop[rows, strongest]
    best, power = np.full(len(curves), -1.0), np.zeros(len(curves))
    for p in _SHIFTS:
        explained = np.zeros(len(curves))
        for j in range(curves.shape[1]):
            bump = _bump(family, log_f, log_peak + p * (drop[:, j] - here), log_width)
            total = np.square(curves[:, j] - curves[:, j].mean(1, keepdims=True)).sum(1)
            explained += np.where(near[:, j], total * _regress(curves[:, j], bump)[2], 0.0)
        wins = explained > best * (1 + 1e-6)
        best, power = np.where(wins, explained, best), np.where(wins, p, power)
    return -power * here


@lru_cache(maxsize=8)
def _frequency_templates(frequencies: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Peaks (centre), widths (width) and bumps of zero mean and unit norm, (family, width, centre, frequency)."""
    f = np.asarray(frequencies)
    centres = np.geomspace(f[0], f[-1], _N_CENTRES)
    octave = float(np.median(np.diff(np.log(f))))
    widths = np.geomspace(0.5 * octave, 2 * np.log(f[-1] / f[0]), _N_WIDTHS)
    family, width, centre = (v.ravel() for v in np.meshgrid(np.arange(_N_FAMILIES), np.log(widths), np.log(centres), indexing="ij"))
    bumps = _bump(family.astype(int), np.log(f), centre, width)
    bumps = bumps - bumps.mean(1, keepdims=True)
    bumps /= np.maximum(np.linalg.norm(bumps, axis=1, keepdims=True), 1e-12)
    return centres, widths, bumps.astype(np.float32).reshape(_N_FAMILIES, _N_WIDTHS, _N_CENTRES, len(f))


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
    >>> round(float(fit.preferred_direction_deg[0])), round(float(fit.preferred_orientation_deg[0]))
    (70, 160)
    """
    d = np.asarray(directions_deg, float)
    curves = _check_curves("fit_direction", responses, d)
    gaps = np.diff(np.sort(np.mod(d, 360)), append=np.sort(np.mod(d, 360))[0] + 360)
    if len(d) < 4 or not np.allclose(gaps, 360 / len(d)):
        raise NumericsError("fit_direction", f"`directions_deg` are {d.tolist()}", expected="at least four, evenly spaced over 360 degrees")
    angles, kappas, bases = _direction_templates(tuple(d))
    n_reg = bases.shape[-1]
    orthonormal, triangle = np.linalg.qr(bases)
    q = orthonormal.transpose(1, 0, 2).reshape(len(d), -1).astype(np.float32)
    solve = np.linalg.pinv(triangle)[:, 1:].astype(np.float32)  # the two amplitudes from the coefficients
    kept = []
    for i in range(0, len(curves), _CHUNK):
        part = curves[i : i + _CHUNK]
        coefficient = (part.astype(np.float32) @ q).reshape(len(part), -1, n_reg)
        ahead, back = (np.einsum("uck,ck->uc", coefficient, solve[:, a]) for a in (0, 1))
        energy = np.square(coefficient).sum(-1)
        energy = np.where(ahead + back > 0, energy, np.square(coefficient[..., 0]))  # peaks, not dips
        energy = energy.reshape(len(part), len(kappas), len(angles))
        best = energy.reshape(len(part), -1).argmax(1)
        kappa, angle = np.unravel_index(best, energy.shape[1:])
        rows = np.arange(len(part))
        around = [energy[rows, kappa, (angle + s) % len(angles)] for s in (-1, 0, 1)]
        kept.append(_direction_indices(part, d, kappas[kappa], angles[angle] + (angles[1] - angles[0]) * _parabola(*around)))
    return DirectionFit(*(np.concatenate(p) for p in zip(*kept, strict=True))) if kept else DirectionFit(*([np.zeros(0)] * 6))


@lru_cache(maxsize=8)
def _direction_templates(directions: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    d = np.asarray(directions)
    angles = np.arange(0, 180, 1.0)
    sharpest = np.log(2) / (1 - np.cos(np.deg2rad(180 / len(d))))  # half width at half height: half the spacing
    kappas = np.geomspace(0.05, max(sharpest, 0.5), _N_WIDTHS)
    delta = np.deg2rad(d - angles[:, None])
    bumps = [np.stack([np.ones_like(delta), np.exp(k * (np.cos(delta) - 1)), np.exp(k * (-np.cos(delta) - 1))], axis=-1) for k in kappas]
    return angles, kappas, np.stack(bumps).reshape(-1, len(d), 3)


def _direction_indices(curves: np.ndarray, d: np.ndarray, kappa: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, ...]:
    delta = np.deg2rad(d - angle[:, None])
    bases = np.stack([np.ones_like(delta), np.exp(kappa[:, None] * (np.cos(delta) - 1)), np.exp(kappa[:, None] * (-np.cos(delta) - 1))], axis=-1)
    weights = np.einsum("urd,ud->ur", np.linalg.pinv(bases), curves)
    fitted = np.einsum("udr,ur->ud", bases, weights)
    total = np.square(curves - curves.mean(1, keepdims=True)).sum(1)
    r2 = np.where(total > 0, 1 - np.square(curves - fitted).sum(1) / np.where(total > 0, total, 1), 0.0)
    swap = weights[:, 2] > weights[:, 1]
    direction = np.mod(angle + 180 * swap, 360)
    ahead, back = np.where(swap, weights[:, 2], weights[:, 1]), np.where(swap, weights[:, 1], weights[:, 2])
    turn = np.deg2rad(np.arange(0, 181))[None]
    k = kappa[:, None]
    curve = np.maximum(weights[:, :1] + ahead[:, None] * np.exp(k * (np.cos(turn) - 1)) + back[:, None] * np.exp(k * (-np.cos(turn) - 1)), 0)
    peak, side, opposite = curve[:, 0], curve[:, 90], curve[:, 180]
    below = curve <= peak[:, None] / 2
    half = np.where(below.any(1), below.argmax(1), 180).astype(float)
    return direction, np.mod(direction - 90, 180), _contrast(peak, side), _contrast(peak, opposite), half, r2


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
    r = np.maximum(_check_curves("circular_variance", responses, np.asarray(directions_deg)), 0)
    phasor = np.exp(2j * np.pi * np.asarray(directions_deg, float) / period_deg)
    total = r.sum(1)
    return np.where(total > 0, 1 - np.abs(r @ phasor) / np.where(total > 0, total, 1), 1.0)


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
    values = np.linalg.svd(np.asarray(surfaces, float), compute_uv=False)
    power = np.square(values)
    total = power.sum(-1)
    return np.where(total > 0, power[..., 0] / np.where(total > 0, total, 1), 1.0).round(12)


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


def naka_rushton(responses: np.ndarray, contrast_percent: Sequence[float] | np.ndarray) -> dict[str, np.ndarray]:
    """Fit r = baseline + r_max c^n / (c^n + c50^n), each entry (unit).

    Parameters
    ----------
    responses : array, (unit, contrast)
    contrast_percent : sequence of float
        At least four.

    Returns
    -------
    dict
        ``r_max``, ``c50_percent``, ``exponent``, ``baseline``, ``r2``.

    Examples
    --------
    >>> c = np.array([0, 6, 12, 25, 50, 100.0])
    >>> fit = naka_rushton((2 * c**2 / (c**2 + 20**2))[None], c)
    >>> round(float(fit["c50_percent"][0])), round(float(fit["exponent"][0]), 1)
    (20, 2.0)
    """
    c = np.asarray(contrast_percent, float)
    curves = _check_curves("naka_rushton", responses, c)
    if len(c) < 4:
        raise NumericsError("naka_rushton", f"{len(c)} contrasts", expected="at least 4")
    half, power = (v.ravel() for v in np.meshgrid(np.geomspace(1, 1000, 241), np.arange(0.5, 6.01, 0.1), indexing="ij"))
    with np.errstate(divide="ignore"):
        bumps = np.where(c > 0, 1 / (1 + (half[:, None] / np.where(c > 0, c, 1)) ** power[:, None]), 0.0)
    flat = bumps - bumps.mean(1, keepdims=True)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    centred = curves - curves.mean(1, keepdims=True)
    best = np.concatenate([(centred[i : i + _CHUNK] @ unit.T).argmax(1) for i in range(0, len(curves), _CHUNK)])
    offset, amplitude, r2 = _regress(curves, bumps[best])
    return {"r_max": amplitude, "c50_percent": half[best], "exponent": power[best], "baseline": offset, "r2": r2}


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


def latency(course: np.ndarray, fraction: float = 0.5) -> np.ndarray:
    """First step, interpolated, at which each course reaches `fraction` of its peak; (unit, step) -> (unit), in steps after onset.

    Step k spans k to k + 1: a course that is at its peak from the first step on has latency 0.

    Examples
    --------
    >>> latency(np.array([[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [1.5, 0.0]
    """
    r = np.asarray(course, float)
    level = fraction * r.max(1)
    first = (r >= level[:, None]).argmax(1)
    rows = np.arange(len(r))
    before = r[rows, np.maximum(first - 1, 0)]
    rise = r[rows, first] - before
    part = np.where((first > 0) & (rise > 0), (level - before) / np.where(rise > 0, rise, 1), 1.0)
    return np.where(first > 0, first - 1 + part, 0.0)


def transience(course: np.ndarray) -> np.ndarray:
    """1 - mean of the last quarter / peak of each course: 0 sustained, 1 transient; (unit, step) -> (unit).

    Examples
    --------
    >>> transience(np.array([[0.0, 1.0, 0.5, 0.5], [1.0, 1.0, 1.0, 1.0]])).tolist()
    [0.5, 0.0]
    """
    r = np.maximum(np.asarray(course, float), 0)
    tail = r[:, -max(r.shape[1] // 4, 1) :].mean(1)
    peak = r.max(1)
    return np.where(peak > 0, 1 - tail / np.where(peak > 0, peak, 1), 0.0)


def _check_curves(where: str, responses: np.ndarray, x: np.ndarray) -> np.ndarray:
    curves = np.asarray(responses, float)
    if curves.ndim not in (2, 3) or curves.shape[-1] != len(x):
        raise NumericsError(where, f"`responses` has shape {curves.shape} for {len(x)} values of the stimulus", expected=f"(unit, {len(x)})")
    finite = np.isfinite(curves).reshape(len(curves), -1).all(1) if len(curves) else np.ones(0, bool)
    if not finite.all():
        raise NumericsError(
            where,
            f"`responses` is not finite in {int((~finite).sum())} of {len(curves)} units",
            expected="finite values",
            fix="responses[np.isfinite(responses).all(-1)]",
        )
    return curves


def _contrast(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.where(a + b > 0, (a - b) / np.where(a + b > 0, a + b, 1), 0.0)


def _parabola(left: np.ndarray, middle: np.ndarray, right: np.ndarray) -> np.ndarray:
    bend = left - 2 * middle + right
    return np.where(bend < 0, np.clip(0.5 * (left - right) / np.where(bend < 0, bend, -1), -0.5, 0.5), 0.0)


def _regress(curves: np.ndarray, bumps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offset, amplitude and r2 of each curve on its own bump, (unit, x)."""
    b = bumps - bumps.mean(1, keepdims=True)
    c = curves - curves.mean(1, keepdims=True)
    power = np.square(b).sum(1)
    amplitude = np.maximum((b * c).sum(1) / np.where(power > 0, power, 1), 0)
    total = np.square(c).sum(1)
    left = np.square(c - amplitude[:, None] * b).sum(1)
    return curves.mean(1) - amplitude * bumps.mean(1), amplitude, np.where(total > 0, 1 - left / np.where(total > 0, total, 1), 0.0)


def _half_height(curve: np.ndarray, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    peak = curve.argmax(1)
    below = curve < curve.max(1, keepdims=True) / 2
    index = np.arange(len(axis))
    before = np.where(below & (index < peak[:, None]), index, -1).max(1)
    after = np.where(below & (index > peak[:, None]), index, len(axis)).min(1)
    return np.where(before >= 0, axis[np.maximum(before, 0)], 0.0), np.where(after < len(axis), axis[np.minimum(after, len(axis) - 1)], np.inf)
