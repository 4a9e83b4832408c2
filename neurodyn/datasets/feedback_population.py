"""The measurements of the feedback x dropout networks: one row a trained network, kept with the project.

The networks are trained and measured by ``analyses/notebooks/feedback_population.py``; their weights are not kept except for one of each
cell (``neurodyn list models``), so this table is what the claims and the figures are drawn from.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn import places
from neurodyn.errors import DataError

__all__ = ["ARMS", "load"]

ARMS = {"feedback": ("self", "top"), "dropout": ("off", "on")}
"""The two factors, baseline first: where the top-down stream comes from, and whether units were silenced in training."""


def load(root: str | Path | None = None, *, sha256: str | None = None) -> xr.Dataset:
    """Load the table.

    Parameters
    ----------
    root : path, optional
        The netCDF file, or the folder that holds ``feedback_population.nc``; the project's ``data`` folder when absent.
    sha256 : str, optional
        Refuse a file of another content.

    Returns
    -------
    Dataset, (network)
        Scalars and curves measured on each network, with coords ``cell feedback dropout seed``.

    Raises
    ------
    DataError
        If the file is missing, of another content, or not this table.

    Examples
    --------
    >>> table = load()
    >>> sorted(set(table.feedback.values.tolist()) & {"self", "top"})
    ['self', 'top']
    """
    path = _locate(root)
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DataError(
            "feedback_population", f"{path.name} has another content than the sha256 asked for", expected=f"{sha256[:16]}...", fix="restore the file"
        )
    try:
        with xr.open_dataset(path) as found:
            table = found.load()
    except (OSError, ValueError) as error:
        raise DataError("feedback_population", f"{path} cannot be read ({error})", expected="a netCDF file") from error
    missing = [k for k in ("feedback", "dropout", "seed", "cell") if k not in table.coords or table[k].dims != ("network",)]
    if missing:
        raise DataError("feedback_population", f"{path.name} lacks the coords {', '.join(missing)} of `network`", expected="one row a network")
    for name in ("feedback", "dropout", "cell"):
        table = table.assign_coords({name: ("network", np.asarray(table[name].values).astype(str))})
    return table


def _locate(root: str | Path | None) -> Path:
    if root is None:
        found = places.declarations("data", "*.nc").get("feedback_population")
        if found is None:
            raise DataError("feedback_population", "feedback_population.nc is not in the data folder", expected="it beside the data manifests")
        return found
    path = Path(root).expanduser()
    path = path / "feedback_population.nc" if path.is_dir() else path
    if not path.is_file():
        raise DataError("feedback_population", f"{path} does not exist", expected="feedback_population.nc")
    return path
