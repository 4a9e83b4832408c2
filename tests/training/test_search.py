"""The search: it finds, it resumes to the same trials, it refuses another study's folder."""

import json

import numpy as np
import pytest

from neurodyn.errors import ConfigError, DataError, NumericsError
from neurodyn.training.search import Choice, Real, Whole, search

pytest.importorskip("optuna")
SPACE = {"rate": Real(1e-4, 1.0, log=True), "n": Whole(1, 8), "cell": Choice(("a", "b"))}


def objective(parameters, folder):
    return -((np.log10(parameters["rate"]) + 2) ** 2) - 0.1 * (parameters["n"] - 5) ** 2 - (parameters["cell"] == "a")


def test_it_does_better_than_chance(tmp_path):
    found = search(objective, SPACE, n_trials=40, folder=tmp_path, seed=0)
    random = search(objective, SPACE, n_trials=40, folder=tmp_path / "random", seed=0, n_random=40)
    assert float(found.value[10:].median()) > float(random.value[10:].median())
    assert float(found.best[-1]) > -0.3 and bool((np.diff(found.best) >= 0).all())


def test_interrupted_and_whole_searches_are_the_same(tmp_path):
    whole = search(objective, SPACE, n_trials=16, folder=tmp_path / "whole", seed=3)
    search(objective, SPACE, n_trials=7, folder=tmp_path / "parts", seed=3)
    parts = search(objective, SPACE, n_trials=16, folder=tmp_path / "parts", seed=3)
    assert whole.identical(parts)


def test_a_diverged_trial_is_kept_as_failed(tmp_path):
    def diverges(parameters, folder):
        if parameters["cell"] == "a":
            raise NumericsError("fit", "the loss is nan")
        return 1.0

    found = search(diverges, SPACE, n_trials=8, folder=tmp_path, seed=0)
    assert bool(np.isnan(found.value[found.cell == "a"]).all()) and bool((found.value[found.cell == "b"] == 1).all())


def test_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="at least one of each"):
        search(objective, {}, n_trials=2, folder=tmp_path, seed=0)
    search(objective, SPACE, n_trials=2, folder=tmp_path, seed=0)
    with pytest.raises(ConfigError, match="another folder"):
        search(objective, SPACE, n_trials=3, folder=tmp_path, seed=1)
    file = tmp_path / "study.jsonl"
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [0, 1]
    file.write_text(file.read_text()[:-20])
    with pytest.raises(DataError, match="line 2 of"):
        search(objective, SPACE, n_trials=3, folder=tmp_path, seed=0)
