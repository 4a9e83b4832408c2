"""From responses over direction, spatial and temporal frequency to preferred values and indices, for blocks of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.numerics import tuning

__all__ = ["Grid", "describe_units", "response_halves"]

Variables = dict[str, tuple[Any, str]]
_NEAR_DEG, _OFF_DEG, _FLANK_DEG, _SEEN = 12.0, 5.0, 80.0, 0.1


@dataclass(frozen=True)
class Grid:
    """The values measured.

    Attributes
    ----------
    direction : float array, degrees
    spatial_frequency : float array, cycles/pixel
    temporal_frequency : float array, cycles/step
    dt_ms : float or None
    """

    direction: np.ndarray
    spatial_frequency: np.ndarray
    temporal_frequency: np.ndarray
    dt_ms: float | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """How many of each."""
        return len(self.direction), len(self.spatial_frequency), len(self.temporal_frequency)


def describe_units(surface: np.ndarray, grid: Grid, *, noise_variance: np.ndarray | float | None = 0.0, halves: np.ndarray | None = None) -> Variables:
    """Every index of each unit, name -> (values, units).

    Parameters
    ----------
    surface : array, (unit, direction, spatial_frequency, temporal_frequency)
    grid : Grid
    noise_variance : array, (unit), or float, optional
        Of one response.  0: curves are cut through the best grating.  Else (None: unknown) all gratings count: the spatial frequency and the direction are
        fitted to the surface they span together, the temporal frequency to responses weighted by that fit.
    halves : array, (half, unit, direction, spatial_frequency, temporal_frequency), optional
        Of the trials, with independent noise: OSI and DSI are cross-validated between them.
    """
    n = len(surface)
    rows = np.arange(n)
    best = surface.reshape(n, -1).argmax(1) if n else np.zeros(0, int)
    i, j, k = np.unravel_index(best, grid.shape)
    out: Variables = {"peak": (surface.reshape(n, -1)[rows, best], "1")}
    exact = noise_variance is not None and not np.any(noise_variance)
    spread: tuple[np.ndarray | float, ...]
    if exact:
        turn, flat = surface[rows, :, j, k], surface[rows, :, :, k]
        sweeps, spread = (surface[rows, i, :, k], surface[rows, i, j]), (0.0, 0.0, 0.0)
    else:
        turn, flat, sweeps, spread = _weighted(surface, (i, j, k), grid)
    noise: list[np.ndarray | float | None] = [None if noise_variance is None else noise_variance * share for share in spread]
    fit = tuning.fit_direction(turn, grid.direction)
    osi, dsi = (fit.osi, fit.dsi) if halves is None else _cross_validated(halves, grid)
    variance = tuning.circular_variance(turn, grid.direction)
    direction, spatial = fit.preferred_direction_deg, None
    if grid.shape[1] >= 3:
        spatial = tuning.fit_frequency(sweeps[0], grid.spatial_frequency, noise_variance=noise[0])
        if grid.shape[0] % 2 == 0:
            plane = _plane(flat, grid, fit, spatial, exact, noise[2])
            drift = _drift(flat, grid, fit, spatial, i if exact else turn.argmax(1), ~plane.in_plane, noise[2])
            direction, spatial = _placed(plane, fit, spatial, grid, i, exact, drift)
            if not exact:
                weights = plane.weights / np.maximum(plane.weights.sum((1, 2), keepdims=True), 1e-300)
                sweeps = sweeps[0], np.einsum("uds,udst->ut", weights, surface)
                noise[1] = None if noise_variance is None else noise_variance * np.square(weights).sum((1, 2))
    out["preferred_direction_deg"] = (direction, "degree")
    out["preferred_orientation_deg"] = (np.mod(direction - 90, 180), "degree")
    out["direction_half_width_deg"] = (fit.half_width_deg, "degree")
    out["osi"], out["dsi"], out["direction_r2"] = (osi, "1"), (dsi, "1"), (fit.r2, "1")
    out["circular_variance"] = (variance, "1")
    if spatial is not None:
        _add_frequency(out, "spatial_frequency_cpp", spatial, 1.0, "cycle/pixel")
    if grid.shape[2] >= 3:
        name, scale, unit = ("temporal_frequency_cpf", 1.0, "cycle/step") if grid.dt_ms is None else ("temporal_frequency_hz", 1000.0 / grid.dt_ms, "Hz")
        _add_frequency(out, name, tuning.fit_frequency(sweeps[1], grid.temporal_frequency, noise_variance=noise[1]), scale, unit)
        if spatial is not None:
            speed = out[f"preferred_{name}"][0] / out["preferred_spatial_frequency_cpp"][0]
            out["preferred_speed_px_step" if grid.dt_ms is None else "preferred_speed_px_s"] = (speed, "pixel/step" if grid.dt_ms is None else "pixel/s")
    through = surface[rows, i]
    out["separability"] = (tuning.separability(through), "1")
    out["speed_slope"] = (tuning.speed_slope(through, grid.spatial_frequency, grid.temporal_frequency), "1")
    return out


def response_halves(trials: np.ndarray, n_repeats: int, grid: Grid) -> np.ndarray | None:
    """Two halves of the trials of each unit, (half, unit, direction, spatial_frequency, temporal_frequency), NaN where a half has none.

    Parameters
    ----------
    trials : array, (trial, unit)
        Repeats of a condition one after the other.
    n_repeats : int
        Of one, the spatial and temporal frequencies are dealt out like the squares of a chessboard; None where there is a single one of both.
    grid : Grid
    """
    one = trials.reshape(-1, n_repeats, trials.shape[1])
    if n_repeats > 1:
        parts = [one[:, k::2].mean(1).T.reshape(-1, *grid.shape) for k in (0, 1)]
        return np.stack(parts)
    if grid.shape[1] * grid.shape[2] < 2:
        return None
    whole = one[:, 0].T.reshape(-1, *grid.shape)
    colour = np.add.outer(np.arange(grid.shape[1]), np.arange(grid.shape[2])) % 2
    return np.stack([np.where(colour == k, whole, np.nan) for k in (0, 1)])


def _weighted(
    surface: np.ndarray, best: tuple[np.ndarray, ...], grid: Grid
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]:
    """Curves averaged over the strong responses to the other variables, found in turns: the best description of the surface by a product.

    With them the share of the noise variance of one response that is left in the two sweeps and in the surface of direction and spatial frequency.
    """
    i, _, k = best
    rows = np.arange(len(surface))
    by_sf, by_tf = _strong(surface[rows, i, :, k]), _strong(surface[rows, i].max(1))
    for _ in range(3):
        flat = np.einsum("udst,ut->uds", surface, by_tf)
        turn = np.einsum("uds,us->ud", flat, by_sf)
        by_direction = _strong(turn)
        by_sf = _strong(np.einsum("uds,ud->us", flat, by_direction))
        by_tf = _strong(np.einsum("udst,ud,us->ut", surface, by_direction, by_sf, optimize=True))
    flat = np.einsum("udst,ut->uds", surface, by_tf)
    turn, sweep_tf = np.einsum("uds,us->ud", flat, by_sf), np.einsum("udst,ud,us->ut", surface, by_direction, by_sf, optimize=True)
    away = np.abs(np.mod(grid.direction - grid.direction[turn.argmax(1)][:, None] + 180, 360) - 180)
    ahead = by_direction * (away <= _NEAR_DEG)  # further off the peak moves along the frequencies
    ahead = np.where(ahead.sum(1, keepdims=True) > 0, ahead, away == 0)
    ahead /= ahead.sum(1, keepdims=True)
    power = [np.square(w).sum(1) for w in (by_direction, by_sf, by_tf, ahead)]
    return turn, flat, (np.einsum("uds,ud->us", flat, ahead), sweep_tf), (power[3] * power[2], power[0] * power[1], power[2])


def _plane(
    flat: np.ndarray, grid: Grid, fit: tuning.DirectionFit, spatial: tuning.FrequencyFit, exact: bool, noise: np.ndarray | float | None
) -> tuning.PlaneFit:
    return tuning.fit_plane(
        flat,
        grid.direction,
        grid.spatial_frequency,
        direction_deg=fit.preferred_direction_deg,
        log_kappa=fit.log_kappa,
        family=spatial.family,
        log_peak=spatial.log_peak,
        log_width=spatial.log_width,
        n_iterations=5 if exact else 12,
        polish_product=not exact,
        noise_variance=np.inf if noise is None else noise,
    )


def _drift(
    flat: np.ndarray, grid: Grid, fit: tuning.DirectionFit, spatial: tuning.FrequencyFit, best: np.ndarray, wanted: np.ndarray, noise: np.ndarray | float | None
) -> np.ndarray:
    """What to multiply the spatial preference in the best direction measured with, to have that in the preferred direction.

    Between directions the preference is taken to move as a + b cos(offset): whatever is symmetric about the preferred direction does so to second order.
    The second point is the next direction further off.
    """
    away = np.mod(grid.direction[best] - fit.preferred_direction_deg + 180, 360) - 180
    side = np.where(away < 0, -1, 1)
    further = away + side * 360 / grid.shape[0]
    curves = flat[np.arange(len(flat)), np.mod(best + side, grid.shape[0])]
    use = wanted & (np.abs(away) > _OFF_DEG) & (np.abs(further) < _FLANK_DEG) & (curves.max(1) > _SEEN * flat.max((1, 2)))
    out = np.ones(len(flat))
    if use.any():
        left_over = noise if noise is None else np.broadcast_to(noise, len(flat))[use]
        here, there = spatial.preferred[use], tuning.fit_frequency(curves[use], grid.spatial_frequency, noise_variance=left_over).preferred
        near, far = (np.cos(np.deg2rad(angle[use])) for angle in (away, further))
        out[use] = np.clip(1 + (here - there) / here * (1 - near) / (near - far), 0.9, 1.1)
    return out


def _placed(
    plane: tuning.PlaneFit, fit: tuning.DirectionFit, spatial: tuning.FrequencyFit, grid: Grid, best: np.ndarray, exact: bool, drift: np.ndarray
) -> tuple[np.ndarray, tuning.FrequencyFit]:
    """Direction and spatial frequency corrected by the fit to both.

    For a Gaussian in the plane without noise only the cosine between the best and the preferred direction is undone; other units are multiplied with `drift`.
    """
    f = grid.spatial_frequency
    if exact:
        off = np.cos(np.deg2rad(grid.direction[best] - plane.direction_deg))
        factor = np.where(plane.in_plane, 1 / np.maximum(off, 0.5), drift)
    else:
        factor = np.where(plane.in_plane, np.exp(plane.log_peak) / spatial.preferred, drift)
    direction = np.where(plane.in_plane, plane.direction_deg, fit.preferred_direction_deg)
    changed = {k: getattr(spatial, k) * factor for k in ("low_cut", "high_cut")}
    preferred = np.clip(spatial.preferred * factor, f[0], f[-1])
    others = {k: getattr(spatial, k) for k in ("bandwidth_octaves", "r2", "at_edge", "family", "log_peak", "log_width")}
    return direction, tuning.FrequencyFit(preferred=preferred, **changed, **others)


def _cross_validated(halves: np.ndarray, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    seen: list[np.ndarray] = []
    held: list[np.ndarray] = []
    for first, second in ((halves[0], halves[1]), (halves[1], halves[0])):
        level = np.nan_to_num(first.mean(axis=1))  # over directions: which gratings count is not decided by where a direction is best
        by_sf, by_tf = _strong(level.sum(2)), _strong(level.sum(1))
        weight = by_sf[:, :, None] * by_tf[:, None]
        for part, to in ((first, seen), (second, held)):
            there = np.isfinite(part[:, :1])
            w = np.where(there, weight[:, None], 0.0)
            w = np.where(w.sum((2, 3), keepdims=True) > 0, w, there)
            to.append((np.nan_to_num(part) * w).sum((2, 3)) / w.sum((2, 3)))
    return tuning.cross_validated_selectivity(np.stack(seen), np.stack(held), grid.direction)


def _strong(curve: np.ndarray) -> np.ndarray:
    """Weights of the responses above 0.3 of each curve's peak, summing to 1."""
    peak = curve.max(1, keepdims=True)
    weight = np.where((curve >= 0.3 * peak) & (peak > 0), curve, 0.0)
    total = weight.sum(1, keepdims=True)
    return np.where(total > 0, weight / np.where(total > 0, total, 1), 1 / curve.shape[1])


def _add_frequency(out: Variables, name: str, fit: tuning.FrequencyFit, scale: float, unit: str) -> None:
    stem, suffix = name.rsplit("_", 1)
    out[f"preferred_{name}"] = (fit.preferred * scale, unit)
    out[f"{stem}_low_cut_{suffix}"] = (fit.low_cut * scale, unit)
    out[f"{stem}_high_cut_{suffix}"] = (fit.high_cut * scale, unit)
    out[f"{stem}_bandwidth_octaves"] = (fit.bandwidth_octaves, "octave")
    out[f"{stem}_at_edge"] = (fit.at_edge, "1")
    out[f"{stem}_r2"] = (fit.r2, "1")
