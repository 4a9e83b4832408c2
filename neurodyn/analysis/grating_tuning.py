"""Tuning of every unit of a layer to drifting gratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.analysis._grating_stream import Components, Units, check_steps, plan_units, stream_components
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics import permutation, tuning
from neurodyn.schema import NEUROID
from neurodyn.stimuli._physical import contrasts, spatial_cpp, temporal_cpf
from neurodyn.stimuli.gratings import product

if TYPE_CHECKING:
    import torch

    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["grating_tuning"]

WHERE = "grating_tuning"
RESPONSES = ("auto", "f0", "f1")
GRID = ("direction", "spatial_frequency", "temporal_frequency")
F1_F0_CAP = 1000.0


def grating_tuning(
    model: DynamicalModel,
    layer: str | Sequence[str],
    *,
    spatial_frequency_cpp: Sequence[float] | np.ndarray | None = None,
    temporal_frequency_hz: Sequence[float] | np.ndarray | None = None,
    orientation_deg: Sequence[float] | np.ndarray = (0.0, 45.0, 90.0, 135.0),
    temporal_frequency_cpf: Sequence[float] | np.ndarray | None = None,
    spatial_frequency_cpd: Sequence[float] | np.ndarray | None = None,
    pixels_per_degree: float | None = None,
    contrast_percent: float = 100.0,
    n_steps: int = 40,
    n_skip: int = 10,
    response: str = "auto",
    units: str | Sequence[int] | np.ndarray = "all",
    n_repeats: int = 1,
    n_permutations: int = 500,
    alpha: float = 0.05,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int | None = None,
) -> xr.Dataset:
    """Show drifting gratings over a grid of directions, spatial and temporal frequencies and measure every unit of a layer.

    Only the mean and the first harmonic of each response are kept, while the model runs: memory does not grow with the
    number of frames.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode; one that sees one image a frame.
    layer : str or sequence of str
        Several layers are measured in one run.
    spatial_frequency_cpp : sequence of float, cycles per pixel
        Or `spatial_frequency_cpd` with `pixels_per_degree`.  Eight from 1/24 to 0.45 when neither is given.
    temporal_frequency_hz : sequence of float, Hz
        Through the model's ``dt_ms``; or `temporal_frequency_cpf`, cycles per step.  Five whole numbers of cycles in the
        steps analysed when neither is given.
    orientation_deg : sequence of float, degrees
        Of the bars (0 horizontal, counter-clockwise), evenly spaced over 180; each drifts in both directions, at
        orientation + 90 and + 270 (0 to the right, 90 up).
    contrast_percent : float, per cent
    n_steps, n_skip : int, steps
        Shown, and left out at the beginning while activity settles.
    response : {"auto", "f0", "f1"}
        What counts as the response: mean less the response to grey, first harmonic, or the larger of the two for each unit.
    units : {"all", "center"} or sequence of int
        Every unit, the central position of each channel, or flat indices.
    n_repeats, n_permutations, alpha : int, int, float
        With noise (`seed` given) and repeats, a permutation test of the condition labels flags tuned units.
    batch_size : int
    device : str, optional
    seed : int, optional
        Turns the model's noise on and seeds the permutations.

    Returns
    -------
    Dataset
        =====================================  ===========================================  =======  ==================================
        variable                               dims                                         units    meaning
        =====================================  ===========================================  =======  ==================================
        tuning                                 neuroid, direction, spatial_frequency,       1        response, mean of repeats
                                               temporal_frequency
        preferred_spatial_frequency_cpp        neuroid                                      cycles   peak of the fit; `_low_cut`,
                                                                                            /pixel   `_high_cut`: half height (0, inf
                                                                                                     where open); `_bandwidth_octaves`,
                                                                                                     `_at_edge`, `_r2`
        preferred_temporal_frequency_hz        neuroid                                      Hz       likewise (`_cpf` without dt_ms)
        preferred_direction_deg                neuroid                                      degrees  of the fit; orientation = direction - 90
        preferred_orientation_deg              neuroid                                      degrees
        direction_half_width_deg               neuroid                                      degrees  at half height; direction_r2
        osi, dsi, circular_variance            neuroid                                      1        see numerics.tuning
        separability, speed_slope              neuroid                                      1        of the spatial x temporal surface
        preferred_speed_px_s                   neuroid                                      pixel/s  temporal / spatial frequency
                                                                                                     (`preferred_speed_px_step`)
        f1_f0                                  neuroid                                      1        at the best grating; at most 1000
        is_f1                                  neuroid                                               whether `response` is the harmonic
        peak, baseline                         neuroid                                      1        best response; response to grey
        latency_ms                             neuroid                                      ms       half-height of the onset deviation
                                                                                                     from grey (`latency_steps`)
        p_value, tuned                         neuroid                                               with repeats and noise
        silent_neuroid_id, silent_reason       silent_neuroid                                        units without a response, left out
        =====================================  ===========================================  =======  ==================================

    Raises
    ------
    ConfigError
        Frequencies at or above Nyquist, a movie shorter than a cycle, Hz for a model whose dt_ms is None.
    ModelError
        A model that does not see images, or activity that is not finite.

    Notes
    -----
    A direction between two measured ones lowers the apparent spatial preference of a unit that is a Gaussian in the plane of
    frequencies by the cosine of the offset; the fit over three neighbouring directions undoes this.

    Examples
    --------
    >>> from neurodyn.testing.units import gabor_energy_bank
    >>> bank = gabor_energy_bank([0.1], [10.0], [45.0])
    >>> ds = grating_tuning(bank, "energy", spatial_frequency_cpp=[0.05, 0.075, 0.1, 0.15], temporal_frequency_hz=[5, 10, 20], n_steps=50)
    >>> round(float(ds.preferred_direction_deg), 1), round(float(ds.preferred_spatial_frequency_cpp), 2)
    (45.0, 0.1)
    """
    if response not in RESPONSES:
        raise unknown_name(WHERE, "response", response, RESPONSES)
    if n_repeats < 1 or (n_repeats > 1 and seed is None):
        raise ConfigError(
            WHERE, f"`n_repeats` is {n_repeats} but `seed` is {seed}", expected="a seed where there is noise to repeat", fix="n_repeats=4, seed=0"
        )
    if spatial_frequency_cpp is None and spatial_frequency_cpd is None:
        spatial_frequency_cpp = np.geomspace(1 / 24, 0.45, 8)
    sf = spatial_cpp(WHERE, spatial_frequency_cpp, spatial_frequency_cpd, pixels_per_degree)
    if temporal_frequency_hz is None and temporal_frequency_cpf is None:
        temporal_frequency_cpf = default_frequencies(n_steps - n_skip)
    tf = temporal_cpf(WHERE, temporal_frequency_cpf, temporal_frequency_hz, model.dt_ms)
    check_steps(WHERE, tf, n_steps, n_skip)
    contrasts(WHERE, contrast_percent)
    orientation = np.asarray(orientation_deg, float)
    direction = np.sort(np.mod(np.concatenate([orientation + 90, orientation + 270]), 360))
    plan = plan_units(model, layer, units)
    table = product(
        direction_deg=direction, spatial_frequency_cpp=sf, temporal_frequency_cpf=tf, contrast_percent=contrast_percent, repeat=np.arange(n_repeats)
    )
    repeat = table.pop("repeat").astype(int)
    condition = np.arange(len(repeat)) // n_repeats
    n_blank = n_repeats
    shown = {k: np.concatenate([v, np.repeat(v[:1], n_blank)]) for k, v in table.items()}
    shown["contrast_percent"][-n_blank:] = 0.0
    keys = [f"grating-{c}#{r}" for c, r in zip(condition, repeat, strict=True)] + [f"grey#{r}" for r in range(n_blank)]
    parts = stream_components(model, plan, shown, where=WHERE, n_steps=n_steps, n_skip=n_skip, keys=keys, batch_size=batch_size, device=device, seed=seed)
    grid = {"direction": direction, "spatial_frequency": sf, "temporal_frequency": tf}
    return _describe(parts, plan, grid, condition, n_blank, model.dt_ms, response, (n_permutations, alpha, seed))


def default_frequencies(n_analysed: int) -> np.ndarray:
    """Five temporal frequencies from one cycle up to a third of a cycle a step, each a whole number of cycles."""
    cycles = np.unique(np.rint(np.geomspace(1, max(n_analysed / 3, 5), 5)))
    return cycles / n_analysed


def _describe(
    parts: Components,
    plan: Units,
    grid: dict[str, np.ndarray],
    condition: np.ndarray,
    n_blank: int,
    dt_ms: float | None,
    response: str,
    test: tuple[int, float, int | None],
) -> xr.Dataset:
    coords = plan.coords()
    ids = coords.pop("neuroid_id")
    baseline = parts.f0[-n_blank:].mean(0)
    n_permutations, alpha, seed = test
    f0, f1 = parts.f0[:-n_blank], np.abs(parts.f1[:-n_blank])
    f0 -= baseline
    reason = _silent(f0, f1, baseline)
    live = reason == ""
    f0, f1, baseline = f0[:, live], f1[:, live], baseline[live]
    is_f1 = f1.mean(0) > np.abs(f0).mean(0) if response == "auto" else np.full(live.sum(), response == "f1")
    trials = np.where(is_f1, f1, f0)
    n_repeats = len(trials) // (condition[-1] + 1)

    def average(x: np.ndarray) -> np.ndarray:
        return x.reshape(-1, n_repeats, x.shape[1]).mean(1).T

    surface = average(trials).reshape(-1, *(len(v) for v in grid.values()))
    variables = _indices(surface, grid, dt_ms, exact=seed is None)
    best = average(trials).argmax(1)
    rows = np.arange(len(best))
    at_best = average(f0)[rows, best], average(f1)[rows, best]
    variables["f1_f0"] = (at_best[1] / np.maximum(np.abs(at_best[0]), at_best[1] / F1_F0_CAP + np.finfo(np.float32).tiny), "1")
    variables["is_f1"] = (is_f1, "1")
    variables["baseline"] = (baseline, "1")
    late = tuning.latency(parts.deviation[live]) if live.any() else np.zeros(0)
    variables["latency_ms" if dt_ms is not None else "latency_steps"] = (late * (dt_ms or 1.0), "ms" if dt_ms is not None else "step")
    if n_repeats > 1 and seed is not None:
        stratum = condition % len(grid["temporal_frequency"])  # noise differs between temporal frequencies: labels stay within one
        p = permutation.condition_test(trials, condition, stratum=stratum, n_permutations=n_permutations, seed=seed)
        variables["p_value"], variables["tuned"] = (p, "1"), (p <= alpha, "1")
    return _label(surface, variables, grid, ids, coords, live, reason, dt_ms, n_repeats)


def _silent(f0: np.ndarray, f1: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Why a unit is left out: ``silent`` (no activity at all), ``constant`` (activity that no grating changes), or nothing."""
    change = np.maximum(np.abs(f0).max(0), f1.max(0))
    scale = max(float(change.max()), 1e-30)
    floor = 1e-5 * np.maximum(np.abs(baseline), 1e-3 * scale)
    reason = np.where(change > floor, "", np.where(np.abs(baseline) > 1e-8 * scale, "constant", "silent"))
    return reason if scale > 1e-30 else np.where(np.abs(baseline) > 0, "constant", "silent")


