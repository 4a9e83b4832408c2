"""CordsNet against its published counts and its equations, written out again below as literally as possible."""

import copy
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import neurodyn as nd
from neurodyn.architectures.cordsnet import Config, area_shapes, build, count_macs, euler_radius
from neurodyn.errors import ConfigError, ModelError, NeurodynWarning, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import torch_generator

PARAMETERS = {  # released code, weight-norm gains included; keys: classes, input channels
    2: {(1000, 3): 661_520, (100, 3): 602_120, (10, 3): 596_180, (10, 1): 589_908},
    4: {(1000, 3): 1_451_152, (100, 3): 1_334_152, (10, 3): 1_322_452, (10, 1): 1_316_180},
    6: {(1000, 3): 3_777_936, (100, 3): 3_545_736, (10, 3): 3_522_516, (10, 1): 3_516_244},
    8: {(1000, 3): 12_475_280, (100, 3): 12_012_680, (10, 3): 11_966_420, (10, 1): 11_960_148},
}
UNITS = {2: 401_408, 4: 602_112, 6: 702_464, 8: 752_640}
STEP_MACS = {2: 0.462, 4: 0.873, 6: 1.285, 8: 1.696}  # G, before the first area's feedforward product is hoisted too


def small(depth=4, **changes):
    config = {"depth": depth, "channels": 4, "image_size": 32, "n_classes": 3, "in_channels": 2, "before_ms": 20, "stimulus_ms": 20, **changes}
    return build(Config(**config), seed=0)


def scrambled(model, seed=1, scale=0.1):
    """Biases and gains away from where they start, some gains negative."""
    generator = torch_generator(seed, "scramble")
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "bias" in name:
                p.copy_(scale * torch.randn(p.shape, generator=generator))
            elif name.endswith(".g"):
                p.mul_(torch.where(torch.rand(p.shape, generator=generator) < 0.2, -1.0, 1.0))
    return model


def images(model, n=2, seed=2):
    return torch.rand((n, *model.blank.shape), generator=torch_generator(seed, "images"))


