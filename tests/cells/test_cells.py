"""Every cell against a literal evaluation of its equations: loops over positions and channels, in float64."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurodyn import registry
from neurodyn.cells import as_model, make_config, zero_state
from neurodyn.cells import reciprocal_gated as rgc
from neurodyn.cells._convolution import Convolution, same_padding
from neurodyn.dynamics.check import check_model
from neurodyn.errors import ConfigError, ModelError
from neurodyn.seeding import torch_generator

CELLS = registry.names("cells")
N, ROWS, COLUMNS = 3, 5, 4


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def elu(z):
    return np.where(z > 0, z, np.exp(np.minimum(z, 0)) - 1)


def conv(x, layer):
    """Literal "SAME" convolution of one image (channel, row, column), with a module's weights."""
    weight = layer.weight.detach().double().numpy()
    bias = np.zeros(len(weight)) if layer.bias is None else layer.bias.detach().double().numpy()
    if layer.depthwise is not None:
        kernel = layer.depthwise.detach().double().numpy()
        x = np.stack([plain(x[i : i + 1], kernel[i : i + 1])[0] for i in range(len(x))])
    return plain(x, weight) + bias[:, None, None]


def plain(x, weight):
    k = weight.shape[-1]
    before = (k - 1) // 2
    out = np.zeros((len(weight), *x.shape[1:]))
    for o in range(len(weight)):
        for row in range(x.shape[1]):
            for column in range(x.shape[2]):
                for i in range(x.shape[0]):
                    for a in range(k):
                        for b in range(k):
                            y, z = row + a - before, column + b - before
                            if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
                                out[o, row, column] += weight[o, i, a, b] * x[i, y, z]
    return out


def norm(x, module):
    gain, offset = module.gain.detach().double().numpy(), module.offset.detach().double().numpy()
    return (x - x.mean()) / np.sqrt(x.var() + 1e-12) * gain[:, None, None] + offset[:, None, None]


def literal_time_decay(cell, x, s):
    return {"out": cell.decay.item() * s["out"] + x}


def literal_simple_rnn(cell, x, s):
    total = conv(x, cell.input) + conv(s["out"], cell.recur)
    return {"out": elu(total if cell.norm is None else norm(total, cell.norm))}


def literal_conv_gru(cell, x, s):
    h = s["out"]
    gates = conv(np.concatenate([x, h]), cell.gates)
    r, u = sigmoid(gates[:N] + 1), sigmoid(gates[N:])
    c = np.tanh(conv(np.concatenate([x, r * h]), cell.candidate))
    return {"out": u * h + (1 - u) * c}


def literal_conv_gru_keras(cell, x, s):
    h, u = s["out"], cell.recur.detach().double().numpy()
    hard = lambda a: np.clip(0.2 * a + 0.5, 0, 1)  # noqa: E731
    parts = conv(x, cell.input)
    z, r = hard(parts[:N] + plain(h, u[:N])), hard(parts[N : 2 * N] + plain(h, u[N : 2 * N]))
    return {"out": (1 - z) * h + z * np.tanh(parts[2 * N :] + plain(r * h, u[2 * N :]))}


def literal_conv_lstm(cell, x, s):
    parts = conv(np.concatenate([x, s["out"]]), cell.parts)
    i, j, f, o = (parts[k * N : (k + 1) * N] for k in range(4))
    if cell.norms is not None:
        i, j, f, o = (norm(p, m) for p, m in zip((i, j, f, o), cell.norms, strict=False))
    old = s["cell"]
    wi, wf, wo = (0, 0, 0) if cell.peephole is None else cell.peephole.detach().double().numpy()
    c = old * sigmoid(f + cell.forget_bias + wf * old) + sigmoid(i + wi * old) * np.tanh(j)
    if cell.norms is not None:
        c = norm(c, cell.norms[4])
    return {"out": np.tanh(c) * sigmoid(o + wo * old), "cell": c}


def literal_ugrnn(cell, x, s):
    parts = conv(np.concatenate([x, s["out"]]), cell.parts)
    g, c = sigmoid(parts[:N] + 1), np.tanh(parts[N:])
    return {"out": g * s["out"] + (1 - g) * c}


