"""How alike the trajectories of rate networks on cognitive tasks are: one row a pair of networks, kept with the project.

The networks are trained and compared by ``analyses/notebooks/rate_rnn_population.py``; those of seed 0 are shipped (``neurodyn list models``).
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from neurodyn.datasets._table import open_table

__all__ = ["load"]

NAMES = ("task", "connectivity", "reference", "network_task", "network_connectivity")
NUMBERS = ("seed", "reference_seed", "network_seed")


def load(root: str | Path | None = None, *, sha256: str | None = None) -> xr.Dataset:
    """Load the table.

    Parameters
    ----------
    root : path, optional
        The netCDF file, or the folder that holds ``rate_rnn_population.nc``; the project's ``data`` folder when absent.
    sha256 : str, optional
        Refuse a file of another content.

    Returns
    -------
    Dataset
        ``procrustes``, ``shape_distance`` and ``explained_variance_ratio`` of `pair`, with coords ``task connectivity seed reference
        reference_seed`` (seed -1 is an untrained network), and ``participation_ratio`` of `network`.

    Raises
    ------
    DataError
        If the file is missing, of another content, or not this table.

    Examples
    --------
    >>> "convolutional" in load().connectivity.values
    True
    """
    return open_table("rate_rnn_population", root, sha256=sha256, text=NAMES, numbers=NUMBERS, expected="one row a pair of networks")
