"""Leading eigenvalues against the published method, dense LAPACK and ARPACK; both sides in one run, read the ratios.

    python benchmarks/eigenspectra.py small        # the 10 channels on 10 x 10 case of the CordsNet paper
    python benchmarks/eigenspectra.py converged    # 100 converged modes of a 64 x 56 x 56 convolution
    python benchmarks/eigenspectra.py states       # many states at once against one by one
    python benchmarks/eigenspectra.py whole        # 100 modes of the whole-network Jacobian of CordsNet-R8, 752,640 units

Times are CPU seconds of this process, so that other work on the machine counts less.
"""

import resource
import sys

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse.linalg import LinearOperator, eigs
from timing import timed

from neurodyn.dynamics.linearise import ConvolutionOperator, dense, jacobian
from neurodyn.numerics import arnoldi


def kernel(channels, seed=0):
    """PyTorch's default initialisation of a 3 x 3 convolution."""
    g = torch.Generator().manual_seed(seed)
    return (torch.rand(channels, channels, 3, 3, generator=g) * 2 - 1) / (9 * channels) ** 0.5


def within(found, truth, n, tol):
    """How many of the n leading true eigenvalues have a found one within tol of the radius, matched one to one."""
    top = truth[np.argsort(-np.abs(truth))][:n]
    gap = np.abs(top[:, None] - found[None, :])
    rows, columns = linear_sum_assignment(gap)
    return int((gap[rows, columns] < tol * np.abs(truth).max()).sum())


def published(product, shape, n_steps, n_sweeps):
    """The method as the paper's code is described: float32 Arnoldi, one Gram-Schmidt pass vector by vector, unshifted QR sweeps."""
    q = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    basis, H = [q / q.norm()], torch.zeros(n_steps + 1, n_steps)
    for k in range(n_steps):
        v = product(basis[k])
        for j in range(k + 1):
            H[j, k] = (basis[j] * v).sum()
            v = v - H[j, k] * basis[j]
        H[k + 1, k] = v.norm()
        basis.append(v / H[k + 1, k])
    A = H[:n_steps]
    for _ in range(n_sweeps):
        Q, R = torch.linalg.qr(A)
        A = R @ Q
    return torch.linalg.eigvals(A).numpy()


def small():
    W = kernel(10)
    op = ConvolutionOperator(W, (10, 10, 10))
    truth = np.linalg.eigvals(dense(ConvolutionOperator(W.double(), (10, 10, 10))).numpy())
    arnoldi.leading_eigenpairs(op, 100, tol=1e-5, seed=0, filter_degree=4)  # load what is loaded once
    ours, a = timed(lambda: arnoldi.leading_eigenpairs(op, 100, tol=1e-5, seed=0, filter_degree=4, vectors=False), 3)
    product = lambda x: op.block(x.reshape(1, -1)).reshape(x.shape)  # noqa: E731
    theirs, b = timed(lambda: published(product, (10, 10, 10), 300, 5000))
    quick, c = timed(lambda: published(product, (10, 10, 10), 300, 0))
    lapack, d = timed(lambda: np.linalg.eigvals(dense(op).numpy()))
    print("100 leading modes, 10 channels on 10 x 10, 3 x 3 kernel, float32, tol 1e-5")
    print(f"  ours                     {a:7.3f} s   {within(ours.values, truth, 100, 1e-5)} of 100 within 1e-5, {ours.n_matvecs} products")
    print(f"  published, 5000 sweeps   {b:7.3f} s   {within(theirs, truth, 100, 1e-5)} of 100   ratio {b / a:.1f}")
    print(f"  published, no sweeps     {c:7.3f} s   {within(quick, truth, 100, 1e-5)} of 100   ratio {c / a:.1f}")
    print(f"  dense LAPACK             {d:7.3f} s   {within(lapack, truth, 100, 1e-5)} of 100   ratio {d / a:.1f}")