def _indices(surface: np.ndarray, grid: dict[str, np.ndarray], dt_ms: float | None, exact: bool) -> dict[str, tuple[Any, str]]:
    direction, sf, tf = grid.values()
    rows = np.arange(len(surface))
    best = surface.reshape(len(surface), -1).argmax(1) if len(surface) else np.zeros(0, int)
    i, j, k = np.unravel_index(best, surface.shape[1:])
    out: dict[str, tuple[Any, str]] = {"peak": (surface.reshape(len(surface), -1).max(1) if len(surface) else np.zeros(0), "1")}
    if exact:
        turn, sweep_sf, sweep_tf = surface[rows, :, j, k], surface[rows, :, :, k], surface[rows, i, j]
    else:  # noise: average over the strong responses to the other variables
        by_sf, by_tf = _strong(surface[rows, i, :, k]), _strong(surface[rows, i, j])
        turn = np.einsum("udst,us,ut->ud", surface, by_sf, by_tf)
        sweep_sf, sweep_tf = np.einsum("udst,ut->uds", surface, by_tf), np.einsum("ust,us->ut", surface[rows, i], by_sf)
    fit = tuning.fit_direction(turn, direction)
    out["preferred_direction_deg"] = (fit.preferred_direction_deg, "degree")
    out["preferred_orientation_deg"] = (fit.preferred_orientation_deg, "degree")
    out["direction_half_width_deg"] = (fit.half_width_deg, "degree")
    out["osi"], out["dsi"], out["direction_r2"] = (fit.osi, "1"), (fit.dsi, "1"), (fit.r2, "1")
    out["circular_variance"] = (tuning.circular_variance(turn, direction), "1")
    if len(sf) >= 3:
        near = np.stack([(i + d) % len(direction) for d in (-1, 0, 1)], axis=1)
        curves = sweep_sf[rows[:, None], near]
        tilt = np.mod(direction[near] - fit.preferred_direction_deg[:, None] + 180, 360) - 180
        _add_frequency(out, "spatial_frequency_cpp", tuning.fit_frequency(curves, sf, tilt_deg=tilt, exact=exact), 1.0, "cycle/pixel")
    if len(tf) >= 3:
        name, scale, unit = ("temporal_frequency_cpf", 1.0, "cycle/step") if dt_ms is None else ("temporal_frequency_hz", 1000.0 / dt_ms, "Hz")
        _add_frequency(out, name, tuning.fit_frequency(sweep_tf, tf, exact=exact), scale, unit)
        if len(sf) >= 3:
            speed = out[f"preferred_{name}"][0] / out["preferred_spatial_frequency_cpp"][0]
            out["preferred_speed_px_step" if dt_ms is None else "preferred_speed_px_s"] = (speed, "pixel/step" if dt_ms is None else "pixel/s")
    plane = surface[rows, i]
    out["separability"] = (tuning.separability(plane), "1")
    out["speed_slope"] = (tuning.speed_slope(plane, sf, tf), "1")
    return out


