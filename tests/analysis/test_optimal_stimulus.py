"""optimal_stimulus climbs to the stimuli that are known to be best, and its axes share nothing."""

import numpy as np
import pytest
import torch

from neurodyn.analysis.optimal_stimulus import optimal_stimulus
from neurodyn.errors import ConfigError, ModelError
from neurodyn.testing.systems import linear_network
from neurodyn.testing.toys import ConvNetwork
from neurodyn.testing.units import gabor_energy_bank, noise_bank


class Linear(torch.nn.Module):
    """Four linear units: a still pattern, a flicker, a drifting pattern, and mean luminance."""

    dt_ms = None
    layers = ("x",)
    phase = ("last",)

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        pattern = torch.randn(8, 8, generator=generator)
        self.register_buffer("pattern", (pattern - pattern.mean()) / 8)
        self.register_buffer("blank", torch.full((1, 8, 8), 0.5))
        self.eval()

    def encode(self, frame):
        x = frame[:, 0]
        moved = torch.roll(self.pattern, 3, dims=1)
        return {"x": torch.stack([(x * self.pattern).sum((1, 2)), x.mean((1, 2)), (x * moved).sum((1, 2))], dim=1)}

    def initial_state(self, drive, *, noise=None):
        return {"last": drive["x"], "older": drive["x"]}

    def step(self, state, drive, *, noise=None):
        return {"last": drive["x"], "older": state["last"]}

    def rates(self, state, drive, layers):
        still, mean, moved = state["last"].unbind(1)
        was, mean_was, _ = state["older"].unbind(1)
        return {"x": torch.stack([still, torch.relu(mean - mean_was), torch.relu(was) * torch.relu(moved) / 4, mean], dim=1)}

    def readout(self, state):
        return state["last"]


@pytest.fixture(scope="module")
def found():
    return optimal_stimulus(Linear(), "x", units="all", n_frames=8, n_iterations=60, n_restarts=3, seed=0)


def test_known_optima(found):
    still, flicker, drift, luminance = (found.isel(neuroid=k) for k in range(4))
    model = Linear()
    template = model.pattern.numpy().ravel()
    image = still.stimulus.sel(family="space").values[0, 0].ravel() - 0.5
    assert np.corrcoef(image, template)[0, 1] > 0.99
    expected = 0.15 * 8 * np.linalg.norm(template)  # contrast x sqrt(pixels) x norm of the filter
    np.testing.assert_allclose(still.activation.sel(family="space"), expected, rtol=0.02)
    assert still.st_index > 0.95
    assert flicker.st_index < -0.95
    assert drift.synergy > 0.1 * drift.activation.max()
    assert abs(luminance.activation).max() < 2e-3  # a uniform field belongs to no family


def test_spacetime_holds_the_other_families(found):
    best = found.activation
    assert (best.sel(family="spacetime") >= best.max("family") - 1e-6).all()
    assert (found.synergy >= 0).all()


def test_constraints(found):
    movies = found.stimulus.values - 0.5
    space, time, both = (movies[:, k] for k in range(3))
    assert np.abs(space - space[:, :1]).max() < 1e-6
    assert np.abs(space.mean((3, 4))).max() < 5e-3  # clipping moves it a little
    assert np.abs(time - time[..., :1, :1]).max() < 1e-6
    assert np.abs(time.mean(1)).max() < 5e-3
    np.testing.assert_allclose(np.sqrt(np.square(movies).mean((2, 3, 4, 5))), 0.15, rtol=0.03)
    assert np.abs(both.mean((1, 3, 4))).max() < 5e-3


def test_an_energy_unit_prefers_its_drifting_gabor():
    bank = gabor_energy_bank([0.15], [12.0], [0.0], image_size=12, memory=0.7)
    ds = optimal_stimulus(bank, "energy", units="all", n_frames=16, n_iterations=60, n_restarts=2, seed=0)
    movie = ds.stimulus.sel(family="spacetime").values[0, :, 0] - 0.5
    power = np.abs(np.fft.fftn(movie[4:12])) ** 2
    k = np.unravel_index(power[1:4].reshape(3, -1).argmax(), (3, 12, 12))
    assert k[1] == 0  # horizontal wave vector: vertical bars
    assert k[2] > 6  # cos(kx - wt): positive frame frequency pairs with negative column frequency
    assert ds.synergy > 0


def test_restarts_are_seeded():
    a, b, c = (optimal_stimulus(ConvNetwork(), "V1", n_frames=3, n_iterations=3, seed=s).restart_activation.values for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


@pytest.mark.parametrize(
    ("model", "arguments", "kind", "says"),
    [
        (ConvNetwork(), {"n_frames": 1}, ConfigError, "at least 2 frames"),
        (ConvNetwork(), {"contrast_percent": 0}, ConfigError, "above 0"),
        (linear_network([0.5]), {}, ModelError, "at least 4 x 4"),
        (noise_bank(3), {"units": "all"}, ModelError, "differentiably"),
    ],
)
def test_bad_input(model, arguments, kind, says):
    with pytest.raises(kind, match=says):
        optimal_stimulus(model, model.layers[-1], **arguments, seed=0)
