"""Feed-forward classifiers cut in two: a front end up to a map of features, and a back end from the map to the classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures._resnet50 import resnet50_back, resnet50_front
from neurodyn.cells._convolution import Convolution
from neurodyn.errors import unknown_name

__all__ = ["KINDS", "ChannelNorm", "Kind", "build_back", "build_front", "dense", "kind_of"]


@dataclass(frozen=True)
class Kind:
    """A teacher's topology.

    Attributes
    ----------
    front : callable
        ``front(n_colours, generator)`` to the map of features.
    back : callable
        ``back(n_features, n_classes, generator)`` from the map to the logits.
    n_features : int
        Channels of the map.
    image_px, map_px : int
        Sides of the image the front end takes and of the map it gives.
    upsample : int
        Nearest-neighbour enlargement of a 32-pixel image before the front end.
    """

    front: Callable[[int, torch.Generator], nn.Module]
    back: Callable[[int, int, torch.Generator], nn.Module]
    n_features: int
    image_px: int = 32
    map_px: int = 8
    upsample: int = 1


class ChannelNorm(nn.Module):
    """Layer norm over the channels at every pixel, (batch, channel, row, column)."""

    def __init__(self, n_channels: int, epsilon: float = 1e-3) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(n_channels))
        self.offset = nn.Parameter(torch.zeros(n_channels))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each pixel's channels to mean 0 and variance 1, then apply gain and offset."""
        variance, mean = torch.var_mean(x, dim=1, keepdim=True, correction=0)
        return (x - mean) * torch.rsqrt(variance + self.epsilon) * self.gain[:, None, None] + self.offset[:, None, None]


class _Residual(nn.Module):
    def __init__(self, n: int, inner: int, generator: torch.Generator) -> None:
        super().__init__()
        self.norm = ChannelNorm(n)
        self.convs = nn.Sequential(*(_conv(a, b, generator) for a, b in ((n, inner), (inner, inner), (inner, n))))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convs(self.norm(x))


def build_front(kind: str, n_colours: int, generator: torch.Generator) -> nn.Module:
    """The front end of a kind: (batch, colour, row, column) to (batch, feature, row, column)."""
    return kind_of(kind).front(n_colours, generator)


def build_back(kind: str, n_classes: int, generator: torch.Generator, n_features: int | None = None) -> nn.Module:
    """The back end of a kind: a map of features to logits, (batch, class)."""
    found = kind_of(kind)
    return found.back(found.n_features if n_features is None else n_features, n_classes, generator)


def kind_of(kind: str) -> Kind:
    """Look a kind up.

    Raises
    ------
    ConfigError
        If it is unknown.
    """
    if kind not in KINDS:
        raise unknown_name("drc", "teacher kind", kind, KINDS)
    return KINDS[kind]


def dense(n_inputs: int, n_outputs: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with Glorot-uniform weights from `generator` and zero bias."""
    layer = nn.utils.skip_init(nn.Linear, n_inputs, n_outputs)
    limit = (6.0 / (n_inputs + n_outputs)) ** 0.5
    with torch.no_grad():
        layer.weight.uniform_(-limit, limit, generator=generator)
        layer.bias.zero_()
    return layer


class _Elu(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.elu(x)


def _conv(n_inputs: int, n_outputs: int, generator: torch.Generator, *, norm: bool = False) -> nn.Sequential:
    parts: list[nn.Module] = [Convolution(n_inputs, n_outputs, 3, generator=generator)]
    return nn.Sequential(*parts, *([nn.BatchNorm2d(n_outputs)] if norm else []), _Elu())


def _two_core_front(n_colours: int, g: torch.Generator) -> nn.Module:
    return nn.Sequential(_conv(n_colours, 24, g), nn.MaxPool2d(2), _conv(24, 32, g), nn.MaxPool2d(2), ChannelNorm(32))


def _two_core_back(n_features: int, n_classes: int, g: torch.Generator) -> nn.Module:
    body = (_conv(n_features, 48, g, norm=True), _conv(48, 48, g, norm=True), nn.MaxPool2d(2), _conv(48, 80, g, norm=True), _conv(80, 80, g, norm=True))
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), dense(80, n_classes, g))


def _v1_front(n_colours: int, g: torch.Generator) -> nn.Module:
    first = (_conv(n_colours, 32, g), _conv(32, 32, g), nn.MaxPool2d(2), nn.Dropout(0.2))
    return nn.Sequential(*first, _conv(32, 64, g), _conv(64, 64, g), nn.MaxPool2d(2), ChannelNorm(64))


def _v2_front(n_colours: int, g: torch.Generator) -> nn.Module:
    first = (_conv(n_colours, 32, g), _conv(32, 64, g), nn.MaxPool2d(2), nn.Dropout(0.2))
    return nn.Sequential(*first, *(_Residual(64, 128, g) for _ in range(3)), nn.MaxPool2d(2), ChannelNorm(64))


def _residual_back(n_blocks: int, n_features: int, n_classes: int, g: torch.Generator) -> nn.Module:
    blocks = (_Residual(n_features, 128, g) for _ in range(n_blocks))
    return nn.Sequential(*blocks, ChannelNorm(n_features), nn.Flatten(), dense(64 * n_features, 128, g), _Elu(), dense(128, n_classes, g))


KINDS: dict[str, Kind] = {
    "two_core": Kind(_two_core_front, _two_core_back, 32),
    "v1": Kind(_v1_front, lambda n, c, g: _residual_back(5, n, c, g), 64),
    "v2": Kind(_v2_front, lambda n, c, g: _residual_back(3, n, c, g), 64),
    "resnet50": Kind(lambda n, g: resnet50_front(n, g), lambda n, c, g: resnet50_back(n, c, g), 64, 32, 56, 7),
}
