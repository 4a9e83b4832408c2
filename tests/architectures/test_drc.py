"""The DRC, its teachers and its baselines: published sizes, the contract, and equal numbers by both ways of running."""

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn as nd
from neurodyn.architectures import drc, drc_baseline, drc_teacher
from neurodyn.architectures._resnet50 import load_imagenet
from neurodyn.cells.conv_gru_keras import hard_sigmoid
from neurodyn.dynamics.simulate import simulate, unroll
from neurodyn.errors import ConfigError, DataError, ModelError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import torch_generator
from neurodyn.stimuli.sensor_movie import sensor_movie
from neurodyn.training.checkpoints import save_weights

SMALL = {"widths": (4, 6, 32), "upsample": 1, "teacher": "two_core", "activation": "elu", "position_offset_px": 0.0, "position_scale_px": 4.0}


def small(**changes):
    return drc.build(drc.Config(**{**SMALL, **changes}), seed=0)


def movies(n=3, n_frames=5):
    g = torch_generator(0, "movies")
    return torch.rand(n, n_frames, 3, 8, 8, generator=g), 3 * torch.randn(n, n_frames, 2, generator=g)


def stepped(model, images, positions):
    timeline = model.trial.timeline(dt_ms=model.dt_ms, frame_start=np.arange(images.shape[1]) * model.dt_ms)
    return list(unroll(model, {"image": images, "position": positions}, timeline, movie=True))


@pytest.mark.parametrize(
    ("changes", "n"),
    [({}, 419_648), ({"position": False}, 417_920), ({"block_size": 2}, 917_792), ({"block_size": 2, "position": False}, 916_064)],
)
def test_published_parameter_counts(changes, n):
    assert sum(p.numel() for p in drc.build(drc.Config(**changes), seed=0).front_parameters()) == n


def test_published_parameter_counts_of_the_small_networks():
    v1 = drc.build(drc.Config(widths=(64, 128, 64), block_size=2, position=False, upsample=1, teacher="v1", activation="elu"), seed=0)
    assert sum(p.numel() for p in v1.front_parameters()) == 2_439_872
    teachers = {k: drc_teacher.build(drc_teacher.Config(k), seed=0) for k in ("v1", "v2")}
    assert sum(p.numel() for p in teachers["v1"].front.parameters()) == 65_696
    assert sum(p.numel() for p in teachers["v2"].front.parameters()) == 905_600
    assert sum(p.numel() for p in teachers["v2"].back.parameters()) == 1_411_914


def test_the_hard_sigmoid_has_slope_one_fifth():
    x = torch.linspace(-2, 2, 9, dtype=torch.float64)
    assert torch.allclose(hard_sigmoid(x), 0.2 * x + 0.5, atol=1e-15)
    assert not torch.allclose(hard_sigmoid(x), torch.nn.functional.hardsigmoid(x))


@pytest.mark.parametrize("n_steps", [2, 5, 10])
def test_a_trial_lasts_300_ms(n_steps):
    model = small(n_steps=n_steps)
    assert model.dt_ms * (n_steps - 1) == pytest.approx(300)


@pytest.mark.parametrize("merge", ["mean", "max", "last"])
@pytest.mark.parametrize("position", [True, False])
def test_layer_by_layer_equals_step_by_step(merge, position):
    model, (images, positions) = small(merge=merge, position=position), movies()
    every = model.features(images, positions, every=True)
    for k, state, drive in stepped(model, images, positions):
        assert torch.allclose(model.rates(state, drive, ("features",))["features"], every[:, k], atol=2e-5)  # sums in another order
    assert torch.allclose(model.features(images, positions), every[:, -1], atol=2e-5)
    assert torch.allclose(model.readout(state), model.back(every[:, -1]), atol=1e-4)


def test_simulate_takes_images_with_positions():
    model = small()
    movie = sensor_movie(make_stimuli(np.random.default_rng(0).random((4, 3, 32, 32))), {"style": "spiral_2dir2"}, 5, seed=0)
    whole = simulate(model, movie, record=nd.Record(layers=("gru1", "readout"), space="mean"), batch_size=4)
    parts = simulate(model, movie, record=nd.Record(layers=("gru1", "readout"), space="mean"), batch_size=3)
    np.testing.assert_allclose(whole.values, parts.values, rtol=1e-5, atol=1e-6)
    assert whole.time_bin_start.values.tolist() == [0.0, 75.0, 150.0, 225.0, 300.0]
    with pytest.raises(SchemaError, match="image"):
        simulate(model, make_stimuli(np.zeros((1, 3, 8, 8))))


def test_without_position_input_positions_do_not_matter():
    blind, told, (images, positions) = small(position=False), small(), movies()
    assert torch.equal(blind.features(images, positions), blind.features(images, -positions))
    assert not torch.allclose(told.features(images, positions), told.features(images, -positions))


