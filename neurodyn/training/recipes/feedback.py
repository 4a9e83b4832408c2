"""Train one network of the feedback x dropout design on CIFAR-10.

Every value is our choice: of the paper that asks the question only the abstract is known to us.  The protocol is small on
purpose, so that ten networks of every cell train on two cores: 20,000 training images reduced to 16 pixels, four epochs,
cross-entropy averaged over the five steps of the trial, no noise and no adversarial images in training.

Cells share what a seed draws: initial weights, order of the data, flips and masks, so that seeds are blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.dynamics.noise import BatchNoise
from neurodyn.errors import ConfigError
from neurodyn.seeding import subseed
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import check_labels

if TYPE_CHECKING:
    import torch

    from neurodyn.architectures.feedback import FeedbackConvRNN

__all__ = ["Parameters", "train", "train_on"]

Batch = tuple["torch.Tensor", "torch.Tensor", int]


@dataclass(frozen=True)
class Parameters:
    """How a network is trained.

    Attributes
    ----------
    n_train, n_test : int
        First images of either split (classes are mixed) used for training and for the reported accuracy.
    n_epochs, batch_size, learning_rate, weight_decay, clip_norm
        Of AdamW with a cosine schedule.
    loss_steps : {"all", "last"}
        Cross-entropy averaged over the steps of the trial, or at the last step only.
    flip : bool
        Mirror half of the images.
    data_root : str, optional
        Folder of CIFAR-10; looked for under NEURODYN_DATA when absent.
    """

    n_train: int = 20_000
    n_test: int = 2_000
    n_epochs: int = 4
    batch_size: int = 100
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    loss_steps: str = "all"
    flip: bool = True
    data_root: str | None = None

    def __post_init__(self) -> None:
        if self.loss_steps not in ("all", "last"):
            raise ConfigError("feedback recipe", f"`loss_steps` is {self.loss_steps!r}", expected='"all" or "last"')
        for name in ("n_train", "n_test", "n_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError("feedback recipe", f"`{name}` is {getattr(self, name)}", expected="1 or more")


def train(model: FeedbackConvRNN, parameters: Parameters | None = None, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train `model` in place on CIFAR-10 and say how accurate it became; resumes in `folder`.

    Parameters
    ----------
    model : FeedbackConvRNN
    parameters : Parameters, optional
    seed : int
        Order of the data, flips and masks.
    folder : path
        Checkpoints and history.
    progress : bool, optional

    Returns
    -------
    dict
        ``accuracy`` at the last step of the trial, ``accuracy_step_<k>`` and ``train_accuracy`` (as many images), masks off.
    """
    from neurodyn.datasets import cifar10

    parameters = parameters or Parameters()
    size = model.config.image_size
    images, labels = cifar10.load(parameters.data_root, "train", image_size=size, n=parameters.n_train)
    test_images, test_labels = cifar10.load(parameters.data_root, "test", image_size=size, n=parameters.n_test)
    return train_on(model, (images.values, labels), (test_images.values, test_labels), parameters, seed=seed, folder=folder, progress=progress)


def train_on(
    model: FeedbackConvRNN,
    train_set: tuple[np.ndarray, np.ndarray],
    test_set: tuple[np.ndarray, np.ndarray],
    parameters: Parameters,
    *,
    seed: int,
    folder: str | Path,
    progress: bool | None = None,
) -> dict[str, float]:
    """:func:`train` on arrays given by the caller.

    Parameters
    ----------
    train_set, test_set : (pixels, labels)
        Pixels (presentation, channel, row, column) in [0, 1] of the model's size; labels (presentation).
    """
    import torch

    config = TrainConfig(
        n_epochs=parameters.n_epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
        clip_norm=parameters.clip_norm,
        schedule="cosine",
        seed=seed,
    )
    n_classes, tensors = model.config.n_classes, []
    for name, (pixels, given) in (("train labels", train_set), ("test labels", test_set)):
        labels = check_labels(given, n_classes, n_rows=len(pixels), where=f"feedback recipe ({name})")
        tensors.append((torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32)), torch.from_numpy(labels)))
    (x, y), test = tensors

    def batches(epoch: int, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(x), generator=generator)
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        for k, rows in enumerate(order.split(parameters.batch_size)):
            shown = x[rows]
            if parameters.flip:
                shown = torch.where(mirrored[rows][:, None, None, None], shown.flip(-1), shown)
            yield shown, y[rows], subseed(seed, "masks", epoch, k)

    fit(
        model,
        batches,
        lambda module, batch: _loss(module, batch, parameters.loss_steps),
        config,
        folder=folder,
        evaluate=lambda module: {"accuracy": accuracy(module, *test)[-1]},
        n_batches=-(-len(x) // parameters.batch_size),
        progress=progress,
    )
    by_step = accuracy(model, *test)
    metrics = {"accuracy": by_step[-1], **{f"accuracy_step_{k + 1}": a for k, a in enumerate(by_step)}}
    metrics["train_accuracy"] = accuracy(model, x[: len(test[0])], y[: len(test[0])])[-1]
    return {name: round(float(value), 4) for name, value in metrics.items()}


def accuracy(model: Any, images: torch.Tensor, labels: torch.Tensor, *, batch_size: int = 500) -> list[float]:
    """Accuracy at every step of the trial, masks off."""
    import torch

    hits = torch.zeros(model.config.n_steps)
    with torch.no_grad():
        for shown, wanted in zip(images.split(batch_size), labels.split(batch_size), strict=True):
            for k, logits in enumerate(_logits(model, shown, None)):
                hits[k] += (logits.argmax(1) == wanted).sum()
    return (hits / len(labels)).tolist()


def _loss(model: Any, batch: Batch, loss_steps: str) -> tuple[torch.Tensor, dict[str, float]]:
    import torch
    import torch.nn.functional as F

    images, labels, mask_seed = batch
    logits = _logits(model, images, mask_seed)
    used = logits if loss_steps == "all" else logits[-1:]
    loss = torch.stack([F.cross_entropy(z, labels) for z in used]).mean()
    return loss, {"train_accuracy": float((logits[-1].argmax(1) == labels).float().mean())}


def _logits(model: Any, images: torch.Tensor, mask_seed: int | None) -> list[torch.Tensor]:
    drive = model.encode(images)
    state, logits = model.initial_state(drive), []
    for step in range(model.config.n_steps):
        noise = None if mask_seed is None else BatchNoise(mask_seed, step)
        state = model.step(state, drive, noise=noise)  # type: ignore[arg-type]
        logits.append(model.readout(state))
    return logits
