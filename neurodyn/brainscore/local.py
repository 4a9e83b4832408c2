"""Brain-Score's own benchmark class around recordings that lie on this machine."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.brainscore.assemblies import to_assembly
from neurodyn.brainscore.installed import require
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.schema import PRESENTATION, check_recordings, check_stimuli

__all__ = ["METRICS", "local_benchmark", "stimulus_set_of"]

METRICS = ("pls", "ridge", "spantime_pls", "spantime_ridge")


def local_benchmark(
    recordings: xr.DataArray,
    stimuli: xr.DataArray,
    folder: str | Path,
    *,
    region: str,
    metric: str = "pls",
    stratify: str | None = None,
    visual_degrees: float = 8.0,
    number_of_trials: int = 1,
) -> Any:
    """A NeuralBenchmark of Brain-Score's from local recordings and images.

    Parameters
    ----------
    recordings : DataArray, (presentation, neuroid, time_bin)
        With repeats as rows and a coord ``repetition``.
    stimuli : DataArray, (presentation, channel, row, column)
    folder : path
        Images are written here as PNG, since Brain-Score reads files.
    region : str
    metric : {"pls", "ridge", "spantime_pls", "spantime_ridge"}
        Several bins need one of the last two.
    stratify : str, optional
        A coord that splits keep in proportion (MajajHong2015 uses ``"object_name"``).
    visual_degrees, number_of_trials
        Of the experiment.

    Returns
    -------
    NeuralBenchmark
        Its identifier holds a digest of the data, so that no cached ceiling of other data can be taken for its own.

    Raises
    ------
    ConfigError, SchemaError
        For an unknown metric, several bins with a metric of one, ids that do not match, or no repeats.
    """
    if metric not in METRICS:
        raise unknown_name("local_benchmark", "metric", metric, METRICS)
    check_recordings(recordings, where="local_benchmark")
    check_stimuli(stimuli, where="local_benchmark")
    several = recordings.sizes["time_bin"] > 1
    if several != metric.startswith("spantime"):
        raise ConfigError(
            "local_benchmark", f'metric="{metric}" for {recordings.sizes["time_bin"]} time bins', expected="spantime_* exactly where there are several bins"
        )
    if "repetition" not in recordings.coords:
        raise SchemaError("local_benchmark", "`recordings` has no coord `repetition`", expected="repeats as rows, which the ceiling needs")
    library = require()
    common = require("brainscore_vision.benchmark_helpers.neural_common")
    table = stimulus_set_of(stimuli, folder)
    repeated = to_assembly(recordings, stimulus_set=table, region=region)
    averaged = _average(recordings)
    assembly = to_assembly(averaged, stimulus_set=table, region=region)
    if not several:
        assembly, repeated = (a.squeeze("time_bin") for a in (assembly, repeated))
    ceiler = library.load_ceiling("internal_consistency_temporal" if several else "internal_consistency")
    digest = hashlib.sha256(np.ascontiguousarray(recordings.values).tobytes() + "".join(map(str, recordings.stimulus_id.values)).encode()).hexdigest()[:12]
    return common.NeuralBenchmark(
        identifier=f"neurodyn-{digest}.{region}-{metric}",
        version=1,
        parent=region,
        assembly=assembly,
        similarity_metric=library.load_metric(metric, crossvalidation_kwargs={"stratification_coord": stratify}),
        visual_degrees=visual_degrees,
        number_of_trials=number_of_trials,
        ceiling_func=lambda: ceiler(repeated),
    )


def stimulus_set_of(stimuli: xr.DataArray, folder: str | Path) -> Any:
    """A StimulusSet whose images are written to a folder as PNG."""
    from PIL import Image

    module = require("brainscore_core.supported_data_standards.brainio.stimuli")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for k, identifier in enumerate(stimuli.stimulus_id.values):
        pixels = (stimuli.values[k] * 255).round().astype(np.uint8)
        path = folder / f"{k:05d}.png"
        Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0)).save(path)
        paths[str(identifier)] = path
    columns: dict[str, Any] = {str(k): v.values for k, v in stimuli.coords.items() if v.dims == (PRESENTATION,)}
    columns["stimulus_id"] = [str(s) for s in stimuli.stimulus_id.values]
    table = module.StimulusSet(columns)
    table["filename"] = [p.name for p in paths.values()]
    table.stimulus_paths = paths
    digest = hashlib.sha256(np.ascontiguousarray(stimuli.values).tobytes()).hexdigest()[:12]
    table.identifier = f"neurodyn-{digest}"
    return table


def _average(recordings: xr.DataArray) -> xr.DataArray:
    ids, first, inverse, counts = np.unique(recordings.stimulus_id.values.astype(str), return_index=True, return_inverse=True, return_counts=True)
    total = np.zeros((len(ids), *recordings.shape[1:]))
    np.add.at(total, inverse.ravel(), recordings.values)
    out = recordings.isel(presentation=first).copy(data=total / counts[:, None, None])
    return out.drop_vars("repetition")
