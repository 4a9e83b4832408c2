"""The selectivity plots draw what they are given."""

import numpy as np
import xarray as xr

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.selectivity_plane import plot_selectivity_plane
from neurodyn.plot.style import figure


def test_boxes_and_plane():
    fig = figure("single", 60)
    left, right = fig.subplots(1, 2)
    plot_layer_boxes(left, [{"V1": np.arange(5.0), "V2": np.array([1.0, np.nan])}, {"V1": np.ones(3), "V2": np.zeros(2)}], ("trained", "untrained"))
    assert [t.get_text() for t in left.get_xticklabels()] == ["V1\nn=5", "V2\nn=1"]
    plane = xr.Dataset({k: ("neuroid", [0.1, 0.9, np.nan]) for k in ("space", "time")}, {"layer": ("neuroid", ["V1", "V1", "V1"])})
    assert len(plot_selectivity_plane(right, plane, "V1").get_offsets()) == 2
