"""Images and their spectra: the centred orthonormal Fourier transform, complex images as real channels, and hard data consistency.

With the transform F, measured samples y and a mask D of ones where k-space was measured,

    DC(x; y, D) = F^-1[ D y + (1 - D) F x ]

replaces the measured part of the spectrum of x by what was measured and leaves the rest.  It is a projection: DC(DC(x)) = DC(x), and two
images differ after it only in frequencies that were not measured.

Everything takes torch tensors (gradients flow) or numpy arrays and returns the same kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from neurodyn.errors import NumericsError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "as_channels",
    "as_complex",
    "center_crop",
    "crop",
    "data_consistency",
    "fft2c",
    "ifft2c",
    "measured_error",
    "pad_to_multiple",
    "radial_frequency",
    "rss",
]

Array = TypeVar("Array", bound=Any)
AXES = (-2, -1)


def fft2c(images: Array) -> Array:
    """Centred orthonormal two-dimensional Fourier transform over the last two axes.

    Parameters
    ----------
    images : complex array or Tensor, (..., row, column)
        The origin is the pixel ``(rows // 2, columns // 2)``.

    Returns
    -------
    complex array or Tensor, (..., row, column)
        Frequency zero at ``(rows // 2, columns // 2)``.

    Examples
    --------
    >>> spectrum = fft2c(np.ones((4, 4), complex))
    >>> float(spectrum[2, 2].real), float(np.abs(spectrum).sum())
    (4.0, 4.0)
    """
    kit = _kit(images).fft
    return kit.fftshift(_transform(kit.fft2, kit.ifftshift(images, **_axes(images, AXES)), images), **_axes(images, AXES))


def ifft2c(spectra: Array) -> Array:
    """The inverse of :func:`fft2c`.

    Examples
    --------
    >>> image = np.arange(6.0).reshape(2, 3) + 0j
    >>> bool(np.allclose(ifft2c(fft2c(image)), image))
    True
    """
    kit = _kit(spectra).fft
    return kit.fftshift(_transform(kit.ifft2, kit.ifftshift(spectra, **_axes(spectra, AXES)), spectra), **_axes(spectra, AXES))


def as_complex(channels: Array) -> Array:
    """Real channels as complex images: channel 2 c is the real and 2 c + 1 the imaginary part of coil c.

    Parameters
    ----------
    channels : array or Tensor, (..., 2 * coil, row, column)

    Returns
    -------
    complex array or Tensor, (..., coil, row, column)

    Raises
    ------
    NumericsError
        For an odd number of channels.

    Examples
    --------
    >>> as_complex(np.array([1.0, 2.0]).reshape(2, 1, 1)).ravel().tolist()
    [(1+2j)]
    """
    n = channels.shape[-3]
    if n % 2:
        raise NumericsError("as_complex", f"{n} channels are not pairs of real and imaginary parts", expected="2 channels a coil")
    if isinstance(channels, np.ndarray):
        return channels[..., 0::2, :, :] + 1j * channels[..., 1::2, :, :]  # type: ignore[return-value]
    import torch

    pairs = channels.unflatten(-3, (n // 2, 2))
    return torch.view_as_complex(pairs.movedim(-3, -1).contiguous())  # type: ignore[return-value]


def as_channels(images: Array) -> Array:
    """The inverse of :func:`as_complex`.

    Examples
    --------
    >>> as_channels(np.array([1 + 2j]).reshape(1, 1, 1)).ravel().tolist()
    [1.0, 2.0]
    """
    shape = (*images.shape[:-3], 2 * images.shape[-3], *images.shape[-2:])
    if isinstance(images, np.ndarray):
        return np.stack([images.real, images.imag], axis=-3).reshape(shape)  # type: ignore[return-value]
    import torch

    return torch.view_as_real(images).movedim(-1, -3).reshape(shape)  # type: ignore[return-value]


def rss(channels: Array) -> Array:
    """Root of the sum of squares over coils, of images as real channels.

    Parameters
    ----------
    channels : array or Tensor, (..., 2 * coil, row, column)

    Returns
    -------
    array or Tensor, (..., row, column)

    Examples
    --------
    >>> rss(np.array([3.0, 4.0]).reshape(2, 1, 1)).ravel().tolist()
    [5.0]
    """
    if isinstance(channels, np.ndarray):
        return np.sqrt((channels**2).sum(axis=-3))  # type: ignore[return-value]
    import torch

    return torch.linalg.vector_norm(channels, dim=-3)  # type: ignore[return-value]


def data_consistency(images: Tensor, measured: Tensor, mask: Tensor) -> Tensor:
    """Replace the measured frequencies of images by what was measured.

    Parameters
    ----------
    images : Tensor, (..., 2 * coil, row, column)
        Real channels, as in :func:`as_complex`.
    measured : Tensor, (..., 2 * coil, row, column)
        Centred k-space as real channels; ignored where `mask` is 0.
    mask : Tensor, broadcastable to (..., 1, row, column)
        1 where measured.

    Returns
    -------
    Tensor, (..., 2 * coil, row, column)

    Raises
    ------
    NumericsError
        If the sizes differ: consistency holds on the grid that was measured, so padding is cropped before.

    Examples
    --------
    >>> import torch
    >>> x, mask = torch.randn(2, 4, 4), torch.eye(4)
    >>> once = data_consistency(x, torch.zeros(2, 4, 4), mask)
    >>> bool(torch.allclose(data_consistency(once, torch.zeros(2, 4, 4), mask), once, atol=1e-6))
    True
    """
    if images.shape[-3:] != measured.shape[-3:]:
        raise NumericsError(
            "data_consistency",
            f"images of {tuple(images.shape[-3:])} and k-space of {tuple(measured.shape[-3:])}",
            expected="the same channels, rows and columns",
            fix="crop(images, (rows, columns)) before data consistency",
        )
    spectrum, known = fft2c(as_complex(images)), as_complex(measured)
    return as_channels(ifft2c(mask * known + (1 - mask) * spectrum))


def measured_error(images: Array, measured: Array, mask: Array) -> Array:
    """Largest difference from the measured samples, relative to the largest sample, one value a row.

    Parameters
    ----------
    images, measured : array or Tensor, (batch, 2 * coil, row, column)
    mask : array or Tensor, broadcastable to (batch, 1, row, column)

    Returns
    -------
    array or Tensor, (batch)
    """
    known = as_complex(measured)
    off = abs((fft2c(as_complex(images)) - known) * mask)
    size = abs(known * mask)
    n = len(images)
    off, size = off.reshape(n, -1), size.reshape(n, -1)
    if isinstance(images, np.ndarray):
        return off.max(axis=1) / np.maximum(size.max(axis=1), 1e-300)
    return off.amax(dim=1) / size.amax(dim=1).clamp_min(1e-30)  # type: ignore[return-value]


def pad_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Zeros below and to the right, so that rows and columns are multiples of `multiple`.

    Examples
    --------
    >>> import torch
    >>> pad_to_multiple(torch.ones(1, 1, 5, 8), 4).shape
    torch.Size([1, 1, 8, 8])
    """
    import torch.nn.functional as F

    down, right = -images.shape[-2] % multiple, -images.shape[-1] % multiple
    return F.pad(images, (0, right, 0, down)) if down or right else images


def crop(images: Array, size: tuple[int, int]) -> Array:
    """The upper left `size` rows and columns: undoes :func:`pad_to_multiple`."""
    return images[..., : size[0], : size[1]]


def center_crop(images: Array, size: tuple[int, int]) -> Array:
    """The central `size` rows and columns, as fastMRI crops reconstructions to its targets.

    Raises
    ------
    NumericsError
        If the images are smaller.

    Examples
    --------
    >>> center_crop(np.arange(6)[None], (1, 2)).tolist()
    [[2, 3]]
    """
    rows, columns = images.shape[-2:]
    if rows < size[0] or columns < size[1]:
        raise NumericsError("center_crop", f"images of {rows} x {columns} are smaller than {size[0]} x {size[1]}", expected="images of that size or larger")
    top, left = (rows - size[0]) // 2, (columns - size[1]) // 2
    return images[..., top : top + size[0], left : left + size[1]]


def radial_frequency(rows: int, columns: int) -> np.ndarray:
    """Distance of each sample of a centred spectrum from frequency zero, cycles per pixel.

    Parameters
    ----------
    rows, columns : int

    Returns
    -------
    array, (row, column)

    Examples
    --------
    >>> radial_frequency(1, 4).tolist()
    [[0.5, 0.25, 0.0, 0.25]]
    """
    return np.hypot(*np.meshgrid(np.fft.fftshift(np.fft.fftfreq(rows)), np.fft.fftshift(np.fft.fftfreq(columns)), indexing="ij"))


def _kit(values: Any) -> Any:
    if isinstance(values, np.ndarray):
        return np
    import torch

    return torch


def _axes(values: Any, axes: tuple[int, int]) -> dict[str, Any]:
    return {"axes": axes} if isinstance(values, np.ndarray) else {"dim": axes}


def _transform(function: Any, values: Any, like: Any) -> Any:
    return function(values, norm="ortho", **_axes(like, AXES))
