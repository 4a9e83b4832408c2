"""Whether one predictor beats others, stimulus by stimulus and neuroid by neuroid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics.fold_bootstrap import resampled_r, row_draws
from neurodyn.numerics.resampling import holm
from neurodyn.schema import NEUROID, PRESENTATION, TIME_BIN
from neurodyn.seeding import numpy_generator

__all__ = ["predictivity_comparison"]


def predictivity_comparison(scores: Mapping[str, xr.Dataset], reference: str, *, n_resamples: int = 2000, level: float = 0.95, seed: int) -> xr.Dataset:
    """Paired differences of held-out correlation against a reference.

    Parameters
    ----------
    scores : mapping of name to Dataset
        Results of :func:`neurodyn.analysis.predictivity.predictivity` with ``keep_predictions=True``, the same recordings, folds and seed.
    reference : str
        The name that the others are compared with.
    n_resamples : int
    level : float
    seed : int

    Returns
    -------
    Dataset
        ================  ===========  =====  ========================================================================
        variable          dims         units  meaning
        ================  ===========  =====  ========================================================================
        difference        (predictor)  1      median over neuroids of r(predictor) - r(reference)
        difference_low    (predictor)  1      interval over held-out stimuli (the same for both) and neuroids
        difference_high   (predictor)  1
        p_value           (predictor)  1      two-sided, from the same resamples
        p_adjusted        (predictor)  1      Holm's adjustment over the predictors
        share             (predictor)  1      of neuroids that the predictor predicts better
        ================  ===========  =====  ========================================================================

    Raises
    ------
    ConfigError
        If the reference is unknown or stands alone.
    SchemaError
        If predictions are missing, or made on other stimuli, folds or neuroids.
    """
    where = "predictivity_comparison"
    if reference not in scores:
        raise unknown_name(where, "reference", reference, list(scores))
    others = [k for k in scores if k != reference]
    if not others:
        raise ConfigError(where, "only the reference is given", expected="at least one other predictor")
    base = _arrays(scores[reference], reference)
    test = [np.nonzero(base["fold"] == k)[0] for k in np.unique(base["fold"])]
    draws = row_draws(test, n_resamples, numpy_generator(seed, where, "rows"))
    sites = numpy_generator(seed, where, "neuroids").integers(base["target"].shape[1], size=(n_resamples, base["target"].shape[1]))
    once = [np.ones((1, len(rows))) for rows in test]
    keep = np.isfinite(scores[reference]["raw"].values.reshape(base["target"].shape[1], -1)).all(axis=1)
    reference_r = _r(base, test, draws)
    rows = []
    for name in others:
        mine = _arrays(scores[name], name)
        for key in ("stimulus_id", "fold", "neuroid_id"):
            if not np.array_equal(mine[key], base[key]):
                raise SchemaError(where, f"`{name}` and `{reference}` differ in {key}", expected="the same recordings, folds and seed for all predictors")
        gap = _r(mine, test, draws) - reference_r
        gap = np.where(keep, gap, np.nan)
        medians = np.array([np.nanmedian(g[s]) for g, s in zip(gap, sites, strict=True)])
        now = np.where(keep, _r(mine, test, once)[0] - _r(base, test, once)[0], np.nan)
        low, high = np.quantile(medians, [(1 - level) / 2, (1 + level) / 2])
        side = min((medians <= 0).sum(), (medians >= 0).sum())
        rows.append((np.nanmedian(now), low, high, min(1.0, 2 * (side + 1) / (n_resamples + 1)), (now[keep] > 0).mean()))
    table = np.array(rows)
    values = {
        "difference": table[:, 0],
        "difference_low": table[:, 1],
        "difference_high": table[:, 2],
        "p_value": table[:, 3],
        "p_adjusted": holm(table[:, 3]),
        "share": table[:, 4],
    }
    data = {k: ("predictor", v, {"units": "1"}) for k, v in values.items()}
    return xr.Dataset(data, coords={"predictor": others}, attrs={"reference": reference, "level": level, "n_resamples": n_resamples})


def _arrays(score: xr.Dataset, name: str) -> dict[str, np.ndarray]:
    if "prediction" not in score or "fold" not in score.coords:
        raise SchemaError("predictivity_comparison", f"`{name}` holds no predictions", expected="predictivity(..., keep_predictions=True)")
    if TIME_BIN not in score["prediction"].dims:
        score = score.expand_dims(TIME_BIN, -1)
    order = (PRESENTATION, NEUROID, TIME_BIN)
    found = {k: np.asarray(score[k].transpose(*order).values, dtype=float) for k in ("prediction", "target")}
    return found | {k: np.asarray(score[k].values) for k in ("fold", "stimulus_id", "neuroid_id")}


def _r(arrays: dict[str, np.ndarray], test: list[np.ndarray], draws: list[np.ndarray]) -> np.ndarray:
    """Correlation of each neuroid in each resample, mean over folds and time bins, (resample, neuroid)."""
    return resampled_r([arrays["prediction"][rows] for rows in test], arrays["target"], test, draws).mean(axis=-1)
