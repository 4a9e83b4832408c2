"""What an experiment file may say, and the cells it stands for."""

from __future__ import annotations

import copy
import inspect
import itertools
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pydantic

from neurodyn import registry
from neurodyn.errors import ConfigError, nearest, unknown_name
from neurodyn.experiment.document import Document, parse_value, read_document

__all__ = [
    "Cell",
    "Compute",
    "Experiment",
    "Inputs",
    "ModelInput",
    "RecordInput",
    "RecordingsInput",
    "ScheduleInput",
    "Spec",
    "StimuliInput",
    "check_experiment",
    "read_experiment",
]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class ModelInput(_Strict):
    """A model: a card by `name`, an `architecture` to build, or a `factory` ``package.module:name`` to call.

    Attributes
    ----------
    name : str, optional
        A trained instance (``neurodyn list models``).
    architecture : str, optional
        Built untrained from `parameters` (its ``Config``) and `seed`.
    factory : str, optional
        ``package.module:name``, called with `parameters`.
    untrained : bool
        The untrained twin of `name`.
    seed : int, optional
        Of initial weights.
    parameters : dict
    """

    name: str | None = None
    architecture: str | None = None
    factory: str | None = None
    untrained: bool = False
    seed: int | None = None
    parameters: dict[str, Any] = {}

    @pydantic.model_validator(mode="after")
    def _one_source(self) -> ModelInput:
        _exactly_one(self, "name", "architecture", "factory")
        return self


class StimuliInput(_Strict):
    """Images or movies: from a `dataset` (its ``load``) or a `generator` (a function of ``neurodyn.stimuli``).

    Attributes
    ----------
    dataset, generator : str, optional
        One of them; ``package.module:name`` works too.
    split : str, optional
        Handed to the dataset.
    n : int, optional
        How many presentations; the first ones, or a random choice where `seed` is given.
    per_label : int, optional
        How many of each label, in the order of the data (drawn where `seed` is given).
    labels : list, optional
        Keep these labels only.
    seed : int, optional
    resize : bool
        Resize to the model's image size and number of channels where they differ.
    parameters : dict
        Further arguments of the dataset or generator.
    """

    dataset: str | None = None
    generator: str | None = None
    split: str | None = None
    n: pydantic.PositiveInt | None = None
    per_label: pydantic.PositiveInt | None = None
    labels: list[int | str] | None = None
    seed: int | None = None
    resize: bool = True
    parameters: dict[str, Any] = {}

    @pydantic.model_validator(mode="after")
    def _one_source(self) -> StimuliInput:
        _exactly_one(self, "dataset", "generator")
        return self


class ScheduleInput(_Strict):
    """Blank, stimulus, blank: in ms, or in steps.

    Attributes
    ----------
    before_ms, stimulus_ms, after_ms : float
    before_steps, stimulus_steps, after_steps : int
        For models whose steps are not time.
    """

    before_ms: float | None = None
    stimulus_ms: float | None = None
    after_ms: float | None = None
    before_steps: int | None = None
    stimulus_steps: int | None = None
    after_steps: int | None = None

    @pydantic.model_validator(mode="after")
    def _one_unit(self) -> ScheduleInput:
        in_ms = [k for k in ("before_ms", "stimulus_ms", "after_ms") if getattr(self, k) is not None]
        in_steps = [k for k in ("before_steps", "stimulus_steps", "after_steps") if getattr(self, k) is not None]
        if bool(in_ms) == bool(in_steps):
            raise ValueError(f"durations in ms or in steps, not {'both' if in_ms else 'neither'}")
        return self


class RecordInput(_Strict):
    """What to keep of the responses: the fields of :class:`neurodyn.Record`."""

    layers: list[str] | None = None
    steps: Literal["all", "last", "last_shown"] | list[int] = "all"
    bins_ms: list[tuple[float, float]] | None = None
    neuroids: int | dict[str, list[int]] | None = None
    space: Literal["all", "mean", "center"] = "all"
    seed: int | None = None


