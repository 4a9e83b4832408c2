import pytest
import torch

import neurodyn as nd
from neurodyn.architectures.dense_rnn import Config, build, units_for
from neurodyn.errors import ConfigError
from neurodyn.training.recipes import dense_rnn
from neurodyn.training.recipes.cordsnet import Parameters


def test_contract_and_jacobian():
    model = nd.check_model(build(Config(n_units=6, image_size=3, n_classes=2), seed=0)).double()
    drive = model.encode(torch.rand(1, 1, 3, 3, dtype=torch.float64))
    state = model.step(model.initial_state(drive), drive)
    jacobian = torch.autograd.functional.jacobian(lambda r: model.step({"hidden": r}, drive)["hidden"], state["hidden"]).reshape(6, 6)
    gate = model.gate(state, drive, "hidden").T
    torch.testing.assert_close(jacobian, 0.8 * torch.eye(6, dtype=torch.float64) + 0.2 * gate * model.recurrent)


@pytest.mark.parametrize("n", [1, 18, 300])
def test_matched_size(n):
    model = build(Config(n_units=n, image_size=8, n_classes=10), seed=0)
    assert units_for(sum(p.numel() for p in model.parameters()), n_pixels=64, n_classes=10) == n


def test_recipe(tmp_path):
    model = build(Config(n_units=20, image_size=8, before_ms=20, stimulus_ms=60), seed=0)
    metrics = dense_rnn.train(model, Parameters(dataset="digits", tune_epochs=6, penalty=0.0, before_ms=10, learning_rate=0.01), seed=0, folder=tmp_path)
    assert metrics["test_accuracy"] > 0.7


def test_bad_config():
    with pytest.raises(ConfigError, match="`n_units` is 0"):
        nd.build("dense_rnn", n_units=0)
