"""Measures of paths on shapes whose values are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import NumericsError
from neurodyn.numerics.paths import MEASURES, measure, sampling_phases, turning_angles


def test_a_circle_has_curvature_one_over_radius():
    angle = np.linspace(0, 2 * np.pi, 721)[None]
    m = measure(7.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    assert m["curvature_per_px"][0] == pytest.approx(1 / 7, rel=1e-4)  # second order in the step
    assert m["area_px2"][0] == pytest.approx(np.pi * 49, rel=1e-4)
    assert m["eccentricity_px"][0] == pytest.approx(7.0)
    assert m["end_to_end_px"][0] == pytest.approx(0.0, abs=1e-12)


def test_a_straight_line_and_a_reversal():
    m = measure(np.array([[[0, 0], [3, 4], [6, 8]], [[0, 0], [3, 4], [0, 0]]]))
    assert m["turn_rad"].tolist() == [0.0, np.pi]
    assert m["straightness"].tolist() == [1.0, 0.0]
    assert m["persistence"].tolist() == [1.0, -1.0]
    assert m["path_length_px"].tolist() == [10.0, 10.0]
    assert m["n_points"].tolist() == [3, 2]


def test_a_path_that_stands_still_has_no_turning():
    m = measure(np.zeros((1, 4, 2)))
    assert np.isnan(m["turn_rad"][0]) and np.isnan(m["straightness"][0])
    assert m["overlap"][0] == 1.0 and m["n_phases"][0] == 1


def test_phases_of_all_whole_positions_are_the_sixteen_cells():
    grid = np.stack(np.meshgrid(np.arange(-6, 6), np.arange(-6, 6)), axis=-1).reshape(-1, 2)
    assert sorted(set(sampling_phases(grid).tolist())) == list(range(16))
    with pytest.raises(NumericsError, match="whole multiple"):
        sampling_phases(grid, pitch_px=4.0, grain_px=3.0)


@given(st.integers(0, 10**6), st.floats(0, 6.28))
def test_turning_does_not_depend_on_the_direction_of_the_path(seed, angle):
    path = np.random.default_rng(seed).normal(size=(6, 2))
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    difference = turning_angles(path @ rotation.T) - turning_angles(path)
    assert np.allclose(np.exp(1j * difference), 1, atol=1e-9)


def test_every_measure_is_described_and_bad_shapes_are_refused():
    assert set(measure(np.zeros((1, 3, 2)))) == set(MEASURES)
    with pytest.raises(NumericsError, match="path, point, 2"):
        measure(np.zeros((3, 2)))
