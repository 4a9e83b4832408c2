"""ResNet-50 cut after its first pooling layer, with the parameter names of the usual ImageNet checkpoints.

Stride 2 sits in the 3 x 3 convolution of a block.  The head is global average pooling, 1024 and 512 rectified units, classes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.errors import DataError, ModelError, first_of

__all__ = ["load_imagenet", "resnet50_back", "resnet50_front"]

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))  # width, blocks, stride of the first


def _convolution(n_inputs: int, n_outputs: int, kernel: int, stride: int, g: torch.Generator) -> nn.Conv2d:
    layer = nn.utils.skip_init(nn.Conv2d, n_inputs, n_outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
    with torch.no_grad():
        layer.weight.normal_(0.0, (2.0 / (n_outputs * kernel * kernel)) ** 0.5, generator=g)
    return layer


class _Bottleneck(nn.Module):
    def __init__(self, n_inputs: int, width: int, stride: int, g: torch.Generator) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(n_inputs, width, 1, 1, g), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = _convolution(width, width, 3, stride, g), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = _convolution(width, 4 * width, 1, 1, g), nn.BatchNorm2d(4 * width)
        self.downsample: nn.Module | None = None
        if stride != 1 or n_inputs != 4 * width:
            self.downsample = nn.Sequential(_convolution(n_inputs, 4 * width, 1, stride, g), nn.BatchNorm2d(4 * width))

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(F.relu(self.bn2(self.conv2(y)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class _Front(nn.Module):
    def __init__(self, n_colours: int, g: torch.Generator) -> None:
        super().__init__()
        self.conv1, self.bn1 = _convolution(n_colours, 64, 7, 2, g), nn.BatchNorm2d(64)

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)


class _Back(nn.Module):
    def __init__(self, n_features: int, n_classes: int, g: torch.Generator) -> None:
        super().__init__()
        n = n_features
        for k, (width, n_blocks, stride) in enumerate(_STAGES, 1):
            blocks = []
            for b in range(n_blocks):
                blocks.append(_Bottleneck(n, width, stride if b == 0 else 1, g))
                n = 4 * width
            self.add_module(f"layer{k}", nn.Sequential(*blocks))
        self.head = nn.ModuleList(_dense(a, b, g) for a, b in ((n, 1024), (1024, 512), (512, n_classes)))

    def forward(self, x: Tensor) -> Tensor:
        for k in range(1, 5):
            x = getattr(self, f"layer{k}")(x)
        x = x.mean(dim=(-2, -1))
        return self.head[2](F.relu(self.head[1](F.relu(self.head[0](x)))))


def _dense(n_inputs: int, n_outputs: int, g: torch.Generator) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, n_inputs, n_outputs)
    limit = (6.0 / (n_inputs + n_outputs)) ** 0.5
    with torch.no_grad():
        layer.weight.uniform_(-limit, limit, generator=g)
        layer.bias.zero_()
    return layer


def resnet50_front(n_colours: int, g: torch.Generator) -> nn.Module:
    """7 x 7 convolution, batch norm, rectification and max pooling: 224 pixels to a map of 64 x 56 x 56, never negative."""
    return _Front(n_colours, g)


def resnet50_back(n_features: int, n_classes: int, g: torch.Generator) -> nn.Module:
    """The four stages and the head."""
    return _Back(n_features, n_classes, g)


def _read(path: Path) -> Any:
    from pickle import UnpicklingError

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path) if path.suffix == ".safetensors" else torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError) as error:
        raise DataError("load_imagenet", f"{path.name} cannot be read ({str(error).splitlines()[0]})", expected="a whole file of tensors alone") from error


def load_imagenet(front: nn.Module, back: nn.Module, path: str | Path) -> None:
    """Read a user's ImageNet weights into both ends; the classifier of the file is dropped, the head stays as it is.

    Parameters
    ----------
    front, back : nn.Module
        From :func:`resnet50_front` and :func:`resnet50_back`; changed in place.
    path : path
        ``.safetensors``, or a ``.pth`` state dict, with the usual names (``conv1.weight``, ``layer1.0.conv1.weight`` ...).

    Raises
    ------
    DataError
        If the file is missing, torn, or holds anything but a state dict of tensors.
    ModelError
        If names or shapes differ.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError("load_imagenet", f"{path} is missing", expected="ResNet-50 weights as .safetensors or .pth")
    stored = _read(path)
    if not isinstance(stored, dict) or "conv1.weight" not in stored:
        raise DataError("load_imagenet", f"{path.name} holds no `conv1.weight`", expected="a ResNet-50 state dict")
    own = {**front.state_dict(), **{k: v for k, v in back.state_dict().items() if not k.startswith("head.")}}
    wrong = [k for k in own if k not in stored or stored[k].shape != own[k].shape]
    if wrong:
        raise ModelError("load_imagenet", f"{path.name} does not fit {len(wrong)} of {len(own)} tensors ({first_of(wrong)})", expected="ResNet-50")
    front.load_state_dict({k: stored[k] for k in front.state_dict()})
    back.load_state_dict({k: stored[k] for k in back.state_dict() if not k.startswith("head.")}, strict=False)
