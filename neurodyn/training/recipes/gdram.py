"""Train Gaussian RAM by classification and reinforcement, the paper's way or the corrected one, beside plain CNNs.

The loss of the paper (Shim and Kim 2020), with R = 1 where the final answer is right, b_t the baseline and p_t the policy's density:

    L = CE(output, y) + mean_t (b_t - R)^2 - mean_batch sum_t log p_t (R - b_t)

In the ``"paper"`` variant b_t is computed after the glimpse that the move of p_t led to; in the ``"corrected"`` one before the move, so that
it does not depend on it and the gradient stays unbiased.  Three further choices are ours: cross-entropy at every glimpse
(``supervise="all"``), a small cost of moving (`move_cost`), and a move that is paid for what follows it (``reward="to-go"``), the share
of later glimpses after which the answer is right, in place of the final answer alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.dynamics.noise import BatchNoise
from neurodyn.errors import unknown_name
from neurodyn.seeding import subseed, torch_generator
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import step_accuracy
from neurodyn.training.recipes._gdram_data import canvases, load_split, shown, sources

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from neurodyn.architectures.gdram import Config, GaussianRAM

__all__ = ["Parameters", "gradient_noise", "gradient_reach", "load_split", "network", "plain_cnn", "train", "train_network"]

Batch = tuple["Tensor", "Tensor", int, int]
_DATA = ("cluttered-digits", "cluttered-mnist", "large-cifar10")
_CNNS = ("", "equal-parameters", "equal-macs")


@dataclass(frozen=True)
class Parameters:
    """How to train.

    Attributes
    ----------
    data : {"cluttered-mnist", "large-cifar10", "cluttered-digits"}
        Digits at random places among pieces of other digits, or CIFAR-10 enlarged to the model's image size.
    n_train, n_validation, n_test : int
        Images; canvases are drawn anew every epoch.  The validation images are the last of the training set, and the only ones looked at
        before the end.
    canvas, n_distractors, distractor_size : int
        Side of the canvas in pixels, patches on it and their side; the canvas is then enlarged to the model's image size (the paper's is
        40 pixels, enlarged to 128).
    n_epochs, batch_size : int
    learning_rate : float
    supervise : {"last", "all"}
        Cross-entropy of the last answer, or the mean over the answers after every glimpse.
    reward : {"terminal", "to-go"}
        What a move is paid: the last answer is right, or the share of right answers from the next glimpse on.
    reinforce_weight : float
        Weight of the reinforcement term; the paper's is 1.
    move_cost : float
        Cost of the squared length of the mean move, before it is squashed; the paper has none.  Without it the policy drifts into a corner
        and stays there as soon as further glimpses add nothing.
    n_scattered_epochs : int
        Epochs at the start in which fixations are uniformly random and only classification is learned; the paper has none.  A policy
        that is reinforced before anything can be recognised settles in a corner of the image.
    cnn : {"", "equal-parameters", "equal-macs"}
        Train, in place of the model, a plain CNN of as many parameters or multiply-accumulates on the same images.
    device : str

    Notes
    -----
    The paper trains 200 epochs of 40,000 images at 128 px with Adam at 1e-3, batch 128, halving the rate when validation accuracy
    stalls; the defaults are a two-core protocol.
    """

    data: str = "cluttered-mnist"
    n_train: int = 12_000
    n_validation: int = 2_000
    n_test: int = 2_000
    canvas: int = 40
    n_distractors: int = 5
    distractor_size: int = 5
    n_epochs: int = 12
    batch_size: int = 128
    learning_rate: float = 1e-3
    supervise: str = "last"
    reward: str = "terminal"
    reinforce_weight: float = 1.0
    move_cost: float = 0.0
    n_scattered_epochs: int = 0
    cnn: str = ""
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name, known in (("data", _DATA), ("supervise", ("last", "all")), ("reward", ("terminal", "to-go")), ("cnn", _CNNS)):
            if getattr(self, name) not in known:
                raise unknown_name("recipes.gdram", name, getattr(self, name), known)


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
        ``test_accuracy`` and ``validation_accuracy`` of the output after the last glimpse, ``test_first_glimpse_accuracy`` and
        ``validation_first_glimpse_accuracy``; of a CNN, its
        accuracies, ``n_parameters`` and ``macs``.
    """
    return train_network(network(model, parameters, seed=seed), model.config, parameters, seed=seed, folder=folder, progress=progress)


