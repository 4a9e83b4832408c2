"""Train the dense control with the loss, the trial and the number of updates that CordsNet is trained with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from neurodyn.training.recipes import cordsnet
from neurodyn.training.recipes.cordsnet import Parameters

if TYPE_CHECKING:
    from neurodyn.architectures.dense_rnn import DenseRNN

__all__ = ["Parameters", "train"]


def train(model: DenseRNN, parameters: Parameters | None = None, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train through time from random weights (the last stage of CordsNet's recipe); resumes in `folder`.

    Returns
    -------
    dict
        ``test_accuracy``, or ``validation_accuracy`` where `n_validation` is given.
    """
    p = replace(parameters or Parameters(), stages=("tune",))
    metrics = cordsnet.train(model, p, seed=seed, folder=folder, progress=progress)  # type: ignore[arg-type]
    return {name: value for name, value in metrics.items() if not name.endswith("_initialised")}
