"""The selectivity plots draw what they are given."""

import numpy as np
import xarray as xr

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.layer_intervals import plot_layer_intervals
from neurodyn.plot.lesions import plot_lesions
from neurodyn.plot.preference_maps import draw_map_atlas, plot_preference_map
from neurodyn.plot.selectivity_plane import plot_selectivity_plane
from neurodyn.plot.style import figure, house_style


def test_boxes_and_plane():
    fig = figure("single", 60)
    left, right = fig.subplots(1, 2)
    plot_layer_boxes(left, [{"V1": np.arange(5.0), "V2": np.array([1.0, np.nan])}, {"V1": np.ones(3), "V2": np.zeros(2)}], ("trained", "untrained"))
    assert [t.get_text() for t in left.get_xticklabels()] == ["V1\nn=5", "V2\nn=1"]
    plane = xr.Dataset({k: ("neuroid", [0.1, 0.9, np.nan]) for k in ("space", "time")}, {"layer": ("neuroid", ["V1", "V1", "V1"])})
    assert len(plot_selectivity_plane(right, plane, "V1").get_offsets()) == 2


def test_maps_show_a_pixel_a_position():
    fig = figure("single", 60)
    ax = fig.subplots()
    coords = {"layer": ["V1"] * 3 + [""], "channel": [0, 0, 1, np.nan], "row": [0, 1, 1, np.nan], "column": [0, 1, 0, np.nan]}
    tuning = xr.Dataset({"preferred_orientation_deg": ("neuroid", [10.0, 20.0, 30.0, np.nan])}, {k: ("neuroid", v) for k, v in coords.items()})
    tuning = tuning.isel(neuroid=slice(0, 3))
    shown = plot_preference_map(ax, tuning, "V1", "preferred_orientation_deg", channels=2, per_row=2).get_array()
    assert shown.shape == (2, 5)  # two tiles of 2 x 2 and a gap
    np.testing.assert_array_equal(np.argwhere(~np.ma.getmaskarray(shown)), [[0, 0], [1, 1], [1, 3]])


def test_lesions_beside_controls():
    fig = figure("single", 60)
    ax = fig.subplots()
    dims, shape = ("size", "group", "kind"), (2, 2, 1)
    names = ("loss", "loss_low", "loss_high", "control_loss", "control_loss_low", "control_loss_high")
    ds = xr.Dataset({k: (dims, np.full(shape, 0.1)) for k in names}, {"group": ["space", "time"], "kind": ["output"], "n_silenced": ("size", [2, 4])})
    plot_lesions(ax, ds, "output")
    assert ax.get_legend_handles_labels()[1] == ["space", "time"]


def networks(n_channels=4):
    """What grating_tuning finds for two networks and their twins, one layer of 2 x 2 positions."""
    at = [v.ravel() for v in np.meshgrid(range(n_channels), [0, 1], [0, 1], indexing="ij")]
    shape = (2, 2, 4 * n_channels)
    rng = np.random.default_rng(0)
    dims = ("model_name", "untrained", "neuroid")
    data = {"preferred_orientation_deg": (dims, 180 * rng.random(shape)), "preferred_spatial_frequency_cpp": (dims, 0.4 * rng.random(shape))}
    data["osi"] = (dims, np.where(np.arange(shape[-1]) == 0, 0.0, 0.2 + 0.8 * rng.random(shape)))
    coords = {"layer": ("neuroid", ["V1"] * shape[-1]), **{k: ("neuroid", v) for k, v in zip(("channel", "row", "column"), at, strict=True)}}
    coords |= {"model_name": ["a", "b"], "spatial_frequency_cpp": ("spatial_frequency", [0.1, 0.4])}
    return xr.Dataset(data, coords)


def test_an_atlas_holds_every_network_and_its_twin():
    tuning = networks()
    with house_style():
        fig = draw_map_atlas([("family", tuning, ("V1", "V2"))], {"a": "first"}, "A note.")  # neither has a V2
    sheets = [ax.get_images()[0].get_array() for ax in fig.axes[:2]]
    assert sheets[0].shape == sheets[1].shape
    cyan = [np.all(np.isclose(s[..., :3], (0, 0xD5 / 255, 0xF0 / 255)), axis=-1).sum() for s in sheets]
    assert cyan == [4 * 24 * 24, 0]  # the untuned unit of each of the four, a quarter of a tile, has no orientation but a frequency
    assert {"family", "first", "b", "V1"} <= {t.get_text() for t in fig.axes[0].texts}


def test_intervals_of_networks_by_layer():
    ax = figure("single", 60).subplots()
    values = {k: (("model_name", "untrained", "layer_name"), np.full((2, 2, 2), v)) for k, v in (("osi", 0.5), ("osi_low", 0.4), ("osi_high", 0.6))}
    summary = xr.Dataset(values, {"model_name": ["a", "b"], "layer_name": ["V1", "V2"]})
    plot_layer_intervals(ax, [summary], "osi", layers=["V1", "V2", "V4"])
    assert ax.get_legend_handles_labels()[1] == ["trained", "untrained twin"]
    x = np.concatenate([line.get_xdata() for line in ax.lines])
    assert len(set(x.round(6))) == 8  # nothing on top of another
    assert np.abs(x - x.round()).max() < 0.5
