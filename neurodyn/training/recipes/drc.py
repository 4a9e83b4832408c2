"""Train a DRC, or one of its baselines, on CIFAR-10 seen through a moving low-resolution sensor.

``method="teacher"``, the paper's: first the front end learns, by mean squared error, the teacher's map of features of the static
full-resolution image from a fresh trajectory at every presentation; then the front end is frozen and the teacher's back end,
copied, is retrained on the front end's maps.  ``method="labels"``: everything at once by cross-entropy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.seeding import subseed, torch_generator
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import step_accuracy
from neurodyn.training.recipes._drc_data import Images, check_teacher, draw, load_split, load_teacher, look, outcomes, shuffled

if TYPE_CHECKING:
    from neurodyn.architectures.drc import DRC
    from neurodyn.architectures.drc_baseline import Baseline

__all__ = ["Parameters", "train"]

_METHODS = ("teacher", "labels")
_TEST_SEED = 20220425  # the same test trajectories for every network, so that comparisons are paired


@dataclass(frozen=True)
class Parameters:
    """How to train.

    Attributes
    ----------
    method : {"teacher", "labels"}
    teacher : str
        Card of a trained drc_teacher.
    trajectory : dict
        ``style`` and its parameters; a list is taken in turn, one value a presentation.
    n_train : int, optional
        Images of the first 45,000; all where absent.
    epoch_size : int, optional
        Images shown in one epoch of the features, drawn without replacement; all where absent.
    n_test, n_passes : int
        Test images, and passes over them with new trajectories.
    feature_epochs, back_epochs : int
        Epochs of the two stages; with ``method="labels"`` the first is all there is.
    feature_rate, back_rate : float
        Learning rates.
    batch_size : int
    back_batch_size : int
    back_optimiser : {"adamw", "sgd"}
    n_cached : int
        Presentations whose maps are computed once for the second stage; 0 draws new trajectories in every epoch.
    kernel : {"cubic", "linear", "area"}
        Of the receptors.
    precision : {"float32", "bfloat16"}
        Of the matrix products in training.
    device : str

    Notes
    -----
    The defaults are a two-core protocol.  The paper: 45,000 images, batch 32, up to 100 epochs of Adam at 1e-3 for the features, then
    SGD at 2.5e-3 for 40 epochs, both falling on plateaus and stopped early, five test passes.
    """

    method: str = "teacher"
    teacher: str = "drc-teacher-cifar10"
    trajectory: dict[str, Any] = field(default_factory=lambda: {"style": "spiral_2dir2"})
    n_train: int | None = None
    epoch_size: int | None = 2_000
    n_test: int | None = 2_500
    n_passes: int = 1
    feature_epochs: int = 8
    back_epochs: int = 2
    feature_rate: float = 8e-3
    back_rate: float = 1e-3
    batch_size: int = 64
    back_batch_size: int = 128
    back_optimiser: str = "adamw"
    n_cached: int = 10_000
    kernel: str = "cubic"
    precision: str = "bfloat16"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise unknown_name("recipes.drc", "method", self.method, _METHODS)
        if self.n_passes < 1:
            raise ConfigError("recipes.drc", f"`n_passes` is {self.n_passes}", expected="1 or more")


def train(model: DRC | Baseline, parameters: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, Any]:
    """Train a network in place.

    Parameters
    ----------
    model : DRC or Baseline
    parameters : Parameters
    seed : int
        Order of the images and training trajectories; test trajectories are the same for every seed.
    folder : path
        Checkpoints; ``outcomes.npy`` there holds bool (pass, presentation, frame), whether each test image was named correctly.
    progress : bool, optional

    Returns
    -------
    dict
        ``test_accuracy`` (mean over passes, after the last frame), ``test_accuracy_frame_<k>`` and, with a teacher, ``feature_error`` (of the
        last epoch, relative to the variance of the teacher's map) and ``accuracy_before_retraining`` (on 500 images); ``feature_error_after`` and
        ``back_loss_after`` (or ``loss_after``) by the number of images shown.
    """
    run = _Run(model, parameters, seed, Path(folder), progress)
    metrics = run.by_teacher() if parameters.method == "teacher" else run.by_labels()
    found = np.stack([run.test(k) for k in range(parameters.n_passes)])
    model.cpu().eval()
    np.save(Path(folder) / "outcomes.npy", found)
    per_frame = found.mean(axis=(0, 1))
    return {"test_accuracy": float(per_frame[-1]), **metrics, **{f"test_accuracy_frame_{k + 1}": float(v) for k, v in enumerate(per_frame)}}


class _Run:
    """One network being trained: the data, the trajectories, and the two stages."""

    def __init__(self, model: DRC | Baseline, parameters: Parameters, seed: int, folder: Path, progress: bool | None) -> None:
        self.model, self.p, self.seed, self.folder, self.progress = model, parameters, seed, folder, progress
        self.images = load_split("train", parameters.n_train)
        self.padding = tuple(model.config.mean)
        self.device = torch.device(parameters.device)
        self.single = getattr(model.config, "kind", None) == "committee"

    def frames(self, epoch: int, stage: str, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """(images, frames, positions, labels) of one pass with fresh trajectories."""
        n = len(self.images)
        n = n if self.p.epoch_size is None else min(n, self.p.epoch_size)
        where = draw(self.p.trajectory, n, self.model.config.n_steps, seed=subseed(self.seed, stage, epoch))
        if self.single:
            one = torch.randint(where.shape[1], (n, 1, 1), generator=torch_generator(self.seed, stage, epoch, "frame"))
            where = where.gather(1, one.expand(-1, 1, 2))
        for start, rows in shuffled(len(self.images), batch_size, generator, n):
            pixels, labels = self.images.take(rows)
            pixels, labels, seen_at = pixels.to(self.device), labels.to(self.device), where[start : start + batch_size].to(self.device)
            yield pixels, look(pixels, seen_at, self.model, padding=self.padding, kernel=self.p.kernel), seen_at, labels

    def n_shown(self) -> int:
        """Images in one epoch."""
        return len(self.images) if self.p.epoch_size is None else min(len(self.images), self.p.epoch_size)

    def config(self, stage: str, epochs: int, rate: float, batch_size: int, optimiser: str = "adamw") -> TrainConfig:
        """The settings of one stage."""
        return TrainConfig(
            n_epochs=epochs,
            batch_size=batch_size,
            learning_rate=rate,
            optimiser=optimiser,
            clip_norm=1.0,
            schedule="cosine",
            warmup_steps=30,
            seed=subseed(self.seed, stage),
            device=self.p.device,
        )

    def autocast(self) -> torch.autocast:
        """Matrix products in the precision asked for."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.p.precision == "bfloat16")

    def by_teacher(self) -> dict[str, Any]:
        """Feature learning, then retraining of the back end."""
        p, model = self.p, self.model
        teacher = load_teacher(p.teacher).to(self.device)
        pixels, _ = self.images.take(torch.arange(min(512, len(self.images))))
        target = teacher.features(pixels.to(self.device))
        variance = float(target.var())
        one = draw(p.trajectory, 2, 1 if self.single else model.config.n_steps, seed=0)
        with torch.no_grad():
            seen = look(pixels[:2], one, model, padding=self.padding, kernel=p.kernel).to(self.device)
            check_teacher(model, teacher, model.to(self.device).features(seen, one.to(self.device)), target)
        model.requires_grad_(False)
        for parameter in model.front_parameters():
            parameter.requires_grad_(True)

        def loss(module: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, float]]:
            with self.autocast():
                goal, found = teacher.features(batch[0]), model.features(batch[1], batch[2])
            error = F.mse_loss(found.float(), goal.float())
            return error, {"relative_error": float(error.detach()) / variance}

        history = fit(
            model,
            lambda epoch, g: self.frames(epoch, "features", p.batch_size, g),
            loss,
            self.config("features", p.feature_epochs, p.feature_rate, p.batch_size),
            folder=self.folder / "features",
            n_batches=self.n_shown() // p.batch_size,
            progress=self.progress,
        )
        model.back.load_state_dict(teacher.back.state_dict())
        before = float(self.test(0, 500)[:, -1].mean()) if not (self.folder / "back" / "checkpoint.pt").is_file() else None
        back_curve = self._retrain()
        curve = {str((k + 1) * self.n_shown()): round(row["relative_error"], 5) for k, row in enumerate(history.rows)}
        found = {"feature_error": history.rows[-1]["relative_error"], "feature_error_after": curve, "back_loss_after": back_curve}
        return found if before is None else {**found, "accuracy_before_retraining": before}

    def _retrain(self) -> dict[str, float]:
        p, back = self.p, self.model.back
        self.model.requires_grad_(False)
        back.requires_grad_(True)
        cached = self._cache() if p.n_cached else None
        n = len(cached[1]) if cached else self.n_shown()

        def batches(epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
            if cached is not None:
                for _, rows in shuffled(n, p.back_batch_size, generator):
                    yield cached[0][rows].to(self.device), cached[1][rows].to(self.device)
                return
            for _, seen, where, labels in self.frames(epoch, "back", p.back_batch_size, generator):
                with torch.no_grad(), self.autocast():
                    maps = self.model.features(seen, where)
                yield maps, labels

        def loss(module: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
            with self.autocast():
                logits = module(batch[0])
            logits = logits.float()
            return F.cross_entropy(logits, batch[1]), {"accuracy": step_accuracy(logits, batch[1])}

        config = self.config("back", p.back_epochs, p.back_rate, p.back_batch_size, p.back_optimiser)
        history = fit(back, batches, loss, config, folder=self.folder / "back", n_batches=n // p.back_batch_size, progress=self.progress)
        self.model.requires_grad_(True)
        return {str((k + 1) * n): round(row["loss"], 5) for k, row in enumerate(history.rows)}

    def _cache(self) -> tuple[Tensor, Tensor]:
        maps, labels, count = [], [], 0
        self.model.eval()
        for epoch in range(1000):
            for _, seen, where, label in self.frames(epoch, "cache", self.p.back_batch_size, torch_generator(self.seed, "cache", epoch)):
                with torch.no_grad(), self.autocast():
                    maps.append(self.model.features(seen, where).to(torch.bfloat16).cpu())
                labels.append(label.cpu())
                count += len(label)
                if count >= self.p.n_cached:
                    return torch.cat(maps).float(), torch.cat(labels)
        raise ConfigError("recipes.drc", f"`n_train` is {len(self.images)} for batches of {self.p.back_batch_size}", expected="at least one batch")

    def by_labels(self) -> dict[str, Any]:
        """All parameters at once by cross-entropy."""
        p = self.p

        def loss(module: nn.Module, batch: tuple[Tensor, ...]) -> tuple[Tensor, dict[str, float]]:
            with self.autocast():
                logits = self.model.back(self.model.features(batch[1], batch[2]))
            logits = logits.float()
            return F.cross_entropy(logits, batch[3]), {"accuracy": step_accuracy(logits, batch[3])}

        history = fit(
            self.model,
            lambda epoch, g: self.frames(epoch, "labels", p.batch_size, g),
            loss,
            self.config("labels", p.feature_epochs, p.feature_rate, p.batch_size),
            folder=self.folder / "labels",
            n_batches=self.n_shown() // p.batch_size,
            progress=self.progress,
        )
        return {"loss_after": {str((k + 1) * self.n_shown()): round(row["loss"], 5) for k, row in enumerate(history.rows)}}

    def test(self, index: int, n: int | None = None) -> np.ndarray:
        """Outcomes of one pass over the test images, or over the first `n`, bool (presentation, frame)."""
        images: Images = load_split("test", self.p.n_test if n is None else n)
        self.model.to(self.device).eval()
        return outcomes(self.model, images, self.p.trajectory, padding=self.padding, kernel=self.p.kernel, seed=subseed(_TEST_SEED, index))
