"""How close a reconstruction comes: NMSE, PSNR and SSIM as fastMRI defines them.

All three are of a volume: errors are summed over its slices, and the data range is the maximum of the target volume.  SSIM is the mean over
slices and pixels of the index with a uniform 7 x 7 window that lies inside the image, K1 = 0.01, K2 = 0.03 and unbiased covariances
(Wang et al. 2004; Zbontar et al. 2018, arXiv 1811.08839).  A range of one slice, or of a normalised image, gives other numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import NumericsError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["nmse", "psnr", "ssim", "ssim_map"]

WINDOW, K1, K2 = 7, 0.01, 0.03


def nmse(target: np.ndarray, image: np.ndarray) -> float:
    """Normalised mean squared error, |target - image|^2 / |target|^2 over the volume.

    Parameters
    ----------
    target, image : array, ([slice,] row, column)
        Magnitudes.

    Examples
    --------
    >>> nmse(np.ones((8, 8)), np.zeros((8, 8)))
    1.0
    """
    target, image = _pair("nmse", target, image)
    return float(((target - image) ** 2).sum() / (target**2).sum())


def psnr(target: np.ndarray, image: np.ndarray, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio, 10 log10(range^2 / MSE) in dB; the range is the volume's maximum when absent.

    Examples
    --------
    >>> psnr(np.ones((8, 8)), np.full((8, 8), 0.9))
    20.0
    """
    target, image = _pair("psnr", target, image)
    top = float(target.max()) if data_range is None else float(data_range)
    error = float(((target - image) ** 2).mean())
    return float("inf") if error == 0 else round(10 * float(np.log10(top**2 / error)), 12)


def ssim(target: np.ndarray, image: np.ndarray, data_range: float | None = None) -> float:
    """Structural similarity, mean over slices and windows; the range is the volume's maximum when absent.

    Raises
    ------
    NumericsError
        For images smaller than the window of 7 pixels.

    Examples
    --------
    >>> ssim(np.eye(8), np.eye(8))
    1.0
    """
    import torch

    target, image = _pair("ssim", target, image)
    top = float(target.max()) if data_range is None else float(data_range)
    a, b = (torch.from_numpy(np.ascontiguousarray(v)).reshape(-1, 1, *v.shape[-2:]) for v in (target, image))
    return float(ssim_map(a, b, torch.full((len(a),), top, dtype=a.dtype)).mean())


def ssim_map(target: Tensor, image: Tensor, data_range: Tensor) -> Tensor:
    """The index at every window that lies inside the image; gradients flow.

    Parameters
    ----------
    target, image : Tensor, (slice, 1, row, column)
    data_range : Tensor, (slice)

    Returns
    -------
    Tensor, (slice, 1, row - 6, column - 6)
    """
    import torch
    import torch.nn.functional as F

    if min(target.shape[-2:]) < WINDOW:
        raise NumericsError("ssim", f"images of {target.shape[-2]} x {target.shape[-1]} pixels", expected=f"{WINDOW} x {WINDOW} or more")
    top = data_range.reshape(-1, 1, 1, 1)
    c1, c2 = (K1 * top) ** 2, (K2 * top) ** 2
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    together = torch.cat([target, image, target * target, image * image, target * image], dim=1)
    ux, uy, uxx, uyy, uxy = F.avg_pool2d(together, WINDOW, stride=1).split(1, dim=1)
    vx, vy, vxy = unbiased * (uxx - ux * ux), unbiased * (uyy - uy * uy), unbiased * (uxy - ux * uy)
    return ((2 * ux * uy + c1) * (2 * vxy + c2)) / ((ux * ux + uy * uy + c1) * (vx + vy + c2))


def _pair(where: str, target: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    target, image = np.asarray(target, float), np.asarray(image, float)
    if target.shape != image.shape or target.ndim not in (2, 3):
        raise NumericsError(where, f"shapes are {target.shape} and {image.shape}", expected="two volumes ([slice,] row, column) of one shape")
    if not (np.isfinite(target).all() and np.isfinite(image).all()):
        raise NumericsError(where, "a volume holds NaN or infinity", expected="finite magnitudes")
    if not target.max() > 0:
        raise NumericsError(where, "the target is zero everywhere", expected="a target with signal")
    return target, image
