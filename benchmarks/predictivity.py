"""Our regressions and ceilings against Brain-Score's own classes at MajajHong2015's size: CPU seconds of one thread, ratios, and differences.

    python benchmarks/predictivity.py                       (every case; about a quarter of an hour, most of it the peers')
    python benchmarks/predictivity.py "pls 1000" ceiling

2,560 images x 168 sites, 10 random splits of 90/10 in proportion to 64 objects.  Where the peer takes many minutes it runs on some of the bins or
splits, all of which cost the same, and its time is extrapolated; the report says so.  What was measured stands in results_predictivity.md.
"""

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("BS_INSTALL_DEPENDENCIES", "no")

import numpy as np
from timing import timed


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


def ceiling(splits):
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


def over_bins(X, Y, n_bins, seed=1):
    """Assemblies of several bins: the same features and sites with noise of their own in each."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

    rng = np.random.default_rng(seed)
    out = []
    for values, name, noise in ((X, "m", 0.3), (Y, "n", 1.0)):
        flat = assembly(values, name)
        several = np.stack([values + noise * rng.normal(size=values.shape).astype(np.float32) for _ in range(n_bins)], axis=2)
        coords = {
            k: (d, np.asarray(flat[k].values))
            for k, d in (("stimulus_id", "presentation"), ("object_name", "presentation"), ("neuroid_id", "neuroid"), ("region", "neuroid"))
        }
        coords |= {"time_bin_start": ("time_bin", 10 * np.arange(n_bins)), "time_bin_end": ("time_bin", 10 * np.arange(n_bins) + 10)}
        out.append(NeuroidAssembly(several, coords=coords, dims=["presentation", "neuroid", "time_bin"]))
    return out


def one_process():
    """Brain-Score spreads bins over processes, whose CPU seconds would not be counted."""
    from brainscore_vision.metric_helpers import xarray_utils

    xarray_utils.apply_over_dims.__kwdefaults__["njobs"] = 1


def per_bin(kind, features, splits, peer, n_bins=20):
    """A map for each of 20 bins; Brain-Score does `peer` of them, one after the other."""
    import brainscore_vision as bv

    from neurodyn.numerics.pls import pls_cv
    from neurodyn.numerics.ridge import ridge_cv

    X, Y = data(features)
    bins = np.stack([Y + np.random.default_rng(k).normal(size=Y.shape).astype(np.float32) for k in range(n_bins)], axis=2)
    metric = bv.load_metric(kind, crossvalidation_kwargs={"stratification_coord": "object_name", "splits": splits})
    rows = [(np.asarray(a), np.asarray(b)) for a, b in metric.cross_validation._split.build_splits(assembly(bins[:, :, 0], "n"))[1]]
    ours, ours_s = timed(lambda: pls_cv(X, bins, rows, solver="nipals") if kind == "pls" else ridge_cv(X, bins, rows, alphas=[1.0]))
    source, order = assembly(X, "m"), np.argsort(np.asarray([f"n{k}" for k in range(Y.shape[1])]))
    library, peer_s = timed(lambda: [metric(source, assembly(bins[:, :, b], "n")) for b in range(peer)])
    r = np.abs(ours.r[:, order, :peer] - np.stack([s.raw.transpose("split", "neuroid").values for s in library], axis=2)).max()
    score = max(abs(np.median(ours.r[:, :, b], axis=1).mean() - float(s)) for b, s in enumerate(library))
    note = "" if peer == n_bins else f" (peer: {peer} of {n_bins} bins in {peer_s:.1f} s, extrapolated)"
    report(
        f"{kind}, {n_bins} bins, {features} features, {splits} splits", "Brain-Score", peer_s * n_bins / peer, ours_s, {"score": score, "per neuroid": r}, note
    )


def pls_over_time(features, splits, peer, n_bins=20):
    """One map for 20 bins (spantime_pls); Brain-Score does the first `peer` splits, which do not depend on how many follow."""
    import brainscore_vision as bv

    from neurodyn.brainscore.acceleration import _fast_metric

    one_process()
    source, target = over_bins(*data(features), n_bins)
    options = {"stratification_coord": "object_name"}
    ours, theirs = (bv.load_metric("spantime_pls", crossvalidation_kwargs={**options, "splits": n}) for n in (splits, peer))
    fast, ours_s = timed(lambda: _fast_metric(ours)(source, target))
    library, peer_s = timed(lambda: theirs(source, target))
    a, b = (v.raw.transpose("split", "neuroid", "time_bin").values for v in (fast, library))
    score = np.abs(np.median(a[:peer], axis=1) - np.median(b, axis=1)).max()
    note = "" if peer == splits else f" (peer: {peer} of {splits} splits in {peer_s:.1f} s, extrapolated)"
    differences = {"score": score, "per neuroid": np.abs(a[:peer] - b).max()}
    report(f"pls, one map over {n_bins} bins, {features} features, {splits} splits", "Brain-Score", peer_s * splits / peer, ours_s, differences, note)


def ridge_nested(features, splits, peer):
    """The penalty of every neuroid chosen by leave-one-out on the training rows, from 19; scikit-learn does `peer` of the splits."""
    from sklearn.linear_model import RidgeCV

    from neurodyn.numerics.crossval import make_splits
    from neurodyn.numerics.ridge import ALPHAS, ridge_cv

    X, Y = (v.astype(float) for v in data(features))
    parts = make_splits(len(X), n_splits=splits, kind="shuffle", labels=np.arange(len(X)) % 64, seed=1)
    ours, ours_s = timed(lambda: ridge_cv(X, Y, parts))

    def library():
        out = []
        for train, test in parts[:peer]:
            fitted = RidgeCV(ALPHAS, alpha_per_target=True).fit(X[train], Y[train])
            out.append((fitted.alpha_, fitted.predict(X[test])))
        return out

    want, peer_s = timed(library)
    differences = {
        "share of other penalties": np.mean([(a != b).mean() for a, (b, _) in zip(ours.alpha[:peer], want, strict=True)]),
        "predictions": max(np.abs(a - b).max() for a, (_, b) in zip(ours.predictions[:peer], want, strict=True)),
    }
    note = "" if peer == splits else f" (peer: {peer} of {splits} splits in {peer_s:.1f} s, extrapolated)"
    report(f"ridge, nested penalties, {features} features, {splits} splits", "scikit-learn", peer_s * splits / peer, ours_s, differences, note)


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


ALL = {
    "pls 1000": lambda: regression("pls", 1000, 10),
    "pls 4096": lambda: regression("pls", 4096, 10),
    "ridge 1000": lambda: regression("ridge", 1000, 10),
    "ridge 4096": lambda: regression("ridge", 4096, 10),
    "ceiling": lambda: ceiling(10),
    "pls-over-time 1000": lambda: pls_over_time(1000, 10, peer=1),
    "pls-bins 1000": lambda: per_bin("pls", 1000, 10, peer=2),
    "pls-bins 4096": lambda: per_bin("pls", 4096, 10, peer=1),
    "ridge-bins 1000": lambda: per_bin("ridge", 1000, 10, peer=4),
    "ridge-bins 4096": lambda: per_bin("ridge", 4096, 10, peer=2),
    "ridge-nested 1000": lambda: ridge_nested(1000, 10, peer=3),
    "ridge-nested 4096": lambda: ridge_nested(4096, 10, peer=1),
    "pls-exact 1000": lambda: pls_exact(1000, 10),
    "pls-exact 4096": lambda: pls_exact(4096, 10),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of: {', '.join(ALL)}; all when none is named")
    for case in parser.parse_args().cases or ALL:
        ALL[case]()