def test_gates_at_their_ends():
    """Update 0 keeps the state, update 1 with no recurrent kernel forgets it."""
    cell = small().cells[0]
    with torch.no_grad():
        cell.recur.zero_()
    h, parts = torch.randn(1, 4, 8, 8, generator=torch_generator(0, "h")), torch.zeros(1, 12, 8, 8)
    parts[:, :4] = -9
    assert torch.equal(cell.update(parts, h), h)
    parts[:, :4] = 9
    assert torch.allclose(cell.update(parts, h), torch.zeros_like(h), atol=1e-6)


BASELINES = [("committee", False), ("recurrent_head", False), ("recurrent_head", True), ("stacked", False), ("stacked", True)]


@pytest.mark.parametrize(("kind", "position"), BASELINES)
def test_baselines_read_the_same_by_both_ways(kind, position):
    model = drc_baseline.build(drc_baseline.Config(kind, position=position, width=6), seed=0)
    images, positions = movies()
    states = stepped(model, images, positions)
    if kind == "committee":
        said = torch.stack([model.back(model.features(images[:, t : t + 1], positions[:, t : t + 1])).softmax(-1) for t in range(5)])
        assert torch.allclose(model.readout(states[-1][1]), said.mean(0).log(), atol=1e-4)
    else:
        assert torch.allclose(model.readout(states[-1][1]), model.back(model.features(images, positions)), atol=1e-4)
    assert all(torch.isfinite(v).all() for v in states[0][1].values())


def test_teacher_features_and_answer():
    teacher = drc_teacher.build(drc_teacher.Config(), seed=0)
    x = torch.rand(2, 3, 32, 32, generator=torch_generator(0, "x"))
    state = teacher.step(teacher.initial_state(teacher.encode(x)), teacher.encode(x))
    assert state["features"].shape == (2, 32, 8, 8)
    assert torch.allclose(teacher.readout(state), teacher(x), atol=1e-6)


def test_imagenet_weights_are_read_by_name(tmp_path):
    one, two = (drc_teacher.build(drc_teacher.Config("resnet50"), seed=s) for s in (0, 1))
    names = {**one.front.state_dict(), **{k: v for k, v in one.back.state_dict().items() if not k.startswith("head.")}}
    holder = torch.nn.Module()
    for k, v in names.items():
        holder.register_buffer(k.replace(".", "__"), v)
    torch.save({**names, "fc.weight": torch.zeros(2, 2)}, tmp_path / "resnet50.pth")
    load_imagenet(two.front, two.back, tmp_path / "resnet50.pth")
    assert torch.equal(two.back.layer4[2].conv3.weight, one.back.layer4[2].conv3.weight)
    torch.save({k: v for k, v in names.items() if k != "layer2.0.bn1.weight"}, tmp_path / "torn.pth")
    with pytest.raises(ModelError, match=r"layer2\.0\.bn1\.weight"):
        load_imagenet(two.front, two.back, tmp_path / "torn.pth")
    with pytest.raises(DataError, match="missing"):
        load_imagenet(two.front, two.back, tmp_path / "none.pth")


def test_the_seed_decides_the_weights_and_nothing_else(tmp_path):
    digests = [save_weights(drc.build(drc.Config(**SMALL), seed=s), tmp_path / f"{k}.safetensors") for k, s in enumerate((0, 0, 1))]
    assert digests[0] == digests[1] != digests[2]


BAD = [
    ({"n_steps": 1}, ConfigError, "2 or more"),
    ({"merge": "sum"}, ConfigError, "one of mean, max, last"),
    ({"teacher": "v3"}, ConfigError, "unknown teacher kind"),
    ({"widths": (4, 6, 64)}, ConfigError, "32 x 8 x 8"),
    ({"resolution": 16}, ConfigError, "maps of the same size"),
    ({"scale": (1.0,)}, ConfigError, "one a colour"),
    ({"activation": "gelu"}, ConfigError, "activation"),
]


@pytest.mark.parametrize(("changes", "kind", "message"), BAD)
def test_bad_configs(changes, kind, message):
    with pytest.raises(kind, match=message):
        small(**changes)


def test_bad_frames():
    model, (images, positions) = small(), movies()
    with pytest.raises(ModelError, match="equal batch and frame"):
        model.features(images, positions[:, :4])
    with pytest.raises(ModelError, match="resolution=8"):
        model.encode({"image": torch.zeros(2, 3, 9, 9), "position": torch.zeros(2, 2)})
    with pytest.raises(ConfigError, match="position=False"):
        drc_baseline.build(drc_baseline.Config("committee", position=True), seed=0)
    with pytest.raises(ConfigError, match="unknown kind"):
        drc_baseline.build(dataclasses.replace(drc_baseline.Config(), kind="comittee"), seed=0)
