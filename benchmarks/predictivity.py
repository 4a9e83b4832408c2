"""Our regressions and ceilings against Brain-Score's own classes at MajajHong2015's size: CPU seconds of one thread, ratios, and differences.

    python benchmarks/predictivity.py pls 1000        (features; also: ridge, ceiling, pls-bins, ridge-bins, pls-over-time, pls-exact)
    python benchmarks/predictivity.py pls 1000 --splits 2
    python benchmarks/predictivity.py all             (every case at its sizes; some minutes, most of them the peers')

2,560 images x 168 sites, 10 random splits of 90/10 in proportion to 64 objects.  Cases whose peer takes many minutes run it on one bin
or split and say so ("extrapolated").

Measured on one core of a shared machine (x86-64, OpenBLAS), ratio of CPU seconds, then the difference in the score and the largest over neuroids:

    ceiling, 3,200 images x 46 repeats     25.3 / 0.42 s    60x      2.1e-8   1.5e-7
    PLS, 1,000 features, one bin           29.1 / 0.69 s    42x      9.1e-11  4.8e-9
    ridge, 1,000 features, one bin          4.4 / 1.13 s    3.9x     2.5e-8   2.1e-7
    ridge, 1,000 features, 20 bins           96 / 7.7 s     12x      1.0e-8   1.8e-7    (peer: one bin, extrapolated)
"""

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")

import numpy as np


def data(features, n=2560, sites=168, seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, features)) * np.arange(1, features + 1) ** -0.5).astype(np.float32)
    signal = X @ rng.normal(size=(features, sites))
    Y = signal / signal.std(axis=0) + rng.normal(size=(n, sites))
    return X, Y.astype(np.float32)


def assembly(values, neuroids, objects=64):
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    n = len(values)
    coords = {
        "stimulus_id": ("presentation", [f"s{k:05d}" for k in range(n)]),
        "object_name": ("presentation", [f"o{k % objects:02d}" for k in range(n)]),
        "neuroid_id": ("neuroid", [f"{neuroids}{k}" for k in range(values.shape[1])]),
        "region": ("neuroid", ["IT"] * values.shape[1]),
    }
    return NeuroidAssembly(values, coords=coords, dims=["presentation", "neuroid"])


def timed(call):
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


def report(case, peer, peer_s, ours_s, differences, note=""):
    shown = ", ".join(f"{k} {v:.1e}" for k, v in differences.items())
    print(f"{case}: {peer} {peer_s:.1f} s, neurodyn {ours_s:.2f} s, ratio {peer_s / ours_s:.1f}; {shown}{note}", flush=True)


def regression(kind, features, splits):
    import brainscore_vision as bv

    from neurodyn.brainscore.acceleration import _fast_metric

    X, Y = data(features)
    source, target = assembly(X, "m"), assembly(Y, "n")
    metric = bv.load_metric(kind, crossvalidation_kwargs={"stratification_coord": "object_name", "splits": splits})
    fast, ours_s = timed(lambda: _fast_metric(metric)(source, target))
    library, peer_s = timed(lambda: metric(source, target))
    r = np.abs(fast.raw.transpose("split", "neuroid").values - library.raw.transpose("split", "neuroid").values)
    report(f"{kind}, {features} features, {splits} splits", "Brain-Score", peer_s, ours_s, {"score": abs(float(fast) - float(library)), "per neuroid": r.max()})


