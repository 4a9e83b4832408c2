"""Receptive fields in space and time: by spike-triggered averages and covariances, and by gradients."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.analysis._grating_stream import Units, image_shape, plan_units
from neurodyn.dynamics.image_view import image_view
from neurodyn.dynamics.noise import NoiseSource
from neurodyn.dynamics.schedule import Timeline
from neurodyn.dynamics.simulate import model_device, unroll
from neurodyn.errors import ConfigError, ModelError, first_of, unknown_name
from neurodyn.numerics import spacetime
from neurodyn.schema import NEUROID
from neurodyn.stimuli.noise import noise

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["receptive_field"]

WHERE = "receptive_field"
METHODS = ("sta", "stc", "gradient")
MAX_DIMENSIONS = 2048
N_SHUFFLES = 19


def receptive_field(
    model: DynamicalModel,
    layer: str | Sequence[str],
    *,
    method: str = "sta",
    units: str | Sequence[int] | np.ndarray = "center",
    n_lags: int = 8,
    n_presentations: int = 32,
    n_frames: int = 200,
    contrast_percent: float = 30.0,
    window: tuple[int, int, int, int] | None = None,
    n_components: int = 4,
    batch_size: int = 16,
    seed: int,
    noise_seed: int | None = None,
) -> xr.Dataset:
    """Show white noise movies and find, for each unit, the movie that comes before its responses.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode; one whose frame is, or holds, one image.
    layer : str or sequence of str
    method : {"sta", "stc", "gradient"}
        The average of the stimulus weighted by the response; that and the covariance's leading components; or the mean gradient
        of the response to the pixels of the frames before.
    units : {"center", "all"} or sequence of int
        The central position of each channel, every unit, or flat indices.
    n_lags : int, steps
        Lag 0 is the frame shown at the step of the response.
    n_presentations, n_frames : int
        Movies, and frames in each; for the gradient the response is that at the end of movies of `n_lags` frames.
    contrast_percent : float
        Root mean square contrast of the noise.
    window : (first row, last row + 1, first column, last column + 1), optional
        Part of the image that counts; required for ``"stc"`` where the whole has more than 2048 values over all lags.
    n_components : int
        Components of the covariance, largest absolute eigenvalue first.
    batch_size : int
    seed : int
        Of the stimulus.
    noise_seed : int, optional
        Turns the model's noise on.

    Returns
    -------
    Dataset
        =====================  ==========================================  =======  ======================================
        variable               dims                                        units    meaning
        =====================  ==========================================  =======  ======================================
        field                  neuroid, lag, channel_in, row_in,           1        response per unit of luminance
                               column_in
        energy                 (as field)                                  1        gradient only: root mean square over
                                                                                    the movies
        component              neuroid, component, lag, channel_in,        1        stc only: unit vectors
                               row_in, column_in
        eigenvalue             neuroid, component                          1        stc only
        significant            neuroid, component                                   stc only: beyond the range of 19 pairings of
                                                                                    responses with other movies
        separability           neuroid                                     1        share of the best product of a time
                                                                                    course and an image
        slant                  neuroid                                     1        0 none, 1 a single direction
        biphasic_index         neuroid                                     1        opposite lobe / main lobe in time
        peak_lag               neuroid                                     step     of the time course
        centre_row, _column    neuroid                                     pixel    of the field's squared weight
        extent_px              neuroid                                     pixel    its standard deviation
        silent_neuroid_id      silent_neuroid                                       units whose response never changed, left out
        =====================  ==========================================  =======  ======================================

    Raises
    ------
    ConfigError
        Movies shorter than the lags, or an stc of too many dimensions.
    ModelError
        A model that does not see images, or activity that is not finite.

    Notes
    -----
    For Gaussian white noise the average, divided by the noise's variance, is the linear filter of a linear-nonlinear unit up
    to a factor (Chichilnisky 2001); the covariance weighted by the response, with the average projected out, finds the others
    (Schwartz et al. 2006).

    Examples
    --------
    >>> from neurodyn.testing.units import gabor_energy_bank
    >>> bank = gabor_energy_bank([0.2], [10.0], [0.0], image_size=8)
    >>> ds = receptive_field(bank, "simple", units=[0], n_presentations=4, n_frames=100, seed=0)
    >>> ds.field.dims
    ('neuroid', 'lag', 'channel_in', 'row_in', 'column_in')
    """
    if method not in METHODS:
        raise unknown_name(WHERE, "method", method, METHODS)
    model = image_view(model)
    shape = image_shape(WHERE, model)
    if n_lags < 1 or (method != "gradient" and n_frames <= n_lags):
        raise ConfigError(WHERE, f"{n_frames} frames for {n_lags} lags", expected="more frames than lags", fix=f"n_frames={10 * max(n_lags, 1)}")
    area = (0, shape[1], 0, shape[2]) if window is None else tuple(int(v) for v in window)
    n_pixels = shape[0] * (area[1] - area[0]) * (area[3] - area[2])
    if n_pixels < 1 or area[1] > shape[1] or area[3] > shape[2]:
        raise ConfigError(WHERE, f"`window` is {area} in an image of {shape[1]} x {shape[2]}", expected="rows and columns inside the image")
    if method == "stc" and n_pixels * n_lags > MAX_DIMENSIONS:
        side = int(np.sqrt(MAX_DIMENSIONS / n_lags / shape[0]))
        top, left = (shape[1] - side) // 2, (shape[2] - side) // 2
        raise ConfigError(
            WHERE,
            f"a covariance over {n_pixels} pixel values x {n_lags} lags has {n_pixels * n_lags} dimensions",
            expected=f"at most {MAX_DIMENSIONS}",
            fix=f"window=({top}, {top + side}, {left}, {left + side})",
        )
    plan = plan_units(model, layer, units)
    settings = {"n_presentations": n_presentations, "n_frames": n_frames, "contrast_percent": contrast_percent, "batch_size": batch_size}
    if method == "gradient":
        found = _gradient(model, plan, shape, area, n_lags, settings, seed, noise_seed)
    else:
        found = _average(model, plan, shape, area, n_lags, settings, seed, noise_seed, n_components if method == "stc" else 0)
    return _label(found, plan, area, method, n_presentations)


def _movies(shape: tuple[int, int, int], n_frames: int, settings: dict[str, Any], seed: int) -> Iterator[tuple[list[int], np.ndarray]]:
    """Batches of noise movies, (batch, frame, channel, row, column), each presentation from its own stream."""
    n, size = settings["n_presentations"], settings["batch_size"]
    for start in range(0, n, size):
        rows = list(range(start, min(start + size, n)))
        made = [
            noise(shape[1:], n_frames=max(n_frames, 2), n_channels=shape[0], contrast_percent=settings["contrast_percent"], seed=seed * 1_000_003 + i).values[0]
            for i in rows
        ]
        yield rows, np.stack(made)[:, :n_frames]


def _average(
    model: DynamicalModel,
    plan: Units,
    shape: tuple[int, int, int],
    area: tuple[int, ...],
    n_lags: int,
    settings: dict[str, Any],
    seed: int,
    noise_seed: int | None,
    n_components: int,
) -> dict[str, np.ndarray]:
    import torch

    device = model_device(model)
    n_frames = settings["n_frames"]
    timeline = Timeline(np.arange(n_frames), np.arange(n_frames), model.dt_ms)
    n_pixels = shape[0] * (area[1] - area[0]) * (area[3] - area[2])
    n_dims, n_units = n_lags * n_pixels, plan.n_neuroids
    cross, rate_sum, square, shown_sum = np.zeros((n_units, n_dims)), np.zeros(n_units), np.zeros(n_units), np.zeros(n_dims)
    moment = np.zeros((n_units, n_dims, n_dims) if n_components else (0,))
    null = np.zeros((N_SHUFFLES, *moment.shape), np.float32)  # only its range is used
    n_paired = 0
    prior, count, power = np.zeros((n_dims, n_dims) if n_components else (0,)), 0, 0.0
    with torch.no_grad():
        for rows, pixels in _movies(shape, n_frames, settings, seed):
            movie = torch.from_numpy(pixels).to(device)
            source = NoiseSource(noise_seed, [f"noise-{i}" for i in rows]) if noise_seed is not None else None
            shown = (pixels - 0.5)[:, :, :, area[0] : area[1], area[2] : area[3]].reshape(len(rows), n_frames, -1)
            for k, state, drive in unroll(model, movie, timeline, movie=True, noise=source):
                if k < n_lags:
                    continue
                rate = plan.read(model, state, drive).double().cpu().numpy()
                if not np.isfinite(rate).all():
                    raise ModelError(WHERE, f"activity of layer `{plan.name}` is not finite at step {k}", expected="finite activity")
                past = shown[:, k - n_lags + 1 : k + 1][:, ::-1].reshape(len(rows), -1).astype(float)
                cross += rate.T @ past
                rate_sum += rate.sum(0)
                shown_sum += past.sum(0)
                square += np.square(rate).sum(0)
                count, power = count + len(rows), power + float(np.square(past).sum())
                if n_components:
                    prior += past.T @ past
                    for u in range(n_units):
                        moment[u] += past.T @ (rate[:, u, None] * past)
                    if len(rows) > 1:  # the null: each response with another movie of its batch
                        n_paired += len(rows)
                        for j in range(N_SHUFFLES):
                            other = np.roll(rate, 1 + j % (len(rows) - 1), axis=0)
                            for u in range(n_units):
                                null[j, u] += past.T @ (other[:, u, None] * past)
    variance = power / count / n_dims
    mean = rate_sum / count
    covariance = cross / count - np.outer(mean, shown_sum / count)  # a sustained rate times what the noise happened to be is no field
    found = {"field": covariance / variance, "changes": np.sqrt(np.maximum(square / count - mean**2, 0))}
    if n_components:
        null /= max(n_paired, 1)
        found.update(_components([moment / count, *null], prior / count, mean, found["field"], variance, n_components))
    return _fold(found, shape, area, n_lags)


def _components(
    moment: Sequence[np.ndarray], prior: np.ndarray, mean: np.ndarray, field: np.ndarray, variance: float, n_components: int
) -> dict[str, np.ndarray]:
    """Leading eigenvectors of the covariance between response and s s^T, the average projected out, and the range of the null."""
    values, vectors, clear = [], [], []
    for u in range(len(mean)):
        norm = np.linalg.norm(field[u])
        axis = field[u] / norm if norm > 0 else np.zeros_like(field[u])
        keep = np.eye(len(axis)) - np.outer(axis, axis)
        real, *null = (keep @ (m[u] - mean[u] * prior) @ keep / variance for m in moment)
        value, vector = np.linalg.eigh(real)
        span = np.sort(np.concatenate([np.linalg.eigvalsh(n)[[0, -1]] for n in null]))  # a chance of 1 in 20 at either end
        order = np.argsort(-np.abs(value))[:n_components]
        values.append(value[order])
        vectors.append(vector[:, order].T)
        clear.append((value[order] > span[-1]) | (value[order] < span[0]))
    return {"eigenvalue": np.stack(values), "component": np.stack(vectors), "significant": np.stack(clear)}


def _gradient(
    model: DynamicalModel,
    plan: Units,
    shape: tuple[int, int, int],
    area: tuple[int, ...],
    n_lags: int,
    settings: dict[str, Any],
    seed: int,
    noise_seed: int | None,
) -> dict[str, np.ndarray]:
    import torch

    device = model_device(model)
    timeline = Timeline(np.arange(n_lags), np.arange(n_lags), model.dt_ms)
    n_dims = n_lags * shape[0] * (area[1] - area[0]) * (area[3] - area[2])
    total, energy, count = np.zeros((plan.n_neuroids, n_dims)), np.zeros((plan.n_neuroids, n_dims)), 0
    for rows, pixels in _movies(shape, n_lags, settings, seed):
        movie = torch.from_numpy(pixels).to(device).requires_grad_(True)
        source = NoiseSource(noise_seed, [f"noise-{i}" for i in rows]) if noise_seed is not None else None
        with torch.enable_grad():
            _, state, drive = deque(unroll(model, movie, timeline, movie=True, noise=source), maxlen=1)[0]
            rate = plan.read(model, state, drive)
        for u in range(plan.n_neuroids):
            (grad,) = torch.autograd.grad(rate[:, u].sum(), movie, retain_graph=True, allow_unused=True)
            if grad is None:
                continue
            part = grad[:, :, :, area[0] : area[1], area[2] : area[3]].flip(1).reshape(len(rows), -1).double().cpu().numpy()
            total[u] += part.sum(0)
            energy[u] += np.square(part).sum(0)
        count += len(rows)
    energy = np.sqrt(energy / count)
    return _fold({"field": total / count, "energy": energy, "changes": energy.max(1)}, shape, area, n_lags)


def _fold(found: dict[str, np.ndarray], shape: tuple[int, int, int], area: tuple[int, ...], n_lags: int) -> dict[str, np.ndarray]:
    grid = (n_lags, shape[0], area[1] - area[0], area[3] - area[2])
    return {k: v.reshape(*v.shape[:-1], *grid) if k in ("field", "energy", "component") else v for k, v in found.items()}


def _label(found: dict[str, np.ndarray], plan: Units, area: tuple[int, ...], method: str, n_presentations: int) -> xr.Dataset:
    coords = plan.coords()
    ids = coords.pop("neuroid_id")
    changes = found.pop("changes")
    live = changes > 1e-9 * max(float(changes.max()), 1e-30)
    if not live.any():
        raise ModelError(WHERE, f"no unit of layer `{plan.name}` changes with the stimulus ({first_of(ids)})", expected="at least one responsive unit")
    found = {k: v[live] for k, v in found.items()}
    field = found["field"]
    row, column, extent = spacetime.centre_and_extent(found.get("energy", field))
    space = ("lag", "channel_in", "row_in", "column_in")
    data: dict[str, Any] = {"field": ((NEUROID, *space), found["field"].astype(np.float32), {"units": "1"})}
    if "energy" in found:
        data["energy"] = ((NEUROID, *space), found["energy"].astype(np.float32), {"units": "1"})
    if "component" in found:
        data["component"] = ((NEUROID, "component_index", *space), found["component"].astype(np.float32), {"units": "1"})
        data["eigenvalue"] = ((NEUROID, "component_index"), found["eigenvalue"], {"units": "1"})
        data["significant"] = ((NEUROID, "component_index"), found["significant"])
    for name, values, unit in (
        ("separability", spacetime.spacetime_separability(field), "1"),
        ("slant", spacetime.slant(field), "1"),
        ("biphasic_index", spacetime.biphasic_index(field), "1"),
        ("peak_lag", np.abs(spacetime.temporal_profile(field)).argmax(1), "step"),
        ("centre_row", row + area[0], "pixel"),
        ("centre_column", column + area[2], "pixel"),
        ("extent_px", extent, "pixel"),
    ):
        data[name] = (NEUROID, values, {"units": unit})
    return xr.Dataset(
        data,
        coords={
            "neuroid_id": (NEUROID, ids[live]),
            **{k: (NEUROID, v[live]) for k, v in coords.items()},
            "silent_neuroid_id": ("silent_neuroid", ids[~live]),
            "lag": ("lag", np.arange(field.shape[1]), {"units": "step"}),
            "row_in": ("row_in", np.arange(area[0], area[1])),
            "column_in": ("column_in", np.arange(area[2], area[3])),
        },
        attrs={"method": method, "n_presentations": n_presentations},
    )
