"""The feedback x dropout network: what lesions, masks and matched controls must and must not change."""

import dataclasses

import numpy as np
import pytest
import torch

from neurodyn.architectures.feedback import Config, build
from neurodyn.dynamics.noise import BatchNoise, NoiseSource
from neurodyn.dynamics.simulate import simulate
from neurodyn.errors import ConfigError, ModelError
from neurodyn.schema import make_stimuli

SMALL = Config(channels=(4, 6, 8), image_size=8, n_classes=3)
ARMS = [{"feedback": f, "dropout": p, "routes": r} for f in ("top", "self") for p in (0.0, 0.25) for r in ("single", "adjacent")]


def images(n=3, size=8, seed=0):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def run(model, n_steps=4, noise=None, x=None, alpha=None):
    with torch.no_grad():
        drive = model.encode(images() if x is None else x)
        state, states = model.initial_state(drive), []
        for step in range(n_steps):
            state = model.step(state, drive, noise=None if noise is None else noise.at(step))
            states.append(state)
    return drive, states


def small(**changes):
    return build(dataclasses.replace(SMALL, **changes), seed=0)


@pytest.mark.parametrize("routes", ["single", "adjacent"])
def test_arms_have_equally_many_parameters(routes):
    counts = {sum(p.numel() for p in build(Config(feedback=f, dropout=d, routes=routes), seed=0).parameters()) for f in ("top", "self") for d in (0.0, 0.25)}
    assert len(counts) == 1


def test_arms_start_from_the_same_shared_weights():
    top, control = build(Config(feedback="top"), seed=3).state_dict(), build(Config(feedback="self"), seed=3).state_dict()
    shared = [k for k in top if k in control and top[k].shape == control[k].shape]
    assert len(shared) >= 15 and all(torch.equal(top[k], control[k]) for k in shared)


@pytest.mark.parametrize("feedback", ["top", "self"])
def test_a_feedback_lesion_changes_activity_from_the_second_step_on(feedback):
    model = small(feedback=feedback)
    _, intact = run(model)
    _, lesioned = run(model.with_alpha(0.0))
    assert torch.equal(intact[0]["area1"], lesioned[0]["area1"])
    assert all(not torch.equal(a["area1"], b["area1"]) for a, b in zip(intact[1:], lesioned[1:], strict=True))


def test_alpha_zero_is_the_network_without_a_stream_bit_for_bit():
    with_stream, without = small(alpha=0.0), small(feedback="none")
    without.load_state_dict({k: v for k, v in with_stream.state_dict().items() if k in without.state_dict()})
    for a, b in zip(run(with_stream)[1], run(without)[1], strict=True):
        assert all(torch.equal(a[k], b[k]) for k in without.areas)


def test_one_step_is_the_equation_written_out():
    model = small()
    drive, states = run(model, 2)
    x, before = images(), states[0]

    def norm(layer, v):
        mean, var = v.mean(1, keepdim=True), v.var(1, unbiased=False, keepdim=True)
        out = (v - mean) / (var + 1e-5).sqrt() * layer.weight[:, None, None]
        return out if layer.bias is None else out + layer.bias[:, None, None]

    conv = torch.nn.functional.conv2d
    with torch.no_grad():
        u = torch.relu(norm(model.norm_u[0], conv((x - model.pixel_mean) / model.pixel_std, model.bottom_up[0].weight, stride=2, padding=1)))
        d = torch.relu(norm(model.norm_d["area1"], conv(before["area3"], model.top_down["area1"].weight)))
        d = d.repeat_interleave(4, -1).repeat_interleave(4, -2)
        a = torch.relu(norm(model.norm_a[0], u + d + conv(before["area1"], model.recurrent[0].weight, padding=1)))
    torch.testing.assert_close(states[1]["area1"], a, atol=1e-5, rtol=1e-5)  # float32, another order of sums
    rates = model.rates(states[1], drive, ("area1.u", "area1.d", "area1.z"))
    torch.testing.assert_close(rates["area1.z"], u + d, atol=1e-5, rtol=1e-5)


