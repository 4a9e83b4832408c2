"""Images made worse on purpose: noise, blur, contrast, occlusion and phase noise, fresh at every frame or held.

Pixels are in [0, 1] before and after.  A level of 0 (contrast: 1) leaves an image as it was.

=====================  =====================  =========================================================================
kind                   level                  what is done
=====================  =====================  =========================================================================
``gaussian``           sd, 0 or more          adds normal noise
``uniform``            half-width             adds noise from the uniform distribution on [-level, level]
``salt_and_pepper``    fraction in [0, 1]     replaces that share of pixels (all channels at once) by black or white
``blur``               sd in pixels           Gaussian blur, edges reflected; no randomness
``contrast``           gain in [0, 1]         scales the deviation from the image's mean colour; no randomness
``occlusion``          side in pixels         a grey square at a random place
``phase_noise``        largest shift, deg     turns the phase of every spatial frequency by a uniform angle in [-level, level], the
                                              same in all channels; amplitudes are kept
=====================  =====================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError, first_of, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["KINDS", "Kind", "perturbations"]

Kind = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def perturbations(
    stimuli: xr.DataArray, kind: str, level: float, *, seed: int, n_frames: int | None = None, frame_ms: float = 1.0, clip: bool = True
) -> xr.DataArray:
    """Perturb images, once each or afresh at every frame.

    The noise of a presentation depends on `seed`, its ``stimulus_id`` (and ``repetition``), `kind` and the frame alone, so it does
    not depend on the order or the number of presentations; the same draw is scaled for every level.

    Parameters
    ----------
    stimuli : DataArray, (presentation, channel, row, column)
        Images in [0, 1].
    kind : str
        One of :data:`KINDS`.
    level : float
        Strength, in the units of the table above.
    seed : int
    n_frames : int, optional
        Makes a movie of that many frames with a fresh draw in each (dynamic); absent, one draw (static).
    frame_ms : float
        Time between frames, ms (steps where a model's steps are not time).
    clip : bool
        Whether values that leave [0, 1] are clipped.

    Returns
    -------
    DataArray, (presentation[, frame], channel, row, column)
        Float32 in [0, 1], with coords ``perturbation`` and ``level`` on `presentation`.

    Raises
    ------
    ConfigError
        If `kind` is unknown or `level` out of range.
    SchemaError
        If `stimuli` are not images, or if ``clip=False`` and values leave [0, 1].

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> images = make_stimuli(np.full((2, 1, 8, 8), 0.5))
    >>> noisy = perturbations(images, "gaussian", 0.1, seed=0)
    >>> noisy.shape, bool(noisy.std() > 0.05)
    ((2, 1, 8, 8), True)
    >>> perturbations(images, "gaussian", 0.1, seed=0, n_frames=3).dims
    ('presentation', 'frame', 'channel', 'row', 'column')
    """
    check_stimuli(stimuli, where="perturbations")
    if "frame" in stimuli.dims:
        raise SchemaError("perturbations", "`stimuli` are movies", expected="images", fix="stimuli.isel(frame=0, drop=True)")
    if kind not in KINDS:
        raise unknown_name("perturbations", "kind", kind, KINDS)
    side = min(stimuli.shape[-2:])
    low, high, meaning = _LIMITS[kind]
    if not np.isfinite(level) or level < low or level > (side if high is None else high):
        raise ConfigError("perturbations", f"`level` is {level} for `{kind}`", expected=f"{meaning}, {low:g} to {side if high is None else high:g}")
    if n_frames is not None and n_frames < 1:
        raise ConfigError("perturbations", f"`n_frames` is {n_frames}", expected="1 or more, or None for a single image")
    keys = stimuli.stimulus_id.values.astype(str)
    if "repetition" in stimuli.coords:
        keys = np.array([f"{i}#{r}" for i, r in zip(keys, stimuli.repetition.values, strict=True)])
    frames = []
    for k in range(n_frames or 1):
        draws = (numpy_generator(seed, "perturbation", kind, key, k) for key in keys)
        frames.append(np.stack([KINDS[kind](image, float(level), g) for image, g in zip(stimuli.values.astype(np.float64), draws, strict=True)]))
    pixels = np.stack(frames, axis=1)
    out = ((pixels < -1e-6) | (pixels > 1 + 1e-6)).reshape(len(pixels), -1).any(axis=1)
    if not clip and out.any():
        raise SchemaError(
            "perturbations",
            f"`{kind}` at level {level:g} leaves [0, 1] in {int(out.sum())} of {len(out)} presentations ({first_of(keys[out])}; "
            f"from {pixels.min():.3g} to {pixels.max():.3g})",
            expected="values in [0, 1]",
            fix="perturbations(..., clip=True), or stimuli of lower contrast",
        )
    pixels = np.clip(pixels, 0.0, 1.0).astype(np.float32)
    coords: dict[Any, Any] = {name: c for name, c in stimuli.coords.items() if c.dims == (PRESENTATION,)}
    coords |= {"perturbation": (PRESENTATION, np.repeat(kind, len(keys))), "level": (PRESENTATION, np.repeat(float(level), len(keys)))}
    dims = ("presentation", "frame", "channel", "row", "column")
    if n_frames is None:
        return xr.DataArray(pixels[:, 0], dims=stimuli.dims, coords=coords, name="stimuli", attrs={"units": "1"})
    coords["frame_start"] = ("frame", np.arange(n_frames) * float(frame_ms), {"units": "ms"})
    return xr.DataArray(pixels, dims=dims, coords=coords, name="stimuli", attrs={"units": "1"})


def _gaussian(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return image + level * generator.standard_normal(image.shape)


def _uniform(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    return image + level * generator.uniform(-1.0, 1.0, image.shape)


def _salt_and_pepper(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    rank, white = generator.random(image.shape[1:]), generator.random(image.shape[1:]) < 0.5
    return np.where(rank < level, white.astype(float), image)


def _blur(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    return image if level == 0 else gaussian_filter(image, sigma=(0, level, level), mode="reflect")


def _contrast(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    mean = image.mean(axis=(-2, -1), keepdims=True)
    return mean + level * (image - mean)


def _occlusion(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    side = round(level)
    row, column = (int(generator.random() * (n - side + 1)) for n in image.shape[-2:])
    covered = image.copy()
    covered[:, row : row + side, column : column + side] = 0.5
    return covered


def _phase_noise(image: np.ndarray, level: float, generator: np.random.Generator) -> np.ndarray:
    """Antisymmetric phase shifts, taken from the spectrum of a real white-noise image, keep the result real."""
    reference = np.fft.fft2(generator.standard_normal(image.shape[-2:]))
    shift = np.angle(reference) / np.pi * np.deg2rad(level)
    real = np.isclose(reference.imag, 0.0, atol=1e-9)
    shift[real] = 0.0
    return np.fft.ifft2(np.fft.fft2(image) * np.exp(1j * shift)).real


KINDS: dict[str, Kind] = {
    "gaussian": _gaussian,
    "uniform": _uniform,
    "salt_and_pepper": _salt_and_pepper,
    "blur": _blur,
    "contrast": _contrast,
    "occlusion": _occlusion,
    "phase_noise": _phase_noise,
}
_LIMITS: dict[str, tuple[float, float | None, str]] = {
    "gaussian": (0.0, 10.0, "a standard deviation"),
    "uniform": (0.0, 10.0, "a half-width"),
    "salt_and_pepper": (0.0, 1.0, "a fraction of the pixels"),
    "blur": (0.0, None, "a standard deviation in pixels"),
    "contrast": (0.0, 1.0, "a gain"),
    "occlusion": (0.0, None, "a side in pixels"),
    "phase_noise": (0.0, 180.0, "a largest phase shift in degrees"),
}
