"""Do the units of a layer span the plane of spatial and temporal selectivity?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.numerics.resampling import alike_interval
from neurodyn.schema import NEUROID
from neurodyn.seeding import numpy_generator

__all__ = ["selectivity_plane"]

WHERE = "selectivity_plane"
MEASURES = ("index_mean", "index_spread", "correlation", "area", "share_space", "share_time", "share_neither", "share_synergy")
_NEEDED = ("activation", "layer", "family")
_THIRD = 1 / 3


def selectivity_plane(
    optimal: xr.Dataset, *, n_resamples: int = 2000, level: float = 0.95, min_activation: float = 0.02, neither_below: float = 0.1, seed: int
) -> xr.Dataset:
    """Summarise, for each layer, how its units spread over the plane of spatial and temporal activation, with intervals.

    Every unit's activations are divided by the largest of its three: of its best movie, or of its best still image or flicker where ascent among the
    movies, of which these are some, ended lower.  So units of different gain lie on one plane, the unit square.

    Parameters
    ----------
    optimal : Dataset
        Of :func:`neurodyn.analysis.optimal_stimulus`, ``activation`` (..., neuroid, family); leading dims (models, say) are kept.
    n_resamples, level : int, float
        Bootstrap over the units.
    min_activation : float
        Units whose best activation is below this share of the layer's largest do not count.
    neither_below : float
        Units of whose best activation neither the best still image nor the best flicker evokes this share are a class of their own: the ratio of two
        such small numbers says nothing.
    seed : int

    Returns
    -------
    Dataset
        Each of these (..., layer), with ``_low`` and ``_high``; NaN where fewer than three units count:

        =============  =====  =================================================================================================
        variable       units  meaning
        =============  =====  =================================================================================================
        index_mean     1      mean of (S - T) / (S + T) over the units that have one
        index_spread   1      its standard deviation over those: 0 where all are alike
        correlation    1      between S and T over units
        area           1      square root of the determinant of the covariance of (S, T): 0 where units lie on a point or a
                              line, 1/12 where they fill the square evenly
        share_space    1      of units with an index above 1/3
        share_time     1      of units with an index below -1/3
        share_neither  1      of units with S and T both below `neither_below`, which have no index
        share_synergy  1      of units whose best movie beats the better of S and T by more than a tenth; none where ascent ended lower
        n_units               that count
        =============  =====  =================================================================================================

        The shares of units that are all of the class, or none of them, have the interval of :func:`neurodyn.numerics.resampling.alike_interval`; and
        there are ``space``, ``time``, ``st_index`` (..., neuroid), NaN for units that do not count; the index also for those of neither kind.

    Raises
    ------
    SchemaError
        A Dataset that is not of optimal_stimulus.

    Examples
    --------
    >>> values = np.stack([np.linspace(0.1, 1, 10), np.linspace(1, 0.1, 10), np.ones(10)], axis=1)
    >>> optimal = xr.Dataset(
    ...     {"activation": (("neuroid", "family"), values)},
    ...     {"layer": ("neuroid", ["V1"] * 10), "neuroid_id": ("neuroid", range(10)), "family": ["space", "time", "spacetime"]},
    ... )
    >>> round(float(selectivity_plane(optimal, seed=0).correlation), 3)
    -1.0
    """
    for name in _NEEDED:
        if name not in optimal.variables:
            raise SchemaError(WHERE, f"`optimal` has no `{name}` (it has {', '.join(map(str, optimal.variables))})", expected="what optimal_stimulus returns")
    layer = optimal["layer"].values
    activation = optimal["activation"].transpose(..., NEUROID, "family")
    lead = activation.dims[:-2]
    values = activation.sel(family=["space", "time", "spacetime"]).values
    flat = np.maximum(values.reshape(-1, *values.shape[-2:]), 0)
    layers = np.broadcast_to(layer, (*values.shape[: len(lead)], layer.shape[-1])).reshape(len(flat), -1)  # models can differ in their units
    names = [str(k) for k in dict.fromkeys(layers.ravel().tolist()) if str(k)]
    plane = np.full((3, *flat.shape[:2]), np.nan)
    found = {k: np.full((3, len(flat), len(names)), np.nan) for k in MEASURES}
    count = np.zeros((len(flat), len(names)), int)
    for m, rows in enumerate(flat):
        for j, name in enumerate(names):
            here = np.nonzero((layers[m] == name) & np.isfinite(rows).all(1))[0]
            best = rows[here].max(1, initial=0.0)
            here = here[best > min_activation * max(best.max(initial=0.0), 1e-12)]
            s, t = (rows[here, :2] / rows[here].max(1, keepdims=True)).T
            plane[:, m, here] = s, t, _index(s, t, neither_below)
            count[m, j] = len(here)
            if len(here) < 3:
                continue
            generator = numpy_generator(seed, WHERE, m, name)
            whole = _measures(s[None], t[None], neither_below)
            drawn = generator.integers(0, len(here), (n_resamples, len(here)))
            spread = _measures(s[drawn], t[drawn], neither_below)
            for k in MEASURES:
                value = whole[k][0]
                alike = k.startswith("share") and value in (0, 1)
                found[k][:, m, j] = value, *(alike_interval(value, len(here), (0, 1), level=level) if alike else _interval(spread[k], level))
    shape = values.shape[: len(lead)]
    data: dict = {}
    for k, v in found.items():
        for suffix, part in zip(("", "_low", "_high"), v, strict=True):
            data[k + suffix] = ((*lead, "layer_name"), part.reshape(*shape, len(names)), {"units": "1"})
    data["n_units"] = ((*lead, "layer_name"), count.reshape(*shape, len(names)))
    for k, part in zip(("space", "time", "st_index"), plane, strict=True):
        data[k] = ((*lead, NEUROID), part.reshape(*shape, -1), {"units": "1"})
    coords = {"layer_name": names, "layer": optimal["layer"].variable, **{str(d): optimal[d].values for d in lead if d in optimal.coords}}
    return xr.Dataset(data, coords, attrs={"level": level, "n_resamples": n_resamples})


def _interval(values: np.ndarray, level: float) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _index(s: np.ndarray, t: np.ndarray, neither_below: float) -> np.ndarray:
    return np.where(np.maximum(s, t) < neither_below, np.nan, (s - t) / np.maximum(s + t, 1e-12))


def _measures(s: np.ndarray, t: np.ndarray, neither_below: float) -> dict[str, np.ndarray]:
    """Each measure of samples of units, (sample, unit) -> (sample)."""
    index = _index(s, t, neither_below)
    has = np.isfinite(index)
    n = np.where(has.any(1), has.sum(1), np.nan)  # a sample without an index has no mean of it
    mean = np.where(has, index, 0).sum(1) / n
    ds, dt = s - s.mean(1, keepdims=True), t - t.mean(1, keepdims=True)
    vs, vt, c = (ds**2).mean(1), (dt**2).mean(1), (ds * dt).mean(1)
    norm = np.sqrt(vs * vt)
    return {
        "index_mean": mean,
        "index_spread": np.sqrt(np.square(np.where(has, index - mean[:, None], 0)).sum(1) / n),
        "correlation": np.where(norm > 1e-12, c / np.maximum(norm, 1e-12), 0.0),
        "area": np.sqrt(np.maximum(vs * vt - c**2, 0)),
        "share_space": (index > _THIRD).mean(1),
        "share_time": (index < -_THIRD).mean(1),
        "share_neither": 1 - has.mean(1),
        "share_synergy": (np.maximum(s, t) < 1 / 1.1).mean(1),
    }
