"""The shipped tables of CordsNet's networks hold what their figures say, and the figures draw from them."""

import numpy as np
import pytest

from neurodyn.experiment.figures import figure_script
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.tables import shipped_table
from neurodyn.plot import house_style


def table(name):
    return shipped_table(**read_experiment(f"cordsnet/{name}").spec.parameters)


@pytest.mark.parametrize("dataset", ["digits", "mnist", "cifar10"])
def test_every_arm_was_trained_and_answered_every_image(dataset):
    one = table(f"networks_{dataset}")
    answered = (one.correct.isel(step=-1) >= 0).all("presentation")
    assert answered.any("seed").all()  # every arm, once at least
    right = one.correct.isel(step=-1).where(answered).mean("presentation").mean("seed")
    assert (right > 0.2).all()  # chance is 0.1
    assert float(right.sel(condition="three")) > float(right.sel(condition="direct"))
    matched = one.n_parameters.sel(condition=["direct", "dense"]) / one.n_parameters.sel(condition="three")
    np.testing.assert_allclose(matched, 1, atol=0.05)


def test_noise_that_changes_is_filtered():
    error = table("noise_digits")["mean"].sel(measure="error", noise=0.2)
    assert float(error.sel(condition="three", kind="dynamic")) < 0.5 * float(error.sel(condition="cnn", kind="dynamic"))


def test_return_to_baseline_decides_how_many_resting_states_there_are():
    one = table("ablation_loss")
    assert one.sizes["model_seed"] >= 3
    assert (one.mono_stable.sel(penalty=0.1) == 1).all()
    assert (one.mono_stable.sel(penalty=0.0) == 0).all()


@pytest.mark.parametrize("name", ["ablation_loss", "fig2d_training", "fig3cd_noise"])
def test_figures_draw_from_the_shipped_tables(name):
    _, script = figure_script(f"cordsnet/{name}")
    with house_style():
        fig = script.draw(**{k: table(v.partition("/")[2]) for k, v in script.INPUTS.items()})
    assert len(fig.axes) >= 3
