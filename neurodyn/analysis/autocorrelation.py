"""How long activity resembles itself, and over how many components it spreads: what tells oscillating from irregular activity."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.numerics import regimes
from neurodyn.numerics.dimensionality import covariance_spectrum, participation_ratio
from neurodyn.schema import check_responses

__all__ = ["autocorrelation"]


def autocorrelation(responses: xr.DataArray, *, n_lags: int = 100, n_skip: int = 0, n_components: int = 20) -> xr.Dataset:
    """Autocorrelation of the population state of each presentation, and the variance along its principal components.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Equally spaced in time.
    n_lags : int
        Time bins.
    n_skip : int
        Time bins left out at the beginning.
    n_components : int

    Returns
    -------
    Dataset
        ====================  =========================  =====  ==============================================================
        variable              dims                       units  meaning
        ====================  =========================  =====  ==============================================================
        autocorrelation       (presentation, lag)        1      <dx(t) . dx(t + lag)> / <|dx|^2>
        peak                  (presentation)             1      highest after the first minimum: 1 for a cycle; NaN without one
        cumulative_variance   (presentation, component)  1      share of the variance in the first so many components
        participation_ratio   (presentation)             1      of the same spectrum; NaN where nothing varies
        score                 (presentation, time_bin,   as in  the activity in its own first two components
                              plane)
        ====================  =========================  =====  ==============================================================

        with coord ``lag`` in steps, and in ms (``lag_ms``) where the responses are in time.

    Raises
    ------
    SchemaError
        Responses that are not finite and labelled.
    ConfigError
        No time bins left, or no lags.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> t = np.arange(200)
    >>> circle = np.stack([np.cos(np.pi * t / 10), np.sin(np.pi * t / 10)])[None]
    >>> r = make_recordings(circle, stimulus_id=["a"], neuroid_id="xy", time_bins_ms=[(i, i + 1) for i in range(200)])
    >>> found = autocorrelation(r, n_lags=20, n_components=2)
    >>> found.autocorrelation.values[0, [0, 10, 20]].round(3).tolist(), round(float(found.participation_ratio), 3)
    ([1.0, -1.0, 1.0], 2.0)
    """
    check_responses(responses, where="autocorrelation")
    kept = responses.sizes["time_bin"] - n_skip
    if n_skip < 0 or n_lags < 1 or n_components < 1 or kept <= n_lags:
        raise ConfigError(
            "autocorrelation",
            f"{n_lags} lags, {n_skip} of {responses.sizes['time_bin']} time bins left out, {n_components} components",
            expected="1 or more lags and components, and more time bins than lags",
            fix=f"n_lags={max(1, kept // 2)}",
        )
    paths = np.asarray(responses.values, float)[:, :, n_skip:].transpose(0, 2, 1)
    curve = np.stack([regimes.autocorrelation(p, n_lags) for p in paths])
    spectrum = covariance_spectrum(paths)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.cumsum(spectrum, axis=1) / spectrum.sum(axis=1, keepdims=True)
    k = min(n_components, share.shape[1])
    at = "step" if "step" in responses.coords else "time_bin_start"
    spacing = float(np.diff(np.asarray(responses[at].values[:2], float))[0])
    coords = {"lag": ("lag", np.arange(n_lags + 1) * (spacing if at == "step" else 1.0), {"units": "step"})}
    if "time_bin_start" in responses.coords:
        bins = np.asarray(responses["time_bin_start"].values, float)
        coords["lag_ms"] = ("lag", np.arange(n_lags + 1) * float(bins[1] - bins[0]), {"units": "ms"})
    return xr.Dataset(
        {
            "autocorrelation": (("presentation", "lag"), curve, {"units": "1"}),
            "peak": ("presentation", np.array([_peak(c) for c in curve]), {"units": "1"}),
            "cumulative_variance": (("presentation", "component"), share[:, :k], {"units": "1"}),
            "score": (("presentation", "time_bin", "plane"), np.stack([_plane(p) for p in paths]), {"units": str(responses.attrs.get("units", "1"))}),
            "participation_ratio": ("presentation", np.atleast_1d(participation_ratio(spectrum)), {"units": "1"}),
        },
        coords={**{str(c): v for c, v in responses.coords.items() if v.dims == ("presentation",)}, **coords, "component": np.arange(1, k + 1), "plane": [1, 2]},
    )


def _plane(path: np.ndarray) -> np.ndarray:
    """Scores in the first two components, (time_bin, 2); zeros for components that are not there."""
    centred = path - path.mean(0)
    U, size, V = np.linalg.svd(centred, full_matrices=False)
    k = min(2, len(size))
    out = np.zeros((len(path), 2))
    out[:, :k] = U[:, :k] * size[:k] * np.sign(V[np.arange(k), np.abs(V[:k]).argmax(1)])
    return out


def _peak(curve: np.ndarray) -> float:
    rises = np.nonzero(np.diff(curve) > 0)[0]
    return float(curve[rises[0] :].max()) if len(rises) else float("nan")
