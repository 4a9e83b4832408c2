"""What a glimpse model's answers owe to where it looks and to each of its inputs: other scanpaths, silenced scales, held states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from neurodyn.dynamics.protocol import DynamicalModel
from neurodyn.dynamics.simulate import check_ready, timeline_of
from neurodyn.errors import ConfigError, ModelError, SchemaError, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import State

__all__ = ["FIXATIONS", "glimpse_controls"]

WHERE = "glimpse_controls"
FIXATIONS = ("own", "random", "centre", "shuffled")
_FIELDS = ("fixations", "silence", "swap", "hold")


def glimpse_controls(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    *,
    conditions: Mapping[str, Mapping[str, Any]],
    gaze: str = "gaze",
    extent: float = 0.8,
    seed: int,
    batch_size: int = 250,
) -> xr.Dataset:
    """Classify images along the model's own scanpaths and along others, with parts of the model intact or not.

    Parameters
    ----------
    model : DynamicalModel
        Its state holds where it looks next, (batch, 2), in [-1, 1] of the image.
    stimuli : DataArray, (presentation, channel, row, column)
        With the coord ``label``.
    conditions : mapping of name to mapping
        ``fixations``
            ``own`` (default); ``random``: uniform within `extent`; ``centre``; ``shuffled``: the model's own scanpath of another image.
        ``silence``
            Keys of the drive that are set to 0, such as ``scale.0``.
        ``swap``
            Keys of the drive taken from that other image, such as ``context``.
        ``hold``
            Keys of the state that are set to 0 before every step, such as ``location``.
    gaze : str
        Key of the state.
    extent : float
        Largest coordinate of a random fixation.
    seed : int
        Of random fixations and of which other image: the same for every model, so that comparisons are paired.
    batch_size : int

    Returns
    -------
    Dataset
        ==============  =====================================  =====  ==============================================================
        variable        dims                                   units  meaning
        ==============  =====================================  =====  ==============================================================
        correct         (path, presentation, time_bin)         1      1 where the answer so far is right
        accuracy        (path, time_bin)                       1      mean over presentations
        fixation        (path, presentation, time_bin, axis)   1      where the model looked: x to the right, y down, in [-1, 1]
        ==============  =====================================  =====  ==============================================================

    Raises
    ------
    SchemaError
        If the stimuli have no labels, or there is no other image to take a scanpath from.
    ModelError
        If the state has no such gaze.
    ConfigError
        If a condition names an unknown field, kind of fixation, or key; or random fixations would leave the image.

    Notes
    -----
    The other image is the next one of a random cycle through all presentations: no image keeps its own scanpath.
    """
    check_ready(model)
    check_stimuli(stimuli, where=WHERE)
    labels = _labels(stimuli)
    n, n_steps = len(labels), len(timeline_of(model, stimuli))
    plans = {name: _plan(name, given) for name, given in conditions.items()}
    if not 0 < extent <= 1:
        raise ConfigError(WHERE, f"`extent` is {extent}", expected="in (0, 1]: a gaze beyond 1 would leave the image")
    cycle = numpy_generator(seed, WHERE, "cycle").permutation(n)
    other = np.empty(n, int)
    other[cycle] = np.roll(cycle, 1)
    if n < 2 and any(p["fixations"] == "shuffled" or p["swap"] for p in plans.values()):
        raise SchemaError(WHERE, "one image has no other to take a scanpath from", expected="two presentations or more")
    random = np.stack([extent * (2 * numpy_generator(seed, WHERE, str(i)).random((n_steps, 2), np.float32) - 1) for i in stimuli.stimulus_id.values])
    own: np.ndarray | None = None
    correct = np.empty((len(plans), n, n_steps), np.int8)
    looked = np.empty((len(plans), n, n_steps, 2), np.float32)
    for k, plan in enumerate(plans.values()):
        if plan["fixations"] == "shuffled" and own is None:
            own = _run(model, stimuli.values, other, _plan("own", {}), None, n_steps, gaze, batch_size)[1]
        imposed = {"own": None, "random": random, "centre": np.zeros_like(random), "shuffled": None if own is None else own[other]}[plan["fixations"]]
        said, looked[k] = _run(model, stimuli.values, other, plan, imposed, n_steps, gaze, batch_size)
        correct[k] = said == labels[:, None]
    coords = {"path": list(plans), "stimulus_id": (PRESENTATION, stimuli.stimulus_id.values), "label": (PRESENTATION, labels), "axis": ["x", "y"]}
    coords["step"] = ("time_bin", np.arange(n_steps), {"units": "step"})
    return xr.Dataset(
        {
            "correct": (("path", PRESENTATION, "time_bin"), correct, {"units": "1"}),
            "accuracy": (("path", "time_bin"), correct.mean(axis=1, dtype=float), {"units": "1"}),
            "fixation": (("path", PRESENTATION, "time_bin", "axis"), looked, {"units": "1"}),
        },
        coords=coords,
        attrs={"seed": seed, "extent": extent},
    )


def _run(
    model: DynamicalModel, pixels: np.ndarray, other: np.ndarray, plan: Mapping[str, Any], imposed: np.ndarray | None, n_steps: int, gaze: str, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The class named after every glimpse, (presentation, step), and where the model looked, (presentation, step, 2)."""
    said, looked = np.empty((len(pixels), n_steps), int), np.empty((len(pixels), n_steps, 2), np.float32)
    with torch.no_grad():
        for start in range(0, len(pixels), batch_size):
            rows = slice(start, start + batch_size)
            drive = dict(model.encode(_tensor(pixels[rows])))
            if plan["swap"]:
                foreign = model.encode(_tensor(pixels[other[rows]]))
                drive |= {key: foreign[_known("drive", key, drive)] for key in plan["swap"]}
            drive |= {key: torch.zeros_like(drive[_known("drive", key, drive)]) for key in plan["silence"]}
            state = dict(model.initial_state(drive))
            _check_gaze(state, gaze)
            for t in range(n_steps):
                state |= {key: torch.zeros_like(state[_known("state", key, state)]) for key in plan["hold"]}
                if imposed is not None:
                    state[gaze] = _tensor(imposed[rows, t]).to(state[gaze])
                looked[rows, t] = state[gaze].cpu().numpy()
                state = dict(model.step(state, drive))
                said[rows, t] = model.readout(state).argmax(dim=1).cpu().numpy()
    return said, looked


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


def _plan(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    for field in given:
        if field not in _FIELDS:
            raise unknown_name(WHERE, f"field of `{name}`", field, _FIELDS)
    fixations = given.get("fixations", "own")
    if fixations not in FIXATIONS:
        raise unknown_name(WHERE, f"kind of fixations of `{name}`", fixations, FIXATIONS)
    lists: dict[str, Sequence[str]] = {field: list(given.get(field, ())) for field in ("silence", "swap", "hold")}
    return {"fixations": fixations, **lists}


def _known(what: str, key: str, present: Mapping[str, Any]) -> str:
    if key not in present:
        raise unknown_name(WHERE, f"key of the {what}", key, list(present))
    return key


def _check_gaze(state: State, gaze: str) -> None:
    if gaze not in state or tuple(state[gaze].shape[1:]) != (2,):
        raise ModelError(WHERE, f"the state has no `{gaze}` of shape (batch, 2)", expected="a model that keeps where it looks next in its state")


def _labels(stimuli: xr.DataArray) -> np.ndarray:
    if "label" not in stimuli.coords:
        raise SchemaError(WHERE, "`stimuli` has no coord `label`", expected="one class index a presentation")
    return np.asarray(stimuli.label.values)
