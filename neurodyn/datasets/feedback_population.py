"""The measurements of the feedback x dropout networks: one row a trained network, kept with the project.

The networks are trained and measured by ``analyses/notebooks/feedback_population.py``; their weights are not kept except for one of each
cell (``neurodyn list models``), so this table is what the claims and the figures are drawn from.
"""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from neurodyn.datasets._table import open_table

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
    return open_table(
        "feedback_population", root, sha256=sha256, text=("feedback", "dropout", "cell"), numbers=("seed",), dim="network", expected="one row a network"
    )
