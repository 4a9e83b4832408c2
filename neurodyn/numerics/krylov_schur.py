"""The Krylov-Schur iteration: expand a Krylov space, keep the best of its real Schur form, and go on.

It is written as a generator that yields blocks of vectors and is sent their products, so that several iterations can be made in step.

References: Stewart 2001 (Krylov-Schur); Daniel, Gragg, Kaufman and Stewart 1976 (reorthogonalisation).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg

from neurodyn.errors import NumericsError
from neurodyn.numerics.eigen_order import ordering, ranked, threshold
from neurodyn.numerics.operators import Operator
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Plan", "Subspace", "drive", "krylov_schur"]

# How well the mode after the wanted ones must be known, from a fresh start, before the search ends.  Measured on operators built so that a start
# misses modes: one guard at 1e-3 of the radius misses none of what four at 1e-4 find, for 1.3 times the products of no search instead of 1.5.
GUARDS, GUARD_TOL = 1, 1e-3

Application = Generator["Tensor", "Tensor", "Subspace"]


@dataclass
class Subspace:
    """An approximately invariant subspace: A V = V T + remainder, rows of `basis` orthonormal."""

    basis: Tensor
    matrix: np.ndarray
    n_products: int
    exhausted: bool


@dataclass(frozen=True)
class Plan:
    """What is wanted, and the size of the space it is looked for in; see :func:`neurodyn.numerics.arnoldi.leading_eigenpairs`."""

    n_modes: int
    size: int
    block: int
    tol: float
    verify: bool
    max_products: int
    which: str
    degree: int = 1
    above: float = -np.inf

    @property
    def order(self) -> Callable[[np.ndarray], np.ndarray]:
        """The key by which eigenvalues are ranked."""
        return ordering(self.which)


def drive(block: Callable[[Tensor], Tensor], run: Application) -> Subspace:
    """Answer each request of an iteration with a product."""
    try:
        request = next(run)
        while True:
            request = run.send(block(request))
    except StopIteration as end:
        return end.value


def krylov_schur(op: Operator, plan: Plan, seed: int, start: Any, accept: Callable[[Tensor, Plan], Plan | None] | None = None) -> Application:
    """Iterate until the wanted Ritz values have converged; yields blocks of vectors and is sent their products.

    `accept` is shown the basis once the plan is fulfilled, or the products are spent, and returns a stricter plan to go on with, or None to end.
    """
    import torch

    n, b, m = op.n, plan.block, plan.size
    generator = torch_generator(seed, "arnoldi", device="cpu")
    basis = torch.empty(m + b, n, dtype=op.dtype, device=op.device)
    basis[:b] = _fill_block(basis[:0], _start(op, b, generator, start), None, generator)[0]
    H = np.zeros((m + b, m))
    done, products, settled, mean = 0, 0, None, None
    while True:
        while done + b <= m:
            W = yield basis[done : done + b]
            products += b
            if mean is None:  # near the mean eigenvalue: without it a product is less parallel to its vector, and one pass orthogonalises it
                mean = float((basis[0] * W[0]).sum())
            size, W = W.norm(dim=1), torch.sub(W, basis[done : done + b], alpha=mean)
            h, W = _orthogonalise(basis[: done + b], W, W.norm(dim=1))
            basis[done + b : done + 2 * b], r = _fill_block(basis[: done + b], W, size, generator)
            H[: done + b, done : done + b] = h
            H[done : done + b, done : done + b] += mean * np.eye(b)
            H[done + b : done + 2 * b, done : done + b] = r
            done += b
        T, Z = linalg.schur(H[:done, :done], output="real")
        coupling = H[done : done + b, :done] @ Z
        values, ready, guarded = _check(T, coupling, plan, op.epsilon)
        over = products >= plan.max_products
        fresh_start = ready and plan.verify and not over and not _same(settled, values, plan.tol)
        if over or (ready and not fresh_start and (guarded or not plan.verify)):
            spare = (m - plan.n_modes) // 4 if accept is not None else 0  # room to part what a power does not tell apart
            T, keep = _select(T, Z, plan.order, plan.n_modes + spare)
            last = basis[done : done + b].clone()
            coupling = H[done : done + b, :done] @ Z[:, :keep]
            _rotate(basis, Z[:, :keep], done)
            stricter = accept(basis[:keep], plan) if accept is not None else None
            if stricter is None or over:
                return Subspace(basis[:keep], T[:keep, :keep], products, over and not ready)
            plan, settled = stricter, None if stricter.n_modes > plan.n_modes else settled
            H[:] = 0.0
            H[:keep, :keep], H[keep : keep + b, :keep] = T[:keep, :keep], coupling
            basis[keep : keep + b], done = last, keep
            continue
        if fresh_start:
            settled = values
        n_keep = plan.n_modes + max(1, (m - plan.n_modes) // 4) if not fresh_start else plan.n_modes
        T, keep = _select(T, Z, plan.order, min(n_keep, done - 2 * b))
        _rotate(basis, Z[:, :keep], done)
        coupling = H[done : done + b, :done] @ Z[:, :keep]
        H[:] = 0.0
        H[:keep, :keep] = T[:keep, :keep]
        if fresh_start:  # look again from a fresh direction: what the first start could not see, this one can
            fresh = torch.randn(b, n, generator=generator, dtype=torch.float32).to(op.device, op.dtype)
            basis[keep : keep + b] = _fill_block(basis[:keep], *_against(basis[:keep], fresh), generator)[0]
        else:
            basis[keep : keep + b] = basis[done : done + b].clone()
            H[keep : keep + b, :keep] = coupling
        done = keep


def _start(op: Operator, b: int, generator: torch.Generator, start: Any) -> Tensor:
    import torch

    block = torch.randn(b, op.n, generator=generator, dtype=torch.float32).to(op.device, op.dtype)
    if start is None:
        return block
    given = torch.as_tensor(np.asarray(start) if not isinstance(start, torch.Tensor) else start)
    given = given.reshape(len(given), -1).t()
    if given.is_complex():
        given = given.real + given.imag
    if given.shape[1] != op.n or not bool(torch.isfinite(given).all()):
        raise NumericsError("leading_eigenpairs", f"`start` has vectors of {given.shape[1]} entries", expected=f"finite, ({op.n}) or ({op.n}, r)")
    block[0] = given.sum(dim=0).to(op.device, op.dtype)
    return block


def _against(basis: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
    scale = W.norm(dim=1)
    return _orthogonalise(basis, W, scale)[1], scale


def _orthogonalise(basis: Tensor, W: Tensor, scale: Tensor) -> tuple[np.ndarray, Tensor]:
    """Remove from the rows of W, of norms `scale`, their components along `basis`; a second pass where the first cancelled digits."""
    h = basis @ W.t()
    W = W - h.t() @ basis
    if bool((W.norm(dim=1) < 0.7071 * scale).any()):
        again = basis @ W.t()
        W.addmm_(again.t(), basis, alpha=-1.0)
        h = h + again
    return h.double().cpu().numpy(), W


def _fill_block(basis: Tensor, W: Tensor, scale: Tensor | None, generator: torch.Generator) -> tuple[Tensor, np.ndarray]:
    """Orthonormal rows spanning the rows of W and their coefficients; directions that vanish are replaced at random."""
    import torch

    b, n = W.shape
    Q = torch.empty_like(W)
    R = np.zeros((b, b))
    tiny = 50 * torch.finfo(W.dtype).eps
    for i in range(b):
        w, size = W[i].clone(), float(W[i].norm() if scale is None else scale[i])
        floor = tiny * max(size, 1e-300)
        for _ in range(2 if i else 1):
            c = Q[:i] @ w
            w -= Q[:i].t() @ c
            R[:i, i] += c.double().cpu().numpy()
        length = float(w.norm())
        if length > floor and length > 1e-290 and size > 0:
            R[i, i] = length
            Q[i] = w / length
            continue
        for _ in range(3):  # an invariant subspace: carry on in a random direction, uncoupled
            w = torch.randn(n, generator=generator, dtype=torch.float32).to(W.device, W.dtype)
            for _ in range(2):
                w -= basis.t() @ (basis @ w)
                w -= Q[:i].t() @ (Q[:i] @ w)
            if float(w.norm()) > 0:
                break
        Q[i] = w / w.norm()
    return Q, R


def _check(T: np.ndarray, coupling: np.ndarray, plan: Plan, epsilon: float) -> tuple[np.ndarray, bool, bool]:
    """Wanted Ritz values, whether all are good enough, and whether the next few are known well enough to say they come after."""
    values, S = np.linalg.eig(T)
    rank = ranked(values, plan.order, plan.n_modes, plan.above)
    more = ranked(values, plan.order, min(len(rank) + GUARDS, len(values)))[len(rank) :]
    errors = np.linalg.norm(coupling @ S[:, rank], axis=0)
    try:
        conditions = np.linalg.norm(np.linalg.inv(S)[rank], axis=1)
    except np.linalg.LinAlgError:
        conditions = np.full(len(rank), np.inf)
    goal = 0.5 * threshold(plan.tol, values[rank])
    floor = 4 * epsilon * float(np.linalg.norm(T))
    # an eigenvalue's error is its condition times its residual: ill-conditioned ones must go deeper, down to rounding
    ready = errors <= np.maximum(np.minimum(goal, 100 * goal / conditions), min(floor, goal))
    guarded = np.linalg.norm(coupling @ S[:, more], axis=0) <= max(goal, GUARD_TOL * float(np.abs(values[rank]).max(initial=0.0)))
    return values[rank], bool(ready.all()), bool(guarded.all())


def _same(settled: np.ndarray | None, values: np.ndarray, tol: float) -> bool:
    if settled is None or len(settled) != len(values):
        return False
    slack = max(1e3 * tol, 1e-10) * np.abs(values).max(initial=0.0)
    return bool((np.abs(np.sort(np.abs(settled)) - np.sort(np.abs(values))) <= slack).all())


def _select(T: np.ndarray, Z: np.ndarray, order: Callable, n_keep: int) -> tuple[np.ndarray, int]:
    """Move the `n_keep` best eigenvalues to the front of a real Schur form, in place in Z; pairs stay whole."""
    values = np.linalg.eigvals(T) if len(T) == 1 else _schur_values(T)
    rank = ranked(values, order, n_keep)
    chosen = np.zeros(len(T), dtype=np.int32)
    chosen[rank] = 1
    T, Q, *_ = linalg.lapack.dtrsen(chosen, T, Z, job="N", wantq=1)
    Z[:] = Q
    return T, int(chosen.sum())


def _schur_values(T: np.ndarray) -> np.ndarray:
    """Eigenvalues on the diagonal of a real Schur form, in its order, positive imaginary part first."""
    values = np.diag(T).astype(complex)
    low = np.nonzero(np.diag(T, -1))[0]
    spread = np.sqrt(np.abs(np.diag(T, -1)[low])) * np.sqrt(np.abs(np.diag(T, 1)[low]))
    values[low] += 1j * spread
    values[low + 1] = values[low].conj()
    return values


def _rotate(basis: Tensor, Z: np.ndarray, done: int, chunk: int = 8192) -> None:
    """First rows of the basis become Z^T basis, a stretch of columns at a time."""
    import torch

    Zt = torch.as_tensor(np.ascontiguousarray(Z.T)).to(basis.device, basis.dtype)
    for i in range(0, basis.shape[1], chunk):
        basis[: len(Zt), i : i + chunk] = Zt @ basis[:done, i : i + chunk]
