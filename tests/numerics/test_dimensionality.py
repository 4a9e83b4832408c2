"""Dimensions of clouds whose dimension is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics import dimensionality as dims


def cloud(n=400, d=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def test_the_spectrum_is_that_of_the_covariance_whichever_side_is_longer():
    for n, d in ((50, 8), (8, 50)):
        x = cloud(n, d)
        dense = np.sort(np.linalg.eigvalsh(np.cov(x.T)))[::-1][: min(n, d)]
        np.testing.assert_allclose(dims.covariance_spectrum(x), dense, atol=1e-10)


def test_participation_ratio_of_known_clouds():
    assert dims.participation_ratio(dims.covariance_spectrum(cloud(20_000, 5))) == pytest.approx(5, rel=0.01)  # n >> d
    rank_one = np.outer(cloud(50, 1), np.arange(1, 7))
    assert dims.participation_ratio(dims.covariance_spectrum(rank_one)) == pytest.approx(1, abs=1e-9)
    assert np.isnan(dims.participation_ratio(dims.covariance_spectrum(np.ones((5, 3)))))
    axes = [np.concatenate([np.eye(n, 10), -np.eye(n, 10)]) for n in (1, 3, 6)]
    np.testing.assert_allclose([dims.participation_ratio(dims.covariance_spectrum(x)) for x in axes], [1, 3, 6])
    batch = np.stack([cloud(20, 4, k) for k in range(3)])
    np.testing.assert_allclose(
        dims.participation_ratio(dims.covariance_spectrum(batch)), [dims.participation_ratio(dims.covariance_spectrum(x)) for x in batch]
    )


def test_correlations_are_blind_to_the_scale_of_units():
    x = cloud()
    scaled = x * np.array([100, 1, 1, 1, 0.01])
    np.testing.assert_allclose(dims.covariance_spectrum(scaled, correlation=True), dims.covariance_spectrum(x, correlation=True), rtol=1e-9)
    assert dims.participation_ratio(dims.covariance_spectrum(scaled)) < 1.01


@given(st.integers(0, 100), st.floats(0.1, 10))
def test_rotation_and_scale_change_no_ratio(seed, scale):
    x = cloud(30, 6, seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(6, 6)))[0]
    a, b = (dims.participation_ratio(dims.covariance_spectrum(y)) for y in (x, scale * x @ turn + 3))
    assert a == pytest.approx(b, rel=1e-9)


def test_two_neighbours_see_the_manifold_not_the_space():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 1500)
    ring = np.stack([np.cos(angle), np.sin(angle)], 1) @ np.random.default_rng(1).normal(size=(2, 20))
    assert dims.two_nn(ring) == pytest.approx(1, abs=0.1)  # sd of the estimate is 1 / sqrt(1500)
    assert dims.two_nn(cloud(3000, 4)) == pytest.approx(4, rel=0.1)
    assert np.isnan(dims.two_nn(np.ones((6, 2))))


def test_components_and_exponents():
    assert dims.n_components_for(np.ones(10), 0.9) == 9 and dims.n_components_for(np.zeros(3)) == 0
    assert dims.power_law_exponent(np.arange(1, 300.0) ** -0.7) == pytest.approx(0.7)
    assert np.isnan(dims.power_law_exponent(np.ones(4)))


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((1, 3)), np.full((4, 2), np.nan)])
def test_bad_clouds_are_refused(bad):
    with pytest.raises(NumericsError):
        dims.covariance_spectrum(bad)


def test_bad_shares_and_too_few_points_are_refused():
    with pytest.raises(ConfigError, match="share"):
        dims.n_components_for(np.ones(3), 1.5)
    with pytest.raises(NumericsError, match="4 or more"):
        dims.two_nn(np.ones((3, 2)))
