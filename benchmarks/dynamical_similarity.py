"""Fitting the operators of dynamical similarity: dsa-metric against ours; both sides in one run, read the ratio.

    pip install dsa-metric
    python benchmarks/dynamical_similarity.py

20 trials of 200 time points and 50 units, 10 delays, rank 50.  Times are CPU seconds of this process.
"""

import numpy as np
import torch
from DSA import DMD
from timing import timed

from neurodyn.numerics.delay_dmd import delay_operator


def trials(n_trials=20, n_times=200, n_units=50, seed=0):
    """A noisy linear system with slow rotations, seen through mixing weights."""
    rng = np.random.default_rng(seed)
    A = 0.97 * np.linalg.qr(rng.standard_normal((n_units, n_units)))[0]
    x = rng.standard_normal((n_trials, n_units))
    path = []
    for _ in range(n_times):
        x = x @ A.T + 0.1 * rng.standard_normal(x.shape)
        path.append(x)
    return np.stack(path, axis=1)


def theirs(X):
    fitted = DMD(X, n_delays=10, rank=50)
    fitted.fit()
    return fitted.A_v.numpy()


if __name__ == "__main__":
    torch.set_num_threads(1)
    X = trials()
    mine, a = timed(lambda: delay_operator(X, n_delays=10, rank=50), 5)
    other, b = timed(lambda: theirs(X), 5)
    values = [np.sort(np.abs(np.linalg.eigvals(M))) for M in (mine, other)]
    apart = np.abs(values[0] - values[1]).max()
    print(f"delay embedding and fit: ours {1e3 * a:.0f} ms, dsa-metric {1e3 * b:.0f} ms, ratio {b / a:.1f}, moduli differ by {apart:.1e}")