def literal_intersection_rnn(cell, x, s):
    p = conv(np.concatenate([x, s["hidden"]]), cell.parts)
    gh, h, gy, y = (p[k * N : (k + 1) * N] for k in range(4))
    gh, gy, h, y = sigmoid(gh + 1), sigmoid(gy + 1), np.tanh(h), np.maximum(y, 0)
    return {"out": gy * x + (1 - gy) * y, "hidden": gh * s["hidden"] + (1 - gh) * h}


def literal_reciprocal_gated(cell, x, s, r=None, fb=None):
    cf, h, c = cell.config, s["out"], s["cell"]
    fed = None if fb is None else conv(fb, cell.feedback)
    if cf.input_activation == "elu":
        x = elu(x)
    phi = {"sigmoid": sigmoid, "tanh": np.tanh}
    tau = lambda z: cf.tau_offset - cf.tau_offset * phi[cf.tau_function](z)  # noqa: E731
    gate = lambda z: cf.gate_offset - cf.gate_offset * phi[cf.gate_function](z)  # noqa: E731
    cell_in = conv(x, cell.input_to_cell)
    out_in = 0 if not cf.bypass else x if cell.input_to_out is None else conv(x, cell.input_to_out)
    if cf.skip:
        out_in = out_in + (r if cell.project is None else conv(r, cell.project))
    if fed is not None:
        out_in = out_in + fed
    if cell.cell_to_out is not None:
        out_in = out_in + conv(c, cell.cell_to_out)
    if cf.gating:
        to_out = conv(c, cell.gate_out) + (conv(r, cell.source_to_gate) if cf.source_to_out_gate else 0)
        keep_c, keep_h, pass_c, pass_h = tau(conv(c, cell.tau_cell)), tau(conv(h, cell.tau_out)), gate(conv(h, cell.gate_cell)), gate(to_out)
    else:
        keep_c = keep_h = tau(0.0)
        pass_c = pass_h = gate(0.0)
    return {"out": elu(keep_h * h + pass_h * out_in), "cell": elu(keep_c * c + pass_c * cell_in)}


def step_norm(x, module):
    """Over the whole map with MapNorm's own epsilon, over the channels of each location, or not at all."""
    if isinstance(module, torch.nn.Identity):
        return x
    if hasattr(module, "epsilon"):
        gain, offset, axes, epsilon = module.gain, module.offset, None, module.epsilon
    else:
        gain, offset, axes, epsilon = module.weight, module.bias, 0, module.eps
    gain, offset = (p.detach().double().numpy()[:, None, None] for p in (gain, offset))
    return (x - x.mean(axis=axes)) / np.sqrt(x.var(axis=axes) + epsilon) * gain + offset


def literal_locrnn(cell, x, s):
    phi = {"relu": lambda z: np.maximum(z, 0), "relu6": lambda z: np.clip(z, 0, 6), "clip": lambda z: np.clip(z, 0, 1), "tanh": np.tanh}[cell.config.activation]
    both = np.concatenate([s[k] for k in cell.names])
    new = {}
    for k in cell.names:
        value = phi(conv(x, cell.drive_in[k]) + conv(both, cell.lateral[k]))
        if cell.config.gates:
            terms = ((x, f"{k}_input"), (s[k], f"{k}_state"))
            g = sigmoid(sum(step_norm(conv(z, cell.gate[name]), cell.gate_norm[name]) for z, name in terms))
            value = g * value + (1 - g) * s[k]
        new[k] = phi(step_norm(value, cell.norm[k]))
    return new


def literal_hgru(cell, x, s):
    h, relu = s["out"], lambda z: np.maximum(z, 0)
    alpha, mu, kappa, omega, gamma = (cell.vectors[k].detach().double().numpy() for k in ("alpha", "mu", "kappa", "omega", "gamma"))
    g1 = sigmoid(step_norm(conv(h, cell.gates[0]), cell.norms[0]))
    c1 = step_norm(conv(g1 * h, cell.lateral[0]), cell.norms[1])
    h1 = relu(x - relu(c1 * (alpha * h + mu)))
    g2 = sigmoid(step_norm(conv(h1, cell.gates[1]), cell.norms[2]))
    c2 = step_norm(conv(h1, cell.lateral[1]), cell.norms[3])
    return {"out": (1 - g2) * h + g2 * relu(kappa * h1 + gamma * c2 + omega * h1 * c2)}


