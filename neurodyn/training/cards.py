"""Model cards: what a trained instance is, how it was trained, and what it measured."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

import pydantic
import yaml

from neurodyn.errors import ConfigError, DataError, nearest, seen_from_here
from neurodyn.training.checkpoints import write_text

__all__ = ["Card", "Recipe", "Weights", "read_card", "write_card"]


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class Recipe(_Strict):
    """Which recipe trains the model, and with what parameters.

    Attributes
    ----------
    name : str
        Module in ``neurodyn/training/recipes``.
    parameters : dict
        Fields of the recipe's ``Parameters``.
    """

    name: str
    parameters: dict[str, Any] = {}


class Weights(_Strict):
    """The weights file.

    Attributes
    ----------
    file : str
        In ``weights/`` beside the card.
    sha256 : str
    dtype : str
        How floating tensors are stored.
    """

    file: str
    sha256: str
    dtype: str = "float16"


class Card(_Strict):
    """A trained instance of an architecture.

    Attributes
    ----------
    name, architecture : str
    config : dict
        Fields of the architecture's ``Config``.
    recipe : Recipe
    data : str
        What it was trained and tested on, subsets named.
    seed : int
    weights : Weights, optional
        Absent for a recipe whose weights are not shipped.
    metrics : dict
        Measured, not quoted; numbers by name.
    probes : list of str
        Analyses that fit this model.
    command : str
        What retrains it.
    hardware, licence, citation, notes : str
    """

    name: str
    architecture: str
    config: dict[str, Any] = {}
    recipe: Recipe
    data: str
    seed: int
    weights: Weights | None = None
    metrics: dict[str, float | dict[str, float]] = {}
    probes: list[str] = []
    command: str
    hardware: str = ""
    licence: str = "BSD-3-Clause"
    citation: str = ""
    notes: str = ""


def read_card(path: str | Path) -> Card:
    """Read and check a card.

    Raises
    ------
    DataError
        If the file is missing or not YAML.
    ConfigError
        If a key is unknown (the nearest is offered), missing, or of another type; file and line are named.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("read_card", f"{path} is missing")
    text = path.read_text(encoding="utf-8")
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DataError("read_card", f"{path.name} is not YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(content, dict):
        raise DataError("read_card", f"{path.name} holds a {type(content).__name__}", expected="a mapping of the fields of a card")
    try:
        return Card.model_validate(content)
    except pydantic.ValidationError as error:
        raise _explain(error, path, text) from error


def write_card(card: Card, path: str | Path) -> None:
    """Write a card as YAML, fields in the order of :class:`Card`, atomically."""
    write_text(path, yaml.safe_dump(card.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True, width=140))


def _explain(error: pydantic.ValidationError, path: Path, text: str) -> ConfigError:
    first = error.errors()[0]
    keys = [str(k) for k in first["loc"]]
    known = _fields(keys[:-1])
    where = f"{seen_from_here(path)}:{_line(text, keys[-1])}"
    if first["type"] == "extra_forbidden":
        guess = nearest(keys[-1], known)
        hint = f"; did you mean `{guess}`?" if guess else ""
        return ConfigError(where, f"unknown key `{'.'.join(keys)}`{hint}", expected=f"one of {', '.join(known)}", fix=f"use `{guess}`" if guess else None)
    if first["type"] == "missing":
        return ConfigError(where, f"the key `{'.'.join(keys)}` is missing", expected=f"{', '.join(known)}")
    return ConfigError(where, f"`{'.'.join(keys)}` is {first['input']!r}", expected=first["msg"].lower())


def _fields(parents: list[str]) -> list[str]:
    kind: Any = Card
    for key in parents:
        if key not in kind.model_fields:
            break
        annotation = kind.model_fields[key].annotation
        options = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
        kind = next((o for o in options if isinstance(o, type) and issubclass(o, pydantic.BaseModel)), kind)
    return list(kind.model_fields)


def _line(text: str, key: str) -> int:
    return next((n for n, line in enumerate(text.splitlines(), 1) if line.strip().startswith(f"{key}:")), 1)
