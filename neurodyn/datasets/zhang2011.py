"""Macaque anterior IT: single neurons, seven objects at three positions, 1-ms spike rasters (Zhang et al. 2011).

One MATLAB file a neuron: ``raster_data`` (trials, 1000) with the stimulus at 500 ms, ``raster_labels`` (``stimulus_ID``,
``stimulus_position``), ``raster_site_info``.  The neurons were recorded one after the other, so rows that share an object, a
position and a repetition are a pseudo-population: noise correlations are lost.  No images come with the rasters.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn.datasets._labelled import locate
from neurodyn.errors import ConfigError, DataError
from neurodyn.schema import make_recordings

__all__ = ["ONSET_MS", "load"]

ONSET_MS = 500


def load(
    root: str | Path | None = None, bins_ms: Sequence[tuple[float, float]] | None = None, *, n_neurons: int | None = None, n_repetitions: int | None = None
) -> xr.DataArray:
    """Load the rasters as firing rates in any bins.

    Parameters
    ----------
    root : path, optional
        Folder with the ``.mat`` files; ``recordings/zhang2011_it`` under ``NEURODYN_DATA`` when absent.
    bins_ms : sequence of (start, end), optional
        Whole ms from stimulus onset, within -500 to 500; 25-ms bins from -100 to 500 when absent.
    n_neurons : int, optional
        Keep only the first files by name.
    n_repetitions : int, optional
        Repetitions of each condition; when absent, the most that every neuron has (19).

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        Spikes/s; ``stimulus_id object position repetition`` along `presentation`, ``neuroid_id region session`` along `neuroid`.

    Raises
    ------
    DataError
        If there is no raster, or one is truncated or of another form.
    ConfigError
        If bins are empty, not whole ms, or outside the trial.
    """
    folder = locate("zhang2011", root, "recordings/zhang2011_it", "zhang2011_it", "zhang2011")
    files = sorted(folder.glob("*_raster_data.mat"))[:n_neurons]
    if not files:
        raise DataError(
            "zhang2011", f"{folder} holds no *_raster_data.mat", expected="one MATLAB file a neuron", fix="see data/zhang2011_it.yaml for the source"
        )
    edges = _edges(bins_ms)
    neurons = [_read(f) for f in files]
    conditions = sorted({c for labels, _, _ in neurons for c in labels})
    have = min(labels.count(c) for labels, _, _ in neurons for c in conditions)
    n = have if n_repetitions is None else n_repetitions
    if n < 1 or n > have:
        raise ConfigError("zhang2011", f"`n_repetitions` is {n} but some neuron has {have} trials of a condition", expected=f"1 to {have}")
    start, end = (edges + ONSET_MS).astype(int).T
    values = np.empty((len(conditions) * n, len(files), len(edges)), np.float32)
    for k, (labels, raster, _) in enumerate(neurons):
        total = np.concatenate([np.zeros((len(raster), 1)), np.cumsum(raster, axis=1)], axis=1)
        rate = (total[:, end] - total[:, start]) * 1000.0 / (end - start)
        rows = np.concatenate([[i for i, c in enumerate(labels) if c == condition][:n] for condition in conditions])
        values[:, k] = rate[rows]
    condition = [c for c in conditions for _ in range(n)]
    recordings = make_recordings(
        values,
        stimulus_id=[f"{o}@{p}" for o, p in condition],
        neuroid_id=[f.name.removesuffix("_raster_data.mat") for f in files],
        time_bins_ms=[(float(a), float(b)) for a, b in edges],
        presentation={"object": [o for o, _ in condition], "position": [p for _, p in condition], "repetition": np.tile(np.arange(n), len(conditions))},
        neuroid={"region": ["IT"] * len(files), "session": [session for _, _, session in neurons]},
    )
    recordings.attrs.update(source="Zhang et al. 2011", dataset="zhang2011", pseudo_population=1)
    return recordings


def _edges(bins_ms: Sequence[tuple[float, float]] | None) -> np.ndarray:
    if bins_ms is None:
        return np.stack([np.arange(-100, 500, 25), np.arange(-75, 525, 25)], axis=1).astype(float)
    edges = np.asarray(bins_ms, dtype=float).reshape(-1, 2)
    if not len(edges) or (edges % 1).any() or (edges[:, 1] <= edges[:, 0]).any() or edges.min() < -ONSET_MS or edges.max() > ONSET_MS:
        raise ConfigError("zhang2011", f"`bins_ms` is {edges.tolist()[:3]}", expected="(start, end) in whole ms within -500 to 500, end after start")
    return edges


def _read(path: Path) -> tuple[list[tuple[str, str]], np.ndarray, str]:
    import zlib

    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path)
        raster = np.asarray(content["raster_data"])
        fields = content["raster_labels"][0, 0]
        names, positions = ([str(v.item()) for v in fields[key].ravel()] for key in ("stimulus_ID", "stimulus_position"))
        session = str(content["raster_site_info"][0, 0]["session_ID"].item())
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, AttributeError, RuntimeError, zlib.error, MatReadError) as error:
        raise DataError(
            str(path), f"cannot be read ({error})", expected="raster_data, raster_labels and raster_site_info", fix="fetch the file again"
        ) from error
    if raster.ndim != 2 or raster.shape[1] != 2 * ONSET_MS:
        raise DataError(str(path), f"`raster_data` has shape {raster.shape}", expected="(trials, 1000), one column a ms")
    if len(names) != len(raster) or len(positions) != len(raster):
        raise DataError(str(path), f"{len(names)} labels for {len(raster)} trials", expected="one label a trial")
    return list(zip(names, positions, strict=True)), raster.astype(np.float64), session
