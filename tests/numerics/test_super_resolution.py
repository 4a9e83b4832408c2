"""The linear bound on super-resolution: closed forms, published values, and order."""

import numpy as np
import pytest

from neurodyn.errors import NumericsError
from neurodyn.numerics.super_resolution import image_prior, linear_bound, linear_reconstruction
from neurodyn.stimuli.trajectories import positions

SMALL = {"image_px": 16, "resolution": 4, "field_px": 16}
GRID = np.stack(np.meshgrid(range(-2, 2), range(-2, 2)), axis=-1).reshape(1, 16, 2)


def test_white_pixels_seen_once_by_area_receptors():
    """Of 16 independent pixels their mean tells 1 / 16 of the variance, less the noise."""
    white = linear_bound(np.zeros((1, 1, 2)), noise=0.1, exponent=0.0, kernel="area", **SMALL)
    assert white.r2[0] == pytest.approx(1 / 16 * (1 / 16) / (1 / 16 + 0.01), rel=1e-9)


def test_against_a_direct_posterior():
    from neurodyn.numerics.sensor import sample

    torch = pytest.importorskip("torch")
    p = np.array([[[0, 0], [1, 2], [-3, 1]]], dtype=float)
    pixels = torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8)
    a = sample(pixels, torch.from_numpy(np.repeat(p, 64, axis=0)), resolution=2, field_px=8).reshape(64, -1).T.numpy()
    prior = image_prior(8)
    posterior = np.linalg.inv(np.linalg.inv(prior) + a.T @ a / 0.05**2)
    found = linear_bound(p, image_px=8, resolution=2, field_px=8, noise=0.05)
    assert found.r2[0] == pytest.approx(1 - np.trace(posterior) / np.trace(prior), rel=1e-8)
    assert found.rank[0] == np.linalg.matrix_rank(a)


def test_reconstructions_are_the_posterior_mean_and_reach_the_bound():
    from neurodyn.numerics.sensor import sample

    torch = pytest.importorskip("torch")
    rng, n, noise = np.random.default_rng(0), 400, 0.05
    p = np.repeat(np.array([[[0, 0], [1, 2], [-3, 1]]], dtype=float), n, axis=0)
    prior = image_prior(8)
    x = (np.linalg.cholesky(prior + 1e-9 * np.eye(64)) @ rng.normal(size=(64, n))).T.reshape(n, 1, 8, 8) + 0.4
    look = {"resolution": 2, "field_px": 8.0, "padding": 0.4}
    y = sample(torch.from_numpy(x), torch.from_numpy(p), **look).numpy()
    y = y + noise * rng.normal(size=y.shape)
    found = linear_reconstruction(y, p, image_px=8, field_px=8, padding=0.4, noise=noise)
    a = sample(torch.eye(64, dtype=torch.float64).reshape(64, 1, 8, 8), torch.from_numpy(np.repeat(p[:1], 64, axis=0)), resolution=2, field_px=8)
    a = a.reshape(64, -1).T.numpy()
    direct = np.linalg.inv(np.linalg.inv(prior) + a.T @ a / noise**2) @ a.T @ (y.reshape(n, -1).T - 0.4) / noise**2
    assert np.allclose(found[:, -1].reshape(n, 64).T - 0.4, direct, atol=1e-8)
    for t in range(3):
        r2 = 1 - ((found[:, t] - x) ** 2).sum() / ((x - 0.4) ** 2).sum()
        bound = linear_bound(p[:1, : t + 1], image_px=8, resolution=2, field_px=8, noise=noise).r2[0]
        assert r2 == pytest.approx(bound, abs=0.03)  # 400 images of a prior whose power lies in few modes


def test_published_values():
    """The published bounds do not say where their spectrum flattens; with 1/64 cycles per pixel they agree within 0.04."""
    still, spiral = np.zeros((1, 5, 2)), positions("spiral_2dir2", 3, 5, seed=0)
    for path, r2 in ((still, 0.47), (spiral, 0.75)):
        assert linear_bound(path).r2.mean() == pytest.approx(r2, abs=0.04)
    assert linear_bound(still).rank[0] == 64


def test_more_phases_tell_more():
    bounds = [float(linear_bound(GRID[:, :n], **SMALL).r2[0]) for n in (1, 2, 4, 8, 16)]
    assert (np.diff(bounds) > 0).all()
    full = linear_bound(GRID, **SMALL)
    assert full.rank[0] == 16**2
    assert full.r2[0] > 0.98


def test_a_position_seen_again_only_averages_the_noise():
    once, twice = (linear_bound(np.zeros((1, n, 2)), noise=noise, **SMALL) for n, noise in ((1, 0.1), (2, 0.1 * np.sqrt(2))))
    assert once.r2[0] == pytest.approx(twice.r2[0], rel=1e-9)


def test_bad_input():
    with pytest.raises(NumericsError, match="trajectory, frame, 2"):
        linear_bound(np.zeros((5, 2)))
    with pytest.raises(NumericsError, match="above 0"):
        linear_bound(np.zeros((1, 5, 2)), noise=0.0)
    with pytest.raises(NumericsError, match="linear_reconstruction"):
        linear_reconstruction(np.zeros((1, 4, 3, 8, 8)), np.zeros((1, 5, 2)))
