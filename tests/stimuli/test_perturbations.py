"""Perturbations: what each does to pixels and spectra, seeds, and refusals."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import check_stimuli, make_stimuli
from neurodyn.stimuli.perturbations import KINDS, perturbations

NOTHING = {kind: 1.0 if kind == "contrast" else 0.0 for kind in KINDS}
STRONG = {"gaussian": 0.2, "uniform": 0.3, "salt_and_pepper": 0.3, "blur": 1.5, "contrast": 0.3, "occlusion": 5, "phase_noise": 90}


def pictures(n=3, size=16, low=0.3, high=0.7, channels=3):
    return make_stimuli(np.random.default_rng(0).uniform(low, high, (n, channels, size, size)))


@pytest.mark.parametrize("kind", list(KINDS))
def test_no_strength_changes_nothing(kind):
    np.testing.assert_allclose(perturbations(pictures(), kind, NOTHING[kind], seed=0).values, pictures().values, atol=1e-6)  # float32 after an FFT


@pytest.mark.parametrize("kind", list(KINDS))
def test_results_are_stimuli_and_do_not_depend_on_order_or_company(kind):
    whole = perturbations(pictures(), kind, STRONG[kind], seed=1)
    check_stimuli(whole)
    assert (whole.level == STRONG[kind]).all() and (whole.perturbation == kind).all()
    shuffled = perturbations(pictures().isel(presentation=[2, 0]), kind, STRONG[kind], seed=1)
    np.testing.assert_array_equal(shuffled.values, whole.values[[2, 0]])


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("blur", "contrast")])
def test_random_kinds_follow_the_seed_and_move_when_dynamic(kind):
    a, b = (perturbations(pictures(), kind, STRONG[kind], seed=s).values for s in (0, 1))
    assert not np.array_equal(a, b)
    movie = perturbations(pictures(), kind, STRONG[kind], seed=0, n_frames=3, frame_ms=2.0)
    assert movie.dims[1] == "frame" and movie.frame_start.values.tolist() == [0.0, 2.0, 4.0]
    np.testing.assert_array_equal(movie.values[:, 0], a)
    assert not np.array_equal(movie.values[:, 1], movie.values[:, 2])


def test_noise_has_the_spread_asked_for():
    grey = make_stimuli(np.full((4, 3, 64, 64), 0.5))
    assert perturbations(grey, "gaussian", 0.05, seed=0).std() == pytest.approx(0.05, rel=0.02)  # 49,152 draws: 3 sd of the sd is 1 %
    assert perturbations(grey, "uniform", 0.3, seed=0).std() == pytest.approx(0.3 / np.sqrt(3), rel=0.02)
    flipped = perturbations(grey, "salt_and_pepper", 0.2, seed=0).values
    changed = flipped != 0.5
    assert changed.mean() == pytest.approx(0.2, abs=0.01) and set(np.unique(flipped)) == {0.0, 0.5, 1.0}
    assert (changed.all(axis=1) == changed.any(axis=1)).all()  # all channels of a pixel at once


def test_more_salt_keeps_the_grains_there_are():
    less, more = (perturbations(pictures(), "salt_and_pepper", level, seed=0).values for level in (0.1, 0.3))
    grains = np.isin(less, (0, 1))
    np.testing.assert_array_equal(less[grains], more[grains])


def test_blur_of_a_grating_is_its_transfer_function():
    column = np.arange(64)
    grating = np.broadcast_to(0.5 + 0.4 * np.cos(2 * np.pi * column / 16), (1, 1, 64, 64))
    blurred = perturbations(make_stimuli(grating), "blur", 2.0, seed=0).values[0, 0, 32]
    amplitude = 2 * np.abs(np.fft.fft(blurred)[4]) / 64
    assert amplitude == pytest.approx(0.4 * np.exp(-2 * (np.pi * 2.0 / 16) ** 2), rel=0.02)  # the kernel is cut at 4 sd and edges reflect


def test_contrast_scales_the_deviation_from_the_mean():
    low = perturbations(pictures(), "contrast", 0.25, seed=0)
    np.testing.assert_allclose(low.std(("row", "column")), 0.25 * pictures().std(("row", "column")), rtol=1e-4)  # float32
    np.testing.assert_allclose(low.mean(("row", "column")), pictures().mean(("row", "column")), rtol=1e-5)


def test_occlusion_covers_one_square():
    bright = make_stimuli(np.ones((5, 3, 16, 16)))
    covered = perturbations(bright, "occlusion", 4, seed=0).values == 0.5
    assert (covered.sum(axis=(2, 3)) == 16).all() and (covered.any(axis=3).sum(axis=2) == 4).all()


def test_phase_noise_keeps_amplitudes_and_stays_real():
    before = pictures(low=0.45, high=0.55, channels=1)
    after = perturbations(before, "phase_noise", 180, seed=0)
    np.testing.assert_allclose(np.abs(np.fft.fft2(after.values)), np.abs(np.fft.fft2(before.values)), atol=1e-3)  # float32 sums of 256 pixels
    assert np.corrcoef((after - 0.5).values.ravel(), (before - 0.5).values.ravel())[0, 1] < 0.5


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 1000))
def test_everything_stays_in_range(kind, seed):
    values = perturbations(pictures(2, 8, 0.0, 1.0), kind, {**STRONG, "gaussian": 2.0}[kind], seed=seed).values
    assert values.min() >= 0 and values.max() <= 1 and np.isfinite(values).all()


def test_repetitions_get_their_own_noise():
    twice = make_stimuli(np.full((2, 1, 8, 8), 0.5), ["a", "a"], repetition=[0, 1])
    noisy = perturbations(twice, "gaussian", 0.1, seed=0).values
    assert not np.array_equal(noisy[0], noisy[1])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"kind": "gausian"}, ConfigError, "did you mean `gaussian`"),
        ({"level": -0.1}, ConfigError, "a standard deviation, 0 to 10"),
        ({"level": float("nan")}, ConfigError, "`level` is nan"),
        ({"kind": "contrast", "level": 1.5}, ConfigError, "a gain, 0 to 1"),
        ({"kind": "salt_and_pepper", "level": 2}, ConfigError, "a fraction of the pixels"),
        ({"kind": "occlusion", "level": 17}, ConfigError, "0 to 16"),
        ({"n_frames": 0}, ConfigError, "1 or more"),
        ({"level": 0.5, "clip": False}, SchemaError, "clip=True"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        perturbations(pictures(), **{"kind": "gaussian", "level": 0.1, "seed": 0, **arguments})


def test_leaving_the_range_names_the_presentations():
    with pytest.raises(SchemaError, match=r"leaves \[0, 1\] in 1 of 2 presentations \(first: b"):
        perturbations(make_stimuli(np.stack([np.full((1, 8, 8), 0.5), np.full((1, 8, 8), 1.0)]), ["a", "b"]), "gaussian", 0.01, seed=0, clip=False)


def test_movies_and_other_arrays_are_refused():
    with pytest.raises(SchemaError, match="images"):
        perturbations(perturbations(pictures(), "gaussian", 0.1, seed=0, n_frames=2), "blur", 1, seed=0)
    with pytest.raises(SchemaError, match="values in"):
        perturbations(xr.zeros_like(pictures()) + np.float32(2), "blur", 1, seed=0)
