"""Axes-level plots draw exactly what the Dataset holds."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.plot import figure, plot_eigenspectrum, plot_fixed_points, plot_predictivity, plot_trajectories, plotted_numbers


def axes():
    return figure("single").add_subplot()


def numbers(ax, series):
    return [(float(r["x"]), float(r["y"])) for r in plotted_numbers(ax.figure) if r["series"] == series]


def spectrum():
    return xr.Dataset(
        {
            "step_eigenvalue": (("presentation", "mode"), np.array([[0.9 + 0.1j, 0.9 - 0.1j], [0.5, np.nan]])),
            "converged": (("presentation", "mode"), np.array([[True, False], [True, False]])),
        }
    )


def paths():
    score = np.arange(24.0).reshape(2, 4, 3)
    return xr.Dataset(
        {
            "score": (("presentation", "time_bin", "component"), score),
            "loading": (("neuroid", "component"), np.eye(3)),
            "center": ("neuroid", [1.0, 0.0, 0.0]),
            "explained_variance_ratio": ("component", [0.5, 0.25, 0.1]),
        },
        coords={"step": ("time_bin", [-2, -1, 0, 1]), "neuroid_id": ("neuroid", ["a", "b", "c"])},
    )


def points():
    return xr.Dataset(
        {
            "state": (("fixed_point", "neuroid"), np.array([[9.0, 5.0, 3.0, 2.0], [9.0, 7.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])),
            "converged": ("fixed_point", [True, True, False]),
            "stable": ("fixed_point", [True, False, False]),
        },
        coords={
            "neuroid_id": ("neuroid", ["z", "c", "b", "a"]),
            "presentation": ("fixed_point", [0, 1, 1]),
            "stimulus_id": ("fixed_point", ["s", "t", "t"]),
        },
    )


def test_eigenvalues_converged_and_not():
    ax = plot_eigenspectrum(axes(), spectrum(), label="model")
    assert numbers(ax, "model (n = 3)") == [(0.9, 0.1), (0.5, 0.0)]
    assert numbers(ax, "model, not converged") == [(0.9, -0.1)]
    plot_eigenspectrum(ax, spectrum())
    assert sum(line.get_gid() == "unit circle" for line in ax.lines) == 1
    with pytest.raises(SchemaError, match="no `eigenvalue`"):
        plot_eigenspectrum(ax, spectrum(), variable="eigenvalue")


def test_trajectories_begin_one_step_before_onset():
    ax = plot_trajectories(axes(), paths(), presentations=[1], labels=["second"])
    assert numbers(ax, "second") == [(15.0, 16.0), (18.0, 19.0), (21.0, 22.0)]
    assert ax.get_xlabel() == "PC 1 (50 % of variance)"
    whole = plot_trajectories(axes(), paths(), labels=["first", "second"], onset=False)
    assert len(numbers(whole, "first")) == 4
    with pytest.raises(SchemaError, match="no `score`"):
        plot_trajectories(ax, spectrum())


def test_fixed_points_are_placed_by_id_not_by_position():
    ax = plot_fixed_points(axes(), points(), paths(), colours={"s": "red"})
    rows = [(r["series"], float(r["x"]), float(r["y"])) for r in plotted_numbers(ax.figure)]
    assert rows == [("_stable fixed points s", 1.0, 3.0), ("_other fixed points t", 0.0, 1.0)] or [r[1:] for r in rows] == [(1.0, 3.0), (0.0, 1.0)]
    with pytest.raises(SchemaError, match="1 of 3 units"):
        plot_fixed_points(ax, points().isel(neuroid=[0, 2, 3]), paths())


def test_predictivity_shows_every_neuron_the_median_and_n():
    scores = xr.Dataset({"raw": ("neuroid", [0.1, 0.2, np.nan, 0.6])})
    ax = plot_predictivity(axes(), {"model": scores, "control": scores * 0.5}, variable="raw")
    drawn = numbers(ax, "model (n = 3 neurons)")
    assert [y for _, y in drawn] == [0.1, 0.2, 0.6]
    assert all(abs(x) <= 0.25 for x, _ in drawn)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["model\n(n = 3)", "control\n(n = 3)"]
    with pytest.raises(SchemaError, match="no `normalised`"):
        plot_predictivity(ax, {"model": scores})
