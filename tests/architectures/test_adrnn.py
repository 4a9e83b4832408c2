"""Adaptive networks: halting against its definition, one scaffold for all cells, and the ablations."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import neurodyn as nd
from neurodyn.architectures import _halting, adrnn
from neurodyn.architectures._adrnn_stems import GaborStem, gabor_bank
from neurodyn.errors import ConfigError
from neurodyn.stimuli.mazes import mazes

VARIANTS = [
    {"cell": "hgru"},
    {"cell": "conv_gru"},
    {"cell": "r_resnet", "depth": 1},
    {"cell": "r_resnet", "depth": 1, "recall": True},
    {"cell": "feedforward", "depth": 1, "halting": "none", "n_steps": 1},
    {"halting": "ponder"},
    {"halting": "none"},
    {"halting_at": "place"},
    {"halting_pool": "max"},
    {"halting_pool": "change"},
    {"halting_pool": "change", "halting_at": "place"},
    {"gates": False, "interneurons": False, "activation": "clip", "norm": "channel"},
    {"stem": "pixel"},
    {"task": "class", "stem": "gabor", "image_channels": 1, "stem_kernel": 5},
    {"stem": "gabor", "image_channels": 1, "stem_kernel": 5, "stem_pool": 1},
]


def network(seed=0, **changes):
    return adrnn.build(dataclasses.replace(adrnn.SMALL, **changes), seed=seed)


def tally(probabilities, answers, *, epsilon=0.01, rule="act"):
    """Run the accounts over given probabilities (step, batch) and answers (step, batch, class)."""
    accounts = _halting.begin(torch.zeros_like(probabilities[0]), answers[0])
    for p, y in zip(probabilities, answers, strict=True):
        accounts = _halting.tick(accounts, p, y, epsilon=epsilon, rule=rule)
    return accounts


def literal(p, y, epsilon):
    """Graves' definition for one row, step by step."""
    total, weights = 0.0, []
    for n, value in enumerate(p, 1):
        if total + value >= 1 - epsilon or n == len(p):
            weights.append(1 - total)
            return n, 1 - total, np.array(weights), np.einsum("n,nk->k", weights, y[:n])
        weights.append(value)
        total += value
    raise AssertionError


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30))
def test_weights_sum_to_one_and_follow_the_definition(seed, n_steps):
    random = np.random.default_rng(seed)
    p, y = random.uniform(0.01, 0.4, (n_steps, 5)), random.standard_normal((n_steps, 5, 3))
    accounts = tally(torch.tensor(p), torch.tensor(y))
    mixed = _halting.answer(accounts, torch.tensor(y[-1]), "act").numpy()
    ones = _halting.answer(tally(torch.tensor(p), torch.ones(n_steps, 5, 1, dtype=torch.float64)), torch.ones(5, 1, dtype=torch.float64), "act")
    np.testing.assert_allclose(ones.numpy(), 1.0)  # sum of weights
    for row in range(5):
        n, r, weights, expected = literal(p[:, row], y[:, row], 0.01)
        assert weights.sum() == pytest.approx(1) and accounts["halt.steps"][row] == n
        np.testing.assert_allclose(mixed[row], expected, atol=1e-12)
        np.testing.assert_allclose(_halting.ponder_cost(accounts)[row], n + r)


@pytest.mark.parametrize("p", [0.07, 0.13, 0.24, 0.4, 0.995])
def test_a_constant_probability_halts_after_the_ceiling(p):
    accounts = tally(torch.full((60, 1), p, dtype=torch.float64), torch.zeros(60, 1, 1, dtype=torch.float64))
    assert accounts["halt.steps"].item() == np.ceil(0.99 / p)


def test_gradient_of_the_ponder_cost():
    p = torch.tensor([0.2, 0.3, 0.1, 0.6, 0.5], dtype=torch.float64, requires_grad=True)
    accounts = tally(p[:, None], torch.zeros(5, 1, 1, dtype=torch.float64))
    assert accounts["halt.steps"].item() == 4
    (gradient,) = torch.autograd.grad(_halting.ponder_cost(accounts).sum(), p)
    assert gradient.tolist() == [-1, -1, -1, 0, 0]  # -1 before N, 0 at N and after


def test_halting_that_never_fires_leaves_the_rest_to_the_last_step():
    y = torch.arange(4.0).reshape(4, 1, 1)
    accounts = tally(torch.full((4, 1), 0.05), y)
    assert accounts["halt.done"].item() == 0 and accounts["halt.steps"].item() == 4
    assert _halting.answer(accounts, y[-1], "act").item() == pytest.approx(0.05 * (0 + 1 + 2) + 0.85 * 3)
    assert _halting.ponder_cost(accounts).item() == pytest.approx(4 + 0.85)


def test_pondernet_stops_at_the_median_of_its_distribution():
    p, y = torch.full((6, 1), 0.2), torch.arange(6.0).reshape(6, 1, 1)
    accounts = tally(p, y, rule="ponder")
    assert accounts["halt.steps"].item() == 4  # 0.8^3 = 0.512 > 0.5 >= 0.8^4
    assert _halting.answer(accounts, y[-1], "ponder").item() == 3.0


@pytest.mark.parametrize("changes", VARIANTS, ids=lambda v: "-".join(f"{k}={x}" for k, x in v.items()))
def test_every_variant_keeps_the_contract(changes):
    nd.check_model(network(**changes), n_steps=2)


