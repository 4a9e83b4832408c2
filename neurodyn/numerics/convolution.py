"""Convolutions with zero padding as matrices: written out where small, and their spectral radius where large."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["conv_matrix", "conv_spectral_radius"]


def conv_matrix(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """The matrix of a stride-1 convolution with zero padding.

    Parameters
    ----------
    kernel : Tensor, (out, in, row, column)
        Odd-sized; padding is half its size.
    size : (int, int)
        Rows and columns of the map.

    Returns
    -------
    Tensor, (out * rows * columns, in * rows * columns)
        Acts on maps flattened in the order channel, row, column.

    Examples
    --------
    >>> import torch
    >>> conv_matrix(torch.tensor([[[[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]]]), (1, 3))
    tensor([[2., 3., 0.],
            [1., 2., 3.],
            [0., 1., 2.]])
    """
    import torch
    import torch.nn.functional as F

    n_in, (rows, columns) = kernel.shape[1], size
    n = n_in * rows * columns
    basis = torch.eye(n, dtype=kernel.dtype, device=kernel.device).reshape(n, n_in, rows, columns)
    pad = (kernel.shape[-2] // 2, kernel.shape[-1] // 2)
    return F.conv2d(basis, kernel, padding=pad).reshape(n, -1).T


def conv_spectral_radius(kernel: Tensor, size: tuple[int, int], *, shift: float = 0.0, scale: float = 1.0, n_iterations: int = 60, seed: int) -> float:
    """Spectral radius of ``shift * I + scale * K`` by the growth of an iterated vector.

    Works for complex leading pairs too: the growth is averaged over the second half of the iterations.

    Parameters
    ----------
    kernel : Tensor, (channel, channel, row, column)
    size : (int, int)
        Rows and columns of the map.
    n_iterations : int
        Each one convolution; the error falls as 1 / n_iterations, or faster where one mode leads.
    seed : int
        Of the start vector.

    Returns
    -------
    float
        For a dense check see :func:`conv_matrix`.
    """
    import torch
    import torch.nn.functional as F

    x = torch.randn((1, kernel.shape[1], *size), generator=torch_generator(seed, "radius"), dtype=torch.float32).to(kernel)
    pad = (kernel.shape[-2] // 2, kernel.shape[-1] // 2)
    logs = 0.0
    with torch.no_grad():
        for k in range(n_iterations):
            x = shift * x + scale * F.conv2d(x, kernel, padding=pad)
            norm = float(x.norm())
            if norm == 0.0:
                return 0.0
            x = x / norm
            if k >= n_iterations // 2:
                logs += torch.log(torch.tensor(norm)).item()
    return float(torch.exp(torch.tensor(logs / (n_iterations - n_iterations // 2))))
