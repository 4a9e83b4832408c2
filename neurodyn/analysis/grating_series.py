"""Contrast, size and phase series at each unit's preferred grating, and the time course there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.analysis._grating_stream import Units, check_steps, image_shape, plan_units
from neurodyn.dynamics.image_view import image_view
from neurodyn.dynamics.schedule import Timeline
from neurodyn.dynamics.simulate import model_device, unroll
from neurodyn.errors import ConfigError, SchemaError, first_of
from neurodyn.numerics import tuning
from neurodyn.schema import NEUROID
from neurodyn.stimuli._physical import contrasts
from neurodyn.stimuli.gratings import GratingMovie

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["grating_series"]

WHERE = "grating_series"


def grating_series(
    model: DynamicalModel,
    layer: str,
    preferred: xr.Dataset,
    *,
    contrast_percent: Sequence[float] = (0.0, 3.0, 6.0, 12.0, 25.0, 50.0, 75.0, 100.0),
    radius_px: Sequence[float] = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0),
    phase_deg: Sequence[float] = (0.0, 90.0, 180.0, 270.0),
    n_steps: int = 40,
    n_skip: int = 10,
    batch_size: int = 64,
) -> xr.Dataset:
    """Show each unit its own preferred grating at several contrasts, sizes and starting phases.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode; one whose frame is, or holds, one image.
    layer : str
    preferred : Dataset
        Of :func:`neurodyn.analysis.grating_tuning` on the central units (``units="center"``) or others of this layer: their
        preferred direction, spatial and temporal frequency are used.  Sizes are only measured for units whose position is the
        centre of the image.
    contrast_percent : sequence of float, per cent
        Full field; at least four, ascending.
    radius_px : sequence of float, pixels
        Disks at full contrast, ascending; the full field is appended.
    phase_deg : sequence of float
        Starting phases; contrasts and sizes are averaged over them.
    n_steps, n_skip : int, steps
    batch_size : int

    Returns
    -------
    Dataset
        =====================  ====================  =======  ==============================================================
        variable               dims                  units    meaning
        =====================  ====================  =======  ==============================================================
        contrast_response      neuroid, contrast     1        mean over phases, less that to grey
        phase_response         neuroid, phase        1        at full contrast
        size_response          neuroid, radius       1        0 for units that are not centred
        r_max, c50_percent,    neuroid               1, %     Naka-Rushton fit of the contrast response; contrast_r2
        exponent, offset
        suppression_index      neuroid               1        1 - full field / best size; 0 for units that are not centred
        preferred_radius_px    neuroid               pixel    infinite where the full field is best
        is_centred             neuroid                        whether the unit stands in the middle of the layer
        course                 neuroid, time_bin     1        response to the preferred grating less that to grey, mean of phases
        latency_ms             neuroid               ms       half height of the course (`latency_steps` without dt_ms)
        transience             neuroid               1        1 - last quarter / peak
        =====================  ====================  =======  ==============================================================

    Raises
    ------
    SchemaError
        A `preferred` of another layer, or without preferred values.
    ConfigError
        Contrasts outside 0..100 or fewer than four, a movie shorter than a cycle.

    Examples
    --------
    >>> from neurodyn.analysis import grating_tuning
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> model = ConvNetwork()
    >>> best = grating_tuning(model, "V1", spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_hz=[10, 20, 30], units="center")
    >>> grating_series(model, "V1", best).contrast_response.dims
    ('neuroid', 'contrast')
    """
    model = image_view(model)
    shape = image_shape(WHERE, model)
    contrast = 100 * contrasts(WHERE, np.asarray(contrast_percent, float))
    if len(contrast) < 4 or (np.diff(contrast) <= 0).any() or contrast[-1] <= 0:
        raise ConfigError(WHERE, f"`contrast_percent` is {contrast.tolist()}", expected="at least four, ascending")
    radius = np.append(np.sort(np.asarray(radius_px, float)), np.inf)
    phase = np.asarray(phase_deg, float)
    spatial, temporal, direction, plan = _preferences(model, layer, preferred)
    check_steps(WHERE, temporal, n_steps, n_skip)
    settings = [(c, np.inf) for c in contrast] + [(contrast[-1], r) for r in radius[:-1]]
    n_units, n_per = len(spatial), len(settings) * len(phase)
    unit = np.repeat(np.arange(n_units), n_per)
    table = {
        "direction_deg": direction[unit],
        "spatial_frequency_cpp": spatial[unit],
        "temporal_frequency_cpf": temporal[unit],
        "contrast_percent": np.tile(np.repeat([s[0] for s in settings], len(phase)), n_units),
        "radius_px": np.tile(np.repeat([s[1] for s in settings], len(phase)), n_units),
        "phase_deg": np.tile(np.tile(phase, len(settings)), n_units),
    }
    mean, course = _responses(model, plan, table, unit, shape, n_steps, n_skip, batch_size)
    mean = mean.reshape(n_units, len(settings), len(phase))
    full = len(contrast) - 1
    course = course.reshape(n_units, len(settings), len(phase), n_steps)[:, full].mean(1)
    return _label(mean, course, plan, model, contrast, radius, phase)


def _preferences(model: DynamicalModel, layer: str, preferred: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray, Units]:
    timed = model.dt_ms is not None
    names = ("preferred_spatial_frequency_cpp", "preferred_temporal_frequency_hz" if timed else "preferred_temporal_frequency_cpf", "preferred_direction_deg")
    missing = [n for n in names if n not in preferred]
    if missing:
        raise SchemaError(WHERE, f"`preferred` has no {', '.join(missing)}", expected="what grating_tuning returns for at least three of each frequency")
    every = plan_units(model, layer, "all")
    ids = every.coords()["neuroid_id"]
    here = preferred.isel({NEUROID: np.asarray(preferred["layer"].values == layer)})
    known = {str(k): i for i, k in enumerate(ids)}
    lost = [str(k) for k in here["neuroid_id"].values if str(k) not in known]
    if lost or not here.sizes[NEUROID]:
        raise SchemaError(WHERE, f"`preferred` holds {len(lost)} units that layer `{layer}` has not ({first_of(lost)})", expected=f"units of `{layer}`")
    index = np.array([known[str(k)] for k in here["neuroid_id"].values])
    scale = float(model.dt_ms) / 1000 if model.dt_ms is not None else 1.0
    return here[names[0]].values, here[names[1]].values * scale, here[names[2]].values, plan_units(model, layer, index)


def _responses(
    model: DynamicalModel, plan: Units, table: dict[str, np.ndarray], unit: np.ndarray, shape: tuple[int, int, int], n_steps: int, n_skip: int, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and course of each row's own unit, less the course to grey."""
    import torch

    device = model_device(model)
    timeline = Timeline(np.arange(n_steps), np.arange(n_steps), model.dt_ms)
    still = Timeline(timeline.step, np.zeros(n_steps, int), model.dt_ms)
    course = np.empty((len(unit), n_steps))
    with torch.no_grad():
        grey = torch.full((1, *shape), 0.5, device=device)
        blank = torch.stack([plan.read(model, s, d)[0] for _, s, d in unroll(model, grey, still)]).cpu().numpy()
        for start in range(0, len(unit), batch_size):
            rows = slice(start, min(start + batch_size, len(unit)))
            movie = GratingMovie({k: v[rows] for k, v in table.items()}, shape[1:], n_frames=n_steps, n_channels=shape[0], device=device)
            own = torch.as_tensor(unit[rows], device=device)[:, None]
            for k, state, drive in unroll(model, movie, timeline, movie=True):  # type: ignore[arg-type]
                course[rows, k] = plan.read(model, state, drive).gather(1, own)[:, 0].cpu().numpy()
    course -= blank.T[unit]
    return course[:, n_skip:].mean(1), course


