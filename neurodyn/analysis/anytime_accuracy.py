"""Whether a model with a moving sensor names images correctly, after every frame and along several families of trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.dynamics.protocol import DynamicalModel
from neurodyn.dynamics.record import READOUT, Record
from neurodyn.dynamics.simulate import simulate
from neurodyn.errors import ModelError, SchemaError
from neurodyn.schema import PRESENTATION
from neurodyn.seeding import subseed
from neurodyn.stimuli.sensor_movie import sensor_movie

__all__ = ["anytime_accuracy"]


def anytime_accuracy(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    *,
    paths: Mapping[str, Mapping[str, Any]],
    n_steps: int | None = None,
    kernel: str = "cubic",
    seed: int,
    batch_size: int = 250,
) -> xr.Dataset:
    """Classify images seen through a moving sensor, keeping the answer after every frame.

    Parameters
    ----------
    model : DynamicalModel
        Its frame has ``image`` and ``position``, its readout is one value a class.
    stimuli : DataArray, (presentation, channel, row, column)
        With the coord ``label``.
    paths : mapping of name to mapping
        ``style`` and its parameters.  A parameter that is None, such as ``n_steps: null``, is left out.
    n_steps : int, optional
        Frames; the model's trial when absent.
    kernel : {"cubic", "linear", "area"}
        Of the receptors.
    seed : int
        Of the trajectories: the same for every model, so that comparisons are paired.
    batch_size : int

    Returns
    -------
    Dataset
        ==============  ===============================  ======  ==========================================
        variable        dims                             units   meaning
        ==============  ===============================  ======  ==========================================
        correct         (path, presentation, time_bin)   1       1 where the answer so far is right
        accuracy        (path, time_bin)                 1       mean over presentations
        ==============  ===============================  ======  ==========================================

    Raises
    ------
    SchemaError
        If the stimuli have no labels.
    ModelError
        If the model has no moving sensor.

    Notes
    -----
    An image's trajectory depends on (seed, path, stimulus_id) alone.
    """
    if "label" not in stimuli.coords:
        raise SchemaError("anytime_accuracy", "`stimuli` has no coord `label`", expected="one class index a presentation")
    blank = model.blank
    if not isinstance(blank, dict) or set(blank) != {"image", "position"}:
        raise ModelError("anytime_accuracy", f"{type(model).__name__} has no moving sensor", expected="a model whose frame is {image, position}")
    trial = getattr(model, "trial", None)
    n_frames = int(n_steps if n_steps is not None else trial.stimulus if trial is not None else 5)
    labels = np.asarray(stimuli.label.values)
    correct = np.empty((len(paths), len(labels), n_frames), np.int8)
    for k, family in enumerate(paths.values()):
        movie = sensor_movie(
            stimuli,
            {key: value for key, value in family.items() if value is not None},
            n_frames,
            seed=subseed(seed, "anytime"),
            resolution=int(blank["image"].shape[-1]),
            padding=blank["image"].flatten(1).mean(dim=1).tolist(),
            kernel=kernel,
        )
        said = simulate(model, movie, record=Record(layers=(READOUT,)), batch_size=batch_size, progress=False)
        correct[k] = said.values.argmax(axis=1) == labels[:, None]
    coords: dict[str, Any] = {
        name: ("time_bin", said[name].values, said[name].attrs) for name in ("step", "time_bin_start", "time_bin_end") if name in said.coords
    }
    coords |= {"path": list(paths), "stimulus_id": (PRESENTATION, stimuli.stimulus_id.values), "label": (PRESENTATION, labels)}
    return xr.Dataset(
        {
            "correct": (("path", PRESENTATION, "time_bin"), correct, {"units": "1"}),
            "accuracy": (("path", "time_bin"), correct.mean(axis=1, dtype=float), {"units": "1"}),
        },
        coords=coords,
        attrs={"seed": seed, "kernel": kernel},
    )
