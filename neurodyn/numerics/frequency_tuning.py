"""Spatial or temporal frequency tuning of many units at once: peak, cut-offs and bandwidth of a fitted bump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.numerics.separable_fit import Shape, separable_fit
from neurodyn.numerics.tuning_curves import check_curves

__all__ = ["FAMILIES", "FrequencyFit", "fit_frequency", "frequency_bump"]

FAMILIES = ("gauss-linear", "lorentz-linear", "gauss-log", "sech-log", "gamma")
_N_CENTRES, _N_WIDTHS, _N_FIRST, _N_LAST, _N_FINE, _N_FREE, _CHUNK = 24, 10, 4, 5, 97, 4, 4096


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
    family : int array
        Index into ``FAMILIES`` of the shape that fits best.
    log_peak, log_width : float array
        Its parameters, in e-folds; the peak of the shape before what the template leaves over is added.
    """

    preferred: np.ndarray
    low_cut: np.ndarray
    high_cut: np.ndarray
    bandwidth_octaves: np.ndarray
    r2: np.ndarray
    at_edge: np.ndarray
    family: np.ndarray
    log_peak: np.ndarray
    log_width: np.ndarray


def fit_frequency(responses: np.ndarray, frequencies: Sequence[float] | np.ndarray, *, noise_variance: np.ndarray | float | None = None) -> FrequencyFit:
    """Fit frequency tuning curves by an offset plus a bump.

    The bump is a Gaussian or a Lorentzian on a linear axis, a Gaussian or a hyperbolic secant on a logarithmic one, or f^n exp(-n f^2 / 2 f0^2), whichever fits
    best.  Starts come from a dictionary of shapes, one product of matrices for all units.

    Parameters
    ----------
    responses : array, (unit, frequency)
    frequencies : sequence of float, (frequency)
        Positive and ascending, at least 3.
    noise_variance : array, (unit), or float, optional
        Of one value of each curve.  What the bump leaves over, shrunk by the share that noise explains, is interpolated by a
        cubic spline before peak and cut-offs are read off: all of it at 0, none where nothing is given.

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
    curves = check_curves("fit_frequency", responses, f)
    if len(f) < 3 or (f <= 0).any() or (np.diff(f) <= 0).any():
        raise NumericsError("fit_frequency", f"`frequencies` are {f.tolist()}", expected="at least three, positive and ascending")
    noise = np.broadcast_to(np.inf if noise_variance is None else np.asarray(noise_variance, float), len(curves))
    parts = [_fit(curves[i : i + _CHUNK], f, noise[i : i + _CHUNK]) for i in range(0, max(len(curves), 1), _CHUNK)]
    return FrequencyFit(*(np.concatenate(p) for p in zip(*parts, strict=True)))


def frequency_bump(family: int, log_f: np.ndarray, log_peak: np.ndarray, log_width: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bump of height 1 and its derivatives by the logarithms of its peak and of its width; widths are relative to the peak.

    Parameters
    ----------
    family : int
        Index into ``FAMILIES``.
    log_f, log_peak, log_width : array
        Broadcast against each other.

    Examples
    --------
    >>> [float(v.round(3)) for v in frequency_bump(1, np.log(np.array(2.0)), np.array(0.0), np.array(0.0))]
    [0.5, 1.0, 0.5]
    """
    d, w = log_f - log_peak, np.exp(log_width)
    if family == 0:
        z = np.expm1(d) / w
        b = np.exp(-0.5 * z * z)
        return b, b * z * (z + 1 / w), b * z * z
    if family == 1:
        z = np.expm1(d) / w
        b = 1 / (1 + z * z)
        return b, 2 * b * b * z * (z + 1 / w), 2 * (b * z) ** 2
    if family == 2:
        z = d / w
        b = np.exp(-0.5 * z * z)
        return b, b * z / w, b * z * z
    if family == 3:
        z = np.clip(d / w, -50, 50)
        b, slope = 1 / np.cosh(z), np.tanh(z)
        return b, b * slope / w, b * slope * z
    grown = np.expm1(np.minimum(2 * d, 50.0))
    g = np.maximum((d - 0.5 * grown) / (w * w), -50.0)
    b = np.exp(g)
    return b, b * grown / (w * w), -2 * b * g


