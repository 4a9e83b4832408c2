"""Gratings against their Fourier transforms, and nothing beyond Nyquist."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError
from neurodyn.stimuli.gratings import GratingMovie, gratings


def spectrum(movie):
    """Power over (frame, row, column) of the luminance without its mean."""
    pixels = movie.values[0, :, 0].astype(float)
    return np.abs(np.fft.fftn(pixels - 0.5)) ** 2


@given(cycles=st.tuples(st.integers(1, 7), st.integers(0, 3)), turns=st.integers(1, 7))
def test_a_drifting_grating_is_one_line_of_the_spectrum(cycles, turns):
    n, frames = 16, 16
    fx, fy = cycles[0] / n, cycles[1] / n
    movie = gratings(
        n,
        spatial_frequency_cpp=float(np.hypot(fx, fy)),
        direction_deg=float(np.rad2deg(np.arctan2(fy, fx))),
        temporal_frequency_cpf=turns / frames,
        n_frames=frames,
    )
    power = spectrum(movie)
    # cos(2 pi (fx x + fy y - g t)), y up: the row frequency is -fy; frame frequency -g goes with column frequency +fx
    expected = {(-turns % frames, -cycles[1] % n, cycles[0]), (turns, cycles[1] % n, -cycles[0] % n)}
    share = sum(power[i] for i in expected) / power.sum()
    assert share > 1 - 1e-9


def test_counterphase_is_four_lines():
    power = spectrum(gratings(16, spatial_frequency_cpp=0.125, temporal_frequency_cpf=0.25, n_frames=16, kind="counterphase"))
    assert np.isclose(sum(power[t, 0, c] for t in (4, 12) for c in (2, 14)) / power.sum(), 1)


def test_directions_and_contrast():
    right = gratings(16, spatial_frequency_cpp=0.125, temporal_frequency_cpf=0.125, n_frames=3).values[0, :, 0]
    np.testing.assert_allclose(right[1, :, 1:], right[0, :, :-1], atol=1e-6)  # one column to the right a frame
    up = gratings(16, spatial_frequency_cpp=0.125, temporal_frequency_cpf=0.125, direction_deg=90, n_frames=3).values[0, :, 0]
    np.testing.assert_allclose(up[1, :-1], up[0, 1:], atol=1e-6)
    half = gratings(64, spatial_frequency_cpp=0.02, contrast_percent=50).values
    assert np.isclose(half.max() - half.min(), 0.5, atol=0.01)
    assert np.isclose((half.max() + half.min()) / 2, 0.5, atol=0.01)


def test_degrees_and_hertz():
    a = gratings(16, spatial_frequency_cpd=2.0, pixels_per_degree=16.0, temporal_frequency_hz=12.5, frame_ms=10.0, n_frames=4)
    b = gratings(16, spatial_frequency_cpp=0.125, temporal_frequency_cpf=0.125, n_frames=4)
    np.testing.assert_array_equal(a.values, b.values)
    assert a.frame_start.values.tolist() == [0, 10, 20, 30]


def test_a_disk_is_grey_outside():
    image = gratings(32, spatial_frequency_cpp=0.1, phase_deg=90, radius_px=6).values[0, 0]
    assert (image[0] == 0.5).all()
    assert image[16].std() > 0.1


def test_frames_are_drawn_alone_as_in_the_movie():
    table = {"spatial_frequency_cpp": [0.1, 0.2], "temporal_frequency_cpf": [0.1, 0.3], "direction_deg": [10.0, 200.0]}
    movie = GratingMovie(table, 8, n_frames=5, n_channels=3)
    np.testing.assert_array_equal(movie.stimuli().values[:, 4], movie.frame(4))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"spatial_frequency_cpp": 0.5}, "Nyquist"),
        ({"spatial_frequency_cpp": 0.1, "temporal_frequency_cpf": 0.5}, "Nyquist frequency of the frames"),
        ({"spatial_frequency_cpp": 0.1, "temporal_frequency_hz": 60.0, "frame_ms": 10.0}, "Nyquist"),
        ({"spatial_frequency_cpp": 0.1, "temporal_frequency_hz": 5.0}, "dt_ms is None"),
        ({"spatial_frequency_cpd": 1.0}, "pixels_per_degree"),
        ({}, "not at all"),
        ({"spatial_frequency_cpp": -0.1}, "0 or more"),
        ({"spatial_frequency_cpp": 0.1, "contrast_percent": 120}, "0 to 100"),
        ({"spatial_frequency_cpp": 0.1, "kind": "drift"}, "did you mean `drifting`"),
        ({"spatial_frequency_cpp": 0.1, "n_frames": 0}, "at least 1"),
    ],
)
def test_bad_input(arguments, says):
    with pytest.raises(ConfigError, match=says):
        gratings(16, **arguments)
