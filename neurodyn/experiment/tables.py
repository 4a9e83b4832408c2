"""Tables that are shipped: measurements on populations of trained networks, too many to train again for a figure."""

from __future__ import annotations

import hashlib

import xarray as xr

from neurodyn import places
from neurodyn.errors import DataError, unknown_name

__all__ = ["shipped_table"]


def shipped_table(*, table: str, sha256: str) -> xr.Dataset:
    """Open ``data/<table>.nc``; an experiment names it as ``neurodyn.experiment.tables:shipped_table`` and hands it on to an analysis.

    Parameters
    ----------
    table : str
        File name without suffix.
    sha256 : str
        Of the file; part of the experiment, so that another table is another result.

    Returns
    -------
    Dataset

    Raises
    ------
    ConfigError
        If there is no such table.
    DataError
        If the file is another one than the experiment was written for.
    """
    known = places.declarations("data", "*.nc")
    if table not in known:
        raise unknown_name("shipped_table", "table", table, known)
    found = hashlib.sha256(known[table].read_bytes()).hexdigest()
    if found != sha256:
        raise DataError(
            "shipped_table", f"data/{table}.nc has sha256 {found[:12]}...", expected=f"{sha256[:12]}...", fix=f"sha256: {found} if the table was made anew"
        )
    return xr.load_dataset(known[table])
