"""The linear classifier against scikit-learn's, and its information bound in closed form."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from neurodyn.errors import NumericsError
from neurodyn.numerics import discriminant


def classes(n=120, d=10, seed=0, gap=1.5):
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    return generator.normal(size=(n, d)) + gap * generator.normal(size=(3, d))[labels], labels


def test_posteriors_agree_with_scikit_learn():
    x, y = classes()
    ours = discriminant.fit(x, y, n_components=10)
    scores = PCA(10).fit_transform(x)
    index = np.searchsorted(ours.classes, y)
    means = np.stack([scores[y == c].mean(0) for c in range(3)])
    from sklearn.covariance import ledoit_wolf

    estimator = type("Fixed", (), {"fit": lambda self, z: self, "covariance_": ledoit_wolf(scores - means[index], assume_centered=True)[0]})()
    oracle = LinearDiscriminantAnalysis(solver="lsqr").fit(scores, y)
    oracle.covariance_ = estimator.covariance_
    coefficients = np.linalg.solve(oracle.covariance_, means.T)
    logits = scores @ coefficients - 0.5 * (means.T * coefficients).sum(0) + np.log(np.bincount(y) / len(y))
    expected = logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True)) - logits.max(1, keepdims=True)
    np.testing.assert_allclose(ours.log_probabilities(x), expected, atol=1e-4)  # a floor of 1e-8 on the covariance


def test_predictions_agree_with_scikit_learns_shrunken_discriminant():
    (x, y), (new, truth) = classes(), classes(seed=0)
    oracle = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(x, y)
    assert (discriminant.fit(x, y, n_components=10).predict(new) == oracle.predict(new)).mean() > 0.97  # shrinkage is estimated a little differently
    assert (oracle.predict(new) == truth).mean() > 0.8


def test_nested_fits_are_the_single_ones():
    x, y = classes(30, 60)
    for size, nested in zip((1, 3, 20), discriminant.fit_nested(x, y, (1, 3, 20)), strict=True):
        np.testing.assert_allclose(nested.log_probabilities(x), discriminant.fit(x, y, n_components=size).log_probabilities(x), atol=1e-6)


def test_activity_that_does_not_vary_gives_the_prior():
    decoder = discriminant.fit(np.ones((6, 4)), np.array([0, 0, 0, 0, 1, 1]))
    np.testing.assert_allclose(np.exp(decoder.log_probabilities(np.ones((1, 4))))[0], [2 / 3, 1 / 3])


def test_information_is_full_for_certainty_and_negative_for_confident_errors():
    logs = np.log(np.array([[1 - 1e-12, 1e-12], [1e-12, 1 - 1e-12]]))
    assert discriminant.information_bits(logs, np.array([0, 1]), np.array([0, 1])) == pytest.approx(1)
    assert discriminant.information_bits(logs, np.array([0, 1]), np.array([1, 0])) < -30


def test_folds_spread_classes_evenly_and_follow_the_seed():
    labels = np.repeat([0, 1, 2], [10, 20, 30])
    folds = discriminant.stratified_folds(labels, 5, seed=0)
    assert all(np.bincount(folds[labels == c]).tolist() == [n // 5] * 5 for c, n in ((0, 10), (1, 20), (2, 30)))
    assert not np.array_equal(folds, discriminant.stratified_folds(labels, 5, seed=1))


@pytest.mark.parametrize(
    ("x", "y", "n"), [(np.ones((4, 2)), np.zeros(4), 1), (np.ones((3, 2)), [0, 1, 1], 1), (np.ones((4, 2)), [0, 1], 1), (np.ones((4, 2)), [0, 0, 1, 1], 0)]
)
def test_bad_input_is_refused(x, y, n):
    with pytest.raises(NumericsError, match=r"discriminant\.fit"):
        discriminant.fit(x, np.asarray(y), n_components=n)


def test_more_folds_than_samples_are_refused():
    with pytest.raises(NumericsError, match="stratified_folds"):
        discriminant.stratified_folds(np.array([0, 0, 1]), 2, seed=0)
