"""The spectrum of a convolution by Fourier transform: exact for circular padding, an approximation for zero padding.

A circular convolution acts on each spatial frequency separately, by a small matrix over channels; its eigenvalues (singular
values) are those of all these matrices.  With zero padding the plane waves are no longer exact: how far each is from being an
eigenvector is measured, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neurodyn.errors import NumericsError, unknown_name

__all__ = ["ConvolutionSpectrum", "convolution_singular_values", "convolution_spectrum", "transfer_matrices"]


@dataclass(frozen=True)
class ConvolutionSpectrum:
    """Eigenvalues of a convolution, plane wave by plane wave.

    Attributes
    ----------
    values : complex array, (mode)
        Largest modulus first.
    row_frequency, column_frequency : float array, (mode)
        Cycles per pixel of each mode.
    residuals : float array, (mode)
        |A v - value v| with |v| = 1 for the padding asked for: rounding for circular padding, the error of the approximation for
        zero padding.
    """

    values: np.ndarray
    row_frequency: np.ndarray
    column_frequency: np.ndarray
    residuals: np.ndarray


def transfer_matrices(kernel: np.ndarray | Tensor, size: tuple[int, int]) -> np.ndarray:
    """What a circular convolution does at each spatial frequency.

    Parameters
    ----------
    kernel : array, (channel out, channel in, row, column), odd sizes
    size : (rows, columns) of the map

    Returns
    -------
    complex array, (rows, columns, channel out, channel in)

    Examples
    --------
    >>> transfer_matrices(np.ones((1, 1, 1, 1)), (2, 2)).shape
    (2, 2, 1, 1)
    """
    K = np.asarray(kernel.detach().cpu() if isinstance(kernel, Tensor) else kernel, dtype=np.float64)
    if K.ndim != 4 or K.shape[2] % 2 == 0 or K.shape[3] % 2 == 0 or min(size) < 1:
        raise NumericsError("transfer_matrices", f"`kernel` has shape {K.shape} on a map of {size}", expected="(channel, channel, odd, odd)")
    wrapped = np.zeros((*K.shape[:2], *size))
    for i in range(K.shape[2]):
        for j in range(K.shape[3]):
            wrapped[:, :, (K.shape[2] // 2 - i) % size[0], (K.shape[3] // 2 - j) % size[1]] += K[:, :, i, j]
    return np.fft.fft2(wrapped).transpose(2, 3, 0, 1)


def convolution_spectrum(
    kernel: np.ndarray | Tensor, size: tuple[int, int], *, padding: Literal["circular", "zeros"] = "circular", n_modes: int | None = None
) -> ConvolutionSpectrum:
    """Eigenvalues of a convolution layer.

    Parameters
    ----------
    kernel : array, (channel, channel, row, column), odd sizes
    size : (rows, columns) of the map
    padding : {"circular", "zeros"}
        ``"circular"``: exact.  ``"zeros"``: the same values as an approximation, with their residuals under zero padding.
    n_modes : int, optional
        Keep the leading ones; all when absent.

    Returns
    -------
    ConvolutionSpectrum

    Raises
    ------
    NumericsError
        A kernel that is not square in channels or of even size.

    Notes
    -----
    Cost: one FFT and rows x columns eigenproblems of the size of the channels, whatever the number of modes.

    Examples
    --------
    >>> convolution_spectrum(np.full((1, 1, 1, 1), 0.5), (4, 4), n_modes=1).values.real.tolist()
    [0.5]
    """
    if padding not in ("circular", "zeros"):
        raise unknown_name("convolution_spectrum", "padding", padding, ["circular", "zeros"])
    T = transfer_matrices(kernel, size)
    if T.shape[2] != T.shape[3]:
        raise NumericsError("convolution_spectrum", f"`kernel` maps {T.shape[3]} to {T.shape[2]} channels", expected="as many out as in")
    values, vectors = np.linalg.eig(T.reshape(-1, *T.shape[2:]))
    wave, index = np.divmod(np.arange(values.size), T.shape[2])
    flat = values.ravel()
    order = np.lexsort((-np.round(flat.imag, 12), -np.round(np.abs(flat), 12)))[:n_modes]
    row, column = np.unravel_index(wave[order], size)
    channel_vectors = vectors[wave[order], :, index[order]]
    residuals = _residuals(kernel, size, padding, flat[order], row, column, channel_vectors)
    return ConvolutionSpectrum(flat[order], np.fft.fftfreq(size[0])[row], np.fft.fftfreq(size[1])[column], residuals)


def _residuals(kernel, size, padding, values, row, column, channel_vectors, *, chunk: int = 32) -> np.ndarray:  # noqa: ANN001
    K = torch.as_tensor(np.asarray(kernel.detach().cpu() if isinstance(kernel, Tensor) else kernel)).to(torch.complex128)
    reach = (K.shape[2] // 2, K.shape[3] // 2)
    y, x = np.arange(size[0])[:, None], np.arange(size[1])[None, :]
    out = np.empty(len(values))
    for i in range(0, len(values), chunk):
        part = slice(i, i + chunk)
        phase = row[part, None, None] * y / size[0] + column[part, None, None] * x / size[1]
        waves = np.exp(2j * np.pi * phase)[:, None] * channel_vectors[part, :, None, None]
        waves /= np.linalg.norm(waves.reshape(len(waves), -1), axis=1)[:, None, None, None]
        V = torch.as_tensor(waves)
        if padding == "zeros":
            moved = functional.conv2d(V, K, padding=reach)
        else:
            rows, columns = (torch.arange(-r, s + r) % s for r, s in zip(reach, size, strict=True))
            moved = functional.conv2d(V[:, :, rows][:, :, :, columns], K)
        gap = moved.numpy() - values[part, None, None, None] * waves
        out[part] = np.linalg.norm(gap.reshape(len(gap), -1), axis=1)
    return out


def convolution_singular_values(kernel: np.ndarray | Tensor, size: tuple[int, int]) -> np.ndarray:
    """All singular values of a circular convolution, largest first.

    Examples
    --------
    >>> convolution_singular_values(np.full((1, 1, 1, 1), -0.5), (2, 2)).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    return np.sort(np.linalg.svd(transfer_matrices(kernel, size), compute_uv=False).ravel())[::-1]
