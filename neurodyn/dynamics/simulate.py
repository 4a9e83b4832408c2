"""Run a model over stimuli; the one place that loops over time.

Batches, devices, memory, progress and streaming to disk live here and are invisible to analyses.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.artefacts.stream import ResponseWriter
from neurodyn.dynamics.noise import NoiseSource
from neurodyn.dynamics.record import READOUT, LayerPlan, Record, TimePlan, neuroid_coords
from neurodyn.dynamics.schedule import Schedule, Timeline
from neurodyn.errors import CapacityError, ConfigError, ModelError, SchemaError, first_of
from neurodyn.schema import PRESENTATION, check_ids, check_stimuli, make_responses

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["DEFAULT_STEPS", "Estimate", "estimate", "layer_shapes", "simulate", "state_at", "timeline_of", "unroll", "walk"]

DEFAULT_STEPS = 20
log = logging.getLogger("neurodyn")


@dataclass(frozen=True)
class Estimate:
    """What a simulation will keep.

    Attributes
    ----------
    n_presentations, n_neuroids, n_bins, n_steps : int
    bytes : int
        Size of the result.
    """

    n_presentations: int
    n_neuroids: int
    n_bins: int
    n_steps: int

    @property
    def bytes(self) -> int:
        """Size of the result in bytes (float32)."""
        return 4 * self.n_presentations * self.n_neuroids * self.n_bins

    def __str__(self) -> str:
        return (
            f"{self.n_presentations} presentations x {self.n_neuroids} neuroids x {self.n_bins} time bins "
            f"= {self.bytes / 2**20:.1f} MiB, {self.n_presentations * self.n_steps} image-steps"
        )


def simulate(
    model: DynamicalModel,
    stimuli: xr.DataArray | xr.Dataset,
    schedule: Schedule | None = None,
    record: Record | None = None,
    *,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    progress: bool | None = None,
) -> xr.DataArray:
    """Show stimuli to a model and keep what an electrode would see.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    stimuli : DataArray, (presentation[, frame], channel, row, column), or Dataset
        float32 in [0, 1]; a Dataset holds one variable for each key of a frame that is a dict.
    schedule : Schedule, optional
        Blank, stimulus, blank.  When absent: the model's own ``trial``; else the length of the movie; else 20 steps of the
        stimulus.
    record : Record, optional
        Layers, steps or bins, neuroids and reductions; everything at every step when absent.
    batch_size : int
        Presentations at a time; results agree within 1e-5 (relative) whatever it is.
    device : str, optional
        Where to run; where the model is when absent.
    seed : int, optional
        Turns the model's noise on; row i draws from a stream keyed by (seed, stimulus_id, repetition, step).
    out : path, optional
        Write the result to this netCDF file while it runs and return it lazily opened: memory stays bounded.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        Stimulus coords along `presentation`; ``neuroid_id layer channel row column`` along `neuroid`; ``step`` and, where the
        model's steps are time, ``time_bin_start`` and ``time_bin_end`` in ms along `time_bin`.

    Raises
    ------
    SchemaError
        Stimuli of other dims, range or size than the model's blank.
    ConfigError
        Unknown layers, steps outside the trial, durations in ms for a model without time.
    ModelError
        A model in train mode, or activity that is not finite.
    CapacityError
        If the result does not fit in memory and `out` is not given.

    Examples
    --------
    >>> import numpy as np
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.systems import linear_network
    >>> r = simulate(linear_network([0.5]), make_stimuli(np.ones((2, 1, 1, 1))), Schedule.steps(stimulus=3))
    >>> r.values[0, 0].tolist()
    [1.0, 1.5, 1.75]
    """
    record = record or Record()
    check_ready(model)
    stimuli = _check_frames(model, stimuli)
    timeline = timeline_of(model, stimuli, schedule)
    wanted = record.names(model.layers)
    time_plan = record.plan_time(timeline)
    activity = walk(model, stimuli, timeline, batch_size=batch_size, device=device, seed=seed, progress=progress)
    first = next(activity)  # the shapes of the layers come from the first step, so that no other is spent on finding them
    plans = record.plan_layers(model.layers, _shapes(model, first[2], first[3], wanted))
    activity = itertools.chain([first], activity)
    size = Estimate(stimuli.sizes[PRESENTATION], sum(p.n_neuroids for p in plans), len(time_plan.step), len(timeline))
    log.info("simulate: keeps %s", size)
    if out is None:
        _refuse_if_too_large(size)
    coords = {str(k): np.asarray(v.values) for k, v in stimuli.coords.items() if v.dims == (PRESENTATION,)}
    labels: dict[str, Any] = {
        "stimulus_coords": coords,
        "neuroid_coords": neuroid_coords(plans),
        "step": time_plan.step,
        "step_end": time_plan.step_end,
        "dt_ms": model.dt_ms,
    }
    shape = (size.n_presentations, size.n_neuroids, size.n_bins)
    if out is not None:
        template = make_responses(np.broadcast_to(np.float32(0), shape), **labels)
        with ResponseWriter(Path(out), template) as writer:
            _fill(model, stimuli, timeline, plans, time_plan, writer.write, activity)
        return xr.open_dataarray(Path(out))
    values = np.empty(shape, dtype=np.float32)

    def write(rows: slice, block: np.ndarray) -> None:
        values[rows] = block

    _fill(model, stimuli, timeline, plans, time_plan, write, activity)
    return make_responses(values, **labels)


def estimate(model: DynamicalModel, stimuli: xr.DataArray | xr.Dataset, schedule: Schedule | None = None, record: Record | None = None) -> Estimate:
    """Say what `simulate` would keep, without running it.

    Parameters are those of :func:`simulate`.
    """
    record = record or Record()
    timeline = timeline_of(model, stimuli, schedule)
    plans = record.plan_layers(model.layers, layer_shapes(model))
    return Estimate(stimuli.sizes[PRESENTATION], sum(p.n_neuroids for p in plans), len(record.plan_time(timeline).step), len(timeline))


def timeline_of(model: DynamicalModel, stimuli: xr.DataArray | xr.Dataset, schedule: Schedule | None = None) -> Timeline:
    """The steps of a trial: the schedule given, the movie's length, the model's own trial, or 20 steps.

    Parameters
    ----------
    model : DynamicalModel
    stimuli : DataArray or Dataset
        A ``frame`` dim makes it a movie; ``frame_start`` says when each frame begins (one step a frame when absent).
    schedule : Schedule, optional
    """
    start = None
    if "frame" in stimuli.dims:
        n_frames = stimuli.sizes["frame"]
        step = 1.0 if model.dt_ms is None else float(model.dt_ms)
        start = np.asarray(stimuli.coords["frame_start"].values, float) if "frame_start" in stimuli.coords else np.arange(n_frames) * step
        if schedule is None:
            last = start[-1] - start[-2] if n_frames > 1 else step
            schedule = Schedule(0.0, float(start[-1] + last), 0.0, "ms" if model.dt_ms is not None else "step")
    if schedule is None:
        schedule = getattr(model, "trial", None) or Schedule.steps(stimulus=DEFAULT_STEPS)
    if not isinstance(schedule, Schedule):
        raise ConfigError("simulate", f"`schedule` is a {type(schedule).__name__}", expected="a Schedule", fix="neurodyn.Schedule.ms(before=100, stimulus=200)")
    return schedule.timeline(dt_ms=model.dt_ms, frame_start=start)


def unroll(
    model: DynamicalModel,
    frames: Tensor | dict[str, Tensor],
    timeline: Timeline,
    *,
    movie: bool = False,
    state: State | None = None,
    noise: NoiseSource | None = None,
    freeze: bool = True,
) -> Iterator[tuple[int, State, Drive]]:
    """Step a model through a trial on one batch; gradients flow, so training uses it too.

    Parameters
    ----------
    model : DynamicalModel
    frames : Tensor, (batch[, frame], channel, row, column), or dict of Tensor
    timeline : Timeline
    movie : bool
        Whether `frames` has a frame axis.
    state : State, optional
        Where to begin; the model's initial state when absent.
    noise : NoiseSource, optional
    freeze : bool
        Keep the state of rows that the model says are finished; without it they go on.

    Yields
    ------
    k : int
        Index into the timeline.
    state : State
        After update k.
    drive : Drive
        The drive of update k.
    """
    finished = getattr(model, "finished", None) if freeze else None
    shown, drive, blank_drive = None, None, None
    n = len(next(iter(frames.values())) if isinstance(frames, dict) else frames)
    for k in range(len(timeline)):
        index = int(timeline.frame[k])
        if index != shown:
            if index < 0:
                blank_drive = blank_drive or _blank_drive(model, frames, n)
                drive = blank_drive
            else:
                drive = model.encode(_pick(frames, index) if movie else frames)
            shown = index
        assert drive is not None
        source = noise.at(int(timeline.step[k])) if noise is not None else None
        if state is None:
            state = model.initial_state(drive, noise=source)
        new = model.step(state, drive, noise=source)
        state = new if finished is None else _freeze(finished(state), state, new)
        yield k, state, drive


def walk(
    model: DynamicalModel,
    stimuli: xr.DataArray | xr.Dataset,
    timeline: Timeline,
    *,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int | None = None,
    progress: bool | None = None,
    freeze: bool = True,
) -> Iterator[tuple[slice, int, State, Drive]]:
    """Step a model through a trial batch by batch, without gradients: what streaming analyses are built on.

    Yields
    ------
    rows : slice
        The presentations of this batch.
    k : int
        Index into the timeline.
    state : State
    drive : Drive
    """
    import torch
    from tqdm.auto import tqdm

    n = stimuli.sizes[PRESENTATION]
    movie = "frame" in stimuli.dims
    keys = presentation_keys(stimuli)
    where = model_device(model) if device is None else torch.device(device)
    if device is not None and isinstance(model, torch.nn.Module):
        model.to(where)
    bar = tqdm(total=n * len(timeline), unit="image-step", desc="simulate", disable=None if progress is None else not progress, leave=False)
    with torch.no_grad(), bar:
        for start in range(0, n, batch_size):
            rows = slice(start, min(start + batch_size, n))
            noise = NoiseSource(seed, keys[rows]) if seed is not None else None
            for k, state, drive in unroll(model, _tensors(stimuli, rows, where), timeline, movie=movie, noise=noise, freeze=freeze):
                yield rows, k, state, drive
                bar.update(rows.stop - rows.start)


def state_at(
    model: DynamicalModel,
    stimuli: xr.DataArray | xr.Dataset,
    schedule: Schedule | None = None,
    *,
    step: int | None = None,
    device: str | torch.device | None = None,
    seed: int | None = None,
) -> tuple[State, Drive]:
    """The state and drive at one step of a trial, all presentations in one batch; the last step when `step` is None.

    Examples
    --------
    >>> import numpy as np
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.systems import linear_network
    >>> state, drive = state_at(linear_network([0.5]), make_stimuli(np.ones((1, 1, 1, 1))), Schedule.steps(stimulus=2))
    >>> float(state["x"])
    1.5
    """
    check_ready(model)
    stimuli = _check_frames(model, stimuli)
    timeline = timeline_of(model, stimuli, schedule)
    if step is not None and step not in timeline.step:
        raise SchemaError("state_at", f"step {step} is not in the trial", expected=f"a step in {timeline.step[0]}..{timeline.step[-1]}")
    last = len(timeline) - 1 if step is None else int(np.nonzero(timeline.step == step)[0][0])
    for _, k, state, drive in walk(model, stimuli, timeline, batch_size=stimuli.sizes[PRESENTATION], device=device, seed=seed):
        if k == last:
            return state, drive
    raise AssertionError("this is a bug: the trial ended before the step asked for")


def layer_shapes(model: DynamicalModel) -> dict[str, tuple[int, ...]]:
    """The shape of one row of every layer, the readout included, found by one step on the blank.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> layer_shapes(linear_network([0.5, 0.5]))
    {'x': (2,), 'readout': (2,)}
    """
    import torch

    with torch.no_grad():
        where = model_device(model)
        drive = model.encode(_batched_blank(model, where))
        return _shapes(model, model.step(model.initial_state(drive), drive), drive, (*model.layers, READOUT))


def _shapes(model: DynamicalModel, state: State, drive: Drive, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The shape of one row of some layers, the readout among them if named."""
    import torch

    layers = tuple(n for n in names if n != READOUT)
    with torch.no_grad():
        shapes = {k: tuple(v.shape[1:]) for k, v in model.rates(state, drive, layers).items()} if layers else {}
        if READOUT in names:
            shapes[READOUT] = tuple(model.readout(state).shape[1:])
    return shapes


