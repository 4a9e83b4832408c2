"""Train a convolutional recurrent network to name objects.

The published recipe (ImageNet, 224 pixels) is known only in part: cross-entropy at the last step, SGD with momentum, weight decay on kernels and
biases.  The defaults here are a small protocol for two cores, on part of CIFAR-10; ``FULL_SCALE`` is the recipe at full size, which reads its
images batch by batch (``analyses/notebooks/convrnn_full_scale.py``).  The loss reads the last step of the trial, or the mean over the steps
the image has reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.training.loop import TrainConfig, fit

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from neurodyn.architectures.convrnn import ConvRNN

__all__ = ["FULL_SCALE", "FileImages", "Parameters", "load_images", "step_logits", "train"]

_DATASETS = ("cifar10", "cifar100", "digits", "image_folder", "imagenet_folder", "mnist")


@dataclass(frozen=True)
class Parameters:
    """Settings of the recipe.

    Attributes
    ----------
    dataset : str
        A reader of ``neurodyn/datasets`` with labelled images.
    root : str, optional
        Its folder; found below ``NEURODYN_DATA`` when absent.
    n_train, n_test : int, optional
        Images used, the first of each split (classes are mixed); all when absent.
    n_epochs, batch_size : int
    learning_rate, weight_decay : float
    optimiser : {"adamw", "sgd"}
    clip_norm : float, optional
    warmup_steps : int
    loss : {"last", "window"}
        Cross-entropy at the last step, or its mean over all steps the image has reached.
    flip : bool
        Mirror half of the images at random; not for digits.
    device : str
    """

    dataset: str = "cifar10"
    root: str | None = None
    n_train: int | None = 10_000
    n_test: int | None = 2_000
    n_epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    optimiser: str = "adamw"
    clip_norm: float | None = 1.0
    warmup_steps: int = 50
    loss: str = "last"
    flip: bool = True
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.dataset not in _DATASETS:
            raise unknown_name("recipes.convrnn", "dataset", self.dataset, _DATASETS)
        if self.loss not in ("last", "window"):
            raise unknown_name("recipes.convrnn", "loss", self.loss, ("last", "window"))


FULL_SCALE = Parameters(
    dataset="imagenet_folder",
    n_train=None,
    n_test=None,
    n_epochs=90,
    batch_size=256,
    learning_rate=1e-2,
    optimiser="sgd",
    weight_decay=1e-4,
    clip_norm=1.0,
    warmup_steps=5000,
    device="cuda",
)
"""ImageNet at 224 pixels.  Momentum, weight decay and the loss are the authors'; the rate, its schedule and clipping are ours."""


class FileImages:
    """Images that stay on disk until a batch asks for them; indexed like a uint8 array (presentation, channel, row, column).

    Parameters
    ----------
    files : sequence of path
    size : int
        Rows and columns, pixels.
    """

    def __init__(self, files: Sequence[Path], size: int) -> None:
        self.files, self.size = list(files), size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray:
        from neurodyn.datasets.image_folder import read

        chosen = self.files[rows] if isinstance(rows, slice) else [self.files[int(i)] for i in rows]
        return np.round(read(chosen, image_size=self.size) * 255).astype(np.uint8)


def train(model: nn.Module, parameters: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, Any]:
    """Train in place; called again with the same folder it goes on where it stopped.

    Parameters
    ----------
    model : ConvRNN, or any DynamicalModel with ``logits(frames)``
    parameters : Parameters
    seed : int
        Order of the images and mirrors.
    folder : path
        Checkpoints and history.
    progress : bool, optional

    Returns
    -------
    dict
        ``accuracy`` of the last step, ``accuracy_by_step`` (keys are steps), ``n_parameters``, ``train_loss``, ``train_s``.
    """
    images, labels = load_images(parameters, "train", size=_size(model))
    test_images, test_labels = load_images(parameters, "test", size=_size(model))
    return train_on(model, (images, labels), (test_images, test_labels), parameters, seed=seed, folder=folder, progress=progress)


