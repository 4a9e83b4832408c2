"""Do networks think longer about harder images than they were trained on, and do they need to?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.resampling import hierarchical_bootstrap
from neurodyn.seeding import numpy_generator

__all__ = ["halting_difficulty"]

NEEDED = ("n_steps", "halted", "correct", "score", "stopped_correct", "stopped_score")
SHARE, DIFFERENCE = (0.0, 1.0), (-1.0, 1.0)
WITHIN = {  # the range of what one image can give; steps have none
    **dict.fromkeys(("accuracy", "overlap", "clamped_accuracy", "clamped_overlap", "unfinished"), SHARE),
    **dict.fromkeys(("accuracy_lost", "overlap_lost"), DIFFERENCE),
    "steps": None,
}
ENDS = ("", "_low", "_high")


def halting_difficulty(
    table: xr.Dataset,
    *,
    groups: Mapping[str, Sequence[str]],
    training_levels: Sequence[int],
    contrasts: Mapping[str, Sequence[str]] | None = None,
    covariates: Sequence[str] = ("path_length",),
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> xr.Dataset:
    """Accuracy and halting steps of groups of networks at every level, and what clamping the steps does.

    Parameters
    ----------
    table : Dataset, (network, level, presentation[, time_bin])
        :func:`neurodyn.analysis.halting` of every network at every level, all on the same images; ``path_length`` is (level, presentation).
    groups : mapping of name to list of str
        The networks of each group, one a training seed.
    training_levels : sequence of int
    contrasts : mapping of name to [group, group], optional
        First minus second, networks paired by their place in the group: differences of ``score`` at every level.
    covariates : sequence of str
        Variables of the table, (level, presentation), that steps are correlated with within each level.
    n_resamples : int
    level : float
        Coverage of the intervals, which resample networks and images.
    seed : int

    Returns
    -------
    Dataset
        Each variable is joined by ``<name>_low`` and ``<name>_high``.

        =================  =====================  ======  ======================================================================
        variable           dims                   units   meaning
        =================  =====================  ======  ======================================================================
        accuracy, overlap  (group, level)         1       mean of ``correct`` and ``score``
        steps              (group, level)         step    mean of ``n_steps``
        more_steps         (group, level)         step    mean steps less the mean at the training levels, whose images are resampled too
        clamp_step         (group)                step    mean steps at the training levels, rounded: where steps are clamped (mean over networks)
        clamped_accuracy,  (group, level)         1       if every image were stopped there
        clamped_overlap
        accuracy_lost,     (group, level)         1       what clamping costs, image by image
        overlap_lost
        rank_correlation   (group, level,         1       Spearman correlation of ``n_steps`` and each covariate within a level, mean over
                           covariate)                     networks; NaN where the steps of one, or the covariate, do not vary
        unfinished         (group, level)         1       share of images for which halting never fired
        difference         (contrast, level)      1       of the overlap, first group minus second
        =================  =====================  ======  ======================================================================

    Raises
    ------
    SchemaError
        If the table lacks a variable or network.
    ConfigError
        If no level of the table was trained on, or groups of a contrast differ in size.

    Notes
    -----
    Where every network is right (or wrong, or loses nothing) on every image of a level, resamples are all alike; shares and differences then have the
    interval of :func:`neurodyn.numerics.resampling.alike_interval`, a difference that is 0 on every image one to both sides.  Where no image took
    more steps than the clamp leaves, nothing can be lost, and the loss is 0 without doubt.  Resamples in which steps or covariate do not vary have no
    rank correlation and are left out of its interval.
    """
    levels = _levels(table, groups, covariates)
    trained = [levels.index(int(v)) for v in training_levels if int(v) in levels]
    if not trained:
        raise ConfigError("halting_difficulty", f"`training_levels` is {list(training_levels)}", expected=f"some of {levels}")
    how: dict[str, Any] = {"n_resamples": n_resamples, "level": level, "seed": seed}
    found = {name: np.full((len(groups), len(levels), 3), np.nan) for name in (*WITHIN, "more_steps")}
    clamps, scores = np.full(len(groups), np.nan), {}
    along = [table[name].transpose("level", "presentation").values.astype(float) for name in covariates]
    correlations = np.full((len(groups), len(levels), len(covariates), 3), np.nan)
    for g, (group, members) in enumerate(groups.items()):
        part = table.sel(network=list(members)).transpose("network", "level", "presentation", "time_bin")
        steps = part.n_steps.values.astype(float)
        at = np.clip(np.round(steps[:, trained].mean(axis=(1, 2))).astype(int), 1, part.sizes["time_bin"])
        clamps[g], scores[group] = at.mean(), part.score.values.astype(float)
        for name, values in _outcomes(part, at).items():
            for k in range(len(levels)):
                nothing_cut = name.endswith("_lost") and bool((steps[:, k] <= at[:, None]).all())  # 0 by construction, not by what was drawn
                found[name][g, k] = _interval(values[:, k], None if nothing_cut else WITHIN[name], **how)
        for k in range(len(levels)):
            found["more_steps"][g, k] = _more_steps(steps, k, trained, **how)
            for c, values_of in enumerate(along):
                correlations[g, k, c] = _rank_correlation(steps[:, k], values_of[k], **how)
    variables: dict[str, Any] = {}
    for name, values in found.items():
        unit = {"units": "step" if "steps" in name else "1"}
        variables |= {f"{name}{end}": (("group", "level"), values[:, :, i], unit) for i, end in enumerate(ENDS)}
    dims = ("group", "level", "covariate")
    variables |= {f"rank_correlation{end}": (dims, correlations[..., i], {"units": "1"}) for i, end in enumerate(ENDS)}
    variables["clamp_step"] = ("group", clamps, {"units": "step"})
    variables["n_networks"] = ("group", [len(m) for m in groups.values()])
    coords: dict[str, Any] = {
        "group": list(groups),
        "level": levels,
        "covariate": list(covariates),
        "trained": ("level", [k in trained for k in range(len(levels))]),
    }
    if contrasts:
        variables |= _differences(contrasts, scores, **how)
        coords["contrast"] = list(contrasts)
    return xr.Dataset(variables, coords, {"n_images": table.sizes["presentation"], "n_resamples": n_resamples, "coverage": level})


def _levels(table: xr.Dataset, groups: Mapping[str, Sequence[str]], covariates: Sequence[str]) -> list[int]:
    """Levels of a table that has all that is asked for."""
    missing = [name for name in (*NEEDED, *covariates) if name not in table]
    if missing:
        raise SchemaError("halting_difficulty", f"`table` has no `{missing[0]}`", expected=", ".join((*NEEDED, *covariates)))
    networks = [str(v) for v in table.network.values]
    for name in (m for members in groups.values() for m in members):
        if name not in networks:
            raise unknown_name("halting_difficulty", "network", name, networks)
    return [int(v) for v in table.level.values]


def _outcomes(part: xr.Dataset, at: np.ndarray) -> dict[str, np.ndarray]:
    """What every image gave, (network, level, presentation), halted and stopped after `at` steps, one a network."""
    correct, score = part.correct.values.astype(float), part.score.values.astype(float)
    stopped = {k: np.stack([v[..., n - 1] for v, n in zip(part[f"stopped_{k}"].values.astype(float), at, strict=True)]) for k in ("correct", "score")}
    return {
        "accuracy": correct,
        "overlap": score,
        "steps": part.n_steps.values.astype(float),
        "clamped_accuracy": stopped["correct"],
        "clamped_overlap": stopped["score"],
        "accuracy_lost": correct - stopped["correct"],
        "overlap_lost": score - stopped["score"],
        "unfinished": 1.0 - part.halted.values,
    }


def _interval(values: np.ndarray, within: tuple[float, float] | None, **how: Any) -> tuple[float, float, float]:
    ci = hierarchical_bootstrap(values, within=within, **how)
    return float(ci.estimate), float(ci.low), float(ci.high)


def _differences(contrasts: Mapping[str, Sequence[str]], scores: Mapping[str, np.ndarray], **how: Any) -> dict[str, Any]:
    """The variables ``difference``: score of the first group minus the second's at every level."""
    found = []
    for name, (first, second) in contrasts.items():
        a, b = (_group(g, scores) for g in (first, second))
        if a.shape != b.shape:
            raise ConfigError("halting_difficulty", f"`{name}` compares {len(a)} networks with {len(b)}", expected="equally many, paired by training seed")
        found.append([_interval(a[:, k] - b[:, k], DIFFERENCE, **how) for k in range(a.shape[1])])
    return {f"difference{end}": (("contrast", "level"), np.asarray(found)[:, :, i], {"units": "1"}) for i, end in enumerate(ENDS)}


