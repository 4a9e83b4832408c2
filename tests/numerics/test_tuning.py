"""Tuning fits recover what generated the curves."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import NumericsError
from neurodyn.numerics import tuning
from neurodyn.numerics.permutation import condition_test
from neurodyn.numerics.separable_fit import separable_fit

F = np.geomspace(0.03, 0.35, 8)
D = np.arange(0, 360, 22.5)
START = ("direction_deg", "log_kappa", "family", "log_peak", "log_width")


@given(
    peak=st.floats(0.06, 0.18),
    width=st.floats(0.2, 0.45),
    offset=st.floats(0, 0.5),
    gain=st.floats(0.1, 10),
    kind=st.sampled_from(["linear", "log", "lorentz"]),
)
def test_frequency_peaks(peak, width, offset, gain, kind):
    x = {"linear": (F - peak) / peak, "log": np.log(F / peak), "lorentz": (F - peak) / peak}[kind] / width
    curve = 1 / (1 + x**2) if kind == "lorentz" else np.exp(-0.5 * x**2)
    fit = tuning.fit_frequency(gain * (offset + curve)[None], F, noise_variance=0.0)
    assert abs(fit.preferred[0] / peak - 1) < 0.02


def test_frequency_bandwidth_and_edges():
    width = 0.4
    curves = np.stack([np.exp(-0.5 * (np.log(F / 0.1) / width) ** 2), 1 / (1 + (F / 0.1) ** 4), (F / 0.3) ** 2])
    fit = tuning.fit_frequency(curves, F, noise_variance=0.0)
    assert abs(fit.bandwidth_octaves[0] - 2 * np.sqrt(2 * np.log(2)) * width / np.log(2)) < 0.1
    assert fit.low_cut[1] == 0.0
    assert abs(fit.high_cut[1] / 0.1 - 1) < 0.05
    assert np.isinf(fit.high_cut[2])
    assert fit.at_edge.tolist() == [False, True, True]


@pytest.mark.parametrize("n_directions", [8, 16])
def test_a_gaussian_in_the_plane_and_a_product(n_directions):
    """Halfway between two directions the first peaks at a lower frequency, the second does not; both are found to be what they are."""
    d = np.arange(n_directions) * 360 / n_directions
    off = 180 / n_directions
    turn, sigma, peak = np.deg2rad(d - off)[:, None], 0.045, 0.12
    plane = np.exp(-(F**2 + peak**2 - 2 * F * peak * np.cos(turn)) / (2 * sigma**2))
    product = np.exp(2 * (np.cos(turn) - 1)) * np.exp(-0.5 * (np.log(F / peak) / 0.5) ** 2)
    surfaces = np.stack([plane, product])
    curve = tuning.fit_direction(surfaces.max(2), d)
    sweep = tuning.fit_frequency(surfaces[:, 0], F, noise_variance=0.0)
    np.testing.assert_allclose(sweep.preferred / peak, [np.cos(np.deg2rad(off)), 1], atol=0.01)
    start = {"direction_deg": curve.preferred_direction_deg, "log_kappa": curve.log_kappa}
    start |= {k: getattr(sweep, k) for k in ("family", "log_peak", "log_width")}
    for polish in (False, True):
        fit = tuning.fit_plane(surfaces, d, F, **start, n_iterations=12, polish_product=polish)
        assert fit.in_plane.tolist() == [True, False]
        np.testing.assert_allclose(np.exp(fit.log_peak) / peak, 1, atol=0.005)
        np.testing.assert_allclose(fit.direction_deg, off, atol=0.3)
    assert fit.weights.shape == surfaces.shape
    assert (fit.weights >= 0).all()


def test_what_noise_leaves_over_is_not_interpolated():
    """The spline through the rest of the fit helps where the rest is real, and is left out where noise explains it."""
    rng = np.random.default_rng(0)
    true = np.sin(np.pi * F / 0.3) * np.exp(-F / 0.09) + 0.1  # of no family
    fine = np.geomspace(F[0], F[-1], 4001)
    peak = fine[(np.sin(np.pi * fine / 0.3) * np.exp(-fine / 0.09)).argmax()]
    error = {v: abs(tuning.fit_frequency(true[None], F, noise_variance=v).preferred[0] / peak - 1) for v in (0.0, None)}
    assert error[0.0] < 0.02
    sd = 0.05 * true.max()
    noisy = true + sd * rng.standard_normal((400, len(F)))
    spread = [np.median(abs(tuning.fit_frequency(noisy, F, noise_variance=v).preferred / peak - 1)) for v in (0.0, sd**2)]
    assert spread[1] <= spread[0]


def test_cross_validated_indices_are_zero_for_noise():
    rng = np.random.default_rng(0)
    halves = 1 + 0.3 * rng.standard_normal((2, 1000, 8))
    d = np.arange(0, 360, 45.0)
    crossed = tuning.cross_validated_selectivity(halves, halves[::-1], d)
    assert all(abs(v.mean()) < 4 * v.std() / np.sqrt(1000) for v in crossed)
    assert tuning.fit_direction(halves[0], d).dsi.mean() > 0.1
    curve = 1 + np.cos(np.deg2rad(d - 80))[None] + 0.4 * np.cos(2 * np.deg2rad(d - 80))[None]
    np.testing.assert_allclose(np.concatenate(tuning.cross_validated_selectivity([curve], [curve], d)), [1.8 / 3.0, 2.0 / 2.8], atol=0.03)


@given(direction=st.floats(0, 359.9), kappa=st.floats(0.5, 12), back=st.floats(0, 0.9), offset=st.floats(0, 1))
def test_directions(direction, kappa, back, offset):
    delta = np.deg2rad(D - direction)
    curve = offset + np.exp(kappa * (np.cos(delta) - 1)) + back * np.exp(kappa * (-np.cos(delta) - 1))
    fit = tuning.fit_direction(curve[None], D)
    error = (fit.preferred_direction_deg[0] - direction + 180) % 360 - 180
    assert abs(error) < 1.5
    turned = tuning.fit_direction(np.roll(curve, 3)[None], D)  # a turned curve has the same indices
    np.testing.assert_allclose([turned.osi, turned.dsi], [fit.osi, fit.dsi], atol=0.06)


def test_a_dip_is_not_a_preference():
    delta = np.deg2rad(D - 30)
    curve = 2 - np.exp(6 * (np.cos(delta) - 1)) - np.exp(6 * (-np.cos(delta) - 1))
    fit = tuning.fit_direction(curve[None], D)
    assert fit.osi[0] >= 0
    away = (fit.preferred_direction_deg[0] - 30) % 180
    assert abs(away - 90) < 25


def test_known_indices():
    delta = np.deg2rad(D - 45)
    curve = 1 + np.cos(delta)  # 2 ahead, 1 aside, 0 behind
    fit = tuning.fit_direction(curve[None], D)
    np.testing.assert_allclose([fit.dsi[0], fit.osi[0]], [1.0, 1 / 3], atol=0.03)
    assert abs(tuning.circular_variance(curve[None], D, period_deg=360)[0] - 0.5) < 1e-9


def test_separability_and_speed():
    s = t = 2.0 ** np.arange(8)
    product = np.exp(-((np.log2(s) - 3) ** 2))[:, None] * np.exp(-((np.log2(t) - 4) ** 2))
    speed = np.exp(-((np.log2(t) - np.log2(s)[:, None]) ** 2) - 0.2 * (np.log2(s)[:, None] - 3.5) ** 2)
    np.testing.assert_allclose(tuning.separability(np.stack([product, speed])), [1.0, 0.55], atol=0.1)
    np.testing.assert_allclose(tuning.speed_slope(np.stack([product, speed]), s, t), [0.0, 1.0], atol=0.12)


@given(c50=st.floats(8, 50), n=st.floats(1.2, 4))
def test_naka_rushton(c50, n):
    c = np.array([0, 3, 6, 12, 25, 50, 75, 100.0])
    curve = 0.3 + 2 * c**n / (c**n + c50**n)
    fit = tuning.naka_rushton(curve[None], c)
    assert abs(fit["c50_percent"][0] / c50 - 1) < 0.06
    assert abs(fit["exponent"][0] - n) < 0.25
    assert fit["r2"][0] > 0.999


def test_permutation_test_has_its_nominal_rate_and_sees_tuning():
    rng = np.random.default_rng(0)
    condition = np.repeat(np.arange(20), 4)
    noise = rng.standard_normal((80, 1000))
    p = condition_test(noise, condition, n_permutations=200, seed=0)
    low, high = scipy.stats.binom.interval(0.999, 1000, 0.05)
    assert low <= (p <= 0.05).sum() <= high
    tuned = noise[:, :50] + rng.standard_normal((20, 50))[condition]
    assert (condition_test(tuned, condition, n_permutations=200, seed=0) <= 0.05).mean() > 0.9


def test_permutations_within_strata_ignore_what_differs_between_them():
    rng = np.random.default_rng(1)
    condition = np.repeat(np.arange(20), 4)
    stratum = condition % 2
    x = rng.standard_normal((80, 400)) + 5 * stratum[:, None]
    p = condition_test(x, condition, stratum=stratum, n_permutations=200, seed=0)
    assert abs((p <= 0.05).mean() - 0.05) < 0.035


def test_shifts_and_exchanged_labels_agree():
    """A balanced design goes through cyclic shifts; one trial less, and labels are exchanged one permutation at a time."""
    rng = np.random.default_rng(2)
    condition = np.repeat(np.arange(24), 4)
    x = rng.standard_normal((96, 200)) + 0.45 * rng.standard_normal((24, 200))[condition]
    whole, less = condition_test(x, condition, n_permutations=400, seed=0), condition_test(x[1:], condition[1:], n_permutations=400, seed=0)
    assert np.corrcoef(np.log(whole), np.log(less))[0, 1] > 0.9
    assert abs((whole <= 0.05).mean() - (less <= 0.05).mean()) < 0.08


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tuning.fit_frequency(np.ones((2, 3)), [0.1, 0.2]), "shape"),
        (lambda: tuning.fit_frequency(np.ones((2, 2)), [0.1, 0.2]), "at least three"),
        (lambda: tuning.fit_frequency(np.full((2, 3), np.nan), [0.1, 0.2, 0.3]), "not finite in 2 of 2"),
        (lambda: tuning.fit_direction(np.ones((2, 4)), [0, 10, 20, 30]), "evenly spaced"),
        (lambda: tuning.fit_plane(np.ones((1, 5, 3)), np.arange(5) * 72.0, F[:3], **dict.fromkeys(START, np.zeros(1))), "even number"),
        (lambda: separable_fit(np.ones((2, 3)), None, np.ones((2, 1)), low=[0], high=[1]), "curve, group, x"),
        (lambda: tuning.naka_rushton(np.ones((2, 3)), [0, 50, 100]), "at least 4"),
        (lambda: condition_test(np.ones((4, 1)), np.arange(4), seed=0), "repeated trials"),
        (lambda: condition_test(np.ones((4, 1)), np.arange(3), seed=0), "one label a trial"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises(NumericsError, match=says):
        call()
