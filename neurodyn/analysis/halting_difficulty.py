"""Do networks think longer about harder images than they were trained on, and do they need to?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.resampling import hierarchical_bootstrap

__all__ = ["halting_difficulty"]

NEEDED = ("n_steps", "halted", "correct", "score", "stopped_correct", "stopped_score")


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
        rank_correlation   (group, level,         1       Spearman correlation of ``n_steps`` and each covariate within a level; NaN where
                           covariate)                     steps do not vary
        unfinished         (group, level)         1       share of images for which halting never fired
        difference         (contrast, level)      1       of the overlap, first group minus second
        =================  =====================  ======  ======================================================================

    Raises
    ------
    SchemaError
        If the table lacks a variable or network.
    ConfigError
        If no level of the table was trained on, or groups of a contrast differ in size.
    """
    missing = [name for name in (*NEEDED, *covariates) if name not in table]
    if missing:
        raise SchemaError("halting_difficulty", f"`table` has no `{missing[0]}`", expected=", ".join((*NEEDED, *covariates)))
    networks, levels = [str(v) for v in table.network.values], [int(v) for v in table.level.values]
    trained = [levels.index(int(v)) for v in training_levels if int(v) in levels]
    if not trained:
        raise ConfigError("halting_difficulty", f"`training_levels` is {list(training_levels)}", expected=f"some of {levels}")
    for name in (m for members in groups.values() for m in members):
        if name not in networks:
            raise unknown_name("halting_difficulty", "network", name, networks)

    def interval(values: np.ndarray, statistic: object = "mean") -> tuple[float, float, float]:
        ci = hierarchical_bootstrap(values, statistic, n_resamples=n_resamples, level=level, seed=seed)  # type: ignore[arg-type]
        return float(ci.estimate), float(ci.low), float(ci.high)

    names = ["accuracy", "overlap", "steps", "more_steps", "clamped_accuracy", "clamped_overlap", "accuracy_lost", "overlap_lost"]
    shape = (len(groups), len(levels), 3)
    found = {name: np.full(shape, np.nan) for name in [*names, "unfinished"]}
    clamps, scores = np.full(len(groups), np.nan), {}
    along = [table[name].transpose("level", "presentation").values.astype(float) for name in covariates]
    correlations = np.full((len(groups), len(levels), len(covariates), 3), np.nan)
    for g, (group, members) in enumerate(groups.items()):
        part = table.sel(network=list(members)).transpose("network", "level", "presentation", "time_bin")
        steps = part.n_steps.values.astype(float)
        at = np.clip(np.round(steps[:, trained].mean(axis=(1, 2))).astype(int), 1, part.sizes["time_bin"])
        clamps[g], scores[group] = at.mean(), part.score.values
        stopped = {
            k: np.stack([v[i, :, :, at[i] - 1] for i in range(len(members))]) for k, v in ((k, part[f"stopped_{k}"].values) for k in ("correct", "score"))
        }
        for k in range(len(levels)):
            own = {"correct": part.correct.values[:, k], "score": part.score.values[:, k]}
            values = {
                "accuracy": own["correct"],
                "overlap": own["score"],
                "steps": steps[:, k],
                "clamped_accuracy": stopped["correct"][:, k],
                "clamped_overlap": stopped["score"][:, k],
                "accuracy_lost": own["correct"] - stopped["correct"][:, k],
                "overlap_lost": own["score"] - stopped["score"][:, k],
                "unfinished": 1.0 - part.halted.values[:, k],
            }
            for name, value in values.items():
                found[name][g, k] = interval(np.asarray(value, float))
            found["more_steps"][g, k] = _more_steps(steps, k, trained, n_resamples, level, seed)
            if (steps[:, k].std(axis=1) > 0).all():
                for c, values_of in enumerate(along):
                    correlations[g, k, c] = _rank_correlation(steps[:, k], values_of[k], n_resamples, level, seed)
    variables: dict[str, Any] = {}
    for name, table_of in found.items():
        unit = {"units": "step" if "steps" in name else "1"}
        variables |= {f"{name}{end}": (("group", "level"), table_of[:, :, i], unit) for i, end in enumerate(("", "_low", "_high"))}
    dims = ("group", "level", "covariate")
    variables |= {f"rank_correlation{end}": (dims, correlations[..., i], {"units": "1"}) for i, end in enumerate(("", "_low", "_high"))}
    variables["clamp_step"] = ("group", clamps, {"units": "step"})
    variables["n_networks"] = ("group", [len(m) for m in groups.values()])
    coords: dict[str, Any] = {
        "group": list(groups),
        "level": levels,
        "covariate": list(covariates),
        "trained": ("level", [k in trained for k in range(len(levels))]),
    }
    if contrasts:
        differences = np.full((len(contrasts), len(levels), 3), np.nan)
        for c, (name, (first, second)) in enumerate(contrasts.items()):
            a, b = (_group(g, scores) for g in (first, second))
            if a.shape != b.shape:
                raise ConfigError("halting_difficulty", f"`{name}` compares {len(a)} networks with {len(b)}", expected="equally many, paired by training seed")
            for k in range(len(levels)):
                differences[c, k] = interval(a[:, k] - b[:, k])
        variables |= {f"difference{end}": (("contrast", "level"), differences[:, :, i], {"units": "1"}) for i, end in enumerate(("", "_low", "_high"))}
        coords["contrast"] = list(contrasts)
    return xr.Dataset(variables, coords, {"n_images": table.sizes["presentation"], "n_resamples": n_resamples, "coverage": level})


def _group(name: str, scores: Mapping[str, np.ndarray]) -> np.ndarray:
    if name not in scores:
        raise unknown_name("halting_difficulty", "group", name, scores)
    return scores[name]


def _more_steps(steps: np.ndarray, k: int, trained: list[int], n_resamples: int, level: float, seed: int) -> tuple[float, float, float]:
    """Mean steps at level `k` less those at the trained levels, and the interval over networks and over the images of all these levels."""
    from neurodyn.seeding import numpy_generator

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


def _rank_correlation(steps: np.ndarray, length: np.ndarray, n_resamples: int, level: float, seed: int) -> tuple[float, float, float]:
    """Mean over networks of Spearman's correlation, and its interval over networks and images."""
    from scipy.stats import rankdata

    from neurodyn.seeding import numpy_generator

    def mean_correlation(rows: np.ndarray, columns: np.ndarray) -> float:
        r = rankdata(length[columns])
        found = []
        for row in rows:
            s = rankdata(steps[row, columns])
            found.append(np.corrcoef(r, s)[0, 1] if s.std() > 0 and r.std() > 0 else 0.0)
        return float(np.mean(found))

    random = numpy_generator(seed, "rank correlation")
    n, m = steps.shape
    picks = [(np.asarray(random.integers(n, size=n)), np.asarray(random.integers(m, size=m))) for _ in range(min(n_resamples, 500))]
    draws = [mean_correlation(rows, columns) for rows, columns in picks]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return mean_correlation(np.arange(n), np.arange(m)), float(low), float(high)
