"""How well each layer predicts recorded dynamics, bin by bin, with one map for the whole trial."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, first_of
from neurodyn.numerics.shared_map import ALPHAS, shared_map_cv
from neurodyn.schema import check_recordings, check_responses
from neurodyn.seeding import numpy_generator

__all__ = ["fit_over_time"]


def fit_over_time(
    responses: xr.DataArray,
    recordings: xr.DataArray,
    *,
    delay_ms: float = 0.0,
    prefer_ms: tuple[float, float] = (70.0, 170.0),
    offset_ms: float | None = None,
    folds: int = 5,
    alphas: Sequence[float] = ALPHAS,
    seed: int,
) -> xr.Dataset:
    """Fit one linear map a layer and site to all time bins together, and test every bin on held-out images.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a model, in ms; ``layer`` along `neuroid`.
    recordings : DataArray, (presentation, neuroid, time_bin)
        Repetitions are rows: averaged for the fit, halved for the consistency.
    delay_ms : float
        Added to the model's time before bins are matched: what the model leaves out between eye and its first layer.
    prefer_ms : (start, end)
        Bins over which each site chooses its layer; the choice for a fold is made on the others.
    offset_ms : float, optional
        When the image's end can reach the recorded sites (its duration plus their latency); fits before and after it are then told apart.
    folds : int
        Images are dealt to folds at random; 3 or more.
    alphas : sequence of float
        Penalties tried, see :func:`neurodyn.numerics.shared_map.shared_map_cv`.
    seed : int

    Returns
    -------
    Dataset
        ==============  ==========================  =====  ==================================================================
        variable        dims                        units  meaning
        ==============  ==========================  =====  ==================================================================
        raw             (layer, time_bin, neuroid)  1      correlation over held-out images, mean over folds; 0 where the
                                                           layer predicts the same for every image
        best            (time_bin, neuroid)         1      of the layer that the site prefers, chosen on the other folds
        preferred       (neuroid)                          the layer chosen most often
        share           (layer, region)             1      of the sites that prefer it
        share_by_bin    (layer, time_bin, region)   1      of the sites whose best layer in this bin it is, among those
                                                           with a correlation above 0.1
        before_offset   (layer, neuroid)            1      mean of `raw` over the bins of `prefer_ms` that end by `offset_ms`
        after_offset    (layer, neuroid)            1      mean of `raw` over the bins that start at it or later
        consistency     (time_bin, neuroid)         1      split-half correlation over images, Spearman-Brown corrected;
                                                           NaN without repetitions
        ==============  ==========================  =====  ==================================================================

    Raises
    ------
    SchemaError
        Other images or no common time bins, a model without time, NaN.
    ConfigError
        Fewer than 3 folds, no bin in `prefer_ms`, or none before or after `offset_ms`.

    Notes
    -----
    Nothing is divided by the consistency.  A map shared over time cannot make up dynamics that the features lack.
    """
    check_responses(responses, where="fit_over_time")
    check_recordings(recordings, where="fit_over_time")
    if "time_bin_start" not in responses.coords or "layer" not in responses.coords:
        raise SchemaError("fit_over_time", "`responses` have no time in ms, or no layers", expected="responses of a model with dt_ms")
    X, Y, halves, starts = _aligned(responses, recordings, delay_ms)
    if folds < 3 or len(X) < 3 * folds:
        raise ConfigError("fit_over_time", f"{folds} folds of {len(X)} images", expected="3 or more folds, 3 or more images in each")
    inside = (starts >= prefer_ms[0]) & (starts < prefer_ms[1])
    if not inside.any():
        raise ConfigError(
            "fit_over_time", f"no bin starts in `prefer_ms` = {tuple(prefer_ms)}", expected=f"a window that meets {starts[0]:g}..{starts[-1]:g} ms"
        )
    fold = numpy_generator(seed, "fit_over_time", "folds").permutation(len(X)) % folds
    names = list(dict.fromkeys(str(v) for v in responses.layer.values))
    kind = responses.layer.values.astype(str)
    r = np.stack([np.nan_to_num(shared_map_cv(X[:, :, kind == name], Y, fold, alphas=alphas).r) for name in names])  # (layer, fold, bin, site)
    out = _label(r, names, starts, inside, halves, recordings)
    return out if offset_ms is None else _around_offset(out, inside, offset_ms)


def _around_offset(out: xr.Dataset, inside: np.ndarray, offset_ms: float) -> xr.Dataset:
    before, after = inside & (out.time_bin_end.values <= offset_ms), out.time_bin_start.values >= offset_ms
    if not before.any() or not after.any():
        raise ConfigError(
            "fit_over_time",
            f"{int(before.sum())} bins of `prefer_ms` end by `offset_ms` = {offset_ms:g} and {int(after.sum())} start after it",
            expected=f"a time inside {float(out.time_bin_start[0]):g}..{float(out.time_bin_end[-1]):g} ms with bins on both sides",
        )
    for name, rows in (("before_offset", before), ("after_offset", after)):
        out[name] = out.raw.isel(time_bin=np.nonzero(rows)[0]).mean("time_bin").assign_attrs(units="1")
    return out.assign_attrs(offset_ms=float(offset_ms))


def _label(r: np.ndarray, names: list[str], starts: np.ndarray, inside: np.ndarray, halves: np.ndarray | None, recordings: xr.DataArray) -> xr.Dataset:
    n_folds, n_sites = r.shape[1], r.shape[3]
    window = r[:, :, inside].mean(axis=2)  # (layer, fold, site)
    chosen = np.stack([np.delete(window, f, axis=1).mean(axis=1).argmax(axis=0) for f in range(n_folds)])  # (fold, site)
    sites = np.arange(n_sites)
    best = np.mean([r[chosen[f], f, :, sites].T for f in range(n_folds)], axis=0)
    most = np.array([np.bincount(chosen[:, s], minlength=len(names)).argmax() for s in sites])
    raw = r.mean(axis=1)
    region = recordings.region.values.astype(str) if "region" in recordings.coords else np.repeat("all", n_sites)
    regions = list(dict.fromkeys(region))
    share = np.array([[np.mean(most[region == g] == k) for g in regions] for k in range(len(names))])
    leading, clear = raw.argmax(axis=0), raw.max(axis=0) > 0.1
    by_bin = np.full((len(names), len(starts), len(regions)), np.nan)
    for j, g in enumerate(regions):
        count = clear[:, region == g].sum(axis=1)
        for k in range(len(names)):
            hits = ((leading == k) & clear)[:, region == g].sum(axis=1)
            by_bin[k, :, j] = np.where(count > 0, hits / np.maximum(count, 1), np.nan)
    width = float(recordings.time_bin_end.values[0] - recordings.time_bin_start.values[0])
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "raw": (("layer", "time_bin", "neuroid"), raw, unit),
            "best": (("time_bin", "neuroid"), best, unit),
            "preferred": ("neuroid", np.array(names)[most]),
            "share": (("layer", "region"), share, unit),
            "share_by_bin": (("layer", "time_bin", "region"), by_bin, unit),
            "consistency": (("time_bin", "neuroid"), np.full(best.shape, np.nan) if halves is None else halves, unit),
        },
        {
            "layer": names,
            "region": regions,
            "time_bin_start": ("time_bin", starts, {"units": "ms"}),
            "time_bin_end": ("time_bin", starts + width, {"units": "ms"}),
            "neuroid_id": ("neuroid", recordings.neuroid_id.values),
            "site_region": ("neuroid", region),
        },
        {"convention": "not divided by any ceiling", "synthetic": str(recordings.attrs.get("synthetic", "no"))},
    )


def _aligned(responses: xr.DataArray, recordings: xr.DataArray, delay_ms: float) -> tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    ids = [str(i) for i in responses.stimulus_id.values]
    if len(set(ids)) < len(ids):
        raise SchemaError(
            "fit_over_time", f"`responses` repeat {len(ids) - len(set(ids))} images", expected="one presentation an image: the model is run without noise"
        )
    rows = recordings.stimulus_id.values.astype(str)
    missing = sorted(set(ids) ^ set(rows))
    if missing:
        raise SchemaError("fit_over_time", f"{len(missing)} images are on one side only ({first_of(missing)})", expected="the same stimulus ids")
    model = np.round(responses.time_bin_start.values.astype(float) + delay_ms, 6)
    brain = np.round(recordings.time_bin_start.values.astype(float), 6)
    common = np.intersect1d(model, brain)
    if len(common) < 2:
        raise SchemaError(
            "fit_over_time",
            f"`responses` (shifted by {delay_ms:g} ms) and `recordings` share {len(common)} time bins",
            expected="bins that start at the same times",
            fix="Record(bins_ms=...) or another delay_ms",
        )
    X = responses.values[:, :, np.searchsorted(model, common)].transpose(0, 2, 1).astype(float)
    values = recordings.values[:, :, np.searchsorted(brain, common)].astype(float)
    groups = [np.nonzero(rows == i)[0] for i in ids]
    Y = np.stack([values[g].mean(axis=0) for g in groups]).transpose(0, 2, 1)
    if min(len(g) for g in groups) < 2:
        return X, Y, None, common
    one, two = (np.stack([values[g[k::2]].mean(axis=0) for g in groups]) for k in (0, 1))
    one, two = one - one.mean(0), two - two.mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = (one * two).sum(0) / np.sqrt((one**2).sum(0) * (two**2).sum(0))
        return X, Y, (2 * half / (1 + half)).T, common
