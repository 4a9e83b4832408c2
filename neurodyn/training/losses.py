"""Losses over the steps of a trial, and the checks on labels they lean on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import SchemaError, first_of

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["check_labels", "log_weights", "return_to_baseline", "step_accuracy", "weighted_cross_entropy"]


def log_weights(n_steps: int, *, log_range: tuple[float, float] = (-3.0, 0.0)) -> np.ndarray:
    """Weights of the supervised steps, log-spaced from ``10 ** log_range[0]`` to ``10 ** log_range[1]``.

    Examples
    --------
    >>> w = log_weights(30)
    >>> round(float(w[0]), 6), float(w[-1]), round(float(w.mean()), 5)
    (0.001, 1.0, 0.15714)
    """
    return np.logspace(log_range[0], log_range[1], n_steps)


def weighted_cross_entropy(logits: Sequence[Tensor], labels: Tensor, weights: Sequence[float]) -> Tensor:
    """Mean over supervised steps of weight times cross-entropy.

    Parameters
    ----------
    logits : sequence of Tensor, each (batch, class)
        One a supervised step.
    labels : Tensor, (batch) of int64, or (batch, class) of float
        Class indices, or soft labels from mixed images.
    weights : sequence of float
        One a supervised step; not normalised.
    """
    import torch
    import torch.nn.functional as F

    terms = [float(w) * F.cross_entropy(z, labels) for w, z in zip(weights, logits, strict=True)]
    return torch.stack(terms).mean()


def return_to_baseline(after: Sequence[Mapping[str, Tensor]], baseline: Mapping[str, Tensor], layers: Sequence[str]) -> Tensor:
    """Mean squared distance from the spontaneous state once the stimulus is gone.

    Parameters
    ----------
    after : sequence of State
        States at the last steps of the blank that follows the stimulus.
    baseline : State
        The state before the stimulus; no gradient flows through it.
    layers : sequence of str
        State keys to compare; each layer counts equally.
    """
    import torch

    terms = [(state[k] - baseline[k].detach()).pow(2).mean() for state in after for k in layers]
    return torch.stack(terms).mean()


def step_accuracy(logits: Tensor, labels: Tensor) -> float:
    """Fraction of rows whose largest logit is at the label; soft labels count by their largest entry.

    Examples
    --------
    >>> import torch
    >>> step_accuracy(torch.eye(3), torch.tensor([0, 1, 1]))
    0.6666666865348816
    """
    target = labels.argmax(1) if labels.dim() == 2 else labels
    return float((logits.argmax(1) == target).float().mean())


def check_labels(labels: object, n_classes: int, *, n_rows: int | None = None, where: str = "check_labels") -> np.ndarray:
    """Return integer class labels, or say what is wrong with them.

    Parameters
    ----------
    labels : array-like, (presentation)
        Integers in 0..n_classes - 1.
    n_classes : int
        Outputs of the model.
    n_rows : int, optional
        Number of stimuli.

    Raises
    ------
    SchemaError
        For soft labels, other types, labels out of range, or another number of rows.
    """
    values = np.asarray(labels)
    if values.ndim == 2:
        raise SchemaError(where, f"`labels` has shape {values.shape} (soft or one-hot)", expected="one integer a stimulus", fix="labels.argmax(axis=1)")
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise SchemaError(where, f"`labels` has shape {values.shape} and dtype {values.dtype}", expected="one integer a stimulus", fix="labels.astype(int)")
    if n_rows is not None and len(values) != n_rows:
        raise SchemaError(where, f"{len(values)} labels for {n_rows} stimuli", expected="one label a stimulus")
    bad = np.unique(values[(values < 0) | (values >= n_classes)])
    if bad.size:
        raise SchemaError(
            where,
            f"`labels` holds {bad.size} classes outside the model's {n_classes} ({first_of(bad)})",
            expected=f"integers in 0..{n_classes - 1}",
            fix=f"build the model with n_classes={int(values.max()) + 1}",
        )
    return values.astype(np.int64)