def _strong(curve: np.ndarray) -> np.ndarray:
    """Weights of the responses above 0.3 of each curve's peak, summing to 1."""
    peak = curve.max(1, keepdims=True)
    weight = np.where((curve >= 0.3 * peak) & (peak > 0), curve, 0.0)
    total = weight.sum(1, keepdims=True)
    return np.where(total > 0, weight / np.where(total > 0, total, 1), 1 / curve.shape[1])


def _add_frequency(out: dict[str, tuple[Any, str]], name: str, fit: tuning.FrequencyFit, scale: float, unit: str) -> None:
    stem, suffix = name.rsplit("_", 1)
    out[f"preferred_{name}"] = (fit.preferred * scale, unit)
    out[f"{stem}_low_cut_{suffix}"] = (fit.low_cut * scale, unit)
    out[f"{stem}_high_cut_{suffix}"] = (fit.high_cut * scale, unit)
    out[f"{stem}_bandwidth_octaves"] = (fit.bandwidth_octaves, "octave")
    out[f"{stem}_at_edge"] = (fit.at_edge, "1")
    out[f"{stem}_r2"] = (fit.r2, "1")


def _label(
    surface: np.ndarray,
    variables: dict[str, tuple[Any, str]],
    grid: dict[str, np.ndarray],
    ids: np.ndarray,
    coords: dict[str, np.ndarray],
    live: np.ndarray,
    reason: np.ndarray,
    dt_ms: float | None,
    n_repeats: int,
) -> xr.Dataset:
    temporal = (grid["temporal_frequency"], "cycle/step") if dt_ms is None else (grid["temporal_frequency"] * 1000 / dt_ms, "Hz")
    data: dict[str, Any] = {name: (NEUROID, values, {"units": unit}) for name, (values, unit) in variables.items()}
    data["tuning"] = ((NEUROID, *GRID), surface.astype(np.float32), {"units": "1"})
    data["silent_reason"] = ("silent_neuroid", reason[~live].astype(str))
    return xr.Dataset(
        data,
        coords={
            "neuroid_id": (NEUROID, ids[live]),
            **{k: (NEUROID, v[live]) for k, v in coords.items()},
            "silent_neuroid_id": ("silent_neuroid", ids[~live]),
            "direction_deg": ("direction", grid["direction"], {"units": "degree"}),
            "spatial_frequency_cpp": ("spatial_frequency", grid["spatial_frequency"], {"units": "cycle/pixel"}),
            ("temporal_frequency_cpf" if dt_ms is None else "temporal_frequency_hz"): ("temporal_frequency", temporal[0], {"units": temporal[1]}),
        },
        attrs={"n_repeats": n_repeats, "n_silent": int((~live).sum())},
    )
