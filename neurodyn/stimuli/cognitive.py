r"""Cognitive tasks as seeded generators of trials: what a network is shown, what it should answer, and when that counts.

Five tasks of the standard set of rate-network studies:

=========================  ===================================================================================================
task                       a trial
=========================  ===================================================================================================
``perceptual_decision``    noisy evidence for left and right; answer which was stronger
``multisensory_decision``  evidence by sight, by ear or by both; answer whether it was high or low
``context_decision``       motion and colour evidence together with a cue; answer by the cued one
``memory_pro``             an angle is shown, then held over a delay; answer with that angle
``parametric_memory``      two frequencies separated by a delay; answer which was higher
=========================  ===================================================================================================

In every task a fixation input is on until the response; then it goes off and the answer is due.  Inputs lie in [0, 1], so that a trial is a
movie of one pixel a channel: every reader, schedule and simulation that takes a movie takes a task.

References: Song, Yang and Wang 2016 (the decision and memory tasks); Driscoll, Shenoy and Sussillo 2024 (memory-pro).  Durations, levels of
evidence and noise are our choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["TASKS", "Task", "cognitive", "trials"]

GRACE_MS = 100.0
RESPONSE_WEIGHT = 5.0
STIMULUS_SETS = ("ring", "line", "points")


@dataclass(frozen=True)
class Task:
    """What a task looks like to a network.

    Attributes
    ----------
    name : str
    inputs : tuple of str
        Channels; the first is fixation.
    outputs : tuple of str
        The first is fixation, the others the answer.
    mean, std : tuple of float
        For every channel the value where nothing is shown, and its scale: a network sees (input - mean) / std.
    epochs : dict of str to (float, float, float)
        Duration in ms where fixed, then the shortest and longest where random.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    epochs: dict[str, tuple[float, float, float]]


_DECISION = {"fixation": (100.0, 60.0, 300.0), "stimulus": (800.0, 400.0, 1000.0), "response": (400.0, 400.0, 400.0)}
_DELAYED = {"fixation": (100.0, 60.0, 300.0), "stimulus": (400.0, 200.0, 600.0), "delay": (800.0, 200.0, 1200.0), "response": (400.0, 400.0, 400.0)}
_COMPARED = {
    "fixation": (100.0, 60.0, 300.0),
    "first": (400.0, 300.0, 500.0),
    "delay": (600.0, 200.0, 800.0),
    "second": (400.0, 300.0, 500.0),
    "response": (400.0, 400.0, 400.0),
}


def _task(name: str, inputs: str, outputs: str, epochs: dict[str, tuple[float, float, float]], *, signed: bool = False) -> Task:
    channels = ("fixation", *inputs.split())
    level = 0.5 if signed else 0.0
    mean = (0.0, *(level for _ in channels[1:]))
    return Task(name, channels, ("fixation", *outputs.split()), mean, tuple(1.0 - m for m in mean), epochs)


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        _task("perceptual_decision", "left right", "left right", _DECISION),
        _task("multisensory_decision", "visual_high visual_low auditory_high auditory_low", "high low", _DECISION),
        _task("context_decision", "motion_left motion_right colour_left colour_right cue_motion cue_colour", "left right", _DECISION),
        _task("memory_pro", "cosine sine", "cosine sine", _DELAYED, signed=True),
        _task("parametric_memory", "rising falling", "second_lower second_higher", _COMPARED),
    )
}

_LEVELS = (0.05, 0.1, 0.2, 0.4)
_PAIRS = tuple((low, low + 0.2) for low in (0.1, 0.25, 0.4, 0.55, 0.7))


