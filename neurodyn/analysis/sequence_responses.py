"""A model's activity and answer while a sequence of images plays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.record import READOUT, Record
from neurodyn.dynamics.simulate import simulate
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import PRESENTATION, check_stimuli, make_stimuli

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["sequence_responses"]

Pattern = Sequence[tuple[int, float]]


def sequence_responses(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    *,
    patterns: Mapping[str, Pattern],
    before_ms: float = 40.0,
    layer: str | None = None,
    n_neuroids: int = 20,
    seed: int,
) -> xr.Dataset:
    """Play sequences of images and blanks, and keep the class probabilities and some units.

    Parameters
    ----------
    model : DynamicalModel
        Its readout is class logits, its steps are time.
    stimuli : DataArray, (presentation, channel, row, column)
        The images that patterns refer to by position.
    patterns : mapping of name to sequence of (image, duration in ms)
        Image -1 is the blank.  All patterns are padded with blank to the longest.
    before_ms : float
        Blank before each sequence.
    layer : str, optional
        Where the units are; the last layer when absent.
    n_neuroids : int
        How many, drawn at random.
    seed : int

    Returns
    -------
    Dataset
        ===========  ===================================  =====  ==============================================
        variable     dims                                 units  meaning
        ===========  ===================================  =====  ==============================================
        probability  (pattern, time_bin, class)           1      softmax of the readout
        activity     (pattern, time_bin, neuroid)         as in  rates of the units
        image        (pattern, time_bin)                  1      position of the image shown, -1 the blank
        stimulus     (stimulus_id, channel, row, column)  1      the images themselves
        ===========  ===================================  =====  ==============================================

    Raises
    ------
    ConfigError
        If a pattern names an image that is not there, or the model's steps are not time.
    """
    stimuli = check_stimuli(stimuli, where="sequence_responses")
    if model.dt_ms is None or isinstance(model.blank, dict):
        raise ConfigError("sequence_responses", "the model's steps are not time, or its frame is not an image", expected="a model with dt_ms and one frame")
    if tuple(stimuli.shape[-3:]) != tuple(model.blank.shape):
        raise SchemaError("sequence_responses", f"`stimuli` are {stimuli.shape[-3:]}", expected=f"{tuple(model.blank.shape)}")
    shown = {name: _steps(name, pattern, len(stimuli), before_ms, model.dt_ms) for name, pattern in patterns.items()}
    longest = max(len(v) for v in shown.values())
    image = np.stack([np.pad(v, (0, longest - len(v)), constant_values=-1) for v in shown.values()])
    frames = np.concatenate([stimuli.values, model.blank.detach().cpu().numpy()[None]])[image]
    clock = np.arange(longest) * model.dt_ms
    movies = make_stimuli(frames, list(shown), frame_start=clock)
    name = model.layers[-1] if layer is None else layer
    units = simulate(model, movies, record=Record(layers=(name,), neuroids=n_neuroids, seed=seed), progress=False)
    logits = simulate(model, movies, record=Record(layers=(READOUT,)), progress=False).transpose(PRESENTATION, "time_bin", "neuroid").values
    weight = np.exp(logits - logits.max(axis=-1, keepdims=True))
    start = clock - round(before_ms / model.dt_ms) * model.dt_ms
    return xr.Dataset(
        {
            "probability": (("pattern", "time_bin", "class"), weight / weight.sum(axis=-1, keepdims=True), {"units": "1"}),
            "activity": (("pattern", "time_bin", "neuroid"), units.transpose(PRESENTATION, "time_bin", "neuroid").values, {"units": units.attrs["units"]}),
            "image": (("pattern", "time_bin"), image, {"units": "1"}),
            "stimulus": (("stimulus_id", "channel", "row", "column"), stimuli.values, {"units": "1"}),
        },
        coords={
            "pattern": list(shown),
            "time_bin_start": ("time_bin", start, {"units": "ms"}),
            "time_bin_end": ("time_bin", start + model.dt_ms, {"units": "ms"}),
            "stimulus_id": np.asarray(stimuli.stimulus_id.values),
            "neuroid_id": ("neuroid", units.neuroid_id.values),
        },
        attrs={"layer": name},
    )


def _steps(name: str, pattern: Pattern, n_images: int, before_ms: float, dt_ms: float) -> np.ndarray:
    parts = [np.full(round(before_ms / dt_ms), -1)]
    for index, duration in pattern:
        if not -1 <= int(index) < n_images:
            raise ConfigError("sequence_responses", f"pattern `{name}` shows image {index} of {n_images}", expected=f"-1 (blank) to {n_images - 1}")
        parts.append(np.full(round(float(duration) / dt_ms), int(index)))
    return np.concatenate(parts)
