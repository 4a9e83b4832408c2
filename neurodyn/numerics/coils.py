"""Receiver coils: smooth sensitivities, the encoding operator and its adjoint, and compression to fewer virtual coils.

With sensitivities S_c, the transform F and a mask D, coil c measures y_c = D F (S_c x).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics.fourier import fft2c, ifft2c
from neurodyn.seeding import numpy_generator

__all__ = ["Compression", "compression", "sense_adjoint", "sense_forward", "sensitivities", "smooth_phase"]


def sensitivities(n_coils: int, rows: int, columns: int, *, seed: int) -> np.ndarray:
    """Smooth complex sensitivities of coils around the object.

    Parameters
    ----------
    n_coils, rows, columns : int
    seed : int

    Returns
    -------
    complex array, (coil, row, column)
        Gaussian profiles at random places on a ring, each with a phase ramp; the sum of squared moduli is 1 everywhere.

    Raises
    ------
    ConfigError
        For no coils.

    Examples
    --------
    >>> maps = sensitivities(4, 16, 16, seed=0)
    >>> bool(np.allclose((np.abs(maps) ** 2).sum(axis=0), 1))
    True
    """
    if n_coils < 1:
        raise ConfigError("sensitivities", f"`n_coils` is {n_coils}", expected="1 or more", fix="n_coils=4")
    draw = numpy_generator(seed, "sensitivities", n_coils)
    y, x = _plane(rows, columns)
    angle = 2 * np.pi * (np.arange(n_coils) + draw.uniform(-0.2, 0.2, n_coils)) / n_coils + draw.uniform(0, 2 * np.pi)
    radius, width = draw.uniform(0.9, 1.2, n_coils), draw.uniform(0.8, 1.1, n_coils)
    ramp, offset = draw.uniform(-1, 1, (2, n_coils)), draw.uniform(0, 2 * np.pi, n_coils)
    cy, cx = (radius * np.sin(angle))[:, None, None], (radius * np.cos(angle))[:, None, None]
    size = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * width[:, None, None] ** 2))
    phase = np.pi / 2 * (ramp[0][:, None, None] * y + ramp[1][:, None, None] * x) + offset[:, None, None]
    maps = size * np.exp(1j * phase)
    return maps / np.sqrt((size**2).sum(axis=0))


def smooth_phase(rows: int, columns: int, *, strength: float = 1.0, seed: int) -> np.ndarray:
    """A random polynomial of second order over the image: the phase of the object, radians, (row, column)."""
    draw = numpy_generator(seed, "smooth_phase")
    y, x = _plane(rows, columns)
    c = draw.normal(size=6) * strength
    return c[0] + c[1] * y + c[2] * x + 0.5 * (c[3] * y * y + c[4] * x * y + c[5] * x * x)


def sense_forward(image: Any, maps: Any, mask: Any) -> Any:
    """What the coils measure: D F (S_c x).

    Parameters
    ----------
    image : complex array or Tensor, (..., row, column)
    maps : complex array or Tensor, (coil, row, column)
    mask : array or Tensor, broadcastable to (row, column)

    Returns
    -------
    complex array or Tensor, (..., coil, row, column)
    """
    return mask * fft2c(maps * image[..., None, :, :])


def sense_adjoint(kspace: Any, maps: Any, mask: Any) -> Any:
    """The adjoint of :func:`sense_forward`: sum over coils of conj(S_c) F^-1 (D y_c)."""
    return (maps.conj() * ifft2c(mask * kspace)).sum(-3)


@dataclass(frozen=True)
class Compression:
    """How coils are mixed into fewer virtual ones.

    Attributes
    ----------
    matrix : complex array, (coil, virtual)
        Orthonormal columns, the strongest first; the largest entry of each is real and positive.  Columns beyond the coils there are,
        are zero.
    energy : float
        Share of the calibration samples' energy that the virtual coils keep.
    """

    matrix: np.ndarray
    energy: float

    def apply(self, coils: np.ndarray) -> np.ndarray:
        """Coils, (..., coil, row, column), to virtual coils: images and k-space alike, since mixing coils commutes with F and D."""
        if coils.shape[-3] != len(self.matrix):
            raise NumericsError("Compression.apply", f"{coils.shape[-3]} coils for a matrix made from {len(self.matrix)}", expected="coils of the same scan")
        return np.moveaxis(np.moveaxis(coils, -3, -1) @ self.matrix, -1, -3)


def compression(kspace: np.ndarray, n_virtual: int, *, n_center: int = 24, pad: bool = False) -> Compression:
    """Virtual coils from the singular vectors of the central k-space columns.

    Parameters
    ----------
    kspace : complex array, (..., coil, row, column)
        Leading axes are slices of one volume, which share the matrix.
    n_virtual : int
        Virtual coils to keep.
    n_center : int
        Central columns that are measured in every scan.
    pad : bool
        Where there are fewer coils than asked for, fill up with empty ones instead of refusing.

    Returns
    -------
    Compression

    Raises
    ------
    ConfigError
        If fewer coils were measured than asked for, and `pad` is off.
    NumericsError
        If the central columns hold nothing.

    Notes
    -----
    That coils are compressed to equal numbers is the paper's; the method and the number are not known: this is our choice.

    Examples
    --------
    >>> coils = np.random.default_rng(0).normal(size=(3, 8, 8)) + 0j
    >>> found = compression(coils, 3)
    >>> found.matrix.shape, round(found.energy, 6)
    ((3, 3), 1.0)
    """
    n_coils, columns = kspace.shape[-3], kspace.shape[-1]
    if n_virtual < 1 or (n_virtual > n_coils and not pad):
        raise ConfigError(
            "compression",
            f"{n_virtual} virtual coils are asked for but {n_coils} were measured",
            expected=f"1 to {n_coils}",
            fix=f"n_virtual={n_coils}, or pad=True to fill up with empty coils",
        )
    first = max(0, (columns - n_center + 1) // 2)  # as the masks place them
    samples = np.moveaxis(kspace[..., first : first + n_center], -3, -1).reshape(-1, n_coils)
    if not np.isfinite(samples).all() or not np.abs(samples).max(initial=0.0) > 0:
        raise NumericsError("compression", f"the {min(n_center, columns)} central columns of k-space are empty or not finite", expected="measured samples")
    _, size, right = np.linalg.svd(samples.conj().T @ samples, hermitian=True)
    kept = min(n_virtual, n_coils)
    matrix = right.conj().T[:, :kept]
    largest = matrix[np.abs(matrix).argmax(axis=0), np.arange(kept)]
    matrix = matrix * (np.abs(largest) / largest)
    full = np.zeros((n_coils, n_virtual), complex)
    full[:, :kept] = matrix
    return Compression(full.astype(kspace.dtype if np.iscomplexobj(kspace) else complex), float(size[:kept].sum() / size.sum()))


def _plane(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns from -1 to 1."""
    y, x = np.meshgrid(2 * (np.arange(rows) - rows // 2) / rows, 2 * (np.arange(columns) - columns // 2) / columns, indexing="ij")
    return y, x
