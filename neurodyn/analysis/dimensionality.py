"""How many dimensions a layer's activity fills, with the controls that make the numbers comparable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.analysis._alignment import averaged
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import dimensionality as dims
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses
from neurodyn.seeding import numpy_generator

__all__ = ["dimensionality"]


def dimensionality(
    responses: xr.DataArray,
    labels: Sequence[int] | None = None,
    *,
    n_units: int | None = None,
    n_images: int | None = None,
    average_repeats: bool = False,
    seed: int,
) -> xr.Dataset:
    """Participation ratio, components for 90 % of variance, spectrum, power law and intrinsic dimension, at every time.

    The participation ratio depends on how many units and images there are, and falls when a few strong units dominate; give the same
    `n_units` and `n_images` to every model, and read it beside its version on correlations and its shuffled twin.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
    labels : int sequence, (presentation), optional
        Classes, for the dimension within and between them.
    n_units, n_images : int, optional
        Take so many at random; all when absent.
    average_repeats : bool
        Take the mean over the rows of each stimulus first: the noise of single trials fills every dimension.  Not with `labels`.
    seed : int

    Returns
    -------
    Dataset
        ===============================  =====================  =====  ==============================================================
        variable                         dims                   units  meaning
        ===============================  =====================  =====  ==============================================================
        participation_ratio              (time_bin)             1      (sum l)^2 / sum l^2 of the covariance
        participation_ratio_correlation  (time_bin)             1      the same of the correlation matrix
        participation_ratio_shuffled     (time_bin)             1      the same of the covariance, every unit shuffled over images
        participation_ratio_within       (time_bin)             1      mean over classes of the ratio within a class
        participation_ratio_between      (time_bin)             1      ratio of the class means
        n_components_90                  (time_bin)             1      components that hold 90 % of the variance
        exponent                         (time_bin)             1      a of l_k ~ k^-a
        intrinsic_dimension              (time_bin)             1      two-neighbour estimate
        share_silent                     (time_bin)             1      units that do not vary
        eigenvalue                       (time_bin, component)  1      spectrum of the covariance, as a share of the total variance
        ===============================  =====================  =====  ==============================================================

        NaN where nothing varies.  The two per class are missing without `labels`.

    Raises
    ------
    ConfigError
        If more units or images are asked for than there are.
    SchemaError
        If the responses or labels do not fit.

    Examples
    --------
    >>> from neurodyn.schema import make_responses
    >>> x = np.random.default_rng(0).normal(size=(400, 8, 1))
    >>> coords = {"stimulus_coords": {"stimulus_id": np.arange(400)}, "neuroid_coords": {"neuroid_id": np.arange(8)}, "step": np.array([0]), "dt_ms": None}
    >>> 7 < float(dimensionality(make_responses(x, **coords), seed=0).participation_ratio[0]) < 8
    True
    """
    check_responses(responses, where="dimensionality")
    if average_repeats:
        if labels is not None:
            raise ConfigError("dimensionality", "`labels` and `average_repeats` are both given", expected="one of them")
        responses = averaged(responses)
    values = _subsample(responses.values, n_images, n_units, seed)
    rows = numpy_generator(seed, "dimensionality", "n_images").permutation(len(responses))[:n_images] if n_images else slice(None)
    classes = None if labels is None else np.asarray(labels)
    if classes is not None and classes.shape != (responses.sizes[PRESENTATION],):
        raise SchemaError("dimensionality", f"`labels` has shape {classes.shape}", expected=f"({responses.sizes[PRESENTATION]},), one a presentation")
    kept = None if classes is None else classes[rows]
    found = [_at_one_time(values[:, :, t], kept, seed) for t in range(values.shape[2])]
    coords = {name: c for name, c in responses.coords.items() if c.dims == (TIME_BIN,)}
    variables: dict[str, Any] = {name: (TIME_BIN, np.array([f[name] for f in found]), {"units": "1"}) for name in found[0] if name != "eigenvalue"}
    variables["eigenvalue"] = ((TIME_BIN, "component"), np.stack([f["eigenvalue"] for f in found]), {"units": "1"})
    sizes = {"n_images": values.shape[0], "n_units": values.shape[1]}
    return xr.Dataset(variables, coords={**coords, "component": np.arange(1, variables["eigenvalue"][1].shape[1] + 1)}, attrs=sizes)


def _subsample(values: np.ndarray, n_images: int | None, n_units: int | None, seed: int) -> np.ndarray:
    for axis, (name, n) in enumerate((("n_images", n_images), ("n_units", n_units))):
        if n is None:
            continue
        if not 2 <= n <= values.shape[axis]:
            raise ConfigError("dimensionality", f"`{name}` is {n}", expected=f"2 to {values.shape[axis]}, as many as there are")
        values = np.take(values, numpy_generator(seed, "dimensionality", name).permutation(values.shape[axis])[:n], axis=axis)
    return values.astype(np.float64)


def _at_one_time(x: np.ndarray, labels: np.ndarray | None, seed: int) -> dict[str, np.ndarray | float]:
    generator = numpy_generator(seed, "dimensionality", "shuffle")
    shuffled = np.stack([generator.permutation(column) for column in x.T], axis=1)
    spectrum = dims.covariance_spectrum(x)
    total = spectrum.sum()
    found: dict[str, np.ndarray | float] = {
        "participation_ratio": dims.participation_ratio(spectrum),
        "participation_ratio_correlation": dims.participation_ratio(dims.covariance_spectrum(x, correlation=True)),
        "participation_ratio_shuffled": dims.participation_ratio(dims.covariance_spectrum(shuffled)),
        "n_components_90": float(dims.n_components_for(spectrum)) if total > 0 else np.nan,
        "exponent": dims.power_law_exponent(spectrum),
        "intrinsic_dimension": dims.two_nn(x) if len(x) >= 4 else np.nan,
        "share_silent": float((x.std(axis=0) == 0).mean()),
        "eigenvalue": spectrum / total if total > 0 else np.full_like(spectrum, np.nan),
    }
    if labels is not None:
        groups = [x[labels == c] for c in np.unique(labels)]
        within = [dims.participation_ratio(dims.covariance_spectrum(g)) for g in groups if len(g) > 1]
        means = np.stack([g.mean(axis=0) for g in groups])
        found["participation_ratio_within"] = float(np.mean(within)) if within else np.nan
        found["participation_ratio_between"] = dims.participation_ratio(dims.covariance_spectrum(means)) if len(means) > 1 else np.nan
    return found
