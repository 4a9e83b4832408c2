"""Lesions, replayed streams and twins on the recurrent network and on systems with known exponents."""

import dataclasses

import numpy as np
import pytest
import torch

from neurodyn.analysis import lesion_curve, perturbation_growth, stream_replay
from neurodyn.architectures.feedback import Config, build
from neurodyn.dynamics.record import Record
from neurodyn.dynamics.simulate import simulate, state_at
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.testing.systems import linear_network, rotation

CONFIG = Config(channels=(4, 6, 8), image_size=8, n_classes=3, n_steps=3)


def images(n=8):
    return make_stimuli(np.random.default_rng(0).uniform(0, 1, (n, 3, 8, 8)))


@pytest.fixture(scope="module")
def network():
    return build(CONFIG, seed=1)


def says(model, stimuli):
    return simulate(model, stimuli, record=Record(layers=("readout",), steps="last")).values[:, :, 0].argmax(1)


def test_lesions_start_from_the_intact_accuracy_and_end_near_chance(network):
    stimuli = images(40)
    labels = says(network, stimuli)
    found = lesion_curve(network, stimuli, labels, fractions=(0.3, 0.95), n_draws=4, n_single=6, seed=0)
    assert (found.accuracy.sel(fraction=0.0) == 1).all() and float(found.accuracy[1].mean()) > float(found.accuracy[2].mean())
    assert found.single_effect.shape == (6,) and 0 <= float(found.gini) <= 1
    assert found.equals(lesion_curve(network, stimuli, labels, fractions=(0.3, 0.95), n_draws=4, n_single=6, seed=0))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fractions": (0.5, 0.5)}, ConfigError, "ascending"),
        ({"fractions": (1.0,)}, ConfigError, r"in \(0, 1\)"),
        ({"layers": ["area9"]}, ConfigError, "did you mean"),
        ({"n_draws": 0}, ConfigError, "1 or more"),
        ({"labels": [0]}, SchemaError, "one integer a presentation"),
    ],
)
def test_lesion_curve_refuses(network, arguments, error, message):
    arguments = {"labels": np.zeros(8, int), "seed": 0, **arguments}
    with pytest.raises(error, match=message):
        lesion_curve(network, images(), arguments.pop("labels"), **arguments)


def test_models_without_gains_cannot_be_lesioned():
    with pytest.raises(ModelError, match="lesionable"):
        lesion_curve(linear_network([0.5]), make_stimuli(np.ones((2, 1, 1, 1))), [0, 0], seed=0)


def replay(network, mode, layer="area1", **options):
    return stream_replay(network, images(), stream="area1.d", mode=mode, layer=layer, seed=0, **options)


def test_an_intact_replay_is_the_simulation(network):
    for layer in ("area1", "readout"):
        plain = simulate(network, images(), record=Record(layers=(layer,)), batch_size=8)
        np.testing.assert_allclose(replay(network, "intact", layer).values, plain.values, atol=1e-5)  # float32
    assert (replay(network, "intact").neuroid_id.values == simulate(network, images(), record=Record(layers=("area1",))).neuroid_id.values).all()


def test_stream_off_is_the_network_with_no_gain(network):
    off = simulate(network.with_alpha(0.0), images(), record=Record(layers=("area1",)), batch_size=8)
    np.testing.assert_allclose(replay(network, "off").values, off.values, atol=1e-5)  # float32


