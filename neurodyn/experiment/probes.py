"""The measurements that fit a model: what ``probes:`` on a card may name, each runnable on any model at a small size.

A probe says whether an analysis can look at a model at all, and what a first look finds.  It uses random frames in place of the
model's own images, few modes and few steps; for real inputs write an experiment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.errors import unknown_name
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["PROBES", "probe", "random_stimuli"]


def probe(model: DynamicalModel, name: str, *, seed: int, n_stimuli: int = 4) -> xr.Dataset:
    """Take one first look at a model.

    Parameters
    ----------
    model : DynamicalModel
    name : str
        A key of :data:`PROBES`.
    seed : int
        Of the frames and of the analysis.
    n_stimuli : int

    Returns
    -------
    Dataset
        What the analysis of that name returns.

    Raises
    ------
    ConfigError
        If the name is unknown; the nearest is offered.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> probe(linear_network([0.9, 0.5]), "eigenspectrum", seed=0).eigenvalue.real.values[0].round(6).tolist()
    [0.9, 0.5]
    """
    if name not in PROBES:
        raise unknown_name("probe", "probe", name, PROBES)
    return PROBES[name](model, random_stimuli(model, n_stimuli, seed=seed), seed)


def random_stimuli(model: DynamicalModel, n: int, *, seed: int) -> xr.DataArray | xr.Dataset:
    """Random frames of the model's own size in [0, 1], (presentation, ...): a Dataset where its frame is a dict."""
    from neurodyn.schema import make_stimuli

    random = numpy_generator(seed, "probe")
    blank = model.blank
    if not isinstance(blank, dict):
        return make_stimuli(random.random((n, *blank.shape)))
    variables: dict[str, Any] = {}
    for key, value in blank.items():
        dims = ("presentation", *(f"{key}_{k}" for k in range(value.dim())))
        variables[key] = (dims, random.random((n, *value.shape)).astype(np.float32))
    return xr.Dataset(variables, coords={"stimulus_id": ("presentation", [f"random-{k}" for k in range(n)])})


def _responses(model: DynamicalModel, stimuli: Any, layers: tuple[str, ...] | None = None) -> xr.DataArray:
    from neurodyn.dynamics.record import Record
    from neurodyn.dynamics.simulate import simulate

    return simulate(model, stimuli, record=Record(layers=layers or model.layers[-1:], space="center"), progress=False)


def _eigenspectrum(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import eigenspectrum
    from neurodyn.dynamics.simulate import state_at

    state, drive = state_at(model, stimuli.isel(presentation=slice(0, 1)))
    last = model.phase[-1]
    return eigenspectrum(model, state, drive, layer=last, n_modes=min(4, state[last][0].numel()), tol=1e-4, seed=seed)


def _fixed_points(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import fixed_points
    from neurodyn.dynamics.simulate import state_at

    state, drive = state_at(model, stimuli.isel(presentation=slice(0, 1)))
    return fixed_points(model, state, drive, layers=model.phase[-1], n_modes=1, max_iterations=20, slow_speed=10.0, seed=seed)


def _lyapunov_exponents(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import lyapunov_exponents
    from neurodyn.dynamics.simulate import state_at

    state, drive = state_at(model, stimuli.isel(presentation=slice(0, 1)))
    return lyapunov_exponents(model, state, drive, layers=model.phase[-1], n_exponents=1, n_steps=5, double=False, seed=seed)


def _trajectories(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import trajectories

    return trajectories(_responses(model, stimuli), n_components=2)


def _representational_geometry(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import representational_geometry

    return representational_geometry(_responses(model, stimuli), dissimilarity="euclidean")


def _predictivity(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import predictivity
    from neurodyn.schema import make_recordings

    responses = _responses(model, random_stimuli(model, 24, seed=seed)).isel(time_bin=[-1])
    noise = numpy_generator(seed, "recordings").standard_normal((24, 3))
    source = responses.values[:, :, 0]
    scale = source.std() or 1.0
    mixed = source @ numpy_generator(seed, "weights").standard_normal((source.shape[1], 3)) / scale + 0.1 * noise
    recordings = make_recordings(mixed, stimulus_id=responses.stimulus_id.values, neuroid_id=["a", "b", "c"], time_bins_ms=[(0, 100)], units="1")
    return predictivity(responses, recordings, folds=3, n_resamples=50, seed=seed)


def _grating_tuning(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import grating_tuning

    time: dict[str, Any] = {"temporal_frequency_cpf": [0.125]} if model.dt_ms is None else {"temporal_frequency_hz": [1000 / model.dt_ms / 8]}
    small: dict[str, Any] = {"spatial_frequency_cpp": [0.125, 0.25], "orientation_deg": [0.0, 90.0], "n_steps": 16, "n_skip": 8, "n_permutations": 50}
    return grating_tuning(model, model.layers[0], **small, **time, seed=seed)


def _robustness(model: DynamicalModel, stimuli: Any, seed: int) -> xr.Dataset:
    from neurodyn.analysis import robustness

    labels = [0] * stimuli.sizes["presentation"]
    return robustness(model, stimuli, labels, budgets=(2 / 255,), attack="fgsm", seed=seed)


PROBES: dict[str, Callable[[Any, Any, int], xr.Dataset]] = {
    "eigenspectrum": _eigenspectrum,
    "fixed_points": _fixed_points,
    "grating_tuning": _grating_tuning,
    "lyapunov_exponents": _lyapunov_exponents,
    "predictivity": _predictivity,
    "representational_geometry": _representational_geometry,
    "robustness": _robustness,
    "trajectories": _trajectories,
}
