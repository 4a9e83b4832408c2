"""A 2 x 2 design over trained networks: what each factor does, and whether one needs the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError, unknown_name
from neurodyn.numerics import factorial as algorithm
from neurodyn.numerics.resampling import holm

__all__ = ["factorial"]


def factorial(
    table: xr.Dataset,
    outcomes: Sequence[str] | None = None,
    *,
    factors: Mapping[str, tuple[str, str]],
    block: str = "seed",
    covariate: str | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> xr.Dataset:
    """Main, simple and interaction effects with intervals and effect sizes, one network a row.

    The unit of inference is the network.  Networks of one seed share initial weights and data order, so seeds are blocks:
    a random intercept in the mixed model, and what the bootstrap resamples.

    Parameters
    ----------
    table : Dataset, (network)
        One number a network in every outcome; coords of `network` name the two factors and the block.
    outcomes : sequence of str, optional
        All variables of dims (network) when absent.
    factors : mapping of str to (str, str)
        The two factors in order, each with its baseline and its other level:
        ``{"feedback": ("self", "top"), "dropout": ("off", "on")}``.  Rows with other levels are left out.
    block : str
        Coord that numbers the blocks.
    covariate : str, optional
        A variable to adjust for, such as clean accuracy (one slope for all cells).
    n_resamples, level, seed
        Of the bootstrap.

    Returns
    -------
    Dataset
        ===================  ==================  =============  ======================================================================
        variable             dims                units          meaning
        ===================  ==================  =============  ======================================================================
        estimate             (outcome, effect)   the outcome's  difference (interaction: difference of differences)
        low, high            (outcome, effect)   the outcome's  bootstrap interval over blocks
        t_low, t_high        (outcome, effect)   the outcome's  interval of the mixed model
        t, p_value           (outcome, effect)   1              of the mixed model
        p_holm               (outcome, effect)   1              corrected over the outcomes, for each effect
        size                 (outcome, effect)   1              Cohen's d, with size_low and size_high
        cell_mean, cell_sd   (outcome, cell)     the outcome's  of the networks of a cell
        ===================  ==================  =============  ======================================================================

        Effects of factors A and B are ``A``, ``B``, ``A x B``, ``A | B=level`` and ``B | A=level``.

    Raises
    ------
    SchemaError
        If a block is missing from a cell, is there twice, or lacks an outcome: the seeds are named.

    Examples
    --------
    >>> n = np.arange(20)
    >>> table = xr.Dataset({"accuracy": ("network", np.random.default_rng(0).normal(size=20) + 9 * (n % 2) * (n // 2 % 2))})
    >>> level = np.array(["no", "yes"])
    >>> table = table.assign_coords(fb=("network", level[n % 2]), do=("network", level[n // 2 % 2]), seed=("network", n // 4))
    >>> found = factorial(table, factors={"fb": ("no", "yes"), "do": ("no", "yes")}, n_resamples=200, seed=0)
    >>> found.effect.values.tolist()[:4]
    ['fb', 'do', 'fb x do', 'fb | do=no']
    >>> bool(found.estimate.sel(effect="fb x do")[0] > 5)
    True
    """
    cells, blocks = _cells(table, factors, block)
    names = [str(v) for v in table.data_vars if table[v].dims == ("network",)] if outcomes is None else list(outcomes)
    for name in (*names, *([] if covariate is None else [covariate])):
        if name not in table.data_vars:
            raise unknown_name("factorial", "outcome", name, [str(v) for v in table.data_vars])
        if table[name].dims != ("network",):
            raise SchemaError("factorial", f"`{name}` has dims {table[name].dims}", expected="('network',)", fix=f'table["{name}"].mean(...) or .sel(...)')
    names = [n for n in names if n != covariate]
    x = None if covariate is None else _values(table, covariate, cells, blocks)
    values = {name: _values(table, name, cells, blocks) for name in names}
    found = [algorithm.two_by_two(v, covariate=x, n_resamples=n_resamples, level=level, seed=seed) for v in values.values()]
    (a, (a0, a1)), (b, (b0, b1)) = factors.items()
    effects = [a, b, f"{a} x {b}", f"{a} | {b}={b0}", f"{a} | {b}={b1}", f"{b} | {a}={a0}", f"{b} | {a}={a1}"]
    fields = ("estimate", "low", "high", "t_low", "t_high", "t", "p_value", "size", "size_low", "size_high")
    variables = {f: (("outcome", "effect"), np.stack([getattr(e, f) for e in found])) for f in fields}
    variables["p_holm"] = (("outcome", "effect"), np.stack([holm(p) for p in variables["p_value"][1].T], axis=1))
    stacked = np.stack(list(values.values())).reshape(len(names), len(blocks), 4)
    variables["cell_mean"] = (("outcome", "cell"), stacked.mean(axis=1))
    variables["cell_sd"] = (("outcome", "cell"), stacked.std(axis=1, ddof=1))
    labels = [f"{a}={i} {b}={j}" for i in (a0, a1) for j in (b0, b1)]
    attrs = {"n_blocks": len(blocks), "level": level, "covariate": covariate or "", "interval": "percentile bootstrap over blocks"}
    return xr.Dataset(variables, coords={"outcome": names, "effect": effects, "cell": labels}, attrs=attrs)


def _cells(table: xr.Dataset, factors: Mapping[str, tuple[str, str]], block: str) -> tuple[dict[tuple[str, str], dict[object, int]], list[object]]:
    if not isinstance(table, xr.Dataset) or "network" not in table.dims:
        raise SchemaError("factorial", f"`table` is a {type(table).__name__} without a dim `network`", expected="an xarray.Dataset with one row a network")
    if len(factors) != 2 or any(len(tuple(levels)) != 2 for levels in factors.values()):
        raise SchemaError(
            "factorial", f"`factors` is {dict(factors)}", expected="two factors of two levels", fix='{"feedback": ("self", "top"), "dropout": ("off", "on")}'
        )
    for name in (*factors, block):
        if name not in table.coords or table[name].dims != ("network",):
            raise SchemaError("factorial", f"`table` has no coord `{name}` of `network`", expected=f"coords {', '.join((*factors, block))}")
    (a, a_levels), (b, b_levels) = ((k, tuple(v)) for k, v in factors.items())
    at: dict[tuple[str, str], dict[object, int]] = {(i, j): {} for i in a_levels for j in b_levels}
    for row, (i, j, k) in enumerate(zip(table[a].values, table[b].values, table[block].values, strict=True)):
        cell = at.get((str(i), str(j)))
        if cell is None:
            continue
        if k in cell:
            raise SchemaError("factorial", f"{block} {k} is twice in the cell {a}={i}, {b}={j}", expected="one network a cell and block")
        cell[k] = row
    blocks = sorted({k for cell in at.values() for k in cell}, key=str)
    gaps = [f"{a}={i}, {b}={j} lacks {block} {', '.join(str(k) for k in blocks if k not in cell)}" for (i, j), cell in at.items() if len(cell) < len(blocks)]
    if gaps or not blocks:
        complete = [k for k in blocks if all(k in cell for cell in at.values())]
        raise SchemaError(
            "factorial",
            f"networks are missing: {'; '.join(gaps) or 'every cell is empty'}",
            expected=f"all {len(blocks)} blocks in all four cells",
            fix=f"train them, or keep complete blocks: table.isel(network=table.{block}.isin({[int(k) if str(k).isdigit() else k for k in complete]}))",
        )
    return at, sorted(blocks, key=lambda k: (len(str(k)), str(k)))


def _values(table: xr.Dataset, name: str, cells: dict[tuple[str, str], dict[object, int]], blocks: list[object]) -> np.ndarray:
    values = np.array([[float(table[name].values[cell[k]]) for cell in cells.values()] for k in blocks])
    if not np.isfinite(values).all():
        where = [f"{k} ({'/'.join(cell)})" for i, k in enumerate(blocks) for j, cell in enumerate(cells) if not np.isfinite(values[i, j])]
        raise SchemaError("factorial", f"`{name}` is missing for {len(where)} networks (first: {', '.join(where[:3])})", expected="a number for every network")
    return values.reshape(len(blocks), 2, 2)