def literal_r_resnet(cell, x, s):
    y, relu = s["out"], lambda z: np.maximum(z, 0)
    if cell.recall is not None:
        y = y + conv(x, cell.recall)
    for k in range(0, len(cell.convolutions), 2):
        inner = relu(step_norm(conv(y, cell.convolutions[k]), cell.norms[k]))
        y = relu(step_norm(conv(inner, cell.convolutions[k + 1]), cell.norms[k + 1]) + y)
    return {"out": y}


LITERAL = {
    "hgru": literal_hgru,
    "locrnn": literal_locrnn,
    "r_resnet": literal_r_resnet,
    "time_decay": literal_time_decay,
    "simple_rnn": literal_simple_rnn,
    "conv_gru": literal_conv_gru,
    "conv_gru_keras": literal_conv_gru_keras,
    "conv_lstm": literal_conv_lstm,
    "ugrnn": literal_ugrnn,
    "intersection_rnn": literal_intersection_rnn,
    "reciprocal_gated": literal_reciprocal_gated,
    "searched_gated": literal_reciprocal_gated,
}
VARIANTS = [
    ("locrnn", {"kernel": 3, "kernel_inter": 5}),
    ("locrnn", {"kernel": 3, "kernel_inter": 3, "norm": "channel", "activation": "tanh"}),
    ("locrnn", {"kernel": 3, "interneurons": False, "norm": "none", "activation": "relu6"}),
    ("locrnn", {"kernel": 3, "kernel_inter": 3, "gates": False, "activation": "clip"}),
    ("hgru", {"kernel": 3}),
    ("hgru", {"kernel": 5, "norm": "channel"}),
    ("hgru", {"kernel": 3, "norm": "none"}),
    ("r_resnet", {}),
    ("r_resnet", {"n_blocks": 1, "norm": "channel", "recall": True}),
    ("r_resnet", {"n_blocks": 1, "norm": "none"}),
    ("time_decay", {"decay": 0.7}),
    ("simple_rnn", {}),
    ("simple_rnn", {"layer_norm": True}),
    ("conv_gru", {}),
    ("conv_gru_keras", {}),
    ("conv_lstm", {}),
    ("conv_lstm", {"kernel": 2, "layer_norm": True, "peephole": True, "size": (ROWS, COLUMNS), "forget_bias": 1.3562, "gate_bias": 1.6428, "scale": 0.7}),
    ("ugrnn", {}),
    ("intersection_rnn", {}),
    ("reciprocal_gated", {}),
    ("reciprocal_gated", {"n_source": 2, "source_to_out_gate": True, "bias": False}),
    ("reciprocal_gated", {"gating": False}),
    ("reciprocal_gated", {"bypass": False}),
    ("searched_gated", {"n_cell": 2, "n_source": 3, "n_feedback": 5, "size": 4}),
    ("searched_gated", {"n_cell": 2, "n_source": 2}),
]


def make(name, seed=0, jitter=0.3, **options):
    module = registry.load_module("cells", name)
    cell = module.build(make_config(module, N, N, **options), generator=torch_generator(seed, name))
    generator = torch_generator(seed, "jitter", name)
    with torch.no_grad():  # move biases, gains and peepholes away from 0 and 1, so that every term counts
        for p in cell.parameters():
            p.add_(jitter * torch.randn(p.shape, generator=generator))
    return cell


def test_every_cell_has_a_literal_twin():
    assert sorted(LITERAL) == sorted(CELLS)


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: v if isinstance(v, str) else "-".join(v) or "default")
def test_against_a_literal_evaluation(name, options):
    cell = make(name, **options)
    generator = torch_generator(1, name)
    extra = {k: torch.randn(1, options[f"n_{k}"], ROWS, COLUMNS, generator=generator) for k in cell.accepts}
    x = torch.randn(1, N, ROWS, COLUMNS, generator=generator)
    state = {k: torch.randn(v.shape, generator=generator) for k, v in zero_state(cell, x).items()}
    literal = {k: v[0].double().numpy() for k, v in state.items()}
    further = {{"source": "r", "feedback": "fb"}[k]: v[0].double().numpy() for k, v in extra.items()}
    for _ in range(3):
        state = cell(x, state, **extra)
        literal = LITERAL[name](cell, x[0].double().numpy(), literal, **further)
        for key, value in literal.items():
            np.testing.assert_allclose(state[key][0].detach().numpy(), value, rtol=1e-5, atol=1e-5)  # float32 against float64


