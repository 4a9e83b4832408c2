"""Summaries by layer of tables whose answers are known."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.analysis.layer_tuning import layer_tuning
from neurodyn.errors import SchemaError
from neurodyn.numerics.resampling import wilson
from neurodyn.testing.toys import ConvNetwork


def table(osi, silent=()):
    """Channels x positions of one layer, in a trained network and its twin where `osi` has three dims."""
    osi = np.asarray(osi, float)
    n_channels, n_positions = osi.shape[-2:]
    dims = ("untrained", "neuroid") if osi.ndim == 3 else ("neuroid",)
    flat = osi.reshape(*osi.shape[:-2], -1)
    coords = {"layer": ("neuroid", ["V1"] * flat.shape[-1]), "channel": ("neuroid", np.repeat(np.arange(n_channels), n_positions))}
    return xr.Dataset({"osi": (dims, flat), "dsi": (dims, 0 * flat)}, {**coords, "silent_neuroid_id": ("silent_neuroid", list(silent))})


def test_positions_of_a_channel_count_once():
    """Three channels, one of which has many positions worth of silent units."""
    ds = layer_tuning(table([[0.1, 0.3, 0.2], [0.5, 0.5, 0.5], [0.05, 0.05, 0.8]], [f"V1.{c}.0.9" for c in (2, 3)]), seed=0)
    assert ds.osi.item() == 0.2
    assert ds.osi_low.item() == 0.05
    assert ds.osi_high.item() == 0.5
    np.testing.assert_allclose(ds.share_tuned.item(), np.mean([1, 1, 1 / 3]))
    np.testing.assert_allclose(ds.share_responding.item(), np.mean([1, 1, 3 / 4, 0]))  # the last channel is silent everywhere
    assert (ds.n_units.item(), ds.n_channels.item()) == (9, 3)


def test_the_twin_is_taken_away():
    rng = np.random.default_rng(0)
    trained, twin = rng.normal(0.6, 0.05, (40, 4)), rng.normal(0.2, 0.05, (40, 4))
    ds = layer_tuning(table(np.stack([trained, twin])), seed=0)
    np.testing.assert_allclose(ds.osi_difference.item(), 0.4, atol=0.03)
    assert ds.osi_difference_low.item() > 0.3
    assert ds.osi_difference.dims == ("layer_name",)
    np.testing.assert_allclose(ds.dsi_difference.values, 0)


def test_shares_that_all_channels_agree_on_still_leave_doubt():
    every, doubt = np.full((2, 12, 2), 0.5), wilson(0.0, 12)[1]
    ds = layer_tuning(table(every), n_resamples=50, seed=0)
    np.testing.assert_allclose([*ds.share_tuned_low.values.ravel(), *ds.share_responding_high.values.ravel()], [1 - doubt, 1 - doubt, 1, 1])
    np.testing.assert_allclose([ds.share_tuned_difference_low.item(), ds.share_tuned_difference_high.item()], [-doubt, doubt])
    every[1] = 0.01  # none in the twin
    apart = layer_tuning(table(every), n_resamples=50, seed=0)
    np.testing.assert_allclose([apart.share_tuned_difference_low.item(), apart.share_tuned_difference_high.item()], [1 - np.sqrt(2) * doubt, 1])
    assert apart.osi_low.dims == ("untrained", "layer_name")


def test_coverage_of_the_interval():
    """Of a median over channels whose positions agree: resampling units would make it far too narrow."""
    rng, covered = np.random.default_rng(0), 0
    for _ in range(100):
        ds = layer_tuning(table(np.repeat(rng.normal(0.5, 0.1, (20, 1)), 9, axis=1)), n_resamples=200, seed=1)
        covered += ds.osi_low.item() <= 0.5 <= ds.osi_high.item()
    assert 88 <= covered <= 100


def test_layers_of_a_network_and_too_few_channels():
    found = grating_tuning(ConvNetwork(), "maps", spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_hz=[10, 20, 30], n_steps=20)
    ds = layer_tuning(found, n_resamples=50, seed=0)
    for j, name in enumerate(ds.layer_name.values):
        here = found.layer.values == name
        by_channel = [np.median(found.osi.values[here & (found.channel.values == c)]) for c in np.unique(found.channel.values[here])]
        np.testing.assert_allclose(ds.osi.values[j], np.median(by_channel))
    assert np.isnan(layer_tuning(table([[0.1], [0.2]]), n_resamples=20, seed=0).osi.item())


def test_bad_input():
    with pytest.raises(SchemaError, match="grating_tuning returns"):
        layer_tuning(xr.Dataset({"osi": ("neuroid", [1.0])}), seed=0)
