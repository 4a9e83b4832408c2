"""What kind of solution a trained network found: an answer that stays or one that passes, one resting state or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.simulate import check_ready, model_device, timeline_of
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State
    from neurodyn.dynamics.schedule import Schedule

__all__ = ["solution_type"]


def solution_type(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    labels: Sequence[int],
    *,
    schedule: Schedule | None = None,
    prolong: float = 3.0,
    n_random: int = 8,
    rest_steps: int = 400,
    accuracy_drop: float = 0.05,
    rest_tol: float = 1e-2,
    seed: int,
) -> xr.Dataset:
    """Prolong the image and see whether the answer stays; remove it and see whether every start comes to the same rest.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode; its readout is class logits.
    stimuli : DataArray, (presentation, channel, row, column)
    labels : int sequence, (presentation)
    schedule : Schedule, optional
        The trial it was trained on; the model's own when absent.
    prolong : float
        The image is held this many times as long as in the trial.
    n_random : int
        Random starts for the rest, with the norm of the states that images lead to, besides silence and those states themselves.
    rest_steps : int
        Steps of blank from each start.
    accuracy_drop : float
        An accuracy that falls by more than this is a transient solution.
    rest_tol : float
        Distance from the spontaneous state, relative to the distance images lead to, under which a start has come back.
    seed : int

    Returns
    -------
    Dataset
        =================  ===========  =====  =====================================================================
        variable           dims         units  meaning
        =================  ===========  =====  =====================================================================
        accuracy           (time_bin)   1      after each step of the prolonged image
        accuracy_trained   ()           1      at the end of the trial
        accuracy_late      ()           1      at the end of the prolonged image
        steady_state       ()                  1 where accuracy falls by `accuracy_drop` or less
        distance           (start)      1      from the spontaneous state after the rest, relative to the distance images
                                               lead to (silence is the first start, then images, then random states)
        mono_stable        ()                  1 where all distances are `rest_tol` or less
        =================  ===========  =====  =====================================================================

    Raises
    ------
    SchemaError
        If labels and stimuli differ in number.
    ConfigError
        If `prolong` is below 1.
    """
    import torch

    check_ready(model)
    stimuli = check_stimuli(stimuli, where="solution_type")
    label = np.asarray(labels)
    if len(label) != stimuli.sizes[PRESENTATION]:
        raise SchemaError("solution_type", f"{len(label)} labels for {stimuli.sizes[PRESENTATION]} stimuli", expected="one label a stimulus")
    if prolong < 1:
        raise ConfigError("solution_type", f"`prolong` is {prolong}", expected="1 or more")
    line = timeline_of(model, stimuli, schedule)
    n_before, n_shown = int((line.step < 0).sum()), int((line.frame >= 0).sum())
    device = model_device(model)
    frames = torch.from_numpy(np.ascontiguousarray(stimuli.values)).to(device)
    with torch.no_grad():
        blank = model.encode(model.blank.unsqueeze(0).to(device))
        rest = _play(model, model.initial_state(blank), blank, max(n_before, rest_steps))
        drive = model.encode(frames)
        state = {k: v.expand(len(frames), *v.shape[1:]) for k, v in _play(model, model.initial_state(blank), blank, n_before).items()}
        accuracy, on = [], state
        for k in range(round(prolong * n_shown)):
            state = model.step(state, drive)
            on = state if k == n_shown - 1 else on
            accuracy.append(float((model.readout(state).argmax(1).cpu().numpy() == label).mean()))
        starts = _starts(model, on, n_random, seed)
        n = len(next(iter(starts.values())))
        after = _play(model, starts, {k: v.expand(n, *v.shape[1:]) for k, v in blank.items()}, rest_steps)
        scale = _distance(model, on, rest).mean().clamp_min(1e-30)
        distance = (_distance(model, after, rest) / scale).cpu().numpy()
    trained, late = accuracy[n_shown - 1], accuracy[-1]
    time = np.arange(len(accuracy))
    return xr.Dataset(
        {
            "accuracy": ("time_bin", np.array(accuracy), {"units": "1"}),
            "accuracy_trained": ((), trained, {"units": "1"}),
            "accuracy_late": ((), late, {"units": "1"}),
            "steady_state": ((), int(trained - late <= accuracy_drop)),
            "distance": ("start", distance.astype(float), {"units": "1"}),
            "mono_stable": ((), int((distance <= rest_tol).all())),
        },
        coords={"step": ("time_bin", time, {"units": "step"})}
        | ({} if model.dt_ms is None else {"time_bin_start": ("time_bin", time * float(model.dt_ms), {"units": "ms"})}),
    )


def _play(model: DynamicalModel, state: State, drive: Drive, n_steps: int) -> State:
    for _ in range(n_steps):
        state = model.step(state, drive)
    return state


def _starts(model: DynamicalModel, on: State, n_random: int, seed: int) -> State:
    """Silence, the states that up to 8 images lead to, and random states of their norm."""
    import torch

    starts = {}
    for key, value in on.items():
        some = value[:8]
        parts = [torch.zeros_like(some[:1]) if key in model.phase else some[:1], some]
        if key in model.phase and n_random:
            draw = torch.randn((n_random, *value.shape[1:]), generator=torch_generator(seed, "start", key)).to(value).abs()
            size = some.flatten(1).norm(dim=1).mean() / draw.flatten(1).norm(dim=1).clamp_min(1e-30)
            parts.append(draw * size.reshape(-1, *([1] * (value.dim() - 1))))
        elif n_random:
            parts.append(some[:1].expand(n_random, *value.shape[1:]))
        starts[key] = torch.cat(parts)
    return starts


def _distance(model: DynamicalModel, state: State, other: State) -> Tensor:
    import torch

    return torch.stack([(state[k] - other[k]).flatten(1).pow(2).sum(1) for k in model.phase]).sum(0).sqrt()