def trials(
    task: str,
    n: int | None = None,
    *,
    seed: int,
    dt_ms: float = 20.0,
    noise: float = 0.0,
    random_durations: bool = False,
    stimulus_set: str = "ring",
    n_angles: int = 16,
    durations_ms: Mapping[str, float] | None = None,
) -> xr.Dataset:
    """Trials of one task.

    Parameters
    ----------
    task : str
        One of ``TASKS``.
    n : int, optional
        So many trials of random conditions; every condition once, in order, when absent.
    seed : int
        Conditions, durations and noise.
    dt_ms : float
        Duration of a frame, ms.
    noise : float
        Standard deviation of independent noise on every input that carries evidence, a frame; clipped to [0, 1].
    random_durations : bool
        Draw every epoch's duration, once for all trials, instead of the fixed ones.
    stimulus_set : {"ring", "line", "points"}
        Of ``memory_pro``: angles all round, of the half circle from 0 to pi, or `n_angles` separate ones.
    n_angles : int
        Of ``memory_pro``: how many conditions where all are shown once, and how many there are for ``"points"``.
    durations_ms : mapping, optional
        Epochs that last otherwise.

    Returns
    -------
    Dataset
        ========  =============================================  =====  ==============================================================
        variable  dims                                           units  meaning
        ========  =============================================  =====  ==============================================================
        input     (presentation, frame, channel, row, column)    1      in [0, 1], one pixel a channel
        target    (presentation, frame, output)                  1      what the outputs should be
        mask      (presentation, frame)                          1      weight of each frame: 0 just after the response may begin
        ========  =============================================  =====  ==============================================================

        with coords ``stimulus_id``, ``condition``, ``choice`` (index of the right answer; -1 where it is an angle) and the task's own
        properties of `presentation`, and ``frame_start`` (ms) and ``epoch`` of `frame`.

    Raises
    ------
    ConfigError
        An unknown task, epoch or stimulus set; no trials; durations shorter than a frame.

    Examples
    --------
    >>> found = trials("memory_pro", seed=0, n_angles=4)
    >>> found.angle.values.round(2).tolist(), dict(found.input.sizes)["channel"]
    ([0.0, 1.57, 3.14, 4.71], 3)
    """
    spec = _known(task)
    if stimulus_set not in STIMULUS_SETS:
        raise unknown_name("trials", "`stimulus_set`", stimulus_set, STIMULUS_SETS)
    if (n is not None and n < 1) or n_angles < 2 or not dt_ms > 0 or not noise >= 0:
        raise ConfigError(
            "trials",
            f"`n` is {n}, `n_angles` {n_angles}, `dt_ms` {dt_ms:g} and `noise` {noise:g}",
            expected="n of 1 or more, n_angles of 2 or more, a time step",
        )
    table = _conditions(spec.name, n, stimulus_set, n_angles, numpy_generator(seed, "conditions", task))
    epoch = _epochs(spec, dt_ms, random_durations, durations_ms or {}, numpy_generator(seed, "durations", task))
    shown, carries, target = _play(spec, table, epoch)
    draw = numpy_generator(seed, "noise", task).standard_normal(shown.shape)
    pixels = np.clip(shown + noise * np.where(carries, draw, 0.0), 0.0, 1.0)
    start = np.arange(len(epoch)) * dt_ms
    begun = start[epoch == "response"][0]
    mask = np.where(epoch == "response", np.where(start < begun + GRACE_MS, 0.0, RESPONSE_WEIGHT), 1.0)
    ids = [f"{task}-{seed}-{k:04d}" for k in range(len(pixels))]
    stimuli = make_stimuli(pixels[..., None, None], ids, frame_start=start, **table)
    return xr.Dataset(
        {
            "input": stimuli.rename("input"),
            "target": (("presentation", "frame", "output"), target.astype(np.float32), {"units": "1"}),
            "mask": (("presentation", "frame"), np.broadcast_to(mask, pixels.shape[:2]).astype(np.float32), {"units": "1"}),
        },
        coords={"epoch": ("frame", epoch.astype(str)), "output": list(spec.outputs)},
        attrs={"task": task, "dt_ms": float(dt_ms), "noise": float(noise), "seed": int(seed)},
    )


def cognitive(task: str, n: int | None = None, *, seed: int, **options: Any) -> xr.DataArray:
    """The inputs of :func:`trials` alone, as a movie for `simulate` and for experiments.

    Examples
    --------
    >>> cognitive("perceptual_decision", seed=0).dims
    ('presentation', 'frame', 'channel', 'row', 'column')
    """
    return trials(task, n, seed=seed, **options)["input"].rename("stimuli")


def _known(task: str) -> Task:
    if task not in TASKS:
        raise unknown_name("trials", "task", task, TASKS)
    return TASKS[task]


def _epochs(spec: Task, dt_ms: float, random: bool, given: Mapping[str, float], generator: np.random.Generator) -> np.ndarray:
    """The name of the epoch of every frame."""
    for name in given:
        if name not in spec.epochs:
            raise unknown_name("trials", "epoch", name, spec.epochs)
    names = []
    for name, (fixed, low, high) in spec.epochs.items():
        drawn = generator.uniform(low, high)
        duration = float(given[name]) if name in given else drawn if random else fixed
        frames = round(duration / dt_ms)
        if frames < 1:
            raise ConfigError("trials", f"the {name} epoch lasts {duration:g} ms, less than a frame of {dt_ms:g} ms", expected="at least one frame")
        names += [name] * frames
    return np.array(names)


