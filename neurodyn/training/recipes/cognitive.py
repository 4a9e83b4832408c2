"""Train a rate network on one cognitive task, by gradients through time from random weights.

Durations, noise, loss and optimiser are our choice: of the CordsNet paper's comparison with other networks only the captions are known to us.
Every connectivity is trained with the same loss, trials and number of updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import ConfigError, ModelError
from neurodyn.seeding import subseed
from neurodyn.stimuli.cognitive import TASKS, trials
from neurodyn.training.loop import TrainConfig, fit

if TYPE_CHECKING:
    import torch
    import xarray as xr

    from neurodyn.architectures.rate_rnn import RateRNN

__all__ = ["Parameters", "performance", "train"]

Batch = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor", int]


@dataclass(frozen=True)
class Parameters:
    """How a network is trained.

    Attributes
    ----------
    task : str
        One of :data:`neurodyn.stimuli.cognitive.TASKS`.
    stimulus_set, n_angles
        Of ``memory_pro``.
    n_epochs, n_batches, batch_size : int
        Every batch is drawn anew, with durations of its own.
    learning_rate, clip_norm
        Of AdamW with a cosine schedule.
    input_noise : float
        Of the evidence, a frame.
    rate_penalty, weight_penalty : float
        Times the mean squared rate, and the mean squared recurrent weight times the number of units.
    n_test : int
        Trials of the reported performance.
    """

    task: str = "perceptual_decision"
    stimulus_set: str = "ring"
    n_angles: int = 16
    n_epochs: int = 10
    n_batches: int = 100
    batch_size: int = 64
    learning_rate: float = 2e-3
    clip_norm: float = 1.0
    input_noise: float = 0.1
    rate_penalty: float = 1e-3
    weight_penalty: float = 1e-4
    n_test: int = 512

    def __post_init__(self) -> None:
        for name in ("n_epochs", "n_batches", "batch_size", "n_test"):
            if getattr(self, name) < 1:
                raise ConfigError("cognitive recipe", f"`{name}` is {getattr(self, name)}", expected="1 or more")


def train(model: RateRNN, parameters: Parameters | None = None, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train `model` in place on one task; resumes in `folder`.

    Parameters
    ----------
    model : RateRNN
        With the inputs and outputs of the task.
    parameters : Parameters, optional
    seed : int
        Trials and noise.
    folder : path
        Checkpoints and history.
    progress : bool, optional

    Returns
    -------
    dict
        ``accuracy`` (share of right answers; of answers within 36 degrees for angles), ``angle_error_deg`` (angles only) and ``loss``, on new
        trials of the fixed durations with input noise and without noise inside.

    Raises
    ------
    ModelError
        If the network has other inputs or outputs than the task.
    """
    p = parameters or Parameters()
    shown = _tensors(trials(p.task, 1, seed=seed, **_options(p)))
    if (shown[0].shape[2], shown[1].shape[2]) != (model.config.n_inputs, model.config.n_outputs):
        raise ModelError(
            "cognitive recipe",
            f"a network of {model.config.n_inputs} inputs and {model.config.n_outputs} outputs for {p.task}",
            expected=f"{shown[0].shape[2]} inputs and {shown[1].shape[2]} outputs",
            fix=f"n_inputs={len(TASKS[p.task].inputs)}, n_outputs={len(TASKS[p.task].outputs)}",
        )
    config = TrainConfig(
        n_epochs=p.n_epochs,
        batch_size=p.batch_size,
        learning_rate=p.learning_rate,
        clip_norm=p.clip_norm,
        schedule="cosine",
        warmup_steps=20,
        seed=seed,
    )

    def batches(epoch: int, generator: torch.Generator) -> Iterator[Batch]:
        for k in range(p.n_batches):
            key = subseed(seed, "trials", epoch, k)
            drawn = trials(p.task, p.batch_size, seed=key, noise=p.input_noise, random_durations=True, dt_ms=model.config.dt_ms, **_options(p))
            yield *_tensors(drawn), subseed(seed, "noise", epoch, k)

    fit(
        model,
        batches,
        lambda module, batch: _loss(module, batch, p),
        config,
        folder=folder,
        evaluate=lambda module: performance(module, _validation(p, seed, model.config.dt_ms)),
        n_batches=p.n_batches,
        progress=progress,
    )
    model.eval()
    test = trials(p.task, p.n_test, seed=subseed(seed, "test"), noise=p.input_noise, dt_ms=model.config.dt_ms, **_options(p))
    return {name: round(float(value), 4) for name, value in performance(model, test).items()}


def performance(model: Any, test: xr.Dataset) -> dict[str, float]:
    """How a network answers trials.

    Parameters
    ----------
    model : RateRNN
    test : Dataset
        From :func:`neurodyn.stimuli.cognitive.trials`.

    Returns
    -------
    dict
        ``accuracy``, ``loss``, and ``angle_error_deg`` where the answer is an angle.
    """
    import torch

    shown, target, mask = _tensors(test)
    with torch.no_grad():
        outputs, _ = model.run(shown)
    loss = float((mask[..., None] * (outputs - target) ** 2).mean())
    late = (test.epoch.values == "response") & (test["mask"].values[0] > 0)
    answer = outputs[:, late, 1:].mean(1).numpy()
    if "angle" not in test.coords:
        return {"accuracy": float((answer.argmax(1) == test.choice.values).mean()), "loss": loss}
    angle = np.arctan2(answer[:, 1], answer[:, 0])
    error = np.abs(np.angle(np.exp(1j * (angle - test.angle.values))))
    return {"accuracy": float((error < np.pi / 5).mean()), "angle_error_deg": float(np.rad2deg(error.mean())), "loss": loss}


def _options(p: Parameters) -> dict[str, Any]:
    return {"stimulus_set": p.stimulus_set, "n_angles": p.n_angles} if p.task == "memory_pro" else {}


def _validation(p: Parameters, seed: int, dt_ms: float) -> xr.Dataset:
    return trials(p.task, 128, seed=subseed(seed, "validation"), noise=p.input_noise, dt_ms=dt_ms, **_options(p))


def _tensors(drawn: xr.Dataset) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    import torch

    shown = drawn["input"].values[..., 0, 0]
    return tuple(torch.from_numpy(np.array(v, dtype=np.float32)) for v in (shown, drawn["target"].values, drawn["mask"].values))  # type: ignore[return-value]


def _loss(module: Any, batch: Batch, p: Parameters) -> tuple[torch.Tensor, dict[str, float]]:
    import torch

    shown, target, mask, noise_seed = batch
    outputs, rates = module.run(shown, generator=torch.Generator().manual_seed(noise_seed))
    error = (mask[..., None] * (outputs - target) ** 2).mean()
    W = module.recurrent_matrix()
    loss = error + p.rate_penalty * rates.square().mean() + p.weight_penalty * len(W) * W.square().mean()
    return loss, {"error": float(error.detach())}
