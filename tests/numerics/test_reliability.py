import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics.reliability import _noncentral_f_cdf, explainable_variance, spearman_brown, split_half_ceiling


def responses(n=300, repeats=8, snr=1.0, q=5, seed=0, ragged=False):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n, 1, q)) * np.sqrt(snr)
    values = signal + rng.normal(size=(n, repeats, q))
    if ragged:
        values[rng.random((n, repeats)) < 0.3] = np.nan
        values[:, :2] = np.where(np.isnan(values[:, :2]), 0.5, values[:, :2])
    return values


@pytest.mark.parametrize("snr", [0.1, 1.0])
@pytest.mark.parametrize("halves", ["stimulus", "repeat"])
def test_ceiling_is_the_reliability_of_the_mean(snr, halves):
    c = split_half_ceiling(responses(n=4000, snr=snr), seed=0, halves=halves)
    assert np.abs(c.per_target - snr / (snr + 1 / 8)).max() < 0.04  # the standard error is about 0.015 at the lower ratio
    assert c.per_split.shape == (10, 5)


def test_a_perfect_model_reaches_the_root_of_the_ceiling():
    rng = np.random.default_rng(1)
    signal = rng.normal(size=(4000, 1, 1))
    values = signal + rng.normal(size=(4000, 4, 1))
    c = split_half_ceiling(values, seed=0).per_target[0]
    r = np.corrcoef(signal[:, 0, 0], values.mean(axis=1)[:, 0])[0, 1]
    assert abs(r**2 / c - 1) < 0.03


def test_ragged_repeats_lose_nothing():
    ragged = responses(ragged=True, n=2000)
    c = split_half_ceiling(ragged, seed=0)
    assert c.n_stimuli == 2000
    mean_n = 1 / np.mean(1 / np.isfinite(ragged[:, :, 0]).sum(1))
    assert abs(c.score - 1 / (1 + 1 / mean_n)) < 0.05
    ragged[:5, 1:] = np.nan
    assert split_half_ceiling(ragged, seed=0).n_stimuli == 1995


def test_time_is_carried_and_order_is_no_matter():
    values = np.stack([responses(seed=k) for k in range(3)], axis=3)
    c = split_half_ceiling(values, seed=0, halves="repeat")
    assert c.per_target.shape == (5, 3)
    for t in range(3):
        np.testing.assert_allclose(c.per_target[:, t], split_half_ceiling(values[..., t], seed=0, halves="repeat").per_target, atol=1e-12)
    np.testing.assert_allclose(split_half_ceiling(values[::-1], seed=0, halves="repeat").per_target, c.per_target, atol=1e-12)


@given(st.floats(0.1, 10), st.floats(-5, 5))
def test_scale_is_no_matter(scale, shift):
    values = responses(n=40)
    np.testing.assert_allclose(split_half_ceiling(scale * values + shift, seed=0).per_target, split_half_ceiling(values, seed=0).per_target, atol=1e-9)
    np.testing.assert_allclose(explainable_variance(scale * values + shift).fraction, explainable_variance(values).fraction, atol=1e-9)


def test_explainable_variance_agrees_with_the_ceiling():
    values = responses(n=3000, snr=0.5)
    np.testing.assert_allclose(explainable_variance(values).fraction, split_half_ceiling(values, seed=0, n_splits=30).per_target, atol=0.03)


def test_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=60)
    truth = signal.var(ddof=1) / (signal.var(ddof=1) + 1 / 6)
    draws = signal[:, None, None] + rng.normal(size=(60, 6, 200))
    ev = explainable_variance(draws)
    covered = ((ev.low <= truth) & (truth <= ev.high)).sum()
    assert 184 <= covered <= 196  # 92-98 % of 200; an exact interval falls outside with probability 0.04, the seed is fixed
    assert abs(ev.fraction.mean() - truth) < 0.01


@pytest.mark.parametrize(("df1", "df2", "noncentrality"), [(30, 60, 20.0), (99, 300, 150.0), (59, 300, 60.0)])
def test_noncentral_f_is_scipys(df1, df2, noncentrality):
    f = scipy.stats.ncf.ppf([0.025, 0.5, 0.975], df1, df2, noncentrality)
    np.testing.assert_allclose([_noncentral_f_cdf(x, df1, df2, noncentrality) for x in f], [0.025, 0.5, 0.975], atol=2e-3)


def test_no_signal_reaches_zero():
    ev = explainable_variance(np.random.default_rng(0).normal(size=(50, 4, 20)))
    assert (ev.low == 0).mean() > 0.8
    assert abs(ev.fraction.mean()) < 0.15


def test_spearman_brown_by_hand():
    np.testing.assert_allclose(spearman_brown(np.array([0.0, 0.5, 1.0]), 3), [0, 0.75, 1])


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda v: split_half_ceiling(v[:, :1], seed=0), NumericsError, "fix: a recording with repeats"),
        (lambda v: split_half_ceiling(v[:2], seed=0), NumericsError, "2 stimuli"),
        (lambda v: split_half_ceiling(v[:, :, 0], seed=0), NumericsError, "stimulus, repeat, target"),
        (lambda v: split_half_ceiling(np.where(v == v[0, 0, 1], np.nan, v), seed=0), NumericsError, r"1 targets but not in others \(first: 1\)"),
        (lambda v: split_half_ceiling(np.where(v == v[0, 0, 1], np.inf, v), seed=0), NumericsError, "infinity"),
        (lambda v: split_half_ceiling(v, seed=0, halves="half"), ConfigError, "unknown halves"),
        (lambda v: split_half_ceiling(v, seed=0, n_splits=0), NumericsError, "1 or more"),
        (lambda v: explainable_variance(v, level=2), NumericsError, "fix: level=0.95"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call(responses(n=20))


def test_a_half_without_repeats_is_named():
    values = responses(n=20, repeats=4)
    values[3, 1:] = np.nan
    with pytest.raises(NumericsError, match='fix: halves="stimulus"'):
        split_half_ceiling(values, seed=0, halves="repeat")