def ceiling(_, splits):
    import brainscore_vision as bv
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    from neurodyn.brainscore.acceleration import FastCeiling

    n, repeats, sites = 3200, 46, 168
    rng = np.random.default_rng(0)
    values = (np.tile(rng.normal(size=(n, sites)), (repeats, 1)) + 3 * rng.normal(size=(n * repeats, sites))).astype(np.float32)
    coords = {
        "stimulus_id": ("presentation", np.tile([f"s{k:05d}" for k in range(n)], repeats)),
        "object_name": ("presentation", np.tile([f"o{k % 64:02d}" for k in range(n)], repeats)),
        "repetition": ("presentation", np.repeat(np.arange(repeats), n)),
        "neuroid_id": ("neuroid", [f"n{k}" for k in range(sites)]),
        "region": ("neuroid", ["IT"] * sites),
    }
    recorded = NeuroidAssembly(values, coords=coords, dims=["presentation", "neuroid"])
    ceiler = bv.load_ceiling("internal_consistency")
    ceiler._consistency._cross_validation._split._split.n_splits = splits
    fast, ours_s = timed(FastCeiling(ceiler, recorded))
    library, peer_s = timed(lambda: ceiler(recorded))
    r = np.abs(fast.raw.transpose("split", "neuroid").values - library.raw.transpose("split", "neuroid").values)
    differences = {"ceiling": abs(float(fast) - float(library)), "per neuroid": r.max()}
    report(f"ceiling, {n} images x {repeats} repeats x {sites} sites, {splits} splits", "Brain-Score", peer_s, ours_s, differences)


def pls_bins(features, splits, n_bins=20):
    from sklearn.cross_decomposition import PLSRegression

    from neurodyn.numerics.crossval import make_splits
    from neurodyn.numerics.pls import pls_cv

    X, Y = (v.astype(float) for v in data(features))
    bins = np.stack([Y + np.random.default_rng(k).normal(size=Y.shape) for k in range(n_bins)], axis=2)
    parts = make_splits(len(X), n_splits=splits, kind="shuffle", labels=np.arange(len(X)) % 64, seed=1)
    ours, ours_s = timed(lambda: pls_cv(X, bins, parts, solver="nipals"))
    train, test = parts[0]
    want, peer_s = timed(lambda: PLSRegression(25, scale=False).fit(X[train], bins[train, :, 0]).predict(X[test]))
    note = " (peer: one split of one bin, extrapolated)"
    report(
        f"pls, {n_bins} bins, {features} features, {splits} splits",
        "scikit-learn",
        peer_s * splits * n_bins,
        ours_s,
        {"predictions": np.abs(want - ours.predictions[0][:, :, 0]).max()},
        note,
    )


def pls_over_time(features, splits, n_bins=20):
    from sklearn.cross_decomposition import PLSRegression

    from neurodyn.numerics.crossval import make_splits
    from neurodyn.numerics.pls import pls_cv

    X, Y = (v.astype(float) for v in data(features))
    rng = np.random.default_rng(1)
    X, Y = (np.concatenate([v + 0.3 * rng.normal(size=v.shape) for _ in range(n_bins)]) for v in (X, Y))
    n = len(X) // n_bins
    parts = make_splits(n, n_splits=splits, kind="shuffle", labels=np.arange(n) % 64, seed=1)
    rows = [tuple((np.arange(n_bins)[:, None] * n + part).ravel() for part in pair) for pair in parts]
    ours, ours_s = timed(lambda: pls_cv(X, Y, rows, solver="nipals"))
    train, test = rows[0]
    want, peer_s = timed(lambda: PLSRegression(25, scale=False).fit(X[train], Y[train]).predict(X[test]))
    note = " (peer: one split, extrapolated)"
    report(
        f"pls, one map over {n_bins} bins, {features} features, {splits} splits",
        "scikit-learn",
        peer_s * splits,
        ours_s,
        {"predictions": np.abs(want - ours.predictions[0]).max()},
        note,
    )


