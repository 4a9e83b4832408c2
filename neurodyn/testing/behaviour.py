"""Made-up behaviour, for analyses that compare populations with it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import PRESENTATION
from neurodyn.seeding import numpy_generator

__all__ = ["behavioural_thresholds"]


def behavioural_thresholds(stimulus_id: np.ndarray, *, level: float = 1.5, spread: float = 0.5, seed: int) -> xr.Dataset:
    """A behavioural d' for every image, drawn around a level.

    Parameters
    ----------
    stimulus_id : array of str, (presentation)
    level, spread : float
        Mean and standard deviation; values below 0.1 are raised to it.
    seed : int

    Returns
    -------
    Dataset
        ``threshold`` (presentation), with ``stimulus_id``.

    Raises
    ------
    ConfigError
        For a negative spread.

    Examples
    --------
    >>> behavioural_thresholds(np.array(["a", "b"]), spread=0.0, seed=0).threshold.values.tolist()
    [1.5, 1.5]
    """
    if spread < 0:
        raise ConfigError("behavioural_thresholds", f"`spread` is {spread}", expected="0 or more")
    ids = np.asarray(stimulus_id).astype(str)
    values = np.maximum(level + spread * numpy_generator(seed, "behavioural_thresholds").normal(size=len(ids)), 0.1)
    return xr.Dataset({"threshold": (PRESENTATION, values, {"units": "1"})}, coords={"stimulus_id": (PRESENTATION, ids)}, attrs={"synthetic": 1})