class RecordingsInput(_Strict):
    """Brain recordings: from a `dataset` whose ``load`` returns (stimuli, recordings), or made by a `generator`.

    Attributes
    ----------
    dataset : str, optional
    generator : str, optional
        ``package.module:name``; called with `parameters` and whichever of ``responses``, ``stimuli``, ``model``, ``seed`` it takes.
    model : str or ModelInput, optional
        The known model behind generated recordings; the experiment's own when absent.
    record : RecordInput, optional
        What of that model's activity the generator sees.
    seed : int, optional
    parameters : dict
    """

    dataset: str | None = None
    generator: str | None = None
    model: str | ModelInput | None = None
    record: RecordInput | None = None
    seed: int | None = None
    parameters: dict[str, Any] = {}

    @pydantic.model_validator(mode="after")
    def _one_source(self) -> RecordingsInput:
        _exactly_one(self, "dataset", "generator")
        return self


class Inputs(_Strict):
    """What the analysis is given.

    Attributes
    ----------
    model : str or ModelInput, optional
    stimuli : StimuliInput, optional
        Absent where recordings bring their own.
    schedule : ScheduleInput, optional
        The trial; the model's own when absent.
    step : int or "last"
        Where an analysis takes a ``state``: the step of the trial at which it is taken.
    start_steps : list of int, optional
        Where an analysis takes ``starts`` (states to search from): the steps at which they are taken; `step` alone when absent.
    record : RecordInput, optional
        Where an analysis takes ``responses``: what is kept of them.
    recordings : RecordingsInput, optional
        Without a `model` they are also what an analysis of ``responses`` is given.
    noise_seed : int, optional
        Turns the model's noise on.
    artefacts : dict
        Argument of the analysis -> ``<paper>/<name>`` of another experiment, or ``<paper>/<name>#variable``.
    """

    model: str | ModelInput | None = None
    stimuli: StimuliInput | None = None
    schedule: ScheduleInput | None = None
    step: int | Literal["last"] = "last"
    start_steps: list[int] | None = None
    record: RecordInput | None = None
    recordings: RecordingsInput | None = None
    noise_seed: int | None = None
    artefacts: dict[str, str] = {}


class Compute(_Strict):
    """How to compute; changes no result, so it is not part of the key.

    Attributes
    ----------
    batch_size : int
    device : str, optional
    """

    batch_size: pydantic.PositiveInt = 16
    device: str | None = None


class Spec(_Strict):
    """One experiment file, or one cell of it (then `grid` is empty).

    Attributes
    ----------
    analysis : str
        A file of ``neurodyn/analysis``, or ``package.module:name``.
    inputs : Inputs
    parameters : dict
        Arguments of the analysis.
    seed : int or None
        Required; None where nothing is random.
    grid : dict
        Dotted key -> values; the cells are their product.
    compute : Compute
    title, notes : str
        For people; not part of the key.
    """

    analysis: str
    inputs: Inputs = Inputs()
    parameters: dict[str, Any] = {}
    seed: int | None
    grid: dict[str, list[Any]] = {}
    compute: Compute = Compute()
    title: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Cell:
    """One point of an experiment's grid.

    Attributes
    ----------
    experiment : str
        ``<paper>/<name>``.
    spec : Spec
        With an empty grid.
    point : tuple of (str, value)
        Dotted key and value of each axis of the grid.
    index : int
    where : str
        ``file:line`` for messages.
    """

    experiment: str
    spec: Spec
    point: tuple[tuple[str, Any], ...]
    index: int
    where: str

    @property
    def label(self) -> str:
        """The point in a few words, ``operator=kernel, seed=1``."""
        return ", ".join(f"{axis_name(k)}={_brief(v)}" for k, v in self.point) or "one cell"

    def file(self, results: Path) -> Path:
        """Where the cell's result lies: ``<results>/<paper>/<name>.nc``, or a folder of that name with one file a cell."""
        base = results / self.experiment
        if not self.point:
            return base.with_name(base.name + ".nc")
        words = re.sub(r"[^A-Za-z0-9.=-]+", "_", "_".join(f"{axis_name(k)}={_brief(v)}" for k, v in self.point))[:80]
        return base / f"{self.index:04d}_{words}.nc"


