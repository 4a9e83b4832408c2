"""Gaussian RAM: the published counts and geometry, and which modules learn in which training."""

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.architectures.gdram import Config, build
from neurodyn.dynamics.noise import NoiseSource
from neurodyn.errors import ConfigError, NeurodynError, NumericsError
from neurodyn.schema import make_stimuli

SMALL = {"image_size": 32, "glimpse_size": 8, "n_scales": 3, "widths": (8, 8), "context_width": 8, "hidden": 16, "head": 16, "n_steps": 4, "in_channels": 1}


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_parameter_counts_of_the_paper():
    m = build(Config(), seed=0)
    assert count(m.what) + count(m.where) == 621_824
    assert count(m.recognition) == count(m.location) == 132_096
    assert count(m.context) == 112_576
    assert count(m.policy) + count(m.policy_mean) + count(m.policy_spread) == 34_564
    assert count(m.classifier) == 35_594
    assert count(m.baseline) == 66_049
    assert count(m) == 1_134_799
    assert count(build(Config(n_classes=100), seed=0)) == 1_157_929


def test_geometry_of_the_paper():
    m = build(Config(), seed=0)
    assert m.limit == 0.90625
    assert m.reach == 0.75


def noisy_states(model, n=4, seed=0):
    images = torch.rand(n, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    drive, noise = model.encode(images), NoiseSource(seed, range(n))
    state = model.initial_state(drive, noise=noise)
    states = [state]
    for t in range(4):
        state = model.step(state, drive, noise=noise.at(t))
        states.append(state)
    return states


@pytest.mark.parametrize("variant", ["paper", "corrected"])
def test_sigma_weight_and_gaze_stay_in_range(variant):
    model = build(Config(**SMALL, variant=variant), seed=0)
    for state in noisy_states(model):
        assert (state["sigma"] >= np.exp(-0.5) - 1e-6).all()
        assert (state["sigma"] <= np.exp(0.5) + 1e-6).all()
        assert (state["gaze"].abs() <= model.limit).all()
        assert ((state["weight_next"] >= 0) & (state["weight_next"] <= 1)).all()
    assert (noisy_states(model)[1]["weight_now"] == 1).all()  # the first glimpse always counts in full


def gradient_names(variant):
    """The modules that any of the three losses (classification, reinforcement, value) reaches."""
    model = build(Config(**SMALL, variant=variant), seed=0).train()
    states = noisy_states(model)
    loss = model.readout(states[-1]).logsumexp(1).sum() + sum(s["log_probability"].sum() + s["baseline"].sum() for s in states)
    loss.backward()
    return {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and bool((p.grad != 0).any())}


EVERY = {"what", "where", "recognition", "location", "context", "policy", "policy_mean", "policy_spread", "classifier", "baseline"}


def test_the_papers_training_leaves_two_modules_without_gradient():
    assert EVERY - gradient_names("paper") == {"location", "context"}


def test_the_corrected_training_reaches_every_module():
    assert gradient_names("corrected") == EVERY


def test_log_probability_of_the_corrected_policy_is_a_density():
    """Integrating exp(log p) over the square of actions gives one: a change of variables by hand, on a grid."""
    model = build(Config(**SMALL, variant="corrected"), seed=0)
    h2 = torch.randn(1, 16, generator=torch.Generator().manual_seed(0))
    trunk = model.policy(h2).detach()
    mean, sigma = model.policy_mean(trunk).detach(), model._emit(h2, torch.zeros(1, 2), 1.0, None)["sigma"].detach()
    edges = torch.linspace(-0.9995, 0.9995, 1500)
    y, x = torch.meshgrid(edges, edges, indexing="ij")
    action = torch.stack([x, y], -1).reshape(-1, 2)
    latent = torch.atanh(action)
    log_p = (-0.5 * ((latent - mean) / sigma) ** 2 - sigma.log() - 0.5 * np.log(2 * np.pi)).sum(1) - torch.log1p(-(action**2)).sum(1)
    area = float(edges[1] - edges[0]) ** 2
    assert float(log_p.exp().sum() * area) == pytest.approx(1.0, abs=0.01)  # the rim beyond the grid holds under 1 %


@pytest.fixture
def images():
    return make_stimuli(np.random.default_rng(0).random((5, 1, 32, 32)))


def test_fast_equals_full_at_threshold_zero_and_stops_at_one(images):
    full = nd.simulate(build(Config(**SMALL), seed=0), images, record=nd.Record(layers="readout"))
    fast = nd.simulate(build(Config(**SMALL, stop_threshold=0.0), seed=0), images, record=nd.Record(layers="readout"))
    np.testing.assert_array_equal(full.values, fast.values)
    always = nd.simulate(build(Config(**SMALL, stop_threshold=1.0), seed=0), images, record=nd.Record(layers="fixation"))
    moved = np.abs(np.diff(always.values, axis=2)).max(axis=(0, 1)) > 0
    assert moved.tolist() == [True, True, False] or moved.tolist() == [True, False, False]


@pytest.mark.parametrize("policy", ["learned", "fixed_sigma", "random", "centre"])
def test_policies_simulate(images, policy):
    r = nd.simulate(build(Config(**SMALL, policy=policy), seed=0), images, record=nd.Record(layers=("fixation", "readout")), seed=0)
    fixation = r.sel(neuroid=r.layer == "fixation").values
    assert np.abs(fixation).max() <= 1 - 8 / 32 + 1e-6
    assert (np.abs(fixation).max() == 0) == (policy == "centre")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 4}, "smaller than a glimpse"),
        ({"image_size": 30}, "cannot be halved 2 times"),
        ({"glimpse_size": 10}, "multiple of 4"),
        ({"variant": "papers"}, "did you mean `paper`"),
        ({"norm": "groups"}, "did you mean `group`"),
        ({"sigma_range": (1.0, 0.5)}, "0 < least < largest"),
        ({"policy": "center"}, "did you mean `centre`"),
        ({"stop_threshold": 2.0}, "0..1"),
    ],
)
def test_bad_configs(changes, message):
    with pytest.raises(ConfigError, match=message):
        Config(**{**SMALL, **changes})


def test_group_norm_needs_no_statistics():
    model = build(Config(**SMALL, variant="corrected", norm="group"), seed=0)
    assert not any("running" in name for name, _ in model.named_buffers())


def test_detached_weights_keep_classification_from_sigma():
    reach = {}
    for detached in (False, True):
        model = build(Config(**SMALL, variant="corrected", detach_weights=detached), seed=0).train()
        model.readout(noisy_states(model)[-1]).logsumexp(1).sum().backward()
        reach[detached] = model.policy_spread.weight.grad is not None
    assert reach == {False: True, True: False}


def test_a_gaze_outside_the_image_is_refused():
    model = build(Config(**SMALL), seed=0)
    drive = model.encode(torch.rand(2, 1, 32, 32))
    state = model.initial_state(drive) | {"gaze": torch.tensor([[0.0, 0.0], [1.2, 0.0]])}
    with pytest.raises(NumericsError, match="1 of 2 gazes lie outside"):
        model.step(state, drive)


def test_frames_smaller_than_the_model_are_refused(images):
    with pytest.raises(NeurodynError, match="32"):
        nd.simulate(build(Config(**SMALL), seed=0), images[..., :4, :4])
