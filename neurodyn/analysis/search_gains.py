"""What each choice of an architecture search was worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.resampling import bootstrap_ci
from neurodyn.seeding import numpy_generator

__all__ = ["search_gains"]


def search_gains(table: xr.Dataset, *, factors: Sequence[str], n_resamples: int = 2000, level: float = 0.95, window: int = 10, seed: int) -> xr.Dataset:
    """Mean value of the trials that have a feature minus that of those that have not, and how often it was drawn.

    The trials of a search are no random sample: a feature that the search favours is seen beside other good choices.  A shuffled control (the same
    numbers of trials with and without, drawn anew) says how large a gain chance gives.

    Parameters
    ----------
    table : Dataset
        Of :func:`neurodyn.training.search.study_dataset`: ``value`` (trial) and the parameters.
    factors : sequence of str
        Parameters that are true or false: feedback edges, gates.
    n_resamples : int
        Of the bootstrap over trials and of the shuffled control.
    level : float
    window : int
        Trials of the running share.
    seed : int

    Returns
    -------
    Dataset
        ====================  =================  =====  ===============================================================
        variable              dims               units  meaning
        ====================  =================  =====  ===============================================================
        gain                  (factor)           1      mean value with minus without; NaN where one side is empty
        gain_low, gain_high   (factor)           1      bootstrap over trials
        chance_low, _high     (factor)           1      the same interval of the gain when values are shuffled
        n_with, n_without     (factor)           1      finished trials
        share                 (factor, trial)    1      of the last `window` trials that had it
        value, best           (trial)            1      passed on
        ====================  =================  =====  ===============================================================

    Examples
    --------
    >>> table = xr.Dataset({"value": ("trial", [0.5, 0.4, 0.5, 0.4]), "edge": ("trial", [True, False, True, False])})
    >>> search_gains(table, factors=["edge"], seed=0).gain.values.round(3).tolist()
    [0.1]
    """
    if "value" not in table or table["value"].dims != ("trial",):
        raise SchemaError("search_gains", f"`table` has {sorted(map(str, table.variables))}", expected="`value` with dim trial, as study_dataset makes it")
    for name in factors:
        if name not in table:
            raise unknown_name("search_gains", "factor", name, [str(k) for k in table.data_vars if k not in ("value", "best")])
    if window < 1 or not factors:
        raise ConfigError("search_gains", f"`window` is {window}, {len(factors)} factors", expected="1 or more of each")
    value = table["value"].values.astype(float)
    done = np.isfinite(value)
    columns = np.stack([table[name].values.astype(bool) for name in factors])
    gain, low, high, chance = (np.full((len(factors), *s), np.nan) for s in ((), (), (), (2,)))
    tail = [(1 - level) / 2, (1 + level) / 2]
    for i, has in enumerate(columns):
        a, b = value[done & has], value[done & ~has]
        if not len(a) or not len(b):
            continue
        gain[i] = a.mean() - b.mean()
        generator = numpy_generator(seed, "search_gains", factors[i])
        drawn = generator.choice(a, (n_resamples, len(a))).mean(1) - generator.choice(b, (n_resamples, len(b))).mean(1)
        low[i], high[i] = np.quantile(drawn, tail)
        mixed = generator.permuted(np.tile(np.concatenate([a, b]), (n_resamples, 1)), axis=1)
        chance[i] = np.quantile(mixed[:, : len(a)].mean(1) - mixed[:, len(a) :].mean(1), tail)
    share = np.stack([np.convolve(has.astype(float), np.ones(window))[: len(has)] / np.minimum(np.arange(len(has)) + 1, window) for has in columns])
    unit = {"units": "1"}
    spread = bootstrap_ci(value[done], seed=seed, n_resamples=n_resamples, level=level)
    return xr.Dataset(
        {
            "gain": ("factor", gain, unit),
            "gain_low": ("factor", low, unit),
            "gain_high": ("factor", high, unit),
            "chance_low": ("factor", chance[:, 0], unit),
            "chance_high": ("factor", chance[:, 1], unit),
            "n_with": ("factor", (columns & done).sum(1), unit),
            "n_without": ("factor", (~columns & done).sum(1), unit),
            "share": (("factor", "trial"), share, unit),
            "value": ("trial", value, unit),
            "best": ("trial", np.fmax.accumulate(value), unit),
        },
        {"factor": list(factors), "trial": np.arange(len(value))},
        {"n_failed": int((~done).sum()), "mean_value": float(spread.estimate), "window": window},
    )