def check_ready(model: DynamicalModel) -> None:
    """Refuse a model in train mode: dropout and batch statistics would make its activity irreproducible."""
    import torch

    if not hasattr(model, "step") or not hasattr(model, "blank"):
        fix = f"neurodyn.load_model({model!r})" if isinstance(model, str) else "neurodyn.as_dynamical(module, ...)"
        raise ModelError("simulate", f"`model` is a {type(model).__name__}, which has no `step` and `blank`", expected="a model under the contract", fix=fix)
    if isinstance(model, torch.nn.Module) and model.training:
        raise ModelError("simulate", f"{type(model).__name__} is in train mode", expected="eval mode", fix="model.eval()")


def model_device(model: DynamicalModel) -> torch.device:
    """Where the model's parameters are, or its blank if it has none."""
    import torch

    if isinstance(model, torch.nn.Module):
        for p in model.parameters():
            return p.device
    blank = model.blank
    return next(iter(blank.values())).device if isinstance(blank, dict) else blank.device


def presentation_keys(stimuli: xr.DataArray | xr.Dataset) -> list[str]:
    """One key a row for the noise: stimulus id and repetition, so that equal rows see equal noise wherever they are."""
    ids = [str(i) for i in stimuli.coords["stimulus_id"].values]
    if "repetition" in stimuli.coords:
        ids = [f"{i}#{r}" for i, r in zip(ids, stimuli.coords["repetition"].values, strict=True)]
    return ids


