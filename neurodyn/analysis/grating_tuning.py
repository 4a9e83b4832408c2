"""Tuning of every unit of a layer to drifting gratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.analysis._grating_indices import Grid, describe_units, response_halves
from neurodyn.analysis._grating_stream import Components, Units, check_steps, plan_units, stream_components
from neurodyn.dynamics.image_view import image_view
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
_BLOCK = 4096


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
        In eval mode; one whose frame is, or holds, one image.
    layer : str or sequence of str
        Several layers are measured in one run; ``"maps"``: every layer whose units have positions.
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
        osi, dsi, circular_variance            neuroid                                      1        see numerics.tuning; with noise OSI and
                                                                                                     DSI are cross-validated (below)
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
    frequencies by the cosine of the offset; the fit to direction and spatial frequency together undoes this.  For other units the
    preference in the two measured directions next to the preferred one, as a + b cos(offset), is read off at an offset of 0.

    Without noise, curves are cut through the best grating.  With noise all gratings count, and OSI and DSI are read in one half of the
    trials at the direction found in the other (halves of the repeats; of the frequencies where there are none), so that untuned units
    get 0 on average and single values can be negative; ``osi_dsi`` in the attributes says which.

    Examples
    --------
    >>> from neurodyn.testing.units import gabor_energy_bank
    >>> bank = gabor_energy_bank([0.1], [10.0], [45.0])
    >>> ds = grating_tuning(bank, "energy", spatial_frequency_cpp=[0.05, 0.075, 0.1, 0.15], temporal_frequency_hz=[5, 10, 20], n_steps=50)
    >>> round(float(ds.preferred_direction_deg), 1), round(float(ds.preferred_spatial_frequency_cpp), 2)
    (45.0, 0.1)
    """
    model = image_view(model)
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
    return _describe(parts, plan, Grid(direction, sf, tf, model.dt_ms), condition, n_blank, response, (n_permutations, alpha, seed))


def default_frequencies(n_analysed: int) -> np.ndarray:
    """Five temporal frequencies from one cycle up to a third of a cycle a step, each a whole number of cycles."""
    cycles = np.unique(np.rint(np.geomspace(1, max(n_analysed / 3, 5), 5)))
    return cycles / n_analysed


def _describe(
    parts: Components, plan: Units, grid: Grid, condition: np.ndarray, n_blank: int, response: str, test: tuple[int, float, int | None]
) -> xr.Dataset:
    coords = plan.coords()
    ids = coords.pop("neuroid_id")
    baseline = parts.f0[-n_blank:].mean(0)
    n_permutations, alpha, seed = test
    f0, f1 = parts.f0[:-n_blank], parts.f1[:-n_blank]
    f0 -= baseline
    reason = _silent(f0, f1, baseline)
    live = reason == ""
    if not live.all():
        f0, f1, baseline = f0[:, live], f1[:, live], baseline[live]
    is_f1 = f1.mean(0) > np.abs(f0).mean(0) if response == "auto" else np.full(live.sum(), response == "f1")
    n_repeats = len(f0) // (condition[-1] + 1)
    surface = np.empty((len(is_f1), *grid.shape), np.float32)
    stratum = condition % grid.shape[2]  # noise differs between temporal frequencies: labels stay within one
    blocks: list[dict[str, tuple[Any, str]]] = []
    for start in range(0, max(len(is_f1), 1), _BLOCK):
        units = slice(start, min(start + _BLOCK, len(is_f1)))
        trials = np.where(is_f1[units], f1[:, units], f0[:, units])
        mean = trials if n_repeats == 1 else trials.reshape(-1, n_repeats, trials.shape[1]).mean(1)
        surface[units] = mean.T.reshape(-1, *grid.shape)
        halves = response_halves(trials, n_repeats, grid) if seed is not None else None
        found = describe_units(surface[units], grid, noise_variance=0.0 if seed is None else _noise(trials, n_repeats), halves=halves)
        found["f1_f0"] = (_f1_f0(f0[:, units], f1[:, units], mean.argmax(0), n_repeats), "1")
        if n_repeats > 1 and seed is not None:
            p = permutation.condition_test(trials, condition, stratum=stratum, n_permutations=n_permutations, seed=seed)
            found["p_value"], found["tuned"] = (p, "1"), (p <= alpha, "1")
        blocks.append(found)
    variables: dict[str, tuple[Any, str]] = {name: (np.concatenate([b[name][0] for b in blocks]), unit) for name, (_, unit) in blocks[0].items()}
    variables["is_f1"], variables["baseline"] = (is_f1, "1"), (baseline, "1")
    late = tuning.latency(parts.deviation[live]) if live.any() else np.zeros(0)
    timed = grid.dt_ms is not None
    variables["latency_ms" if timed else "latency_steps"] = (late * (grid.dt_ms or 1.0), "ms" if timed else "step")
    return _label(surface, variables, grid, ids, coords, live, reason, n_repeats, crossed=halves is not None)


