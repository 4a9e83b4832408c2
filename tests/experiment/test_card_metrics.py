"""Metrics of cards as a table."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.experiment.card_metrics import card_metrics
from neurodyn.training.cards import Card, Recipe, write_card


def test_metrics_and_curves(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_HOME", str(tmp_path))
    metrics = {"one": {"test_accuracy": 0.5, "loss_after": {"100": 2.0, "20": 3.0}}, "two": {}}
    for name, found in metrics.items():
        write_card(
            Card(name=name, architecture="drc", recipe=Recipe(name="drc"), data="none", seed=0, metrics=found, command="x"), tmp_path / f"models/{name}.yaml"
        )
    ds = card_metrics(["one", "two"], curve="loss_after")
    assert ds.value.values[0, 0] == 0.5 and np.isnan(ds.value.values[1, 0])
    assert ds.curve_at.values[0].tolist() == [20.0, 100.0] and ds.curve.values[0].tolist() == [3.0, 2.0]
    with pytest.raises(ConfigError, match="is a mapping"):
        card_metrics(["one"], metrics=["loss_after"])
