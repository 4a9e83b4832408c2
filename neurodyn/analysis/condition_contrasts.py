"""How far apart conditions are, when each was trained several times and tested on the same items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.crossed_bootstrap import crossed_resamples

__all__ = ["condition_contrasts"]

DIMS = ("condition", "seed", "presentation", "step")


def condition_contrasts(
    table: xr.Dataset,
    *,
    contrasts: Mapping[str, Sequence[str]],
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> xr.Dataset:
    """Accuracy of each condition at each step, and differences between conditions, with hierarchical intervals.

    Parameters
    ----------
    table : Dataset
        ``correct`` (condition, seed, presentation, step): 1 or 0, and -1 where there is no measurement: a seed that was not trained, a step the
        image has not reached.  ``n_parameters`` (condition), if there, is passed on.
    contrasts : mapping of name to (condition, condition)
        Differences first - second, at the last step.
    n_resamples : int
        Resamples of seeds (within conditions) and test items (shared by all conditions).
    level : float
    seed : int

    Returns
    -------
    Dataset
        ====================  =======================  =====  ==========================================================
        variable              dims                     units  meaning
        ====================  =======================  =====  ==========================================================
        accuracy              (condition, step)        1      mean over seeds and items; NaN before the image arrives
        accuracy_low, _high   (condition, step)        1      interval
        seed_accuracy         (condition, seed, step)  1      each trained instance
        n_seeds               (condition)              1
        difference            (contrast)               1      at the last step
        difference_low, _high (contrast)               1      interval
        p_value               (contrast)               1      two-sided, from the same resamples
        ====================  =======================  =====  ==========================================================

    Raises
    ------
    SchemaError
        A table of other dims, or values other than -1, 0 and 1.
    ConfigError
        A contrast between conditions that are not in the table.

    Examples
    --------
    >>> right = np.stack([np.ones((2, 30, 1)), np.zeros((2, 30, 1))]).astype("int8")
    >>> table = xr.Dataset({"correct": (DIMS, right)}, {"condition": ["a", "b"], "seed": [0, 1], "step": [0]})
    >>> condition_contrasts(table, contrasts={"a - b": ["a", "b"]}, seed=0).difference.values.tolist()
    [1.0]
    """
    correct = _checked(table)
    names = [str(c) for c in correct.condition.values]
    pairs = _pairs(contrasts, names)
    values = np.where(correct.values < 0, np.nan, correct.values.astype(float))
    n_conditions, _, _, n_steps = values.shape
    resampled = np.full((n_conditions, n_resamples, n_steps), np.nan)
    for step in range(n_steps):
        here = np.nonzero(~np.isnan(values[..., step]).all(axis=(1, 2)))[0]
        if len(here):
            resampled[here, :, step] = crossed_resamples(values[here, ..., step], n_resamples=n_resamples, seed=seed)
    tail = [(1 - level) / 2, (1 + level) / 2]
    by_seed = _mean(values, axis=2)
    accuracy = _mean(by_seed, axis=1)
    low, high = np.quantile(resampled, tail, axis=1)
    drawn = np.array([resampled[a, :, -1] - resampled[b, :, -1] for a, b in pairs]).reshape(len(pairs), n_resamples)
    side = np.minimum((drawn <= 0).sum(axis=1), (drawn >= 0).sum(axis=1))
    unit = {"units": "1"}
    data = {
        "accuracy": (("condition", "step"), accuracy, unit),
        "accuracy_low": (("condition", "step"), low, unit),
        "accuracy_high": (("condition", "step"), high, unit),
        "seed_accuracy": (("condition", "seed", "step"), by_seed, unit),
        "n_seeds": ("condition", (~np.isnan(by_seed[..., -1])).sum(axis=1), unit),
        "difference": ("contrast", np.array([accuracy[a, -1] - accuracy[b, -1] for a, b in pairs]), unit),
        "difference_low": ("contrast", np.quantile(drawn, tail[0], axis=1), unit),
        "difference_high": ("contrast", np.quantile(drawn, tail[1], axis=1), unit),
        "p_value": ("contrast", np.minimum(1.0, 2 * (side + 1) / (n_resamples + 1)), unit),
    }
    if "n_parameters" in table:
        data["n_parameters"] = ("condition", table.n_parameters.values, unit)
    coords = {"condition": names, "seed": correct.seed.values, "step": correct.step.values, "contrast": list(contrasts)}
    return xr.Dataset(data, coords, attrs={**{k: v for k, v in table.attrs.items() if isinstance(v, str | int | float)}, "n_items": int(values.shape[2])})


def _checked(table: xr.Dataset) -> xr.DataArray:
    if "correct" not in table or set(table["correct"].dims) != set(DIMS):
        found = table["correct"].dims if "correct" in table else sorted(map(str, table.data_vars))
        raise SchemaError("condition_contrasts", f"`table` has {found}", expected=f"`correct` with dims {DIMS}")
    correct = table["correct"].transpose(*DIMS)
    if not np.isin(correct.values, (-1, 0, 1)).all():
        raise SchemaError("condition_contrasts", "`correct` holds values other than -1, 0 and 1", expected="right, wrong, or missing")
    return correct


def _pairs(contrasts: Mapping[str, Sequence[str]], names: list[str]) -> list[tuple[int, int]]:
    pairs = []
    for label, pair in contrasts.items():
        if len(pair) != 2:
            raise ConfigError("condition_contrasts", f"contrast `{label}` names {len(pair)} conditions", expected="two")
        for name in pair:
            if name not in names:
                raise unknown_name("condition_contrasts", f"condition in contrast `{label}`:", name, names)
        pairs.append((names.index(pair[0]), names.index(pair[1])))
    return pairs


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    there = ~np.isnan(values)
    count = there.sum(axis=axis)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)
