"""What a scanner would measure of an image: coils, a smooth phase, noise, and a mask over k-space."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.coils import sensitivities, smooth_phase
from neurodyn.numerics.fourier import as_channels, as_complex, fft2c
from neurodyn.numerics.sampling_masks import check_mask, column_mask
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import numpy_generator, subseed

__all__ = ["coil_images", "measurements", "undersample"]

DIMS = (PRESENTATION, "channel", "row", "column")


def coil_images(images: xr.DataArray, *, n_coils: int = 4, snr_db: float = 30.0, phase: float = 1.0, seed: int) -> xr.DataArray:
    """Fully sampled coil images of real images, with noise: the reference that a reconstruction is held against.

    Parameters
    ----------
    images : DataArray, (presentation, channel, row, column)
        Channels are averaged.
    n_coils : int
        Simulated coils, drawn anew for each image.
    snr_db : float
        Mean power of the signal over that of the noise, dB; infinite for none.
    phase : float
        Size of the object's random smooth phase, radians.
    seed : int
        Each image draws from its own stream keyed by (seed, stimulus_id).

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        float32; real and imaginary part of coil 0, of coil 1, and so on.

    Examples
    --------
    >>> from neurodyn.stimuli.phantoms import phantoms
    >>> coil_images(phantoms(2, image_size=16, seed=0), n_coils=3, seed=0).shape
    (2, 6, 16, 16)
    """
    images = check_stimuli(images, where="coil_images")
    if not snr_db > -np.inf or np.isnan(phase):
        raise ConfigError("coil_images", f"`snr_db` is {snr_db} and `phase` {phase}", expected="numbers", fix="snr_db=30.0, phase=1.0")
    n, _, rows, columns = images.shape
    values = np.empty((n, 2 * n_coils, rows, columns), np.float32)
    for i, name in enumerate(images.stimulus_id.values):
        grey = images.values[i].mean(axis=0, dtype=float)
        own = subseed(seed, "coil_images", name)
        coils = sensitivities(n_coils, rows, columns, seed=own) * grey * np.exp(1j * smooth_phase(rows, columns, strength=phase, seed=own))
        signal = np.sqrt((np.abs(coils) ** 2).sum() / (n_coils * rows * columns))
        noise = numpy_generator(own, "noise").normal(size=(2, n_coils, rows, columns)) * signal * 10 ** (-snr_db / 20) / np.sqrt(2)
        values[i] = as_channels(coils + noise[0] + 1j * noise[1])
    coords = {str(k): v for k, v in images.coords.items() if v.dims == (PRESENTATION,)}
    return xr.DataArray(values, dims=DIMS, coords=coords, name="reference", attrs={"units": "1", "n_coils": n_coils, "snr_db": float(snr_db)})


def undersample(
    reference: xr.DataArray, *, acceleration: float = 4, center_fraction: float | None = None, mask: str = "random", keep_reference: bool = True, seed: int
) -> xr.Dataset:
    """Measure part of the k-space of coil images.

    Parameters
    ----------
    reference : DataArray, (presentation, channel, row, column)
        From :func:`coil_images` or a reader.
    acceleration, center_fraction, mask
        Of :func:`neurodyn.numerics.sampling_masks.column_mask`; `mask` is its kind.
    keep_reference : bool
        Keep the fully sampled images beside the frame; `simulate` takes frames alone.
    seed : int
        Each presentation draws its mask from its own stream keyed by (seed, stimulus_id).

    Returns
    -------
    Dataset
        =============  ===================================  ==========================================================
        variable       dims                                 meaning
        =============  ===================================  ==========================================================
        ``kspace``     (presentation, channel, row,         centred k-space, real and imaginary part of each coil; 0
                       column)                              where it was not measured
        ``mask``       (presentation, mask_channel, row,    1 where measured
                       column)
        ``reference``  (presentation, channel, row,         fully sampled coil images
                       column)
        =============  ===================================  ==========================================================

    Raises
    ------
    SchemaError
        For channels that are not pairs.
    """
    if reference.dims != DIMS or reference.sizes["channel"] % 2:
        raise SchemaError("undersample", f"`reference` has dims {dict(reference.sizes)}", expected=f"{DIMS}, two channels a coil")
    rows, columns = reference.shape[-2:]
    ids = reference.stimulus_id.values
    masks = np.stack([column_mask(columns, acceleration, center_fraction, kind=mask, seed=subseed(seed, "mask", name)) for name in ids])
    check_mask(masks, where="undersample", ids=ids)
    full = np.repeat(masks[:, None, None, :], rows, axis=2).astype(np.float32)
    kspace = as_channels(fft2c(as_complex(reference.values)) * full).astype(np.float32)
    data = {
        "kspace": (DIMS, kspace, {"units": "1"}),
        "mask": ((PRESENTATION, "mask_channel", "row", "column"), full, {"units": "1"}),
    }
    if keep_reference:
        data["reference"] = (DIMS, reference.values, {"units": "1"})
    coords = {str(k): v for k, v in reference.coords.items() if v.dims == (PRESENTATION,)}
    return xr.Dataset(data, coords, {**reference.attrs, "acceleration": float(acceleration), "mask": mask})


def measurements(
    images: xr.DataArray, *, n_coils: int = 4, acceleration: float = 4, mask: str = "random", snr_db: float = 30.0, keep_reference: bool = True, seed: int
) -> xr.Dataset:
    """:func:`coil_images`, then :func:`undersample`.

    Examples
    --------
    >>> from neurodyn.stimuli.phantoms import phantoms
    >>> frames = measurements(phantoms(1, image_size=32, seed=0), acceleration=4, seed=0)
    >>> dict(frames.kspace.sizes) == {"presentation": 1, "channel": 8, "row": 32, "column": 32}
    True
    """
    reference = coil_images(images, n_coils=n_coils, snr_db=snr_db, seed=seed)
    return undersample(reference, acceleration=acceleration, mask=mask, keep_reference=keep_reference, seed=seed)
