"""State to vector and back; Jacobians and kernels against dense derivatives; adjoints; bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.dynamics import linearise, vectorise
from neurodyn.errors import ConfigError, ModelError, NumericsError, SchemaError
from neurodyn.testing import systems


class TwoAreas(torch.nn.Module):
    """Two convolutional areas in a chain, with a gate and a clock that is not part of the phase space."""

    dt_ms, layers, phase = 2.0, ("low", "high"), ("low", "high", "high.cell")

    def __init__(self, channels=3, size=5, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.channels, self.size = channels, size
        self.register_buffer("blank", torch.zeros(1, size, size))
        self.inp = torch.nn.Conv2d(1, channels, 3, padding=1)
        self.low = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.up = torch.nn.Conv2d(channels, channels, 3, padding=1)
        self.high = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.eval()

    def encode(self, frame):
        return {"image": self.inp(frame)}

    def initial_state(self, drive, *, noise=None):
        image = drive["image"]
        zero = torch.zeros(len(image), self.channels, self.size, self.size, dtype=image.dtype)
        return {"low": zero, "high": zero.clone(), "high.cell": zero.clone(), "clock": torch.zeros(len(image), dtype=torch.int64)}

    def step(self, state, drive, *, noise=None):
        low = 0.8 * state["low"] + 0.2 * torch.relu(self.low(state["low"]) + drive["image"])
        cell = 0.9 * state["high.cell"] + 0.1 * torch.tanh(state["high"])
        high = 0.8 * state["high"] + 0.2 * torch.tanh(self.high(state["high"]) + self.up(state["low"]) - cell)
        return {"low": low, "high": high, "high.cell": cell, "clock": state["clock"] + 1}

    def rates(self, state, drive, layers):
        return {k: state[k] for k in layers}

    def readout(self, state):
        return state["high"].mean((2, 3))

    def recurrent_kernel(self, layer):
        return getattr(self, layer).weight

    def gate(self, state, drive, layer):
        return (self.low(state["low"]) + drive["image"] > 0).to(drive["image"].dtype)

    def leak(self, layer):
        return 0.2


@pytest.fixture(scope="module")
def setting():
    model = TwoAreas().double()
    g = torch.Generator().manual_seed(1)
    drive = model.encode(torch.randn(1, 1, 5, 5, generator=g, dtype=torch.float64))
    state = {k: torch.randn(v.shape, generator=g, dtype=torch.float64) if v.is_floating_point() else v for k, v in model.initial_state(drive).items()}
    return model, state, drive


def finite_difference(function, x, v, h=1e-6):
    return (function(x + h * v) - function(x - h * v)) / (2 * h)


# ------------------------------------------------------------------------------------------------------------ vectors


@given(st.integers(1, 4))
def test_round_trip(n):
    model = TwoAreas()
    drive = model.encode(torch.zeros(n, 1, 5, 5))
    state = {k: v + torch.arange(v.numel()).reshape(v.shape).to(v.dtype) for k, v in model.initial_state(drive).items()}
    space = vectorise.phase_space(model, state)
    back = space.restore(space.flatten(state), state)
    assert list(back) == list(state)
    assert all(torch.equal(back[k], state[k]) for k in state)


def test_labels_and_slices(setting):
    model, state, _ = setting
    space = vectorise.phase_space(model, state)
    labels = space.labels()
    assert space.size == 3 * 75 == len(labels["neuroid_id"]) == len(set(labels["neuroid_id"]))
    assert (labels["layer"][space.slices["high"]] == "high").all()
    assert vectorise.phase_keys(model, "high") == ("high", "high.cell")
    assert vectorise.phase_keys(model, "high.cell") == ("high.cell",)


# ----------------------------------------------------------------------------------------------------------- Jacobian


@pytest.mark.parametrize("layers", [None, "low", "high", ("low", "high.cell")])
def test_jacobian_is_the_derivative(setting, layers):
    model, state, drive = setting
    operator = linearise.jacobian(model, state, drive, layers=layers)
    step = linearise.step_map(model, state, drive, layers)
    exact = torch.func.jacrev(lambda x: step(x[None])[0])(operator.point[0])
    assert torch.allclose(linearise.dense(operator), exact, atol=1e-12)
    v = torch.randn(operator.shape[1], dtype=torch.float64)
    assert torch.allclose(operator.matvec(v), finite_difference(step, operator.point, v[None])[0], atol=1e-7)


def test_blocks_between_layers(setting):
    model, state, drive = setting
    whole = linearise.dense(linearise.jacobian(model, state, drive))
    space = vectorise.phase_space(model, state)
    up = linearise.jacobian(model, state, drive, inputs="low", outputs="high")
    rows = torch.cat([torch.arange(space.size)[space.slices[k]] for k in ("high", "high.cell")])
    assert torch.allclose(linearise.dense(up), whole[rows][:, space.slices["low"]], atol=1e-13)
    assert float(linearise.dense(linearise.jacobian(model, state, drive, inputs="high", outputs="low")).abs().max()) == 0.0


@pytest.mark.parametrize("kind", ["jacobian", "block", "kernel", "gated", "circular"])
def test_adjoint(setting, kind):
    model, state, drive = setting
    operator = {
        "jacobian": lambda: linearise.jacobian(model, state, drive),
        "block": lambda: linearise.jacobian(model, state, drive, inputs="low", outputs="high"),
        "kernel": lambda: linearise.kernel_operator(model, state, "low"),
        "gated": lambda: linearise.gated_operator(model, state, drive, "low"),
        "circular": lambda: linearise.ConvolutionOperator(model.low.weight, (3, 5, 5), padding="circular"),
    }[kind]()
    g = torch.Generator().manual_seed(0)
    for _ in range(3):
        v = torch.randn(operator.shape[1], generator=g, dtype=torch.float64)
        u = torch.randn(operator.shape[0], generator=g, dtype=torch.float64)
        left, right = torch.dot(u, operator.matvec(v)), torch.dot(operator.rmatvec(u), v)
        assert abs(float(left - right)) <= 1e-10 * max(1.0, abs(float(left)))


def test_block_products_and_traced_products_agree(setting):
    model, state, drive = setting
    operator = linearise.jacobian(model, state, drive)
    V = torch.randn(4, operator.shape[1], dtype=torch.float64)
    plain = operator.block(V)
    assert torch.allclose(torch.stack([operator.matvec(v) for v in V]), plain, atol=1e-13)
    for _ in range(linearise.TRACE_AFTER + 2):
        traced = operator.block(V)
    assert operator._linear[4] is not None
    assert torch.allclose(traced, plain, atol=1e-13)


def test_a_step_that_writes_in_place_without_gradients_is_traced_right():
    class Frugal(TwoAreas):
        def step(self, state, drive, *, noise=None):
            current = self.low(state["low"]) + drive["image"]
            low = torch.relu(current).lerp(state["low"], 0.8) if torch.is_grad_enabled() else torch.relu_(current).lerp_(state["low"], 0.8)
            return {**state, "low": low}

    model = Frugal()
    with torch.no_grad():
        drive = model.encode(torch.rand(1, 1, 5, 5))
        state = model.step(model.initial_state(drive), drive)
    operator = linearise.jacobian(model, state, drive, layers="low", dtype=torch.float64)
    vectors = torch.randn(linearise.TRACE_AFTER + 6, operator.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    products = torch.stack([operator.matvec(v) for v in vectors])
    dense = torch.autograd.functional.jacobian(operator.forward, operator.point)[0, :, 0]
    torch.testing.assert_close(products, vectors @ dense.T, rtol=1e-12, atol=1e-13)


def test_many_states_at_once(setting):
    model, state, drive = setting
    two = {k: torch.cat([v, 0.5 * v if v.is_floating_point() else v]) for k, v in state.items()}
    operator = linearise.jacobian(model, two, drive)
    v = torch.randn(2, operator.shape[1], dtype=torch.float64)
    for row in range(2):
        one = linearise.jacobian(model, {k: x[row : row + 1] for k, x in two.items()}, drive)
        assert torch.allclose(operator.block(v)[row], one.matvec(v[row]), atol=1e-13)


def test_gated_kernel_and_leak_make_the_layer_jacobian(setting):
    model, state, drive = setting
    exact = linearise.dense(linearise.jacobian(model, state, drive, layers="low"))
    gated = linearise.dense(linearise.gated_operator(model, state, drive, "low"))
    assert torch.allclose(0.8 * torch.eye(75, dtype=torch.float64) + 0.2 * gated, exact, atol=1e-12)


def test_circular_convolution_has_the_fourier_spectrum():
    K = torch.randn(2, 2, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    A = linearise.dense(linearise.ConvolutionOperator(K, (2, 4, 4), padding="circular")).numpy()
    wrapped = np.zeros((2, 2, 4, 4))
    for i in range(3):
        for j in range(3):
            wrapped[:, :, (i - 1) % 4, (j - 1) % 4] += K[:, :, i, j].numpy()
    blocks = np.fft.fft2(wrapped).conj().transpose(2, 3, 0, 1).reshape(-1, 2, 2)
    exact = np.linalg.eigvals(blocks).ravel()
    found = np.linalg.eigvals(A)
    assert max(np.abs(exact - v).min() for v in found) < 1e-10


def test_float64_copy_leaves_the_model_alone():
    model = TwoAreas()
    drive = model.encode(torch.zeros(1, 1, 5, 5))
    operator = linearise.jacobian(model, model.initial_state(drive), drive, dtype=torch.float64)
    assert operator.dtype == torch.float64
    assert model.low.weight.dtype == torch.float32


# ---------------------------------------------------------------------------------------------------------- bad input


def test_bad_input(setting):
    model, state, drive = setting
    with pytest.raises(ConfigError, match="did you mean `high`"):
        linearise.jacobian(model, state, drive, layers="hihg")
    with pytest.raises(SchemaError, match="state of this model"):
        linearise.jacobian(model, {"x": torch.zeros(1, 3)}, drive)
    with pytest.raises(SchemaError, match="image size"):
        linearise.jacobian(model, {**state, "low": torch.zeros(1, 3, 4, 4, dtype=torch.float64)}, drive)
    with pytest.raises(SchemaError, match="NaN"):
        linearise.jacobian(model, {**state, "low": state["low"] * float("nan")}, drive)
    with pytest.raises(ModelError, match="jacobian"):
        linearise.kernel_operator(systems.lorenz(), {"x": torch.zeros(1, 3)}, "x")
    with pytest.raises(NumericsError, match="channel"):
        linearise.ConvolutionOperator(torch.zeros(2, 3, 3, 3), (2, 4, 4))
    with pytest.raises(ConfigError, match="leading_eigenpairs"):
        linearise.dense(linearise.ConvolutionOperator(torch.zeros(64, 64, 3, 3), (64, 56, 56)))


def test_no_rows_flatten_to_no_rows():
    from neurodyn.dynamics.vectorise import phase_space

    model = systems.linear_network([0.9, 0.5])
    space = phase_space(model, {"x": torch.zeros(1, 2)})
    assert space.flatten({"x": torch.zeros(0, 2)}).shape == (0, 2)
