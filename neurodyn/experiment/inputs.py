"""Make one input of an experiment: a model, stimuli, a schedule, a record."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn import registry
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.experiment.spec import ModelInput, RecordInput, ScheduleInput, StimuliInput, arguments_of
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.record import Record
    from neurodyn.dynamics.schedule import Schedule

__all__ = ["as_model_input", "as_record", "as_schedule", "call_with", "choose", "fit", "function_named", "load_stimuli", "model_from", "module_of"]


def model_from(spec: str | ModelInput, *, device: str | None = None, where: str = "inputs.model") -> DynamicalModel:
    """Make the model that an experiment names.

    Raises
    ------
    ConfigError
        If the name is unknown (the nearest is offered).
    """
    from neurodyn.experiment.resolve import build, load_model

    spec = as_model_input(spec)
    if spec.name is not None:
        if spec.parameters:
            raise ConfigError(where, f"`parameters` are given for the trained model `{spec.name}`", expected="them with `architecture` or `factory`")
        model = load_model(spec.name, untrained=spec.untrained, seed=spec.seed)
    elif spec.architecture is not None:
        model = build(spec.architecture, seed=spec.seed or 0, **spec.parameters)
    else:
        factory = function_named(spec.factory, "neurodyn.testing.systems", where)
        model = call_with(factory, spec.parameters, {"seed": spec.seed}, where)
    if device is not None and hasattr(model, "to"):
        model.to(device)
    return model


def load_stimuli(spec: StimuliInput, shape: tuple[int, ...] | None = None, *, where: str = "inputs.stimuli") -> xr.DataArray | xr.Dataset:
    """Read or generate stimuli, choose among them, and fit them to a model's frame.

    Parameters
    ----------
    spec : StimuliInput
    shape : (channel, row, column), optional
        The model's frame.
    where : str
        For messages.
    """
    narrowing = spec.per_label is not None or spec.labels is not None or spec.seed is not None
    if spec.dataset is not None:
        load = getattr(registry.load_module("datasets", spec.dataset), "load")  # noqa: B009
        takes = arguments_of(load)
        offered: dict[str, Any] = {"split": spec.split}
        if shape is not None and shape[1] == shape[2]:
            offered["image_size"] = shape[1]
        if not narrowing:
            offered["n"] = spec.n
        if spec.split is not None and "split" not in takes:
            raise ConfigError(where, f"data set `{spec.dataset}` has no splits", fix="remove `split`")
        loaded = call_with(load, spec.parameters, offered, where)
        stimuli = loaded[0] if isinstance(loaded, tuple) else loaded
    else:
        if spec.split is not None:
            raise ConfigError(where, f"the generator `{spec.generator}` has no splits", fix="remove `split`")
        generator = function_named(spec.generator, "neurodyn.stimuli", where)
        offered = {"seed": spec.seed, "n": spec.n}
        if shape is not None and shape[1] == shape[2]:
            offered["image_size"] = shape[1]
        made = call_with(generator, spec.parameters, offered, where)
        stimuli = made[0] if isinstance(made, tuple) else made
    return fit(choose(stimuli, spec, where=where), shape)


def choose(stimuli: xr.DataArray | xr.Dataset, spec: StimuliInput, *, where: str) -> xr.DataArray | xr.Dataset:
    """Keep the labels and the number of presentations asked for, in the order of the data."""
    rows = np.arange(stimuli.sizes["presentation"])
    if spec.labels is not None or spec.per_label is not None:
        if "label" not in stimuli.coords:
            raise ConfigError(where, "`labels` or `per_label` is given but the stimuli have no labels", expected="a labelled data set")
        label = stimuli.coords["label"].values
        known = list(dict.fromkeys(label.tolist()))
        wanted = sorted(known) if spec.labels is None else spec.labels
        for value in wanted:
            if value not in known:
                raise unknown_name(where, "label", value, sorted(known))
        groups = [rows[label == value] for value in wanted]
        if spec.per_label is not None:
            groups = [_draw(g, spec.per_label, spec.seed, where) for g in groups]
        rows = np.sort(np.concatenate(groups))
    if spec.n is not None:
        rows = _draw(rows, spec.n, spec.seed, where)
    return stimuli.isel(presentation=rows)


def as_schedule(spec: ScheduleInput | None) -> Schedule | None:
    """The trial of a spec."""
    from neurodyn.dynamics.schedule import Schedule

    if spec is None:
        return None
    values = spec.model_dump(exclude_none=True)
    unit = "ms" if any(k.endswith("_ms") for k in values) else "steps"
    durations = {name: values.get(f"{name}_{unit}", 0) for name in ("before", "stimulus", "after")}
    return Schedule.ms(**durations) if unit == "ms" else Schedule.steps(**durations)


def as_record(spec: RecordInput | None) -> Record | None:
    """The record of a spec."""
    from neurodyn.dynamics.record import Record

    return None if spec is None else Record(**{k: getattr(spec, k) for k in type(spec).model_fields})


def _draw(rows: np.ndarray, n: int, seed: int | None, where: str) -> np.ndarray:
    if n > len(rows):
        raise ConfigError(where, f"{n} presentations are asked for but there are {len(rows)}", expected=f"at most {len(rows)}")
    return rows[:n] if seed is None else np.sort(numpy_generator(seed, "choose", int(rows[0])).permutation(rows)[:n])


def fit(stimuli: Any, shape: tuple[int, ...] | None) -> Any:
    """Resize stimuli to a model's frame where they differ."""
    if shape is None or isinstance(stimuli, xr.Dataset) or stimuli.shape[-3:] == shape:
        return stimuli
    from neurodyn.stimuli.resize import resize

    return resize(stimuli, shape[1], n_channels=shape[0])


def as_model_input(spec: str | ModelInput) -> ModelInput:
    """A model's short form as its long one."""
    if isinstance(spec, ModelInput):
        return spec
    return ModelInput(factory=spec) if ":" in spec else ModelInput(name=spec)


def function_named(name: str | None, package: str, where: str) -> Callable[..., Any]:
    """A function by ``package.module:name``, or by its name in a package of neurodyn (a module of that name is asked for its like-named function)."""
    assert name is not None
    if ":" in name or package == "neurodyn.stimuli":
        found = registry.load_object("stimuli", name)
    else:
        module = importlib.import_module(package)
        if not hasattr(module, name):
            raise unknown_name(where, f"function of {package}", name, getattr(module, "__all__", []))
        found = getattr(module, name)
    if not callable(found):
        raise ConfigError(where, f"`{name}` is a {type(found).__name__}", expected="a function")
    return found


def module_of(function: Callable[..., Any], name: str) -> str:
    """The module whose code a function named in a file stands for."""
    return name.split(":")[0] if ":" in name else function.__module__


def call_with(function: Callable[..., Any], parameters: dict[str, Any], offered: dict[str, Any], where: str) -> Any:
    """Call a function with the parameters of the file, and with those offered that it takes and that have a value."""
    takes = arguments_of(function)
    open_ended = any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
    for key in parameters:
        if key not in takes and not open_ended:
            raise unknown_name(where, f"parameter of {function.__module__}.{function.__name__}", key, [k for k in takes if k not in offered or k == key])
    values = {k: v for k, v in offered.items() if k in takes and v is not None and k not in parameters}
    for key, parameter in takes.items():
        if parameter.default is parameter.empty and key not in values and key not in parameters:
            raise ConfigError(where, f"`{function.__module__}.{function.__name__}` needs `{key}`", expected=f"{key}: under parameters")
    return function(**values, **parameters)
