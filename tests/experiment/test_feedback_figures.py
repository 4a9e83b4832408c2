"""The eight figures of the feedback question draw from the table that is kept with the project."""

import matplotlib
import pytest

from neurodyn import registry
from neurodyn.experiment.figures import figure_script
from neurodyn.experiment.run import open_result
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.sweep import sweep
from neurodyn.plot.style import house_style

NAMES = [n for n in registry.names("figures") if n.startswith("feedback/")]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    for key in ("feedback/population", "feedback/claims", "feedback/claims_matched"):
        assert all(outcome.error is None for outcome in sweep(read_experiment(key), results=folder))
    return folder


def test_there_are_eight():
    assert [n.split("/")[1][:4] for n in NAMES] == [f"fig{k}" for k in range(1, 9)]


@pytest.mark.parametrize("name", NAMES)
def test_figure(name, results):
    _, script = figure_script(name)
    with house_style():
        fig = script.draw(**{k: open_result(read_experiment(key), results=results) for k, key in script.INPUTS.items()})
        fig.canvas.draw()
    shown = [ax for ax in fig.axes if ax.lines or ax.images or ax.collections or ax.patches]
    assert len(shown) >= 2 and isinstance(fig, matplotlib.figure.Figure)
