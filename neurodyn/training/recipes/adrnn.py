"""Train an adaptive network, or one of its controls, on mazes or PathFinder.

Of the paper neither text nor code was available, so every number here is our choice; the published sizes known from the authors' earlier code stand in
``analyses/notebooks/adrnn_full_scale.py``.  The protocol is small on purpose: a network trains on one core, in a few minutes on small mazes and in
most of an hour on short contours, and is tested on larger and longer ones.

Methods.  ``"act"``: cross-entropy of the mixed answer + tau mean(N + R).  ``"ponder"``: PonderNet, the expected cross-entropy + tau KL(halting
distribution || geometric with mean `prior_steps`).  ``"fixed"``: cross-entropy after `n_steps`.  ``"progressive"``: a random number of steps without gradient,
then a random number with it (Bansal et al. 2022), mixed half and half with ``"fixed"``.

A halting unit that is trained while answers still improve at every step learns never to halt.  So every method, adaptive or not, begins with the same
`warm_share` of the updates, cross-entropy after a random number of steps; the adaptive ones then train the halting unit alone (`unit_share`), then everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.seeding import subseed, torch_generator
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.recipes._adrnn_data import LEVEL, Batch, as_batch, draw_unseen, make_pools, seen_images, shuffled

if TYPE_CHECKING:
    import torch

    from neurodyn.architectures.adrnn import AdRNN

__all__ = ["Parameters", "train"]

METHODS = ("act", "ponder", "fixed", "progressive")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Parameters:
    """How a network is trained.

    Attributes
    ----------
    generator : {"mazes", "pathfinder"}
    levels : tuple of int
        Sizes of mazes or numbers of paddles trained on; batches take them in turn.
    options : mapping
        Further arguments of the generator.
    method : {"act", "ponder", "fixed", "progressive"}
    n_steps : int
        The fixed number of steps, or the largest random one before halting is trained.
    limit : int, optional
        Largest number of steps while halting is trained; `n_steps` when absent.  Room beyond what answers need is what makes stopping pay.
    tau : float
        Price of a step (ACT), or weight of the divergence (PonderNet).
    warm_share, unit_share : float
        Shares of the epochs: of any method, without halting, after a random number of steps; then, of the adaptive ones, of the halting unit alone.
    least_steps : int
        Smallest of those random numbers.
    trace : float
        Of PathFinder's label, which is one bit a display: weight, during `warm_share`, of the cross-entropy at every place of the map for marking the
        contour that joins both disks (nothing where none does): its mean over places with ink and its mean over empty ones, added.
    prior_steps : float
        Mean of PonderNet's prior.
    n_pool : int
        Images a level, drawn once and shown under the 8 symmetries of the square.
    n_epochs, n_batches, batch_size, learning_rate, weight_decay, clip_norm
        Of AdamW with a cosine schedule; an epoch is `n_batches` updates.
    n_validation, n_test : int
        Images a level.
    precision : {"float32", "bfloat16"}
        Of the convolutions as long as halting is not trained.
    device : str
    """

    generator: str = "mazes"
    levels: tuple[int, ...] = (5, 7, 9)
    options: Mapping[str, Any] = field(default_factory=dict)
    method: str = "act"
    n_steps: int = 24
    limit: int | None = None
    tau: float = 1e-3
    warm_share: float = 0.7
    unit_share: float = 0.1
    least_steps: int = 6
    trace: float = 0.0
    prior_steps: float = 10.0
    n_pool: int = 2000
    n_epochs: int = 10
    n_batches: int = 100
    batch_size: int = 50
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    n_validation: int = 100
    n_test: int = 200
    precision: str = "float32"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise unknown_name("adrnn recipe", "method", self.method, METHODS)
        if self.generator not in LEVEL:
            raise unknown_name("adrnn recipe", "generator", self.generator, LEVEL)
        if self.precision not in PRECISIONS:
            raise unknown_name("adrnn recipe", "precision", self.precision, PRECISIONS)
        if not self.levels:
            raise ConfigError("adrnn recipe", "`levels` is empty", expected="one level or more", fix="levels=(5, 7, 9)")
        if min(self.warm_share, self.unit_share, self.tau) < 0 or self.warm_share + self.unit_share > 1 or self.prior_steps <= 1:
            raise ConfigError(
                "adrnn recipe",
                f"warm_share={self.warm_share}, unit_share={self.unit_share}, tau={self.tau}, prior_steps={self.prior_steps}",
                expected="shares that sum to 1 at most, a price of 0 or more, a mean above 1 step",
            )
        if not 1 <= self.least_steps <= self.n_steps:
            raise ConfigError("adrnn recipe", f"`least_steps` is {self.least_steps} with n_steps={self.n_steps}", expected=f"1..{self.n_steps}")
        if self.trace and self.generator != "pathfinder":
            raise ConfigError("adrnn recipe", f"`trace` is {self.trace} with generator {self.generator!r}", expected='0, or generator="pathfinder"')
        for name in ("n_steps", "n_pool", "n_epochs", "n_batches", "batch_size", "n_validation", "n_test"):
            if getattr(self, name) < 1:
                raise ConfigError("adrnn recipe", f"`{name}` is {getattr(self, name)}", expected="1 or more")


def train(
    model: AdRNN,
    parameters: Parameters | None = None,
    *,
    seed: int,
    folder: str | Path,
    progress: bool | None = None,
    at_epoch: Callable[[int], None] | None = None,
) -> dict[str, float]:
    """Train `model` in place and say how it does at the levels it was trained on; resumes in `folder`.

    Parameters
    ----------
    model : AdRNN
    parameters : Parameters, optional
    seed : int
        Training images and their order.
    folder : path
        Checkpoints and history.
    progress : bool, optional
    at_epoch : callable, optional
        Told the number of each epoch as it begins.

    Returns
    -------
    dict
        ``accuracy_<level>`` (an image counts where every pixel asked for is right), for masks ``iou_<level>``, and with halting ``steps_<level>`` and
        ``unfinished_<level>``, the share of images for which halting never fired within the trial; on test images.  Images that occur in training up to
        symmetry are no test images, unless a level has hardly any other (mazes of size 5).
    """
    p = parameters or Parameters()
    halting = model.config.halting
    if (p.method in ("act", "ponder") and halting != p.method) or (p.method in ("fixed", "progressive") and halting != "none"):
        wanted = p.method if p.method in ("act", "ponder") else "none"
        raise ConfigError("adrnn recipe", f"method {p.method!r} for a network with halting {halting!r}", expected=f'halting="{wanted}"')
    task = model.config.task
    if p.trace and task != "class":
        raise ConfigError("adrnn recipe", f"`trace` is {p.trace} for a network that answers with a mask", expected='0, or a network with task="class"')
    pools = make_pools(p.generator, p.levels, p.n_pool, seed=subseed(seed, "train"), options=p.options, task=task)
    config = TrainConfig(
        n_epochs=p.n_epochs,
        batch_size=p.batch_size,
        learning_rate=p.learning_rate,
        weight_decay=p.weight_decay,
        clip_norm=p.clip_norm,
        schedule="cosine",
        warmup_steps=20,
        seed=seed,
        device=p.device,
    )
    warm, unit = (round(share * p.n_epochs) for share in (p.warm_share, p.warm_share + p.unit_share))

    def batches(epoch: int, generator: torch.Generator) -> Iterator[tuple[Batch, str, int]]:
        if at_epoch is not None:
            at_epoch(epoch)
        adaptive = p.method in ("act", "ponder")
        method = "warm" if epoch < warm else f"{p.method} unit" if adaptive and epoch < unit else p.method
        for k, batch in enumerate(shuffled(pools, p.n_batches, p.batch_size, generator)):
            yield batch.to(p.device), method, subseed(seed, "steps", epoch, k)

    fit(
        model,
        batches,
        lambda module, item: _loss(module, item[0], p, item[1], item[2]),
        config,
        folder=folder,
        evaluate=lambda module: measure(module, p, p.levels, n=p.n_validation, seed=subseed(seed, "validation"), n_steps=p.limit or p.n_steps),
        n_batches=p.n_batches,
        progress=progress,
    )
    return measure(model, p, p.levels, n=p.n_test, seed=subseed(0, "test"), n_steps=model.config.n_steps, seen=seen_images(pools))


def measure(model: Any, p: Parameters, levels: tuple[int, ...], *, n: int, seed: int, n_steps: int, seen: Set[bytes] = frozenset()) -> dict[str, float]:
    """Accuracy, overlap and steps at some levels, on images that were not `seen`; the metrics of :func:`train`."""
    import torch

    found: dict[str, float] = {}
    for level in levels:
        stimuli = draw_unseen(p.generator, level, n, seen=seen, seed=seed, options=p.options, task=model.config.task)
        targets = stimuli.solution.values if model.config.task == "mask" else stimuli.label.values
        batch = as_batch(np.round(stimuli.values * 255).astype(np.uint8), targets.astype(np.int64)).to(p.device)
        with torch.no_grad():
            state = _run(model, batch, n_steps)[-1]
            answer = model.readout(state).argmax(dim=1)
        if batch.weights is None:
            found[f"accuracy_{level}"] = float((answer == batch.targets).float().mean())
        else:
            asked, wanted = batch.weights > 0, batch.targets > 0
            given = (answer > 0) & asked
            found[f"accuracy_{level}"] = float(((given == wanted) | ~asked).flatten(1).all(dim=1).float().mean())
            union = ((given | wanted) & asked).flatten(1).sum(dim=1)
            found[f"iou_{level}"] = float(((given & wanted & asked).flatten(1).sum(dim=1) / union.clamp(min=1)).mean())
        if model.halt is not None:
            found[f"steps_{level}"] = float(state["halt.steps"].float().mean())
            found[f"unfinished_{level}"] = float((~model.finished(state)).float().mean())
    return {k: round(v, 4) for k, v in found.items()}


def _run(model: Any, batch: Batch, n_steps: int, *, alone: bool = False) -> list[dict[str, Any]]:
    """States after every step, until all rows have halted or `n_steps`; with `alone` gradients reach the halting unit only."""
    held = [w for name, w in model.named_parameters() if alone and not name.startswith("halt.")]
    wanted = [w.requires_grad for w in held]
    for w in held:
        w.requires_grad_(False)
    try:
        drive = model.encode(batch.images)
        state, states = model.initial_state(drive), []
        for _ in range(n_steps):
            state = model.step(state, drive)
            states.append(state)
            if model.config.halting == "act" and bool(model.finished(state).all()):  # a stop at the median would cut PonderNet's distribution
                break
    finally:
        for w, want in zip(held, wanted, strict=True):
            w.requires_grad_(want)
    return states


def _loss(model: Any, batch: Batch, p: Parameters, method: str, draw: int) -> tuple[Any, dict[str, float]]:
    import torch

    if method == "fixed":
        loss = _cross_entropy(model, _alone(model, _plain(model, batch, 0, p.n_steps, p.precision)), batch).mean()
        return loss, {"cross_entropy": float(loss.detach())}
    if method == "warm":
        draw = int(torch.randint(p.least_steps, p.n_steps + 1, (1,), generator=torch_generator(draw, "warm")))
        state = _plain(model, batch, 0, draw, p.precision)
        loss = _cross_entropy(model, _alone(model, state), batch).mean()
        if not p.trace or batch.traces is None:
            return loss, {"cross_entropy": float(loss.detach())}
        trace = _trace_loss(model, state, batch.traces)
        return loss + p.trace * trace, {"cross_entropy": float(loss.detach()), "trace": float(trace.detach())}
    if method == "progressive":
        generator = torch_generator(draw, "progressive")
        held = int(torch.randint(p.n_steps, (1,), generator=generator))
        free = 1 + int(torch.randint(p.n_steps - held, (1,), generator=generator))
        whole, part = (_cross_entropy(model, _alone(model, _plain(model, batch, *k, p.precision)), batch).mean() for k in ((0, p.n_steps), (held, free)))
        return (whole + part) / 2, {"cross_entropy": float(whole.detach()), "progressive": float(part.detach())}
    states = _run(model, batch, p.limit or p.n_steps, alone=method.endswith("unit"))
    if method.startswith("act"):
        task, price = _cross_entropy(model, model.readout(states[-1]), batch).mean(), model.ponder(states[-1]).mean()
        return task + p.tau * price, {"cross_entropy": float(task.detach()), "ponder": float(price.detach()), "n": float(states[-1]["halt.steps"].mean())}
    return _pondernet(model, batch, states, p)


def _plain(model: Any, batch: Batch, held: int, free: int, precision: str) -> dict[str, Any]:
    """The state after `held` steps without gradient and `free` steps with it."""
    import torch

    # the halting unit, which these methods do not train, runs in half precision along with the rest
    with torch.autocast(batch.images.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        drive = model.encode(batch.images)
        state = model.initial_state(drive)
        with torch.no_grad():
            for _ in range(held):
                state = model.step(state, drive)
        for _ in range(free):
            state = model.step(state, drive)
    return state


def _alone(model: Any, state: dict[str, Any]) -> Any:
    """The answer of a step alone."""
    return model.rates(state, {}, ("output",))["output"].float()


def _trace_loss(model: Any, state: dict[str, Any], traces: Any) -> Any:
    """Cross-entropy for marking the joined contour on the second map, mean over places with ink + mean over empty ones.

    The second map alone, because each is pooled on its own before the classes.  Empty places must be told too: the answer is a maximum over the whole map,
    and one place left to itself is enough to spoil it.
    """
    import torch.nn.functional as F

    marked = model.maps(state["out"].float())[:, 1:]
    joined, ink = (F.adaptive_max_pool2d(found[:, None].to(marked.dtype), marked.shape[-2:]) for found in (traces == 1, traces >= 0))
    each = F.binary_cross_entropy_with_logits(marked, joined, reduction="none")
    return sum((each * part).sum() / part.sum().clamp(min=1) for part in (ink, 1 - ink))


def _cross_entropy(model: Any, logits: Any, batch: Batch) -> Any:
    """Of each image: over its class, or averaged over the pixels asked for."""
    import torch.nn.functional as F

    each = F.cross_entropy(logits, batch.targets, reduction="none")
    if batch.weights is None:
        return each
    return (each * batch.weights).flatten(1).sum(dim=1) / batch.weights.flatten(1).sum(dim=1).clamp(min=1)


def _pondernet(model: Any, batch: Batch, states: list[dict[str, Any]], p: Parameters) -> tuple[Any, dict[str, float]]:
    """Expected cross-entropy + tau KL to a geometric prior cut at the number of steps; the last step takes the rest of the mass."""
    import torch

    chances = torch.stack([s["halt.p"] if s["halt.p"].dim() == 1 else s["halt.p"].flatten(1).mean(dim=1) for s in states])
    chances = torch.cat([chances[:-1], torch.ones_like(chances[:1])])
    stay = torch.cumprod(torch.cat([torch.ones_like(chances[:1]), 1 - chances[:-1]]), dim=0)
    weight = chances * stay
    losses = torch.stack([_cross_entropy(model, _alone(model, s), batch) for s in states])
    rate = 1 / p.prior_steps
    prior = rate * (1 - rate) ** torch.arange(len(states), dtype=weight.dtype)
    prior = (prior / prior.sum())[:, None]
    divergence = (weight * (weight.clamp(min=1e-9) / prior).log()).sum(dim=0).mean()
    task = (weight * losses).sum(dim=0).mean()
    return task + p.tau * divergence, {"cross_entropy": float(task.detach()), "divergence": float(divergence.detach())}