@pytest.mark.parametrize("name", CELLS)
def test_alone_it_is_a_dynamical_system(name):
    cell = make(name, jitter=0.0, **({"n_source": N} if name == "searched_gated" else {}))
    model = as_model(cell, (ROWS, COLUMNS))
    frames = torch.rand(4, N, ROWS, COLUMNS, generator=torch_generator(0, "frames"))
    drive = model.encode(frames)
    first = model.initial_state(drive)
    before = {k: v.clone() for k, v in first.items()}
    state = model.step(model.step(first, drive), drive)
    assert all(torch.equal(first[k], before[k]) for k in before)  # pure
    assert set(model.phase) <= set(state) and set(model.rates(state, drive, model.layers)) == set(model.layers)
    alone = model.encode(frames[2:3])
    single = model.step(model.step(model.initial_state(alone), alone), alone)
    for key in state:
        torch.testing.assert_close(state[key][2:3], single[key], rtol=1e-5, atol=1e-6)
    assert model.readout(state).shape == (4, N)


@pytest.mark.parametrize("name", CELLS)
def test_the_same_seed_gives_the_same_weights(name):
    one, two, other = (make(name, seed=s, jitter=0.0).state_dict() for s in (0, 0, 1))
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert name == "time_decay" or any(not torch.equal(one[k], other[k]) for k in one)


def test_zero_weights_give_closed_forms():
    x, h, c = (torch.full((1, N, 2, 2), v) for v in (0.8, -0.4, 0.6))
    closed = {
        "conv_gru": 0.5 * h,
        "ugrnn": torch.sigmoid(torch.tensor(1.0)) * h,
        "intersection_rnn": torch.sigmoid(torch.tensor(1.0)) * x,
        "conv_lstm": torch.tanh(c * torch.sigmoid(torch.tensor(1.0))) * 0.5,
        "reciprocal_gated": torch.nn.functional.elu(0.5 * h + 0.5 * x),
        "searched_gated": torch.nn.functional.elu(0.9219348064291611 / 2 * h),
    }
    for name, expected in closed.items():
        cell = make(name, jitter=0.0, **({"n_cell": N} if name == "searched_gated" else {}))
        for p in cell.parameters():
            p.data.zero_()
        torch.testing.assert_close(cell(x, {"out": h, "hidden": h, "cell": c})["out"], expected.expand_as(x), rtol=1e-6, atol=1e-6)


def test_released_initialisations():
    searched = make("searched_gated", jitter=0.0, n_source=N)
    fan_in = N * 9
    assert searched.input_to_out.weight.abs().max() <= 2 * math.sqrt(0.6393378386273998 / fan_in) / 0.8796256610342398 + 1e-6
    assert make("conv_gru", jitter=0.0).gates.bias.unique().tolist() == [1.0]
    assert make("reciprocal_gated", jitter=0.0, bias=False).gate_out.bias is None
    wide = Convolution(64, 64, 7, separable=True, init="truncated", scale=1.0, generator=torch_generator(0, "w"))
    sane = Convolution(64, 64, 7, separable=True, init="truncated", scale=1.0, depthwise_fan_in="channel", generator=torch_generator(0, "w"))
    assert float((sane.depthwise.std() / wide.depthwise.std()).detach()) == pytest.approx(8.0, rel=1e-5)  # sqrt(64 channels)
    assert float(wide.weight.detach().std()) == pytest.approx(1 / 8, rel=0.05)


def test_initial_retention_and_gain_of_the_searched_cell():
    cell = make("searched_gated", jitter=0.0, n_cell=8)
    h = torch.randn(1, N, 8, 8, generator=torch_generator(0, "h"))
    keep_c, keep_h, pass_c, pass_h = cell.gains(h, torch.randn(1, 8, 8, 8, generator=torch_generator(0, "c")))
    assert float(keep_h.mean()) == pytest.approx(0.461, abs=0.05) and float(keep_c.mean()) == pytest.approx(0.461, abs=0.05)
    assert float(pass_c.mean()) == pytest.approx(0.7007, abs=0.1) and float(pass_h.mean()) == pytest.approx(0.7007, abs=0.1)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
def test_same_padding_gives_the_tensorflow_size(size, kernel, stride):
    before, after = same_padding(size, kernel, stride)
    assert after - before in (0, 1)
    if size + before + after >= kernel:
        assert (size + before + after - kernel) // stride + 1 == math.ceil(size / stride)


