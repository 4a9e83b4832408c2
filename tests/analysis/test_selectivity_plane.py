"""The plane's measures on units that are placed by hand."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis.selectivity_plane import selectivity_plane
from neurodyn.errors import SchemaError
from neurodyn.numerics.resampling import wilson


def optimal(s, t, st):
    values = np.stack([s, t, st], axis=-1)
    coords = {"layer": ("neuroid", ["V1"] * s.shape[-1]), "neuroid_id": ("neuroid", [f"V1.{k}.0.0" for k in range(s.shape[-1])])}
    dims = ("model", "neuroid", "family") if s.ndim == 2 else ("neuroid", "family")
    return xr.Dataset({"activation": (dims, values)}, {**coords, "family": ["space", "time", "spacetime"]})


def test_a_filled_square_and_a_point():
    rng = np.random.default_rng(0)
    square, point = rng.random((2, 4000)), np.full((2, 4000), 0.5)
    ds = selectivity_plane(optimal(np.stack([square[0], point[0]]), np.stack([square[1], point[1]]), np.ones((2, 4000))), n_resamples=200, seed=0)
    np.testing.assert_allclose(ds.area.values[:, 0], [1 / 12, 0.0], atol=2e-3)
    np.testing.assert_allclose(ds.index_spread.values[1, 0], 0.0, atol=1e-12)
    assert ds.area_low[0, 0] < 1 / 12 < ds.area_high[0, 0]
    assert abs(float(ds.correlation[0, 0])) < 0.05
    assert ds.share_synergy[1, 0] == 1.0


def test_units_of_one_kind_still_leave_doubt():
    """Eight units, all of space, none of time, all with synergy."""
    rng = np.random.default_rng(1)
    ds = selectivity_plane(optimal(0.5 + 0.3 * rng.random(8), 0.1 * rng.random(8), np.ones(8)), n_resamples=50, seed=0)
    bounds = {k: (ds[f"{k}_low"].item(), ds[f"{k}_high"].item()) for k in ("share_space", "share_time", "share_neither", "share_synergy")}
    none, every = wilson(0.0, 8), wilson(1.0, 8)
    for k, want in zip(bounds, (every, none, none, every), strict=True):
        np.testing.assert_allclose(bounds[k], want, atol=1e-12)
    mixed = selectivity_plane(optimal(np.linspace(0.1, 0.9, 8), np.full(8, 0.3), np.ones(8)), n_resamples=50, seed=0)
    assert 0 <= mixed.share_space_low.item() < mixed.share_space.item() < mixed.share_space_high.item() < 1


def test_a_movie_that_ended_below_the_still_image_hides_no_synergy():
    """Divided by the largest of three: a unit whose movie came out lower has S = 1 and counts as without synergy."""
    ds = selectivity_plane(optimal(np.array([0.8, 0.5, 0.5]), np.array([0.2, 0.2, 0.2]), np.array([0.4, 1.0, 1.0])), n_resamples=50, seed=0)
    np.testing.assert_allclose(ds.space.values, [1.0, 0.5, 0.5])
    np.testing.assert_allclose(ds.share_synergy.item(), 2 / 3)


def test_weak_units_do_not_count():
    s, t, st = np.array([1.0, 0.5, 0.2, 1e-4]), np.array([0.1, 0.5, 0.9, 1e-4]), np.array([1.0, 0.6, 0.9, 1e-4])
    ds = selectivity_plane(optimal(s, t, st), n_resamples=50, seed=0)
    assert ds.n_units.item() == 3
    assert np.isnan(ds.st_index.values[3])


def test_units_that_neither_drives_have_no_index():
    """A still image and a flicker that both do next to nothing: the ratio of two such numbers would be the largest there is."""
    s, t = np.array([0.8, 0.6, 0.7, 0.001]), np.array([0.4, 0.3, 0.35, 0.04])
    ds = selectivity_plane(optimal(s, t, np.ones(4)), n_resamples=200, seed=0)
    np.testing.assert_allclose([ds.index_mean.item(), ds.index_spread.item()], [1 / 3, 0.0], atol=1e-12)
    assert np.isnan(ds.st_index.values[3])
    assert np.isfinite(ds.space.values).all()
    assert (ds.share_time.item(), ds.share_neither.item()) == (0.0, 0.25)
    alone = selectivity_plane(optimal(s, t, np.ones(4)), n_resamples=50, neither_below=0.9, seed=0)
    assert np.isnan(alone.index_mean.item())
    assert alone.share_neither.item() == 1.0
    assert selectivity_plane(optimal(s, t, np.ones(4)), n_resamples=50, neither_below=0.0, seed=0).share_time.item() == 0.25


def test_models_with_other_units():
    """Shorter layers are padded, as the cells of a grid are."""
    s, t, st = (np.array([[0.1, 0.5, 0.9, 0.3], [0.2, 0.6, 0.4, np.nan]]), np.full((2, 4), 0.5), np.ones((2, 4)))
    both = optimal(s, np.where(np.isnan(s), np.nan, t), np.where(np.isnan(s), np.nan, st)).drop_vars("layer")
    both = both.assign_coords(layer=(("model", "neuroid"), [["a", "a", "a", "b"], ["a", "a", "a", ""]]))
    ds = selectivity_plane(both, n_resamples=50, seed=0)
    assert ds.layer_name.values.tolist() == ["a", "b"]
    assert ds.n_units.values.tolist() == [[3, 1], [3, 0]]
    np.testing.assert_allclose(ds.index_mean.values[1, 0], np.mean([(v - 0.5) / (v + 0.5) for v in (0.2, 0.6, 0.4)]))


def test_bad_input():
    with pytest.raises(SchemaError, match="optimal_stimulus returns"):
        selectivity_plane(xr.Dataset(), seed=0)
