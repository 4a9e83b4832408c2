"""The DRC, its teachers and its baselines: published sizes, the contract, and equal numbers by both ways of running."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import neurodyn as nd
from neurodyn.architectures import drc, drc_baseline, drc_teacher
from neurodyn.architectures._resnet50 import load_imagenet, resnet50_back, resnet50_front
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


STAGES = ((64, 3), (128, 4), (256, 6), (512, 3))  # width and blocks


def imagenet_weights():
    """Generated tensors with the names and shapes of the usual ResNet-50 checkpoint, written out independently of the model."""
    shapes = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 2048), "fc.bias": (1000,)}
    norms = {"bn1": 64}
    n = 64
    for k, (width, blocks) in enumerate(STAGES, 1):
        for b in range(blocks):
            at = f"layer{k}.{b}"
            shapes |= {f"{at}.conv1.weight": (width, n, 1, 1), f"{at}.conv2.weight": (width, width, 3, 3), f"{at}.conv3.weight": (4 * width, width, 1, 1)}
            norms |= {f"{at}.bn1": width, f"{at}.bn2": width, f"{at}.bn3": 4 * width}
            if b == 0:
                shapes[f"{at}.downsample.0.weight"] = (4 * width, n, 1, 1)
                norms[f"{at}.downsample.1"] = 4 * width
            n = 4 * width
    g = torch_generator(0, "imagenet")
    found = {k: torch.empty(s).normal_(0, (2 / (s[0] * s[-1] * s[-1] if len(s) == 4 else 1000)) ** 0.5, generator=g) for k, s in shapes.items()}
    for at, width in norms.items():
        found |= {f"{at}.weight": 0.5 + torch.rand(width, generator=g), f"{at}.bias": 0.1 * torch.randn(width, generator=g)}
        found |= {f"{at}.running_mean": 0.1 * torch.randn(width, generator=g), f"{at}.running_var": 0.5 + torch.rand(width, generator=g)}
        found[f"{at}.num_batches_tracked"] = torch.tensor(1)
    return found


def plain_resnet50_map(w, x):
    """The pooled features of ResNet-50, from the tensors alone."""
    norm = lambda x, at: F.batch_norm(x, w[f"{at}.running_mean"], w[f"{at}.running_var"], w[f"{at}.weight"], w[f"{at}.bias"])  # noqa: E731
    x = F.max_pool2d(F.relu(norm(F.conv2d(x, w["conv1.weight"], stride=2, padding=3), "bn1")), 3, 2, 1)
    for k, (_, blocks) in enumerate(STAGES, 1):
        for b in range(blocks):
            at, stride = f"layer{k}.{b}", 2 if b == 0 and k > 1 else 1
            y = F.relu(norm(F.conv2d(x, w[f"{at}.conv1.weight"]), f"{at}.bn1"))
            y = F.relu(norm(F.conv2d(y, w[f"{at}.conv2.weight"], stride=stride, padding=1), f"{at}.bn2"))
            y = norm(F.conv2d(y, w[f"{at}.conv3.weight"]), f"{at}.bn3")
            x = F.relu(y + (norm(F.conv2d(x, w[f"{at}.downsample.0.weight"], stride=stride), f"{at}.downsample.1") if b == 0 else x))
    return x.mean((2, 3))


@pytest.fixture(scope="module")
def imagenet():
    return imagenet_weights()


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_teacher_takes_imagenet_weights_of_the_usual_names(tmp_path, imagenet, suffix):
    path = tmp_path / f"resnet50{suffix}"
    torch.save(imagenet, path) if suffix == ".pth" else save_file(imagenet, path)
    assert sum(v.numel() for k, v in imagenet.items() if "running" not in k and "tracked" not in k) == 25_557_032
    teacher = drc_teacher.build(drc_teacher.Config("resnet50", imagenet_weights=str(path)), seed=0)
    x = torch.rand(1, 3, 32, 32, generator=torch_generator(0, "x"))
    features = teacher.features(x)
    assert features.shape == (1, 64, 56, 56)
    shown = F.interpolate((x - teacher.mean) * teacher.scale, scale_factor=7, mode="nearest")
    pooled = plain_resnet50_map(imagenet, shown)
    found = features
    for k in range(1, 5):
        found = getattr(teacher.back, f"layer{k}")(found)
    assert torch.allclose(found.mean((2, 3)), pooled, rtol=1e-4, atol=1e-4 * float(pooled.abs().max()))
    assert teacher(x).shape == (1, 10)


def test_other_files_are_no_imagenet_weights(tmp_path, imagenet):
    front, back = (build(torch_generator(0, "ends")) for build in (lambda g: resnet50_front(3, g), lambda g: resnet50_back(64, 10, g)))
    cases = {
        "torn.pth": ({k: v for k, v in imagenet.items() if k != "layer2.0.bn1.weight"}, ModelError, r"layer2\.0\.bn1\.weight"),
        "narrow.pth": (imagenet | {"conv1.weight": torch.zeros(64, 1, 7, 7)}, ModelError, r"1 of \d+ tensors \(first: conv1\.weight\)"),
        "wrapped.pth": ({"state_dict": {"conv1.weight": torch.zeros(1)}}, DataError, "holds no `conv1.weight`"),
        "module.pth": (torch.nn.Conv2d(1, 1, 1), DataError, "cannot be read"),
    }
    for name, (content, kind, message) in cases.items():
        torch.save(content, tmp_path / name)
        with pytest.raises(kind, match=message):
            load_imagenet(front, back, tmp_path / name)
    for name in ("cut.safetensors", "cut.pth"):
        (tmp_path / name).write_bytes(b"no tensors")
        with pytest.raises(DataError, match="cannot be read"):
            load_imagenet(front, back, tmp_path / name)
    with pytest.raises(DataError, match="missing"):
        load_imagenet(front, back, tmp_path / "none.pth")
    with pytest.raises(ConfigError, match="kind `resnet50`"):
        drc_teacher.build(drc_teacher.Config("v1", imagenet_weights="resnet50.pth"), seed=0)


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