def _label(mean: np.ndarray, course: np.ndarray, plan: Units, model: DynamicalModel, contrast: np.ndarray, radius: np.ndarray, phase: np.ndarray) -> xr.Dataset:
    n_contrasts = len(contrast)
    by_contrast, by_phase = mean[:, :n_contrasts].mean(2), mean[:, n_contrasts - 1]
    sizes = np.concatenate([mean[:, n_contrasts:].mean(2), by_contrast[:, -1:]], axis=1)
    coords = plan.coords()
    shape = plan.plans[0].shape
    centred = (coords["row"] == shape[-2] // 2) & (coords["column"] == shape[-1] // 2) if len(shape) == 3 else np.ones(len(sizes), bool)
    sizes = np.where(centred[:, None], sizes, 0.0)
    fit = tuning.naka_rushton(by_contrast, contrast)
    timed = model.dt_ms is not None
    late = tuning.latency(course) * (float(model.dt_ms) if model.dt_ms is not None else 1.0)
    one = {"units": "1"}
    data: dict[str, Any] = {
        "contrast_response": ((NEUROID, "contrast"), by_contrast, one),
        "phase_response": ((NEUROID, "phase"), by_phase, one),
        "size_response": ((NEUROID, "radius"), sizes, one),
        "r_max": (NEUROID, fit["r_max"], one),
        "c50_percent": (NEUROID, fit["c50_percent"], {"units": "%"}),
        "exponent": (NEUROID, fit["exponent"], one),
        "offset": (NEUROID, fit["baseline"], one),
        "contrast_r2": (NEUROID, fit["r2"], one),
        "suppression_index": (NEUROID, tuning.suppression_index(sizes), one),
        "preferred_radius_px": (NEUROID, np.where(centred, radius[sizes.argmax(1)], np.inf), {"units": "pixel"}),
        "is_centred": (NEUROID, centred),
        "course": ((NEUROID, "time_bin"), course, one),
        "latency_ms" if timed else "latency_steps": (NEUROID, late, {"units": "ms" if timed else "step"}),
        "transience": (NEUROID, tuning.transience(course), one),
    }
    return xr.Dataset(
        data,
        coords={
            **{k: (NEUROID, v) for k, v in coords.items()},
            "contrast_percent": ("contrast", contrast, {"units": "%"}),
            "radius_px": ("radius", radius, {"units": "pixel"}),
            "phase_deg": ("phase", phase, {"units": "degree"}),
            "step": ("time_bin", np.arange(course.shape[1]), {"units": "step"}),
        },
    )