def train_on(
    model: Any,
    training: tuple[Any, np.ndarray],
    test: tuple[Any, np.ndarray],
    parameters: Parameters,
    *,
    seed: int,
    folder: str | Path,
    progress: bool | None = None,
) -> dict[str, Any]:
    """Train on images given as uint8 arrays (presentation, channel, row, column) and int labels; parameters as for :func:`train`."""
    import torch.nn.functional as F

    images, labels = training
    if len(images) < parameters.batch_size:
        raise ConfigError("recipes.convrnn", f"{len(images)} training images for batches of {parameters.batch_size}", expected="at least one batch")
    first = None if parameters.loss == "window" else model.n_steps - 1
    n_batches = len(images) // parameters.batch_size

    def batches(epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        import torch

        order = torch.randperm(len(images), generator=generator).numpy()
        for k in range(n_batches):
            rows = np.sort(order[k * parameters.batch_size : (k + 1) * parameters.batch_size])
            frames = torch.from_numpy(images[rows]).to(parameters.device).float() / 255
            if parameters.flip:
                mirrored = torch.rand(len(rows), generator=generator) < 0.5
                frames[mirrored.to(frames.device)] = frames[mirrored.to(frames.device)].flip(-1)
            yield frames, torch.from_numpy(labels[rows]).to(parameters.device)

    def loss(module: Any, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        frames, target = batch
        logits = module.logits(frames, first=first)
        value = F.cross_entropy(logits.flatten(0, 1), target.repeat_interleave(logits.shape[1]))
        return value, {"train_accuracy": float((logits[:, -1].argmax(1) == target).float().mean())}

    def evaluate(module: Any) -> dict[str, float]:
        return {"accuracy": _accuracy(module, test, parameters, first=module.n_steps - 1)[-1]}

    config = TrainConfig(
        n_epochs=parameters.n_epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        optimiser=parameters.optimiser,
        weight_decay=parameters.weight_decay,
        clip_norm=parameters.clip_norm,
        schedule="cosine",
        warmup_steps=parameters.warmup_steps,
        seed=seed,
        device=parameters.device,
    )
    history = fit(model, batches, loss, config, folder=folder, evaluate=evaluate, n_batches=n_batches, progress=progress)
    by_step = _accuracy(model, test, parameters)
    return {
        "accuracy": by_step[-1],
        "accuracy_by_step": {str(model.latency() + k): value for k, value in enumerate(by_step)},
        "n_parameters": float(sum(p.numel() for p in model.parameters())),
        "train_loss": history.rows[-1]["loss"],
        "train_s": history.rows[-1]["elapsed_s"],
    }


def step_logits(model: ConvRNN, images: Any, *, first: int | None = None, batch_size: int = 250, device: str = "cpu") -> np.ndarray:
    """The readout at every step the image has reached, without gradients.

    Parameters
    ----------
    model : ConvRNN
    images : uint8 array, (presentation, channel, row, column)
    first : int, optional
        First step kept; the latency of the readout when absent.

    Returns
    -------
    float32 array, (presentation, step, class)
    """
    import torch

    with torch.no_grad():
        parts = [
            model.logits(torch.from_numpy(images[k : k + batch_size]).to(device).float() / 255, first=first).cpu().numpy()
            for k in range(0, len(images), batch_size)
        ]
    return np.concatenate(parts)


def load_images(parameters: Parameters, split: str, *, size: int) -> tuple[Any, np.ndarray]:
    """The images of one split as uint8, (presentation, channel, row, column), resized to the model's, and their labels.

    ImageNet's stay on disk, see :class:`FileImages`.
    """
    from importlib import import_module

    n = parameters.n_train if split == "train" else parameters.n_test
    if parameters.dataset == "imagenet_folder":
        from neurodyn.datasets import imagenet_folder

        files, labels, _ = imagenet_folder.files(parameters.root, "train" if split == "train" else "val")
        return FileImages(files[:n], size), labels[:n]
    module = import_module(f"neurodyn.datasets.{parameters.dataset}")
    if parameters.dataset == "cifar10" and size == 32:
        values, labels = module.pixels(parameters.root, split)
        return values[:n], labels[:n]
    arguments = {"n": n, "image_size": size}
    stimuli, labels = module.load(split, **arguments) if parameters.dataset == "digits" else module.load(parameters.root, split, **arguments)
    return np.round(np.asarray(stimuli.values) * 255).astype(np.uint8), np.asarray(labels)


def _accuracy(model: Any, test: tuple[Any, np.ndarray], parameters: Parameters, first: int | None = None) -> list[float]:
    logits = step_logits(model, test[0], first=first, device=parameters.device)
    return [float(v) for v in (logits.argmax(2) == test[1][:, None]).mean(axis=0)]


def _size(model: Any) -> int:
    return int(model.blank.shape[-1])
