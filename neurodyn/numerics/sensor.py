"""A moving grid of receptors: images and positions in, low-resolution frames out.

A sensor of `resolution` x `resolution` receptors covers a square field of `field_px` pixels.  Along one axis receptor i of a
field centred at c looks at

    u_i = c + (i - (resolution - 1) / 2) * field_px / resolution

and its output is the weighted sum of the pixels around u_i.  Both axes are separable, so a frame is R S C' with one small
matrix an axis; what falls outside the image sees the padding colour.  Any position is allowed, whole or fractional, and
gradients reach the image and the position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neurodyn.errors import NumericsError, first_of, unknown_name

__all__ = ["KERNELS", "axis_weights", "check_positions", "receptor_centres", "sample"]

_SHARPNESS = -0.75  # of the cubic convolution kernel, as in OpenCV and torch


def _cubic(distance: Tensor, pitch: float) -> Tensor:
    d, a = distance.abs(), _SHARPNESS
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, torch.where(d < 2, far, torch.zeros_like(d)))


def _linear(distance: Tensor, pitch: float) -> Tensor:
    return (1 - distance.abs()).clamp_min(0)


def _area(distance: Tensor, pitch: float) -> Tensor:
    return ((pitch / 2 + 0.5 - distance.abs()).clamp_min(0).clamp_max(min(1.0, pitch))) / pitch


KERNELS: dict[str, Callable[[Tensor, float], Tensor]] = {"cubic": _cubic, "linear": _linear, "area": _area}


def sample(
    images: Tensor,
    positions: Tensor,
    *,
    resolution: int = 8,
    field_px: float = 32.0,
    padding: float | Sequence[float] | Tensor = 0.0,
    margin_px: float | None = 100.0,
    kernel: str = "cubic",
    uneven: bool = False,
) -> Tensor:
    """Look at images through a moving low-resolution sensor.

    Parameters
    ----------
    images : Tensor, (batch, channel, row, column)
    positions : Tensor, (batch, frame, 2)
        Centre of the field in pixels from the centre of the image: to the right, and up.  Fractions are allowed.
    resolution : int
        Receptors along one side.
    field_px : float
        Width of the field of view in pixels.
    padding : float or (channel)
        Colour of the scene around the image, explicit because it is part of the stimulus.
    margin_px : float, optional
        How far the scene goes on around the image; the field must stay inside it.  None: for ever.
    kernel : {"cubic", "linear", "area"}
        ``cubic`` and ``linear`` look at points, without anti-aliasing: motion then carries the detail that the pitch of the receptors
        cannot; ``area`` averages over the receptor's square.
    uneven : bool
        Allow a field that `resolution` does not divide: receptors then sit at different fractions of a pixel.

    Returns
    -------
    Tensor, (batch, frame, channel, resolution, resolution)

    Raises
    ------
    NumericsError
        For other shapes, positions that are not finite or leave the scene, a resolution that does not divide the field, or an
        unknown kernel.

    Notes
    -----
    With ``resolution=8, field_px=32`` the cubic weights are those of a stride-4 convolution with the separable taps
    (-0.09375, 0.59375, 0.59375, -0.09375).

    Examples
    --------
    >>> sample(torch.ones(1, 3, 32, 32), torch.zeros(1, 5, 2)).shape
    torch.Size([1, 5, 3, 8, 8])
    >>> far = sample(torch.zeros(1, 1, 32, 32), torch.tensor([[[40.0, 0.0]]]), padding=0.5)
    >>> bool((far == 0.5).all())
    True
    """
    _check_images(images, positions)
    if kernel not in KERNELS:
        raise unknown_name("sensor.sample", "kernel", kernel, KERNELS)
    _check_resolution(resolution, field_px, uneven)
    n_rows, n_columns = images.shape[-2:]
    check_positions(positions, (n_rows, n_columns), field_px=field_px, margin_px=margin_px)
    positions = positions.to(images.dtype)
    row = axis_weights(n_rows, -positions[..., 1], resolution=resolution, field_px=field_px, kernel=kernel)
    column = axis_weights(n_columns, positions[..., 0], resolution=resolution, field_px=field_px, kernel=kernel)
    colour = _colour(padding, images)
    inside = images - colour
    half = torch.einsum("btrh,bchw->btcrw", row, inside)
    return torch.einsum("btcrw,btkw->btcrk", half, column) + colour


def axis_weights(n_pixels: int, centres: Tensor, *, resolution: int, field_px: float, kernel: str = "cubic") -> Tensor:
    """What each receptor of one axis takes from each pixel.

    Parameters
    ----------
    n_pixels : int
    centres : Tensor, (...)
        Centre of the field in pixels from the centre of the axis.
    resolution : int
    field_px : float
    kernel : {"cubic", "linear", "area"}

    Returns
    -------
    Tensor, (..., resolution, n_pixels)
        Rows of receptors that are wholly inside sum to 1; the missing weight sees the padding.
    """
    u = receptor_centres(centres, resolution=resolution, field_px=field_px)
    pixel = torch.arange(n_pixels, dtype=centres.dtype, device=centres.device) - (n_pixels - 1) / 2
    return KERNELS[kernel](u[..., None] - pixel, field_px / resolution)


def receptor_centres(centres: Tensor, *, resolution: int, field_px: float) -> Tensor:
    """Where the receptors of one axis look, in the pixels of `centres`, (..., resolution)."""
    grid = torch.arange(resolution, dtype=centres.dtype, device=centres.device) - (resolution - 1) / 2
    return centres[..., None] + grid * (field_px / resolution)


def check_positions(positions: Tensor, size: tuple[int, int], *, field_px: float, margin_px: float | None) -> None:
    """Refuse positions that are not finite, or whose field leaves the scene."""
    finite = torch.isfinite(positions).flatten(1).all(dim=1)
    if not bool(finite.all()):
        bad = torch.nonzero(~finite).flatten().tolist()
        raise NumericsError("sensor.sample", f"`positions` are not finite in {len(bad)} of {len(positions)} trajectories ({first_of(bad)})")
    if margin_px is None:
        return
    reach = [n / 2 + margin_px - field_px / 2 for n in (size[1], size[0])]
    outside = ((positions[..., 0].abs() > reach[0] + 1e-6) | (positions[..., 1].abs() > reach[1] + 1e-6)).any(dim=1)
    if bool(outside.any()):
        bad = torch.nonzero(outside).flatten().tolist()
        raise NumericsError(
            "sensor.sample",
            f"the field of view leaves the scene in {len(bad)} of {len(positions)} trajectories ({first_of(bad)}); "
            f"the farthest position is {float(positions.abs().max()):g} px",
            expected=f"positions within {reach[0]:g} px horizontally and {reach[1]:g} px vertically of the centre",
            fix=f"margin_px={float(positions.abs().max()) + field_px / 2:.0f} (a larger scene), or positions.clamp({-reach[0]:g}, {reach[0]:g})",
        )


def _check_images(images: Tensor, positions: Tensor) -> None:
    if images.dim() != 4 or not images.is_floating_point():
        raise NumericsError(
            "sensor.sample", f"`images` has shape {tuple(images.shape)} and dtype {images.dtype}", expected="floating (batch, channel, row, column)"
        )
    if positions.dim() != 3 or positions.shape[-1] != 2:
        raise NumericsError("sensor.sample", f"`positions` has shape {tuple(positions.shape)}", expected="(batch, frame, 2): right and up in pixels")
    if len(positions) != len(images):
        raise NumericsError("sensor.sample", f"{len(images)} images for {len(positions)} trajectories", expected="one trajectory an image")


def _check_resolution(resolution: int, field_px: float, uneven: bool) -> None:
    if resolution < 1 or not field_px > 0:
        raise NumericsError("sensor.sample", f"`resolution` is {resolution} and `field_px` is {field_px}", expected="both above 0")
    if not uneven and field_px % resolution:
        divisors = [k for k in range(1, int(field_px) + 1) if field_px % k == 0]
        near = sorted(divisors, key=lambda k: abs(k - resolution))[:3]
        raise NumericsError(
            "sensor.sample",
            f"a field of {field_px:g} px does not divide into {resolution} receptors ({field_px / resolution:.4g} px each)",
            expected=f"a resolution that divides the field, such as {', '.join(map(str, sorted(near)))}",
            fix="uneven=True, to let the receptors sit at different fractions of a pixel",
        )


def _colour(padding: float | Sequence[float] | Tensor, images: Tensor) -> Tensor:
    colour = torch.as_tensor(padding, dtype=images.dtype, device=images.device).reshape(-1)
    if len(colour) not in (1, images.shape[1]):
        raise NumericsError("sensor.sample", f"`padding` has {len(colour)} values for {images.shape[1]} channels", expected="one value, or one a channel")
    return colour[:, None, None]
