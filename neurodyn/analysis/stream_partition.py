"""How much of a layer's geometry comes from below, from above, and from both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses
from neurodyn.seeding import numpy_generator

__all__ = ["stream_partition"]


def stream_partition(
    target: xr.DataArray, bottom_up: xr.DataArray, top_down: xr.DataArray, labels: Sequence[int] | None = None, *, n_shuffles: int = 20, seed: int
) -> xr.Dataset:
    """Commonality analysis of dissimilarity matrices: what is unique to each stream, what is shared.

    The ranks of the target's dissimilarities (1 - r between images) are regressed on those of the two streams.

    Parameters
    ----------
    target, bottom_up, top_down : DataArray, (presentation, neuroid, time_bin)
        Integrated activity and its two inputs, for the same presentations and times.
    labels : int sequence, (presentation), optional
        Adds a category model (same class or not) as a third predictor.
    n_shuffles : int
        Twins in which the images of the top-down stream are shuffled: what a unique share is by chance.
    seed : int

    Returns
    -------
    Dataset
        ======================  ==========  =====  ==========================================================================
        variable                dims        units  meaning
        ======================  ==========  =====  ==========================================================================
        total                   (time_bin)  1      R^2 of all predictors
        unique_bottom_up        (time_bin)  1      R^2 lost without the bottom-up stream
        unique_top_down         (time_bin)  1      R^2 lost without the top-down stream
        common                  (time_bin)  1      R^2 of the two streams that is unique to neither
        unique_category         (time_bin)  1      R^2 lost without the category model (0 without `labels`)
        unique_top_down_chance  (time_bin)  1      mean of unique_top_down over the shuffles
        ======================  ==========  =====  ==========================================================================

        Where a stream does not vary over images (feedback before the first step) its dissimilarities are all equal and explain nothing.

    Raises
    ------
    SchemaError
        If presentations or times differ between the three.

    Notes
    -----
    R^2 is of ranks (Spearman).  Unique shares are never negative, so compare them with `unique_top_down_chance`.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> x = np.random.default_rng(0).normal(size=(20, 30, 1))
    >>> coords = {"stimulus_coords": {"stimulus_id": np.arange(20)}, "neuroid_coords": {"neuroid_id": np.arange(30)}, "step": np.array([0]), "dt_ms": None}
    >>> same = make_responses(x, **coords)
    >>> float(stream_partition(same, same, same, seed=0).unique_top_down[0].round(6))
    0.0
    """
    _check(target, bottom_up, top_down)
    if n_shuffles < 1:
        raise ConfigError("stream_partition", f"`n_shuffles` is {n_shuffles}", expected="1 or more")
    n = target.sizes[PRESENTATION]
    pairs = np.triu_indices(n, 1)
    category = None
    if labels is not None:
        classes = np.asarray(labels)
        if classes.shape != (n,):
            raise SchemaError("stream_partition", f"`labels` has shape {classes.shape}", expected=f"({n},), one a presentation")
        category = _ranked((classes[:, None] != classes[None, :])[pairs].astype(float))
    generator = numpy_generator(seed, "stream_partition")
    orders = [generator.permutation(n) for _ in range(n_shuffles)]
    rows = []
    for t in range(target.sizes[TIME_BIN]):
        wanted, below, above = (_dissimilarity(a.values[:, :, t]) for a in (target, bottom_up, top_down))
        y, u, d = (_ranked(m[pairs]) for m in (wanted, below, above))
        shuffled = [_ranked(above[np.ix_(order, order)][pairs]) for order in orders]
        rows.append(_shares(y, u, d, category, shuffled))
    coords = {name: c for name, c in target.coords.items() if c.dims == (TIME_BIN,)}
    return xr.Dataset({name: (TIME_BIN, np.array([r[name] for r in rows]), {"units": "1"}) for name in rows[0]}, coords=coords)


def _shares(y: np.ndarray, u: np.ndarray, d: np.ndarray, category: np.ndarray | None, shuffled: list[np.ndarray]) -> dict[str, float]:
    rest = [] if category is None else [category]
    total, no_u, no_d, streams_off = _r2(y, [u, d, *rest]), _r2(y, [d, *rest]), _r2(y, [u, *rest]), _r2(y, rest)
    return {
        "total": total,
        "unique_bottom_up": total - no_u,
        "unique_top_down": total - no_d,
        "common": (total - streams_off) - (total - no_u) - (total - no_d),
        "unique_category": total - _r2(y, [u, d]),
        "unique_top_down_chance": float(np.mean([_r2(y, [u, s, *rest]) - no_d for s in shuffled])),
    }


def _r2(y: np.ndarray, predictors: list[np.ndarray]) -> float:
    """R^2 of standardised predictors, from correlations."""
    used = [p for p in predictors if p.any()]
    if not used or not y.any():
        return 0.0
    x = np.stack(used)
    gram, cross = x @ x.T / len(y), x @ y / len(y)
    return float(cross @ np.linalg.lstsq(gram, cross, rcond=1e-10)[0])


def _dissimilarity(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    z = x - x.mean(axis=1, keepdims=True)
    length = np.linalg.norm(z, axis=1, keepdims=True)
    z = np.divide(z, length, out=np.zeros_like(z), where=length > 1e-12)
    return 1 - z @ z.T


def _ranked(values: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    if np.ptp(values) < 1e-12:
        return np.zeros(len(values))
    ranks = rankdata(values)
    return (ranks - ranks.mean()) / ranks.std()


def _check(target: xr.DataArray, bottom_up: xr.DataArray, top_down: xr.DataArray) -> None:
    for name, data in (("target", target), ("bottom_up", bottom_up), ("top_down", top_down)):
        check_responses(data, where="stream_partition", name=name)
        if data.sizes[TIME_BIN] != target.sizes[TIME_BIN]:
            raise SchemaError(
                "stream_partition", f"`{name}` has {data.sizes[TIME_BIN]} time bins and `target` {target.sizes[TIME_BIN]}", expected="the same bins"
            )
        a, b = target.stimulus_id.values, data.stimulus_id.values
        if a.shape != b.shape or not (a == b).all():
            raise SchemaError(
                "stream_partition", f"`{name}` has other presentations than `target` ({len(b)} and {len(a)})", expected="the same ids in the same order"
            )
    if target.sizes[PRESENTATION] < 4:
        raise SchemaError("stream_partition", f"{target.sizes[PRESENTATION]} presentations", expected="4 or more")