def _fill(
    model: DynamicalModel,
    stimuli: xr.DataArray | xr.Dataset,
    timeline: Timeline,
    plans: list[LayerPlan],
    time_plan: TimePlan,
    write: Callable[[slice, Any], None],
    activity: Iterable[tuple[slice, int, State, Drive]],
) -> None:
    layers = tuple(p.layer for p in plans if p.layer != READOUT)
    needed, n_steps = time_plan.needed, len(timeline)
    block: np.ndarray | None = None
    for rows, k, state, drive in activity:
        if k == 0:
            block = np.zeros((rows.stop - rows.start, sum(p.n_neuroids for p in plans), time_plan.weights.shape[1]), np.float32)
        assert block is not None
        if needed[k]:
            rates = dict(model.rates(state, drive, layers)) if layers else {}
            if len(layers) < len(plans):
                rates[READOUT] = model.readout(state)
            bins = np.nonzero(time_plan.weights[k])[0]
            kept = np.concatenate([_keep(rates[p.layer], p) for p in plans], axis=1)
            _refuse_non_finite(kept, plans, int(timeline.step[k]), stimuli, rows)
            for b in bins:
                block[:, :, b] += time_plan.weights[k, b] * kept
        if k == n_steps - 1:
            write(rows, block)


def _keep(values: Tensor, plan: LayerPlan) -> np.ndarray:
    if plan.space_mean:
        values = values.mean(dim=(-2, -1))
    flat = values.detach().reshape(len(values), -1)
    if plan.index is not None:
        import torch

        flat = flat[:, torch.as_tensor(plan.index, device=flat.device)]
    return flat.float().cpu().numpy()