@dataclass(frozen=True)
class Experiment:
    """A checked experiment.

    Attributes
    ----------
    key : str
        ``<paper>/<name>``.
    path : Path
    spec : Spec
    cells : tuple of Cell
    """

    key: str
    path: Path
    spec: Spec
    cells: tuple[Cell, ...]

    @property
    def axes(self) -> dict[str, list[Any]]:
        """Name of each axis of the grid -> its values."""
        return {axis_name(k): list(v) for k, v in self.spec.grid.items()}


def read_experiment(key: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment, every cell of it, before anything runs.

    Parameters
    ----------
    key : str or path
        ``<paper>/<name>`` of ``analyses/<paper>/<name>.yaml``, or the path of a YAML file.
    overrides : sequence of str
        ``dotted.key=value`` each.

    Raises
    ------
    ConfigError
        For unknown keys, analyses and parameters; file, line and the nearest name are given.
    """
    path = Path(key)
    if path.suffix in (".yaml", ".yml"):
        name = f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem
    else:
        name, path = str(key), registry.find("analyses", str(key))
    return check_experiment(read_document(path), name, path, overrides)


def check_experiment(document: Document, name: str, path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Check the content of an experiment file and lay out its cells; parameters are those of :func:`read_experiment`."""
    for override in overrides:
        dotted, separator, text = override.partition("=")
        if not separator:
            raise ConfigError("--set", f"`{override}` has no `=`", expected="key=value, for example parameters.n_modes=20")
        _place(document.content, dotted.split("."), parse_value(text), f"--set {dotted}", Spec)
    spec = _validate(document.content, document)
    cells = []
    for index, values in enumerate(itertools.product(*spec.grid.values())):
        point = tuple(zip(spec.grid, values, strict=True))
        content = {k: v for k, v in copy.deepcopy(document.content).items() if k != "grid"}
        for dotted, value in point:
            _place(content, dotted.split("."), value, document.where("grid", dotted), Spec)
        cell = _validate(content, document)
        check_parameters(cell, document)
        cells.append(Cell(name, cell, point, index, document.where("analysis")))
    _refuse_bad_axes(spec, document)
    return Experiment(name, path, spec, tuple(cells))


def axis_name(dotted: str) -> str:
    """The name of a grid axis in labels and dims: the last word of its key, ``model.untrained`` -> ``untrained``.

    Examples
    --------
    >>> axis_name("inputs.model"), axis_name("inputs.model.seed"), axis_name("seed")
    ('model', 'model_seed', 'seed')
    """
    words = dotted.split(".")
    last = words[-1]
    if last in ("seed", "n", "name", "step", "steps", "parameters") and len(words) > 1 and words[-2] not in ("inputs", "parameters"):
        return f"{words[-2]}_{last}"
    return last


def check_parameters(spec: Spec, document: Document) -> None:
    """Refuse parameters that the analysis does not take."""
    accepted = arguments_of(load_analysis(spec.analysis, document.where("analysis")))
    for key in spec.parameters:
        if key not in accepted:
            known = [k for k in accepted if k not in RESOLVED]
            raise unknown_name(document.where("parameters", key), f"parameter of {spec.analysis}", key, known, look=_look(spec.analysis))
    for key in spec.inputs.artefacts:
        if key not in accepted:
            raise unknown_name(document.where("inputs", "artefacts", key), f"argument of {spec.analysis}", key, accepted)


def _look(analysis: str) -> str:
    """How to see what an analysis takes."""
    return f"neurodyn explain {analysis}" if ":" not in analysis else "help({1}) after from {0} import {1}".format(*analysis.split(":"))


# Arguments that are made from `inputs`, `seed` and `compute`, not taken from `parameters`.
RESOLVED = (
    "model",
    "stimuli",
    "stimulus_id",
    "state",
    "starts",
    "drive",
    "responses",
    "recordings",
    "labels",
    "schedule",
    "record",
    "step",
    "seed",
    "batch_size",
    "device",
    "progress",
)
ACTIVITY = frozenset({"state", "starts", "drive", "responses"})  # what needs the model run on the stimuli


def load_analysis(name: str, where: str) -> Callable[..., Any]:
    """The function of an analysis, by its file's name or as ``package.module:name``."""
    if ":" not in name and name not in registry.names("analysis"):
        raise unknown_name(where, "analysis", name, registry.names("analysis"))
    found = registry.load_object("analysis", name)
    if not callable(found):
        raise ConfigError(where, f"`{name}` is a {type(found).__name__}", expected="a function")
    return found


def arguments_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The named arguments of a function."""
    return {k: p for k, p in inspect.signature(function).parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def _exactly_one(model: pydantic.BaseModel, *names: str) -> None:
    given = [k for k in names if getattr(model, k) is not None]
    if len(given) != 1:
        raise ValueError(f"exactly one of {', '.join(names)}, not {' and '.join(given) or 'none'}")


def _place(content: dict[str, Any], keys: list[str], value: Any, where: str, kind: type[pydantic.BaseModel]) -> None:
    """Set a dotted key, checking its first words against the spec so that a misspelt axis is named where it stands."""
    if keys[0] not in kind.model_fields:
        raise unknown_name(where, "key", keys[0], list(kind.model_fields))
    place = content
    for depth, key in enumerate(keys[:-1]):
        inner = place.get(key)
        if isinstance(inner, str) and depth == 1 and key == "model":  # `inputs.model.seed` beside `model: name`
            inner = {"name": inner}
        if inner is None:
            inner = {}
        if not isinstance(inner, dict):
            raise ConfigError(where, f"`{'.'.join(keys)}` lies inside `{'.'.join(keys[: depth + 1])}`, which is {inner!r}", expected="a mapping there")
        place[key] = inner
        place = inner
    place[keys[-1]] = value


def _validate(content: Mapping[str, Any], document: Document) -> Spec:
    try:
        return Spec.model_validate(content)
    except pydantic.ValidationError as error:
        raise _explain(error, document) from error


def _explain(error: pydantic.ValidationError, document: Document) -> ConfigError:
    problems = sorted(error.errors(), key=lambda e: (e["type"] != "extra_forbidden", -len(e["loc"])))
    first = problems[0]
    keys = [str(k) for k in first["loc"] if not _is_union_tag(str(k))]
    where, dotted = document.where(*keys), ".".join(keys)
    known = _fields(keys[:-1])
    if first["type"] == "extra_forbidden":
        guess = nearest(keys[-1], known)
        hint = f"; did you mean `{guess}`?" if guess else ""
        return ConfigError(where, f"unknown key `{dotted}`{hint}", expected=f"one of {', '.join(known)}", fix=f"use `{guess}`" if guess else None)
    if first["type"] == "missing":
        return ConfigError(where, f"the key `{dotted}` is missing", fix="seed: 0" if dotted == "seed" else None)
    message = first["msg"].removeprefix("Value error, ")
    return ConfigError(where, f"`{dotted or 'the file'}` is {first['input']!r}"[:200], expected=message[0].lower() + message[1:])


def _is_union_tag(word: str) -> bool:
    """Pydantic names the branch of a union in the location; it is no key of the file."""
    return word in ("str", "int", "float", "ModelInput") or "[" in word


def _fields(parents: Sequence[str]) -> list[str]:
    kind: type[pydantic.BaseModel] = Spec
    for key in parents:
        if key not in kind.model_fields:
            break
        annotation = kind.model_fields[key].annotation
        options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union else (annotation,)
        kind = next((o for o in options if isinstance(o, type) and issubclass(o, pydantic.BaseModel)), kind)
    return list(kind.model_fields)


def _refuse_bad_axes(spec: Spec, document: Document) -> None:
    names = [axis_name(k) for k in spec.grid]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(document.where("grid"), f"two axes of the grid are called `{name}`", expected="different last words")
    for key, values in spec.grid.items():
        if not values:
            raise ConfigError(document.where("grid", key), f"the axis `{key}` is empty", expected="at least one value")
        if any(values.count(v) > 1 for v in values):
            raise ConfigError(document.where("grid", key), f"the axis `{key}` holds a value twice", expected="each value once")


def _brief(value: Any) -> str:
    if isinstance(value, dict):
        return "-".join(f"{k}={_brief(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return "-".join(_brief(v) for v in value)
    return "none" if value is None else str(value)
