import pytest

from neurodyn.architectures.rate_rnn import Config, build
from neurodyn.errors import ConfigError, ModelError
from neurodyn.stimuli.cognitive import trials
from neurodyn.training.recipes.cognitive import Parameters, performance, train


def test_a_network_learns_to_decide(tmp_path):
    short = Parameters(n_epochs=2, n_batches=25, batch_size=16, learning_rate=5e-3, n_test=200)
    model = build(Config(n_units=32), seed=0)
    test = trials("perceptual_decision", 200, seed=1)
    before = performance(model, test)["accuracy"]
    found = train(model, short, seed=0, folder=tmp_path, progress=False)
    assert found["accuracy"] > 0.9 > before
    again = train(build(Config(n_units=32), seed=0), short, seed=0, folder=tmp_path)
    assert again == found


def test_bad_input(tmp_path):
    with pytest.raises(ModelError, match="n_inputs=5"):
        train(build(Config(), seed=0), Parameters(task="multisensory_decision"), seed=0, folder=tmp_path)
    with pytest.raises(ConfigError, match="`n_epochs` is 0"):
        Parameters(n_epochs=0)
