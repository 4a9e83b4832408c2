"""Train Gaussian RAM by classification and reinforcement, the paper's way or the corrected one, beside plain CNNs.

The loss of the paper (Shim and Kim 2020), with R = 1 where the final answer is right, b_t the baseline and p_t the policy's density:

    L = CE(output, y) + mean_t (b_t - R)^2 - mean_batch sum_t log p_t (R - b_t)

In the ``"paper"`` variant b_t is computed after the glimpse that the move of p_t led to; in the ``"corrected"`` one before the move, so that
it does not depend on it and the gradient stays unbiased.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.datasets import cifar10, digits, mnist
from neurodyn.dynamics.noise import BatchNoise
from neurodyn.errors import unknown_name
from neurodyn.seeding import subseed, torch_generator
from neurodyn.stimuli.clutter import clutter
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import step_accuracy

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from neurodyn.architectures.gdram import GaussianRAM

__all__ = ["Parameters", "load_split", "plain_cnn", "train"]

Batch = tuple["Tensor", "Tensor", int, int]
_DATA = ("cluttered-digits", "cluttered-mnist", "large-cifar10")


@dataclass(frozen=True)
class Parameters:
    """How to train.

    Attributes
    ----------
    data : {"cluttered-mnist", "large-cifar10", "cluttered-digits"}
        Digits at random places among pieces of other digits, or CIFAR-10 enlarged to the model's image size.
    n_train, n_test : int
        Images; canvases are drawn anew every epoch.
    n_distractors, distractor_size : int
        Patches on a canvas and their side in pixels.
    n_epochs, batch_size : int
    learning_rate : float
    reinforce_weight : float
        Weight of the reinforcement term; the paper's is 1.
    n_scattered_epochs : int
        Epochs at the start in which fixations are uniformly random and only classification is learned; the paper has none.  A policy
        that is reinforced before anything can be recognised settles in a corner of the image.
    cnn_control : bool
        Also train plain CNNs of equal parameters and of equal multiply-accumulates on the same images.

    Notes
    -----
    The paper trains 200 epochs of 40,000 images at 128 px with Adam at 1e-3, batch 128, halving the rate when validation accuracy
    stalls; the defaults are a two-core protocol.
    """

    data: str = "cluttered-mnist"
    n_train: int = 12_000
    n_test: int = 2_000
    n_distractors: int = 5
    distractor_size: int = 5
    n_epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 1e-3
    reinforce_weight: float = 1.0
    n_scattered_epochs: int = 0
    cnn_control: bool = False

    def __post_init__(self) -> None:
        if self.data not in _DATA:
            raise unknown_name("recipes.gdram", "data", self.data, _DATA)


def train(model: GaussianRAM, parameters: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train a model in place.

    Parameters
    ----------
    model : GaussianRAM
    parameters : Parameters
    seed : int
    folder : path
        Checkpoints and history; calling again resumes.
    progress : bool, optional

    Returns
    -------
    dict
        ``test_accuracy`` of the output after the last glimpse, ``first_glimpse_accuracy``, and where asked for those of the CNNs.
    """
    config = TrainConfig(
        n_epochs=parameters.n_epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        schedule="cosine",
        clip_norm=5.0,
        seed=seed,
    )
    size = model.config.image_size
    test = load_split(parameters, "test", image_size=size, n_channels=model.config.in_channels)
    n_batches = -(-parameters.n_train // parameters.batch_size)

    def batches(epoch: int, generator: torch.Generator) -> Iterator[Batch]:
        images, labels = load_split(parameters, "train", image_size=size, n_channels=model.config.in_channels, epoch=epoch)
        yield from _shuffled(images, labels, parameters.batch_size, generator, epoch)

    def loss(module: Any, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        return reinforce_loss(module, batch, weight=parameters.reinforce_weight, scattered=batch[3] < parameters.n_scattered_epochs)

    fit(model, batches, loss, config, folder=Path(folder) / "ram", evaluate=lambda _: evaluate(model, *test), n_batches=n_batches, progress=progress)
    metrics = evaluate(model, *test)
    if parameters.cnn_control:
        for name, width in _cnn_widths(model).items():
            cnn = plain_cnn(model.config.in_channels, width, model.config.n_classes, seed=subseed(seed, name))
            fit(cnn, batches, _cross_entropy, config, folder=Path(folder) / name, n_batches=n_batches, progress=progress)
            metrics[f"{name}_accuracy"] = _accuracy(cnn, *test)
    return metrics


def reinforce_loss(model: GaussianRAM, batch: Batch, *, weight: float = 1.0, scattered: bool = False) -> tuple[Tensor, dict[str, float]]:
    """The loss of the module docstring on one batch, and its parts.

    Parameters
    ----------
    model : GaussianRAM
        In train mode.
    batch : (Tensor (batch, channel, row, column), Tensor (batch), int, int)
        Images, labels, the seed of the policy's noise, and the epoch.
    weight : float
        Of the reinforcement term.
    scattered : bool
        Replace every fixation by a uniformly random one and learn classification alone.
    """
    import torch
    import torch.nn.functional as F

    images, labels, noise_seed, _ = batch
    noise = BatchNoise(noise_seed)
    drive = model.encode(images)
    states = [model.initial_state(drive, noise=noise)]
    for t in range(1, model.config.n_steps + 1):
        if scattered:
            states[-1] = states[-1] | {"gaze": model.limit * (2 * noise.at(t).uniform("scatter", states[-1]["gaze"]) - 1)}
        states.append(model.step(states[-1], drive, noise=noise.at(t)))
    logits = model.readout(states[-1])
    reward = (logits.argmax(1) == labels).to(logits.dtype)
    log_p = torch.stack([s["log_probability"] for s in states[:-1]])
    value = torch.stack([s["baseline"] for s in (states[1:] if model.config.variant == "paper" else states[:-1])])
    advantage = reward - value.detach()
    classification, baseline = F.cross_entropy(logits, labels), (value - reward).pow(2).mean()
    reinforcement = -(log_p * advantage).sum(0).mean()
    parts = {
        "cross_entropy": float(classification.detach()),
        "reward": float(reward.mean()),
        "advantage_mean": float(advantage.mean()),
        "advantage_variance": float(advantage.var()),
        "sigma": float(torch.stack([s["sigma"] for s in states]).mean().detach()),
    }
    if scattered:
        return classification + baseline, parts
    return classification + baseline + weight * reinforcement, parts


def evaluate(model: GaussianRAM, images: Tensor, labels: Tensor, batch_size: int = 256) -> dict[str, float]:
    """Accuracy of the output after the last glimpse and after the first, the policy's mean taken as its move."""
    import torch

    last, first = [], []
    with torch.no_grad():
        for k in range(0, len(images), batch_size):
            drive = model.encode(images[k : k + batch_size])
            state = model.initial_state(drive)
            for t in range(model.config.n_steps):
                state = model.step(state, drive)
                if t == 0:
                    first.append(model.readout(state))
            last.append(model.readout(state))
    return {"test_accuracy": step_accuracy(torch.cat(last), labels), "first_glimpse_accuracy": step_accuracy(torch.cat(first), labels)}


def load_split(parameters: Parameters, split: str, *, image_size: int, n_channels: int, epoch: int = 0) -> tuple[Tensor, Tensor]:
    """Images (presentation, channel, row, column) in [0, 1] and labels (presentation); test canvases are the same every time."""
    import torch

    n = parameters.n_train if split == "train" else parameters.n_test
    if parameters.data == "large-cifar10":
        stimuli, labels = cifar10.load(split=split, image_size=image_size, n=n)
    else:
        stimuli, labels = mnist.load(split=split, n=n) if parameters.data == "cluttered-mnist" else digits.load(split, n=n)
        seed = subseed(epoch if split == "train" else 0, split)
        stimuli = clutter(stimuli, canvas=image_size, n_distractors=parameters.n_distractors, distractor_size=parameters.distractor_size, seed=seed)
    images = torch.from_numpy(np.ascontiguousarray(stimuli.values)).expand(-1, n_channels, -1, -1)
    return images.contiguous(), torch.from_numpy(np.asarray(labels))


def plain_cnn(in_channels: int, width: int, n_classes: int, *, seed: int) -> nn.Module:
    """A whole-image control: four 3x3 convolutions, each followed by pooling, then the mean over positions and a linear readout.

    Examples
    --------
    >>> sum(p.numel() for p in plain_cnn(1, 8, 10, seed=0).parameters())
    1986
    """
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(torch_generator(seed, "plain_cnn").get_state())
        layers: list[nn.Module] = []
        for source in (in_channels, width, width, width):
            layers += [nn.Conv2d(source, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, n_classes))


def macs(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-accumulates of the convolutions and linear maps in one forward call on one image."""
    import torch
    from torch import nn

    total = 0

    def add(layer: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        total += int(np.prod(output.shape[2:])) * sum(p.numel() for n, p in layer.named_parameters() if n == "weight")

    hooks = [m.register_forward_hook(add) for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        module(*inputs)
    for hook in hooks:
        hook.remove()
    return total


def _cnn_widths(model: GaussianRAM) -> dict[str, int]:
    """Widths of the CNNs that come closest to the model in parameters and in multiply-accumulates."""
    import torch

    c = model.config
    n_parameters = sum(p.numel() for p in model.parameters())
    what = macs(model.what, torch.zeros(1, c.in_channels * c.n_scales, c.glimpse_size, c.glimpse_size))
    per_glimpse = what + 2 * 8 * c.hidden**2 + c.hidden * c.head * 2 + c.head * (c.n_classes + 4)
    total = c.n_steps * per_glimpse
    widths = range(2, 257, 2)
    cnns = {w: plain_cnn(c.in_channels, w, c.n_classes, seed=0) for w in widths}
    image = torch.zeros(1, c.in_channels, c.image_size, c.image_size)
    by_parameters = min(widths, key=lambda w: abs(np.log(sum(p.numel() for p in cnns[w].parameters()) / n_parameters)))
    by_macs = min(widths, key=lambda w: abs(np.log(macs(cnns[w].eval(), image) / total)))
    return {"cnn_equal_parameters": by_parameters, "cnn_equal_macs": by_macs}


def _shuffled(images: Tensor, labels: Tensor, batch_size: int, generator: torch.Generator, epoch: int) -> Iterator[Batch]:
    import torch

    order = torch.randperm(len(images), generator=generator)
    seeds = torch.randint(2**31, (len(images),), generator=generator).tolist()
    for k in range(0, len(order), batch_size):
        rows = order[k : k + batch_size]
        yield images[rows], labels[rows], seeds[k], epoch


def _cross_entropy(module: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    import torch.nn.functional as F

    return F.cross_entropy(module(batch[0]), batch[1]), {}


def _accuracy(module: nn.Module, images: Tensor, labels: Tensor) -> float:
    import torch

    with torch.no_grad():
        logits = torch.cat([module(images[k : k + 256]) for k in range(0, len(images), 256)])
    return step_accuracy(logits, labels)
