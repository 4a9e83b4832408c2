"""Where a reconstruction is wrong: in the image, by spatial frequency, and on measured and missing samples, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.dynamics.simulate import check_ready, timeline_of, walk
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.numerics.fourier import as_channels, as_complex, fft2c, ifft2c, measured_error, radial_frequency, rss
from neurodyn.numerics.image_quality import nmse, psnr, ssim

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["check_frames", "reconstruction_errors"]

FRAME = ("kspace", "mask")
METRICS = {"nmse": (nmse, "1"), "psnr": (psnr, "dB"), "ssim": (ssim, "1")}
Images = dict[str, np.ndarray]


def reconstruction_errors(
    model: DynamicalModel,
    stimuli: xr.Dataset,
    *,
    steps: Mapping[str, int] | None = None,
    layer: str = "x",
    n_bands: int = 12,
    n_shown: int = 4,
    batch_size: int = 20,
) -> xr.Dataset:
    """Compare the zero-filled image, images on the way and the readout with the fully sampled reference.

    Parameters
    ----------
    model : DynamicalModel
        Its frame is a dict of ``kspace`` and ``mask``; its readout are coil images as real channels, or one channel of magnitude.
    stimuli : Dataset
        ``kspace mask reference``, from :func:`neurodyn.stimuli.measurements.undersample`.
    steps : mapping of name to int, optional
        Images on the way: `layer` after these steps, counted from the first as 0.
    layer : str
        A layer of coil images in the units of the measurement.
    n_bands : int
        Rings of spatial frequency between 0 and 0.5 cycles per pixel.
    n_shown : int
        Presentations whose images are kept.
    batch_size : int

    Returns
    -------
    Dataset
        ``image`` is ``"zero-filled"``, the names of `steps`, and ``"readout"``.

        ==================  ===========================  ======  =====================================================================
        variable            dims                         units   meaning
        ==================  ===========================  ======  =====================================================================
        nmse, psnr, ssim    (image, presentation)        1, dB,  of magnitudes, each presentation its own volume
                                                         1
        band_error          (image, presentation, band)  1       power of the error over that of the reference in a ring; of magnitudes
                                                                 for an image of one channel
        kspace_error        (image, row, column)         1       power of the error over that of the reference, summed over
                                                                 presentations and coils; NaN for an image of one channel
        missing_error       (image, presentation)        1       the same over the samples that were not measured
        measured_error      (image, presentation)        1       largest difference from a measured sample over the largest sample
        magnitude           (image, example, row,        1       of the first presentations
                            column)
        target, mask        (example, row, column)       1       magnitude of the reference; 1 where measured
        ==================  ===========================  ======  =====================================================================

    Raises
    ------
    SchemaError
        Stimuli without reference.
    ModelError
        A model of other frames.
    ConfigError
        Steps outside the trial.
    """
    check_ready(model)
    frames, reference = check_frames(model, stimuli, where="reconstruction_errors")
    images = _images(model, frames, dict(steps or {}), layer, batch_size)
    target, spectrum = rss(reference), fft2c(as_complex(reference))
    mask = np.broadcast_to(frames.mask.values, (len(target), 1, *target.shape[-2:]))
    rings = _rings(target.shape[-2:], n_bands)
    names, n = list(images), len(target)
    found: dict[str, np.ndarray] = {k: np.full((len(names), n), np.nan) for k in (*METRICS, "missing_error", "measured_error")}
    bands = np.full((len(names), n, n_bands), np.nan)
    error_map = np.full((len(names), *target.shape[-2:]), np.nan)
    for i, values in enumerate(images.values()):
        magnitude = values[:, 0] if values.shape[1] == 1 else rss(values)
        for key, (measure, _) in METRICS.items():
            found[key][i] = [measure(t, m) for t, m in zip(target, magnitude, strict=True)]
        if values.shape[1] == 1:
            bands[i] = _by_ring(abs(fft2c((magnitude - target) + 0j)) ** 2, abs(fft2c(target + 0j)) ** 2, rings)
            continue
        off, power = (abs(fft2c(as_complex(values)) - spectrum) ** 2).sum(axis=1), (abs(spectrum) ** 2).sum(axis=1)
        bands[i], error_map[i] = _by_ring(off, power, rings), off.sum(axis=0) / power.sum(axis=0)
        missing = mask[:, 0] == 0
        found["missing_error"][i] = (off * missing).sum(axis=(1, 2)) / np.maximum((power * missing).sum(axis=(1, 2)), 1e-30)
        found["measured_error"][i] = measured_error(values, frames.kspace.values, mask)
    kept = {name: (v[:n_shown, 0] if v.shape[1] == 1 else rss(v[:n_shown])) for name, v in images.items()}
    edges = np.linspace(0, 0.5, n_bands + 1)
    return xr.Dataset(
        {
            **{k: (("image", "presentation"), v, {"units": METRICS[k][1] if k in METRICS else "1"}) for k, v in found.items()},
            "band_error": (("image", "presentation", "band"), bands, {"units": "1"}),
            "kspace_error": (("image", "row", "column"), error_map, {"units": "1"}),
            "magnitude": (("image", "example", "row", "column"), np.stack(list(kept.values())), {"units": "1"}),
            "target": (("example", "row", "column"), target[:n_shown], {"units": "1"}),
            "mask": (("example", "row", "column"), mask[:n_shown, 0], {"units": "1"}),
        },
        {
            "image": names,
            "frequency_cpp": ("band", (edges[:-1] + edges[1:]) / 2, {"units": "1/px"}),
            "stimulus_id": ("presentation", stimuli.stimulus_id.values),
        },
    )


def check_frames(model: DynamicalModel, stimuli: Any, *, where: str) -> tuple[xr.Dataset, np.ndarray]:
    """Split frames from their reference.

    Returns
    -------
    frames : Dataset
        What `simulate` takes.
    reference : array, (presentation, 2 * coil, row, column)

    Raises
    ------
    SchemaError
        If a variable is missing.
    ModelError
        If the model's frame is another one.
    """
    if not isinstance(model.blank, dict) or set(model.blank) != set(FRAME):
        raise ModelError(where, f"{type(model).__name__} takes other frames", expected="a dict of kspace and mask", fix='neurodyn.build("pcrnn")')
    if not isinstance(stimuli, xr.Dataset) or not {*FRAME, "reference"} <= set(map(str, stimuli.data_vars)):
        has = ", ".join(map(str, stimuli.data_vars)) if isinstance(stimuli, xr.Dataset) else type(stimuli).__name__
        raise SchemaError(
            where, f"`stimuli` has {has}", expected="a Dataset of kspace, mask and reference", fix="neurodyn.stimuli.measurements.measurements(images, seed=0)"
        )
    return stimuli[list(FRAME)], np.asarray(stimuli.reference.values, float)


def _images(model: DynamicalModel, frames: xr.Dataset, steps: dict[str, int], layer: str, batch_size: int) -> Images:
    timeline = timeline_of(model, frames)
    outside = {k: v for k, v in steps.items() if not 0 <= v < len(timeline)}
    if outside:
        name, step = next(iter(outside.items()))
        raise ConfigError("reconstruction_errors", f"step {step} of `{name}` is not in the trial", expected=f"0..{len(timeline) - 1}")
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*steps, "readout")}
    for _, k, state, drive in walk(model, frames, timeline, batch_size=batch_size, progress=False):
        for name, step in steps.items():
            if step == k:
                parts[name].append(model.rates(state, drive, (layer,))[layer].double().cpu().numpy())
        if k == len(timeline) - 1:
            parts["readout"].append(model.readout(state).double().cpu().numpy())
    zero_filled = as_channels(ifft2c(as_complex(frames.kspace.values.astype(float))))
    return {"zero-filled": zero_filled, **{name: np.concatenate(v) for name, v in parts.items()}}


def _rings(size: tuple[int, ...], n_bands: int) -> np.ndarray:
    """Which ring each sample lies in; -1 beyond 0.5 cycles per pixel."""
    radius = radial_frequency(*size)
    ring = np.minimum((radius / 0.5 * n_bands).astype(int), n_bands - 1)
    return np.where(radius <= 0.5, ring, -1)


def _by_ring(off: np.ndarray, power: np.ndarray, rings: np.ndarray) -> np.ndarray:
    n = int(rings.max()) + 1
    inside = [rings == k for k in range(n)]
    return np.stack([off[:, r].sum(axis=1) / np.maximum(power[:, r].sum(axis=1), 1e-30) for r in inside], axis=1)
