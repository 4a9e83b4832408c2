"""receptive_field finds the filters that units are built from."""

import copy

import numpy as np
import pytest

from neurodyn.analysis.receptive_field import receptive_field
from neurodyn.errors import ConfigError, ModelError
from neurodyn.testing.systems import linear_network
from neurodyn.testing.toys import ConvNetwork
from neurodyn.testing.units import gabor_energy_bank, noise_bank

SIZE, LAGS = 8, 6


@pytest.fixture(scope="module")
def bank():
    return gabor_energy_bank([0.2], [12.0], [0.0], image_size=SIZE, sigma_cycles=0.4, memory=0.6)


def filters(bank):
    """The quadrature pair of space-time filters behind z: Re and Im of pole^lag (even + i odd)."""
    pole = complex(*bank.pole[:, 0].tolist())
    even, odd = bank.filters[:, 0].numpy()
    lag = pole ** np.arange(LAGS)
    whole = lag[:, None] * (even + 1j * odd)
    return whole.real.ravel(), whole.imag.ravel()


def cosine(a, b):
    return abs(a @ b) / np.linalg.norm(a) / np.linalg.norm(b)


def test_the_average_is_the_filter_of_a_rectified_unit(bank):
    ds = receptive_field(bank, "simple", units="all", n_lags=LAGS, n_presentations=128, n_frames=150, batch_size=64, seed=0)
    assert cosine(ds.field.values[0].ravel(), filters(bank)[0]) > 0.95
    assert ds.slant.item() > 0.6  # the resonator turns: the filter drifts
    assert ds.separability.item() < 0.8


def test_the_covariance_finds_the_pair_of_an_energy_unit(bank):
    small = {"n_lags": 3, "window": (1, 7, 1, 7)}
    ds = receptive_field(bank, "energy", method="stc", units="all", n_presentations=48, n_frames=150, batch_size=48, seed=0, **small)
    assert ds.significant.values[0, :2].all()
    assert ds.eigenvalue.values[0, 1] > 2 * abs(ds.eigenvalue.values[0, 2])
    cut = [f.reshape(LAGS, SIZE, SIZE)[:3, 1:7, 1:7].ravel() for f in filters(bank)]
    basis, _ = np.linalg.qr(np.stack(cut, axis=1))
    for component in ds.component.values[0, :2].reshape(2, -1):
        assert np.linalg.norm(basis.T @ component) > 0.9


def test_the_gradient_is_the_filter_and_reaches_as_far_as_the_network():
    model = ConvNetwork()
    ds = receptive_field(model, "V1", method="gradient", n_lags=4, n_presentations=8, seed=0)
    reach = ds.energy.values.max((1, 2)) > 0
    first = receptive_field(model, "V1", method="gradient", n_lags=1, n_presentations=8, seed=0)
    assert (first.energy.values.max((1, 2)) > 0).sum() <= 9 * first.sizes["neuroid"]  # one step sees 3 x 3
    assert reach.sum() > 9 * ds.sizes["neuroid"]  # feedback widens it
    np.testing.assert_allclose(first.centre_row, 4, atol=0.8)


def test_batches_do_not_matter(bank):
    a, b = (receptive_field(bank, "simple", units="all", n_presentations=6, n_frames=40, batch_size=n, seed=0) for n in (6, 4))
    np.testing.assert_allclose(a.field.values, b.field.values, rtol=1e-4, atol=1e-6)


def test_a_sustained_rate_leaves_no_trace_in_the_average(bank):
    class Raised(type(bank)):
        def rates(self, state, drive, layers):
            return {k: v + 50.0 for k, v in super().rates(state, drive, layers).items()}

    raised = copy.deepcopy(bank)
    raised.__class__ = Raised
    a, b = (receptive_field(m, "simple", units="all", n_presentations=4, n_frames=60, seed=0).field.values for m in (bank, raised))
    np.testing.assert_allclose(a, b, atol=1e-3 * np.abs(a).max())


@pytest.mark.parametrize(
    ("model", "arguments", "kind", "says"),
    [
        (ConvNetwork(), {"method": "stm"}, ConfigError, "did you mean `stc`|did you mean `sta`"),
        (ConvNetwork(), {"n_frames": 5}, ConfigError, "more frames than lags"),
        (ConvNetwork(size=20), {"method": "stc"}, ConfigError, r"fix: window=\("),
        (ConvNetwork(), {"window": (0, 9, 0, 9)}, ConfigError, "inside the image"),
        (linear_network([0.5]), {}, ModelError, "at least 4 x 4"),
        (noise_bank(4), {"units": "all", "n_presentations": 1, "n_frames": 20}, ModelError, "no unit"),
    ],
)
def test_bad_input(model, arguments, kind, says):
    with pytest.raises(kind, match=says):
        receptive_field(model, model.layers[-1], **arguments, seed=0)