def test_masks_differ_between_steps_unless_one_is_kept_for_the_trial():
    def silent(mask):
        states = run(small(dropout=0.5, mask=mask), noise=BatchNoise(1))[1]
        return [(s["area1"] == 0) for s in states]

    fresh, kept = silent("step"), silent("trial")
    alive = run(small(dropout=0.0))[1]
    changes = [((a != b) & (s["area1"] > 0)).float().mean() for a, b, s in zip(fresh, fresh[1:], alive[1:], strict=False)]
    assert min(changes) > 0.1
    always = torch.stack(kept).all(0)
    assert always.float().mean() > 0.45  # a kept mask of p = 0.5 silences half of the units in every step


def test_without_noise_the_network_is_deterministic_and_dropout_has_no_effect():
    a, b, c = run(small(dropout=0.25))[1][-1], run(small(dropout=0.25))[1][-1], run(small(dropout=0.0))[1][-1]
    assert all(torch.equal(a[k], b[k]) and torch.equal(a[k], c[k]) for k in a)


def test_masks_do_not_depend_on_the_batch():
    model, x = small(), images()
    whole = run(model, noise=NoiseSource(0, ["a", "b", "c"]))[1][-1]["area1"]
    alone = run(model, noise=NoiseSource(0, ["b"]), x=x[1:2])[1][-1]["area1"]
    torch.testing.assert_close(whole[1:2], alone, atol=1e-4, rtol=1e-4)  # convolutions differ in the last bits, LayerNorm over 4 channels magnifies them


def test_a_gain_in_the_state_silences_units_within_the_step_and_stays():
    model = small()
    drive = model.encode(images())
    state = model.initial_state(drive)
    state["area1.gain"] = torch.zeros_like(state["area1"])
    with torch.no_grad():
        state = model.step(model.step(state, drive), drive)
        silent_input = model.step({**model.initial_state(drive), "area1.gain": state["area1.gain"]}, drive)
    assert "area1.gain" in state and float(state["area1"].abs().max()) == 0
    assert torch.equal(silent_input["area2"], silent_input["area2"][:1].expand(3, -1, -1, -1))  # nothing of the image gets through


def test_a_top_down_stream_in_the_drive_replaces_the_networks_own():
    model = small()
    drive, states = run(model, 3)
    with torch.no_grad():
        replayed = model.step(states[1], {**drive, "area1.d": states[2]["area1.d"]})
    assert torch.equal(replayed["area1"], states[2]["area1"])


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_simulates_all_its_layers(arm):
    responses = simulate(small(**arm), make_stimuli(images(2).numpy()), batch_size=1)
    assert responses.sizes["time_bin"] == 5 and np.isfinite(responses.values).all()


def test_refinements_lengthen_the_path_without_parameters():
    deep, flat = small(feedback="self", refinements=3), small(feedback="self")
    assert sum(p.numel() for p in deep.parameters()) == sum(p.numel() for p in flat.parameters())
    assert not torch.equal(run(deep)[1][-1]["area1"], run(flat)[1][-1]["area1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feedback": "topp"}, "did you mean `top`"),
        ({"dropout": 1.0}, r"a probability in \[0, 1\)"),
        ({"dropout": float("nan")}, r"a probability in \[0, 1\)"),
        ({"mask": "image"}, "step, trial"),
        ({"alpha": float("inf")}, "a finite gain"),
        ({"strides": (2, 2)}, "one positive stride for each"),
        ({"feedback": "self", "channels": (4, 6, 7)}, "even numbers of channels"),
        ({"n_classes": 0}, "`n_classes` is 0"),
        ({"image_size": 4}, "8 or more"),
    ],
)
def test_bad_configs_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(SMALL, **changes)


def test_a_network_without_a_stream_has_no_gain_to_set():
    with pytest.raises(ModelError, match="no top-down stream"):
        small(feedback="none").with_alpha(0.0)


def test_unknown_layers_are_named():
    model = small()
    drive, states = run(model, 1)
    with pytest.raises(ConfigError, match="unknown layer"):
        model.rates(states[0], drive, ("area1.w",))
    with pytest.raises(ConfigError, match="did you mean"):
        model.recurrent_kernel("area")
