"""The systems do what their closed forms say."""

import numpy as np
import pytest
import torch

from neurodyn.errors import ConfigError
from neurodyn.testing import systems


def run(model, n, x=None, u=None):
    model = model.double()
    frame = model.blank[None].double() if u is None else torch.as_tensor(u, dtype=torch.float64).reshape(1, -1, 1, 1)
    drive = model.encode(frame)
    state = model.initial_state(drive) if x is None else {"x": torch.as_tensor(x, dtype=torch.float64).reshape(1, -1)}
    path = [state["x"]]
    for _ in range(n):
        state = model.step(state, drive)
        path.append(state["x"])
    return torch.cat(path)


def jacobian(model, x):
    model = model.double()
    u = model.encode(model.blank[None].double())["u"]
    return torch.autograd.functional.jacobian(lambda v: model.advance(v[None], u)[0], torch.as_tensor(x, dtype=torch.float64)).numpy()


@pytest.mark.parametrize("seed", [None, 3])
def test_linear_network_has_its_eigenvalues(seed):
    wanted = np.array([0.9, 0.2 + 0.3j, 0.2 - 0.3j, -0.4])
    found = np.linalg.eigvals(jacobian(systems.linear_network(wanted, seed=seed), np.zeros(4)))
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(wanted), atol=1e-7)  # weights are float32


@pytest.mark.parametrize(
    "make", [systems.saddle, systems.limit_cycle, systems.lorenz, systems.flip_flop, systems.hopfield, lambda: systems.linear_network([0.5])]
)
def test_fixed_points_are_fixed_and_their_stability_is_right(make):
    model = make()
    for point, stable in zip(model.truth["fixed_points"], model.truth["stable"], strict=True):
        moved = run(model, 1, x=point)[1].numpy()
        np.testing.assert_allclose(moved, point, atol=1e-6)
        assert (np.abs(np.linalg.eigvals(jacobian(model, point))).max() < 1) == stable


def test_ring_and_cycle():
    ring = systems.ring_attractor(0.2)
    on = np.array([np.cos(1.0), np.sin(1.0)])
    np.testing.assert_allclose(run(ring, 1, x=on)[1], on, atol=1e-12)
    np.testing.assert_allclose(np.sort(np.linalg.eigvals(jacobian(ring, on)).real), [0.6, 1.0], atol=1e-9)
    path = run(systems.limit_cycle(20), 220).numpy()
    np.testing.assert_allclose(path[200], path[220], atol=1e-5)  # the rotation matrix is float32
    np.testing.assert_allclose(np.linalg.norm(path[200:], axis=1), 1.0, atol=1e-6)


def test_line_attractor_integrates_along_its_line():
    model = systems.line_attractor(4)
    d = model.truth["direction"]
    path = run(model, 10, u=d).numpy()
    np.testing.assert_allclose(path @ d, np.arange(11), atol=1e-5)


def test_flip_flop_keeps_its_bits():
    model = systems.flip_flop()
    state = run(model, 1, u=[1, 0, 1])[-1:]
    held = run(model, 50, x=state[0])[-1].numpy()
    assert np.sign(held).tolist() == [1, -1, 1]
    assert np.sign(run(model, 2, x=held, u=[0, 0.5, 0.5])[-1].numpy()).tolist() == [-1, -1, 1]


def test_hopfield_completes_a_pattern():
    model = systems.hopfield()
    pattern = model.truth["patterns"][1].copy()
    pattern[:3] *= -1
    end = run(model, 60, x=pattern)[-1].numpy()
    assert (np.sign(end) == model.truth["patterns"][1]).all()


def test_lorenz_converges_at_fourth_order():
    x = np.array([1.0, 2.0, 20.0])
    fine = run(systems.lorenz(0.0005), 400, x=x)[-1].numpy()
    errors = [np.linalg.norm(run(systems.lorenz(h), round(0.2 / h), x=x)[-1].numpy() - fine) for h in (0.01, 0.005)]
    assert abs(np.log2(errors[0] / errors[1]) - 4) < 0.3


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: systems.linear_network([0.5 + 0.1j]), "conjugate"),
        (lambda: systems.linear_network([]), "at least one"),
        (lambda: systems.flip_flop(gain=0.5), "above 1"),
        (lambda: systems.hopfield(np.ones((2, 4))), "hadamard"),
    ],
)
def test_bad_input(make, says):
    with pytest.raises(ConfigError, match=says):
        make()
