"""Axes-level drawing of the four arms on a small made-up population."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.plot.arms import ARMS, arm_label, plot_arm_curves, plot_arm_points, plot_effects
from neurodyn.plot.style import figure, house_style


def population(n=3):
    rows = [(f, d, s) for s in range(n) for f, d in ARMS] + [("self, three times", "on", 0)]
    values = np.arange(len(rows), dtype=float)
    data = xr.Dataset({"outcome": ("network", values), "curve": (("network", "level"), values[:, None] + np.zeros(4))})
    cells = [f"{f}-{d}" for f, d, _ in rows[:-1]] + ["deep-dropout"]
    return data.assign_coords(feedback=("network", [r[0] for r in rows]), dropout=("network", [r[1] for r in rows]), cell=("network", cells))


def test_curves_show_the_mean_of_each_arm_and_leave_controls_out():
    with house_style():
        ax = figure("single").add_subplot()
        plot_arm_curves(ax, population(), "curve", [0, 1, 2, 3])
    assert [line.get_label() for line in ax.lines] == [arm_label(*arm) for arm in ARMS]
    assert [line.get_ydata()[0] for line in ax.lines] == [4, 5, 6, 7]


def test_points_show_every_network():
    with house_style():
        ax = figure("single").add_subplot()
        plot_arm_points(ax, population(), "outcome")
    assert sum(len(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "None" and len(line.get_xdata()) == 3) == 12


def test_effects_have_one_row_an_outcome():
    names = {"outcome": ["a", "b"], "effect": ["dropout"]}
    size = xr.Dataset({v: (("outcome", "effect"), np.full((2, 1), k)) for k, v in ((0.0, "size_low"), (1.0, "size"), (3.0, "size_high"))}, coords=names)
    with house_style():
        ax = figure("single").add_subplot()
        plot_effects(ax, size, {"a": "first", "b": "second"}, rows=["dropout"])
        with pytest.raises(ConfigError, match="effect"):
            plot_effects(ax, size, {"a": "first"}, rows=["dropuot"])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["first", "second"]


def test_wrong_axes_and_empty_arms_are_refused():
    with house_style():
        ax = figure("single").add_subplot()
        with pytest.raises(SchemaError, match="4"):
            plot_arm_curves(ax, population(), "curve", [0, 1])
        with pytest.raises(SchemaError, match="two or more"):
            plot_arm_points(ax, population(1), "outcome")
