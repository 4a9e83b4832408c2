"""Tables of measurements on populations of networks, netCDF files that are kept with the project."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn import places
from neurodyn.errors import DataError


def open_table(
    name: str, root: str | Path | None, *, sha256: str | None, text: Iterable[str], numbers: Iterable[str], dim: str | None = None, expected: str
) -> xr.Dataset:
    """Open ``<name>.nc``, with its coords of text as strings.

    Parameters
    ----------
    name : str
    root : path, optional
        The netCDF file, or the folder that holds it; the project's ``data`` folder when absent.
    sha256 : str, optional
        Refuse a file of another content.
    text, numbers : iterables of str
        Coords that must be there.
    dim : str, optional
        The one dim of all of them; any when absent.
    expected : str
        What a row is, for the error.

    Raises
    ------
    DataError
        If the file is missing, of another content, or lacks a coord.
    """
    path, text = _locate(name, root), tuple(text)
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DataError(name, f"{path.name} has another content than the sha256 asked for", expected=f"{sha256[:16]}...", fix="restore the file")
    try:
        with xr.open_dataset(path) as found:
            table = found.load()
    except (OSError, ValueError) as error:
        raise DataError(name, f"{path} cannot be read ({error})", expected="a netCDF file") from error
    missing = [k for k in (*text, *numbers) if k not in table.coords or (dim is not None and table[k].dims != (dim,))]
    if missing:
        of = "" if dim is None else f" of `{dim}`"
        raise DataError(name, f"{path.name} lacks the coords {', '.join(missing)}{of}", expected=expected)
    return table.assign_coords({k: (table[k].dims, np.asarray(table[k].values).astype(str)) for k in text})


def _locate(name: str, root: str | Path | None) -> Path:
    if root is None:
        found = places.declarations("data", "*.nc").get(name)
        if found is None:
            raise DataError(name, f"{name}.nc is not in the data folder", expected="it beside the data manifests")
        return found
    path = Path(root).expanduser()
    path = path / f"{name}.nc" if path.is_dir() else path
    if not path.is_file():
        raise DataError(name, f"{path} does not exist", expected=f"{name}.nc")
    return path
