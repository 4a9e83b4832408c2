"""Train a network so that ridge regression on its activity predicts V4 neurons on images that the fit has not seen.

There is no readout to learn: each batch holds images of one session, a kernel is made of the pooled activity of all layers at the last step, and
the loss is minus the mean correlation over neurons between their responses and the leave-one-out predictions of kernel ridge regression, which have a closed
form.  What is learnt is a space of features that serves any neurons of the area; other sessions are predicted by an ordinary regression.  Settings
are chosen on images of the training sessions that are held out from the training.

    K = sum_l w_l K_l / mean(diag K_l),    R = (K + a I)^-1 centred,    y_i - yhat_i = (R y)_i / R_ii
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.errors import ConfigError
from neurodyn.numerics.crossval import Split
from neurodyn.numerics.image_resize import resize_images
from neurodyn.numerics.ridge import ridge_cv, unit_rms
from neurodyn.seeding import numpy_generator
from neurodyn.training.loop import TrainConfig, fit

__all__ = ["Parameters", "RidgeKernel", "leave_one_out", "pooled", "train"]


@dataclass(frozen=True)
class Parameters:
    """Settings of the recipe.

    Attributes
    ----------
    sessions : tuple of str
        Sessions of ``cowley2023`` that train; the one to be predicted is not among them.
    root : str, optional
        Their folder; found below ``NEURODYN_DATA`` when absent.
    batch_size : int
        Images of one session that make a kernel.
    n_batches : int
        In all; sessions take turns.
    learning_rate, weight_decay, clip_norm : float
    warmup_steps : int
    n_pools : int
        Pools along each side of a map.
    held_out : float
        Share of each session's images kept for choosing settings.
    device : str
    """

    sessions: tuple[str, ...] = ("190923", "201025")
    root: str | None = None
    batch_size: int = 240
    n_batches: int = 90
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    warmup_steps: int = 10
    n_pools: int = 7
    held_out: float = 0.15
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not self.sessions or not 0 < self.held_out < 1 or min(self.batch_size, self.n_batches, self.n_pools) < 1:
            raise ConfigError(
                "recipes.v4_ridge",
                f"sessions={self.sessions}, held_out={self.held_out}, batch_size={self.batch_size}, n_batches={self.n_batches}, n_pools={self.n_pools}",
                expected="one session or more, a share of held-out images between 0 and 1, positive numbers",
            )


def train(model: Any, parameters: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, Any]:
    """Train in place; called again with the same folder it goes on where it stopped.

    Parameters
    ----------
    model : DynamicalModel that is an nn.Module
        Looks at square images; its readout is not trained.
    parameters : Parameters
    seed : int
        Of the batches and of the held-out images.
    folder : path
        Checkpoints and history.
    progress : bool, optional

    Returns
    -------
    dict
        ``held_out_r_<session>``, the median over neurons of the correlation on held-out images of a training session (ridge fitted to its other images),
        before training (``_before``) and after; ``loss``; ``train_s``; ``n_parameters``.
    """
    sessions = {name: _session(name, model, parameters, seed) for name in parameters.sessions}
    wrapped = RidgeKernel(model, parameters.n_pools)
    before = {f"held_out_r_{name}_before": _held_out(wrapped, s) for name, s in sessions.items()}

    def batches(epoch: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        for k in range(parameters.n_batches):
            s = sessions[parameters.sessions[k % len(sessions)]]
            rows = s.train[torch.randperm(len(s.train), generator=generator)[: parameters.batch_size].numpy()]
            yield torch.from_numpy(s.images[rows]).to(parameters.device), torch.from_numpy(s.targets[rows]).to(parameters.device)

    def loss(module: Any, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        images, targets = batch
        r = _correlation(leave_one_out(module.kernel(images), targets, module.log_penalty.mul(10).exp()), targets).mean()
        return -r, {"leave_one_out_r": float(r.detach())}

    config = TrainConfig(
        n_epochs=1,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
        clip_norm=parameters.clip_norm,
        schedule="cosine",
        warmup_steps=parameters.warmup_steps,
        seed=seed,
        device=parameters.device,
    )
    history = fit(wrapped, batches, loss, config, folder=folder, n_batches=parameters.n_batches, progress=progress)
    after = {f"held_out_r_{name}": _held_out(wrapped, s) for name, s in sessions.items()}
    last = history.rows[-1]
    return {**after, **before, "loss": last["loss"], "train_s": last["elapsed_s"], "n_parameters": float(sum(p.numel() for p in model.parameters()))}


def pooled(model: Any, images: Tensor, n_pools: int) -> list[Tensor]:
    """Activity of each layer at the end of the model's own trial, averaged over a grid of pools, (image, feature)."""
    drive = model.encode(images)
    state = model.initial_state(drive)
    for _ in range(sum(model.config.steps())):
        state = model.step(state, drive)
    rates = model.rates(state, drive, model.layers)
    return [F.adaptive_avg_pool2d(r, tuple(min(n_pools, s) for s in r.shape[-2:])).flatten(1) for r in rates.values()]


