"""How much the activity, and the geometry it spans, move from one step to the next."""

from __future__ import annotations

import itertools

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.schema import check_responses

__all__ = ["temporal_stability"]


def temporal_stability(responses: xr.DataArray) -> xr.Dataset:
    """Step change, pattern correlation and geometry correlation between neighbouring times.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Two bins or more, three presentations or more.

    Returns
    -------
    Dataset
        =====================  ==========  =====  =========================================================================
        variable               dims        units  meaning
        =====================  ==========  =====  =========================================================================
        step_change            (interval)  1      |a(t+1) - a(t)| / |a(t)|, mean over presentations
        pattern_correlation    (interval)  1      correlation of a(t+1) and a(t) over units, mean over presentations
        geometry_correlation   (interval)  1      rank correlation of the dissimilarity matrices (1 - r) of the two times
        =====================  ==========  =====  =========================================================================

        NaN where the earlier activity does not vary.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> x = np.random.default_rng(0).normal(size=(4, 5, 1)) * np.array([1.0, 2.0])
    >>> coords = {"stimulus_coords": {"stimulus_id": np.arange(4)}, "neuroid_coords": {"neuroid_id": np.arange(5)}, "step": np.arange(2), "dt_ms": None}
    >>> [round(float(v), 6) for v in temporal_stability(make_responses(x, **coords)).to_array()[:, 0]]
    [1.0, 1.0, 1.0]
    """
    check_responses(responses, where="temporal_stability")
    n, _, n_times = responses.shape
    if n_times < 2 or n < 3:
        raise SchemaError("temporal_stability", f"`responses` has {n} presentations and {n_times} time bins", expected="3 presentations and 2 bins, or more")
    x = responses.values.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        change = np.linalg.norm(np.diff(x, axis=2), axis=1) / np.linalg.norm(x[:, :, :-1], axis=1)
        z = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    pattern = (z[:, :, 1:] * z[:, :, :-1]).mean(axis=1)
    ranks = [_ranked_dissimilarities(z[:, :, t]) for t in range(n_times)]
    geometry = [float((a * b).mean()) for a, b in itertools.pairwise(ranks)]
    steps = responses.coords["step"].values if "step" in responses.coords else np.arange(n_times)
    return xr.Dataset(
        {
            "step_change": ("interval", np.where(np.isfinite(change), change, np.nan).mean(axis=0), {"units": "1"}),
            "pattern_correlation": ("interval", pattern.mean(axis=0), {"units": "1"}),
            "geometry_correlation": ("interval", np.array(geometry), {"units": "1"}),
        },
        coords={"from_step": ("interval", steps[:-1], {"units": "step"})},
    )


def _ranked_dissimilarities(z: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    pairs = np.triu_indices(len(z), 1)
    distances = 1 - (z @ z.T / z.shape[1])[pairs]
    if not np.isfinite(distances).all():
        return np.full(len(distances), np.nan)
    ranks = rankdata(distances)
    return (ranks - ranks.mean()) / ranks.std()
