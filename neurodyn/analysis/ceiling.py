"""How well recordings predict themselves: split-half reliability and explainable variance."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.analysis._alignment import by_repeat, by_repetition_coord, neuroid_labels
from neurodyn.numerics.reliability import explainable_variance, split_half_ceiling
from neurodyn.schema import NEUROID, TIME_BIN, check_recordings

__all__ = ["ceiling"]


def ceiling(recordings: xr.DataArray, *, n_splits: int = 10, halves: str = "stimulus", level: float = 0.95, seed: int) -> xr.Dataset:
    """Reliability of the mean over repeats, and the share of its variance that the stimuli explain.

    Parameters
    ----------
    recordings : DataArray, (presentation, neuroid, time_bin)
        Repeats are rows with the same ``stimulus_id``; their number may differ between stimuli.
    n_splits : int
        Random halvings of the repeats.
    halves : {"stimulus", "repeat"}
        See :func:`neurodyn.numerics.reliability.split_half_ceiling`; ``"repeat"`` with ``seed=1`` is Brain-Score's ceiling.
    level : float
        Coverage of the interval of the explainable variance.
    seed : int

    Returns
    -------
    Dataset
        ====================  ====================  =====  ================================================================
        variable              dims                  units  meaning
        ====================  ====================  =====  ================================================================
        ceiling               (neuroid, time_bin)   1      split-half correlation, Spearman-Brown corrected, mean over splits
        ceiling_by_split      (split, neuroid, ..)  1      the same for each halving
        explainable_variance  (neuroid, time_bin)   1      share of the variance of repeat means that is signal
        explainable_low       (neuroid, time_bin)   1      its interval
        explainable_high      (neuroid, time_bin)   1
        n_repeats             ()                    1      effective repeats a stimulus
        n_stimuli             ()                    1      stimuli with two or more repeats
        ====================  ====================  =====  ================================================================

    Raises
    ------
    SchemaError
        If `recordings` are not recordings, or hold NaN.
    NumericsError
        If there are no repeats.

    Notes
    -----
    Both estimate the same quantity c, signal variance / (signal variance + noise variance / repeats).  A perfect model correlates sqrt(c)
    with the mean.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> rng = np.random.default_rng(0)
    >>> values = np.repeat(rng.normal(size=(100, 3)), 4, axis=0) + rng.normal(size=(400, 3))
    >>> r = make_recordings(values, stimulus_id=np.repeat(np.arange(100), 4), neuroid_id="abc", time_bins_ms=[(70, 170)])
    >>> bool((abs(ceiling(r, seed=0).ceiling - 0.8) < 0.1).all())
    True
    """
    check_recordings(recordings, where="ceiling")
    values, _ = by_repeat(recordings) if halves == "stimulus" else by_repetition_coord(recordings)
    half = split_half_ceiling(values, n_splits=n_splits, seed=seed, halves=halves)
    share = explainable_variance(values, level=level)
    dims = (NEUROID, TIME_BIN)
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "ceiling": (dims, half.per_target, unit),
            "ceiling_by_split": (("split", *dims), half.per_split, unit),
            "explainable_variance": (dims, share.fraction, unit),
            "explainable_low": (dims, share.low, unit),
            "explainable_high": (dims, share.high, unit),
            "n_repeats": ((), share.n_repeats, unit),
            "n_stimuli": ((), half.n_stimuli, unit),
        },
        coords={**neuroid_labels(recordings), "split": np.arange(n_splits)},
        attrs={"method": f"split-half over {halves}, Spearman-Brown", "level": level, "n_splits": n_splits},
    )