def _refuse_non_finite(kept: np.ndarray, plans: list[LayerPlan], step: int, stimuli: xr.DataArray | xr.Dataset, rows: slice) -> None:
    finite = np.isfinite(kept)
    if finite.all():
        return
    layer = np.repeat([p.layer for p in plans], [p.n_neuroids for p in plans])[~finite.all(axis=0)][0]
    ids = stimuli.coords["stimulus_id"].values[rows][~finite.all(axis=1)]
    raise ModelError(
        "simulate",
        f"activity of layer `{layer}` is not finite at step {step} for {len(ids)} presentations ({first_of(ids)})",
        expected="finite activity",
        fix="check the weights, the input range and dt: an Euler map diverges where its spectral radius passes 1",
    )


def _check_frames(model: DynamicalModel, stimuli: xr.DataArray | xr.Dataset) -> xr.DataArray | xr.Dataset:
    if getattr(stimuli, "sizes", {}).get(PRESENTATION) == 0:
        raise SchemaError(
            "simulate", "`stimuli` hold 0 presentations", expected="at least one", fix="look at what was selected: a split, labels or n that left nothing"
        )
    blank = model.blank
    if isinstance(blank, dict):
        if not isinstance(stimuli, xr.Dataset) or set(map(str, stimuli.data_vars)) != set(blank):
            raise SchemaError(
                "simulate",
                f"`stimuli` is a {type(stimuli).__name__} for a model whose frame has keys {sorted(blank)}",
                expected="an xarray.Dataset with these variables",
            )
        check_ids(stimuli, PRESENTATION, "stimulus_id", where="simulate", unique=False)  # type: ignore[arg-type]
        return stimuli
    stimuli = check_stimuli(stimuli, where="simulate")  # type: ignore[arg-type]
    shape = stimuli.shape[-3:]
    if tuple(blank.shape) != shape:
        raise SchemaError(
            "simulate",
            f"`stimuli` are {shape[0]} x {shape[1]} x {shape[2]} (channel x row x column) for a model of {' x '.join(map(str, blank.shape))}",
            expected=f"images of {blank.shape[1]} x {blank.shape[2]} pixels with {blank.shape[0]} channels",
            fix=f"neurodyn.stimuli.resize.resize(stimuli, {blank.shape[1]}, n_channels={blank.shape[0]})"
            if blank.shape[1] > 1
            else "as_dynamical(module, encode=..., blank=torch.zeros("
            + ", ".join(map(str, shape))
            + ")), where encode turns a batch of images into the module's inputs",
        )
    return stimuli


