"""The mixed model and the 2 x 2: closed forms for balanced data, statsmodels as an oracle, coverage, refusals."""

import numpy as np
import pytest

from neurodyn.errors import NumericsError
from neurodyn.numerics.factorial import EFFECTS, mixed_model, two_by_two

NAMES = list(EFFECTS)


def design(n=10, seed=0, cells=((0.0, 1.0), (0.5, 3.0)), block_sd=1.0, noise=0.5):
    generator = np.random.default_rng(seed)
    return np.asarray(cells)[None] + block_sd * generator.normal(size=(n, 1, 1)) + noise * generator.normal(size=(n, 2, 2))


def test_balanced_effects_are_means_of_contrasts_with_the_textbook_error():
    y = design()
    found = two_by_two(y, n_resamples=50, seed=0)
    flat = y.reshape(len(y), 4)
    np.testing.assert_allclose(found.estimate, flat.mean(0) @ np.array(list(EFFECTS.values())).T, rtol=1e-10)
    residual = flat - flat.mean(0) - flat.mean(1, keepdims=True) + flat.mean()
    variance = (residual**2).sum() / (9 * 3)
    error = np.sqrt(variance * (np.array(list(EFFECTS.values())) ** 2).sum(1) / 10)
    np.testing.assert_allclose(found.estimate / found.t, error, rtol=1e-4)  # the variance ratio is found to 1e-8 in its logarithm


def test_the_interaction_is_found_and_blocks_are_taken_out():
    y = design(block_sd=10.0, noise=0.1)
    found = two_by_two(y, n_resamples=200, seed=0)
    k = NAMES.index("interaction")
    assert found.low[k] < 1.5 < found.high[k] and found.p_value[k] < 1e-6
    assert found.estimate[NAMES.index("a at b1")] - found.estimate[NAMES.index("a at b0")] == pytest.approx(found.estimate[k], rel=1e-9)


def test_agrees_with_statsmodels():
    api = pytest.importorskip("statsmodels.api", exc_type=Exception)
    y = design(12, seed=3)
    x = np.random.default_rng(1).normal(size=y.shape)
    block = np.repeat(np.arange(12), 4)
    columns = np.column_stack([np.tile(np.eye(4), (12, 1)), x.ravel()])
    keep = np.random.default_rng(2).permutation(48)[:43]  # unbalanced
    ours = mixed_model(y.ravel()[keep], columns[keep], block[keep])
    oracle = api.MixedLM(y.ravel()[keep], columns[keep], block[keep]).fit(reml=True)
    np.testing.assert_allclose(ours.coefficients, oracle.fe_params, rtol=1e-4)  # optimisers stop at different points
    np.testing.assert_allclose(ours.standard_errors, oracle.bse_fe, rtol=1e-3)
    assert ours.block_variance == pytest.approx(float(np.asarray(oracle.cov_re).ravel()[0]), rel=1e-2)


def test_without_block_differences_it_is_least_squares():
    generator = np.random.default_rng(0)
    x = np.column_stack([np.ones(30), generator.normal(size=30)])
    y = x @ [1.0, 2.0] + generator.normal(size=30)
    y -= np.array([y[b::10] for b in range(10)]).mean(1)[np.arange(30) % 10] * 0.9  # blocks more alike than chance
    fitted = mixed_model(y, x, np.arange(30) % 10)
    assert fitted.block_variance == 0
    np.testing.assert_allclose(fitted.coefficients, np.linalg.lstsq(x, y, rcond=None)[0], rtol=1e-8)


def test_a_covariate_explains_what_it_should():
    generator = np.random.default_rng(0)
    clean = generator.normal(size=(12, 2, 2)) + np.array([[0, 1], [0, 3.0]])
    outcome = 2 * clean + 0.05 * generator.normal(size=clean.shape)
    raw, adjusted = two_by_two(outcome, n_resamples=100, seed=0), two_by_two(outcome, covariate=clean, n_resamples=100, seed=0)
    k = NAMES.index("a at b1")
    assert raw.estimate[k] > 2 and abs(adjusted.estimate[k]) < 0.1


def test_intervals_cover_and_null_effects_are_rarely_found():
    hits, alarms = 0, 0
    for seed in range(60):
        found = two_by_two(design(seed=seed, cells=((0, 0), (0, 0))), n_resamples=1, seed=0)
        hits += int(found.t_low[2] < 0 < found.t_high[2])
        alarms += int(found.p_value[2] < 0.05)
    assert hits >= 51 and alarms <= 9  # 60 draws at 95 %: 3 expected, 9 is 3.5 sd


def test_seeds_decide_the_bootstrap_alone():
    a, b, c = (two_by_two(design(), n_resamples=50, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(a.low, b.low)
    assert (a.low != c.low).any() and (a.estimate == c.estimate).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outcome": np.ones((2, 2, 2))}, "three blocks"),
        ({"outcome": np.ones((5, 4))}, r"\(block, 2, 2\)"),
        ({"outcome": np.where(np.arange(40).reshape(10, 2, 2) == 3, np.nan, 1.0)}, "1 missing values"),
        ({"covariate": np.ones((9, 2, 2))}, "the same shape"),
        ({"level": 1.5}, "a level in"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    arguments = {"outcome": design(), "seed": 0, "n_resamples": 5, **arguments}
    with pytest.raises(NumericsError, match=message):
        two_by_two(arguments.pop("outcome"), **arguments)


@pytest.mark.parametrize(
    ("y", "x", "block"),
    [
        (np.ones(4), np.ones((3, 1)), np.arange(4)),
        (np.full(4, np.nan), np.ones((4, 1)), np.arange(4)),
        (np.ones(4), np.ones((4, 2)), np.arange(4)),
    ],
)
def test_bad_designs_are_refused(y, x, block):
    with pytest.raises(NumericsError, match="mixed_model"):
        mixed_model(y, x, block)