def ridge_bins(features, splits, n_bins=20):
    """Ridge with one penalty in 20 bins: Brain-Score fits each bin on its own."""
    import brainscore_vision as bv

    from neurodyn.numerics.crossval import make_splits
    from neurodyn.numerics.ridge import ridge_cv

    X, Y = data(features)
    bins = np.stack([Y + np.random.default_rng(k).normal(size=Y.shape).astype(np.float32) for k in range(n_bins)], axis=2)
    parts = make_splits(len(X), n_splits=splits, kind="shuffle", labels=np.arange(len(X)) % 64, seed=1)
    ours, ours_s = timed(lambda: ridge_cv(X, bins, parts, alphas=[1.0]))
    metric = bv.load_metric("ridge", crossvalidation_kwargs={"stratification_coord": "object_name", "splits": splits})
    target = assembly(bins[:, :, 0], "n")
    rows = [(np.asarray(a), np.asarray(b)) for a, b in metric.cross_validation._split.build_splits(target)[1]]
    first = ridge_cv(X, bins[:, :, :1], rows, alphas=[1.0])
    library, peer_s = timed(lambda: metric(assembly(X, "m"), target))
    order = np.argsort(np.asarray([f"n{k}" for k in range(Y.shape[1])]))
    r = np.abs(first.r[:, order, 0] - library.raw.transpose("split", "neuroid").values)
    note = " (peer: one bin, extrapolated)"
    differences = {"score": abs(np.median(first.r[:, :, 0], axis=1).mean() - float(library)), "per neuroid": r.max()}
    report(f"ridge, {n_bins} bins, {features} features, {splits} splits", "Brain-Score", peer_s * n_bins, ours_s, differences, note)
    assert ours.r.shape == (splits, Y.shape[1], n_bins)


def pls_exact(features, splits):
    """The converged solver against scikit-learn's loop, and against ikpls where it is installed."""
    from sklearn.cross_decomposition import PLSRegression

    from neurodyn.numerics.crossval import make_splits
    from neurodyn.numerics.pls import pls_cv

    X, Y = (v.astype(float) for v in data(features))
    parts = make_splits(len(X), n_splits=splits, kind="shuffle", labels=np.arange(len(X)) % 64, seed=1)
    ours, ours_s = timed(lambda: pls_cv(X, Y, parts))
    train, test = parts[0]
    want, peer_s = timed(lambda: PLSRegression(25, scale=False).fit(X[train], Y[train]).predict(X[test]))
    case = f"exact pls, {features} features, {splits} splits"
    note = " (peer: one split, extrapolated; it stops before it has converged)"
    report(case, "scikit-learn", peer_s * splits, ours_s, {"predictions": np.abs(want - ours.predictions[0]).max()}, note)
    try:
        from ikpls.numpy_ikpls import PLS
    except ImportError:
        print(f"{case}: ikpls is not installed", flush=True)
        return

    def peer():
        out = []
        for rows, held in parts:
            fitted = PLS(algorithm=1, scale_X=False, scale_Y=False)
            fitted.fit(X[rows], Y[rows], 25)
            out.append(fitted.predict(X[held], n_components=25))
        return out

    want, peer_s = timed(peer)
    worst = max(np.abs(a - b).max() for a, b in zip(want, ours.predictions, strict=True))
    report(case, "ikpls", peer_s, ours_s, {"predictions": worst})


ALL = (("pls", 1000), ("ceiling", 0), ("ridge", 1000), ("pls-over-time", 1000), ("pls-bins", 1000), ("ridge-bins", 1000), ("pls-exact", 1000))
ALL += (("ridge", 4096), ("pls", 4096), ("pls-exact", 4096), ("ridge-bins", 4096), ("pls-bins", 4096))

CASES = {
    "pls": lambda f, s: regression("pls", f, s),
    "ridge": lambda f, s: regression("ridge", f, s),
    "ceiling": ceiling,
    "pls-bins": pls_bins,
    "pls-over-time": pls_over_time,
    "ridge-bins": ridge_bins,
    "pls-exact": pls_exact,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=(*CASES, "all"))
    parser.add_argument("features", type=int, nargs="?", default=1000)
    parser.add_argument("--splits", type=int, default=10)
    options = parser.parse_args()
    for case, features in ALL if options.case == "all" else ((options.case, options.features),):
        CASES[case](features, options.splits)
