"""From the `inputs` of an experiment to the arguments of its analysis, and to the digests that go into its key."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn import registry
from neurodyn.artefacts.keys import canonical, code_digest, data_digest
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.experiment.inputs import as_model_input, as_record, as_schedule, call_with, fit, function_named, load_stimuli, model_from, module_of
from neurodyn.experiment.spec import ACTIVITY, RESOLVED, Cell, ModelInput, arguments_of, load_analysis

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.record import Record
    from neurodyn.dynamics.schedule import Schedule

__all__ = ["Resolver", "model_parts"]


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
            "code": code_digest(module_of(self.analysis, self.spec.analysis)),
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
        if name in ACTIVITY:
            return self.inputs.model is not None and (self.inputs.stimuli is not None or self.inputs.recordings is not None)
        if name in ("labels", "stimulus_id"):
            return self.inputs.stimuli is not None or (self._recordings_bring_stimuli and self.inputs.model is not None)
        return getattr(self.inputs, name, None) is not None

    def _check(self) -> None:
        where = self.cell.where
        for name, parameter in self.arguments.items():
            filled = name in self.spec.parameters or name in self.inputs.artefacts or name in RESOLVED
            if parameter.default is parameter.empty and not filled:
                raise ConfigError(where, f"`{self.spec.analysis}` needs the parameter `{name}`", expected="it under `parameters:`")
        needed = set(self._needed())
        brain = {"responses"} if self._brain_only else set()
        requirements = {
            "model": (({"model"} | ACTIVITY) - brain, self.inputs.model is not None),
            "stimuli": (({"stimuli", "labels"} | ACTIVITY) - brain, self.inputs.stimuli is not None or self._recordings_bring_stimuli),
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
        activity = ACTIVITY & needed or self._generator_sees_activity
        used = {
            "model": {"model"} & needed or activity,
            "stimuli": {"stimuli", "labels", "stimulus_id"} & needed or activity,
            "schedule": {"schedule"} & needed or activity,
            "step": {"state", "starts", "drive", "step"} & needed,
            "start_steps": {"starts"} & needed,
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
    def _brain_only(self) -> bool:
        return self.inputs.model is None and self.inputs.recordings is not None and "recordings" not in self.arguments

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
        if name == "stimulus_id":
            return [str(k) for k in self.stimuli.coords["stimulus_id"].values]
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
            if stimuli is None:
                name = self.inputs.recordings.dataset if self.inputs.recordings is not None else None
                raise ConfigError(self.cell.where, f"the recordings `{name}` come without their stimuli", expected="stimuli: under inputs:")
            return fit(stimuli, self._frame_shape()) if self.inputs.model is not None else stimuli
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
    def starts(self) -> Any:
        """States of all presentations at the steps asked for, one a row."""
        import torch

        from neurodyn.dynamics.simulate import timeline_of, walk

        if self.inputs.start_steps is None:
            return self.state_and_drive[0]
        timeline = timeline_of(self.model, self.stimuli, self.schedule)
        played = timeline.step
        missing = [k for k in self.inputs.start_steps if k not in played]
        if missing:
            raise ConfigError(self.cell.where, f"`start_steps` {missing[:3]} are not in the trial", expected=f"steps {played[0]}..{played[-1]}")
        n = self.stimuli.sizes["presentation"]
        found = [
            state
            for _, k, state, _ in walk(self.model, self.stimuli, timeline, batch_size=n, device=self.spec.compute.device, seed=self.inputs.noise_seed)
            if played[k] in self.inputs.start_steps
        ]
        return {key: torch.cat([state[key] for state in found]) for key in found[0]}

    @cached_property
    def responses(self) -> xr.DataArray:
        """The model's activity, or the brain's where only recordings are given."""
        if self._brain_only:
            return self.recordings
        return self._simulate(self.model, self.stimuli, self.record)

    @cached_property
    def recordings(self) -> xr.DataArray:
        """Recorded activity, read or generated."""
        return self._recorded[1]

    @cached_property
    def _recorded(self) -> tuple[xr.DataArray | None, xr.DataArray]:
        spec = self.inputs.recordings
        assert spec is not None
        if spec.dataset is not None:
            name = f"recordings {spec.model_dump_json()}"
            if name not in self._cache:
                load = getattr(registry.load_module("datasets", spec.dataset), "load")  # noqa: B009
                loaded = call_with(load, spec.parameters, {"seed": spec.seed}, self.cell.where)
                self._cache[name] = loaded if isinstance(loaded, tuple) else (None, loaded)
            return self._cache[name]
        generator = function_named(spec.generator, "neurodyn.testing", self.cell.where)
        takes = arguments_of(generator)
        offered: dict[str, Any] = {"seed": spec.seed, "stimuli": self.stimuli}
        if {"responses", "model"} & set(takes):
            offered["model"] = self.model if spec.model is None else self._source_model
            if "responses" in takes:
                offered["responses"] = self._simulate(offered["model"], self.stimuli, as_record(spec.record))
        return self.stimuli, call_with(generator, spec.parameters, offered, self.cell.where)  # type: ignore[return-value]

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
        activity = bool(ACTIVITY & taken) and not self._brain_only
        parts: dict[str, Any] = {"artefacts": {k: data_digest(self._artefact(v)) for k, v in inputs.artefacts.items()} or None}
        if inputs.model is not None:
            parts["model"] = model_parts(inputs.model, self)
        if activity or {"stimuli", "labels", "stimulus_id"} & taken:
            parts["stimuli"] = data_digest(self.stimuli)
        if "recordings" in taken or self._brain_only:
            parts["recordings"] = data_digest(self.recordings)
        if activity or "schedule" in taken:
            parts["schedule"] = None if inputs.schedule is None else inputs.schedule.model_dump(exclude_none=True)
        if activity:
            parts["noise_seed"] = inputs.noise_seed
            parts["dynamics"] = code_digest("neurodyn.dynamics.simulate")
        if {"state", "starts", "drive", "step"} & taken:
            parts["step"] = inputs.step
        if "starts" in taken:
            parts["start_steps"] = None if inputs.start_steps is None else sorted(inputs.start_steps)
        if {"responses", "record"} & taken:
            parts["record"] = None if inputs.record is None else inputs.record.model_dump(exclude_none=True, mode="json")
        return parts


def model_parts(spec: str | ModelInput, resolver: Resolver) -> dict[str, Any]:
    """What a model's behaviour depends on: architecture, config, digest of the weights and of the code."""
    spec = as_model_input(spec)
    if spec.name is not None:
        from neurodyn.experiment.resolve import card_of

        card = card_of(spec.name)
        trained = None if spec.untrained or card.weights is None else card.weights.sha256
        seed = None if trained else card.seed if spec.seed is None else spec.seed
        code = _model_code(card.architecture, card.config)
        return {"architecture": card.architecture, "config": canonical(card.config), "weights": trained, "seed": seed, "code": code}
    if spec.architecture is not None:
        return {
            "architecture": spec.architecture,
            "config": canonical(spec.parameters),
            "weights": None,
            "seed": spec.seed or 0,
            "code": _model_code(spec.architecture, spec.parameters),
        }
    factory = function_named(spec.factory, "neurodyn.testing.systems", resolver.cell.where)
    state: dict[str, Any] = getattr(resolver.model, "state_dict", dict)()
    return {
        "factory": spec.factory,
        "parameters": canonical(spec.parameters),
        "seed": spec.seed,
        "weights": canonical({k: v.detach().cpu().numpy() for k, v in state.items() if hasattr(v, "detach")}),
        "code": code_digest(module_of(factory, str(spec.factory))),
    }


def _model_code(architecture: str, config: Mapping[str, Any]) -> str:
    known = architecture in registry.names("architectures")
    modules = [f"neurodyn.architectures.{architecture}" if known else architecture.split(":")[0], "neurodyn.experiment.resolve"]
    return code_digest(*modules, *(_cells_of(architecture, config) if known else ()))


def _cells_of(architecture: str, config: Mapping[str, Any]) -> tuple[str, ...]:
    """The module of the cell that a config names: it is imported by name, so that no import statement leads to it."""
    cell = config.get("cell", getattr(registry.load_module("architectures", architecture).Config, "cell", None))
    return (f"neurodyn.cells.{cell}",) if cell in registry.names("cells") else ()