def test_strided_same_padding_against_a_literal_window():
    layer = Convolution(1, 1, 3, stride=2, generator=torch_generator(0, "s"))
    x = torch.randn(1, 1, 6, 6, generator=torch_generator(0, "x"))
    weight = layer.weight.detach()[0, 0]
    padded = torch.nn.functional.pad(x, (0, 1, 0, 1))[0, 0]  # right and bottom only
    expected = torch.stack([torch.stack([(padded[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] * weight).sum() for j in range(3)]) for i in range(3)])
    torch.testing.assert_close(layer(x)[0, 0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kernel", "n"), [(7, 160_448), (9, 225_984), (11, 308_416)])
def test_published_sizes_of_the_locrnn(kernel, n):
    cell = registry.load_module("cells", "locrnn").build(
        make_config(registry.load_module("cells", "locrnn"), 32, 32, kernel=kernel), generator=torch_generator(0, "c")
    )
    unused = 2 * (32 * 32 + 32)  # two embeddings that the published code carries along
    assert sum(p.numel() for p in cell.parameters()) + unused == pytest.approx(n, rel=0.002)


def test_without_input_and_state_a_locrnn_is_driven_by_its_biases_alone():
    cell = make("locrnn", kernel=3, kernel_inter=3, norm="none")
    x = torch.zeros(1, N, 5, 4)
    out = cell(x, zero_state(cell, x))["out"]
    gate = torch.sigmoid(sum(cell.gate[f"out_{part}"].bias for part in ("input", "state")))
    expected = torch.relu(gate * torch.relu(cell.drive_in["out"].bias + cell.lateral["out"].bias))
    torch.testing.assert_close(out, expected[None, :, None, None].expand_as(out))


def test_the_gradient_of_an_hgru_kernel_is_symmetric_in_its_channels():
    cell = make("hgru", kernel=3)
    x = torch.randn(2, N, 4, 4, generator=torch_generator(0, "x"))
    state = cell(x, cell(x, zero_state(cell, x)))
    state["out"].square().sum().backward()
    for lateral in cell.lateral:
        assert lateral.weight.grad.abs().max() > 0
        torch.testing.assert_close(lateral.weight.grad, lateral.weight.grad.transpose(0, 1))
        assert not torch.equal(lateral.weight, lateral.weight.transpose(0, 1))


BAD = [
    (lambda: make("locrnn", norm="batch"), ConfigError, "unknown norm"),
    (lambda: make("locrnn", activation="gelu"), ConfigError, "unknown activation"),
    (lambda: make("conv_gru", kernal=3), ConfigError, "did you mean `kernel`"),
    (lambda: make("conv_gru", kernel=0), ConfigError, "each 1 or more"),
    (lambda: make("conv_lstm", peephole=True), ConfigError, "size=14"),
    (lambda: make("reciprocal_gated", skip=True), ConfigError, "n_source=3"),
    (lambda: make("reciprocal_gated", cell_from="inputs"), ConfigError, "did you mean `input`"),
    (lambda: make("reciprocal_gated", out_activation="gelu"), ConfigError, "unknown activation"),
    (lambda: make("searched_gated", n_source=3, bypass=False), ConfigError, "skip=False"),
    (lambda: rgc.Config(2, 3), ConfigError, "out_kernel=1"),
    (lambda: as_model(make("conv_gru"), 4).encode(torch.zeros(1, 2, 4, 4)), ModelError, "expected"),
]


@pytest.mark.parametrize(("call", "error", "match"), BAD)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_unequal_widths_are_refused_where_the_input_is_added():
    for name in ("time_decay", "intersection_rnn", "hgru", "r_resnet"):
        module = registry.load_module("cells", name)
        with pytest.raises(ModelError, match="the same number"):
            module.build(module.Config(2, 3), generator=torch_generator(0, "cell"))


def test_a_peephole_of_another_map_is_refused():
    cell = make("conv_lstm", peephole=True, size=4)
    x = torch.zeros(1, N, 5, 4)
    with pytest.raises(ModelError, match="map size"):
        cell(x, zero_state(cell, x))


@pytest.mark.parametrize("name", CELLS)
def test_config_begins_with_inputs_and_channels(name):
    fields = [f.name for f in dataclasses.fields(registry.load_module("cells", name).Config)]
    assert fields[:2] == ["n_inputs", "n_channels"]


@pytest.mark.parametrize("name", CELLS)
def test_alone_it_keeps_the_contract(name):
    check_model(as_model(make(name), 4))
