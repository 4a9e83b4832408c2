"""Convolutions with TensorFlow's "SAME" padding and initialisers that draw from a named generator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.errors import ConfigError, unknown_name

__all__ = ["ACTIVATIONS", "Convolution", "Init", "MapNorm", "activation", "convolve_together", "same_padding"]

Init = Literal["glorot", "truncated", "normal"]
_TRUNCATED_SHRINK = 0.87962566103423978  # standard deviation of a unit normal cut at two sigma

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "elu": F.elu,
    "relu": F.relu,
    "relu6": F.relu6,
    "clip": lambda x: x.clamp(0.0, 1.0),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "none": lambda x: x,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The pointwise function of that name.

    Raises
    ------
    ConfigError
        If the name is not one of ``ACTIVATIONS``.
    """
    if name not in ACTIVATIONS:
        raise unknown_name("neurodyn.cells", "activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]


def same_padding(size: int, kernel: int, stride: int = 1) -> tuple[int, int]:
    """Pixels to pad before and after an axis so that the output has ceil(size / stride) samples.

    Examples
    --------
    >>> same_padding(224, 7, 2), same_padding(8, 2), same_padding(8, 3)
    ((2, 3), (0, 1), (1, 1))
    """
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Convolution(nn.Module):
    """A convolution, dense or depthwise-separable, whose output keeps the size of its input divided by the stride.

    Parameters
    ----------
    n_inputs, n_channels : int
    kernel : int
        Width of the square kernel in pixels; even kernels pad one more pixel on the right and the bottom.
    stride : int
    bias : float or None
        Initial value of the bias; None builds no bias.
    separable : bool
        A depthwise kernel (no bias) followed by a 1 x 1 convolution.
    init : {"glorot", "truncated", "normal"}
        Uniform with limit sqrt(6 / (fan_in + fan_out)); normal cut at two sigma with variance `scale` / fan_in; normal with
        standard deviation `scale`.
    scale : float
    depthwise_fan_in : {"tensorflow", "channel"}
        Fan-in of a depthwise kernel: kernel^2 times the channels (as released, so that separable gates begin near zero), or
        kernel^2.
    generator : torch.Generator

    Examples
    --------
    >>> from neurodyn.seeding import torch_generator
    >>> conv = Convolution(3, 4, 2, generator=torch_generator(0, "conv"))
    >>> tuple(conv(torch.zeros(1, 3, 5, 5)).shape)
    (1, 4, 5, 5)
    """

    def __init__(
        self,
        n_inputs: int,
        n_channels: int,
        kernel: int = 3,
        *,
        stride: int = 1,
        bias: float | None = 0.0,
        separable: bool = False,
        init: Init = "glorot",
        scale: float = 1.0,
        depthwise_fan_in: Literal["tensorflow", "channel"] = "tensorflow",
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        if min(n_inputs, n_channels, kernel, stride) < 1:
            raise ConfigError(
                "Convolution",
                f"{n_inputs} inputs, {n_channels} channels, kernel {kernel}, stride {stride}",
                expected="each 1 or more",
            )
        self.kernel, self.stride, self.n_inputs, self.n_channels = kernel, stride, n_inputs, n_channels
        self.depthwise: nn.Parameter | None = None
        width = kernel
        if separable:
            fans = (kernel**2 * (n_inputs if depthwise_fan_in == "tensorflow" else 1), kernel**2)
            self.depthwise = nn.Parameter(_draw((n_inputs, 1, kernel, kernel), fans, init, scale, generator))
            width = 1
        fans = (n_inputs * width**2, n_channels * width**2)
        self.weight = nn.Parameter(_draw((n_channels, n_inputs, width, width), fans, init, scale, generator))
        self.bias = None if bias is None else nn.Parameter(torch.full((n_channels,), float(bias)))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (batch, channel, row, column)."""
        if self.depthwise is not None:
            x = _convolve(x, self.depthwise, None, self.kernel, self.stride, groups=self.n_inputs)
            return F.conv2d(x, self.weight, self.bias)
        return _convolve(x, self.weight, self.bias, self.kernel, self.stride)


class MapNorm(nn.Module):
    """Layer norm over channel, row and column together, with one gain and one offset a channel.

    Parameters
    ----------
    n_channels : int
    epsilon : float
    """

    def __init__(self, n_channels: int, epsilon: float = 1e-12) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(n_channels))
        self.offset = nn.Parameter(torch.zeros(n_channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (batch, channel, row, column)."""
        variance, mean = torch.var_mean(x, dim=(1, 2, 3), keepdim=True, correction=0)
        return (x - mean) * torch.rsqrt(variance + self.epsilon) * self.gain[:, None, None] + self.offset[:, None, None]


def convolve_together(x: Tensor, layers: Sequence[Convolution]) -> list[Tensor]:
    """Several convolutions of one input, as one where they are dense and of one kernel size and stride: the same numbers, fewer calls."""
    first = layers[0]
    alike = all(m.depthwise is None and (m.kernel, m.stride, m.bias is None) == (first.kernel, first.stride, first.bias is None) for m in layers)
    if len(layers) == 1 or not alike:
        return [m(x) for m in layers]
    bias = None if first.bias is None else torch.cat([m.bias for m in layers if m.bias is not None])
    together = _convolve(x, torch.cat([m.weight for m in layers]), bias, first.kernel, first.stride)
    return list(together.split([m.n_channels for m in layers], dim=1))


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, kernel: int, stride: int, groups: int = 1) -> Tensor:
    top, bottom = same_padding(x.shape[-2], kernel, stride)
    left, right = same_padding(x.shape[-1], kernel, stride)
    if top == bottom and left == right:
        return F.conv2d(x, weight, bias, stride=stride, padding=(top, left), groups=groups)
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight, bias, stride=stride, groups=groups)


def _draw(shape: tuple[int, ...], fans: tuple[int, int], init: str, scale: float, generator: torch.Generator) -> Tensor:
    values = torch.empty(shape)
    if init == "glorot":
        limit = math.sqrt(6.0 / sum(fans))
        return values.uniform_(-limit, limit, generator=generator)
    if init == "normal":
        return values.normal_(0.0, scale, generator=generator)
    if init == "truncated":
        sigma = math.sqrt(scale / fans[0]) / _TRUNCATED_SHRINK
        return nn.init.trunc_normal_(values, 0.0, sigma, -2 * sigma, 2 * sigma, generator=generator)
    raise unknown_name("Convolution", "init", init, ("glorot", "truncated", "normal"))
