"""From the `inputs` of an experiment to the arguments of its analysis, and to the digests that go into its key."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn import registry
from neurodyn.artefacts.keys import canonical, code_digest, data_digest
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.experiment.spec import RESOLVED, Cell, ModelInput, RecordInput, ScheduleInput, StimuliInput, arguments_of, load_analysis
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.record import Record
    from neurodyn.dynamics.schedule import Schedule

__all__ = ["Resolver", "as_record", "as_schedule", "choose", "load_stimuli", "model_from"]

_OPTIONAL = ("seed", "batch_size", "device", "progress", "schedule", "record", "labels", "step")


class Resolver:
    """The arguments of one cell's analysis.

    Parameters
    ----------
    cell : Cell
    open_result : callable
        ``<paper>/<name>`` -> Dataset, for `inputs.artefacts`.
    cache : dict, optional
        Shared between the cells of one run, so that neighbours do not load the same images twice.
    """

    def __init__(self, cell: Cell, open_result: Callable[[str], xr.Dataset], cache: dict[str, Any] | None = None) -> None:
        self.cell, self.spec, self.inputs = cell, cell.spec, cell.spec.inputs
        self.analysis = load_analysis(self.spec.analysis, cell.where)
        self.arguments = arguments_of(self.analysis)
        self._open_result = open_result
        self._cache = {} if cache is None else cache
        self._check()

    # -- what the analysis is called with

    def call(self) -> xr.Dataset:
        """Run the analysis."""
        values = {k: self._value(k) for k in self._needed()}
        result = self.analysis(**values, **self.spec.parameters)
        if isinstance(result, xr.DataArray):
            result = result.to_dataset(name=str(result.name or self.analysis.__name__))
        if not isinstance(result, xr.Dataset):
            raise ConfigError(self.cell.where, f"`{self.spec.analysis}` returned a {type(result).__name__}", expected="an xarray.Dataset")
        return result

    def parts(self) -> dict[str, Any]:
        """What the result depends on: analysis, canonical parameters, seed, digests of weights, stimuli, recordings and code."""
        needed = self._needed()
        defaults = {k: p.default for k, p in self.arguments.items() if p.default is not p.empty and k not in needed and k not in RESOLVED}
        return {
            "analysis": self.spec.analysis,
            "code": code_digest(_module_of(self.analysis, self.spec.analysis)),
            "parameters": canonical({**defaults, **self.spec.parameters}),
            "seed": self.spec.seed if "seed" in needed else None,
            "inputs": {k: v for k, v in self._input_parts(set(needed)).items() if v is not None},
        }

    def _needed(self) -> list[str]:
        names = []
        for name, parameter in self.arguments.items():
            if name in self.spec.parameters:
                continue
            if name in self.inputs.artefacts or (name in RESOLVED and (parameter.default is parameter.empty or self._given(name))):
                names.append(name)
        return names

    def _given(self, name: str) -> bool:
        if name in ("batch_size", "device"):
            return getattr(self.spec.compute, name) is not None
        if name == "seed":
            return self.spec.seed is not None
        if name == "step":
            return "step" in self.inputs.model_fields_set
        if name in ("state", "drive", "responses"):
            return self.inputs.model is not None and (self.inputs.stimuli is not None or self.inputs.recordings is not None)
        if name == "labels":
            return self.inputs.stimuli is not None
        return getattr(self.inputs, name, None) is not None

    def _check(self) -> None:
        where = self.cell.where
        for name, parameter in self.arguments.items():
            filled = name in self.spec.parameters or name in self.inputs.artefacts or name in RESOLVED
            if parameter.default is parameter.empty and not filled:
                raise ConfigError(where, f"`{self.spec.analysis}` needs the parameter `{name}`", expected="it under `parameters:`")
        needed = set(self._needed())
        requirements = {
            "model": ({"model", "state", "drive", "responses"}, self.inputs.model is not None),
            "stimuli": ({"stimuli", "state", "drive", "responses", "labels"}, self.inputs.stimuli is not None or self._recordings_bring_stimuli),
            "recordings": ({"recordings"}, self.inputs.recordings is not None),
        }
        for key, (users, given) in requirements.items():
            wanting = sorted(users & needed - set(self.inputs.artefacts))
            if wanting and not given:
                raise ConfigError(where, f"`{self.spec.analysis}` takes `{wanting[0]}` but `inputs.{key}` is missing", expected=f"{key}: under inputs:")
        if "seed" in needed and self.spec.seed is None and self.arguments["seed"].default is inspect.Parameter.empty:
            raise ConfigError(where, f"`{self.spec.analysis}` needs a seed", expected="an integer", fix="seed: 0")
        self._refuse_unused(needed)

    def _refuse_unused(self, needed: set[str]) -> None:
        activity = {"state", "drive", "responses"} & needed or self._generator_sees_activity
        used = {
            "model": {"model"} & needed or activity,
            "stimuli": {"stimuli", "labels"} & needed or activity,
            "schedule": {"schedule"} & needed or activity,
            "step": {"state", "drive", "step"} & needed,
            "record": {"responses", "record"} & needed,
            "recordings": {"recordings", "stimuli"} & needed or activity,
            "noise_seed": activity,
        }
        for key in sorted(self.inputs.model_fields_set - {"artefacts"}):
            if getattr(self.inputs, key) is not None and not used[key]:
                takes = ", ".join(k for k in self.arguments if k in RESOLVED)
                raise ConfigError(self.cell.where, f"`{self.spec.analysis}` makes no use of `inputs.{key}`; it takes {takes}", fix=f"remove `{key}`")

    @property
    def _generator_sees_activity(self) -> bool:
        recordings = self.inputs.recordings
        return recordings is not None and recordings.generator is not None

    @property
    def _recordings_bring_stimuli(self) -> bool:
        recordings = self.inputs.recordings
        return recordings is not None and recordings.dataset is not None

    def _value(self, name: str) -> Any:
        if name in self.inputs.artefacts:
            return self._artefact(self.inputs.artefacts[name])
        if name in ("state", "drive"):
            return self.state_and_drive[0 if name == "state" else 1]
        if name in ("batch_size", "device"):
            return getattr(self.spec.compute, name)
        if name == "seed":
            return self.spec.seed
        if name == "progress":
            return False
        if name == "step":
            return None if self.inputs.step == "last" else self.inputs.step
        return getattr(self, name)

    # -- the inputs themselves, each made when first asked for

    @cached_property
    def model(self) -> DynamicalModel:
        """The model, in eval mode, on the device asked for."""
        assert self.inputs.model is not None
        return model_from(self.inputs.model, device=self.spec.compute.device, where=self.cell.where)

    @cached_property
    def stimuli(self) -> xr.DataArray | xr.Dataset:
        """The stimuli, resized to the model's frame."""
        if self.inputs.stimuli is None:
            stimuli = self._recorded[0]
            return _fit(stimuli, self._frame_shape()) if self.inputs.model is not None else stimuli
        shape = self._frame_shape() if self.inputs.stimuli.resize and self._source_model is not None else None
        name = f"stimuli {self.inputs.stimuli.model_dump_json()} {shape}"
        if name not in self._cache:
            self._cache[name] = load_stimuli(self.inputs.stimuli, shape, where=self.cell.where)
        return self._cache[name]

    @cached_property
    def labels(self) -> np.ndarray | None:
        """The label of each presentation, where the stimuli have one."""
        return np.asarray(self.stimuli.coords["label"].values) if "label" in self.stimuli.coords else None

    @cached_property
    def schedule(self) -> Schedule | None:
        """The trial, or None for the model's own."""
        return as_schedule(self.inputs.schedule)

    @cached_property
    def record(self) -> Record | None:
        """What to keep, or None for everything."""
        return as_record(self.inputs.record)

    @cached_property
    def state_and_drive(self) -> tuple[Any, Any]:
        """State and drive at the step asked for, all presentations in one batch."""
        from neurodyn.dynamics.simulate import state_at

        step = None if self.inputs.step == "last" else self.inputs.step
        return state_at(self.model, self.stimuli, self.schedule, step=step, device=self.spec.compute.device, seed=self.inputs.noise_seed)

    @cached_property
    def responses(self) -> xr.DataArray:
        """The model's activity."""
        return self._simulate(self.model, self.stimuli, self.record)

    @cached_property
    def recordings(self) -> xr.DataArray:
        """Recorded activity, read or generated."""
        return self._recorded[1]

    @cached_property
    def _recorded(self) -> tuple[xr.DataArray, xr.DataArray]:
        spec = self.inputs.recordings
        assert spec is not None
        if spec.dataset is not None:
            name = f"recordings {spec.model_dump_json()}"
            if name not in self._cache:
                load = getattr(registry.load_module("datasets", spec.dataset), "load")  # noqa: B009
                self._cache[name] = _call(load, spec.parameters, {"seed": spec.seed}, self.cell.where)
            return self._cache[name]
        generator = _function(spec.generator, "neurodyn.testing", self.cell.where)
        takes = arguments_of(generator)
        offered: dict[str, Any] = {"seed": spec.seed, "stimuli": self.stimuli}
        if {"responses", "model"} & set(takes):
            offered["model"] = self.model if spec.model is None else self._source_model
            if "responses" in takes:
                offered["responses"] = self._simulate(offered["model"], self.stimuli, as_record(spec.record))
        return self.stimuli, _call(generator, spec.parameters, offered, self.cell.where)  # type: ignore[return-value]

    @cached_property
    def _source_model(self) -> DynamicalModel | None:
        """The model whose frame the stimuli fit: the experiment's own, else the one behind generated recordings."""
        recordings = self.inputs.recordings
        if recordings is not None and recordings.model is not None:
            return model_from(recordings.model, device=self.spec.compute.device, where=self.cell.where)
        return self.model if self.inputs.model is not None else None

    def _frame_shape(self) -> tuple[int, ...] | None:
        model = self.model if self.inputs.model is not None else self._source_model
        blank = getattr(model, "blank", None)
        return None if blank is None or isinstance(blank, dict) else tuple(blank.shape)

    def _simulate(self, model: DynamicalModel, stimuli: xr.DataArray | xr.Dataset, record: Record | None) -> xr.DataArray:
        from neurodyn.dynamics.simulate import simulate

        compute = self.spec.compute
        return simulate(
            model, stimuli, self.schedule, record, batch_size=compute.batch_size, device=compute.device, seed=self.inputs.noise_seed, progress=False
        )

    def _artefact(self, name: str) -> Any:
        key, _, variable = name.partition("#")
        dataset = self._open_result(key)
        if not variable:
            return dataset
        if variable not in dataset:
            raise unknown_name(self.cell.where, f"variable of {key}", variable, list(map(str, dataset.data_vars)))
        return dataset[variable]

    # -- digests

    def _input_parts(self, needed: set[str]) -> dict[str, Any]:
        inputs, taken = self.inputs, needed - set(self.inputs.artefacts)
        activity = bool({"state", "drive", "responses"} & taken)
        parts: dict[str, Any] = {"artefacts": {k: data_digest(self._artefact(v)) for k, v in inputs.artefacts.items()} or None}
        if inputs.model is not None:
            parts["model"] = model_parts(inputs.model, self)
        if activity or {"stimuli", "labels"} & taken:
            parts["stimuli"] = data_digest(self.stimuli)
        if "recordings" in taken:
            parts["recordings"] = data_digest(self.recordings)
        if activity or "schedule" in taken:
            parts["schedule"] = None if inputs.schedule is None else inputs.schedule.model_dump(exclude_none=True)
        if activity:
            parts["noise_seed"] = inputs.noise_seed
            parts["dynamics"] = code_digest("neurodyn.dynamics.simulate")
        if {"state", "drive", "step"} & taken:
            parts["step"] = inputs.step
        if {"responses", "record"} & taken:
            parts["record"] = None if inputs.record is None else inputs.record.model_dump(exclude_none=True, mode="json")
        return parts


