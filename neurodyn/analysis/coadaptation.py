"""How much units lean on each other: correlations, and how well each is predicted by the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN, check_responses
from neurodyn.seeding import numpy_generator

__all__ = ["coadaptation"]

EDGES = np.linspace(-1.0, 1.0, 41)


def coadaptation(responses: xr.DataArray, labels: Sequence[int], *, n_units: int | None = None, penalty: float = 0.1, seed: int) -> xr.Dataset:
    """Pairwise correlations, total and within classes, and the share of a unit that the other units predict.

    A sparse code lowers correlations without making units independent: read them beside `share_active`.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
    labels : int sequence, (presentation)
    n_units : int, optional
        Take so many of the units that vary, at random; give the same number to every model.  All when absent.
    penalty : float
        Ridge, as a share of the unit variance (units are standardised).
    seed : int

    Returns
    -------
    Dataset
        ===================  =====================  =====  ===================================================================
        variable             dims                   units  meaning
        ===================  =====================  =====  ===================================================================
        correlation          (time_bin)             1      mean |r| over pairs of units
        correlation_within   (time_bin)             1      the same around class means ("noise correlation")
        predictability       (time_bin)             1      median over units of the held-out R^2 of ridge on all others
        share_active         (time_bin)             1      mean share of images at which a unit is above 0
        n_units_used         (time_bin)                    units that vary and were used
        histogram            (time_bin, bin)        1      share of pairs in each bin of r
        ===================  =====================  =====  ===================================================================

    Raises
    ------
    SchemaError
        If labels do not fit.
    ConfigError
        If there are fewer than two units, or the penalty is not positive.

    Notes
    -----
    Ridge of every unit on the others needs one inverse: with P = (R + penalty I)^-1 the weights of unit i are -P_ji / P_ii.
    Halves of the images (by a fixed draw) take turns as training and test set.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> x = np.random.default_rng(0).normal(size=(200, 1, 1)) * np.ones((1, 3, 1))
    >>> coords = {"stimulus_coords": {"stimulus_id": np.arange(200)}, "neuroid_coords": {"neuroid_id": np.arange(3)}, "step": np.array([0]), "dt_ms": None}
    >>> found = coadaptation(make_responses(x, **coords), np.arange(200) % 2, seed=0)
    >>> float(found.correlation[0].round(3)), bool(found.predictability[0] > 0.98)
    (1.0, True)
    """
    check_responses(responses, where="coadaptation")
    target = np.asarray(labels)
    if target.shape != (responses.sizes[PRESENTATION],):
        raise SchemaError("coadaptation", f"`labels` has shape {target.shape}", expected=f"({responses.sizes[PRESENTATION]},), one a presentation")
    if not np.isfinite(penalty) or penalty <= 0:
        raise ConfigError("coadaptation", f"`penalty` is {penalty}", expected="a positive number", fix="penalty=0.1")
    if n_units is not None and not 2 <= n_units <= responses.sizes[NEUROID]:
        raise ConfigError("coadaptation", f"`n_units` is {n_units}", expected=f"2 to {responses.sizes[NEUROID]}")
    found = [_at_one_time(responses.values[:, :, t].astype(np.float64), target, n_units, penalty, seed) for t in range(responses.sizes[TIME_BIN])]
    coords = {name: c for name, c in responses.coords.items() if c.dims == (TIME_BIN,)}
    variables: dict[str, Any] = {name: (TIME_BIN, np.array([f[name] for f in found]), {"units": "1"}) for name in found[0] if name != "histogram"}
    variables["histogram"] = ((TIME_BIN, "bin"), np.stack([f["histogram"] for f in found]), {"units": "1"})
    return xr.Dataset(variables, coords={**coords, "r": ("bin", 0.5 * (EDGES[1:] + EDGES[:-1]), {"units": "1"})}, attrs={"penalty": penalty})


def _at_one_time(x: np.ndarray, target: np.ndarray, n_units: int | None, penalty: float, seed: int) -> dict[str, np.ndarray | float]:
    active = float((x > 0).mean())
    generator = numpy_generator(seed, "coadaptation")
    half = generator.permutation(len(x)) < len(x) // 2
    varying = np.nonzero((x[half].std(axis=0) > 1e-9) & (x[~half].std(axis=0) > 1e-9))[0]
    if n_units is not None:
        varying = np.sort(generator.permutation(varying)[:n_units])
    if len(varying) < 2:
        nothing = {name: np.nan for name in ("correlation", "correlation_within", "predictability")}
        return {**nothing, "share_active": active, "n_units_used": float(len(varying)), "histogram": np.full(len(EDGES) - 1, np.nan)}
    x = x[:, varying]
    pairs = np.triu_indices(x.shape[1], 1)
    r = _correlation(x)[pairs]
    around = x - np.stack([x[target == c].mean(axis=0) for c in np.unique(target)])[np.searchsorted(np.unique(target), target)]
    r_squared = 0.5 * (_predicted(x[half], x[~half], penalty) + _predicted(x[~half], x[half], penalty))
    return {
        "correlation": float(np.abs(r).mean()),
        "correlation_within": float(np.nanmean(np.abs(_correlation(around)[pairs]))),
        "predictability": float(np.median(r_squared)),
        "share_active": active,
        "n_units_used": float(len(varying)),
        "histogram": np.histogram(r, EDGES)[0] / len(r),
    }


def _correlation(x: np.ndarray) -> np.ndarray:
    z = x - x.mean(axis=0)
    sd = np.sqrt((z**2).mean(axis=0))
    z = np.divide(z, sd, out=np.full_like(z, np.nan), where=sd > 1e-12)
    return np.clip(z.T @ z / len(z), -1.0, 1.0)


def _predicted(train: np.ndarray, test: np.ndarray, penalty: float) -> np.ndarray:
    mean, sd = train.mean(axis=0), train.std(axis=0)
    a, b = (train - mean) / sd, (test - mean) / sd
    precision = np.linalg.inv(a.T @ a / len(a) + penalty * np.eye(a.shape[1]))
    residual = b @ (precision / np.diag(precision))  # b_i - sum_j w_ij b_j, one column a unit
    return 1 - (residual**2).sum(axis=0) / ((b - b.mean(axis=0)) ** 2).sum(axis=0)
