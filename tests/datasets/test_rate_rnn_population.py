import numpy as np
import pytest

from neurodyn.datasets import rate_rnn_population
from neurodyn.errors import DataError
from neurodyn.experiment.figures import figure_script
from neurodyn.plot.style import house_style
from neurodyn.stimuli.cognitive import TASKS


def test_every_task_and_connectivity_is_there():
    table = rate_rnn_population.load()
    assert set(table.task.values) == set(TASKS)
    assert set(table.connectivity.values) | set(table.reference.values) == {"full", "sparse", "low_rank", "convolutional"}
    assert ((table.procrustes >= 0) & (table.procrustes <= 1)).all()
    np.testing.assert_allclose(np.sin(table.shape_distance) ** 2, table.procrustes, atol=1e-6)


def test_training_brings_fully_connected_networks_together():
    table = rate_rnn_population.load()
    full = (table.connectivity == "full") & (table.reference == "full")
    trained, other = table.seed >= 0, table.reference_seed >= 0
    assert float(table.procrustes[full & trained & other].max()) < float(table.procrustes[full & (trained != other)].min())


def test_the_figure_draws_from_the_table():
    _, script = figure_script("cordsnet/figs2_procrustes")
    with house_style():
        fig = script.draw(rate_rnn_population.load())
    assert len(fig.axes[0].get_xticklabels()) == len(TASKS)


def test_bad_input(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        rate_rnn_population.load(tmp_path)
    (tmp_path / "rate_rnn_population.nc").write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read"):
        rate_rnn_population.load(tmp_path)
