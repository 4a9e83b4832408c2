"""Our leading modes against all eigenvalues from LAPACK: is every returned one right, and none missed?

    python benchmarks/accuracy.py [n] [case ...]      # random trained non-normal near-defective; 4000 units by default

"within" is the largest distance of a returned value to its partner among LAPACK's leading ones, matched one to one, over the spectral radius.
On the near-defective operator LAPACK itself is off: there the eigenvalues are known by construction.  Times are CPU seconds of this process.
"""

import sys
import time
import warnings

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

import neurodyn as nd
from neurodyn.dynamics.linearise import ConvolutionOperator, dense
from neurodyn.errors import AccuracyWarning
from neurodyn.numerics import arnoldi


def random(n):
    return np.random.default_rng(0).standard_normal((n, n)) / np.sqrt(n)


def trained(n):
    """The trained kernel of a shipped CordsNet on a map of n units, gated as at a random state."""
    kernel = nd.load_model("cordsnet-digits").recurrent_kernel("area0").detach().double()
    side = int(np.sqrt(n / len(kernel)))
    gate = (torch.rand(len(kernel), side, side, generator=torch.Generator().manual_seed(0), dtype=torch.float64) > 0.4).double()
    return dense(ConvolutionOperator(kernel, (len(kernel), side, side), gate=gate)).numpy()


def non_normal(n, strength=3.0):
    """Eigenvalues spread over a disc in a basis far from orthogonal."""
    rng = np.random.default_rng(1)
    basis = np.eye(n) + strength * np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    radius, angle = np.sqrt(rng.random(n // 2)), np.pi * rng.random(n // 2)
    D = np.zeros((n, n))
    for i, (a, b) in enumerate(zip(radius * np.cos(angle), radius * np.sin(angle), strict=True)):
        D[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[a, -b], [b, a]]
    return np.linalg.solve(basis.T, (basis @ D).T).T


def near_defective(n, size=4, gap=1e-3):
    """Jordan blocks whose eigenvalues are parted by a little, hidden by a rotation: known values with conditions of 1e6 and more."""
    rng = np.random.default_rng(2)
    values = np.linspace(-0.5, 0.5, n)
    for k in range(3):
        values[size * k : size * (k + 1)] = 1 - 0.1 * k + gap * np.arange(size)
    A = np.diag(values)
    for k in range(3):
        for i in range(size - 1):
            A[size * k + i, size * k + i + 1] = 0.2
    turn = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return turn @ A @ turn.T, np.sort(values)[::-1].astype(complex)


def compare(name, A, truth=None, n_modes=100, **options):
    begin = time.process_time()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = arnoldi.leading_eigenpairs(A, n_modes, seed=0, **options)
    ours = time.process_time() - begin
    begin = time.process_time()
    truth = np.linalg.eigvals(A) if truth is None else truth
    theirs = time.process_time() - begin
    top = truth[np.argsort(-np.abs(truth), kind="stable")][: len(found.values)]
    gap = np.abs(top[:, None] - found.values[None, :])
    rows, columns = linear_sum_assignment(gap)
    radius = np.abs(truth).max()
    print(f"{name}: {len(A)} units, {len(found.values)} modes, {int(found.converged.sum())} converged, {found.n_matvecs} products")
    print(f"  within {gap[rows, columns].max() / radius:.1e} of the radius; largest residual {found.residuals.max() / radius:.1e}")
    if found.conditions is not None:
        error = gap[rows, columns]
        bound = 10 * found.conditions[columns] * np.maximum(found.residuals[columns], 1e-16 * len(A) ** 0.5 * radius)
        warned = any(issubclass(w.category, AccuracyWarning) for w in seen)
        print(f"  conditions up to {found.conditions.max():.1e}; error within 10 x condition x residual: {bool((error <= bound).all())}; warned: {warned}")
    print(f"  ours {ours:.0f} s, LAPACK {theirs:.0f} s", flush=True)


def main(n=4000, *cases):
    for case in cases or ("random", "trained", "non-normal", "near-defective"):
        if case == "near-defective":
            compare(case, *near_defective(n), n_modes=12, left=True)
        else:
            compare(case, {"random": random, "trained": trained, "non-normal": non_normal}[case](n), left=case == "non-normal")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000, *sys.argv[2:])
