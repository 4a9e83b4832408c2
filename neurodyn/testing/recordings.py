"""Recordings made from model activity, whose signal, noise, explainable variance and latency are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN, check_responses, make_recordings
from neurodyn.seeding import numpy_generator

__all__ = ["NOISES", "synthetic_recording"]

NOISES = ("gaussian", "poisson")
_DEPTH = 0.3  # modulation of Poisson rates: a standard deviation of the signal changes the rate by this share


def synthetic_recording(
    responses: xr.DataArray,
    *,
    n_neuroids: int = 40,
    n_repeats: int = 8,
    explainable_variance: float = 0.6,
    n_sources: int = 1,
    latency_ms: float = 0.0,
    bins_ms: Sequence[tuple[float, float]] | None = None,
    noise: str = "gaussian",
    seed: int,
) -> xr.DataArray:
    """Record `n_neuroids` made-up neurons that listen to a model.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Activity of any model, one row a stimulus.
    n_neuroids : int
    n_repeats : int
        Noisy rows a stimulus.
    explainable_variance : float
        Share of the variance of repeat means that is signal, pooled over bins; exact for one bin and these stimuli.
    n_sources : int
        Model units that a neuron sums with random weights; 1 makes it a copy of one unit (its id is in the coord ``source``).
    latency_ms : float
        How much later than the model the neurons respond.
    bins_ms : sequence of (start, end), optional
        Bins of the recording; those of the responses when absent.
    noise : {"gaussian", "poisson"}
        Independent between neurons, repeats and bins.
    seed : int

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        Spikes/s; ``stimulus_id repetition`` along `presentation`; coord ``explainable_variance`` (neuroid, time_bin) holds the truth of every
        neuron and bin; ``attrs["latency_ms"]``.

    Raises
    ------
    ConfigError
        For a share outside (0, 1), fewer than 1 repeat or neuron, or an unknown noise.
    SchemaError
        If every unit is constant, or bins in ms are missing.

    Notes
    -----
    A neuron is z = (signal - mean) / std over stimuli and bins.  With Gaussian noise its rate is 20 + 5 z + noise; with Poisson noise counts
    have the rate m (1 + 0.3 z), m chosen for the explainable variance asked for.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> x = np.random.default_rng(0).normal(size=(100, 5, 1))
    >>> model = make_responses(x, stimulus_coords={"stimulus_id": np.arange(100)}, neuroid_coords={"neuroid_id": np.arange(5)}, step=[10], dt_ms=10.0)
    >>> r = synthetic_recording(model, n_neuroids=3, n_repeats=4, explainable_variance=0.5, seed=0)
    >>> r.shape, r.explainable_variance.values.round(6).ravel().tolist()
    ((400, 3, 1), [0.5, 0.5, 0.5])
    """
    where = "synthetic_recording"
    check_responses(responses, where=where)
    if noise not in NOISES:
        raise unknown_name(where, "noise", noise, NOISES)
    if not 0 < explainable_variance < 1:
        raise ConfigError(where, f"`explainable_variance` is {explainable_variance}", expected="a share between 0 and 1")
    if min(n_repeats, n_neuroids, n_sources) < 1:
        raise ConfigError(where, f"n_repeats={n_repeats}, n_neuroids={n_neuroids}, n_sources={n_sources}", expected="1 or more of each")
    generator = numpy_generator(seed, where)
    signal, source, edges = _signals(responses, n_neuroids, n_sources, latency_ms, bins_ms, generator)
    z = (signal - signal.mean(axis=(0, 2), keepdims=True)) / np.sqrt(signal.var(axis=0).mean(axis=1))[None, :, None]
    ratio = explainable_variance / (1 - explainable_variance)
    shape = (n_repeats, *z.shape)
    if noise == "gaussian":
        clean, noise_variance = 20 + 5 * z, 25 * z.var(axis=0, ddof=1).mean(axis=1)[None, :, None] / ratio * n_repeats * np.ones_like(z)
        values = clean + np.sqrt(noise_variance) * generator.normal(size=shape)
    else:
        seconds = (edges[:, 1] - edges[:, 0]) / 1000.0
        mean = ratio / (_DEPTH**2 * seconds * n_repeats)
        clean = np.clip(mean * (1 + _DEPTH * z), 0.0, None)
        noise_variance = clean / seconds
        values = generator.poisson(np.broadcast_to(clean * seconds, shape)) / seconds
    spread = clean.var(axis=0, ddof=1)
    truth = spread / (spread + noise_variance.mean(axis=0) / n_repeats)
    ids = np.asarray(responses.stimulus_id.values)
    recordings = make_recordings(
        values.reshape(-1, *z.shape[1:]).astype(np.float32),
        stimulus_id=np.tile(ids, n_repeats),
        neuroid_id=[f"synthetic-{k:03d}" for k in range(n_neuroids)],
        time_bins_ms=[(float(a), float(b)) for a, b in edges],
        presentation={
            "repetition": np.repeat(np.arange(n_repeats), len(ids)),
            **{
                str(k): np.tile(v.values, n_repeats)
                for k, v in responses.coords.items()
                if v.dims == (PRESENTATION,) and k not in ("stimulus_id", "repetition")
            },
        },
        neuroid={"source": source, "region": ["synthetic"] * n_neuroids},
    )
    recordings = recordings.assign_coords(explainable_variance=((NEUROID, TIME_BIN), truth))
    recordings.attrs.update(synthetic=1, latency_ms=float(latency_ms), noise=noise, seed=seed)
    return recordings


def _signals(
    responses: xr.DataArray, n_neuroids: int, n_sources: int, latency_ms: float, bins_ms: Sequence[tuple[float, float]] | None, generator: np.random.Generator
) -> tuple[np.ndarray, list[str], np.ndarray]:
    values = np.asarray(responses.values, dtype=float)
    alive = np.nonzero(values.var(axis=0).mean(axis=1) > 1e-12 * (values**2).mean())[0]
    if not alive.size:
        raise SchemaError("synthetic_recording", "every unit of `responses` is constant over stimuli", expected="activity that depends on the stimulus")
    ids = np.asarray(responses.neuroid_id.values).astype(str)
    chosen = np.stack([generator.choice(alive, size=n_sources, replace=n_sources > alive.size) for _ in range(n_neuroids)])
    weights = np.ones((n_neuroids, 1)) if n_sources == 1 else generator.normal(size=(n_neuroids, n_sources))
    scale = np.sqrt(values.var(axis=0).mean(axis=1))
    signal = np.stack([np.einsum("s,pst->pt", w / scale[c], values[:, c]) for c, w in zip(chosen, weights, strict=True)], axis=1)
    if "time_bin_start" not in responses.coords:
        if bins_ms is None or len(bins_ms) != values.shape[2]:
            raise SchemaError("synthetic_recording", "`responses` has no bins in ms", expected="`bins_ms`, one for each of its bins")
        edges = np.asarray(bins_ms, dtype=float).reshape(-1, 2)
        start, end = edges.T
    else:
        start, end = (np.asarray(responses[k].values, dtype=float) for k in ("time_bin_start", "time_bin_end"))
        edges = np.stack([start, end], axis=1) if bins_ms is None else np.asarray(bins_ms, dtype=float).reshape(-1, 2)
    if latency_ms == 0 and edges.shape == (len(start), 2) and np.allclose(edges[:, 0], start) and np.allclose(edges[:, 1], end):
        return signal, [ids[c[0]] if n_sources == 1 else "mixed" for c in chosen], edges
    delayed = _delayed(signal, start, end, edges - latency_ms)
    return delayed, [ids[c[0]] if n_sources == 1 else "mixed" for c in chosen], edges


def _delayed(signal: np.ndarray, start: np.ndarray, end: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Overlap-weighted means of the signal in other bins; before its first bin and after its last it holds its value there."""
    left, right = start.copy(), end.copy()
    left[0], right[-1] = min(start[0], edges.min()), max(end[-1], edges.max())
    overlap = np.clip(np.minimum(right[:, None], edges[:, 1]) - np.maximum(left[:, None], edges[:, 0]), 0.0, None)
    return signal @ (overlap / overlap.sum(axis=0))
