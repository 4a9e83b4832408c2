"""Comparing RDMs: rsatoolbox 0.2.0 against ours; both sides in one run, read the ratios.

    pip install --no-deps --target peers rsatoolbox==0.2.0 scikit-image lazy-loader
    PYTHONPATH=peers python benchmarks/geometry.py [n_conditions]

Times are CPU seconds of this process.
"""

import sys

import numpy as np
import torch
from rsatoolbox.rdm import RDMs, compare
from scipy.spatial import procrustes as scipy_procrustes
from timing import timed

from neurodyn.numerics import geometry


def rdms(n):
    rng = np.random.default_rng(0)
    A, B = (geometry.rdm(rng.standard_normal((2, n, 50)), method="euclidean") for _ in range(2))
    theirs = [RDMs(A, dissimilarity_measure="euclidean"), RDMs(B, dissimilarity_measure="euclidean")]
    print(f"comparing 2 x 2 RDMs of {n} conditions")
    for ours, peer in (("cosine", "cosine"), ("pearson", "corr"), ("spearman", "spearman"), ("whitened_cosine", "cosine_cov")):
        if ours == "whitened_cosine" and n > 1000:
            continue  # the peer forms a matrix of pairs by conditions: 30 GiB for 2,000 of them
        mine, a = timed(lambda ours=ours: geometry.compare_rdms(A, B, method=ours), 3)
        other, b = timed(lambda peer=peer: compare(*theirs, method=peer))
        print(
            f"  {ours:16s} ours {1e3 * a:8.1f} ms, rsatoolbox {1e3 * b:8.1f} ms, ratio {b / a:5.1f}, largest difference {np.abs(mine - other).max():.1e}",
            flush=True,
        )


def alignment(n=500, units=2000):
    rng = np.random.default_rng(1)
    X, Y = rng.standard_normal((2, n, units))
    mine, a = timed(lambda: geometry.procrustes(X, Y))
    other, b = timed(lambda: scipy_procrustes(X, Y)[2])
    print(f"Procrustes of {n} x {units}: ours {a:.2f} s, scipy {b:.2f} s, ratio {b / a:.1f}, difference {abs(mine - other):.1e}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    rdms(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    alignment()
