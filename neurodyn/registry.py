"""Find things by file name: nothing to edit, nothing to decorate.

``architectures``, ``cells``, ``stimuli``, ``datasets`` and ``analysis`` are the modules of the package of that name;
``models``, ``data``, ``analyses`` and ``figures`` are the declarations in the outer folders.  Where a key is accepted, so is
``package.module:name``, so that code outside this project needs no registration either.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from neurodyn import places
from neurodyn.errors import ConfigError, unknown_name

__all__ = ["find", "load_module", "load_object", "names"]

_PACKAGES = ("analysis", "architectures", "cells", "datasets", "stimuli")
_DECLARED = {"analyses": "*.yaml", "data": "*.yaml", "figures": "*.py", "models": "*.yaml"}
_SINGULAR = {"analyses": "experiment", "data": "data set", "figures": "figure", "models": "model"}


def names(kind: str) -> list[str]:
    """List the keys of one kind.

    Parameters
    ----------
    kind : str
        ``"architectures"``, ``"cells"``, ``"stimuli"``, ``"datasets"``, ``"analysis"``, ``"recipes"``, ``"models"``, ``"data"``,
        ``"analyses"`` or ``"figures"``.

    Raises
    ------
    ConfigError
        If the kind is unknown.

    Examples
    --------
    >>> "cordsnet" in names("architectures")
    True
    """
    if kind in _DECLARED:
        return list(places.declarations(kind, _DECLARED[kind]))
    return sorted(p.stem for p in _folder(kind).glob("*.py") if not p.stem.startswith("_"))


def find(kind: str, key: str) -> Path:
    """The file that declares `key` (an outer folder's kinds).

    Raises
    ------
    ConfigError
        If nothing declares it; the nearest name is offered.
    """
    if kind not in _DECLARED:
        raise unknown_name("registry.find", "kind", kind, _DECLARED)
    found = places.declarations(kind, _DECLARED[kind])
    if key not in found:
        raise unknown_name(f"neurodyn {kind}", _SINGULAR[kind], key, found, look=f"neurodyn list {kind}")
    return found[key]


def load_module(kind: str, key: str) -> ModuleType:
    """Import the module of the library that `key` names, or ``package.module`` from outside.

    Raises
    ------
    ConfigError
        If there is no such module; the nearest name is offered.
    """
    package = _package(kind)
    if key in names(kind):
        return importlib.import_module(f"{package}.{key}")
    if "." in key or ":" in key:
        return _import_outside(key.split(":")[0], key)
    raise unknown_name(package, kind.rstrip("s"), key, names(kind))


def load_object(kind: str, key: str) -> object:
    """The function of the module's own name (analyses, stimuli), or ``package.module:name`` from outside."""
    if ":" in key:
        module, _, name = key.partition(":")
        loaded = _import_outside(module, key)
        if not hasattr(loaded, name):
            raise unknown_name(key, "object", name, [n for n in dir(loaded) if not n.startswith("_")])
        return getattr(loaded, name)
    return getattr(load_module(kind, key), key)


def _package(kind: str) -> str:
    if kind == "recipes":
        return "neurodyn.training.recipes"
    if kind not in _PACKAGES:
        raise unknown_name("registry", "kind", kind, [*_PACKAGES, "recipes", *_DECLARED])
    return f"neurodyn.{kind}"


def _folder(kind: str) -> Path:
    return Path(__file__).parent.joinpath(*_package(kind).split(".")[1:])


def _import_outside(module: str, key: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ConfigError("registry", f"`{key}` cannot be imported ({error})", expected="package.module:name on the Python path") from error