def naive_step(model, state, image):
    """The update as it is written, nothing hoisted, nothing shared."""
    relu, c = torch.relu, model.config
    normed = {k: m.g * m.v / m.v.flatten(1).norm(dim=1).reshape(m.g.shape) for k, m in model.normed().items()}
    x = (image - model.mean) / model.std
    p = F.conv2d(x, normed["stem"], stride=c.stem_stride, padding=c.stem_kernel // 2)
    p = F.avg_pool2d(p, 3, stride=2, padding=1, count_include_pad=True) if c.pool else p
    r = [state[k] for k in model.phase]
    new = {}
    for i, name in enumerate(model.phase):
        if i == 0:
            s = p
        elif i == 1:
            s = relu(r[0]) + F.conv2d(p, normed["input_skip"], padding=1)
        elif i % 2 == 0:
            s = relu(r[i - 1]) + relu(r[i - 2])
        else:
            s = relu(r[i - 1]) + F.conv2d(relu(r[i - 2]), normed[f"skip{i}"], stride=2)
        stride = 2 if i and i % 2 == 0 else 1
        current = F.conv2d(r[i], normed[f"recurrent{i}"], padding=1) + model.area_bias[i] + F.conv2d(s, normed[f"forward{i}"], stride=stride, padding=1)
        new[name] = (1 - model.alpha) * r[i] + model.alpha * F.leaky_relu(current, model.slope)
    return new


@pytest.mark.parametrize("depth", [2, 4, 6, 8])
def test_counts_of_the_paper_s_models(depth):
    shapes = area_shapes(Config(depth=depth))
    assert sum(int(np.prod(s)) for s in shapes) == UNITS[depth]
    assert shapes[-1] == (64 * 2 ** (depth // 2 - 1), 56 // 2 ** (depth // 2 - 1), 56 // 2 ** (depth // 2 - 1))
    for (n_classes, in_channels), n in PARAMETERS[depth].items():
        if depth == 8 and n_classes == 100:
            continue  # same network, one more second
        model = nd.build("cordsnet", depth=depth, n_classes=n_classes, in_channels=in_channels)
        assert sum(p.numel() for p in model.parameters()) == n
    macs = count_macs(Config(depth=depth))
    first = 9 * 64 * 64 * 56 * 56
    assert round((macs["step"] + first) / 1e9, 3) == STEP_MACS[depth]
    assert (macs["once"] - 2 * first) / 1e6 == pytest.approx(118.0 + 115.6, abs=0.06)  # the stem and the input skip


def test_responses_reach_an_area_a_block_a_step():
    model = small(8, image_size=32, channels=2)
    image = images(model, 1)
    drive, state = model.encode(image), None
    state, first = model.initial_state(drive), {}
    for step in range(1, 7):
        state = model.step(state, drive)
        for name, r in state.items():
            if bool((r != 0).any()):
                first.setdefault(name, step)
    assert [first[k] for k in model.phase] == [1, 1, 2, 2, 3, 3, 4, 4]


def test_zero_kernels_leave_an_exponential_approach_to_the_bias():
    model = small()
    with torch.no_grad():
        for module in model.normed().values():
            module.g.zero_()
        for b in model.area_bias:
            b.copy_(torch.rand(b.shape, generator=torch_generator(0, "b")))
    drive = model.encode(images(model))
    state = model.initial_state(drive)
    for t in range(1, 30):
        state = model.step(state, drive)
        for k, b in zip(model.phase, model.area_bias, strict=True):
            torch.testing.assert_close(state[k], (b * (1 - 0.8**t)).expand_as(state[k]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("depth", [2, 4, 6, 8])
@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_hoisted_update_is_the_naive_one(depth, slope):
    model = scrambled(small(depth, slope=slope)).double()
    image = images(model).double()
    drive = model.encode(image)
    state = other = model.initial_state(drive)
    for _ in range(12):
        state, other = model.step(state, drive), naive_step(model, other, image)
    for k in model.phase:
        torch.testing.assert_close(state[k], other[k], rtol=1e-11, atol=1e-13)  # float64, another order of sums


def test_r8_at_224_pixels_is_the_naive_update_and_responds_a_block_a_step():
    model = nd.build("cordsnet", depth=8, n_classes=10, image_size=224)
    image = images(model, 1)
    with torch.no_grad():
        drive = model.encode(image)
        state = other = model.initial_state(drive)
        first = {}
        for step in range(1, 5):
            state, other = model.step(state, drive), naive_step(model, other, image)
            first |= {k: step for k, r in state.items() if k not in first and bool((r != 0).any())}
    assert [first[k] for k in model.phase] == [1, 1, 2, 2, 3, 3, 4, 4]
    for k in model.phase:
        assert float((state[k] - other[k]).norm()) < 1e-5 * float(other[k].norm())


@pytest.mark.parametrize("slope", [0.0, 0.4, 1.0])
def test_settled_is_where_trials_end_and_its_gradient_is_theirs(slope):
    model = scrambled(small(slope=slope, image_size=16)).double()
    drive, gradients, ends = model.encode(images(model).double()), [], []
    for settle in (True, False):
        state = model.initial_state(drive)
        if settle:
            state = model.settled(drive, n_free=60, n_gradient=60)
        else:
            for _ in range(400):
                state = model.step(state, drive)
        model.zero_grad()
        model.readout(state)[:, 0].sum().backward(retain_graph=True)
        ends.append(state)
        gradients.append({k: p.grad.clone() for k, p in model.named_parameters() if p.grad is not None})
    for k in model.phase:
        torch.testing.assert_close(ends[0][k], ends[1][k], rtol=1e-8, atol=1e-10)
    assert set(gradients[0]) == set(gradients[1])
    for k, g in gradients[0].items():
        torch.testing.assert_close(g, gradients[1][k], rtol=1e-6, atol=1e-9)


def test_without_stem_stride_and_pool():
    model = scrambled(small(stem_kernel=3, stem_stride=1, pool=False, image_size=9)).double()
    image = images(model).double()
    drive = model.encode(image)
    state = model.step(model.initial_state(drive), drive)
    other = naive_step(model, model.initial_state(drive), image)
    torch.testing.assert_close(model.step(state, drive)["area3"], naive_step(model, other, image)["area3"])
    assert [s[1:] for s in area_shapes(model.config)] == [(9, 9), (9, 9), (5, 5), (5, 5)]


def test_slopes_at_the_ends_are_linear_and_relu():
    model = scrambled(small())
    current = torch.linspace(-1, 1, 7)
    for slope, expected in ((0.0, torch.relu(current)), (1.0, current), (0.5, torch.where(current > 0, current, current / 2))):
        model.slope = slope
        torch.testing.assert_close(model.nonlinearity(current), expected)


def test_blank_is_the_mean_image_and_drives_nothing():
    model = small(mean=(0.4, 0.6), std=(0.2, 0.3))
    drive = model.encode(model.blank.unsqueeze(0))
    assert float(drive["stem"].detach().abs().max()) == 0.0
    assert all(float(v.detach().abs().max()) == 0.0 for v in drive.values())


def test_a_contractive_network_with_a_blank_stimulus_is_at_its_baseline():
    model = scrambled(small(before_ms=400, stimulus_ms=40, after_ms=200))
    blank = make_stimuli(model.blank.numpy()[None])
    r = nd.simulate(model, blank, record=nd.Record(steps=[-1, *range(110, 120)]))
    assert float(((r.values[..., 1:] - r.values[..., :1]) ** 2).mean()) < 1e-12


def test_jacobian_is_gate_times_kernel():
    model = scrambled(small(2, channels=2, image_size=8)).double()
    drive = model.encode(images(model, 1).double())
    state = model.initial_state(drive)
    for _ in range(5):
        state = model.step(state, drive)
    for layer in model.phase:
        x = state[layer]

        def area(v, layer=layer):
            return model.step({**state, layer: v}, drive)[layer]

        jacobian = torch.autograd.functional.jacobian(area, x).reshape(x.numel(), x.numel())
        from neurodyn.numerics.convolution import conv_matrix

        kernel = conv_matrix(model.recurrent_kernel(layer).detach(), x.shape[-2:])
        gate = model.gate(state, drive, layer).reshape(-1, 1)
        expected = (1 - model.leak(layer)) * torch.eye(x.numel(), dtype=x.dtype) + model.leak(layer) * gate * kernel
        torch.testing.assert_close(jacobian, expected)
        assert 0 < float(gate.mean()) < 1


def test_finer_steps_converge_to_the_same_trajectory_at_first_order():
    model = scrambled(small(2)).double()
    frame = images(model, 1).double()

    def at_40_ms(dt):
        twin = model.with_dt(dt)
        drive = twin.encode(frame)
        state = twin.initial_state(drive)
        for _ in range(round(40 / dt)):
            state = twin.step(state, drive)
        return torch.cat([v.detach().flatten() for v in state.values()])

    reference = at_40_ms(0.02)
    errors = [float((at_40_ms(dt) - reference).norm()) for dt in (2.0, 1.0, 0.5)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.allclose(orders, 1.0, atol=0.1)


def test_kernels_are_computed_once_and_never_stale():
    model = small()
    with torch.no_grad():
        first = model.kernels()
        assert model.kernels() is first
        model.stem.g.mul_(2)
        assert model.kernels() is not first
        torch.testing.assert_close(model.kernels()["stem"], 2 * first["stem"])
        copy.deepcopy(model)
    frame = images(model, 1).requires_grad_()
    for _ in range(2):  # two backward passes, as an optimised stimulus needs
        drive = model.encode(frame)
        model.readout(model.step(model.initial_state(drive), drive)).sum().backward()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        twin.stem.g.mul_(3)
        torch.testing.assert_close(twin.kernels()["stem"], 3 * model.kernels()["stem"])


def test_channels_last_gives_the_same_activity():
    model = scrambled(small())
    stimuli = make_stimuli(images(model, 3).numpy())
    plain = nd.simulate(model, stimuli)
    fast = nd.simulate(model.to(memory_format=torch.channels_last), stimuli, batch_size=2)
    np.testing.assert_allclose(fast, plain, rtol=1e-4, atol=1e-6)


def test_seeds():
    a, b, c = (nd.build("cordsnet", seed=s, depth=2, channels=2, image_size=8) for s in (0, 0, 1))
    assert torch.equal(a.stem.v, b.stem.v)
    assert not torch.equal(a.stem.v, c.stem.v)


@pytest.mark.parametrize(
    ("config", "error", "match"),
    [
        ({"depth": 3}, ConfigError, "`depth` is 3"),
        ({"depth": 8, "image_size": 16}, ConfigError, "divides it by 32"),
        ({"dept": 4}, ConfigError, "did you mean `depth`"),
        ({"mean": (0.1, 0.2)}, ConfigError, "`mean` has 2 entries for 3 channels"),
        ({"dt_ms": 0.0}, ConfigError, "`dt_ms` is 0.0"),
        ({"stem_kernel": 4}, ConfigError, "`stem_kernel` is 4"),
        ({"n_classes": 0}, ConfigError, "`n_classes` is 0"),
    ],
)
def test_bad_config(config, error, match):
    with pytest.raises(error, match=match):
        nd.build("cordsnet", **config)


def test_bad_input():
    model = small()
    with pytest.raises(SchemaError, match="2 x 16 x 16"):
        nd.simulate(model, make_stimuli(np.zeros((1, 2, 16, 16))))
    with pytest.raises(SchemaError, match="`frame` has shape"):
        model.encode(torch.zeros(1, 3, 32, 32))
    with pytest.raises(ConfigError, match="did you mean `area1`"):
        model.recurrent_kernel("area_1")
    with pytest.raises(ConfigError, match="unknown layer"):
        nd.simulate(model, make_stimuli(np.zeros((1, 2, 32, 32))), record=nd.Record(layers=("V9",)))
    with pytest.raises(ModelError, match="train mode"):
        nd.simulate(model.train(), make_stimuli(np.zeros((1, 2, 32, 32))))


def test_an_unstable_step_is_warned_with_its_radius():
    with pytest.warns(NeurodynWarning, match=r"dt_ms=30 .*spectral radius 4\."):
        small(dt_ms=30.0)
    model = small()
    with pytest.warns(NeurodynWarning, match="unstable"):
        model.with_dt(25.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.with_dt(4.0)
    with torch.no_grad():  # a rotation: stable in continuous time, not at a coarse step
        kernel = torch.zeros(4, 4, 3, 3)
        kernel[0, 1, 1, 1], kernel[1, 0, 1, 1] = -3.0, 3.0
        model.recurrent_conv[0].assign(kernel)
    assert euler_radius(model.with_dt(1.0))["area0"] == pytest.approx(abs(0.9 + 0.3j), rel=5e-3)  # growth averaged over 30 iterations
    with pytest.warns(NeurodynWarning, match=r"`area0` unstable \(spectral radius 1\.3"):
        model.with_dt(4.0)


@pytest.mark.parametrize("depth", [2, 4])
def test_it_keeps_the_contract(depth):
    nd.check_model(scrambled(small(depth)))


def test_arnoldi_finds_the_hundred_leading_eigenvalues_of_the_paper_s_demonstration():
    from neurodyn.numerics.arnoldi import leading_eigenpairs
    from neurodyn.numerics.convolution import conv_matrix

    kernel = (torch.rand((10, 10, 3, 3), generator=torch_generator(0, "demo"), dtype=torch.float64) * 2 - 1) / 90**0.5
    matrix = conv_matrix(kernel, (10, 10)).numpy()
    dense = np.linalg.eigvals(matrix)
    dense = dense[np.argsort(-abs(dense))]
    found = np.asarray(leading_eigenpairs(matrix, 100, tol=1e-8, seed=0).values)[:100]
    assert len(found) == 100
    nearest = abs(found[:, None] - dense[None, :110]).min(axis=1)
    assert nearest.max() < 1e-5 * abs(dense[0])
    np.testing.assert_allclose(np.sort(abs(found))[::-1], abs(dense[:100]), atol=1e-5)