def test_replacements_are_what_they_say(network):
    own = replay(network, "intact", "area1.d").values
    shuffled, tonic, late = (replay(network, m, "area1.d").values for m in ("shuffled", "tonic", "delayed"))
    assert not (shuffled[:, :, -1] == own[:, :, -1]).all(axis=1).any()
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(own, axis=0))
    np.testing.assert_allclose(tonic, np.broadcast_to(own.mean(0, keepdims=True), own.shape), atol=1e-6)
    np.testing.assert_array_equal(late[:, :, 1:], own[:, :, :-1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mode": "shufled"}, ConfigError, "did you mean `shuffled`"),
        ({"stream": "area2.d"}, ModelError, "not a layer"),
        ({"stream": "area1.z", "mode": "off"}, ModelError, "does not take"),
        ({"layer": "area4"}, ConfigError, "unknown layer"),
        ({"delay": -1}, ConfigError, "0 or more"),
    ],
)
def test_replay_refuses(network, arguments, error, message):
    with pytest.raises(error, match=message):
        stream_replay(network, images(), **{"stream": "area1.d", "mode": "intact", "layer": "area1", "seed": 0, **arguments})


def test_exponents_of_linear_maps_are_known():
    for model, expected in ((linear_network([0.5, 0.9]), np.log(0.9)), (rotation(1.0, 0.7), np.log(0.7))):
        drive = model.encode(torch.zeros(1, 2, 1, 1))
        state = {k: torch.ones_like(v) for k, v in model.initial_state(drive).items()}
        found = perturbation_growth(model, state, drive, n_steps=80, burn_in=60, relative_size=0.1, seed=0)
        assert float(found.exponent[0]) == pytest.approx(expected, abs=2e-3)  # float32 differences of 0.1


def test_growth_of_a_linear_map_is_a_power():
    model = linear_network([0.5, 0.5])
    drive = model.encode(torch.zeros(1, 2, 1, 1))
    state = {k: torch.ones_like(v) for k, v in model.initial_state(drive).items()}
    np.testing.assert_allclose(perturbation_growth(model, state, drive, n_steps=6, relative_size=0.1, seed=0).growth[0], 0.5 ** np.arange(7), rtol=1e-4)


def test_twins_agree_with_tangents(network):
    analysis = pytest.importorskip("neurodyn.analysis.lyapunov_exponents")
    state, drive = state_at(network, images(2))
    tangents = analysis.lyapunov_exponents(network, state, drive, n_exponents=1, n_steps=30, burn_in=20, seed=0)
    twins = perturbation_growth(network, state, drive, n_steps=30, burn_in=20, seed=0)
    np.testing.assert_allclose(twins.exponent, tangents.exponent.values[:, 0], atol=0.06)  # kinks within reach of a finite difference


def test_holding_the_stream_zeroes_its_block(network):
    state, drive = state_at(network, images(2))
    held = perturbation_growth(network, state, drive, held=("area1.d",), n_steps=40, seed=0)
    tangents = network.with_held_feedback()
    pick = {k: state[k] for k in network.phase}

    def step(area1, area3):
        return tangents.step({**state, **pick, "area1": area1, "area3": area3}, drive)["area1"]

    held_block = torch.autograd.functional.jvp(lambda a: step(pick["area1"], a), pick["area3"], torch.ones_like(pick["area3"]))[1]
    open_block = torch.autograd.functional.jvp(lambda a: network.step({**state, "area3": a}, drive)["area1"], pick["area3"], torch.ones_like(pick["area3"]))[1]
    assert float(held_block.abs().max()) == 0 < float(open_block.abs().max())
    assert not np.allclose(held.exponent, perturbation_growth(network, state, drive, n_steps=40, seed=0).exponent)


def test_twins_refuse(network):
    state, drive = state_at(network, images(2))
    with pytest.raises(SchemaError, match="lacks area3"):
        perturbation_growth(network, {k: v for k, v in state.items() if k != "area3"}, drive, seed=0)
    with pytest.raises(ConfigError, match="relative size"):
        perturbation_growth(network, state, drive, relative_size=0.0, seed=0)
    with pytest.raises(ModelError, match=r"area2\.d"):
        perturbation_growth(network, state, drive, held=("area2.d",), seed=0)


def test_the_control_arm_can_be_replayed_too():
    control = build(dataclasses.replace(CONFIG, feedback="self"), seed=1)
    assert replay(control, "off").shape == replay(control, "intact").shape
