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


@pytest.mark.parametrize(
    "name", ["fig1_tasks", "fig2_difficulty", "fig3_forced", "fig6_price", "fig7_kernels", "fig8_pathfinder", "fig9_parts", "fig10_tracing"]
)
def test_figure(name, results):
    _, script = figure_script(f"adrnn/{name}")
    with house_style():
        fig = script.draw(**{k: opened(key, results) for k, key in script.INPUTS.items()})
        fig.canvas.draw()
    shown = [ax for ax in fig.axes if ax.lines or ax.images or ax.collections or ax.patches]
    assert len(shown) >= 2 and isinstance(fig, matplotlib.figure.Figure)


def test_what_is_claimed_is_in_the_table(results):
    adaptive = opened("adrnn/difficulty", results).sel(group="adaptive")
    unseen = ~adaptive.trained.values
    assert (np.diff(adaptive.steps.values) > 0).all() and (adaptive.more_steps_low.values[unseen] > 0).all()
    assert float(adaptive.rank_correlation_low.sel(covariate="fill_depth").isel(level=slice(0, 4)).min()) > 0