def _noise(trials: np.ndarray, n_repeats: int) -> np.ndarray | None:
    """Variance of each unit's mean response to a grating, from the repeats; unknown where there are none."""
    if n_repeats < 2:
        return None
    return trials.reshape(-1, n_repeats, trials.shape[1]).var(axis=1, ddof=1).mean(0, dtype=float) / n_repeats


def _f1_f0(f0: np.ndarray, f1: np.ndarray, best: np.ndarray, n_repeats: int) -> np.ndarray:
    """At each unit's best grating."""
    rows = best * n_repeats + np.arange(n_repeats)[:, None]
    mean, swing = (x[rows, np.arange(len(best))].mean(0) for x in (f0, f1))
    return swing / np.maximum(np.abs(mean), swing / F1_F0_CAP + np.finfo(np.float32).tiny)


def _silent(f0: np.ndarray, f1: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """Why a unit is left out: ``silent`` (no activity at all), ``constant`` (activity that no grating changes), or nothing."""
    change = np.maximum(np.abs(f0).max(0), f1.max(0))
    scale = max(float(change.max()), 1e-30)
    floor = 1e-5 * np.maximum(np.abs(baseline), 1e-3 * scale)
    reason = np.where(change > floor, "", np.where(np.abs(baseline) > 1e-8 * scale, "constant", "silent"))
    return reason if scale > 1e-30 else np.where(np.abs(baseline) > 0, "constant", "silent")


def _label(
    surface: np.ndarray,
    variables: dict[str, tuple[Any, str]],
    grid: Grid,
    ids: np.ndarray,
    coords: dict[str, np.ndarray],
    live: np.ndarray,
    reason: np.ndarray,
    n_repeats: int,
    *,
    crossed: bool,
) -> xr.Dataset:
    timed = grid.dt_ms is not None
    temporal = grid.temporal_frequency if grid.dt_ms is None else grid.temporal_frequency * 1000 / grid.dt_ms
    data: dict[str, Any] = {name: (NEUROID, values, {"units": unit}) for name, (values, unit) in variables.items()}
    data["tuning"] = ((NEUROID, *GRID), surface, {"units": "1"})
    data["silent_reason"] = ("silent_neuroid", reason[~live].astype(str))
    return xr.Dataset(
        data,
        coords={
            "neuroid_id": (NEUROID, ids[live]),
            **{k: (NEUROID, v[live]) for k, v in coords.items()},
            "silent_neuroid_id": ("silent_neuroid", ids[~live]),
            "direction_deg": ("direction", grid.direction, {"units": "degree"}),
            "spatial_frequency_cpp": ("spatial_frequency", grid.spatial_frequency, {"units": "cycle/pixel"}),
            ("temporal_frequency_hz" if timed else "temporal_frequency_cpf"): ("temporal_frequency", temporal, {"units": "Hz" if timed else "cycle/step"}),
        },
        attrs={"n_repeats": n_repeats, "n_silent": int((~live).sum()), "osi_dsi": "cross-validated" if crossed else "of the fit"},
    )
