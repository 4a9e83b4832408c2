"""Branches of fixed points: folds, pitchforks and Hopf points where they are known to be."""

import numpy as np
import pytest
import torch

from neurodyn.analysis import bifurcation, non_normality
from neurodyn.errors import ConvergenceWarning, NumericsError, SchemaError
from neurodyn.numerics import continuation
from neurodyn.testing import systems


def point(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_round_a_fold():
    branch = continuation.follow(lambda x, p: x + 0.1 * (p[:, None] - x**2), point(1.0), (1.0, -1.0), step=0.03, seed=0)
    assert np.allclose(branch.states[:, 0] ** 2, branch.parameters, atol=1e-6)
    assert [name for _, name in branch.events] == ["fold"]
    assert branch.parameters.min() == pytest.approx(0.0, abs=1e-2)
    assert branch.stable[0]
    assert not branch.stable[-1]
    assert branch.speeds.max() < 1e-8


def test_hysteresis_has_two_folds():
    # x' = p + x - x^3: folds at p = -+2 / (3 sqrt 3)
    branch = continuation.follow(lambda x, p: x + 0.1 * (p[:, None] + x - x**3), point(-1.3), (-1.0, 1.0), step=0.02, seed=0)
    turns = [branch.parameters[i] for i, name in branch.events if name == "fold"]
    assert branch.complete
    assert np.allclose(sorted(turns), [-0.3849, 0.3849], atol=2e-3)


def test_hopf_point_is_a_rotation():
    def family(x, p):
        a, b = x.unbind(1)
        return x + 0.05 * torch.stack([p * a - b - a * (a**2 + b**2), a + p * b - b * (a**2 + b**2)], 1)

    branch = continuation.follow(family, point(0.0, 0.0), (-0.5, 0.5), seed=0)
    assert "rotation" in [name for _, name in branch.events]
    assert branch.complete


def test_gmres_follows_the_same_branch(monkeypatch):
    g = torch.Generator().manual_seed(0)
    W = 0.8 * torch.randn(12, 12, generator=g, dtype=torch.float64) / 12**0.5
    u = torch.randn(12, generator=g, dtype=torch.float64)

    def end():
        branch = continuation.follow(lambda x, p: torch.tanh(x @ W.T + p[:, None] * u), torch.zeros(12), (0.0, 1.0), step=0.4, n_modes=2, seed=0)
        assert branch.complete
        return branch.states[-1]

    exact = end()
    monkeypatch.setattr(continuation, "DENSE_UP_TO", 0)
    assert np.allclose(end(), exact, atol=1e-7)


def test_contrast_of_a_stimulus_switches_a_bit():
    model = systems.flip_flop(1)
    held, cleared = (model.encode(torch.full((1, 1, 1, 1), c)) for c in (0.5, 0.0))
    state = {"x": torch.tensor([[float(model.truth["fixed_points"].max())]])}
    found = bifurcation(model, state, held, cleared, step=0.02, seed=0)
    assert "fold" in found.event.values.tolist()  # the state "1" vanishes before the clearing pulse has its full strength
    assert found.parameter.values[found.event.values.tolist().index("fold")] < 0.5


def test_non_normality_of_a_known_matrix():
    model = systems.linear_network([0.5, 0.5])
    with torch.no_grad():
        model.matrix[0, 1] = 4.0
    drive = model.encode(torch.zeros(1, 2, 1, 1))
    found = non_normality(model, model.initial_state(drive), drive, n_modes=2, steps=(0, 1, 2, 20), seed=0)
    A = model.matrix.double().numpy()
    assert np.allclose(found.singular_value, np.linalg.svd(A, compute_uv=False))
    assert float(found.henrici) == pytest.approx(4.0)
    assert float(found.numerical_abscissa) == pytest.approx(2.5)
    assert float(found.gain[1]) > 4 > 1 > float(found.gain[3])


def test_bad_input():
    family = lambda x, p: x + 1.0 + p[:, None] ** 2  # noqa: E731  no fixed point anywhere
    with pytest.raises(NumericsError, match="no fixed point"):
        continuation.follow(family, point(0.0), (0.0, 1.0), seed=0)
    with pytest.raises(NumericsError, match="two different ends"):
        continuation.follow(family, point(0.0), (1.0, 1.0), seed=0)
    with pytest.warns(ConvergenceWarning, match="max_points"):
        continuation.follow(lambda x, p: 0.5 * x + p[:, None], point(0.0), (0.0, 1.0), step=0.01, max_points=5, seed=0)
    model = systems.linear_network([0.5])
    drive = model.encode(torch.zeros(2, 1, 1, 1))
    with pytest.raises(SchemaError, match="one row"):
        bifurcation(model, {"x": torch.zeros(2, 1)}, drive, drive, seed=0)
