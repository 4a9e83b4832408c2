"""Changes to a batch of training images: random crops, and two images mixed into one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neurodyn.errors import ConfigError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["cut_or_mix", "random_crops"]


def random_crops(
    frames: Tensor, generator: torch.Generator, *, area: tuple[float, float] = (0.08, 1.0), aspect: tuple[float, float] = (3 / 4, 4 / 3)
) -> Tensor:
    """Crop a random rectangle of each image and scale it back to the full size (bilinear).

    Parameters
    ----------
    frames : Tensor, (batch, channel, row, column)
    generator : torch.Generator
        On the CPU, wherever the frames are.
    area : (float, float)
        Smallest and largest share of the image.
    aspect : (float, float)
        Smallest and largest width over height, drawn evenly on a log scale.

    Returns
    -------
    Tensor, (batch, channel, row, column)

    Raises
    ------
    ConfigError
        If `area` is not inside (0, 1].

    Examples
    --------
    >>> import torch
    >>> random_crops(torch.rand(2, 3, 8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3, 8, 8])
    """
    import torch
    import torch.nn.functional as F

    if not 0 < area[0] <= area[1] <= 1:
        raise ConfigError("random_crops", f"`area` is {area}", expected="shares of the image, smaller one first, above 0 and up to 1")
    rows, columns = frames.shape[-2:]
    out = []
    for frame, (a, b, c, d) in zip(frames, torch.rand((len(frames), 4), generator=generator).tolist(), strict=True):
        share = area[0] + a * (area[1] - area[0])
        ratio = math.exp(math.log(aspect[0]) + b * (math.log(aspect[1]) - math.log(aspect[0])))
        height = min(rows, max(1, round(rows * math.sqrt(share / ratio))))
        width = min(columns, max(1, round(columns * math.sqrt(share * ratio))))
        top, left = int(c * (rows - height + 1)), int(d * (columns - width + 1))
        piece = frame[None, :, top : top + height, left : left + width]
        out.append(F.interpolate(piece, size=(rows, columns), mode="bilinear", align_corners=False, antialias=True))
    return torch.cat(out)


def cut_or_mix(frames: Tensor, labels: Tensor, n_classes: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """CutMix or MixUp, one of the two for the whole batch with equal probability; every image is paired with the one before it.

    Parameters
    ----------
    frames : Tensor, (batch, channel, row, column)
    labels : Tensor, (batch) of int64
    n_classes : int
    generator : torch.Generator
        On the CPU, wherever the frames are.

    Returns
    -------
    frames : Tensor, (batch, channel, row, column)
        CutMix (Yun et al. 2019): a rectangle of the partner, its share of the area 1 - lambda before it is clipped at the border; MixUp (Zhang et
        al. 2018): the weighted mean of both.  lambda is uniform in [0, 1], that is Beta(1, 1).
    labels : Tensor, (batch, class) of float
        Weighted in the same way.

    Examples
    --------
    >>> import torch
    >>> _, soft = cut_or_mix(torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0]), 3, torch.Generator().manual_seed(0))
    >>> soft.sum(1).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    import torch
    import torch.nn.functional as F

    which, keep, y, x = torch.rand(4, generator=generator).tolist()
    partner, soft = frames.roll(1, 0), F.one_hot(labels, n_classes).to(frames.dtype)
    if which < 0.5:
        frames = keep * frames + (1 - keep) * partner
    else:
        rows, columns = frames.shape[-2:]
        half = 0.5 * math.sqrt(1 - keep)
        top, bottom = (round(min(max(y + s * half, 0), 1) * rows) for s in (-1, 1))
        left, right = (round(min(max(x + s * half, 0), 1) * columns) for s in (-1, 1))
        frames = frames.clone()
        frames[..., top:bottom, left:right] = partner[..., top:bottom, left:right]
        keep = 1 - (bottom - top) * (right - left) / (rows * columns)
    return frames, keep * soft + (1 - keep) * soft.roll(1, 0)
