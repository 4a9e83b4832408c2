"""Recordings with known dynamics: sites that see an image late, integrate it, and hold it after it is gone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import check_stimuli, make_recordings
from neurodyn.seeding import numpy_generator

__all__ = ["AREAS", "temporal_recordings"]

AREAS: dict[str, dict[str, float]] = {
    "V4": {"latency_ms": 50.0, "tau_ms": 20.0, "pool": 4},
    "pIT": {"latency_ms": 60.0, "tau_ms": 35.0, "pool": 8},
    "aIT": {"latency_ms": 70.0, "tau_ms": 50.0, "pool": 16},
}
"""For each area: when the first spike can come, the time constant of its integration, the width in pixels over which features are pooled."""


def temporal_recordings(
    stimuli: xr.DataArray,
    *,
    n_sites: int = 20,
    n_repetitions: int = 6,
    stimulus_ms: float = 100.0,
    last_ms: float = 260.0,
    bin_ms: float = 10.0,
    noise: float = 1.0,
    common: float = 0.0,
    areas: Mapping[str, Mapping[str, float]] | None = None,
    seed: int,
) -> xr.DataArray:
    """Make recordings of three areas whose dynamics are known; they are synthetic and say so.

    A site of area a draws tau dx/dt = -x + s(t - latency) w . f(image), s = 1 while the image is on; f are rectified outputs of random oriented
    filters, pooled over the area's width.  Every repetition adds independent Gaussian noise.

    Parameters
    ----------
    stimuli : DataArray, (presentation, channel, row, column)
    n_sites : int
        In each area.
    n_repetitions : int
    stimulus_ms, last_ms, bin_ms : float
        How long the image is on, where the recording ends, and the width of a bin.
    noise : float
        Standard deviation of the noise of one repetition, in units of the signal's standard deviation at its peak.
    common : float
        What every site adds for any image, with its area's time course, in the same units; the mean over sites is about 0 without it.
    areas : mapping, optional
        Like ``AREAS``.
    seed : int

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        Repetitions are rows.  ``region`` along `neuroid`; ``synthetic`` in attrs.

    Raises
    ------
    ConfigError
        A number of sites, repetitions or bins below 1.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> images = make_stimuli(np.random.default_rng(0).random((3, 3, 16, 16)))
    >>> dict(temporal_recordings(images, n_sites=2, n_repetitions=2, seed=0).sizes)
    {'presentation': 6, 'neuroid': 6, 'time_bin': 26}
    """
    stimuli = check_stimuli(stimuli, where="temporal_recordings")
    n_bins = round(last_ms / bin_ms)
    if min(n_sites, n_repetitions, n_bins) < 1 or noise < 0:
        raise ConfigError(
            "temporal_recordings", f"n_sites={n_sites}, n_repetitions={n_repetitions}, {n_bins} bins, noise={noise}", expected="1 or more, noise of 0 or more"
        )
    images = stimuli.values.mean(axis=1)  # grey
    start = np.arange(n_bins) * bin_ms
    blocks, regions = [], []
    for name, area in (areas or AREAS).items():
        generator = numpy_generator(seed, "temporal_recordings", name)
        features = _features(images, int(area["pool"]), generator)
        signal = features @ generator.normal(size=(features.shape[1], n_sites)) / np.sqrt(features.shape[1])
        course = _course(start + bin_ms / 2, area["latency_ms"], area["tau_ms"], stimulus_ms)
        clean = signal[:, :, None] * course / max(signal.std() * course.max(), 1e-12) + common * course / course.max()
        blocks.append(np.repeat(clean, n_repetitions, axis=0))
        regions += [name] * n_sites
    values = np.concatenate(blocks, axis=1)
    values += noise * numpy_generator(seed, "temporal_recordings", "noise").normal(size=values.shape)
    ids = [str(i) for i in stimuli.stimulus_id.values]
    recordings = make_recordings(
        values.astype(np.float32),
        stimulus_id=[i for i in ids for _ in range(n_repetitions)],
        neuroid_id=[f"{r}-{k:03d}" for k, r in enumerate(regions)],
        time_bins_ms=[(t, t + bin_ms) for t in start],
        units="1",
        presentation={"repetition": list(range(n_repetitions)) * len(ids)},
        neuroid={"region": regions, "animal": ["synthetic"] * len(regions)},
    )
    return recordings.assign_attrs(synthetic="leaky integration of pooled random features; time constants and latencies are known")


def _course(t_ms: np.ndarray, latency_ms: float, tau_ms: float, stimulus_ms: float) -> np.ndarray:
    """The leaky integral of a pulse, in closed form."""
    rise = 1 - np.exp(-np.clip(t_ms - latency_ms, 0, stimulus_ms) / tau_ms)
    return rise * np.exp(-np.clip(t_ms - latency_ms - stimulus_ms, 0, None) / tau_ms)


def _features(images: np.ndarray, pool: int, generator: np.random.Generator, n_filters: int = 12) -> np.ndarray:
    """Rectified responses of random oriented 5 x 5 filters, averaged over squares of `pool` pixels, standardised."""
    y, x = np.mgrid[-2:3, -2:3]
    windows = np.lib.stride_tricks.sliding_window_view(images, (5, 5), axis=(1, 2))
    columns = []
    for angle, phase in zip(generator.uniform(0, np.pi, n_filters), generator.uniform(0, 2 * np.pi, n_filters), strict=True):
        wave = np.cos(1.6 * (x * np.cos(angle) + y * np.sin(angle)) + phase) * np.exp(-(x**2 + y**2) / 4)
        response = np.maximum(np.einsum("nijab,ab->nij", windows, wave - wave.mean(), optimize=True), 0)
        side = max(response.shape[1] // pool, 1)
        width = response.shape[1] // side
        cut = response[:, : side * width, : side * width].reshape(len(images), side, width, side, width)
        columns.append(cut.mean(axis=(2, 4)).reshape(len(images), -1))
    features = np.concatenate(columns, axis=1)
    spread = features.std(axis=0)
    return (features - features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
