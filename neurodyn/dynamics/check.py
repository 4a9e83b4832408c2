"""Probe a model: does it keep the contract that every analysis leans on?"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurodyn.dynamics.noise import NoiseSource
from neurodyn.errors import ModelError, NeurodynError, first_of
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["check_model", "probe_frames"]

WHERE = "check_model"
_METHODS = ("encode", "initial_state", "step", "rates", "readout")
_RAISED = (RuntimeError, TypeError, ValueError, KeyError, IndexError, AttributeError, AssertionError)
_N_ROWS = 3


def check_model(model: Any, *, frames: Tensor | dict[str, Tensor] | None = None, n_steps: int = 3, seed: int = 0, tol: float = 1e-4) -> DynamicalModel:
    """Show a model a few frames and refuse it if it breaks the contract; every refusal names the cause and the mend.

    Probed, in this order: the members and their types; eval mode; the blank; encode, initial_state, step, rates and readout
    (batch first, floating, finite, on the frame's device, declared layers and phase present); purity (inputs, weights and
    buffers untouched, nothing remembered between calls); determinism, the global generator untouched; the order of the
    state's keys; batch independence, with noise too; float64; gradients through the phase; ``finished`` where present.

    Parameters
    ----------
    model : DynamicalModel
    frames : Tensor, (batch, channel, row, column), or dict of Tensor, optional
        Frames to show; at least 2 rows.  Uniform noise in [0, 1] of the blank's shape when absent.
    n_steps : int
        Updates to make.
    seed : int
        Seed of the frames and of the noise.
    tol : float
        Largest difference between a row in a batch and the same row alone, relative to the largest value of the tensor.

    Returns
    -------
    DynamicalModel
        The model, unchanged.

    Raises
    ------
    ModelError
        At the first broken clause.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> model = check_model(linear_network([0.5]))
    >>> check_model(torch.nn.Linear(2, 2))
    Traceback (most recent call last):
    neurodyn.errors.ModelError: check_model: Linear has no dt_ms, layers, phase, blank, encode, initial_state, step, rates, readout
      expected: the members of neurodyn.dynamics.protocol.DynamicalModel
      fix: neurodyn.as_dynamical(module, ...)
    """
    name = _name(model)
    _check_members(model, name)
    frames = probe_frames(model, seed) if frames is None else frames
    _check_run(model, name, frames, n_steps)
    _check_pure(model, name, frames)
    _check_batches(model, name, frames, n_steps, seed, tol)
    _check_double(model, name, frames)
    _check_gradient(model, name, frames)
    _check_finished(model, name, frames)
    return model


def probe_frames(model: DynamicalModel, seed: int = 0, n_rows: int = _N_ROWS) -> Tensor | dict[str, Tensor]:
    """Frames of the blank's shape: uniform noise in [0, 1] for floating entries, the blank itself for others."""

    def draw(key: str, like: Tensor) -> Tensor:
        rows = like.unsqueeze(0).expand(n_rows, *like.shape).clone()
        if not like.is_floating_point():
            return rows
        noise = torch.rand(rows.shape, generator=torch_generator(seed, "check_model", key))
        return noise.to(device=like.device, dtype=like.dtype)

    if isinstance(model.blank, dict):
        return {k: draw(k, v) for k, v in model.blank.items()}
    return draw("frame", model.blank)


def _name(model: Any) -> str:
    return type(model).__name__.lstrip("_")


def _refuse(what: str, expected: str, fix: str | None = None) -> ModelError:
    return ModelError(WHERE, what, expected=expected, fix=fix)


