"""The full-resolution classifiers that teach a DRC: feed-forward, one step from image to answer.

=============  ======================================================================  =====================
kind           topology                                                                map of features
=============  ======================================================================  =====================
``two_core``   2 + 4 convolutions, batch norm in the back end; ours, for two cores     32 x 8 x 8
``v1``         4 convolutions + 5 residual blocks (the authors' "default")             64 x 8 x 8
``v2``         2 convolutions and 3 residual blocks + 3 residual blocks                64 x 8 x 8
``resnet50``   ResNet-50 on images enlarged to 224 pixels, ImageNet weights by path    64 x 56 x 56
=============  ======================================================================  =====================
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.architectures._drc_teachers import KINDS, build_back, build_front, kind_of
from neurodyn.architectures._resnet50 import load_imagenet
from neurodyn.errors import ConfigError, ModelError
from neurodyn.seeding import torch_generator

__all__ = ["CIFAR_MEAN", "KINDS", "Config", "Teacher", "build"]

CIFAR_MEAN = (0.4914, 0.4822, 0.4465)


@dataclass(frozen=True)
class Config:
    """Settings of a teacher.

    Attributes
    ----------
    kind : {"two_core", "v1", "v2", "resnet50"}
    n_classes : int
    mean, scale : (float, ...)
        The input is (image - mean) * scale, a value a colour.
    imagenet_weights : str, optional
        Path of ResNet-50 weights, for ``resnet50`` alone.
    """

    kind: str = "two_core"
    n_classes: int = 10
    mean: tuple[float, ...] = CIFAR_MEAN
    scale: tuple[float, ...] = (2.0, 2.0, 2.0)
    imagenet_weights: str | None = None


class Teacher(nn.Module):
    """A front end and a back end; a model without dynamics, whose state is the map of features after one step.

    Attributes
    ----------
    front, back : nn.Module
    """

    mean: torch.Tensor
    scale: torch.Tensor

    dt_ms: float | None = None
    layers = ("features",)
    phase: tuple[str, ...] = ()

    def __init__(self, config: Config, seed: int) -> None:
        super().__init__()
        kind = kind_of(config.kind)
        if len(config.mean) != len(config.scale):
            raise ConfigError("drc_teacher", f"`mean` has {len(config.mean)} values and `scale` {len(config.scale)}", expected="one a colour in each")
        self.config, self.kind = config, kind
        self.front = build_front(config.kind, len(config.mean), torch_generator(seed, "teacher", "front"))
        self.back = build_back(config.kind, config.n_classes, torch_generator(seed, "teacher", "back"))
        if config.imagenet_weights is not None:
            if config.kind != "resnet50":
                raise ConfigError("drc_teacher", f"`imagenet_weights` is given for the kind `{config.kind}`", expected="kind `resnet50`")
            load_imagenet(self.front, self.back, config.imagenet_weights)
        self.register_buffer("mean", torch.tensor(config.mean)[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor(config.scale)[:, None, None], persistent=False)

    @property
    def blank(self) -> Tensor:
        """The mean colour, (channel, row, column)."""
        return self.mean.expand(-1, self.kind.image_px, self.kind.image_px)

    def features(self, images: Tensor) -> Tensor:
        """The map of features of (batch, channel, row, column) images in [0, 1]."""
        x = (images - self.mean) * self.scale
        if self.kind.upsample > 1:
            x = F.interpolate(x, scale_factor=self.kind.upsample, mode="nearest")
        return self.front(x)

    def forward(self, images: Tensor) -> Tensor:
        """Logits, (batch, class)."""
        return self.back(self.features(images))

    def encode(self, frame: Tensor) -> dict[str, Tensor]:
        """The map of features."""
        if tuple(frame.shape[1:]) != tuple(self.blank.shape):
            raise ModelError("drc_teacher", f"a frame of {tuple(frame.shape[1:])}", expected=f"(channel, row, column) = {tuple(self.blank.shape)}")
        return {"features": self.features(frame)}

    def initial_state(self, drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """Zeros."""
        return {"features": torch.zeros_like(drive["features"])}

    def step(self, state: dict[str, Tensor], drive: dict[str, Tensor], *, noise: object = None) -> dict[str, Tensor]:
        """The state becomes the map of features; nothing recurs."""
        return {"features": drive["features"]}

    def rates(self, state: dict[str, Tensor], drive: dict[str, Tensor], layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The map of features."""
        return {name: state[name] for name in layers}

    def readout(self, state: dict[str, Tensor]) -> Tensor:
        """Logits, (batch, class)."""
        return self.back(state["features"])


def build(config: Config, *, seed: int) -> Teacher:
    """Build a teacher in eval mode.

    Examples
    --------
    >>> sum(p.numel() for p in build(Config("v1"), seed=0).front.parameters())
    65696
    """
    return Teacher(config, seed).eval()