def _group(name: str, scores: Mapping[str, np.ndarray]) -> np.ndarray:
    if name not in scores:
        raise unknown_name("halting_difficulty", "group", name, scores)
    return scores[name]


def _more_steps(steps: np.ndarray, k: int, trained: list[int], n_resamples: int, level: float, seed: int) -> tuple[float, float, float]:
    """Mean steps at level `k` less those at the trained levels, and the interval over networks and over the images of all these levels."""
    random = numpy_generator(seed, "more steps", k)
    n, n_levels, m = steps.shape
    draws = np.empty(n_resamples)
    for i in range(n_resamples):
        rows, columns = random.integers(n, size=(n, 1, 1)), random.integers(m, size=(1, n_levels, m))
        means = steps[rows, np.arange(n_levels)[:, None], columns].mean(axis=(0, 2))
        draws[i] = means[k] - means[trained].mean()
    means = steps.mean(axis=(0, 2))
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(means[k] - means[trained].mean()), float(low), float(high)


def _rank_correlation(steps: np.ndarray, covariate: np.ndarray, n_resamples: int, level: float, seed: int) -> tuple[float, float, float]:
    """Mean over networks of Spearman's correlation, and its interval over networks and images; NaN where one does not vary."""
    n, m = steps.shape
    random = numpy_generator(seed, "rank correlation")
    rows, columns = random.integers(n, size=(n_resamples, n)), random.integers(m, size=(n_resamples, m))
    rows, columns = np.concatenate([np.arange(n)[None], rows]), np.concatenate([np.arange(m)[None], columns])  # the first is the estimate
    along = _ranks(covariate[columns])
    found = np.mean([(_ranks(steps[row[:, None], columns]) * along).sum(axis=1) for row in rows.T], axis=0)
    drawn = found[1:][np.isfinite(found[1:])]
    if not np.isfinite(found[0]) or not len(drawn):
        return float(found[0]), np.nan, np.nan
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(found[0]), float(low), float(high)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks within each row, ties sharing theirs, of mean 0 and length 1; NaN for a row without variation."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.divide(ranks, length, out=np.full_like(ranks, np.nan), where=length > 0)