def _call(name: str, method: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return function(*args, **kwargs)
    except NeurodynError:
        raise
    except _RAISED as error:
        raise _refuse(
            f"{name}.{method} raised {type(error).__name__}: {error}", "a call that returns", f"see the traceback above; try model.{method}(...) alone"
        ) from error


def _check_members(model: Any, name: str) -> None:
    missing = [m for m in ("dt_ms", "layers", "phase", "blank", *_METHODS) if not hasattr(model, m)]
    if missing:
        raise _refuse(f"{name} has no {', '.join(missing)}", "the members of neurodyn.dynamics.protocol.DynamicalModel", "neurodyn.as_dynamical(module, ...)")
    for method in _METHODS:
        if not callable(getattr(model, method)):
            raise _refuse(f"{name}.{method} is a {type(getattr(model, method)).__name__}", "a method")
    if isinstance(model, torch.nn.Module) and model.training:
        raise _refuse(f"{name} is in train mode: dropout and batch statistics would make its activity irreproducible", "eval mode", "model.eval()")
    dt_ms = model.dt_ms
    if dt_ms is not None and (isinstance(dt_ms, bool) or not isinstance(dt_ms, int | float) or not np.isfinite(dt_ms) or dt_ms <= 0):
        raise _refuse(f"{name}.dt_ms is {dt_ms!r}", "a positive number of ms, or None where iterations are not time", "model.dt_ms = 2.0")
    for member in ("layers", "phase"):
        value = getattr(model, member)
        if not isinstance(value, tuple) or not all(isinstance(v, str) for v in value):
            raise _refuse(f"{name}.{member} is {value!r}", "a tuple of names", f"model.{member} = tuple(names)")
        if len(set(value)) < len(value):
            raise _refuse(f"{name}.{member} names something twice: {value}", "each name once")
    if not model.layers:
        raise _refuse(f"{name}.layers is empty", "at least one recordable layer", 'model.layers = ("h",)')
    blanks = model.blank if isinstance(model.blank, dict) else {"blank": model.blank}
    for key, blank in blanks.items():
        if not isinstance(blank, Tensor):
            raise _refuse(f"{name}.blank[{key!r}] is a {type(blank).__name__}", "a Tensor", "model.blank = torch.zeros(channel, row, column)")
        if not isinstance(model.blank, dict) and blank.dim() != 3:
            raise _refuse(f"{name}.blank has shape {tuple(blank.shape)}", "(channel, row, column), without a batch axis", "model.blank = model.blank[0]")
        if blank.is_floating_point() and not bool(torch.isfinite(blank).all()):
            raise _refuse(f"{name}.blank[{key!r}] is not finite", "finite values")


def _check_tensors(name: str, method: str, values: Any, n: int, device: torch.device) -> None:
    if not isinstance(values, dict):
        raise _refuse(f"{name}.{method} returns a {type(values).__name__}", "a dict of Tensor")
    for key, value in values.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise _refuse(f"{name}.{method} returns {key!r}: {type(value).__name__}", "names and Tensors")
        if value.dim() == 0 or len(value) != n:
            raise _refuse(f"{name}.{method} returns `{key}` of shape {tuple(value.shape)} for {n} rows", f"batch first: ({n}, ...)", f"value.expand({n}, ...)")
        if value.device != device:
            raise _refuse(
                f"{name}.{method} returns `{key}` on {value.device} for a frame on {device}", "the frame's device", "torch.zeros(..., device=drive[...].device)"
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise _refuse(
                f"{name}.{method} returns `{key}` with {int((~torch.isfinite(value)).sum())} values that are not finite",
                "finite activity",
                "check the weights, the input range and dt",
            )


def _rows(frames: Tensor | dict[str, Tensor]) -> tuple[int, torch.device]:
    first = next(iter(frames.values())) if isinstance(frames, dict) else frames
    return len(first), first.device


def _select(frames: Tensor | dict[str, Tensor], rows: slice) -> Tensor | dict[str, Tensor]:
    return {k: v[rows] for k, v in frames.items()} if isinstance(frames, dict) else frames[rows]


def _check_run(model: DynamicalModel, name: str, frames: Tensor | dict[str, Tensor], n_steps: int) -> None:
    n, device = _rows(frames)
    with torch.no_grad():
        drive = _call(name, "encode", model.encode, frames)
        _check_tensors(name, "encode", drive, n, device)
        state = _call(name, "initial_state", model.initial_state, drive)
        _check_tensors(name, "initial_state", state, n, device)
        _check_phase(model, name, state)
        for _ in range(n_steps):
            new = _call(name, "step", model.step, state, drive)
            _check_tensors(name, "step", new, n, device)
            _check_same_layout(name, state, new)
            state = new
        rates = _call(name, "rates", model.rates, state, drive, model.layers)
        _check_tensors(name, "rates", rates, n, device)
        if set(rates) != set(model.layers):
            absent, extra = [k for k in model.layers if k not in rates], [k for k in rates if k not in model.layers]
            raise _refuse(
                f"{name}.rates returns {list(rates)} for layers {model.layers}; absent {absent}, not declared {extra}", "exactly the layers asked for"
            )
        some = model.layers[-1:]
        if set(_call(name, "rates", model.rates, state, drive, some)) != set(some):
            raise _refuse(f"{name}.rates asked for {some} returns other layers too", "exactly the layers asked for", "{k: every[k] for k in layers}")
        readout = _call(name, "readout", model.readout, state)
        _check_tensors(name, "readout", {"readout": readout}, n, device)


def _check_phase(model: DynamicalModel, name: str, state: State) -> None:
    absent = [k for k in model.phase if k not in state]
    if absent:
        raise _refuse(f"{name}.phase names {absent} but the state holds {list(state)}", "keys of the state")
    fixed = [k for k in model.phase if not state[k].is_floating_point()]
    if fixed:
        raise _refuse(f"{name}.phase names {fixed} of dtype {state[fixed[0]].dtype}", "floating keys: counters and flags stay out of the phase")
    ordered = tuple(k for k in state if k in model.phase)
    if ordered != model.phase:
        raise _refuse(f"{name}.phase is {model.phase} but the state's order is {ordered}", "the state's order, input upwards", f"model.phase = {ordered}")


def _check_same_layout(name: str, old: State, new: State) -> None:
    if set(new) != set(old):
        absent, extra = first_of(set(old) - set(new)), first_of(set(new) - set(old))
        raise _refuse(f"{name}.step returns keys {list(new)} for a state of {list(old)} (absent {absent}; added {extra})", "the same keys at every step")
    if list(new) != list(old):
        raise _refuse(
            f"{name}.step returns keys in the order {list(new)} for {list(old)}", "the same order, input upwards", "build the new dict in the old one's order"
        )
    for key, value in new.items():
        if value.shape != old[key].shape or value.dtype != old[key].dtype:
            raise _refuse(
                f"{name}.step turns `{key}` from {tuple(old[key].shape)} {old[key].dtype} into {tuple(value.shape)} {value.dtype}",
                "the same shape and dtype at every step: initial_state allocates what step returns",
            )


def _check_pure(model: DynamicalModel, name: str, frames: Tensor | dict[str, Tensor]) -> None:
    rng = torch.get_rng_state()
    weights = {k: v.clone() for k, v in model.state_dict().items()} if isinstance(model, torch.nn.Module) else {}
    shown = _clone(frames)
    with torch.no_grad():
        drive = model.encode(frames)
        first = model.initial_state(drive)
        kept_drive, kept_state = _clone(drive), _clone(first)
        second = model.step(first, drive)
        _unchanged(name, "step", "state", kept_state, first)
        _unchanged(name, "step", "drive", kept_drive, drive)
        kept = _clone(second)
        model.rates(second, drive, model.layers)
        model.readout(second)
        _unchanged(name, "rates or readout", "state", kept, second)
        _unchanged(name, "rates or readout", "drive", kept_drive, drive)
        _unchanged(name, "encode", "frame", shown, frames)
        other = model.encode(_select(frames, slice(1, None)))  # a trial of other frames between two equal ones
        model.step(model.initial_state(other), other)
        again_drive = model.encode(frames)
        again = model.step(model.initial_state(again_drive), again_drive)
    for key in kept:
        if not torch.equal(kept[key], again[key]):
            raise _refuse(
                f"{name} gives another `{key}` when the same frames are shown again (largest difference {_gap(kept[key], again[key]):.3g})",
                "equal activity: everything remembered is in the state, noise=None means noise off",
                "move what the module keeps on itself into the state; draw noise from the `noise` argument only",
            )
    if not torch.equal(rng, torch.get_rng_state()):
        raise _refuse(f"{name} draws from the global generator with noise=None", "no randomness", "noise.normal(name, like), where noise is not None")
    if isinstance(model, torch.nn.Module):
        moved = [k for k, v in model.state_dict().items() if not torch.equal(v, weights[k])]
        if moved:
            raise _refuse(
                f"{name} changes its own {first_of(moved)} while it runs", "weights and buffers untouched in eval mode", "keep running values in the state"
            )


def _clone(values: Any) -> Any:
    return {k: v.clone() for k, v in values.items()} if isinstance(values, dict) else values.clone()


def _unchanged(name: str, method: str, what: str, before: Any, after: Any) -> None:
    pairs = before.items() if isinstance(before, dict) else [("frame", before)]
    for key, value in pairs:
        now = after.get(key) if isinstance(after, dict) else after
        if now is None or not torch.equal(value, now):
            raise _refuse(
                f"{name}.{method} changes `{key}` of the {what} it is given",
                "a pure function: a new value is returned",
                "replace in-place operations (`+=`, `_`)",
            )


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max())


def _check_batches(model: DynamicalModel, name: str, frames: Tensor | dict[str, Tensor], n_steps: int, seed: int, tol: float) -> None:
    n, _ = _rows(frames)
    keys = [f"probe-{i}" for i in range(n)]
    for noisy in (False, True):
        whole = _play(model, frames, n_steps, NoiseSource(seed, keys) if noisy else None)
        alone = _play(model, _select(frames, slice(1, 2)), n_steps, NoiseSource(seed, keys[1:2]) if noisy else None)
        for key, value in whole.items():
            gap = _gap(value[1:2], alone[key])
            if gap > tol * max(float(value.double().abs().max()), 1.0):
                cause = "with noise on " if noisy else ""
                raise _refuse(
                    f"{name} {cause}gives row 1 another `{key}` alone than in a batch of {n} (largest difference {gap:.3g})",
                    "rows that do not see each other",
                    "noise.normal(name, like) draws by presentation" if noisy else "normalise over the unit's own axes, not over the batch",
                )


def _play(model: DynamicalModel, frames: Tensor | dict[str, Tensor], n_steps: int, noise: NoiseSource | None) -> dict[str, Tensor]:
    with torch.no_grad():
        drive: Drive = model.encode(frames)
        state = _call(_name(model), "initial_state", model.initial_state, drive, noise=noise)
        for k in range(n_steps):
            state = _call(_name(model), "step", model.step, state, drive, noise=noise.at(k) if noise is not None else None)
        return {**state, **{f"rates of {k}": v for k, v in model.rates(state, drive, model.layers).items()}, "readout": model.readout(state)}


def _check_double(model: DynamicalModel, name: str, frames: Tensor | dict[str, Tensor]) -> None:
    double = copy.deepcopy(model)
    if isinstance(double, torch.nn.Module):
        double = double.double()

    def cast(value: Tensor) -> Tensor:
        return value.double() if value.is_floating_point() else value

    wide = {k: cast(v) for k, v in frames.items()} if isinstance(frames, dict) else cast(frames)
    fix = "register constants as buffers and allocate with the drive's dtype: torch.zeros_like(drive[...])"
    try:
        with torch.no_grad():
            drive = double.encode(wide)
            state = double.step(double.initial_state(drive), drive)
            rates = double.rates(state, drive, double.layers)
    except _RAISED as error:
        raise _refuse(f"{name} cannot run in float64 ({type(error).__name__}: {error})", "dtype comes from the drive", fix) from error
    for key in model.phase:
        if state[key].dtype != torch.float64:
            raise _refuse(f"{name}.step gives `{key}` in {state[key].dtype} for a float64 frame", "float64: dtype comes from the drive", fix)
    for key, value in rates.items():
        if value.is_floating_point() and value.dtype != torch.float64:
            raise _refuse(f"{name}.rates gives `{key}` in {value.dtype} for a float64 frame", "float64: dtype comes from the drive", fix)


def _check_gradient(model: DynamicalModel, name: str, frames: Tensor | dict[str, Tensor]) -> None:
    if not model.phase:
        return
    with torch.no_grad():
        drive = model.encode(frames)
        state = model.step(model.initial_state(drive), drive)
    with torch.enable_grad():
        state = {k: v.detach().requires_grad_(k in model.phase) for k, v in state.items()}
        new = model.step(state, drive)
    if not any(new[k].requires_grad for k in model.phase):
        raise _refuse(
            f"{name}.step cuts the gradient: no key of the phase {model.phase} depends on the old state",
            "a differentiable step: Jacobians are taken through it",
            "remove torch.no_grad() and .detach() from step, or set model.phase = () for a model without dynamics",
        )


def _check_finished(model: DynamicalModel, name: str, frames: Tensor | dict[str, Tensor]) -> None:
    finished = getattr(model, "finished", None)
    if finished is None:
        return
    n, _ = _rows(frames)
    with torch.no_grad():
        done = _call(name, "finished", finished, model.initial_state(model.encode(frames)))
    if not isinstance(done, Tensor) or done.dtype != torch.bool or tuple(done.shape) != (n,):
        given = f"{done.dtype} {tuple(done.shape)}" if isinstance(done, Tensor) else type(done).__name__
        raise _refuse(f"{name}.finished returns {given} for {n} rows", f"a bool Tensor ({n},)", "(state['halt'] >= 1).flatten()")
