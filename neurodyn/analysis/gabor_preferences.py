"""Preferred orientation and spatial frequency of units and of recorded neurons, from their responses to any images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import crossval, ridge
from neurodyn.numerics.gabor_energy import gabor_energy
from neurodyn.schema import NEUROID, PRESENTATION, check_responses, check_stimuli

__all__ = ["gabor_preferences"]

WHERE = "gabor_preferences"


def gabor_preferences(
    responses: xr.DataArray,
    stimuli: xr.DataArray,
    *,
    wavelengths_px: Sequence[float] = (4.0, 8.0, 16.0, 32.0),
    n_orientations: int = 8,
    folds: int = 5,
    alphas: Sequence[float] = (1.0, 10.0, 100.0, 1000.0),
    min_r: float = 0.1,
    seed: int,
) -> xr.Dataset:
    """Regress responses to images on the energy the images hold at each orientation and spatial frequency.

    Where no gratings were shown this is the tuning that can be had from any set of images, the same for neurons and units: a ridge regression on the roots of
    Gabor energies, each averaged over the image, cross-validated over images.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a model or a brain; bins and repeats are averaged.
    stimuli : DataArray, (presentation, channel, row, column)
        The images, by ``stimulus_id``.
    wavelengths_px : sequence of float
        In pixels of these images; those above half of the image are left out.
    n_orientations : int
        Of the bars, evenly spaced over 180 degrees.
    folds : int
    alphas : sequence of float
        Penalties, for z-scored energies.
    min_r : float
        Neuroids predicted worse than this are listed as untuned, not given a preference.
    seed : int
        Of the folds.

    Returns
    -------
    Dataset
        ===============================  ===================================  ============  ====================================================
        variable                         dims                                 units         meaning
        ===============================  ===================================  ============  ====================================================
        weight                           neuroid, wavelength, orientation     1             of the z-scored energies, responses z-scored too
        r                                neuroid                              1             correlation on held-out images, mean of the folds
        preferred_orientation_deg        neuroid                              degree        of the bars: direction of sum max(w, 0) exp(2 i angle)
        orientation_bias                 neuroid                              1             length of that sum over sum max(w, 0): 0 none, 1 one angle
        preferred_spatial_frequency_cpi  neuroid                              cycle/image   mean of the octaves, weighted by max(w, 0)
        untuned_neuroid_id               untuned_neuroid                                    left out
        ===============================  ===================================  ============  ====================================================

    Raises
    ------
    SchemaError
        Responses to images that are not among the stimuli.
    ConfigError
        Fewer images than folds allow, or no wavelength that fits the images.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings, make_stimuli
    >>> rng = np.random.default_rng(0)
    >>> images = make_stimuli(rng.random((60, 1, 16, 16)))
    >>> vertical = np.abs(np.diff(images.values, axis=3)).mean((1, 2, 3))
    >>> seen = make_recordings(vertical[:, None], stimulus_id=images.stimulus_id.values, neuroid_id=["a"], time_bins_ms=[(50, 150)])
    >>> round(float(gabor_preferences(seen, images, min_r=-1, seed=0).r), 1) > 0
    True
    """
    responses, stimuli = check_responses(responses, where=WHERE), check_stimuli(stimuli, where=WHERE)
    size = min(stimuli.sizes["row"], stimuli.sizes["column"])
    wavelengths = np.array([w for w in wavelengths_px if w <= size / 2])
    if not len(wavelengths):
        raise ConfigError(WHERE, f"`wavelengths_px` are {tuple(wavelengths_px)} for images of {size} pixels", expected=f"some up to {size / 2:g}")
    known = {str(k): i for i, k in enumerate(stimuli["stimulus_id"].values)}
    shown = [str(k) for k in responses["stimulus_id"].values]
    lost = [k for k in dict.fromkeys(shown) if k not in known]
    if lost:
        what = f"`responses` hold {len(lost)} stimuli that are not among the images (first: {lost[0]})"
        raise SchemaError(WHERE, what, expected="the images that were shown")
    images, index = np.unique(np.array([known[k] for k in shown]), return_inverse=True)
    if len(images) < 4 * folds:
        raise ConfigError(WHERE, f"{len(images)} images for {folds} folds", expected=f"at least {4 * folds}")
    values = responses.values.astype(float).mean(2)
    counts = np.bincount(index)[:, None]
    y = _standard(np.stack([np.bincount(index, values[:, u]) for u in range(values.shape[1])], axis=1) / counts)
    grey = stimuli.isel({PRESENTATION: images}).values.mean(1)
    energy = gabor_energy(grey, wavelengths_px=wavelengths.tolist(), n_orientations=n_orientations, n_pools=1)[..., 0, 0]
    x = _standard(np.sqrt(energy).reshape(len(images), -1).astype(float))
    found = ridge.ridge_cv(x, y, crossval.make_splits(len(images), n_splits=folds, seed=seed), alphas=alphas)
    r = np.nan_to_num(found.r).mean(0)
    weight = _weights(x, y, float(np.median(alphas))).reshape(-1, len(wavelengths), n_orientations)
    return _label(responses, weight, r, wavelengths, size, min_r)


def _standard(values: np.ndarray) -> np.ndarray:
    spread = values.std(0)
    return (values - values.mean(0)) / np.where(spread > 0, spread, 1.0)


def _weights(x: np.ndarray, y: np.ndarray, alpha: float) -> np.ndarray:
    """Ridge weights on all images, (neuroid, feature)."""
    return np.linalg.solve(x.T @ x + alpha * np.eye(x.shape[1]), x.T @ y).T


def _label(responses: xr.DataArray, weight: np.ndarray, r: np.ndarray, wavelengths: np.ndarray, size: int, min_r: float) -> xr.Dataset:
    n_orientations = weight.shape[2]
    bars = np.mod(90 - 180 * np.arange(n_orientations) / n_orientations, 180)  # the filters' wave vectors point across the bars, their rows count downwards
    strong = np.maximum(weight, 0)
    total = np.maximum(strong.sum((1, 2)), 1e-12)
    phasor = strong.sum(1) @ np.exp(2j * np.deg2rad(bars)) / total
    octave = strong.sum(2) @ np.log2(size / wavelengths) / total
    keep = (r >= min_r) & (strong.sum((1, 2)) > 0)
    ids = responses["neuroid_id"].values
    coords = {str(k): (NEUROID, v.values[keep]) for k, v in responses.coords.items() if v.dims == (NEUROID,)}
    one = {"units": "1"}
    return xr.Dataset(
        {
            "weight": ((NEUROID, "wavelength", "orientation"), weight[keep].astype(np.float32), one),
            "r": (NEUROID, r[keep], one),
            "preferred_orientation_deg": (NEUROID, np.mod(np.rad2deg(np.angle(phasor[keep])) / 2, 180), {"units": "degree"}),
            "orientation_bias": (NEUROID, np.abs(phasor[keep]), one),
            "preferred_spatial_frequency_cpi": (NEUROID, 2 ** octave[keep], {"units": "cycle/image"}),
        },
        coords={
            **coords,
            "wavelength_px": ("wavelength", wavelengths, {"units": "pixel"}),
            "orientation_deg": ("orientation", bars, {"units": "degree"}),
            "untuned_neuroid_id": ("untuned_neuroid", ids[~keep]),
        },
        attrs={"min_r": min_r, "n_images": len(np.unique(responses["stimulus_id"].values))},
    )
