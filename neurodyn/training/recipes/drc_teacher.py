"""Train the full-resolution teacher of a DRC on CIFAR-10."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from neurodyn.seeding import subseed
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import step_accuracy
from neurodyn.training.recipes._drc_data import Images, load_split, shuffled

if TYPE_CHECKING:
    from torch import nn

    from neurodyn.architectures.drc_teacher import Teacher

__all__ = ["Parameters", "train"]


@dataclass(frozen=True)
class Parameters:
    """How to train.

    Attributes
    ----------
    n_train, n_test : int, optional
        Images; all where absent.
    n_epochs, batch_size : int
    learning_rate, weight_decay : float
    shift_px : int
        Training images are flipped, and shifted by up to this many pixels.
    precision : {"float32", "bfloat16"}
        Of the matrix products in training.
    device : str

    Notes
    -----
    The paper: batch 32, up to 200 epochs of Adam at 1e-3 that falls on plateaus, rotation by 5 degrees, shifts by 15 %, flips.
    """

    n_train: int | None = None
    n_test: int | None = None
    n_epochs: int = 4
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    shift_px: int = 2
    precision: str = "bfloat16"
    device: str = "cpu"


def train(model: Teacher, parameters: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train a teacher in place.

    Returns
    -------
    dict
        ``test_accuracy``, ``validation_accuracy``.
    """
    p, device = parameters, torch.device(parameters.device)
    images, validation = load_split("train", p.n_train), load_split("validation", p.n_test)
    model.to(memory_format=torch.channels_last)

    def batches(epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        for _, rows in shuffled(len(images), p.batch_size, generator):
            pixels, labels = images.take(rows)
            yield _augment(pixels, p.shift_px, generator).to(device, memory_format=torch.channels_last), labels.to(device)

    def loss(module: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        with torch.autocast(device.type, torch.bfloat16, enabled=p.precision == "bfloat16"):
            logits = module(batch[0])
        logits = logits.float()
        return F.cross_entropy(logits, batch[1]), {"accuracy": step_accuracy(logits, batch[1])}

    config = TrainConfig(
        n_epochs=p.n_epochs,
        batch_size=p.batch_size,
        learning_rate=p.learning_rate,
        weight_decay=p.weight_decay,
        schedule="cosine",
        warmup_steps=100,
        seed=subseed(seed, "teacher"),
        device=p.device,
    )
    fit(
        model,
        batches,
        loss,
        config,
        folder=folder,
        n_batches=len(images) // p.batch_size,
        evaluate=lambda m: {"validation_accuracy": accuracy(m, validation)},
        progress=progress,
    )
    return {"test_accuracy": accuracy(model, load_split("test", p.n_test)), "validation_accuracy": accuracy(model, validation)}


def accuracy(model: nn.Module, images: Images, batch_size: int = 500) -> float:
    """Fraction of images named correctly."""
    device, right = next(model.parameters()).device, 0
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            pixels, labels = images.take(torch.arange(start, min(start + batch_size, len(images))))
            right += int((model(pixels.to(device)).argmax(1) == labels.to(device)).sum())
    return right / len(images)


def _augment(pixels: Tensor, shift_px: int, generator: torch.Generator) -> Tensor:
    flip = torch.rand(len(pixels), generator=generator) < 0.5
    pixels = torch.where(flip[:, None, None, None], pixels.flip(-1), pixels)
    if not shift_px:
        return pixels
    size = pixels.shape[-1]
    padded = F.pad(pixels, (shift_px,) * 4, mode="reflect")
    offset = torch.randint(0, 2 * shift_px + 1, (2, len(pixels)), generator=generator)
    rows = (offset[0][:, None] + torch.arange(size))[:, None, :, None]
    columns = (offset[1][:, None] + torch.arange(size))[:, None, None, :]
    index = torch.arange(len(pixels))[:, None, None, None]
    channel = torch.arange(pixels.shape[1])[None, :, None, None]
    return padded[index, channel, rows, columns]
