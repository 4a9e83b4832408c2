"""Which parts of a state act on each other, and that the union of their spectra is the spectrum of the whole."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from neurodyn.analysis import eigenspectrum
from neurodyn.architectures import convrnn, cordsnet
from neurodyn.dynamics.components import components
from neurodyn.dynamics.linearise import dense, jacobian
from neurodyn.errors import NumericsError
from neurodyn.numerics.eigen_order import ordering
from neurodyn.seeding import torch_generator


def settled(model, n=1, steps=6, dtype=torch.float64):
    model = model.to(dtype)
    drive = model.encode(torch.rand(n, *model.blank.shape, generator=torch_generator(0, "frames")).to(dtype))
    state = model.initial_state(drive)
    with torch.no_grad():
        for _ in range(steps):
            state = model.step(state, drive)
    return model, state, drive


@pytest.fixture(scope="module")
def cascade():
    return settled(cordsnet.build(cordsnet.Config(depth=4, channels=4, image_size=18, n_classes=3, in_channels=1, stem_stride=1), seed=0), n=2)


@pytest.fixture(scope="module")
def truths(cascade):
    return [dense_values(*cascade, row) for row in range(2)]


def matched(found, truth):
    """Largest distance where every found value has a true one of its own."""
    gap = np.abs(found[:, None] - truth[None, :])
    return gap[linear_sum_assignment(gap)].max()


def dense_values(model, state, drive, row):
    one = {k: v[row : row + 1] for k, v in state.items()}, {k: v[row : row + 1] for k, v in drive.items()}
    return np.linalg.eigvals(dense(jacobian(model, *one)).numpy())


def test_no_feedback_parts_the_areas(cascade):
    model, state, drive = cascade
    parts = components(model, state, drive)
    assert [part.keys for part in parts] == [(name,) for name in model.phase]
    assert [part.keys for part in components(model, state, drive, layers=["area2", "area1"])] == [("area1",), ("area2",)]


def test_feedback_joins_the_layers_it_runs_between():
    options = {"widths": (3, 3, 3), "image_size": 16, "schedule": (5, 0)}

    def joined(**more):
        parts = components(*settled(convrnn.build(convrnn.Config(**more, **options), seed=0)))
        return any(any("conv2" in key for key in part.keys) and any("conv3" in key for key in part.keys) for part in parts)

    assert joined(cell="reciprocal_gated", feedback=("3->2",))
    assert not joined(cell="conv_gru")


@pytest.mark.parametrize("which", ["LM", "LR", "nearest 1"])
def test_the_union_is_the_whole_spectrum(cascade, truths, which):
    model, state, drive = cascade
    found = eigenspectrum(model, state, drive, n_modes=20, which=which, seed=0)
    assert bool(found.converged.all())
    for row, truth in enumerate(truths):
        values = found.eigenvalue.values[row]
        values = values[np.isfinite(values)]
        key = ordering(which)
        assert matched(values, truth) < 1e-8
        np.testing.assert_allclose(key(values), np.sort(key(truth))[::-1][: len(values)], atol=1e-8)  # none missed
    assert set(found.block.values.ravel()) - {""} <= set(model.phase)


def test_a_model_with_feedback_is_one_block():
    torch.manual_seed(0)
    ring = Ring(torch.randn(3, 3, 100, 100, dtype=torch.float64) / 18)
    drive = ring.encode(torch.zeros(1, 1, 1, 1))
    state = ring.initial_state(drive)
    assert [part.keys for part in components(ring, state, drive)] == [ring.phase]
    found = eigenspectrum(ring, state, drive, n_modes=12, seed=0)
    assert matched(found.eigenvalue.values[0], dense_values(ring, state, drive, 0)) < 1e-8
    ring.weight[0, 1:] = 0.0  # nothing comes back to the first
    assert [part.keys for part in components(ring, state, drive)] == [("a",), ("a.cell", "b")]
    found = eigenspectrum(ring, state, drive, n_modes=12, seed=0)
    assert matched(found.eigenvalue.values[0], dense_values(ring, state, drive, 0)) < 1e-8


class Ring:
    """x_i(t + 1) = sum_j W_ij x_j(t): three keys, one of them named as if it were part of another."""

    dt_ms, layers, phase, blank = 1.0, ("a", "a.cell", "b"), ("a", "a.cell", "b"), torch.zeros(1, 1, 1)

    def __init__(self, weight):
        self.weight = weight

    def encode(self, frame):
        return {"u": frame.flatten(1).double()}

    def initial_state(self, drive, *, noise=None):
        return {key: torch.zeros(len(drive["u"]), 100, dtype=torch.float64) for key in self.phase}

    def step(self, state, drive, *, noise=None):
        return {key: sum(state[other] @ self.weight[i, j].t() for j, other in enumerate(self.phase)) for i, key in enumerate(self.phase)}

    def rates(self, state, drive, layers):
        return {key: state[key] for key in layers}

    def readout(self, state):
        return state["b"]


def test_warm_starts_along_a_trajectory_save_products_and_change_nothing():
    model = cordsnet.build(cordsnet.Config(depth=2, channels=4, image_size=40, n_classes=3, in_channels=1), seed=0)
    model, state, drive = settled(model, steps=28)
    path = []
    with torch.no_grad():
        for _ in range(4):
            path.append(state)
            state = model.step(model.step(state, drive), drive)
    states = {key: torch.cat([x[key] for x in path]) for key in model.phase}
    cold, warm = (eigenspectrum(model, states, drive, n_modes=6, seed=0, warm_start=w) for w in (False, True))
    np.testing.assert_allclose(np.abs(warm.eigenvalue), np.abs(cold.eigenvalue), atol=1e-7)
    assert bool(warm.converged.all()) and float(warm.n_matvecs[1:].sum()) < 0.9 * float(cold.n_matvecs[1:].sum())


def test_more_modes_than_coordinates(cascade):
    model, state, drive = cascade
    with pytest.raises(NumericsError, match="n_modes"):
        eigenspectrum(model, state, drive, n_modes=10_000, seed=0)
