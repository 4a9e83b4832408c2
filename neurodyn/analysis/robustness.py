"""How much of a model's accuracy survives images changed on purpose."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.dynamics.noise import BatchNoise
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import check_ready, model_device, timeline_of, unroll
from neurodyn.errors import ConfigError, SchemaError, first_of, unknown_name
from neurodyn.numerics import attacks
from neurodyn.schema import PRESENTATION, check_stimuli
from neurodyn.seeding import subseed

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.schedule import Timeline

__all__ = ["ATTACKS", "LOSSES", "attack_images", "robustness"]

ATTACKS = ("fgsm", "pgd", "random_search")
LOSSES = ("final", "mean", "margin")


def robustness(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    labels: Sequence[int],
    *,
    budgets: Sequence[float] = (1 / 255, 2 / 255, 4 / 255, 8 / 255),
    attack: str = "pgd",
    norm: str = "linf",
    loss: str = "final",
    n_steps: int = 20,
    n_masks: int = 0,
    evaluate_masks: int = 0,
    source: DynamicalModel | None = None,
    schedule: Schedule | None = None,
    batch_size: int = 100,
    seed: int,
) -> xr.Dataset:
    """Accuracy on adversarial images, for a list of budgets.

    Gradients run through every step of the trial.  Three settings guard against gradient masking: an expectation over dropout
    masks, images made on another model, and a search that needs no gradients; the mean loss at each budget must not fall.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode; its readout is class logits.
    stimuli : DataArray, (presentation, channel, row, column)
        Images in [0, 1].
    labels : int sequence, (presentation)
        True classes.
    budgets : sequence of float
        Sizes of the allowed change, in pixel units; ascending.  0 is added in front.
    attack : {"fgsm", "pgd", "random_search"}
        For the search, `n_steps` counts queries.
    norm : {"linf", "l2"}
    loss : {"final", "mean", "margin"}
        Cross-entropy at the last step, its mean over steps, or best wrong logit minus true logit at the last step.
    n_steps : int
        Steps of the attack.
    n_masks : int
        Attack the mean loss under that many fresh masks at every gradient; 0 attacks with masks off.
    evaluate_masks : int
        Classify by the mean probability under that many masks; 0 classifies with masks off.
    source : DynamicalModel, optional
        The model the images are made on (transfer); the model itself when absent.
    schedule : Schedule, optional
    batch_size : int
    seed : int

    Returns
    -------
    Dataset
        ======================  ======================  =====  ===============================================================
        variable                dims                    units  meaning
        ======================  ======================  =====  ===============================================================
        accuracy                (budget)                1      share classified correctly
        correct                 (budget, presentation)         whether each image is
        loss                    (budget)                1      mean loss after the attack (before: budget 0)
        monotone                (budget)                       the mean loss is not below the one at the budget before
        minimal_budget          (presentation)          1      smallest budget that succeeds; 0 if wrong before; NaN if none does
        median_minimal_budget   ()                      1      its median, NaN counted as larger than all budgets
        ======================  ======================  =====  ===============================================================

    Raises
    ------
    ConfigError
        If a budget is out of range, budgets do not ascend, or a name is unknown.
    SchemaError
        If labels do not fit the stimuli or the classes.

    Notes
    -----
    FGSM (Goodfellow et al. 2015), PGD (Madry et al. 2018), expectation over transformation (Athalye et al. 2018).  Cost: `n_steps`
    times max(`n_masks`, 1) forward and backward trials a budget.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.5])
    >>> images = make_stimuli(np.array([0.6, 0.4]).reshape(1, 2, 1, 1))
    >>> robustness(model, images, [0], budgets=[0.05, 0.2], n_steps=2, seed=0).accuracy.values.tolist()
    [1.0, 1.0, 0.0]
    """
    target = _check(model, stimuli, labels, budgets, attack, norm, loss)
    sizes = np.array([0.0, *[b for b in budgets if b > 0]])
    options: dict[str, Any] = {
        "attack": attack,
        "norm": norm,
        "loss": loss,
        "n_steps": n_steps,
        "n_masks": n_masks,
        "schedule": schedule,
        "batch_size": batch_size,
        "seed": seed,
    }
    correct, losses = [], []
    for budget in sizes:
        shown = stimuli if budget == 0 else attack_images(source or model, stimuli, labels, budget=float(budget), **options)
        hit, value = _evaluate(model, shown, target, loss, evaluate_masks, schedule, batch_size, seed)
        correct.append(hit)
        losses.append(value)
    hits = np.array(correct)
    fooled = np.where((~hits).any(axis=0), sizes[np.argmin(hits, axis=0)], np.nan)
    mean_loss = np.array(losses).mean(axis=1)
    ids = {k: c for k, c in stimuli.coords.items() if c.dims == (PRESENTATION,)}
    return xr.Dataset(
        {
            "accuracy": ("budget", hits.mean(axis=1), {"units": "1"}),
            "correct": (("budget", PRESENTATION), hits),
            "loss": ("budget", mean_loss, {"units": "1"}),
            "monotone": ("budget", np.concatenate([[True], np.diff(mean_loss) >= 0])),
            "minimal_budget": (PRESENTATION, fooled, {"units": "1"}),
            "median_minimal_budget": ((), _median(fooled), {"units": "1"}),
        },
        coords={"budget": ("budget", sizes, {"units": "1", "norm": norm}), **ids},
        attrs={"attack": attack, "norm": norm, "attacked_loss": loss, "n_steps": n_steps, "n_masks": n_masks, "transfer": int(source is not None)},
    )


def attack_images(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    labels: Sequence[int],
    *,
    budget: float,
    attack: str = "pgd",
    norm: str = "linf",
    loss: str = "final",
    n_steps: int = 20,
    n_masks: int = 0,
    schedule: Schedule | None = None,
    batch_size: int = 100,
    seed: int,
) -> xr.DataArray:
    """The adversarial images themselves, (presentation, channel, row, column); parameters are those of :func:`robustness`."""
    import torch

    target = _check(model, stimuli, labels, [budget], attack, norm, loss)
    timeline = timeline_of(model, stimuli, schedule)
    made = []
    for start in range(0, len(target), batch_size):
        rows = slice(start, start + batch_size)
        x = torch.from_numpy(np.ascontiguousarray(stimuli.values[rows])).to(model_device(model))
        objective = _Objective(model, timeline, target[rows].to(x.device), loss, n_masks, subseed(seed, "masks", start))
        if attack == "fgsm":
            y = attacks.fgsm(objective, x, budget, norm=norm)
        elif attack == "pgd":
            y = attacks.pgd(objective, x, budget, norm=norm, n_steps=n_steps, seed=subseed(seed, "start", start))
        else:
            y = attacks.random_search(objective, x, budget, n_queries=n_steps, seed=subseed(seed, "search", start))
        made.append(y.detach().cpu().numpy())
    return stimuli.copy(data=np.clip(np.concatenate(made), 0.0, 1.0).astype(np.float32))


class _Objective:
    """x -> loss of each row, averaged over fresh masks where there are any."""

    def __init__(self, model: DynamicalModel, timeline: Timeline, target: Tensor, loss: str, n_masks: int, seed: int) -> None:
        self.model, self.timeline, self.target, self.loss, self.n_masks, self.seed, self.calls = model, timeline, target, loss, n_masks, seed, 0

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        self.calls += 1
        noises: list[BatchNoise | None] = [BatchNoise(subseed(self.seed, self.calls, k)) for k in range(self.n_masks)]
        values = [_losses(_logits(self.model, x, self.timeline, noise), self.target, self.loss) for noise in noises or [None]]
        return torch.stack(values).mean(dim=0)


def _logits(model: DynamicalModel, x: Tensor, timeline: Timeline, noise: BatchNoise | None) -> list[Tensor]:
    return [model.readout(state) for k, state, _ in unroll(model, x, timeline, noise=noise) if timeline.frame[k] >= 0]  # type: ignore[arg-type]


def _losses(logits: list[Tensor], target: Tensor, loss: str) -> Tensor:
    import torch
    import torch.nn.functional as F

    if loss == "mean":
        return torch.stack([F.cross_entropy(step, target, reduction="none") for step in logits]).mean(dim=0)
    last = logits[-1]
    if loss == "final":
        return F.cross_entropy(last, target, reduction="none")
    true = last.gather(1, target[:, None])[:, 0]
    return last.scatter(1, target[:, None], -torch.inf).max(dim=1).values - true


def _evaluate(
    model: DynamicalModel, stimuli: xr.DataArray, target: Tensor, loss: str, n_masks: int, schedule: Schedule | None, batch_size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    import torch

    timeline = timeline_of(model, stimuli, schedule)
    hits, values = [], []
    with torch.no_grad():
        for start in range(0, len(target), batch_size):
            rows = slice(start, start + batch_size)
            x = torch.from_numpy(np.ascontiguousarray(stimuli.values[rows])).to(model_device(model))
            wanted = target[rows].to(x.device)
            noises: list[BatchNoise | None] = [BatchNoise(subseed(seed, "evaluate", start, k)) for k in range(n_masks)]
            runs = [_logits(model, x, timeline, noise) for noise in noises or [None]]
            hits.append((torch.stack([r[-1].softmax(dim=1) for r in runs]).mean(dim=0).argmax(dim=1) == wanted).cpu().numpy())
            values.append(torch.stack([_losses(r, wanted, loss) for r in runs]).mean(dim=0).cpu().numpy())
    return np.concatenate(hits), np.concatenate(values)


def _median(fooled: np.ndarray) -> float:
    middle = float(np.median(np.where(np.isnan(fooled), np.inf, fooled)))
    return middle if np.isfinite(middle) else float("nan")


def _check(model: DynamicalModel, stimuli: xr.DataArray, labels: Sequence[int], budgets: Sequence[float], attack: str, norm: str, loss: str) -> Tensor:
    import torch

    check_ready(model)
    check_stimuli(stimuli, where="robustness")
    if "frame" in stimuli.dims:
        raise SchemaError("robustness", "`stimuli` are movies", expected="images", fix="stimuli.isel(frame=0, drop=True)")
    for kind, value, known in (("attack", attack, ATTACKS), ("norm", norm, attacks.NORMS), ("loss", loss, LOSSES)):
        if value not in known:
            raise unknown_name("robustness", kind, value, known)
    if attack == "random_search" and norm != "linf":
        raise ConfigError("robustness", f"the search without gradients is not made for the {norm} norm", expected="linf", fix='norm="linf"')
    sizes = [float(b) for b in budgets]
    if not sizes or not np.isfinite(sizes).all() or min(sizes) < 0 or any(b <= a for a, b in itertools.pairwise(sizes)):
        raise ConfigError("robustness", f"`budgets` is {sizes}", expected="finite budgets of 0 or more, ascending", fix="budgets=(1 / 255, 4 / 255, 8 / 255)")
    largest = 1.0 if norm == "linf" else float(np.sqrt(np.prod(stimuli.shape[1:])))
    if sizes[-1] > largest:
        raise ConfigError(
            "robustness",
            f"`budgets` reaches {sizes[-1]:g} in the {norm} norm",
            expected=f"0 to {largest:.4g} for pixels in [0, 1]",
            fix="8-bit budgets: 8 / 255",
        )
    target = np.asarray(labels)
    if target.shape != (stimuli.sizes[PRESENTATION],) or not np.issubdtype(target.dtype, np.integer):
        raise SchemaError(
            "robustness", f"`labels` is {target.dtype} of shape {target.shape}", expected=f"one integer for each of {stimuli.sizes[PRESENTATION]} presentations"
        )
    with torch.no_grad():
        frame = torch.from_numpy(np.ascontiguousarray(stimuli.values[:1])).to(model_device(model))
        drive = model.encode(frame)
        n_classes = model.readout(model.step(model.initial_state(drive), drive)).shape[-1]
    wrong = (target < 0) | (target >= n_classes)
    if wrong.any():
        raise SchemaError(
            "robustness", f"`labels` holds {int(wrong.sum())} classes outside 0..{n_classes - 1} ({first_of(target[wrong])})", expected=f"0..{n_classes - 1}"
        )
    return torch.as_tensor(target, dtype=torch.long)
