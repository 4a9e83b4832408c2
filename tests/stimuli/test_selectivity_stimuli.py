"""Noise, m-sequences, dots, plaids and Gabors against their spectra and correlations."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.stimuli.dots import dots
from neurodyn.stimuli.gabors import gabors
from neurodyn.stimuli.m_sequence import _TAPS, m_sequence, maximal_sequence
from neurodyn.stimuli.noise import noise
from neurodyn.stimuli.plaids import plaids
from neurodyn.stimuli.sparse import sparse


def test_white_noise_is_flat_and_pink_noise_falls():
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.fftfreq(32))
    band = [(frequency > lo) & (frequency <= 2 * lo) for lo in (0.06, 0.12, 0.24)]
    power = {}
    for kind in ("white", "pink"):
        movie = noise(32, n_frames=64, kind=kind, seed=0)
        spectrum = np.abs(np.fft.fft2(movie.values[0, :, 0] - 0.5)) ** 2
        power[kind] = np.array([spectrum[:, b].mean() for b in band])
    np.testing.assert_allclose(power["white"] / power["white"][0], 1, atol=0.05)
    slope = np.polyfit(np.log([frequency[b].mean() for b in band]), np.log(power["pink"]), 1)[0]
    assert abs(slope + 2) < 0.15  # power 1/f^2
    temporal = np.abs(np.fft.fft(noise(8, n_frames=256, n_presentations=4, kind="pink", seed=1).values[:, :, 0] - 0.5, axis=1)) ** 2
    mean = temporal.mean((0, 2, 3))
    assert mean[2:5].mean() / mean[40:60].mean() > 50


def test_noise_is_seeded_by_presentation():
    a, b = noise(8, n_presentations=3, seed=0).values, noise(8, n_presentations=2, seed=0).values
    np.testing.assert_array_equal(a[:2], b)
    assert set(np.unique(noise(8, kind="binary", contrast_percent=100, seed=0))) == {0.0, 1.0}


@pytest.mark.parametrize("order", _TAPS)
def test_m_sequences_are_maximal(order):
    s = maximal_sequence(order)
    power = np.abs(np.fft.fft(s)) ** 2
    np.testing.assert_allclose(power[1:], len(s) + 1, rtol=1e-6)  # the autocorrelation is -1 off its peak
    assert s.sum() == -1


def test_m_sequence_squares_do_not_correlate():
    movie = m_sequence(4, order=9, n_lags=16).values[0, :, 0].reshape(511, -1) * 2 - 1
    for lag in range(16):
        c = movie.T @ np.roll(movie, lag, axis=0)
        c[np.diag_indices(16)] = -1 if lag == 0 else c[np.diag_indices(16)]
        assert np.abs(c).max() <= 1.001


def test_coherent_dots_move_and_incoherent_ones_do_not():
    movie = dots(32, direction_deg=[0, 90], speed_px_frame=1.0, coherence_percent=[0, 100], lifetime_frames=1000, n_frames=12, seed=0)
    pixels = movie.values[:, :, 0] - 0.5

    def match(k, shift):
        moved = np.roll(pixels[k, :-1], shift, axis=(1, 2))
        return np.corrcoef(moved.ravel(), pixels[k, 1:].ravel())[0, 1]

    assert match(1, (0, 1)) > 0.99  # coherent, to the right
    assert match(3, (-1, 0)) > 0.99  # coherent, up
    assert abs(match(0, (0, 1))) < 0.1
    assert movie.coherence_percent.values.tolist() == [0, 100, 0, 100]


def test_a_plaid_holds_its_two_components():
    movie = plaids(32, spatial_frequency_cpp=0.125 * np.sqrt(2), temporal_frequency_cpf=0.125, cross_angle_deg=90, n_frames=16)
    power = np.abs(np.fft.fftn(movie.values[0, :, 0] - 0.5)) ** 2
    found = {tuple(i) for i in np.argwhere(power > 0.1 * power.max()).tolist()}
    assert found == {(14, 4, 4), (2, 28, 28), (14, 28, 4), (2, 4, 28)}
    assert np.isclose(power[tuple(zip(*found, strict=True))].sum() / power.sum(), 1)


def test_gabors_peak_at_their_frequency_and_orientation():
    image = gabors(64, spatial_frequency_cpp=0.125, orientation_deg=[0, 90], sigma_px=8).values[:, 0] - 0.5
    power = np.abs(np.fft.fft2(image)) ** 2
    assert np.unravel_index(power[0, :32, :32].argmax(), (32, 32)) == (8, 0)  # horizontal bars vary along rows
    assert np.unravel_index(power[1, :32, :32].argmax(), (32, 32)) == (0, 8)
    moved = gabors(64, spatial_frequency_cpp=0.125, sigma_px=3, row_px=16, column_px=-16).values[0, 0] - 0.5
    row, column = np.unravel_index(np.abs(moved).argmax(), moved.shape)
    assert abs(row - 15.5) < 2
    assert abs(column - 15.5) < 2


def test_sparse_noise_visits_every_square_alike():
    movie = sparse(6, n_frames=3000, square_px=2, n_squares=2, seed=0)
    light = (movie.values[0, :, 0, ::2, ::2] > 0.5).mean(0)
    np.testing.assert_allclose(light, 1 / 9, atol=0.02)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: noise(8, kind="blue", seed=0), "unknown kind"),
        (lambda: noise(8, contrast_percent=200, seed=0), "0 to 100"),
        (lambda: noise(8, n_frames=0, seed=0), "at least 1"),
        (lambda: sparse(7, n_frames=2, square_px=2, seed=0), "tile"),
        (lambda: m_sequence(8, order=2), "3 to 16"),
        (lambda: m_sequence(8, order=8), "fix: order=11"),
        (lambda: dots(16, coherence_percent=150, seed=0), "0 to 100"),
        (lambda: dots(16, speed_px_frame=9, seed=0), "below half the image"),
        (lambda: dots(16, density=0, seed=0), "at least one dot"),
        (lambda: plaids(16, spatial_frequency_cpp=0.7), "Nyquist"),
        (lambda: plaids(16, spatial_frequency_cpp=0.1, contrast_percent=101), "0 to 100"),
        (lambda: gabors(16, spatial_frequency_cpp=0.5), "Nyquist"),
        (lambda: gabors(16, spatial_frequency_cpp=0.1, sigma_px=0), "above 0"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(ConfigError, match=says):
        call()
