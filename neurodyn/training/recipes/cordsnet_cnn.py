"""Step 1 of CordsNet's training, and its control: the equivalent CNN with batch normalisation, trained by gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch.nn.functional as F

from neurodyn.seeding import subseed
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import step_accuracy
from neurodyn.training.recipes._trials import Augmentation, Images, batches, check_images, load_splits

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.architectures.cordsnet_cnn import CordsNetCNN

__all__ = ["Parameters", "accuracy", "train", "train_on"]


@dataclass(frozen=True)
class Parameters:
    """How the CNN is trained.

    Attributes
    ----------
    dataset : {"cifar10", "digits", "image_folder", "imagenet_folder", "mnist"}
    root : str, optional
        Where it is; found below ``NEURODYN_DATA`` when absent.
    n_train, n_test : int, optional
        First images of either split; all when absent.
    n_validation : int
        Above 0: measure on so many held-out images of the training split, and leave the test split alone.
    n_epochs, batch_size, learning_rate, weight_decay : int, int, float, float
        SGD with momentum 0.9, 100 steps of warm-up, then the cosine schedule.  The paper: three stages of 100 epochs at 0.1, 0.01
        and 0.001, batches of 256, weight decay 1e-4.
    shift : int
        Largest random translation of the training images, pixels.
    flip : bool
        Mirror half of the training images.
    crop_area : float, optional
        Random crops of at least this share of the area; the paper, on ImageNet: 0.08.
    mix : bool
        CutMix or MixUp for every batch; the paper: on CIFAR and Fashion-MNIST.
    device : str
    """

    dataset: str = "mnist"
    root: str | None = None
    n_train: int | None = None
    n_test: int | None = None
    n_validation: int = 0
    n_epochs: int = 10
    batch_size: int = 128
    learning_rate: float = 0.1
    weight_decay: float = 1e-4
    shift: int = 0
    flip: bool = False
    crop_area: float | None = None
    mix: bool = False
    device: str = "cpu"

    def augmentation(self, n_classes: int) -> Augmentation:
        """What is done to training images."""
        return Augmentation(self.shift, self.flip, self.crop_area, n_classes if self.mix else None)


def train(model: CordsNetCNN, parameters: Parameters | None = None, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train the CNN in place; resumes in `folder`.

    Returns
    -------
    dict
        ``test_accuracy`` (``validation_accuracy`` where `n_validation` is given), ``train_loss``.
    """
    p = parameters or Parameters()
    sets = load_splits(p.dataset, image_size=model.config.image_size, n_train=p.n_train, n_test=p.n_test, n_validation=p.n_validation, root=p.root)
    return train_on(model, *sets, p, seed=seed, folder=folder, progress=progress)


def train_on(
    model: CordsNetCNN, train_set: Images, test_set: Images, p: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None
) -> dict[str, float]:
    """Train on images already in memory; parameters and result are those of :func:`train`."""
    check_images(train_set, model, "cordsnet_cnn recipe")
    name = "validation_accuracy" if p.n_validation else "test_accuracy"

    def loss(module: CordsNetCNN, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        logits = module(batch[0])
        return F.cross_entropy(logits, batch[1]), {"accuracy": step_accuracy(logits.detach(), batch[1])}

    n_batches = len(train_set) // p.batch_size
    config = TrainConfig(
        n_epochs=p.n_epochs,
        batch_size=p.batch_size,
        learning_rate=p.learning_rate,
        optimiser="sgd",
        weight_decay=p.weight_decay,
        schedule="cosine",
        warmup_steps=min(100, n_batches * p.n_epochs // 10),
        seed=subseed(seed, "cnn"),
        device=p.device,
    )
    history = fit(
        model,
        batches(train_set, p.batch_size, p.augmentation(model.config.n_classes), device=p.device),
        loss,  # type: ignore[arg-type]
        config,
        folder=folder,
        n_batches=n_batches,
        evaluate=lambda m: {name: accuracy(m, test_set)},  # type: ignore[arg-type]
        progress=progress,
    )
    return {name: accuracy(model, test_set), "train_loss": history.rows[-1]["loss"]}


def accuracy(model: CordsNetCNN, images: Images, *, batch_size: int = 500) -> float:
    """Fraction of images classified correctly by one feedforward pass."""
    import torch

    device = model.class_bias.device
    correct = 0
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            frames, labels = (v.to(device) for v in images.take(slice(start, start + batch_size)))
            correct += int((model(frames).argmax(1) == labels).sum())
    return correct / len(images)
