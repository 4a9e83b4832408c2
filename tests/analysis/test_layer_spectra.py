"""Spectra of layers: closed forms, the whole Jacobian, and what gating does in the simplest case."""

import numpy as np
import pytest
import torch

from neurodyn import cells
from neurodyn.analysis import layer_spectra
from neurodyn.architectures.convrnn import Config, build
from neurodyn.cells import time_decay
from neurodyn.dynamics.linearise import dense, jacobian
from neurodyn.errors import CapacityError, ConfigError
from neurodyn.seeding import torch_generator


def network(**options):
    model = build(Config(widths=(3, 3, 3), image_size=16, schedule=(5, 0), **options), seed=0)
    frames = torch.rand(2, 3, 16, 16, generator=torch_generator(0, "frames"))
    drive = model.encode(frames)
    state = model.initial_state(drive)
    with torch.no_grad():
        for _ in range(5):
            state = model.step(state, drive)
    return model, state, drive


def test_without_feedback_the_blocks_hold_the_whole_spectrum():
    model, state, drive = network(cell="conv_gru")
    found = layer_spectra(model, state, drive, layers=["conv2", "conv3"])
    one = {k: v[:1].double() for k, v in state.items()}
    whole = np.linalg.eigvals(dense(jacobian(model.double(), one, {k: v[:1].double() for k, v in drive.items()})).numpy())
    whole = np.sort(np.abs(whole))[::-1]
    parts = np.sort(np.abs(found.eigenvalue.values[0][np.isfinite(found.eigenvalue.values[0])]))[::-1]
    np.testing.assert_allclose(parts[:60], whole[:60], rtol=1e-6)  # the others are the zeros of delays


def test_feedback_moves_eigenvalues_out_of_the_blocks():
    model, state, drive = network(cell="reciprocal_gated", feedback=("3->2",))
    with torch.no_grad():
        model.nodes["conv2"].cell.feedback.weight.mul_(3.0)
    one = {k: v[:1].double() for k, v in state.items()}
    whole = np.abs(np.linalg.eigvals(dense(jacobian(model.double(), one, {k: v[:1].double() for k, v in drive.items()})).numpy())).max()
    blocks = float(layer_spectra(model.float(), state, drive, layers=["conv2", "conv3"]).radius[0].max())
    assert abs(whole - blocks) > 1e-3


def test_time_decay_has_one_eigenvalue_and_is_normal():
    cell = time_decay.build(time_decay.Config(2, 2, decay=0.8), generator=torch_generator(0, "cell"))
    model = cells.as_model(cell, 3)
    drive = model.encode(model.blank[None])
    found = layer_spectra(model, model.initial_state(drive), drive, layers=["out"])
    np.testing.assert_allclose(found.eigenvalue.values, 0.8, rtol=1e-6)
    assert found.nonnormality.item() == pytest.approx(0.0, abs=1e-6) and found.norm.item() == pytest.approx(0.8)
    assert found.timescale_ms.item() == pytest.approx(-10 / np.log(0.8)) and found.slow_share.item() == 1.0


class Shear:
    """x(t + 1) = M x(t) + u, M a shear."""

    dt_ms, layers, phase, blank = None, ("x",), ("x",), torch.zeros(2, 1, 1)
    matrix = torch.tensor([[0.5, 2.0], [0.0, 0.5]])

    def encode(self, frame):
        return {"u": frame.flatten(1)}

    def initial_state(self, drive, *, noise=None):
        return {"x": torch.zeros_like(drive["u"])}

    def step(self, state, drive, *, noise=None):
        return {"x": state["x"] @ self.matrix.to(state["x"].dtype).T + drive["u"]}

    def rates(self, state, drive, layers):
        return {k: state[k] for k in layers}

    def readout(self, state):
        return state["x"]


def test_a_shear_is_not_normal():
    model = Shear()
    found = layer_spectra(model, {"x": torch.zeros(1, 2)}, model.encode(model.blank[None]), layers=["x"])
    assert found.nonnormality.item() == pytest.approx(np.sqrt(1 - 0.5 / 4.5)) and found.radius.item() == pytest.approx(0.5)
    assert found.norm.item() == pytest.approx(np.linalg.norm(model.matrix.numpy(), 2)) and "timescale_step" in found


def test_bad_input():
    model, state, drive = network(cell="conv_gru")
    with pytest.raises(ConfigError, match="layers among conv1, conv2, conv3"):
        layer_spectra(model, state, drive, layers=["conv9"])
    with pytest.raises(CapacityError, match="larger max_units"):
        layer_spectra(model, state, drive, layers=["conv2"], max_units=10)