def _fit(curves: np.ndarray, f: np.ndarray, noise: np.ndarray) -> tuple[np.ndarray, ...]:
    log_f, n = np.log(f), len(curves)
    log_centres, log_widths, templates = _dictionary(tuple(f))
    starts = _starts(curves, templates, (len(log_widths), len(log_centres)))
    rows = np.arange(n)
    score, values = np.empty((n, len(FAMILIES))), np.empty((n, len(FAMILIES), 4))

    def polish(family: int, here: np.ndarray, begin: np.ndarray, n_iterations: int) -> None:
        found = separable_fit(
            curves[here, None], _shape(family, log_f), begin, low=[log_f[0], log_widths[0]], high=[log_f[-1], log_widths[-1]], n_iterations=n_iterations
        )
        score[here, family] = found.unexplained
        values[here, family] = np.concatenate([found.parameters, found.amplitudes[:, 0], found.offsets], axis=1)

    for family in range(len(FAMILIES)):  # every shape a little, the best one to the end
        polish(family, rows, np.stack([log_centres[starts[1][:, family]], log_widths[starts[0][:, family]]], axis=1), _N_FIRST)
    best = score.argmin(1)
    for family in np.unique(best):
        here = np.nonzero(best == family)[0]
        polish(int(family), here, values[here, family, :2], _N_LAST)
    log_peak, log_width, amplitude, offset = values[rows, best].T
    total = np.square(curves - curves.mean(1, keepdims=True)).sum(1)
    r2 = np.where(total > 0, 1 - np.minimum(score[rows, best], total) / np.where(total > 0, total, 1), 0.0)
    left_over = np.maximum(score[rows, best], 1e-300)
    share = np.where(noise > 0, np.maximum(1 - noise * max(len(f) - _N_FREE, 1) / left_over, 0), 1.0)
    peak, low, high = _read_off(curves, log_f, best, (log_peak, log_width, amplitude, offset), share)
    with np.errstate(divide="ignore"):
        bandwidth = np.where(low > 0, np.log2(high / np.where(low > 0, low, 1.0)), np.inf)
    top = curves.argmax(1) if n else rows
    preferred = np.clip(np.exp(peak), f[0], f[-1])
    return preferred, low, high, bandwidth, r2, (top == 0) | (top == len(f) - 1), best, log_peak, log_width


def _shape(family: int, log_f: np.ndarray) -> Shape:
    def shape(parameters: np.ndarray) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
        bump, by_peak, by_width = frequency_bump(family, log_f[:, None], parameters[0], parameters[1])
        return [bump[None]], [[by_peak[None]], [by_width[None]]]

    return shape


