"""How alike the trajectories of rate networks on cognitive tasks are: one row a pair of networks, kept with the project.

The networks are trained and compared by ``analyses/notebooks/rate_rnn_population.py``; those of seed 0 are shipped (``neurodyn list models``).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from neurodyn import places
from neurodyn.errors import DataError

__all__ = ["load"]

NAMES = ("task", "connectivity", "reference", "network_task", "network_connectivity")
NUMBERS = ("seed", "reference_seed", "network_seed")


def load(root: str | Path | None = None) -> xr.Dataset:
    """Load the table.

    Parameters
    ----------
    root : path, optional
        The netCDF file, or the folder that holds ``rate_rnn_population.nc``; the project's ``data`` folder when absent.

    Returns
    -------
    Dataset
        ``procrustes``, ``shape_distance`` and ``explained_variance_ratio`` of `pair`, with coords ``task connectivity seed reference
        reference_seed`` (seed -1 is an untrained network), and ``participation_ratio`` of `network`.

    Raises
    ------
    DataError
        If the file is missing or not this table.

    Examples
    --------
    >>> "convolutional" in load().connectivity.values
    True
    """
    path = _locate(root)
    try:
        with xr.open_dataset(path) as found:
            table = found.load()
    except (OSError, ValueError) as error:
        raise DataError("rate_rnn_population", f"{path} cannot be read ({error})", expected="a netCDF file") from error
    missing = [k for k in (*NAMES, *NUMBERS) if k not in table.coords]
    if missing:
        raise DataError("rate_rnn_population", f"{path.name} lacks the coords {', '.join(missing)}", expected="one row a pair of networks")
    return table.assign_coords({k: (table[k].dims, np.asarray(table[k].values).astype(str)) for k in NAMES})


def _locate(root: str | Path | None) -> Path:
    if root is None:
        found = places.declarations("data", "*.nc").get("rate_rnn_population")
        if found is None:
            raise DataError("rate_rnn_population", "rate_rnn_population.nc is not in the data folder", expected="it beside the data manifests")
        return found
    path = Path(root).expanduser()
    path = path / "rate_rnn_population.nc" if path.is_dir() else path
    if not path.is_file():
        raise DataError("rate_rnn_population", f"{path} does not exist", expected="rate_rnn_population.nc")
    return path
