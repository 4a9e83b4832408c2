"""The selectivity plots draw what they are given."""

import numpy as np
import xarray as xr

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.lesions import plot_lesions
from neurodyn.plot.preference_maps import plot_preference_map
from neurodyn.plot.selectivity_plane import plot_selectivity_plane
from neurodyn.plot.style import figure


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
