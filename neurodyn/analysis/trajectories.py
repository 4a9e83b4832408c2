"""Trajectories of population activity in shared coordinates."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.analysis._alignment import averaged
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.dimensionality import covariance_spectrum, participation_ratio
from neurodyn.schema import check_responses

__all__ = ["trajectories"]


def trajectories(responses: xr.DataArray, *, n_components: int = 3, basis: xr.Dataset | None = None, average_repeats: bool = False) -> xr.Dataset:
    """Project population activity on the principal components of all presentations and times together.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a model or of a brain.
    n_components : int
    basis : Dataset, optional
        The result of an earlier call on the same neuroids: its coordinates are used instead of new ones.
    average_repeats : bool
        Follow the mean over the rows of each stimulus instead of single trials.

    Returns
    -------
    Dataset
        ========================  =====================================  =====  ==========================================
        variable                  dims                                   units  meaning
        ========================  =====================================  =====  ==========================================
        score                     (presentation, time_bin, component)    as in  coordinate along each component
        loading                   (neuroid, component)                   1      unit vectors, largest entry positive
        center                    (neuroid)                              as in  mean over presentations and times
        variance                  (component)                            as in^2  of the scores
        explained_variance_ratio  (component)                            1      share of the total variance of `responses`
        speed                     (presentation, time_bin)               as in/step  |r(t + 1) - r(t)| in all neuroids, per step
        distance                  (presentation, time_bin)               as in  |r(t) - r| in all neuroids, r the activity just before onset;
                                                                                missing where nothing before onset is recorded
        participation_ratio       ()                                     1      (sum of variances)^2 / sum of their squares
        ========================  =====================================  =====  ==========================================

    Raises
    ------
    SchemaError
        Responses that are not finite and labelled, or of other neuroids than `basis`.
    ConfigError
        More components than dimensions.

    Notes
    -----
    The components are those of the smaller Gram matrix, of neuroids or of times, so that layers of any size can be shown.

    Examples
    --------
    >>> import numpy as np
    >>> from neurodyn.schema import make_recordings
    >>> t = np.linspace(0, 6, 20)
    >>> circle = np.stack([np.cos(t), np.sin(t), 0 * t])[None]
    >>> r = make_recordings(circle, stimulus_id=["a"], neuroid_id="xyz", time_bins_ms=[(i, i + 1) for i in range(20)])
    >>> round(float(trajectories(r, n_components=2).explained_variance_ratio.sum()), 6)
    1.0
    """
    check_responses(responses, where="trajectories")
    responses = averaged(responses) if average_repeats else responses
    n, units, steps = responses.shape
    values = np.asarray(responses.values, dtype=np.float64).transpose(0, 2, 1).reshape(n * steps, units)
    if basis is not None:
        center, loading = _given(basis, responses)
    else:
        most = min(n * steps - 1, units) if n * steps > 1 else 0
        if not 1 <= n_components <= max(most, 1):
            raise ConfigError("trajectories", f"`n_components` is {n_components}", expected=f"1..{max(most, 1)}", fix=f"n_components={max(most, 1)}")
        center = values.mean(axis=0)
        loading = _components(values - center, n_components)
    centred = values - center
    scores = centred @ loading
    total = float(((values - values.mean(axis=0)) ** 2).sum()) / len(values)
    variance = scores.var(axis=0)
    speed = np.full((n, steps), np.nan)
    if steps > 1:
        moved = np.linalg.norm(np.diff(values.reshape(n, steps, units), axis=1), axis=2)
        speed[:, 1:] = moved / np.maximum(_steps_between(responses), 1e-12)
    distance = {}
    if (before := _steps(responses) < 0).any():
        rest = values.reshape(n, steps, units)[:, np.flatnonzero(before)[-1]]
        distance["distance"] = np.linalg.norm(values.reshape(n, steps, units) - rest[:, None], axis=2)
    unit = str(responses.attrs.get("units", "1"))
    coords = {str(k): v for k, v in responses.coords.items()}
    return xr.Dataset(
        {
            "score": (("presentation", "time_bin", "component"), scores.reshape(n, steps, -1), {"units": unit}),
            "loading": (("neuroid", "component"), loading, {"units": "1"}),
            "center": ("neuroid", center, {"units": unit}),
            "variance": ("component", variance, {"units": f"({unit})^2"}),
            "explained_variance_ratio": ("component", variance / total if total > 0 else np.full(len(variance), np.nan), {"units": "1"}),
            "speed": (("presentation", "time_bin"), speed, {"units": f"{unit}/step"}),
            **{k: (("presentation", "time_bin"), v, {"units": unit}) for k, v in distance.items()},
            "participation_ratio": ((), participation_ratio(covariance_spectrum(values)) if len(values) > 1 else np.nan, {"units": "1"}),
        },
        coords={**coords, "component": np.arange(loading.shape[1])},
    )


def _given(basis: xr.Dataset, responses: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    ids = np.asarray(responses.neuroid_id.values)
    if "loading" not in basis or "neuroid_id" not in basis.coords:
        raise SchemaError("trajectories", "`basis` has no loading with neuroid ids", expected="the result of trajectories(...)")
    if not np.array_equal(ids, np.asarray(basis.neuroid_id.values)):
        shared = int(np.isin(ids, basis.neuroid_id.values).sum())
        raise SchemaError("trajectories", f"`responses` and `basis` share {shared} of {len(ids)} neuroids", expected="the same neuroids in the same order")
    return np.asarray(basis.center.values), np.asarray(basis.loading.values)


def _components(centred: np.ndarray, n: int) -> np.ndarray:
    wide = centred.shape[1] > centred.shape[0]
    gram = centred @ centred.T if wide else centred.T @ centred
    size, vectors = np.linalg.eigh(gram)
    lead = vectors[:, np.argsort(-size)[:n]]
    if wide:
        lead, _ = np.linalg.qr(centred.T @ lead)
    sign = np.sign(lead[np.abs(lead).argmax(axis=0), np.arange(n)])
    return lead * np.where(sign == 0, 1.0, sign)


def _steps_between(responses: xr.DataArray) -> np.ndarray:
    """Steps, or ms where there are none, from each bin to the next."""
    return np.diff(_steps(responses))[None, :]


def _steps(responses: xr.DataArray) -> np.ndarray:
    """The step, or the ms where there is none, at which each bin begins."""
    return np.asarray(responses["step"].values if "step" in responses.coords else responses["time_bin_start"].values, float)
