"""CORnet-RT, -R and -S: sizes, when the image arrives, and a literal run of each."""

import dataclasses
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from neurodyn.architectures.cornet import SMALL, Config, build
from neurodyn.dynamics.check import check_model
from neurodyn.errors import ConfigError, ModelError
from neurodyn.seeding import torch_generator


def small(variant, **options):
    return build(dataclasses.replace(SMALL, variant=variant, **options), seed=0)


def images(n=2, seed=0):
    return torch.rand(n, 3, 32, 32, generator=torch_generator(seed, "images"))


def play(model, frames, steps=None):
    drive = model.encode(frames)
    state, states = model.initial_state(drive), []
    for _ in range(steps or model.n_steps):
        state = model.step(state, drive)
        states.append(state)
    return states


@pytest.mark.parametrize("variant", ["RT", "R", "S"])
def test_it_keeps_the_contract(variant):
    check_model(small(variant), n_steps=5)


def test_numbers_of_parameters_at_full_size():
    assert sum(p.numel() for p in build(Config(variant="S"), seed=0).parameters()) == pytest.approx(53.4e6, abs=5e4)
    areas = [(3, 64, 7), (64, 128, 3), (128, 256, 3), (256, 512, 3)]
    closed = sum(a * b * k * k + b + b * b * 9 + 4 * b for a, b, k in areas) + 512 * 1000 + 1000
    model = build(Config(), seed=0)
    assert sum(p.numel() for p in model.parameters()) == closed
    assert {k: v.shape[-1] for k, v in play(model, model.blank[None], 1)[0].items() if v.dim() == 4} == {"V1": 56, "V2": 28, "V4": 14, "IT": 7}


def test_the_image_climbs_one_area_a_step_in_rt_and_at_once_in_r():
    for variant, expected in (("RT", [0, 1, 2, 3]), ("R", [0, 0, 0, 0])):
        model = small(variant)
        with torch.no_grad():
            one, two = play(model, images(seed=1)), play(model, images(seed=2))
        arrival = [[not torch.equal(a[k], b[k]) for a, b in zip(one, two, strict=True)].index(True) for k in model.layers]
        assert arrival == expected and model.latency() == expected[-1]


def test_rt_against_a_literal_run():
    model, frames = small("RT"), images()
    with torch.no_grad():
        x = (frames - model.mean) / model.std
        y = dict.fromkeys(model.layers)
        for _ in range(5):
            old = dict(y)
            for name, below in zip(model.layers, ("image", "V1", "V2", "V4"), strict=True):
                area = model.areas[name]
                source = x if below == "image" else old[below]
                u = 0 if source is None else F.relu(area.norm_input(area.input(source)))
                total = u + (0 if old[name] is None else old[name])
                if isinstance(total, int):
                    n, w, s = len(frames), model.config.widths[model.layers.index(name)], 8 // 2 ** model.layers.index(name)
                    total = torch.zeros(n, w, s, s)
                y[name] = F.relu(area.norm_recur(area.recur(total)))
        final = play(model, frames)[-1]
    for name in model.layers:
        torch.testing.assert_close(final[name], y[name], rtol=1e-5, atol=1e-6)


def test_s_makes_eight_passes_and_stops():
    model = small("S")
    with torch.no_grad():
        states = play(model, images(), 10)
    changes = [[k for k in model.phase if not torch.equal(a[k], b[k])] for a, b in pairwise(states)]
    assert changes == [["V2"], *[["V4"]] * 4, ["IT"], ["IT"], [], []]
    assert bool(model.finished(states[7]).all()) and not bool(model.finished(states[6]).any())
    torch.testing.assert_close(model.logits(images())[:, -1], model.readout(states[7]), rtol=1e-5, atol=1e-6)


def test_s_uses_a_norm_of_its_own_at_every_pass():
    model = small("S")
    frames = images()
    before = play(model, frames)
    model.areas["V4"].norms[2][2].weight.data.mul_(2.0)
    after = play(model, frames)
    same = [torch.equal(a["V4"], b["V4"]) for a, b in zip(before, after, strict=True)]
    assert same == [True] * 4 + [False] * 4


def test_bad_input():
    for options, match in [
        ({"variant": "Z"}, "unknown variant"),
        ({"widths": (8, 8)}, "4 numbers of channels"),
        ({"image_size": 8}, "16 pixels"),
        ({"n_steps": 3}, "reaches IT at step 3"),
        ({"variant": "S", "dt_ms": 10.0}, "not time"),
    ]:
        with pytest.raises(ConfigError, match=match):
            Config(**options)
    model = small("S")
    with pytest.raises(ModelError, match="channel, row, column"):
        model.encode(torch.zeros(1, 3, 16, 16))
    state = play(model, images(), 1)[0]
    with pytest.raises(ModelError, match="same pass"):
        model.step({**state, "pass": torch.tensor([1.0, 2.0])}, model.encode(images()))
    with pytest.raises(ConfigError, match=r"a step in 6\.\.7"):
        model.logits(images(), first=8)
