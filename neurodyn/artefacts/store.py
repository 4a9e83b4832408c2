"""One result, one netCDF file: written whole or not at all, and checked when it is read back."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.artefacts.keys import canonical, content_key, data_digest
from neurodyn.errors import ArtefactError, SchemaError

__all__ = ["FORMAT", "clear_partial", "load", "matches", "provenance", "save", "versions"]

FORMAT = 1
_PREFIX = "neurodyn_"
_REAL, _IMAGINARY = "__real", "__imaginary"


def save(dataset: xr.Dataset, path: str | Path, parts: Mapping[str, object], *, notes: Mapping[str, object] | None = None) -> str:
    """Write a result with what it depends on.

    The file is written under a temporary name and moved, so that no reader ever sees half of it; complex variables are kept as
    their real and imaginary parts.

    Parameters
    ----------
    dataset : Dataset
        Attributes are str, int or float.
    path : path
        Ends with ``.nc``; its folder is made.
    parts : mapping
        What the result depends on; their hash is the key (:func:`neurodyn.artefacts.keys.content_key`).
    notes : mapping, optional
        Provenance that is not part of the key, for example :func:`versions`.

    Returns
    -------
    str
        The key.

    Raises
    ------
    SchemaError
        If an attribute cannot be written.
    ArtefactError
        If the folder is read-only or full; nothing is left behind.
    """
    path = Path(path)
    _check_attrs(dataset, path.name)
    key = content_key(parts)
    stored = _split_complex(dataset).assign_attrs(dataset.attrs)
    digest = data_digest(stored)
    stored.attrs = {
        **dataset.attrs,
        f"{_PREFIX}format": FORMAT,
        f"{_PREFIX}key": key,
        f"{_PREFIX}parts": json.dumps(canonical(parts), sort_keys=True),
        f"{_PREFIX}notes": json.dumps(canonical(notes or {}), sort_keys=True),
        f"{_PREFIX}digest": digest,
    }
    _write(stored, path)
    return key


def load(path: str | Path, key: str | None = None) -> xr.Dataset:
    """Read a result into memory and check that it is whole.

    Parameters
    ----------
    path : path
    key : str, optional
        Refuse a file with another key.

    Returns
    -------
    Dataset
        As it was given to :func:`save`.

    Raises
    ------
    ArtefactError
        If the file is missing, truncated, altered, not one of ours, or of another key.
    """
    path = Path(path)
    stored = _read(path)
    meta = {k: stored.attrs.pop(f"{_PREFIX}{k}") for k in ("format", "key", "parts", "notes", "digest")}
    stored.attrs = {k: v.item() if isinstance(v, np.generic) else v for k, v in stored.attrs.items()}
    if data_digest(stored) != meta["digest"]:
        raise ArtefactError("load", f"{path} was altered: its content does not match its digest", expected="the file as it was written", fix=f"rm {path}")
    if key is not None and meta["key"] != key:
        raise ArtefactError("load", f"{path} has key {str(meta['key'])[:12]}", expected=f"key {key[:12]}", fix="run the experiment again")
    return _join_complex(stored)


def provenance(path: str | Path) -> dict[str, Any]:
    """Key, key parts and notes of a result, without reading its values.

    Raises
    ------
    ArtefactError
        As :func:`load`.
    """
    attrs = _read(Path(path), values=False).attrs
    return {
        "key": str(attrs[f"{_PREFIX}key"]),
        "parts": json.loads(attrs[f"{_PREFIX}parts"]),
        "notes": json.loads(attrs[f"{_PREFIX}notes"]),
    }


def matches(path: str | Path, key: str) -> bool:
    """Whether a whole file with this key is there: what makes a cell done."""
    if not Path(path).is_file():
        return False
    try:
        load(path, key)
    except ArtefactError:
        return False
    return True


def clear_partial(path: str | Path) -> None:
    """Remove what a killed writer of this file left; call it while holding the file's lock."""
    path = Path(path)
    for stale in path.parent.glob(f".{path.name}.*.partial"):
        stale.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """Versions of what computes, for the notes of a result."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("torch", "numpy", "scipy", "scikit-learn", "xarray"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _read(path: Path, *, values: bool = True) -> xr.Dataset:
    if not path.is_file():
        raise ArtefactError("load", f"{path} is missing", expected="a result written by neurodyn")
    try:
        with xr.open_dataset(path, engine="netcdf4", mask_and_scale=False, decode_times=False) as opened:
            stored = opened.load() if values else opened
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ArtefactError(
            "load",
            f"{path} ({path.stat().st_size} bytes) cannot be read: it is truncated or not netCDF ({str(error).splitlines()[0]})",
            expected="a whole netCDF file",
            fix=f"rm {path}, and run the experiment again",
        ) from error
    if stored.attrs.get(f"{_PREFIX}format") != FORMAT:
        raise ArtefactError("load", f"{path} was not written by this version's `save`", expected=f"format {FORMAT}")
    return stored


def _write(stored: xr.Dataset, path: Path) -> None:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        os.close(handle)
        temporary = Path(name)
        stored.to_netcdf(temporary, engine="netcdf4", format="NETCDF4", encoding={k: {"_FillValue": None} for k in stored.variables})
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        raise ArtefactError(
            "save",
            f"{path} cannot be written ({str(error).splitlines()[0]})",
            expected="a folder that can be written, with free space",
            fix="export NEURODYN_RESULTS=/another/folder",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _check_attrs(dataset: xr.Dataset, name: str) -> None:
    owners: list[tuple[str, Mapping]] = [("the Dataset", dataset.attrs), *((f"`{k}`", v.attrs) for k, v in dataset.variables.items())]
    for owner, attrs in owners:
        for key, value in attrs.items():
            plain = isinstance(value, (str, int, float, np.integer, np.floating)) and not isinstance(value, bool)
            if not plain or str(key).startswith(_PREFIX):
                raise SchemaError(
                    f"save({name})",
                    f"attribute `{key}` of {owner} is {value!r}, a {type(value).__name__}",
                    expected=f"str, int or float under a name that does not begin with {_PREFIX}",
                    fix="make it a variable or a string",
                )


def _split_complex(dataset: xr.Dataset) -> xr.Dataset:
    coords: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for name in sorted(map(str, dataset.variables)):  # xarray's own order depends on the process' hash seed
        variable = dataset.variables[name]
        place = coords if name in dataset.coords else variables
        if variable.dtype.kind == "c":
            place[f"{name}{_REAL}"] = (variable.dims, variable.values.real, variable.attrs)
            place[f"{name}{_IMAGINARY}"] = (variable.dims, variable.values.imag, variable.attrs)
        else:
            place[name] = (variable.dims, variable.values, variable.attrs)
    stored = xr.Dataset(variables, coords)
    for name in variables:
        mine = {str(c) for c in coords if c not in stored.dims and set(stored.variables[c].dims) <= set(stored.variables[name].dims)}
        if mine:
            stored.variables[name].encoding["coordinates"] = " ".join(sorted(mine))
    return stored


def _join_complex(stored: xr.Dataset) -> xr.Dataset:
    coords: dict[str, Any] = {}
    variables: dict[str, Any] = {}
    for name in map(str, stored.variables):
        variable = stored.variables[name]
        place = coords if name in stored.coords else variables
        if name.endswith(_REAL) and name[: -len(_REAL)] + _IMAGINARY in stored.variables:
            imaginary = stored.variables[name[: -len(_REAL)] + _IMAGINARY]
            values = np.empty(variable.shape, np.complex64 if variable.dtype == np.float32 else np.complex128)
            values.real, values.imag = variable.values, imaginary.values
            place[name[: -len(_REAL)]] = (variable.dims, values, variable.attrs)
        elif not (name.endswith(_IMAGINARY) and name[: -len(_IMAGINARY)] + _REAL in stored.variables):
            place[name] = (variable.dims, variable.values, variable.attrs)
    return xr.Dataset(variables, coords, attrs=stored.attrs)
