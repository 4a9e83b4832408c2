"""A multi-scale retina: concentric square glimpses, each twice as wide and half as sharp as the one inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurodyn.errors import NumericsError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["glimpse", "pyramid", "scale_extent"]


def pyramid(images: Tensor, n_scales: int, *, anti_alias: bool = True) -> list[Tensor]:
    """Blur and halve the images once for each scale, so that every later glimpse is a cheap look-up.

    Parameters
    ----------
    images : Tensor, (batch, channel, row, column)
        Sides divisible by ``2 ** (n_scales - 1)``.
    n_scales : int
    anti_alias : bool
        Average over ``2 ** k`` pixels for scale k; without it every scale reads the full-resolution image, as the released code
        of Gaussian RAM does, and coarse scales alias.

    Returns
    -------
    list of Tensor
        One for each scale, fine to coarse.

    Raises
    ------
    NumericsError
        If the image cannot be halved that often.

    Examples
    --------
    >>> import torch
    >>> [tuple(level.shape[-2:]) for level in pyramid(torch.zeros(1, 1, 64, 64), 3)]
    [(64, 64), (32, 32), (16, 16)]
    """
    import torch.nn.functional as F

    rows, columns = images.shape[-2:]
    factor = 2 ** (n_scales - 1)
    if not anti_alias:
        return [images] * n_scales
    if rows % factor or columns % factor:
        raise NumericsError(
            "retina.pyramid",
            f"images of {rows} x {columns} pixels cannot be halved {n_scales - 1} times",
            expected=f"sides divisible by {factor}",
            fix=f"neurodyn.stimuli.resize.resize(stimuli, {max(factor, rows // factor * factor)})",
        )
    return [images if k == 0 else F.avg_pool2d(images, 2**k) for k in range(n_scales)]


def glimpse(levels: list[Tensor], gaze: Tensor, *, size: int) -> Tensor:
    """Sample a square glimpse around the gaze at every scale.

    Scale k spans ``2**k * size * n / (n - 1)`` pixels of an image n pixels wide (the released code's gain, with pixel centres at
    half-integers), sampled bilinearly on ``size x size`` points; zero outside the image.

    Parameters
    ----------
    levels : list of Tensor, each (batch, channel, row, column)
        From :func:`pyramid`; the first is the image itself.
    gaze : Tensor, (batch, 2)
        (x, y) in [-1, 1], the centre of the image at 0.
    size : int
        Samples along each side.

    Returns
    -------
    Tensor, (batch, scale * channel, row, column)
        Fine to coarse; differentiable in the image and the gaze.

    Raises
    ------
    NumericsError
        If the image is smaller than the finest glimpse, or a gaze lies outside [-1, 1].

    Examples
    --------
    >>> import torch
    >>> glimpse(pyramid(torch.ones(2, 3, 64, 64), 3), torch.zeros(2, 2), size=12).shape
    torch.Size([2, 9, 12, 12])
    """
    import torch
    import torch.nn.functional as F

    rows, columns = levels[0].shape[-2:]
    if min(rows, columns) < size:
        raise NumericsError(
            "retina.glimpse",
            f"images of {rows} x {columns} pixels are smaller than a glimpse of {size}",
            expected=f"at least {size} pixels a side",
            fix="a smaller glimpse_size",
        )
    if not bool((gaze.detach().abs() <= 1).all()):
        outside = int((~(gaze.detach().abs() <= 1)).any(dim=1).sum())
        raise NumericsError("retina.glimpse", f"{outside} of {len(gaze)} gazes lie outside the image", expected="(x, y) in [-1, 1]", fix="gaze.clamp(-1, 1)")
    centre = torch.linspace(-1, 1, 2 * size + 1, dtype=gaze.dtype, device=gaze.device)[1::2]
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    offsets = torch.stack([x, y], dim=-1)[None]
    patches = []
    for k, level in enumerate(levels):
        gain = torch.tensor([size / (columns - 1), size / (rows - 1)], dtype=gaze.dtype, device=gaze.device) * 2**k
        grid = offsets * gain + gaze[:, None, None, :]
        patches.append(F.grid_sample(level, grid, mode="bilinear", padding_mode="zeros", align_corners=False))
    return torch.cat(patches, dim=1)


def scale_extent(size: int, image_size: int, scale: int) -> float:
    """Width of the glimpse at one scale, in pixels of the image.

    Examples
    --------
    >>> [round(scale_extent(12, 128, k), 2) for k in range(4)]
    [12.09, 24.19, 48.38, 96.76]
    """
    return 2**scale * size * image_size / (image_size - 1)
