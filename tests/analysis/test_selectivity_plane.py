"""The plane's measures on units that are placed by hand."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis.selectivity_plane import selectivity_plane
from neurodyn.errors import SchemaError


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


def test_weak_units_do_not_count():
    s, t, st = np.array([1.0, 0.5, 0.2, 1e-4]), np.array([0.1, 0.5, 0.9, 1e-4]), np.array([1.0, 0.6, 0.9, 1e-4])
    ds = selectivity_plane(optimal(s, t, st), n_resamples=50, seed=0)
    assert ds.n_units.item() == 3
    assert np.isnan(ds.st_index.values[3])


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
