"""What networks that reconstruct images from partial k-space share: the frame, its encoding, and the state that carries its scale.

A frame is a dict of ``kspace``, (2 * coil, row, column), centred k-space as real channels, and ``mask``, (1, row, column), 1 where it was
measured.  Encoding divides by the largest root-sum-of-squares of the zero-filled image and turns each coil by its mean phase, so that every
network sees images of unit size that are real on average; readouts undo both, so that they are in the units of the measurement.  Both commute
with the Fourier transform, so that data consistency stays exact.  This normalisation is our choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from neurodyn.errors import ModelError
from neurodyn.numerics.fourier import as_channels, as_complex, ifft2c, rss
from neurodyn.numerics.sampling_masks import check_mask

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive

__all__ = ["blank_frame", "consistent", "encode_measurement", "in_units", "initialise"]


def blank_frame(n_coils: int, image_size: tuple[int, int], like: Tensor) -> dict[str, Tensor]:
    """A black image, fully measured: there is no frame without a measurement."""
    return {"kspace": like.new_zeros(2 * n_coils, *image_size), "mask": like.new_ones(1, *image_size)}


def encode_measurement(frame: dict[str, Tensor], n_coils: int, *, where: str) -> Drive:
    """Zero-filled image, missing samples and scale of each frame.

    Returns
    -------
    dict
        ``x0``, (batch, 2 * coil, row, column), of unit size; ``missing``, (batch, 1, row, column), 1 where a sample was not measured, with
        frequency zero in the corner; ``scale``, (batch, 2 * coil, 1, 1), the complex number by which each coil of `x0` is to be multiplied.

    Raises
    ------
    ModelError
        For a frame of another form or number of coils.
    NumericsError
        If a mask measures nothing.
    """
    if not isinstance(frame, dict) or not {"kspace", "mask"} <= set(frame):
        raise ModelError(where, "the frame is not a dict with `kspace` and `mask`", expected="measurement and mask", fix='{"kspace": y, "mask": mask}')
    kspace, mask = frame["kspace"], frame["mask"]
    if kspace.dim() != 4 or kspace.shape[1] != 2 * n_coils or mask.shape != (len(kspace), 1, *kspace.shape[-2:]):
        raise ModelError(
            where,
            f"`kspace` has shape {tuple(kspace.shape)} and `mask` {tuple(mask.shape)}",
            expected=f"(batch, {2 * n_coils}, row, column), real and imaginary parts of {n_coils} coils, and (batch, 1, row, column)",
            fix="neurodyn.numerics.coils.compression(kspace, n_coils)",
        )
    mask = (mask > 0.5).to(kspace.dtype)
    check_mask(mask, where=where)
    zero_filled = as_channels(ifft2c(mask * as_complex(kspace)))
    top = rss(zero_filled).amax(dim=(-2, -1))[:, None, None, None]
    top = torch.where(top > 0, top, torch.ones_like(top))
    coils = as_complex(zero_filled / top)
    mean = (coils * coils.abs()).sum(dim=(-2, -1), keepdim=True)
    size = mean.abs()
    phase = torch.where(size > 0, mean / size.clamp_min(torch.finfo(size.dtype).tiny), torch.ones_like(mean))
    scale = as_channels(top * phase)
    return {"x0": as_channels(coils * phase.conj()), "missing": torch.fft.ifftshift(1 - mask, dim=(-2, -1)), "scale": scale}


def consistent(image: Tensor, drive: Drive) -> Tensor:
    """Hard data consistency, x0 + F^-1 (1 - D) F image: x0 holds the measured frequencies and nothing else.

    The second term is a circular convolution, which does not ask where the origin is, so the transforms need not be centred.
    """
    spectrum = torch.fft.fft2(as_complex(image), norm="ortho")
    return drive["x0"] + as_channels(torch.fft.ifft2(drive["missing"] * spectrum, norm="ortho"))


def in_units(image: Tensor, scale: Tensor) -> Tensor:
    """Images as the network sees them, in the units of the measurement: coil by coil times the complex `scale`."""
    return as_channels(as_complex(image) * as_complex(scale))


def initialise(network: nn.Module, seed: int, family: str, *, damped: tuple[str, ...] = (), damping: float = 0.1) -> None:
    """He's initialisation, each weight tensor from a stream of its own name; biases 0.

    Parameters
    ----------
    network : nn.Module
    seed : int
    family : str
        Name of the streams.
    damped : tuple of str
        Endings of the names of layers whose weights are multiplied by `damping`: those that end a residual branch or an image, so that an untrained
        network gives about the zero-filled image after any number of iterations, instead of one that grows with every one.
    damping : float
    """
    from neurodyn.seeding import torch_generator

    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.dim() == 4:
                module = network.get_submodule(name.rpartition(".")[0])
                transposed = isinstance(module, nn.ConvTranspose2d)
                stride = module.stride[0] if isinstance(module, nn.ConvTranspose2d) else 1
                fan_in = (weight.shape[0] if transposed else weight.shape[1]) * weight.shape[2] * weight.shape[3] / stride**2
                gain = (2.0 / fan_in) ** 0.5 * (damping if name.removesuffix(".weight").endswith(damped) else 1.0)
                weight.copy_(torch.randn(weight.shape, generator=torch_generator(seed, family, name)) * gain)
            elif name.endswith("bias"):
                weight.zero_()
