"""The experiments of the moving sensor: their files are sound, and the paths are drawn from what they compute."""

import numpy as np
import pytest

from neurodyn import registry
from neurodyn.experiment.figures import figure_script
from neurodyn.experiment.spec import read_experiment
from neurodyn.numerics.paths import MEASURES

NAMES = [name for name in registry.names("analyses") if name.startswith("drc/")]


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_sound(name):
    assert read_experiment(name).cells


@pytest.mark.parametrize("name", [name for name in registry.names("figures") if name.startswith("drc/")])
def test_figures_ask_for_experiments_that_are_there(name):
    _, script = figure_script(name)
    assert set(script.INPUTS.values()) <= set(registry.names("analyses"))


def test_the_path_figure_names_families_that_are_computed():
    _, script = figure_script("drc/fig2_paths")
    assert set(script.SHOWN) <= set(read_experiment("drc/paths").spec.parameters["paths"])
    assert {measure for measure, _ in script.PANELS} <= set(MEASURES)


def test_the_published_differences_are_those_of_the_published_rows():
    """Mean and sample SD of the authors' single runs are the printed rows of their table."""
    runs = {(92.26, 0.19): (92.444, 92.068, 92.266), (87.83, 0.38): (87.450, 88.212, 87.826)}
    for (mean, sd), values in runs.items():
        assert np.mean(values) == pytest.approx(mean, abs=0.005)
        assert np.std(values, ddof=1) == pytest.approx(sd, abs=0.005)
