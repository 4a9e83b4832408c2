"""What recipes on labelled images share: the data in memory, batches, trials with truncated gradients, accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurodyn.datasets import cifar10, digits, mnist
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import model_device
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.seeding import numpy_generator
from neurodyn.training.augment import cut_or_mix, random_crops
from neurodyn.training.losses import check_labels, return_to_baseline, step_accuracy, weighted_cross_entropy

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from neurodyn.dynamics.protocol import DynamicalModel, State
    from neurodyn.training.recipes.convrnn import FileImages

__all__ = [
    "DATASETS",
    "Augmentation",
    "Images",
    "TrialPlan",
    "batches",
    "held_out_accuracy",
    "load_images",
    "load_splits",
    "run_trial",
    "spontaneous",
    "steady_loss",
    "trial_loss",
]

DATASETS = ("cifar10", "digits", "image_folder", "imagenet_folder", "mnist")


@dataclass(frozen=True)
class Images:
    """One split, in memory or on disk.

    Attributes
    ----------
    pixels : Tensor, (presentation, channel, row, column), or FileImages
        uint8, or float32 in [0, 1].
    labels : Tensor, (presentation) of int64
    """

    pixels: Tensor | FileImages
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """Some rows as float32 in [0, 1], with their labels."""
        x = self.pixels[rows]  # type: ignore[index]
        x = x if isinstance(x, Tensor) else torch.from_numpy(x)
        return (x.float() / 255 if x.dtype == torch.uint8 else x), self.labels[rows]

    def part(self, rows: slice) -> Images:
        """Some rows as they are kept."""
        from neurodyn.training.recipes.convrnn import FileImages

        if isinstance(self.pixels, FileImages):
            return Images(FileImages(self.pixels.files[rows], self.pixels.size), self.labels[rows])
        return Images(self.pixels[rows], self.labels[rows])


def load_images(dataset: str, split: str, *, image_size: int, n: int | None = None, root: str | Path | None = None) -> Images:
    """Load a split of one of :data:`DATASETS`.

    Parameters
    ----------
    dataset : {"cifar10", "digits", "image_folder", "imagenet_folder", "mnist"}
        Images are resized, except CIFAR-10's, which stay at 32 pixels.  Folders are read batch by batch.
    split : {"train", "test"}
        Of folders, ``val`` stands in where there is no ``test``.
    image_size : int
    n : int, optional
        Keep the first `n` images.
    root : path, optional
        Where the data set is; found below ``NEURODYN_DATA`` when absent.
    """
    if dataset not in DATASETS:
        raise unknown_name("recipe", "dataset", dataset, DATASETS)
    if dataset.endswith("_folder"):
        return _from_folder(dataset, split, image_size, n, root)
    if dataset == "cifar10":
        if image_size != 32:
            raise ConfigError("recipe", f"`image_size` is {image_size}", expected="32 pixels for CIFAR-10")
        pixels, labels = cifar10.pixels(root, split)
        return Images(torch.from_numpy(pixels[:n]), torch.from_numpy(labels[:n]))
    if dataset == "digits":
        stimuli, labels = digits.load(split, image_size=image_size, n=n)
    else:
        stimuli, labels = mnist.load(root, split, image_size=image_size, n=n)
    return Images(torch.from_numpy(np.ascontiguousarray(stimuli.values)), torch.from_numpy(labels))


def _from_folder(dataset: str, split: str, image_size: int, n: int | None, root: str | Path | None) -> Images:
    from neurodyn.datasets import image_folder, imagenet_folder
    from neurodyn.datasets._labelled import locate
    from neurodyn.training.recipes.convrnn import FileImages

    if dataset == "imagenet_folder":
        files, labels, _ = imagenet_folder.files(root, "train" if split == "train" else "val")
    else:
        base = locate("image_folder", root, "image_folder")
        name = "val" if split == "test" and not (base / "test").is_dir() else split
        files, labels, _ = image_folder.listing(base / name)
    rows = numpy_generator(0, dataset, split).permutation(len(files))[:n]  # classes are mixed, as in the other data sets
    files, labels = [files[k] for k in rows], labels[rows]
    return Images(FileImages(files, image_size), torch.from_numpy(labels))


def load_splits(
    dataset: str, *, image_size: int, n_train: int | None, n_test: int | None, n_validation: int, root: str | Path | None = None
) -> tuple[Images, Images]:
    """What a recipe trains on and what it measures on.

    Parameters
    ----------
    dataset, image_size, root
        As for :func:`load_images`.
    n_train, n_test : int, optional
        First images of either split; all when absent.
    n_validation : int
        Above 0: measure on the last `n_validation` images of the training split, which are then not trained on, and leave the test split alone.

    Returns
    -------
    train_set, held_out : Images
    """
    if not n_validation:
        where = {"image_size": image_size, "root": root}
        return load_images(dataset, "train", n=n_train, **where), load_images(dataset, "test", n=n_test, **where)  # type: ignore[arg-type]
    images = load_images(dataset, "train", image_size=image_size, root=root)
    n_rest = len(images) - n_validation
    if not 0 < n_validation < len(images):
        raise ConfigError("recipe", f"`n_validation` is {n_validation} of {len(images)} training images", expected="more than 0, and fewer than all")
    return images.part(slice(0, n_rest if n_train is None else min(n_train, n_rest))), images.part(slice(n_rest, None))


def check_images(images: Images, model: Any, where: str) -> None:
    """Refuse images of another size and labels of another number of classes than the model's."""
    shape = tuple(images.take(slice(0, 1))[0].shape[1:])
    if shape != tuple(model.blank.shape):
        raise SchemaError(where, f"images are {shape}", expected=f"{tuple(model.blank.shape)}, as the model's blank")
    check_labels(images.labels.numpy(), model.config.n_classes, n_rows=len(images.pixels), where=where)


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images.

    Attributes
    ----------
    shift : int
        Largest random translation, pixels, edges repeated.
    flip : bool
        Mirror half of the images.
    crop_area : float, optional
        Crop a random share of the area, between this and 1, and scale it to the full size.
    mix_classes : int, optional
        CutMix or MixUp for every batch, with soft labels over so many classes.
    """

    shift: int = 0
    flip: bool = False
    crop_area: float | None = None
    mix_classes: int | None = None


AS_THEY_ARE = Augmentation()


def batches(
    images: Images, batch_size: int, augmentation: Augmentation = AS_THEY_ARE, *, n_images: int | None = None, device: str = "cpu"
) -> Callable[[int, torch.Generator], Iterator[tuple[Tensor, Tensor]]]:
    """Shuffled batches for :func:`neurodyn.training.loop.fit`, an incomplete last one dropped.

    Parameters
    ----------
    images : Images
    batch_size : int
    augmentation : Augmentation
    n_images : int, optional
        Images in an epoch, drawn anew for each; all when absent.
    device : str
    """
    if len(images) < batch_size:
        raise ConfigError(
            "recipe", f"{len(images)} training images for batches of {batch_size}", expected="at least one batch", fix=f"batch_size={len(images)}"
        )
    to = augmentation

    def epoch(_: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.randperm(len(images), generator=generator)[:n_images]
        for start in range(0, len(order) - batch_size + 1, batch_size):
            frames, labels = images.take(order[start : start + batch_size])
            if to.crop_area is not None:
                frames = random_crops(frames, generator, area=(to.crop_area, 1.0))
            if to.shift:
                frames = _shifted(frames, to.shift, generator)
            if to.flip:
                mirrored = torch.rand(len(frames), generator=generator) < 0.5
                frames = torch.where(mirrored[:, None, None, None], frames.flip(-1), frames)
            if to.mix_classes:
                frames, labels = cut_or_mix(frames, labels, to.mix_classes, generator)
            yield frames.to(device), labels.to(device)

    return epoch


@dataclass(frozen=True)
class TrialPlan:
    """Blank, image, blank, in steps of the model; which steps are supervised, and how far back gradients reach.

    Attributes
    ----------
    n_before : int
        Blank from silence, without gradient: ends in the spontaneous state.
    n_stimulus : int
    window : (int, int)
        Supervised steps of the stimulus, first and one past the last.
    weights : sequence of float
        One a supervised step.
    n_gradient : int, optional
        Gradients reach back this many steps from the last supervised one; all the way to onset when absent.
    n_after, n_penalty : int
        Blank after the stimulus, and how many of its last steps are held to the spontaneous state.
    penalty : float
        Weight of that term.
    penalty_share : float
        Share of each batch that the second blank is played for.
    """

    n_before: int
    n_stimulus: int
    window: tuple[int, int]
    weights: tuple[float, ...]
    n_gradient: int | None = None
    n_after: int = 0
    n_penalty: int = 10
    penalty: float = 0.0
    penalty_share: float = 1.0

    def __post_init__(self) -> None:
        first, last = self.window
        if not 0 <= first < last <= self.n_stimulus:
            raise ConfigError("TrialPlan", f"`window` is {self.window} in a stimulus of {self.n_stimulus} steps", expected="first < last inside the stimulus")
        if len(self.weights) != last - first:
            raise ConfigError("TrialPlan", f"{len(self.weights)} weights for {last - first} supervised steps", expected="one a step")
        if self.penalty and not 0 < self.n_penalty <= self.n_after:
            raise ConfigError("TrialPlan", f"`n_penalty` is {self.n_penalty} of {self.n_after} steps after the stimulus", expected="1 or more, inside them")
        if not 0 < self.penalty_share <= 1:
            raise ConfigError("TrialPlan", f"`penalty_share` is {self.penalty_share}", expected="above 0, at most 1")


def spontaneous(model: DynamicalModel, n_steps: int) -> State:
    """The state after `n_steps` of blank from silence, batch of 1, without gradient."""
    with torch.no_grad():
        drive = model.encode(model.blank.unsqueeze(0))
        state = model.initial_state(drive)
        for _ in range(n_steps):
            state = model.step(state, drive)
    return state


def run_trial(model: DynamicalModel, frames: Tensor, plan: TrialPlan) -> tuple[list[Tensor], list[State], State]:
    """Play a trial with gradients.

    Returns
    -------
    logits : list of Tensor, each (batch, class)
        Of the supervised steps.
    after : list of State
        The last steps of the second blank.
    baseline : State
        The spontaneous state, batch of 1.
    """
    baseline = spontaneous(model, plan.n_before)
    n, first, last = len(frames), plan.window[0], plan.window[1]
    begin = 0 if plan.n_gradient is None else max(0, last - plan.n_gradient)
    drive = model.encode(frames)
    state = {k: v.expand(n, *v.shape[1:]) for k, v in baseline.items()}
    with torch.no_grad():
        for _ in range(begin):
            state = model.step(state, drive)
    logits = []
    for k in range(begin, plan.n_stimulus if plan.n_after else last):
        state = model.step(state, drive)
        if first <= k < last:
            logits.append(model.readout(state))
    after: list[State] = []
    if plan.n_after:
        n_held = max(1, round(n * plan.penalty_share))
        blank = model.encode(model.blank.unsqueeze(0))
        blank = {k: v.expand(n_held, *v.shape[1:]) for k, v in blank.items()}
        state = {k: v[:n_held] for k, v in state.items()}
        for k in range(plan.n_after):
            state = model.step(state, blank)
            if k >= plan.n_after - plan.n_penalty:
                after.append(state)
    return logits, after, baseline


def trial_loss(model: Any, plan: TrialPlan) -> Callable[[nn.Module, tuple[Tensor, Tensor]], tuple[Tensor, dict[str, float]]]:
    """Log-weighted cross-entropy over the supervised steps, plus the return to baseline."""

    def loss(_: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        logits, after, baseline = run_trial(model, batch[0], plan)
        value = weighted_cross_entropy(logits, batch[1], plan.weights)
        metrics = {"cross_entropy": float(value.detach()), "accuracy": step_accuracy(logits[-1].detach(), batch[1])}
        if after:
            term = return_to_baseline(after, baseline, model.phase)
            metrics["baseline_error"] = float(term.detach())
            value = value + plan.penalty * term
        return value, metrics

    return loss


def steady_loss(model: Any, n_free: int, n_gradient: int) -> Callable[[nn.Module, tuple[Tensor, Tensor]], tuple[Tensor, dict[str, float]]]:
    """Cross-entropy at the steady state under the image, with as many terms of its implicit gradient; a trial's limit, without its time."""

    def loss(_: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        logits = model.readout(model.settled(model.encode(batch[0]), n_free=n_free, n_gradient=n_gradient))
        value = weighted_cross_entropy([logits], batch[1], (1.0,))
        return value, {"cross_entropy": float(value.detach()), "accuracy": step_accuracy(logits.detach(), batch[1])}

    return loss


def held_out_accuracy(model: Any, images: Images, *, batch_size: int = 250, trial: Schedule | None = None, step: int | None = None) -> float:
    """Accuracy of the readout at the end of the stimulus (or after `step`), from the spontaneous state; the model's own trial by default."""
    line = (trial or model.trial).timeline(dt_ms=model.dt_ms)
    n_before, n_shown = int((line.step < 0).sum()), int((line.frame >= 0).sum())
    n_shown = n_shown if step is None else step + 1
    baseline, correct = spontaneous(model, n_before), 0
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            frames, labels = (v.to(model_device(model)) for v in images.take(slice(start, start + batch_size)))
            drive = model.encode(frames)
            state = {k: v.expand(len(frames), *v.shape[1:]) for k, v in baseline.items()}
            for _ in range(n_shown):
                state = model.step(state, drive)
            correct += int((model.readout(state).argmax(1) == labels).sum())
    return correct / len(images)


def _shifted(frames: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    n, c, rows, columns = frames.shape
    padded = torch.nn.functional.pad(frames, (shift,) * 4, mode="replicate")
    offset = torch.randint(0, 2 * shift + 1, (2, n), generator=generator)
    r = (offset[0][:, None] + torch.arange(rows))[:, None, :, None]
    k = (offset[1][:, None] + torch.arange(columns))[:, None, None, :]
    return padded[torch.arange(n)[:, None, None, None], torch.arange(c)[None, :, None, None], r, k]
