"""Activity with a model's own top-down stream replaced: shuffled over images, averaged, delayed, or taken away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import check_ready, layer_shapes, model_device, timeline_of
from neurodyn.errors import ConfigError, ModelError, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli, make_responses, neuroid_ids
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["MODES", "stream_replay"]

MODES = ("intact", "shuffled", "tonic", "delayed", "off")


def stream_replay(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    *,
    stream: str,
    mode: str,
    layer: str,
    delay: int = 1,
    schedule: Schedule | None = None,
    seed: int,
) -> xr.DataArray:
    """Record the top-down stream of a trial, then play the trial again with the stream replaced.

    Feedback adds drive that many units share, which alone changes geometry; the shuffled stream has the same statistics and the
    wrong content, so what differs between intact and shuffled is due to content.

    Parameters
    ----------
    model : DynamicalModel
        A drive entry named `stream` replaces that stream, and the stream is one of its layers.
    stimuli : DataArray, (presentation, channel, row, column)
        All in one batch.
    stream, layer : str
        The layer that is replaced, and the one that is recorded (``"readout"`` for the task's output).
    mode : {"intact", "shuffled", "tonic", "delayed", "off"}
        The stream as it was, of another image (no image keeps its own), the mean over images, `delay` steps late, or zero.
    delay : int
        Steps.
    schedule : Schedule, optional
    seed : int

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        Responses of `layer`.

    Raises
    ------
    ModelError
        If the stream is not a layer of the model, or the model ignores its replacement.
    ConfigError
        If the mode is unknown or the delay negative.
    """
    import torch

    check_ready(model)
    check_stimuli(stimuli, where="stream_replay")
    if mode not in MODES:
        raise unknown_name("stream_replay", "mode", mode, MODES)
    if stream not in model.layers:
        raise ModelError("stream_replay", f"`{stream}` is not a layer of this model", expected=f"one of {', '.join(model.layers)}")
    if layer != "readout" and layer not in model.layers:
        raise unknown_name("stream_replay", "layer", layer, (*model.layers, "readout"))
    if delay < 0 or (mode == "shuffled" and stimuli.sizes[PRESENTATION] < 2):
        raise ConfigError("stream_replay", f"`delay` is {delay} with {stimuli.sizes[PRESENTATION]} presentations", expected="0 or more; two images to shuffle")
    timeline = timeline_of(model, stimuli, schedule)
    with torch.no_grad():
        drive = model.encode(torch.from_numpy(np.ascontiguousarray(stimuli.values)).to(model_device(model)))
        own, kept = _play(model, drive, len(timeline), stream, layer, None)
        if mode != "intact":
            order = _derangement(stimuli.sizes[PRESENTATION], seed)
            played = [_replaced(own, k, mode, order, delay) for k in range(len(timeline))]
            seen, kept = _play(model, drive, len(timeline), stream, layer, played)
            if any(not torch.equal(a, b) for a, b in zip(seen, played, strict=True)):
                raise ModelError("stream_replay", f"{type(model).__name__} does not take `{stream}` from its drive", expected="a model that honours it")
    shape = (*layer_shapes(model)[layer], 1, 1)[:3]
    channel, row, column = np.unravel_index(np.arange(int(np.prod(shape))), shape)
    names = np.repeat(layer, len(channel))
    neuroid = {
        "neuroid_id": neuroid_ids(list(names), channel.tolist(), row.tolist(), column.tolist()),
        "layer": names,
        "channel": channel,
        "row": row,
        "column": column,
    }
    coords = {str(k): c.values for k, c in stimuli.coords.items() if c.dims == (PRESENTATION,)}
    return make_responses(np.stack(kept, axis=2), stimulus_coords=coords, neuroid_coords=neuroid, step=timeline.step, dt_ms=model.dt_ms)


def _play(
    model: DynamicalModel, drive: dict[str, Tensor], n_steps: int, stream: str, layer: str, played: list[Tensor] | None
) -> tuple[list[Tensor], list[np.ndarray]]:
    state, streams, kept = model.initial_state(drive), [], []
    for k in range(n_steps):
        shown = drive if played is None else {**drive, stream: played[k]}
        state = model.step(state, shown)
        wanted = (stream,) if layer == "readout" else (stream, layer)
        rates = model.rates(state, shown, wanted)
        streams.append(rates[stream])
        kept.append((model.readout(state) if layer == "readout" else rates[layer]).flatten(1).float().cpu().numpy())
    return streams, kept


def _replaced(own: list[Tensor], k: int, mode: str, order: np.ndarray, delay: int) -> Tensor:
    import torch

    if mode == "shuffled":
        return own[k][torch.from_numpy(order)]
    if mode == "tonic":
        return own[k].mean(dim=0, keepdim=True).expand_as(own[k])
    if mode == "delayed" and k >= delay:
        return own[k - delay]
    return torch.zeros_like(own[k])


def _derangement(n: int, seed: int) -> np.ndarray:
    """A random cyclic order: every image gets another's."""
    cycle = numpy_generator(seed, "stream_replay").permutation(n)
    order = np.empty(n, int)
    order[cycle] = np.roll(cycle, 1)
    return order