def leave_one_out(kernel: Tensor, targets: Tensor, penalty: Tensor | float) -> Tensor:
    """Predictions of every row by kernel ridge regression (with an intercept) on all the others, (row, target).

    Examples
    --------
    >>> x = torch.linspace(-1, 1, 9, dtype=torch.float64)[:, None]
    >>> bool((leave_one_out(x @ x.T, 3 * x + 1, 1e-9) - 3 * x - 1).abs().max() < 1e-6)
    True
    """
    inverse = torch.linalg.inv(kernel + penalty * torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device))
    column = inverse.sum(dim=1, keepdim=True)
    maker = inverse - column @ column.T / column.sum()
    return targets - (maker @ targets) / maker.diagonal()[:, None]


class RidgeKernel(nn.Module):
    """A network, the weights of its layers in the kernel, and the penalty of the regression."""

    def __init__(self, model: Any, n_pools: int) -> None:
        super().__init__()
        self.model, self.n_pools = model, n_pools
        self.log_weight = nn.Parameter(torch.zeros(len(model.layers)))
        self.log_penalty = nn.Parameter(torch.tensor(-0.1))  # a tenth of the logarithm, as are the weights: they move faster than the network

    def kernel(self, images: Tensor) -> Tensor:
        """The kernel between images, (image, image)."""
        total: Any = 0.0
        for weight, features in zip(self.log_weight.mul(10).exp(), pooled(self.model, images, self.n_pools), strict=True):
            centred = features - features.mean(dim=0)
            total = total + weight * (centred @ centred.T) / (centred.square().sum() / len(centred) + 1e-8)
        return total


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    x, y = a - a.mean(dim=0), b - b.mean(dim=0)
    return (x * y).sum(dim=0) / (x.norm(dim=0) * y.norm(dim=0) + 1e-8)


@dataclass(frozen=True)
class _Session:
    images: np.ndarray  # (image, channel, row, column), float32 in [0, 1]
    targets: np.ndarray  # (image, neuron), float32, standardised
    train: np.ndarray
    held: np.ndarray


def _session(name: str, model: Any, parameters: Parameters, seed: int) -> _Session:
    from neurodyn.datasets import cowley2023

    stimuli, recordings = cowley2023.load(parameters.root, name, repeats=False)
    channels, size = model.blank.shape[0], model.blank.shape[-1]
    images = stimuli.values if channels == stimuli.shape[1] else stimuli.values.mean(axis=1, keepdims=True)
    values = recordings.values[:, :, 0].astype(float)
    targets = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-12)
    order = numpy_generator(seed, "v4_ridge", name).permutation(len(images))
    n_held = max(2, round(parameters.held_out * len(images)))
    images = np.clip(resize_images(images, (size, size)), 0, 1).astype(np.float32)
    return _Session(images, targets.astype(np.float32), np.sort(order[n_held:]), np.sort(order[:n_held]))


def _held_out(module: Any, session: _Session) -> float:
    with torch.no_grad():
        device = next(module.parameters()).device
        parts = [pooled(module.model, torch.from_numpy(session.images[k : k + 80]).to(device), module.n_pools) for k in range(0, len(session.images), 80)]
    layers = [torch.cat(p).cpu().numpy().astype(float) for p in zip(*parts, strict=True)]
    X = np.concatenate([f / max(f.std(), 1e-12) for f in layers], axis=1)
    split: list[Split] = [(session.train, session.held)]
    return float(np.median(ridge_cv(unit_rms(X), session.targets, split, alphas=np.logspace(0, 5, 6).tolist()).r))