def converged(n_modes=100):
    shape = (64, 56, 56)
    op = ConvolutionOperator(kernel(64), shape)
    n = op.shape[0]
    print(f"{n_modes} converged modes, {shape}, {n} units, float32, tol 1e-5")
    found, base = {}, None
    for name, options in {"krylov-schur": {}, "filtered, degree 4": {"filter_degree": 4}}.items():
        pairs, t = timed(lambda options=options: arnoldi.leading_eigenpairs(op, n_modes, tol=1e-5, seed=0, vectors=False, **options))
        found[name] = (pairs.values, t)
        print(f"  {name:22s} {t:7.1f} s  {pairs.n_matvecs} products, worst residual {pairs.residuals.max() / np.abs(pairs.values).max():.1e}", flush=True)
    count = [0]

    def product(v):
        count[0] += 1
        return op.matvec(torch.from_numpy(np.ascontiguousarray(v, np.float32))).numpy()

    v0 = np.random.default_rng(0).standard_normal(n).astype(np.float32)
    theirs, base = timed(lambda: eigs(LinearOperator((n, n), matvec=product, dtype=np.float32), k=n_modes, ncv=2 * n_modes + 1, tol=1e-5, v0=v0))
    radius = np.abs(theirs[0]).max()
    residual = max(np.linalg.norm(product(v.real) + 1j * product(v.imag) - x * v) for x, v in zip(theirs[0], theirs[1].T, strict=True))
    print(f"  ARPACK                 {base:7.1f} s  {count[0]} products, worst residual {residual / radius:.1e}")
    for name, (values, t) in found.items():
        print(f"  {name}: {base / t:.2f} x ARPACK; {within(values, theirs[0], n_modes - 2, 1e-4)} of ARPACK's {n_modes - 2} leading values agree")


def states(n_states=16, n_modes=8):
    g = torch.Generator().manual_seed(0)
    W = kernel(8).double()
    gates = (torch.rand(n_states, 8 * 12 * 12, generator=g, dtype=torch.float64) > 0.5).double()
    many = ConvolutionOperator(W, (8, 12, 12), gate=gates)
    arnoldi.leading_eigenpairs(many.row(0), n_modes, seed=0)
    together, a = timed(lambda: arnoldi.leading_eigenpairs_many(many, n_modes, seed=0), 3)
    alone, b = timed(lambda: [arnoldi.leading_eigenpairs(many.row(i), n_modes, seed=0) for i in range(n_states)], 3)
    gap = max(np.abs(x.values - y.values).max() for x, y in zip(together, alone, strict=True))
    print(f"{n_states} states of {many.shape[0]} units, {n_modes} modes: together {a:.2f} s, one by one {b:.2f} s, ratio {b / a:.2f}")
    print(f"  largest difference {gap:.1e}")


def whole(n_modes=100, depth=8):
    from neurodyn.architectures import cordsnet
    from neurodyn.dynamics.components import components
    from neurodyn.numerics.diagonal_blocks import leading_of_blocks

    model = cordsnet.build(cordsnet.Config(depth=depth, n_classes=1000, image_size=224), seed=0)
    with torch.no_grad():
        drive = model.encode(torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
        state = model.initial_state(drive)
        for _ in range(40):
            state = model.step(state, drive)
    parts, finding = timed(lambda: components(model, state, drive))
    blocks, floor = [jacobian(model, state, drive, layers=part) for part in parts], []
    print(f"  {len(parts)} blocks, found in {finding:.1f} s: {', '.join('+'.join(part.keys) for part in parts)}", flush=True)

    def solve(i, k, above):
        degree = 8 if blocks[i].shape[0] > 60_000 else 1  # as neurodyn.analysis.eigenspectrum chooses
        options = {"tol": 1e-5, "seed": 0, "vectors": False, "filter_degree": degree, "above": above}
        pairs, t = timed(lambda: arnoldi.leading_eigenpairs(blocks[i], k, **options))
        v = torch.randn(blocks[i].shape[1])
        floor.append(pairs.n_matvecs * timed(lambda: blocks[i].matvec(v), 5)[1])
        print(
            f"  {'+'.join(parts[i].keys)}, {blocks[i].shape[0]} units: {int(pairs.converged.sum())} of {len(pairs.values)} modes with moduli above "
            f"{max(above, 0):.6f} converged, {pairs.n_matvecs} products ({floor[-1]:.0f} s), {t:.0f} s; {np.abs(pairs.values[0]):.6f} .. "
            f"{np.abs(pairs.values[-1]):.6f}",
            flush=True,
        )
        return [pairs]

    [(pairs, owner)], t = timed(lambda: leading_of_blocks(solve, [b.shape[0] for b in blocks], n_modes, tol=1e-5))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"CordsNet-R{depth} (random weights), whole-network Jacobian, {sum(b.shape[0] for b in blocks)} units, {n_modes} modes, float32, tol 1e-5")
    print(f"  {t:.0f} CPU s, {pairs.n_matvecs} products with the blocks (their sum, the floor: {sum(floor):.0f} s), peak memory {peak:.1f} GiB")
    print(f"  {int(pairs.converged.sum())} of {len(pairs.values)} converged, worst residual {pairs.residuals.max() / np.abs(pairs.values).max():.1e}")
    print(f"  moduli {np.abs(pairs.values[0]):.6f} .. {np.abs(pairs.values[-1]):.6f}; of each block: {np.bincount(owner, minlength=len(blocks)).tolist()}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"small": small, "converged": converged, "states": states, "whole": whole}[sys.argv[1] if len(sys.argv) > 1 else "small"]()
