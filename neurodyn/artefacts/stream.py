"""Write responses to a netCDF file while they are computed."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ArtefactError

__all__ = ["ResponseWriter"]


class ResponseWriter:
    """A netCDF file filled a block of presentations at a time, moved into place when complete.

    Parameters
    ----------
    path : Path
        The file that will exist once everything is written; nothing is left behind on failure.
    template : DataArray, (presentation, neuroid, time_bin)
        Shape, coords and attributes; its values are not read.
    """

    def __init__(self, path: Path, template: xr.DataArray) -> None:
        self.path, self.partial = path, path.with_name(path.name + ".partial")
        self._template = template
        self._file: Any = None

    def __enter__(self) -> ResponseWriter:
        import netCDF4

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = netCDF4.Dataset(self.partial, "w")
        except OSError as error:
            raise ArtefactError("simulate", f"cannot write `{self.path}` ({error})", expected="a folder that can be written") from error
        self._describe()
        return self

    def _describe(self) -> None:
        file, template = self._file, self._template
        assert file is not None
        for dim, n in zip(template.dims, template.shape, strict=True):
            file.createDimension(str(dim), n)
        for name, coord in template.coords.items():
            values = np.asarray(coord.values)
            kind = str if values.dtype.kind in "UO" else values.dtype
            variable = file.createVariable(str(name), kind, tuple(str(d) for d in coord.dims))
            variable[:] = values.astype(object) if kind is str else values
            for key, value in coord.attrs.items():
                variable.setncattr(key, value)
        data = file.createVariable("responses", "f4", tuple(str(d) for d in template.dims))
        data.setncattr("units", template.attrs.get("units", "1"))
        data.setncattr("coordinates", " ".join(str(c) for c in template.coords))

    def write(self, rows: slice, block: np.ndarray) -> None:
        """Write one block of presentations, (presentation, neuroid, time_bin)."""
        assert self._file is not None
        try:
            self._file["responses"][rows] = block
        except (OSError, RuntimeError) as error:
            raise ArtefactError("simulate", f"writing `{self.partial}` failed ({error})", expected="free space on the disk") from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._file is not None
        self._file.close()
        if kind is None:
            os.replace(self.partial, self.path)
        else:
            self.partial.unlink(missing_ok=True)
