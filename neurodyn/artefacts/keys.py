"""Content keys: what a result depends on, written canonically and hashed."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodyn import errors
from neurodyn.errors import ConfigError

__all__ = ["canonical", "code_digest", "content_key", "data_digest", "difference", "file_digest"]

_PACKAGE = Path(errors.__file__).parent
_NOT_RESULTS = {"errors"}  # messages change no number


def canonical(value: object) -> Any:
    """Reduce a parameter to JSON types, so that equal parameters are written equally.

    Tuples become lists, numpy scalars Python numbers, arrays their digest, NaN and infinity their names.

    Raises
    ------
    ConfigError
        If the value has no canonical form (a function, an open file, a model).

    Examples
    --------
    >>> canonical({"b": (1, np.float64(2.5)), "a": None})
    {'a': None, 'b': [1, 2.5]}
    """
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, complex):
        return {"complex": [canonical(value.real), canonical(value.imag)]}
    if isinstance(value, np.generic):
        return canonical(value.item())
    if isinstance(value, np.ndarray):
        return {"array": _array_digest(value)}
    if isinstance(value, (xr.DataArray, xr.Dataset)):
        return {"data": data_digest(value)}
    if isinstance(value, Mapping):
        return {str(k): canonical(value[k]) for k in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [canonical(v) for v in value]
    if isinstance(value, Path):
        return str(value)
    raise ConfigError("canonical", f"a {type(value).__name__} has no digest", expected="numbers, strings, lists, dicts or labelled arrays")


def content_key(parts: Mapping[str, object]) -> str:
    """SHA-256 of everything a result depends on.

    Parameters
    ----------
    parts : mapping
        Analysis, parameters, seed, digests of the inputs and of the code.

    Returns
    -------
    str
        64 hexadecimal digits; independent of the order of keys.

    Examples
    --------
    >>> content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(canonical(parts), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def difference(old: object, new: object, path: str = "") -> list[str]:
    """Where two sets of key parts differ, one line each: what `explain` prints.

    Examples
    --------
    >>> difference({"seed": 0, "n": 1}, {"seed": 1, "n": 1})
    ['seed: 0 -> 1']
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        lines = []
        for key in sorted({*old, *new}, key=str):
            where = f"{path}.{key}" if path else str(key)
            if key not in old:
                lines.append(f"{where}: absent -> {_short(new[key])}")
            elif key not in new:
                lines.append(f"{where}: {_short(old[key])} -> absent")
            else:
                lines += difference(old[key], new[key], where)
        return lines
    return [] if old == new else [f"{path}: {_short(old)} -> {_short(new)}"]


def data_digest(data: xr.DataArray | xr.Dataset) -> str:
    """SHA-256 of labelled data: names, dims, types, values and attributes of every variable and coord.

    Examples
    --------
    >>> data_digest(xr.DataArray([1.0, 2.0])) == data_digest(xr.DataArray([1.0, 3.0]))
    False
    """
    dataset = data.to_dataset(name=str(data.name or "data")) if isinstance(data, xr.DataArray) else data
    parts: list[object] = [sorted((str(k), canonical(v)) for k, v in dataset.attrs.items())]
    for name in sorted(map(str, dataset.variables)):
        variable = dataset.variables[name]
        attrs = sorted((str(k), canonical(v)) for k, v in variable.attrs.items())
        parts.append([name, name in dataset.coords, [str(d) for d in variable.dims], attrs, _array_digest(np.asarray(variable.values))])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_digest(*modules: str) -> str:
    """SHA-256 of the code of modules and of everything of neurodyn they import, directly or not.

    Comments, docstrings and layout do not count, error messages neither.

    Parameters
    ----------
    *modules : str
        Dotted names; those outside neurodyn must be importable from a source file.

    Raises
    ------
    ConfigError
        If a module has no source file.

    Examples
    --------
    >>> code_digest("neurodyn.seeding") == code_digest("neurodyn.seeding", "neurodyn.seeding")
    True
    """
    found: dict[str, str] = {}
    queue = list(modules)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        path = _source(name)
        code, imported = _read_source(path, path.stat().st_mtime_ns)
        found[name] = code
        queue += [m for m in imported if m not in found]
    return hashlib.sha256(json.dumps(sorted(found.items())).encode()).hexdigest()


@functools.lru_cache(maxsize=512)
def _read_source(path: Path, modified: int) -> tuple[str, tuple[str, ...]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = tuple(dict.fromkeys(m for node in ast.walk(tree) for m in _imports(node)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), imported


def _imports(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{alias.name}" for alias in node.names]
    else:
        return
    for name in names:
        parts = name.split(".")
        if parts[0] != "neurodyn":
            continue
        while len(parts) > 1 and _own_file(parts) is None:  # `from module import function`: the module
            parts.pop()
        if len(parts) > 1 and parts[1] not in _NOT_RESULTS:
            yield ".".join(parts)


def _own_file(parts: list[str]) -> Path | None:
    base = _PACKAGE.joinpath(*parts[1:])
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)


def _source(name: str) -> Path:
    parts = name.split(".")
    if parts[0] == "neurodyn":
        own = _own_file(parts)
        if own is not None:
            return own
    try:
        spec = importlib.util.find_spec(name)
    except (ModuleNotFoundError, ValueError):
        spec = None
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise ConfigError("code_digest", f"module `{name}` has no source file", expected="a module in a .py file; what has no digest cannot be cached")
    return Path(spec.origin)


def _array_digest(values: np.ndarray) -> str:
    if values.dtype.kind in "OUS":
        text = json.dumps([str(v) for v in values.ravel()])
        return hashlib.sha256(f"str{values.shape}{text}".encode()).hexdigest()
    contiguous = np.ascontiguousarray(values)
    head = hashlib.sha256(f"{contiguous.dtype.str}{values.shape}".encode())
    head.update(contiguous.tobytes())
    return head.hexdigest()


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    if isinstance(value, str) and len(value) == 64 and all(c in "0123456789abcdef" for c in value):
        return value[:12]
    return text if len(text) <= 60 else text[:57] + "..."
