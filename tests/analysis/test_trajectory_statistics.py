"""Autocorrelation and alignment of trajectories whose answer is known."""

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes

from neurodyn.analysis import autocorrelation, trajectory_alignment
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_recordings

RNG = np.random.default_rng(0)


def responses(paths, ids=None, prefix="n"):
    n, units, steps = paths.shape
    return make_recordings(
        paths,
        stimulus_id=ids or [f"s{i}" for i in range(n)],
        neuroid_id=[f"{prefix}{i}" for i in range(units)],
        time_bins_ms=[(2 * i, 2 * i + 2) for i in range(steps)],
    )


def turned(paths, seed=1, units=9):
    q = np.linalg.qr(np.random.default_rng(seed).standard_normal((units, paths.shape[1])))[0]
    return np.einsum("kn,pnt->pkt", q, paths)


def test_a_cycle_returns_and_noise_does_not():
    t = np.arange(1000)
    cycle = np.stack([np.cos(2 * np.pi * t / 25), np.sin(2 * np.pi * t / 25), 0 * t])
    found = autocorrelation(responses(np.stack([cycle, RNG.standard_normal((3, 1000))])), n_lags=60, n_skip=100, n_components=3)
    assert float(found.peak[0]) == pytest.approx(1, abs=0.01)
    assert float(found.peak[1]) < 0.15
    assert found.lag_ms.values[25] == 50
    np.testing.assert_allclose(found.autocorrelation[0], np.cos(2 * np.pi * np.arange(61) / 25), atol=0.02)
    np.testing.assert_allclose(found.participation_ratio, [2, 3], rtol=0.02)
    np.testing.assert_allclose(found.cumulative_variance[0], [0.5, 1, 1], atol=0.01)


def test_nothing_that_moves_has_no_autocorrelation():
    found = autocorrelation(responses(np.ones((1, 3, 50))), n_lags=5)
    assert np.isnan(found.autocorrelation).all()
    assert np.isnan(found.participation_ratio).all()


def test_rotated_scaled_and_shifted_copies_coincide():
    paths = RNG.standard_normal((4, 5, 30)).cumsum(2)
    a, b = responses(paths), responses(7 * turned(paths) + 3, prefix="m")
    found = trajectory_alignment(a, b, n_components=5)
    assert float(found.procrustes) == pytest.approx(0, abs=1e-10)
    np.testing.assert_allclose(found.score[0], found.score[1], atol=1e-7)
    np.testing.assert_allclose(found.explained_variance_ratio, 1)


def test_against_scipy_and_in_any_order():
    paths, others = (RNG.standard_normal((4, 5, 30)).cumsum(2) for _ in range(2))
    found = trajectory_alignment(responses(paths), responses(others), n_components=5)
    flat = [p.transpose(0, 2, 1).reshape(-1, 5) for p in (paths, others)]
    assert float(found.procrustes) == pytest.approx(scipy_procrustes(*flat)[2])
    order = [2, 0, 3, 1]
    shuffled = responses(others[order], ids=[f"s{i}" for i in order])
    assert float(trajectory_alignment(responses(paths), shuffled, n_components=5).procrustes) == pytest.approx(float(found.procrustes))


def test_bad_input():
    a = responses(RNG.standard_normal((3, 4, 20)))
    with pytest.raises(SchemaError, match="not in the reference: s2"):
        trajectory_alignment(a, a.isel(presentation=[0, 1]))
    with pytest.raises(SchemaError, match="the same times"):
        trajectory_alignment(a, a.isel(time_bin=slice(0, 10)))
    with pytest.raises(ConfigError, match="n_components=4"):
        trajectory_alignment(a, a, n_components=5)
    with pytest.raises(SchemaError, match="does not vary"):
        trajectory_alignment(a, 0 * a, n_components=2)
    with pytest.raises(ConfigError, match="n_lags="):
        autocorrelation(a, n_lags=30)