@lru_cache(maxsize=8)
def _dictionary(frequencies: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log peaks, log widths, and the bumps of zero mean and unit norm, (frequency, family x width x centre)."""
    log_f = np.log(np.asarray(frequencies))
    centres = np.linspace(log_f[0], log_f[-1], _N_CENTRES)
    step = float(np.median(np.diff(log_f)))
    widths = np.linspace(np.log(0.5 * step), np.log(2 * (log_f[-1] - log_f[0])), _N_WIDTHS)
    width, centre = (v.ravel()[:, None] for v in np.meshgrid(widths, centres, indexing="ij"))
    bumps = np.concatenate([frequency_bump(k, log_f, centre, width)[0] for k in range(len(FAMILIES))])
    bumps = bumps - bumps.mean(1, keepdims=True)
    bumps /= np.maximum(np.linalg.norm(bumps, axis=1, keepdims=True), 1e-12)
    return centres, widths, np.ascontiguousarray(bumps.T, dtype=np.float32)


def _starts(curves: np.ndarray, templates: np.ndarray, grid: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """For each unit and family where in the dictionary the best match is: width and centre, (unit, family)."""
    scale = np.maximum(np.abs(curves).max(1, keepdims=True), 1e-300)
    match = ((curves / scale).astype(np.float32) @ templates).reshape(len(curves), len(FAMILIES), -1)
    return np.unravel_index(match.argmax(2), grid)


def _read_off(
    curves: np.ndarray, log_f: np.ndarray, family: np.ndarray, fitted: tuple[np.ndarray, ...], share: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log peak and the frequencies of half height, of the bump plus a spline through a share of what it leaves over."""
    log_peak, log_width, amplitude, offset = fitted
    fine, spline = _spline(tuple(log_f))
    curve, at_data = np.empty((len(curves), len(fine))), np.empty(curves.shape)
    for k in np.unique(family):
        rows = family == k
        for out, x in ((curve, fine), (at_data, log_f)):
            out[rows] = offset[rows, None] + amplitude[rows, None] * frequency_bump(int(k), x, log_peak[rows, None], log_width[rows, None])[0]
    peak = log_peak
    if share.any():
        corrected = curve + share[:, None] * ((curves - at_data) @ spline)
        far = np.abs(fine - log_f[curves.argmax(1)][:, None]) > np.max(np.diff(log_f))
        before, after = (_top(np.where(far, -np.inf, c), fine) for c in (curve, corrected))
        peak, curve = peak + after - before, corrected
    return peak, *_half_height(np.maximum(curve, 0), fine)


@lru_cache(maxsize=8)
def _spline(log_f: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """A fine axis, and the matrix that interpolates values at `log_f` there by a cubic spline, (frequency, fine)."""
    from scipy.interpolate import CubicSpline

    x = np.asarray(log_f)
    fine = np.linspace(x[0], x[-1], _N_FINE)
    return fine, CubicSpline(x, np.eye(len(x)), axis=1)(fine)


def _top(curve: np.ndarray, fine: np.ndarray) -> np.ndarray:
    """Where each curve is highest, between the points by a parabola."""
    k = np.clip(curve.argmax(1), 1, len(fine) - 2)
    rows = np.arange(len(curve))
    left, middle, right = curve[rows, k - 1], curve[rows, k], curve[rows, k + 1]
    usable = np.isfinite(left) & np.isfinite(right)
    left, right = np.where(usable, left, middle), np.where(usable, right, middle)
    bend = left - 2 * middle + right
    part = np.where(bend < 0, np.clip(0.5 * (left - right) / np.where(bend < 0, bend, -1), -1.0, 1.0), 0.0)
    return fine[k] + part * (fine[1] - fine[0])


def _half_height(curve: np.ndarray, log_f: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nearest frequencies on either side of the peak where the curve crosses half its height: 0 and infinity where it does not."""
    peak, rows, index = curve.argmax(1), np.arange(len(curve)), np.arange(len(log_f))
    half = curve.max(1) / 2 if len(curve) else np.zeros(0)
    below = curve < half[:, None]
    before = np.where(below & (index < peak[:, None]), index, -1).max(1)
    after = np.where(below & (index > peak[:, None]), index, len(log_f)).min(1)
    cuts = []
    for out, inward, closed, open_ in ((before, 1, before >= 0, 0.0), (after, -1, after < len(log_f), np.inf)):
        here = np.clip(out, 0, len(log_f) - 1)
        inside = np.clip(here + inward, 0, len(log_f) - 1)
        low, high = curve[rows, here], curve[rows, inside]
        part = np.clip(np.where(high > low, (half - low) / np.where(high > low, high - low, 1), 0.0), 0.0, 1.0)
        cuts.append(np.where(closed, np.exp(log_f[here] + part * (log_f[inside] - log_f[here])), open_))
    return cuts[0], cuts[1]