def test_the_trial_stops_each_row_where_it_halts():
    model = network(halting_bias=0.0, n_steps=6)
    stimuli = mazes(5, n=3, seed=0)
    state, drive = nd.state_at(model, stimuli)
    assert model.finished(state).all() and (state["halt.steps"] < 6).all()
    again = model.readout(model.step(state, drive))
    torch.testing.assert_close(again, model.readout(state))  # nothing is weighted after halting
    slow = network(halting_bias=-8.0, n_steps=6)
    state, _ = nd.state_at(slow, stimuli)
    assert not slow.finished(state).any() and (state["halt.steps"] == 6).all()


def test_places_halt_on_their_own():
    model = network(halting_at="place", halting_bias=-0.5, n_steps=30)
    with torch.no_grad():
        for p in model.halt.parameters():
            p.mul_(3)
    state, _ = nd.state_at(model, mazes(5, n=2, seed=0))
    assert state["halt.steps"].shape == (2, 7, 7) and len(torch.unique(state["halt.steps"])) > 1
    assert model.ponder(state).shape == (2,) and model.finished(state).shape == (2,)


def test_halting_looks_at_the_mean_or_at_the_largest_activity():
    stimuli = mazes(5, n=2, seed=0)
    for pool, reduce in (("mean", torch.mean), ("max", torch.amax)):
        model = network(halting_pool=pool)
        state, drive = nd.state_at(model, stimuli, step=1)
        expected = torch.sigmoid(model.config.halting_gain * model.halt(reduce(state["out"], dim=(-2, -1)))[:, 0])
        torch.testing.assert_close(model.rates(state, drive, ("halting",))["halting"][:, 0], expected)


def test_halting_may_look_at_what_changed_since_the_step_before():
    stimuli, model = mazes(5, n=2, seed=0), network(halting_pool="change")
    (before, _), (state, drive) = (nd.state_at(model, stimuli, step=k) for k in (1, 2))
    seen = (state["out"] - before["out"]).abs().amax(dim=(-2, -1))
    expected = torch.sigmoid(model.config.halting_gain * model.halt(seen)[:, 0])
    torch.testing.assert_close(model.rates(state, drive, ("halting",))["halting"][:, 0], expected)
    at_rest = model._probability(state["out"], state["out"])
    torch.testing.assert_close(at_rest, torch.sigmoid(model.config.halting_gain * model.halt.bias).expand(2))


def test_only_one_population_is_read_out():
    model = network()
    stimuli = mazes(5, n=2, seed=0)
    state, _ = nd.state_at(model, stimuli)
    other = {**state, "inter": torch.randn_like(state["inter"])}
    torch.testing.assert_close(model.readout(other), model.readout(state))


def test_the_same_weights_look_at_other_sizes_and_lengths():
    model = network()
    larger, longer = model.resized(32), model.with_steps(9)
    assert larger.blank.shape == (3, 32, 32) and longer.trial.stimulus == 9 and model.blank.shape == (3, 16, 16)
    assert larger.cell is model.cell
    logits = nd.simulate(larger, mazes(13, n=1, seed=0), record=nd.Record(layers="readout"))
    assert logits.sizes["neuroid"] == 2 * 32 * 32


def test_a_raster_place_sees_its_square_and_answers_for_it():
    model = network(image_size=24)
    maps = torch.arange(121.0).reshape(1, 1, 11, 11).expand(1, 2, 11, 11)
    pixels = model.stem.to_pixels(maps)
    assert pixels.shape == (1, 2, 24, 24)
    torch.testing.assert_close(pixels[0, 0, 1:23:2, 1:23:2], maps[0, 0])
    torch.testing.assert_close(pixels[0, 0, 2:23:2, 2:23:2], maps[0, 0])


def test_the_gabor_bank_is_frozen_and_tuned():
    stem = GaborStem(1, 16, kernel=11, stride=1, pool=1)
    assert "bank" not in dict(stem.named_parameters()) and gabor_bank(8, 11).shape == (16, 11, 11)
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    for k, theta in enumerate(np.linspace(0, np.pi, 8)):
        grating = torch.cos(2 * np.pi * 2 / 11 * (x * np.cos(theta) + y * np.sin(theta)))[None, None]
        response = stem(grating)[0, :, 10:30, 10:30].mean(dim=(1, 2)).reshape(8, 2).sum(dim=1).detach()
        assert int(response.argmax()) in ({0, 7} if k in (0, 7) else {k})  # 0 and pi are the same orientation


def test_networks_of_different_cells_share_the_rest():
    one, two = network(cell="conv_gru").state_dict(), network(cell="hgru").state_dict()
    for key in ("stem.convolution.weight", "maps.weight", "halt.weight"):
        assert torch.equal(one[key], two[key])


BAD = [
    ({"cell": "loc_rnn"}, "did you mean `locrnn`"),
    ({"halting": "act2"}, "did you mean `act`"),
    ({"halting_pool": "maxx"}, "did you mean `max`"),
    ({"task": "class", "halting_at": "place"}, 'halting_at="image"'),
    ({"epsilon": 0.0}, "epsilon=0.01"),
    ({"halting_gain": 0.0}, "halting_gain=10.0"),
    ({"cell": "hgru", "gates": False}, "belong to locrnn"),
    ({"image_size": 22}, "multiple of 4"),
    ({"n_channels": 0}, "1 or more"),
    ({"stem": "gabor", "n_channels": 5}, "even number"),
    ({"stem": "gabor", "image_size": 42}, "multiple of 4"),
]


@pytest.mark.parametrize(("changes", "match"), BAD)
def test_bad_input(changes, match):
    with pytest.raises(ConfigError, match=match):
        adrnn.Config(**changes)
