"""How well kinds of networks reconstruct, and by how much they differ, with intervals over training seeds and images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError, unknown_name
from neurodyn.numerics.resampling import hierarchical_bootstrap

__all__ = ["quality_contrasts"]

DIMS = ("network", "acceleration", "presentation")


def quality_contrasts(
    table: xr.Dataset,
    *,
    contrasts: Mapping[str, Sequence[str]],
    measures: Sequence[str] = ("psnr", "ssim", "nmse"),
    images: str | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> xr.Dataset:
    """Bootstrap means of conditions and differences between them.

    Parameters
    ----------
    table : Dataset
        `measures` over (network, acceleration, presentation), with coords ``condition`` and ``training_seed`` of network, and ``images`` where
        `images` is given.  All networks saw the same presentations.
    contrasts : mapping of name to (condition, condition)
        First minus second, over the training seeds that both have; a network without parameters is paired with every seed.
    measures : sequence of str
    images : str, optional
        Keep only the networks trained and tested on these.
    n_resamples : int
    level : float
    seed : int

    Returns
    -------
    Dataset
        ===================================  =====================================  =====================================================
        variable                             dims                                   meaning
        ===================================  =====================================  =====================================================
        mean, mean_low, mean_high            (measure, condition, acceleration)     over seeds and presentations, and its interval
        n_seeds, n_parameters                (condition)
        difference, difference_low,          (measure, contrast, acceleration)      first minus second, and its interval
        difference_high
        n_pairs                              (contrast)                             seeds that both have
        share_better                         (measure, contrast, acceleration)      of presentations and pairs in which the first is
                                                                                    larger
        ===================================  =====================================  =====================================================

    Raises
    ------
    SchemaError
        A table of other dims, or values that are missing.
    ConfigError
        Conditions that are not in the table.
    """
    missing = [k for k in (*measures, "condition", "training_seed") if k not in table]
    if missing or any(set(table[k].dims) != set(DIMS) for k in measures):
        raise SchemaError("quality_contrasts", f"`table` lacks {', '.join(missing) or 'dims'}", expected=f"{', '.join(measures)} over {DIMS}")
    if images is not None:
        known = sorted(set(table.images.values.astype(str).tolist()))
        if images not in known:
            raise unknown_name("quality_contrasts", "images", images, known)
        table = table.isel(network=np.flatnonzero(table.images.values.astype(str) == images))
    names = list(dict.fromkeys(table.condition.values.astype(str).tolist()))
    members = {c: dict(zip(table.training_seed.values[rows].tolist(), rows.tolist(), strict=True)) for c in names if len(rows := _rows(table, c))}
    for pair in contrasts.values():
        for c in pair:
            if c not in names:
                raise unknown_name("quality_contrasts", "condition", c, names)
    n_a = table.sizes["acceleration"]
    means = np.full((3, len(measures), len(names), n_a), np.nan)
    differences = np.full((4, len(measures), len(contrasts), n_a), np.nan)
    sizes = table["n_parameters"].values if "n_parameters" in table else np.full(table.sizes["network"], np.nan)
    untrained = {c for c, rows in members.items() if len(rows) == 1 and sizes[next(iter(rows.values()))] == 0}
    pairs = [_paired(members[a], members[b], a in untrained, b in untrained) for a, b in contrasts.values()]
    for m, measure in enumerate(measures):
        values = np.asarray(table[measure].transpose(*DIMS).values, float)
        for j in range(n_a):
            for i, c in enumerate(names):
                means[:, m, i, j] = _interval(values[list(members[c].values()), j], measure, n_resamples, level, seed)
            for i, (first, second) in enumerate(pairs):
                d = values[first, j] - values[second, j]
                differences[:3, m, i, j] = _interval(d, measure, n_resamples, level, seed)
                differences[3, m, i, j] = (d > 0).mean()
    by_condition, by_contrast = ("measure", "condition", "acceleration"), ("measure", "contrast", "acceleration")
    return xr.Dataset(
        {
            **{k: (by_condition, v) for k, v in zip(("mean", "mean_low", "mean_high"), means, strict=True)},
            "n_seeds": ("condition", [len(members[c]) for c in names]),
            "n_parameters": ("condition", [float(sizes[next(iter(members[c].values()))]) for c in names]),
            **{k: (by_contrast, v) for k, v in zip(("difference", "difference_low", "difference_high", "share_better"), differences, strict=True)},
            "n_pairs": ("contrast", [len(first) for first, _ in pairs]),
        },
        {
            "measure": list(measures),
            "measure_units": ("measure", [str(table[k].attrs.get("units", "1")) for k in measures]),
            "condition": names,
            "contrast": list(contrasts),
            "acceleration": table.acceleration.values,
        },
        {"n_presentations": table.sizes["presentation"], "level": level, "n_resamples": n_resamples, "seed": seed},
    )


def _rows(table: xr.Dataset, condition: str) -> np.ndarray:
    return np.flatnonzero(table.condition.values.astype(str) == condition)


def _paired(first: dict[int, int], second: dict[int, int], repeat_first: bool, repeat_second: bool) -> tuple[list[int], list[int]]:
    """Rows of the seeds that both have; a network that was not trained is paired with all of the other's."""
    if repeat_first:
        return list(first.values()) * len(second), list(second.values())
    if repeat_second:
        return list(first.values()), list(second.values()) * len(first)
    both = [s for s in first if s in second]
    return [first[s] for s in both], [second[s] for s in both]


def _interval(values: np.ndarray, measure: str, n_resamples: int, level: float, seed: int) -> tuple[float, float, float]:
    if not len(values) or not np.isfinite(values).all():
        raise SchemaError("quality_contrasts", f"`{measure}` is missing or not finite for some networks", expected="a value for every presentation")
    ci = hierarchical_bootstrap(values, n_resamples=n_resamples, level=level, seed=seed)
    return float(ci.estimate), float(ci.low), float(ci.high)