def _conditions(task: str, n: int | None, stimulus_set: str, n_angles: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """One value a trial of everything that distinguishes conditions, with the right choice."""
    evidence = np.array([*(-v for v in reversed(_LEVELS)), *_LEVELS])
    if task == "perceptual_decision":
        table = {"evidence": evidence}
    elif task == "multisensory_decision":
        table = dict(zip(("modality", "evidence"), _product(np.array(["visual", "auditory", "both"]), evidence), strict=True))
    elif task == "context_decision":
        strong = np.array([-0.4, -0.1, 0.1, 0.4])
        table = dict(zip(("context", "motion", "colour"), _product(np.array(["motion", "colour"]), strong, strong), strict=True))
    elif task == "parametric_memory":
        pairs = np.array([*_PAIRS, *((b, a) for a, b in _PAIRS)])
        table = {"first": pairs[:, 0], "second": pairs[:, 1]}
    else:
        return _angles(n, stimulus_set, n_angles, generator)
    size = len(next(iter(table.values())))
    rows = np.arange(size) if n is None else generator.integers(0, size, n)
    table = {k: v[rows] for k, v in table.items()}
    if task == "context_decision":
        signal = np.where(table["context"] == "motion", table["motion"], table["colour"])
    elif task == "parametric_memory":
        signal = table["first"] - table["second"]
    else:
        signal = table["evidence"]
    return table | {"condition": rows, "choice": (signal < 0).astype(int)}


def _product(*axes: np.ndarray) -> list[np.ndarray]:
    index = np.meshgrid(*(np.arange(len(a)) for a in axes), indexing="ij")
    return [a[i.reshape(-1)] for a, i in zip(axes, index, strict=True)]


def _angles(n: int | None, stimulus_set: str, n_angles: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    if n is None or stimulus_set == "points":
        every = np.linspace(0, np.pi, n_angles) if stimulus_set == "line" else 2 * np.pi * np.arange(n_angles) / n_angles
        rows = np.arange(n_angles) if n is None else generator.integers(0, n_angles, n)
        angle = every[rows]
    else:
        angle = generator.uniform(0.0, np.pi if stimulus_set == "line" else 2 * np.pi, n)
        rows = np.arange(n)
    return {"angle": angle, "condition": rows, "choice": np.full(len(angle), -1)}


def _play(spec: Task, table: dict[str, np.ndarray], epoch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (presentation, frame, channel) without noise, where they carry evidence, and targets (presentation, frame, output)."""
    n = len(table["choice"])
    shown = np.tile(np.asarray(spec.mean), (n, len(epoch), 1))
    carries = np.zeros(shown.shape, bool)
    target = np.zeros((n, len(epoch), len(spec.outputs)))
    waiting = epoch != "response"
    shown[:, waiting, 0] = 1.0
    target[:, waiting, 0] = 1.0
    for when, levels in _levels(spec.name, table).items():
        for channel, value in levels.items():
            where = np.ix_(np.isfinite(value), epoch == when, [spec.inputs.index(channel)])
            shown[where] = value[np.isfinite(value), None, None]
            carries[where] = not channel.startswith("cue")
    respond = ~waiting
    if "angle" in table:
        answer = np.stack([np.cos(table["angle"]), np.sin(table["angle"])], axis=1)
    else:
        answer = np.eye(len(spec.outputs) - 1)[table["choice"]]
    target[:, respond, 1:] = answer[:, None]
    return shown, carries, target


def _levels(task: str, table: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """For every epoch in which something is shown, the level of each channel; NaN in trials that do not use it."""
    if task == "perceptual_decision":
        e = table["evidence"]
        return {"stimulus": {"left": (1 + e) / 2, "right": (1 - e) / 2}}
    if task == "multisensory_decision":
        e, seen, heard = table["evidence"], table["modality"] != "auditory", table["modality"] != "visual"
        levels: dict[str, np.ndarray] = {}
        for sense, used in (("visual", seen), ("auditory", heard)):
            levels |= {f"{sense}_high": np.where(used, (1 + e) / 2, np.nan), f"{sense}_low": np.where(used, (1 - e) / 2, np.nan)}
        return {"stimulus": levels}
    if task == "context_decision":
        motion, colour, cue = table["motion"], table["colour"], table["context"] == "motion"
        sides = {"motion_left": (1 + motion) / 2, "motion_right": (1 - motion) / 2, "colour_left": (1 + colour) / 2, "colour_right": (1 - colour) / 2}
        return {"stimulus": {**sides, "cue_motion": cue.astype(float), "cue_colour": (~cue).astype(float)}}
    if task == "parametric_memory":
        return {k: {"rising": table[k], "falling": 1 - table[k]} for k in ("first", "second")}
    return {"stimulus": {"cosine": (1 + np.cos(table["angle"])) / 2, "sine": (1 + np.sin(table["angle"])) / 2}}
