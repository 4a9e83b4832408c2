"""Every published figure draws from results of the shape its experiments give, and every experiment is well-formed."""

import numpy as np
import pytest
import xarray as xr

from neurodyn import registry
from neurodyn.errors import NeurodynError
from neurodyn.experiment.figures import draw_figure, figure_script
from neurodyn.experiment.spec import read_experiment
from neurodyn.plot import house_style

ANALYSES = registry.names("analyses")
FIGURES = registry.names("figures")


@pytest.mark.parametrize("name", ANALYSES)
def test_every_experiment_is_well_formed(name):
    experiment = read_experiment(name)
    assert experiment.cells
    assert experiment.spec.title
    assert len({c.file(experiment.path.parent) for c in experiment.cells}) == len(experiment.cells)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_declares_experiments_that_exist(name):
    _, script = figure_script(name)
    assert script.__doc__
    assert set(script.INPUTS.values()) <= set(ANALYSES)


def test_a_figure_from_shipped_weights_and_embedded_data(tmp_path, monkeypatch):
    from neurodyn.experiment import figures

    few = ["inputs.stimuli.labels=[0]", "inputs.start_steps=[199]", "parameters.n_modes=1", "parameters.tol=1e-4"]
    small = {"cordsnet/fig4c_fixed_points": few, "cordsnet/fig4c_trajectories": [], "cordsnet/fig4c_return": []}
    monkeypatch.setattr(figures, "read_experiment", lambda key: read_experiment(key, small[key]))
    files = draw_figure("cordsnet/fig4c_trajectories", results=tmp_path)
    assert all(f.stat().st_size > 1000 for f in files.values())
    again = {k: f.read_bytes() for k, f in files.items()}
    assert {k: f.read_bytes() for k, f in draw_figure("cordsnet/fig4c_trajectories", results=tmp_path, compute=False).items()} == again


def test_a_script_without_inputs(tmp_path):
    script = tmp_path / "fig1_none.py"
    script.write_text("def draw():\n    return None\n", encoding="utf-8")
    with pytest.raises(NeurodynError, match="no `INPUTS`"):
        figure_script(str(script))


def test_the_spectrum_figure_draws_what_it_is_given():
    _, script = figure_script("cordsnet/fig4b_eigenspectrum")
    values = np.array([[[0.9, 0.8 + 0.1j]], [[0.7, np.nan]]])
    modes = xr.Dataset(
        {
            "eigenvalue": (("untrained", "presentation", "mode"), values),
            "step_eigenvalue": (("untrained", "presentation", "mode"), values),
            "converged": (("untrained", "presentation", "mode"), np.isfinite(values).astype(float)),
        }
    )
    activity = xr.Dataset(
        {"responses": (("untrained", "presentation", "neuroid", "time_bin"), np.random.default_rng(0).random((2, 3, 4, 5)))},
        coords={"layer": ("neuroid", ["a", "a", "b", "b"]), "time_bin_start": ("time_bin", [-20.0, -10.0, 0.0, 10.0, 20.0])},
    )
    with house_style():
        fig = script.draw(activity=activity, kernel=modes, jacobian=modes)
    assert [t.get_text() for t in fig.axes[2].get_legend().get_texts()] == ["untrained twin (n = 1)", "trained (n = 2)"]