def network(model: GaussianRAM, parameters: Parameters, *, seed: int) -> nn.Module:
    """What is trained: the model itself, or the CNN that stands for it."""
    if not parameters.cnn:
        return model
    width = cnn_widths(model)[parameters.cnn]
    return plain_cnn(model.config.in_channels, width, model.config.n_classes, seed=subseed(seed, parameters.cnn))


def train_network(module: nn.Module, shape: Config, parameters: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """:func:`train` on a network made by :func:`network`; `shape` says how large its images are."""
    config = TrainConfig(
        n_epochs=parameters.n_epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        schedule="cosine",
        clip_norm=5.0,
        seed=seed,
        device=parameters.device,
    )
    size, channels = shape.image_size, shape.in_channels
    stimuli, labels = sources(parameters, "train")
    validation = load_split(parameters, "validation", image_size=size, n_channels=channels)

    def batches(epoch: int, generator: torch.Generator) -> Iterator[Batch]:
        import torch

        order = torch.randperm(len(labels), generator=generator)
        seeds = torch.randint(2**31, (len(labels),), generator=generator).tolist()
        for k in range(0, len(order), parameters.batch_size):
            rows = order[k : k + parameters.batch_size].numpy()
            placed = canvases(stimuli[rows], parameters, seed=subseed(seed, "canvas", epoch))
            images = shown(torch.from_numpy(placed.values), size, channels)
            yield images.to(config.device), torch.from_numpy(labels[rows]).to(config.device), seeds[k], epoch

    def loss(module: Any, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        if parameters.cnn:
            return _cross_entropy(module, batch)
        return reinforce_loss(module, batch, parameters, scattered=batch[3] < parameters.n_scattered_epochs)

    def measure(module: Any, split: tuple[Tensor, Tensor], name: str) -> dict[str, float]:
        if parameters.cnn:
            return {f"{name}_accuracy": _accuracy(module, *split)}
        by_step = evaluate(module, *split)
        return {f"{name}_accuracy": by_step[-1], f"{name}_first_glimpse_accuracy": by_step[0]}

    fit(
        module,
        batches,
        loss,
        config,
        folder=folder,
        evaluate=lambda trained: measure(trained, validation, "validation"),
        n_batches=-(-len(labels) // parameters.batch_size),
        progress=progress,
    )
    metrics = measure(module, validation, "validation") | measure(module, load_split(parameters, "test", image_size=size, n_channels=channels), "test")
    if parameters.cnn:
        metrics |= {"n_parameters": float(sum(p.numel() for p in module.parameters())), "macs": float(macs(module.cpu(), validation[0][:1]))}
    return metrics


def reinforce_loss(model: GaussianRAM, batch: Batch, parameters: Parameters, *, scattered: bool = False) -> tuple[Tensor, dict[str, float]]:
    """The loss of the module docstring on one batch, and its parts.

    Parameters
    ----------
    model : GaussianRAM
        In train mode.
    batch : (Tensor (batch, channel, row, column), Tensor (batch), int, int)
        Images, labels, the seed of the policy's noise, and the epoch.
    parameters : Parameters
        `supervise`, `reward` and `reinforce_weight`.
    scattered : bool
        Replace every fixation by a uniformly random one and learn classification alone.
    """
    terms, parts = loss_terms(model, batch, parameters, scattered=scattered)
    learned = terms["classification"] + terms["baseline"]
    if scattered or model.config.policy in ("random", "centre"):
        return learned, parts
    return learned + parameters.reinforce_weight * terms["reinforcement"] + parameters.move_cost * terms["effort"], parts


def loss_terms(model: GaussianRAM, batch: Batch, parameters: Parameters, *, scattered: bool = False) -> tuple[dict[str, Tensor], dict[str, float]]:
    """``classification``, ``baseline``, ``reinforcement`` and ``effort`` (unweighted), and what training keeps of them; as :func:`reinforce_loss`."""
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
    answers = [model.readout(state) for state in states[1:]]
    used = answers if parameters.supervise == "all" else answers[-1:]
    classification = torch.stack([F.cross_entropy(z, labels) for z in used]).mean()
    reward = _rewards(answers, labels, parameters.reward)
    log_p = torch.stack([s["log_probability"] for s in states[:-1]])
    value = torch.stack([s["baseline"] for s in (states[1:] if model.config.variant == "paper" else states[:-1])])
    advantage = reward - value.detach()
    baseline = (value - reward).pow(2).mean()
    reinforcement = -(log_p * advantage).sum(0).mean()
    parts = {
        "cross_entropy": float(classification.detach()),
        "train_accuracy": float((answers[-1].argmax(1) == labels).float().mean()),
        "reward": float(reward.mean()),
        "reward_variance": float(reward.var()),
        "advantage_mean": float(advantage.mean()),
        "advantage_variance": float(advantage.var()),
        "sigma": float(torch.stack([s["sigma"] for s in states]).mean().detach()),
        "clip_rate": float(torch.stack([s["clipped"] for s in states]).mean()),
    }
    effort = torch.stack([s["effort"] for s in states[:-1]]).mean()
    return {"classification": classification, "baseline": baseline, "reinforcement": reinforcement, "effort": effort}, parts


def gradient_reach(model: GaussianRAM, batch: Batch, parameters: Parameters) -> dict[str, dict[str, float]]:
    """Norm of the gradient that each term of the loss sends into each module; exactly 0 where none arrives.

    Parameters
    ----------
    model : GaussianRAM
        Left in the mode it was in, without gradients.
    batch, parameters
        As in :func:`reinforce_loss`.

    Returns
    -------
    dict of dict
        Term -> module -> norm.
    """
    import torch

    was_training, found = model.training, {}
    model.train()
    terms, _ = loss_terms(model, batch, parameters)
    terms = {name: terms[name] for name in ("classification", "baseline", "reinforcement")}
    children = dict(model.named_children())
    for name, term in terms.items():
        own = [p for child in children.values() for p in child.parameters()]
        gradients = torch.autograd.grad(term, own, retain_graph=True, allow_unused=True) if term.requires_grad else [None] * len(own)
        squares = {id(p): 0.0 if g is None else float(g.pow(2).sum()) for p, g in zip(own, gradients, strict=True)}
        found[name] = {child: float(np.sqrt(sum(squares[id(p)] for p in module.parameters()))) for child, module in children.items()}
    model.train(was_training)
    return found


def gradient_noise(model: GaussianRAM, batches: Iterable[Batch], parameters: Parameters) -> dict[str, float]:
    """How far the policy's reinforcement gradient stands out of its noise, over batches.

    Returns
    -------
    dict
        ``signal`` (norm of the mean gradient, its noise subtracted), ``noise`` (root of the summed variance between batches) and their ratio
        ``snr``: of one batch.
    """
    import torch

    was_training = model.training
    model.train()
    own = [p for name in ("policy", "policy_mean", "policy_spread") for p in getattr(model, name).parameters()]
    rows = []
    for batch in batches:
        terms, _ = loss_terms(model, batch, parameters)
        gradients = torch.autograd.grad(terms["reinforcement"], own, allow_unused=True)
        rows.append(torch.cat([torch.zeros_like(p).flatten() if g is None else g.flatten() for p, g in zip(own, gradients, strict=True)]))
    model.train(was_training)
    stacked = torch.stack(rows).double()
    variance = float(stacked.var(dim=0).sum())
    signal = float(np.sqrt(max(0.0, float(stacked.mean(0).pow(2).sum()) - variance / len(rows))))
    return {"signal": signal, "noise": float(np.sqrt(variance)), "snr": signal / float(np.sqrt(variance)) if variance > 0 else float("nan")}


def _rewards(answers: list[Tensor], labels: Tensor, kind: str) -> Tensor:
    """What each move is paid, (move, batch); move t leads to answer t."""
    import torch

    right = torch.stack([(z.argmax(1) == labels).to(z.dtype) for z in answers])
    if kind == "terminal":
        return right[-1:].expand(len(answers), -1)
    left = torch.arange(len(answers), 0, -1, dtype=right.dtype, device=right.device)[:, None]
    return right.flip(0).cumsum(0).flip(0) / left


def evaluate(model: GaussianRAM, images: Tensor, labels: Tensor, batch_size: int = 256) -> list[float]:
    """Accuracy of the answer after each glimpse, the policy's mean taken as its move (a random policy moves at random)."""
    import torch

    answers: list[list[Tensor]] = [[] for _ in range(model.config.n_steps)]
    with torch.no_grad():
        for k in range(0, len(images), batch_size):
            noise = BatchNoise(k) if model.config.policy == "random" else None
            drive = model.encode(images[k : k + batch_size].to(model.blank.device))
            state = model.initial_state(drive, noise=noise)
            for t, kept in enumerate(answers):
                state = model.step(state, drive, noise=None if noise is None else noise.at(t + 1))
                kept.append(model.readout(state))
    return [step_accuracy(torch.cat(kept).cpu(), labels) for kept in answers]


def plain_cnn(in_channels: int, width: int, n_classes: int, *, seed: int) -> nn.Module:
    """A whole-image control: four 3x3 convolutions of doubling width, each followed by pooling, then the mean over positions and a linear readout.

    Examples
    --------
    >>> sum(p.numel() for p in plain_cnn(1, 8, 10, seed=0).parameters())
    25274
    """
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(torch_generator(seed, "plain_cnn").get_state())
        layers: list[nn.Module] = []
        source = in_channels
        for k in range(4):
            target = width * 2**k
            layers += [nn.Conv2d(source, target, 3, padding=1), nn.BatchNorm2d(target), nn.ReLU(), nn.MaxPool2d(2)]
            source = target
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(source, n_classes))


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


def model_macs(model: GaussianRAM) -> tuple[int, int]:
    """Multiply-accumulates of a trial before the first glimpse (context, first move) and of every glimpse; the baseline is for training."""
    import torch

    c = model.config
    blank = model.blank.new_zeros(1, c.in_channels * c.n_scales, c.glimpse_size, c.glimpse_size)
    move = c.hidden * c.head + 4 * c.head
    answer = macs(model.classifier, torch.zeros(1, c.hidden)) + macs(model.where, torch.zeros(1, 2))
    return macs(model.context, blank[:, : c.in_channels]) + move, macs(model.what, blank) + 16 * c.hidden**2 + move + answer


def cnn_widths(model: GaussianRAM) -> dict[str, int]:
    """First widths of the CNNs that come closest to the model in parameters and in multiply-accumulates of a whole trial."""
    c = model.config
    n_parameters = sum(p.numel() for p in model.parameters())
    before, per_glimpse = model_macs(model)
    total = before + c.n_steps * per_glimpse
    cnns = {w: plain_cnn(c.in_channels, w, c.n_classes, seed=0).eval() for w in range(1, 81)}
    by_parameters = min(cnns, key=lambda w: abs(np.log(sum(p.numel() for p in cnns[w].parameters()) / n_parameters)))
    by_macs = min(cnns, key=lambda w: abs(np.log(macs(cnns[w], model.blank[None]) / total)))
    return {"equal-parameters": by_parameters, "equal-macs": by_macs}


def _cross_entropy(module: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    import torch.nn.functional as F

    return F.cross_entropy(module(batch[0]), batch[1]), {}


def _accuracy(module: nn.Module, images: Tensor, labels: Tensor) -> float:
    import torch

    with torch.no_grad():
        device = next(module.parameters()).device
        logits = torch.cat([module(images[k : k + 256].to(device)) for k in range(0, len(images), 256)])
    return step_accuracy(logits.cpu(), labels)
