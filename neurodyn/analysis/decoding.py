"""What can be read out of activity by a linear decoder, moment by moment, and whether it generalises."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.crossval import make_splits
from neurodyn.numerics.linear_decoder import DECODERS, decode
from neurodyn.numerics.resampling import Interval, bootstrap_ci, wilson
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses
from neurodyn.seeding import numpy_generator

__all__ = ["decoding"]


def decoding(
    responses: xr.DataArray,
    *,
    label: str = "label",
    across: str | None = None,
    groups: str | None = None,
    decoder: str = "ridge",
    folds: int = 5,
    over_time: bool = False,
    n_shuffles: int = 20,
    seed: int,
) -> xr.Dataset:
    """Decode a label of the presentations from the activity in each time bin.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Model responses or recordings, single presentations as rows.
    label : str
        Coord of presentation to decode.
    across : str, optional
        Coord of presentation (for example ``"position"``): train on presentations with one value and test on those with another, for all pairs;
        where they are equal the test rows are held out.
    groups : str, optional
        Coord of presentation (for example ``"stimulus_id"`` where presentations repeat a stimulus); presentations of one group are never on both
        sides of a fold, and intervals resample whole groups.
    decoder : {"ridge", "centroid", "svm"}
        See :func:`neurodyn.numerics.linear_decoder.decode`.
    folds : int
        Presentations are dealt to folds with the labels in proportion.
    over_time : bool
        Also test each decoder on every other bin.
    n_shuffles : int
        Decodings of shuffled labels, for chance level.
    seed : int

    Returns
    -------
    Dataset
        ==============  ====================================  =====  =====================================================================
        variable        dims                                  units  meaning
        ==============  ====================================  =====  =====================================================================
        accuracy        (time_bin)                            1      share of held-out presentations decoded rightly
        accuracy_low    (time_bin)                            1      95 % interval over presentations, or over `groups`
        accuracy_high   (time_bin)                            1
        chance          (shuffle, time_bin)                   1      accuracy on shuffled labels
        latency_ms      ()                                    ms     start of the first of two bins in a row above every shuffle
        temporal        (time_bin_train, time_bin)            1      only with `over_time`
        transfer        (train_at, test_at, time_bin)         1      only with `across`
        same, other     (time_bin)                            1      only with `across`: share of held-out presentations decoded rightly by the
                                                                     decoder of their own value, and by those of the other values
        same_low, ...   (time_bin)                            1      95 % intervals of both over presentations, or over `groups`
        ==============  ====================================  =====  =====================================================================

    Raises
    ------
    SchemaError
        For a missing label, NaN, fewer than 2 classes, or a class that a fold cannot train on.
    ConfigError
        For unknown coords or decoders.
    """
    check_responses(responses, where="decoding", name="responses")
    if decoder not in DECODERS:
        raise unknown_name("decoding", "decoder", decoder, DECODERS)
    names, codes = np.unique(_coord(responses, label), return_inverse=True)
    if len(names) < 2:
        raise SchemaError("decoding", f"`{label}` has {len(names)} value", expected="2 or more classes")
    X = np.moveaxis(np.asarray(responses.values, dtype=float), 2, 0)  # (time, row, neuroid)
    owner = None if groups is None else np.unique(_coord(responses, groups), return_inverse=True)[1]
    splits = make_splits(len(codes), n_splits=folds, labels=codes, groups=owner, seed=seed)
    _refuse_missing_classes(names, codes, splits, groups)
    right, temporal = _cross(X, codes, splits, decoder, over_time)
    interval = _interval(right, owner, seed)
    chance = np.empty((n_shuffles, len(X)))
    for k in range(n_shuffles):
        chance[k] = _cross(X, _shuffled(codes, owner, numpy_generator(seed, "decoding", k)), splits, decoder, False)[0].mean(axis=1)
    data: dict[str, Any] = {
        "accuracy": (TIME_BIN, interval.estimate),
        "accuracy_low": (TIME_BIN, interval.low),
        "accuracy_high": (TIME_BIN, interval.high),
        "chance": (("shuffle", TIME_BIN), chance),
    }
    coords = {str(k): v.variable for k, v in responses.coords.items() if v.dims == (TIME_BIN,)}
    if over_time:
        data["temporal"] = (("time_bin_train", TIME_BIN), temporal)
    if across is not None:
        values, place = np.unique(_coord(responses, across), return_inverse=True)
        transfer, rows = _transfer(X, codes, place, splits, decoder)
        data["transfer"] = (("train_at", "test_at", TIME_BIN), transfer)
        for name, shares in zip(("same", "other"), rows, strict=True):
            found = _interval(shares, owner, seed)
            data |= {name: (TIME_BIN, found.estimate), f"{name}_low": (TIME_BIN, found.low), f"{name}_high": (TIME_BIN, found.high)}
        coords |= {"train_at": xr.Variable("train_at", values), "test_at": xr.Variable("test_at", values)}
    out = xr.Dataset({k: (*v, {"units": "1"}) for k, v in data.items()}, coords=coords)
    out["latency_ms"] = ((), _latency(responses, interval.estimate, chance), {"units": "ms"})
    out.attrs = {
        "label": label,
        "n_classes": len(names),
        "decoder": decoder,
        "folds": folds,
        "groups": groups or "none",
        "n_presentations": len(codes),
        "n_neuroids": responses.sizes["neuroid"],
    }
    return out


def _refuse_missing_classes(names: np.ndarray, codes: np.ndarray, splits: list, groups: str | None) -> None:
    for k, (train, _) in enumerate(splits):
        missing = names[np.setdiff1d(codes, codes[train])]
        if len(missing):
            raise SchemaError(
                "decoding",
                f"fold {k} trains on none of {len(missing)} classes (first: {missing[0]})",
                expected="every class in several groups" if groups else "every class in several presentations",
                fix="fewer folds, or another `groups`" if groups else "fewer folds",
            )


def _shuffled(codes: np.ndarray, owner: np.ndarray | None, generator: np.random.Generator) -> np.ndarray:
    """Labels dealt out anew: to presentations, or where every group has one label to whole groups."""
    if owner is None:
        return generator.permutation(codes)
    first = np.unique(owner, return_index=True)[1]
    of_group = codes[first]
    if (of_group[owner] == codes).all():
        return generator.permutation(of_group)[owner]
    return generator.permutation(codes)


def _interval(right: np.ndarray, owner: np.ndarray | None, seed: int) -> Interval:
    return bootstrap_ci(right.astype(float), seed=seed, within=(0, 1)) if owner is None else _over_groups(right, owner, seed)


def _over_groups(right: np.ndarray, owner: np.ndarray, seed: int) -> Interval:
    """Interval of the share decoded rightly when whole groups are drawn, (time_bin)."""
    n = int(owner.max()) + 1
    hits = np.stack([np.bincount(owner, weights=row, minlength=n) for row in right.astype(float)])
    size = np.bincount(owner, minlength=n)
    draws = numpy_generator(seed, "decoding", "groups").multinomial(n, np.full(n, 1 / n), size=2000)
    found = (draws @ hits.T) / (draws @ size)[:, None]
    share = right.mean(axis=1)
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    floor, roof = wilson(share, n)
    alike = (share == 0) | (share == 1)
    return Interval(share, np.where(alike, floor, low), np.where(alike, roof, high), 0.95, n)


def _coord(responses: xr.DataArray, name: str) -> np.ndarray:
    if name not in responses.coords or responses[name].dims != (PRESENTATION,):
        raise unknown_name("decoding", "coord of presentation", name, [str(k) for k, v in responses.coords.items() if v.dims == (PRESENTATION,)])
    return np.asarray(responses[name].values)


def _cross(X: np.ndarray, codes: np.ndarray, splits: list, decoder: str, over_time: bool) -> tuple[np.ndarray, np.ndarray]:
    n_bins = len(X)
    right = np.zeros((n_bins, len(codes)), bool)
    temporal = np.zeros((n_bins, n_bins))
    for train, test in splits:
        for t in range(n_bins):
            shown = X[:, test] if over_time else X[t, test][None]
            decided = decode(X[t, train], codes[train], shown, decoder=decoder).argmax(axis=-1) == codes[test]
            right[t, test] = decided[t if over_time else 0]
            if over_time:
                temporal[t] += decided.sum(axis=1)
    return right, temporal / len(codes)


def _transfer(X: np.ndarray, codes: np.ndarray, place: np.ndarray, splits: list, decoder: str) -> tuple[np.ndarray, np.ndarray]:
    """Accuracy by place of training and of test, and of each presentation by the decoder of its own place and by the others', (2, time, row)."""
    n = int(place.max()) + 1
    if n < 2:
        raise ConfigError("decoding", "`across` has one value", expected="2 or more to generalise between")
    hits, count = np.zeros((n, n, len(X))), np.zeros((n, n))
    shares = np.zeros((2, len(X), len(codes)))
    for train, test in splits:
        for a in range(n):
            rows = train[place[train] == a]
            held = [test[place[test] == b] for b in range(n)]
            shown = np.concatenate(held)
            for t in range(len(X)):
                decided = decode(X[t, rows], codes[rows], X[t, shown], decoder=decoder).argmax(axis=-1) == codes[shown]
                own = place[shown] == a
                shares[0, t, shown[own]] = decided[own]
                shares[1, t, shown[~own]] += decided[~own] / (n - 1)
                for b in range(n):
                    hits[a, b, t] += decided[place[shown] == b].sum()
            count[a] += [len(h) for h in held]
    return hits / count[:, :, None], shares


def _latency(responses: xr.DataArray, accuracy: np.ndarray, chance: np.ndarray) -> float:
    if "time_bin_start" not in responses.coords or not len(chance):
        return float("nan")
    above = accuracy > chance.max()
    pairs = np.nonzero(above[:-1] & above[1:])[0]
    return float(responses.time_bin_start.values[pairs[0]]) if pairs.size else float("nan")
