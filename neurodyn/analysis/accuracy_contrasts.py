"""Accuracy of groups of networks and the differences between them, with intervals over training seeds and test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.resampling import hierarchical_bootstrap

__all__ = ["accuracy_contrasts"]


def accuracy_contrasts(
    correct: xr.DataArray,
    *,
    groups: Mapping[str, Sequence[str]],
    contrasts: Mapping[str, Sequence[str]],
    path: str | None = None,
    frames: Mapping[str, int] | None = None,
    n_resamples: int = 2000,
    level: float = 0.95,
    seed: int,
) -> xr.Dataset:
    """Bootstrap the last answer of several networks.

    Parameters
    ----------
    correct : DataArray, (model, path, presentation, time_bin)
        From :func:`neurodyn.analysis.anytime_accuracy` over a grid of models; every model saw the same images along the same trajectories.
        NaN or -1 where a model has fewer frames, or was not shown a path.
    groups : mapping of name to list of str
        The networks of each group, one a training seed.
    contrasts : mapping of name to [group, group]
        First minus second.  Network k of the first group is paired with network k of the second.  A member may also be ``group@path``.
    path : str, optional
        The family of trajectories where a member names none; the first when absent.
    frames : mapping of group to int, optional
        The answer after this many frames; the last when absent.
    n_resamples : int
    level : float
        Coverage of the intervals.
    seed : int

    Returns
    -------
    Dataset
        =========================  ===========  ======  =======================================================
        variable                   dims         units   meaning
        =========================  ===========  ======  =======================================================
        accuracy, low, high        (group,      1       mean over networks and images, and its interval
                                   path)
        sd                         (group,      1       between networks, one degree of freedom less
                                   path)
        anytime, anytime_sd        (group,      1       accuracy after every frame: mean over networks and images, and SD
                                   path,                between networks; NaN where there is no frame
                                   time_bin)
        n_networks                 (group)
        difference,                (contrast)   1       first minus second, and its interval
        difference_low,
        difference_high
        n_pairs                    (contrast)           networks of each group
        =========================  ===========  ======  =======================================================

    Raises
    ------
    SchemaError
        If a network or path is missing.
    ConfigError
        If groups of a contrast differ in size.
    """
    if set(correct.dims) != {"model", "path", "presentation", "time_bin"}:
        raise SchemaError("accuracy_contrasts", f"`correct` has dims {correct.dims}", expected="(model, path, presentation, time_bin)")
    correct = correct.transpose("model", "path", "presentation", "time_bin")
    models, path_names = [str(m) for m in correct.model.values], [str(p) for p in correct.path.values]
    outcomes = np.asarray(correct.values, float)
    outcomes[outcomes < 0] = np.nan
    rows = {group: [_index("model", name, models) for name in names] for group, names in groups.items()}
    for group in frames or {}:
        if group not in groups:
            raise unknown_name("accuracy_contrasts", "group", group, groups)
    answers = {g: _last(outcomes[members, :, :, : (frames or {}).get(g)]) for g, members in rows.items()}
    n_groups = len(groups)
    value, low, high, sd = (np.full((n_groups, len(path_names)), np.nan) for _ in range(4))
    for g, found_answers in enumerate(answers.values()):
        for p in range(len(path_names)):
            values = found_answers[:, p]
            if np.isnan(values).any():
                continue
            ci = hierarchical_bootstrap(values, n_resamples=n_resamples, level=level, seed=seed, within=(0, 1))
            value[g, p], low[g, p], high[g, p] = ci.estimate, ci.low, ci.high
            sd[g, p] = values.mean(axis=1).std(ddof=1) if len(values) > 1 else np.nan
    anytime, anytime_sd = _anytime(outcomes, rows)
    found = []
    for name, (first, second) in contrasts.items():
        a, b = (_member(m, answers, path or path_names[0], path_names) for m in (first, second))
        if a.shape != b.shape:
            raise ConfigError("accuracy_contrasts", f"`{name}` compares {len(a)} networks with {len(b)}", expected="equally many, paired by training seed")
        if not np.isfinite(a - b).all():
            raise SchemaError("accuracy_contrasts", f"`{name}` compares networks of which some have no answers there", expected="answers of every network")
        ci = hierarchical_bootstrap(a - b, n_resamples=n_resamples, level=level, seed=seed, within=(-1, 1))
        found.append((ci.estimate, ci.low, ci.high, len(a)))
    table = np.asarray(found, float).reshape(-1, 4)
    unit, dims = {"units": "1"}, ("group", "path")
    return xr.Dataset(
        {
            "accuracy": (dims, value, unit),
            "low": (dims, low, unit),
            "high": (dims, high, unit),
            "sd": (dims, sd, unit),
            "anytime": ((*dims, "time_bin"), anytime, unit),
            "anytime_sd": ((*dims, "time_bin"), anytime_sd, unit),
            "n_networks": ("group", [len(m) for m in rows.values()]),
            "difference": ("contrast", table[:, 0], unit),
            "difference_low": ("contrast", table[:, 1], unit),
            "difference_high": ("contrast", table[:, 2], unit),
            "n_pairs": ("contrast", table[:, 3].astype(int)),
        },
        coords={"group": list(groups), "path": path_names, "contrast": list(contrasts)},
        attrs={"n_images": int(correct.sizes["presentation"]), "n_resamples": n_resamples, "level": level, "seed": seed},
    )


def _anytime(outcomes: np.ndarray, rows: Mapping[str, list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean over networks and images, and SD between networks, after every frame."""
    each = [outcomes[members].mean(axis=2) for members in rows.values()]  # NaN where an answer is missing
    sd = [e.std(axis=0, ddof=1) if len(e) > 1 else np.full(e.shape[1:], np.nan) for e in each]
    return np.stack([e.mean(axis=0) for e in each]), np.stack(sd)


def _last(values: np.ndarray) -> np.ndarray:
    """The last answer that is not NaN along the last axis; NaN where there is none."""
    index = values.shape[-1] - 1 - np.argmax(np.isfinite(values)[..., ::-1], axis=-1)
    return np.take_along_axis(values, index[..., None], axis=-1)[..., 0]


def _index(kind: str, name: str, known: list[str]) -> int:
    if name not in known:
        raise unknown_name("accuracy_contrasts", kind, name, known)
    return known.index(name)


def _member(text: str, answers: Mapping[str, np.ndarray], path: str, paths: list[str]) -> np.ndarray:
    group, _, named = text.partition("@")
    if group not in answers:
        raise unknown_name("accuracy_contrasts", "group", group, answers)
    return answers[group][:, _index("path", named or path, paths)]
