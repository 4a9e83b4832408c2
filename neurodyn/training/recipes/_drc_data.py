"""What the recipes of the moving sensor share: CIFAR-10 in memory, trajectories, frames, and accuracy after every frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurodyn import places
from neurodyn.architectures import drc_teacher
from neurodyn.datasets import cifar10
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import unroll
from neurodyn.errors import ConfigError, ModelError
from neurodyn.numerics import sensor
from neurodyn.seeding import subseed
from neurodyn.stimuli.trajectories import positions
from neurodyn.training.cards import read_card
from neurodyn.training.checkpoints import load_weights

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["Images", "check_teacher", "draw", "load_split", "load_teacher", "look", "outcomes", "shuffled"]

N_VALIDATION = 5000


@dataclass(frozen=True)
class Images:
    """Images in memory.

    Attributes
    ----------
    pixels : Tensor, (presentation, channel, row, column)
        uint8.
    labels : Tensor, (presentation)
    """

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Images in [0, 1] and labels."""
        return self.pixels[rows].float() / 255, self.labels[rows]


def load_split(split: str, n: int | None = None) -> Images:
    """``train`` (all but the last tenth of the training images), ``validation`` (those), or ``test``; the first `n` where given."""
    values, labels = cifar10.pixels(None, "test" if split == "test" else "train")
    held = min(N_VALIDATION, len(labels) // 10)
    keep = slice(None) if split == "test" else slice(-held, None) if split == "validation" else slice(None, -held)
    values, labels = values[keep][:n], labels[keep][:n]
    return Images(torch.from_numpy(np.ascontiguousarray(values)), torch.from_numpy(labels))


def draw(trajectory: Mapping[str, Any], n: int, n_steps: int, *, seed: int) -> Tensor:
    """Positions of `n` trials, (trial, frame, 2); parameters that are lists are taken in turn, one value a trial.

    Parameters
    ----------
    trajectory : mapping
        ``style`` and its parameters, for example ``{"style": "von_mises", "kappa": [-5, 0, 20]}``.
    n, n_steps : int
    seed : int
    """
    parameters = {k: v for k, v in trajectory.items() if k != "style"}
    lists = [k for k, v in parameters.items() if isinstance(v, (list, tuple))]
    if len(lists) > 1:
        raise ConfigError("recipes.drc", f"{len(lists)} trajectory parameters are lists ({', '.join(lists)})", expected="one at most")
    style = str(trajectory.get("style", "spiral_2dir2"))
    if not lists:
        return torch.from_numpy(positions(style, n, n_steps, seed=seed, **parameters)).float()
    choices = parameters[lists[0]]
    out = np.empty((n, n_steps, 2))
    for k, value in enumerate(choices):
        rows = np.arange(k, n, len(choices))
        if len(rows):
            out[rows] = positions(style, len(rows), n_steps, seed=subseed(seed, k), **{**parameters, lists[0]: value})
    return torch.from_numpy(out).float()


def look(images: Tensor, where: Tensor, model: DynamicalModel, *, padding: tuple[float, ...], kernel: str) -> Tensor:
    """What the model's sensor sees of images at positions, (batch, frame, channel, row, column)."""
    return sensor.sample(images, where, resolution=model.config.resolution, field_px=images.shape[-1], padding=padding, kernel=kernel)  # type: ignore[attr-defined]


def shuffled(n: int, batch_size: int, generator: torch.Generator, n_shown: int | None = None) -> Iterator[tuple[int, Tensor]]:
    """(first trial, rows) of the whole batches of one shuffled pass over `n` images, or over `n_shown` of them."""
    order = torch.randperm(n, generator=generator)[:n_shown]
    for start in range(0, len(order) - batch_size + 1, batch_size):
        yield start, order[start : start + batch_size]


def load_teacher(card: str) -> drc_teacher.Teacher:
    """The trained teacher of a card, by name or path, frozen."""
    path = Path(card) if Path(card).is_file() else places.find_declaration("models", card)
    if path is None:
        raise ConfigError("recipes.drc", f"no model card `{card}`", expected="the card of a trained drc_teacher", fix="neurodyn train drc-teacher-cifar10")
    read = read_card(path)
    if read.architecture != "drc_teacher" or read.weights is None:
        raise ConfigError("recipes.drc", f"`{card}` is a {read.architecture} {'with' if read.weights else 'without'} weights", expected="a trained drc_teacher")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in read.config.items()}
    teacher = drc_teacher.build(drc_teacher.Config(**values), seed=read.seed)
    load_weights(teacher, places.weights_file(path, read.weights.file), read.weights.sha256)
    return teacher.requires_grad_(False).eval()


def check_teacher(model: torch.nn.Module, teacher: drc_teacher.Teacher, student_map: Tensor, teacher_map: Tensor) -> None:
    """Refuse a teacher whose map of features has another size than the student's, or whose back end is of another kind."""
    if student_map.shape[1:] != teacher_map.shape[1:] or model.config.teacher != teacher.config.kind:  # type: ignore[union-attr]
        raise ModelError(
            "recipes.drc",
            f"the student gives {tuple(student_map.shape[1:])} features for a back end `{model.config.teacher}`, "  # type: ignore[union-attr]
            f"the teacher `{teacher.config.kind}` {tuple(teacher_map.shape[1:])}",
            expected="equal (channel, row, column)",
            fix=f"build the student with teacher={teacher.config.kind!r} and widths=(..., {teacher_map.shape[1]})",
        )


def outcomes(
    model: DynamicalModel,
    images: Images,
    trajectory: Mapping[str, Any],
    *,
    padding: tuple[float, ...],
    kernel: str,
    seed: int,
    n_steps: int | None = None,
    batch_size: int = 250,
) -> np.ndarray:
    """Whether each image is named correctly after each frame, bool (presentation, frame); trials as long as in training, or of `n_steps`."""
    n_steps = model.config.n_steps if n_steps is None else n_steps  # type: ignore[attr-defined]
    where = draw(trajectory, len(images), n_steps, seed=seed)
    timeline = Schedule.steps(stimulus=n_steps).timeline(dt_ms=model.dt_ms, frame_start=np.arange(n_steps) * float(model.dt_ms or 1.0))
    found = np.empty((len(images), n_steps), bool)
    device = model.mean.device  # type: ignore[attr-defined]
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            rows = torch.arange(start, min(start + batch_size, len(images)))
            pixels, labels = images.take(rows)
            seen_at = where[rows].to(device)
            frames = {"image": look(pixels.to(device), seen_at, model, padding=padding, kernel=kernel), "position": seen_at}
            for k, state, _ in unroll(model, frames, timeline, movie=True):
                found[rows.numpy(), k] = (model.readout(state).argmax(1).cpu() == labels).numpy()
    return found