def _refuse_if_too_large(size: Estimate) -> None:
    free = available_bytes()
    if size.bytes > 0.8 * free:
        raise CapacityError(
            "simulate",
            f"the result is {size} but {free / 2**20:.0f} MiB of memory are free",
            expected="a result under 80 % of the free memory",
            fix='simulate(..., out="responses.nc"), or a Record with fewer layers, steps or neuroids',
        )


def available_bytes() -> int:
    """Memory that can be had without swapping, in bytes."""
    import os

    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) // 2


def _tensors(stimuli: xr.DataArray | xr.Dataset, rows: slice, device: torch.device) -> Tensor | dict[str, Tensor]:
    import torch

    part = stimuli.isel({PRESENTATION: rows})
    if isinstance(part, xr.Dataset):
        return {str(k): torch.from_numpy(np.ascontiguousarray(v.values)).to(device) for k, v in part.data_vars.items()}
    return torch.from_numpy(np.ascontiguousarray(part.values)).to(device)


def _pick(frames: Tensor | dict[str, Tensor], index: int) -> Tensor | dict[str, Tensor]:
    if isinstance(frames, dict):
        return {k: v[:, index] for k, v in frames.items()}
    return frames[:, index]


def _batched_blank(model: DynamicalModel, device: torch.device) -> Tensor | dict[str, Tensor]:
    blank = model.blank
    if isinstance(blank, dict):
        return {k: v.unsqueeze(0).to(device) for k, v in blank.items()}
    return blank.unsqueeze(0).to(device)


def _blank_drive(model: DynamicalModel, frames: Tensor | dict[str, Tensor], n: int) -> Drive:
    like = next(iter(frames.values())) if isinstance(frames, dict) else frames
    drive = model.encode(_batched_blank(model, like.device))
    return {k: v.expand(n, *v.shape[1:]) for k, v in drive.items()}


def _freeze(done: Tensor, old: State, new: State) -> State:
    if not bool(done.any()):
        return new
    import torch

    frozen = {}
    for key, value in new.items():
        mask = done.reshape(-1, *([1] * (value.dim() - 1)))
        frozen[key] = torch.where(mask, old[key], value)
    return frozen