def model_from(spec: str | ModelInput, *, device: str | None = None, where: str = "inputs.model") -> DynamicalModel:
    """Make the model that an experiment names.

    Raises
    ------
    ConfigError
        If the name is unknown (the nearest is offered).
    """
    from neurodyn.experiment.resolve import build, load_model

    spec = _as_model_input(spec)
    if spec.name is not None:
        if spec.parameters:
            raise ConfigError(where, f"`parameters` are given for the trained model `{spec.name}`", expected="them with `architecture` or `factory`")
        model = load_model(spec.name, untrained=spec.untrained, seed=spec.seed)
    elif spec.architecture is not None:
        model = build(spec.architecture, seed=spec.seed or 0, **spec.parameters)
    else:
        factory = _function(spec.factory, "neurodyn.testing.systems", where)
        model = _call(factory, spec.parameters, {"seed": spec.seed}, where)
    if device is not None and hasattr(model, "to"):
        model.to(device)
    return model


def model_parts(spec: str | ModelInput, resolver: Resolver) -> dict[str, Any]:
    """What a model's behaviour depends on: architecture, config, digest of the weights and of the code."""
    spec = _as_model_input(spec)
    if spec.name is not None:
        from neurodyn.experiment.resolve import card_of

        card = card_of(spec.name)
        trained = None if spec.untrained or card.weights is None else card.weights.sha256
        seed = None if trained else card.seed if spec.seed is None else spec.seed
        return {"architecture": card.architecture, "config": canonical(card.config), "weights": trained, "seed": seed, "code": _model_code(card.architecture)}
    if spec.architecture is not None:
        return {
            "architecture": spec.architecture,
            "config": canonical(spec.parameters),
            "weights": None,
            "seed": spec.seed or 0,
            "code": _model_code(spec.architecture),
        }
    factory = _function(spec.factory, "neurodyn.testing.systems", resolver.cell.where)
    state = getattr(resolver.model, "state_dict", dict)()
    return {
        "factory": spec.factory,
        "parameters": canonical(spec.parameters),
        "seed": spec.seed,
        "weights": canonical({k: v.detach().cpu().numpy() for k, v in state.items() if hasattr(v, "detach")}),
        "code": code_digest(_module_of(factory, str(spec.factory))),
    }


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
        loaded = _call(load, spec.parameters, offered, where)
        stimuli = loaded[0] if isinstance(loaded, tuple) else loaded
    else:
        if spec.split is not None:
            raise ConfigError(where, f"the generator `{spec.generator}` has no splits", fix="remove `split`")
        generator = _function(spec.generator, "neurodyn.stimuli", where)
        offered = {"seed": spec.seed, "n": spec.n}
        if shape is not None and shape[1] == shape[2]:
            offered["image_size"] = shape[1]
        made = _call(generator, spec.parameters, offered, where)
        stimuli = made[0] if isinstance(made, tuple) else made
    return _fit(choose(stimuli, spec, where=where), shape)


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


def _fit(stimuli: Any, shape: tuple[int, ...] | None) -> Any:
    if shape is None or isinstance(stimuli, xr.Dataset) or stimuli.shape[-3:] == shape:
        return stimuli
    from neurodyn.stimuli.resize import resize

    return resize(stimuli, shape[1], n_channels=shape[0])


def _as_model_input(spec: str | ModelInput) -> ModelInput:
    if isinstance(spec, ModelInput):
        return spec
    return ModelInput(factory=spec) if ":" in spec else ModelInput(name=spec)


def _model_code(architecture: str) -> str:
    known = architecture in registry.names("architectures")
    return code_digest(f"neurodyn.architectures.{architecture}" if known else architecture.split(":")[0], "neurodyn.experiment.resolve")


def _function(name: str | None, package: str, where: str) -> Callable[..., Any]:
    """A function by ``package.module:name``, or by its name in a package of neurodyn (a module of that name is asked for its like-named function)."""
    import importlib

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


def _module_of(function: Callable[..., Any], name: str) -> str:
    return name.split(":")[0] if ":" in name else function.__module__


def _call(function: Callable[..., Any], parameters: dict[str, Any], offered: dict[str, Any], where: str) -> Any:
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
