import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.model_selection import KFold, StratifiedShuffleSplit

from neurodyn.errors import ConfigError, ConvergenceWarning, NumericsError
from neurodyn.numerics import pls, ridge
from neurodyn.numerics.correlation import explained_variance, pearson, spearman
from neurodyn.numerics.crossval import make_splits
from neurodyn.numerics.pls import pls_cv
from neurodyn.numerics.ridge import ridge_cv

ALPHAS = np.logspace(-2, 4, 7)


def data(n=120, p=40, q=6, seed=0, shift=3.0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * np.arange(1, p + 1) ** -0.5 + shift
    Y = X @ rng.normal(size=(p, q)) * 0.3 + rng.normal(size=(n, q))
    return X, Y


# --- splits


def test_splits_are_scikit_learns():
    labels = np.repeat(np.arange(8), 15)
    want = StratifiedShuffleSplit(10, train_size=0.9, random_state=1).split(np.zeros(120), labels)
    for (a, b), (c, d) in zip(make_splits(120, kind="shuffle", labels=labels, seed=1), want, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    for (_, b), (_, d) in zip(make_splits(120, n_splits=5, seed=3), KFold(5, shuffle=True, random_state=3).split(np.zeros(120)), strict=True):
        np.testing.assert_array_equal(b, d)


@pytest.mark.parametrize("kind", ["kfold", "shuffle"])
def test_groups_are_never_on_both_sides(kind):
    groups = np.random.default_rng(0).integers(12, size=100)
    for train, test in make_splits(100, n_splits=4, kind=kind, train_size=0.7, groups=groups, seed=0):
        assert not set(groups[train]) & set(groups[test])


# --- correlation


@given(st.floats(-3, 3), st.floats(0.1, 5))
def test_pearson_is_numpys_and_ignores_scale(shift, scale):
    X, Y = data()
    r = pearson(X[:, :6], Y)
    np.testing.assert_allclose(r, [np.corrcoef(X[:, k], Y[:, k])[0, 1] for k in range(6)], atol=1e-12)
    np.testing.assert_allclose(pearson(scale * X[:, :6] + shift, Y), r, atol=1e-10)


def test_constant_series_have_no_correlation():
    X, Y = data()
    X[:, 0] = 0.1
    assert np.isnan(pearson(X[:, :6], Y)[0])
    assert np.isnan(spearman(X[:, :6], Y)[0])
    assert np.isnan(explained_variance(Y[:, :6], X[:, :6])[0])
    assert explained_variance(Y, Y).min() == 1


# --- PLS


@pytest.mark.parametrize("p", [20, 90, 300])  # primal products, Gram matrix, more features than rows
@pytest.mark.parametrize("q", [1, 6])
def test_nipals_replays_scikit_learn(p, q):
    X, Y = data(p=p, q=q)
    splits = make_splits(120, n_splits=3, kind="shuffle", seed=1)
    got = pls_cv(X, Y, splits, n_components=12, solver="nipals")
    for k, (train, test) in enumerate(splits):
        want = PLSRegression(12, scale=False).fit(X[train], Y[train]).predict(X[test]).reshape(len(test), -1)
        np.testing.assert_allclose(got.predictions[k], want, atol=1e-9)
        np.testing.assert_allclose(got.r[k], pearson(want, Y[test]), atol=1e-9)


def test_nipals_stops_at_max_iter_as_scikit_learn_does():
    X, Y = data(q=20)
    splits = make_splits(120, n_splits=2, seed=0)
    with pytest.warns(ConvergenceWarning, match="max_iter=30"):
        got = pls_cv(X, Y, splits, n_components=10, solver="nipals", tol=1e-14, max_iter=30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        want = PLSRegression(10, scale=False, tol=1e-14, max_iter=30).fit(X[splits[0][0]], Y[splits[0][0]]).predict(X[splits[0][1]])
    np.testing.assert_allclose(got.predictions[0], want, atol=1e-8)


def test_exact_is_where_scikit_learn_converges_to():
    X, Y = data()
    splits = make_splits(120, n_splits=3, seed=0)
    got = pls_cv(X, Y, splits, n_components=8)
    for k, (train, test) in enumerate(splits):
        want = PLSRegression(8, scale=False, tol=1e-16, max_iter=100000).fit(X[train], Y[train]).predict(X[test])
        np.testing.assert_allclose(got.predictions[k], want, atol=2e-5)  # its iteration leaves about 1e-8 in the weights


def test_all_components_are_least_squares():
    X, Y = data(p=10)
    splits = make_splits(120, n_splits=3, seed=0)
    train, test = splits[0]
    A = np.c_[np.ones(len(train)), X[train]]
    want = np.c_[np.ones(len(test)), X[test]] @ np.linalg.lstsq(A, Y[train], rcond=None)[0]
    np.testing.assert_allclose(pls_cv(X, Y, splits, n_components=10).predictions[0], want, atol=1e-7)


def test_rank_deficient_features_end_early_and_duplicated_rows_are_no_matter():
    X, Y = data(p=4)
    X = np.c_[X, X @ np.ones((4, 6))]
    splits = make_splits(120, n_splits=3, seed=0)
    full = pls_cv(X, Y, splits, n_components=8)
    assert np.isfinite(full.r).all()
    np.testing.assert_allclose(full.predictions[0], pls_cv(X, Y, splits, n_components=4).predictions[0], atol=1e-5)


@pytest.mark.parametrize("fit", [lambda X, Y, s: pls_cv(X, Y, s, n_components=5), lambda X, Y, s: ridge_cv(X, Y, s, alphas=ALPHAS)])
def test_time_bins_are_fitted_apart_and_rows_may_come_in_any_order(fit, monkeypatch):
    X, Y = data()
    bins = np.stack([Y, Y**2, -Y], axis=2)
    splits = make_splits(120, n_splits=4, seed=0)
    together = fit(X, bins, splits)
    for b in range(3):
        np.testing.assert_allclose(together.predictions[1][:, :, b], fit(X, bins[:, :, b], splits).predictions[1], atol=1e-10)
    order = np.random.default_rng(1).permutation(120)
    place = np.argsort(order)
    moved = fit(X[order], bins[order], [(place[a], place[b]) for a, b in splits])
    np.testing.assert_allclose(moved.r, together.r, atol=1e-9)
    monkeypatch.setattr(pls, "_BYTES", 1)  # one bin at a time
    np.testing.assert_allclose(fit(X, bins, splits).r, together.r, atol=1e-10)
    assert together.out_of_fold(120).shape == (120, 6, 3)
    assert np.isfinite(together.out_of_fold(120)).all()


# --- ridge


@pytest.mark.parametrize("p", [15, 300])
@pytest.mark.parametrize("n_splits", [2, 10])  # one factorisation a split, one for all
@pytest.mark.parametrize("per_target", [True, False])
def test_ridge_cv_is_scikit_learns(p, n_splits, per_target):
    X, Y = data(p=p)
    splits = make_splits(120, n_splits=n_splits, seed=0)
    got = ridge_cv(X, Y, splits, alphas=ALPHAS, per_target=per_target)
    for k, (train, test) in enumerate(splits):
        model = RidgeCV(ALPHAS, alpha_per_target=per_target).fit(X[train], Y[train])
        np.testing.assert_array_equal(got.alpha[k], np.broadcast_to(model.alpha_, 6))
        np.testing.assert_allclose(got.predictions[k], model.predict(X[test]), atol=1e-9)


@pytest.mark.parametrize("p", [15, 60, 100, 300])  # few features, more than are held out, more than a fold trains on, more than there are rows
@pytest.mark.parametrize("alpha", [2.0, 1e-3])
def test_one_penalty_is_plain_ridge(p, alpha):
    X, Y = data(p=p)
    for splits in (make_splits(120, n_splits=4, seed=0), make_splits(120, n_splits=4, seed=0)[:1], make_splits(120, kind="shuffle", seed=1)):
        got = ridge_cv(X, Y, splits, alphas=[alpha])
        assert got.inner_error is None
        for k, (train, test) in enumerate(splits):
            np.testing.assert_allclose(got.predictions[k], Ridge(alpha, solver="svd").fit(X[train], Y[train]).predict(X[test]), atol=1e-8)


def test_one_feature_that_varies_among_many_is_as_that_feature_alone():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 1))
    X = np.concatenate([x, np.ones((60, 99))], axis=1)
    Y = x @ rng.normal(size=(1, 4)) + 0.3 * rng.normal(size=(60, 4)) + 5
    U, s2 = ridge.gram_basis(X)
    assert U.shape == (60, 1)
    np.testing.assert_allclose([U.sum(), s2[0]], [0, ((x - x.mean()) ** 2).sum()], atol=1e-10)
    for n_splits in (2, 5):  # one factorisation a split, one for all
        splits = make_splits(60, n_splits=n_splits, seed=0)
        got, want = (ridge_cv(features, Y, splits, alphas=ALPHAS) for features in (X, x))
        np.testing.assert_allclose(got.out_of_fold(60), want.out_of_fold(60), atol=1e-9)
        np.testing.assert_allclose(got.inner_error, want.inner_error, rtol=1e-8)


def test_constant_features_leave_the_mean():
    _, Y = data()
    splits = make_splits(120, n_splits=4, seed=0)
    for p in (60, 300):
        got = ridge_cv(np.ones((120, p)), Y, splits, alphas=[2.0])
        np.testing.assert_allclose(got.predictions[0], np.broadcast_to(Y[splits[0][0]].mean(axis=0), got.predictions[0].shape), atol=1e-9)


@pytest.mark.parametrize("n_splits", [2, 5])  # one factorisation a split, one for all
def test_the_inner_error_is_that_of_leaving_one_training_row_out(n_splits):
    X, Y = data(n=40, p=10)
    splits = make_splits(40, n_splits=n_splits, seed=0)
    got = ridge_cv(X, Y, splits, alphas=ALPHAS)
    train = splits[0][0]
    for q in range(6):
        model = Ridge(got.alpha[0, q])
        errors = [(model.fit(X[np.delete(train, k)], Y[np.delete(train, k), q]).predict(X[[row]])[0] - Y[row, q]) ** 2 for k, row in enumerate(train)]
        np.testing.assert_allclose(got.inner_error[0, q], np.mean(errors), rtol=1e-8)


def test_inner_groups_are_left_out_whole(monkeypatch):
    X, Y = data()
    groups = np.repeat(np.arange(30), 4)
    splits = make_splits(120, n_splits=5, groups=groups, seed=0)
    got = ridge_cv(X, Y, splits, alphas=ALPHAS, groups=groups)
    errors = np.zeros((7, 6))
    train = splits[0][0]
    for g in np.unique(groups[train]):
        inside, held = train[groups[train] != g], train[groups[train] == g]
        for a, alpha in enumerate(ALPHAS):
            errors[a] += ((Ridge(alpha).fit(X[inside], Y[inside]).predict(X[held]) - Y[held]) ** 2).sum(0)
    np.testing.assert_array_equal(got.alpha[0], ALPHAS[errors.argmin(0)])
    monkeypatch.setattr(ridge, "_LARGEST_SQUARE", 10)
    other = ridge_cv(X, Y, splits, alphas=ALPHAS, groups=groups)
    np.testing.assert_allclose(other.r, got.r, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda X, Y, s: pls_cv(X, Y, s, n_components=41), NumericsError, "expected: 1 to 40"),
        (lambda X, Y, s: pls_cv(X, Y, s, n_components=0), NumericsError, "fix: n_components=25"),
        (lambda X, Y, s: pls_cv(X, Y, s, solver="nipal"), ConfigError, "did you mean `nipals`"),
        (lambda X, Y, s: pls_cv(np.where(X[0, 3] == X, np.nan, X), Y, s), NumericsError, r"1 columns \(first: 3\)"),
        (lambda X, Y, s: ridge_cv(X, Y[:-1], s), NumericsError, "119, 6"),
        (lambda X, Y, s: ridge_cv(X, Y, []), NumericsError, "fix: make_splits"),
        (lambda X, Y, s: ridge_cv(X, Y, [(np.arange(120), np.arange(3))]), NumericsError, "shares 3"),
        (lambda X, Y, s: ridge_cv(X, Y, s, alphas=[0.0]), NumericsError, "above 0"),
        (lambda X, Y, s: ridge_cv(X, Y, s, groups=np.zeros(4)), NumericsError, "4 groups"),
        (lambda X, Y, s: ridge_cv(X.ravel(), Y, s), NumericsError, "row, feature"),
        (lambda X, Y, s: make_splits(5, n_splits=10, seed=0), NumericsError, "fix: n_splits=5"),
        (lambda X, Y, s: make_splits(20, kind="shuffle", labels=np.arange(20) // 2, seed=0), NumericsError, "fix: labels=None"),
        (lambda X, Y, s: make_splits(20, kind="fold", seed=0), ConfigError, "did you mean `kfold`"),
        (lambda X, Y, s: make_splits(20, labels=[1], seed=0), NumericsError, "1 labels for 20"),
        (lambda X, Y, s: pearson(X, Y), NumericsError, "equal shapes"),
    ],
)
def test_bad_input(call, error, match):
    X, Y = data()
    with pytest.raises(error, match=match):
        call(X, Y, make_splits(120, n_splits=3, seed=0))
