"""The experiments on glimpses: the shipped table is complete, its figures draw, and the shipped networks do what their cards say."""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn import registry
from neurodyn.experiment.figures import figure_script
from neurodyn.experiment.resolve import card_of
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.tables import shipped_table
from neurodyn.plot import house_style

CARDS = [name for name in registry.names("models") if name.startswith("gdram-")]


@pytest.fixture(scope="module")
def outcomes():
    return shipped_table(**read_experiment("gdram/outcomes").spec.parameters)


def test_every_network_answered_every_image(outcomes):
    own = outcomes.correct.sel(path="own")
    assert (own.isel(time_bin=0) >= 0).all()
    assert {"corrected", "paper", "random", "fixed", "cnn-macs"} <= set(outcomes.condition.values.astype(str))
    learned = ~outcomes.condition.str.startswith("cnn").values
    learned &= ~outcomes.condition.str.contains("cifar").values
    assert (own[learned] >= 0).all()


def test_the_paper_leaves_two_modules_without_gradient_after_training_too(outcomes):
    norms = outcomes.reach.max("term")
    paper = norms.isel(model=int(np.nonzero(outcomes.condition.values == "paper")[0][0]))
    assert {str(m) for m in paper.module[paper.values == 0].values} == {"location", "context"}
    corrected = norms.isel(model=int(np.nonzero(outcomes.condition.values == "corrected")[0][0]))
    assert (corrected > 0).all()


def test_the_table_names_networks_that_are_there(outcomes):
    spec = read_experiment("gdram/table").spec.parameters
    networks = {n for names in spec["groups"].values() for n in names}
    assert networks <= set(outcomes.model.values.tolist())
    assert {m.partition("@")[0] for pair in spec["contrasts"].values() for m in pair} <= set(spec["groups"])


def test_the_training_figure_draws_from_the_shipped_table(outcomes):
    _, script = figure_script("gdram/fig7_training")
    with house_style():
        fig = script.draw(outcomes)
    assert len(fig.axes) >= 7


@pytest.mark.parametrize("name", CARDS)
def test_cards_state_what_was_measured(name):
    card, model = card_of(name), nd.load_model(name)
    assert 0 < card.metrics["test_accuracy"] <= 1
    assert model.config.stop_threshold in (0.0, card.config.get("stop_threshold", 0.0))


def test_shipped_fixations_fall_on_generated_digits():
    """On digits of another data set too, the corrected model looks nearer to the target than at other canvases' targets."""
    from neurodyn.analysis import fixation_statistics
    from neurodyn.experiment.cluttered_images import cluttered_images

    images = cluttered_images("digits", n=60, canvas=12, image_size=64, n_distractors=1, distractor_size=2)
    r = nd.simulate(nd.load_model("gdram-mnist"), images, record=nd.Record(layers="fixation"), batch_size=60)
    found = fixation_statistics(r, image_size=64, seed=0)
    assert float(found.gain[0]) > 0
