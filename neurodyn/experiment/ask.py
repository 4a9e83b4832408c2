"""Experiments that the command line builds from a few options instead of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.experiment.document import Document
from neurodyn.experiment.spec import Experiment, check_experiment

__all__ = ["scoring", "simulation", "summary"]


def simulation(
    model: str, dataset: str, *, split: str | None = "test", n: int = 10, layers: Sequence[str] | None = None, space: str = "all", overrides: Sequence[str] = ()
) -> Experiment:
    """Responses of a model to the first `n` images of a data set."""
    content = {
        "analysis": "neurodyn.dynamics.simulate:simulate",
        "inputs": {
            "model": model,
            "stimuli": {"dataset": dataset, "split": split, "n": n},
            "record": {"layers": list(layers) if layers else None, "space": space},
        },
        "seed": None,
    }
    return _checked(content, f"simulate/{_word(model)}_{dataset}", overrides)


def scoring(
    model: str, dataset: str, *, layer: str | None = None, regression: str = "ridge", folds: int = 5, untrained: bool = False, overrides: Sequence[str] = ()
) -> Experiment:
    """Predictivity of recordings from one layer of a model, its last when absent."""
    from neurodyn.experiment.resolve import card_of, load_model

    if layer is None:
        card_of(model)
        layer = load_model(model, untrained=untrained).layers[-1]
    content = {
        "analysis": "predictivity",
        "inputs": {"model": {"name": model, "untrained": untrained}, "recordings": {"dataset": dataset}, "record": {"layers": [layer], "steps": "last_shown"}},
        "parameters": {"regression": regression, "folds": folds},
        "seed": 0,
    }
    twin = "_untrained" if untrained else ""
    return _checked(content, f"score/{_word(model)}{twin}_{_word(layer)}_{dataset}_{regression}", overrides)


def summary(scores: xr.Dataset) -> Iterator[str]:
    """Lines that say how well a model predicts, with the interquartile range over neurons."""
    for name in ("raw", "ceiling", "normalised"):
        if name not in scores:
            yield f"{name}: not available (no repeated presentations)"
            continue
        values = np.asarray(scores[name].values, float).ravel()
        values = values[np.isfinite(values)]
        if values.size == 0:
            yield f"{name}: no finite value"
            continue
        low, middle, high = np.percentile(values, [25, 50, 75])
        yield f"{name}: median {middle:.3f} (quartiles {low:.3f} to {high:.3f}, n = {values.size} neurons)"
    if scores.attrs.get("convention"):
        yield f"convention: {scores.attrs['convention']}"


def _checked(content: dict[str, Any], key: str, overrides: Sequence[str]) -> Experiment:
    return check_experiment(Document(content, {}, "the command line"), key, Path("command line"), overrides)


def _word(name: str) -> str:
    return Path(name).stem.replace(":", "-").replace("/", "-")
