import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.architectures.rate_rnn import CONNECTIVITIES, Config, build
from neurodyn.dynamics.linearise import dense, jacobian, kernel_operator
from neurodyn.dynamics.noise import BatchNoise
from neurodyn.errors import ConfigError, SchemaError

SMALL = {"n_units": 18, "channels": 2, "kernel": 3, "rank": 2, "density": 0.25}


def network(kind, **options):
    return build(Config(connectivity=kind, **{**SMALL, **options}), seed=0).double()


def after(model, n_steps=3):
    drive = model.encode(torch.rand(2, 3, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))
    state = model.initial_state(drive)
    for _ in range(n_steps):
        state = model.step(state, drive)
    return state, drive


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
@pytest.mark.parametrize("kind", CONNECTIVITIES)
def test_step_jacobian_and_weights_agree(kind, nonlinearity):
    model = nd.check_model(network(kind, nonlinearity=nonlinearity))
    state, drive = after(model)
    W = model.recurrent_matrix()
    r = state["hidden"].flatten(1)
    phi = torch.tanh if nonlinearity == "tanh" else torch.relu
    expected = 0.8 * r + 0.2 * phi(r @ W.t() + drive["hidden"].flatten(1))
    torch.testing.assert_close(model.step(state, drive)["hidden"].flatten(1), expected)
    one, shown = ({k: v[:1] for k, v in part.items()} for part in (state, drive))
    gate = model.gate(one, shown, "hidden").reshape(-1, 1)
    torch.testing.assert_close(dense(jacobian(model, one, shown)), 0.8 * torch.eye(18, dtype=torch.float64) + 0.2 * gate * W)
    torch.testing.assert_close(dense(kernel_operator(model, one, "hidden")), W.detach())


@pytest.mark.parametrize("kind", CONNECTIVITIES)
def test_all_steps_at_once_are_the_steps(kind):
    model = network(kind)
    shown = torch.rand(2, 5, 3, dtype=torch.float64)
    outputs, rates = model.run(shown)
    state = model.initial_state(model.encode(shown[:, 0, :, None, None]))
    for t in range(5):
        state = model.step(state, model.encode(shown[:, t, :, None, None]))
        torch.testing.assert_close(rates[:, t], state["hidden"].flatten(1))
        torch.testing.assert_close(outputs[:, t], model.readout(state))


def test_free_weights_and_structure():
    n_free = {kind: build(Config(connectivity=kind), seed=0).n_recurrent for kind in CONNECTIVITIES}
    assert n_free == {"full": 15625, "sparse": 1225, "low_rank": 1250, "convolutional": 1225}
    assert np.linalg.matrix_rank(network("low_rank").recurrent_matrix().detach().numpy()) == 2
    assert int((network("sparse").recurrent_matrix() != 0).sum()) == 81
    untied = network("convolutional").recurrent_matrix().detach().reshape(2, 3, 3, 2, 3, 3)
    torch.testing.assert_close(untied[:, 1, 1, :, 0, 0], untied[:, 2, 2, :, 1, 1])  # one kernel at every place


def test_the_untrained_radius_is_the_gain():
    W = build(Config(n_units=400, gain=1.3), seed=0).recurrent_matrix().detach().numpy()
    assert np.abs(np.linalg.eigvals(W)).max() == pytest.approx(1.3, rel=0.1)


def test_noise_has_the_standard_deviation_it_says():
    model = build(Config(n_units=5000, rank=1, connectivity="low_rank", noise=0.01, gain=1e-6), seed=0)
    drive = {"hidden": torch.zeros(1, 5000)}
    noisy = model.step(model.initial_state(drive), drive, noise=BatchNoise(0))["hidden"].detach()
    assert float(noisy.std()) == pytest.approx(0.2 * 0.01 * 10**0.5, rel=0.05)
    assert float(model.step(model.initial_state(drive), drive)["hidden"].detach().abs().max()) == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"connectivity": "dense"}, "did you mean|one of"),
        ({"nonlinearity": "sigmoid"}, "nonlinearity"),
        ({"n_units": 0}, "`n_units` is 0"),
        ({"density": 1.5}, "at most 1"),
        ({"mean": (0.0, 0.5)}, "2 entries for 3 inputs"),
        ({"connectivity": "convolutional", "n_units": 126}, "n_units=125"),
        ({"connectivity": "convolutional", "kernel": 4}, "odd"),
    ],
)
def test_bad_config(options, match):
    with pytest.raises(ConfigError, match=match):
        nd.build("rate_rnn", **options)


def test_bad_frame():
    with pytest.raises(SchemaError, match=r"\(batch, 3, 1, 1\)"):
        network("full").encode(torch.zeros(1, 2, 1, 1))
