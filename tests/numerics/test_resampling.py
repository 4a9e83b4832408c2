import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics.resampling import bootstrap_ci, hierarchical_bootstrap, holm, paired_difference, wilson


def test_mean_interval_is_the_normal_one():
    x = np.random.default_rng(0).normal(size=400)
    ci = bootstrap_ci(x, n_resamples=4000, seed=1)
    half = 1.96 * x.std() / 20
    assert abs((ci.high - ci.low) / 2 - half) < 0.05 * half  # 4,000 resamples give the quantiles to about 3 %


def test_same_as_scipy():
    x = np.random.default_rng(1).gamma(2, size=60)
    ci = bootstrap_ci(x, "median", n_resamples=3000, seed=0)
    want = scipy.stats.bootstrap((x,), np.median, n_resamples=3000, method="percentile", random_state=0, vectorized=True).confidence_interval
    assert abs(ci.low - want.low) < 0.08
    assert abs(ci.high - want.high) < 0.08


def test_leading_axes_share_resamples():
    x = np.random.default_rng(2).normal(size=(3, 50))
    together = bootstrap_ci(x, seed=5)
    for k in range(3):
        alone = bootstrap_ci(x[k], seed=5)
        assert together.low[k] == pytest.approx(alone.low, abs=1e-12)


def test_hierarchical_interval_holds_the_seed_variance():
    rng = np.random.default_rng(3)
    seeds = rng.normal(size=8)[:, None]
    values = seeds + 0.01 * rng.normal(size=(8, 100))
    wide, narrow = hierarchical_bootstrap(values, seed=0), bootstrap_ci(values.reshape(-1), seed=0)
    assert wide.high - wide.low > 5 * (narrow.high - narrow.low)
    items = np.tile(rng.normal(size=(1, 30)), (8, 1))
    crossed, nested = (hierarchical_bootstrap(items, seed=0, crossed=c) for c in (True, False))
    assert crossed.high - crossed.low > 2 * (nested.high - nested.low)  # shared items do not average out over rows


def test_paired_difference_sees_through_shared_variance():
    rng = np.random.default_rng(4)
    item = 10 * rng.normal(size=80)
    d = paired_difference(item + 0.5 + 0.1 * rng.normal(size=80), item, seed=0)
    assert d.low > 0.4
    assert d.p_value < 0.01
    same = paired_difference(item, item[::-1], seed=0)
    assert same.low < 0 < same.high
    assert same.p_value > 0.05
    assert paired_difference(item, item, seed=0).p_value == 1


def test_items_that_all_agree_still_leave_doubt():
    right = np.stack([np.ones(12), np.zeros(12), np.arange(12) % 2])
    ci = bootstrap_ci(right, seed=0, within=(0, 1))
    np.testing.assert_allclose([ci.low[0], ci.high[0], ci.low[1], ci.high[1]], [0.7575, 1.0, 0.0, 0.2425], atol=1e-4)  # Wilson's, from tables
    assert ci.low[2] == bootstrap_ci(right[2], seed=0).low
    networks = np.ones((5, 12))  # on twelve items: twelve, not sixty
    assert hierarchical_bootstrap(networks, seed=0, within=(0, 1)).low == pytest.approx(ci.low[0])
    assert hierarchical_bootstrap(networks, crossed=False, seed=0, within=(0, 1)).low == pytest.approx(wilson(1.0, 60)[0])


def test_only_the_caller_says_what_is_a_share():
    """Steps that are all 1, and differences that are all 0, look like answers that are all right or wrong."""
    for one in (bootstrap_ci(np.ones(12), seed=0), hierarchical_bootstrap(np.ones((2, 12)), seed=0)):
        assert (one.low, one.high) == (1.0, 1.0)
    assert (bootstrap_ci(np.zeros(12), seed=0).high, bootstrap_ci(np.ones(4), "median", seed=0).low) == (0.0, 1.0)


def test_differences_that_are_all_nought_may_go_either_way():
    for one in (bootstrap_ci(np.zeros(12), seed=0, within=(-1, 1)), hierarchical_bootstrap(np.zeros((3, 12)), seed=0, within=(-1, 1))):
        np.testing.assert_allclose([one.low, one.high], [-0.2425, 0.2425], atol=1e-4)
    half = bootstrap_ci(np.full(12, 0.5), seed=0, within=(0, 1))
    np.testing.assert_allclose([half.low, half.high], [0.5 - 0.2425 / 2, 0.5 + 0.2425 / 2], atol=1e-4)


@pytest.mark.parametrize("truth", [0.01, 0.05, 0.15])
def test_samples_without_a_rare_loss_do_not_rule_it_out(truth):
    lost = (np.random.default_rng(0).random((400, 20)) < truth).astype(float)
    none = (lost == 0).all(axis=1)
    ci = bootstrap_ci(lost[none], seed=0, n_resamples=50, within=(-1, 1))
    assert none.sum() > 10 and ((ci.low < 0) & (truth < ci.high) & (ci.high < 0.2)).all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.97, 1.0])
def test_wilson_is_scipys(share):
    want = scipy.stats.binomtest(round(share * 200), 200).proportion_ci(0.95, method="wilson")
    np.testing.assert_allclose(wilson(round(share * 200) / 200, 200), [want.low, want.high], atol=1e-12)


@given(st.floats(-5, 5), st.floats(0.1, 10))
def test_intervals_move_and_scale_with_the_data(shift, scale):
    x = np.random.default_rng(6).normal(size=20)
    a, b = bootstrap_ci(x, seed=0, n_resamples=50), bootstrap_ci(scale * x + shift, seed=0, n_resamples=50)
    np.testing.assert_allclose([b.low, b.high], scale * np.array([a.low, a.high]) + shift, atol=1e-9)


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.02, 0.03, 0.005]), [0.03, 0.04, 0.04, 0.02])
    assert holm([]).size == 0


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: bootstrap_ci([1.0, np.nan], seed=0), NumericsError, "1 of 2"),
        (lambda: bootstrap_ci([], seed=0), NumericsError, "at least one"),
        (lambda: bootstrap_ci([1.0], level=95, seed=0), NumericsError, "fix: level=0.95"),
        (lambda: bootstrap_ci([1.0], n_resamples=0, seed=0), NumericsError, "1 or more"),
        (lambda: bootstrap_ci([1.0], "men", seed=0), ConfigError, "did you mean `mean`"),
        (lambda: bootstrap_ci([1.0, 2.0], seed=0, within=(0, 1)), NumericsError, "reach from 1 to 2"),
        (lambda: bootstrap_ci([1.0], "median", seed=0, within=(0, 1)), NumericsError, "expected: the mean"),
        (lambda: hierarchical_bootstrap([1.0], seed=0), NumericsError, "seed, item"),
        (lambda: paired_difference([1.0], [1.0, 2.0], seed=0), NumericsError, "same items"),
        (lambda: wilson(1.2, 5), NumericsError, r"shares in \[0, 1\]"),
        (lambda: holm([0.1, 2]), NumericsError, r"\[0, 1\]"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
