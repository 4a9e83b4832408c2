"""The experiments of the adaptive networks: figures draw from the tables that are kept with the project, and the claims are in them."""

import matplotlib
import numpy as np
import pytest

from neurodyn.experiment.figures import figure_script
from neurodyn.experiment.run import open_result
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.sweep import sweep
from neurodyn.plot.style import house_style

FEW = {key: ["parameters.n_resamples=60"] for key in ("adrnn/difficulty", "adrnn/pathfinder_difficulty")}
KEYS = [
    "outcomes",
    "difficulty",
    "mazes",
    "displays",
    "kernels",
    "pathfinder_outcomes",
    "pathfinder_difficulty",
    "pathfinder_displays",
    "pathfinder_kernels",
    "pathfinder_activity",
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    for key in (f"adrnn/{name}" for name in KEYS):
        assert all(outcome.error is None for outcome in sweep(read_experiment(key, FEW.get(key, [])), results=folder))
    return folder


def opened(key, results):
    return open_result(read_experiment(key, FEW.get(key, [])), results=results)


FIGURES = ["fig1_tasks", "fig2_difficulty", "fig3_forced", "fig6_price", "fig7_kernels", "fig8_pathfinder", "fig9_tracing", "fig10_parts"]


@pytest.mark.parametrize("name", FIGURES)
def test_figure(name, results):
    _, script = figure_script(f"adrnn/{name}")
    with house_style():
        fig = script.draw(**{k: opened(key, results) for k, key in script.INPUTS.items()})
        fig.canvas.draw()
    shown = [ax for ax in fig.axes if ax.lines or ax.images or ax.collections or ax.patches]
    assert len(shown) >= 2 and isinstance(fig, matplotlib.figure.Figure)


def test_what_is_claimed_is_in_the_table(results):
    found = opened("adrnn/difficulty", results)
    for group in ("adaptive", "adaptive, dearer steps"):
        one = found.sel(group=group)
        assert (np.diff(one.steps.values) > 0).all() and (one.more_steps_low.values[~one.trained.values] > 0).all() and int(one.n_networks) == 3
    assert (found.accuracy_lost_low.sel(group="adaptive, dearer steps", level=[9, 11]) > 0).all()
    assert float(found.rank_correlation_low.sel(group="adaptive", covariate="fill_depth", level=[5, 7]).min()) > 0
    assert not opened("adrnn/outcomes", results).in_training.sel(level=[7, 9, 11, 13, 15]).any()


def test_what_is_claimed_of_pathfinder_is_in_the_table(results):
    found = opened("adrnn/pathfinder_difficulty", results)
    new = found.level.values[~found.trained.values]
    assert (found.difference_low.sel(contrast="adaptive - distance") > 0).all()
    assert (found.difference_low.sel(contrast="adaptive - feedforward", level=[12, 14]) > 0).all()
    for group in ("adaptive", "adaptive, dearer steps"):
        assert (found.unfinished.sel(group=group) == 0).all() and (found.more_steps_low.sel(group=group, level=new) > 0).all()
        assert float(found.accuracy_lost_low.sel(group=group, level=14)) > 0
    alone = opened("adrnn/pathfinder_outcomes", results).step_correct.sel(network=["pathfinder-s0", "pathfinder-s1"], level=9).isel(time_bin=15)
    assert float(alone.mean("presentation").min()) > 0.9  # sixteen steps, no halting: the acceptance test of the scaffold
