"""Leading eigenpairs of a large non-symmetric operator by the Krylov-Schur method.

The Krylov basis is real and stays in the operator's precision and on its device; the projected problem is solved in double
precision; conjugate pairs are kept together through every restart; and every returned residual is a true one, computed from
the operator after the iteration ends.

References: Stewart 2001 (Krylov-Schur); Daniel, Gragg, Kaufman and Stewart 1976 (reorthogonalisation).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg

from neurodyn.errors import AccuracyWarning, ConfigError, ConvergenceWarning, NumericsError, unknown_name
from neurodyn.numerics.operators import Operator, as_operator
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Eigenpairs", "leading_eigenpairs", "leading_eigenpairs_many", "ordering"]

DENSE_BELOW = 256
ILL_CONDITIONED = 1e6
GUARDS, GUARD_TOL = 4, 1e-4

Application = Generator["Tensor", "Tensor", "_Subspace"]


@dataclass(frozen=True)
class Eigenpairs:
    """Eigenvalues with what is known about them.

    Attributes
    ----------
    values : complex array, (mode)
    residuals : float array, (mode)
        |A v - theta v| with |v| = 1, measured with the operator itself.
    right_vectors : complex array, (n, mode), or None
        Unit columns; None when not asked for.
    converged : bool array, (mode)
        ``residual <= tol * max|theta|``.
    n_matvecs : int
        Products with the operator, those for the residuals included.
    left_vectors : complex array, (n, mode), or None
        Unit columns u with u^H A = theta u^H.
    conditions : float array, (mode), or None
        1 / |u^H v|: the first-order error of an eigenvalue is at most this times its residual.
    """

    values: np.ndarray
    residuals: np.ndarray
    right_vectors: np.ndarray | None
    converged: np.ndarray
    n_matvecs: int
    left_vectors: np.ndarray | None = None
    conditions: np.ndarray | None = None


@dataclass
class _Subspace:
    """An approximately invariant subspace: A V = V T + remainder, rows of `basis` orthonormal."""

    basis: Tensor
    matrix: np.ndarray
    n_products: int
    exhausted: bool


@dataclass(frozen=True)
class _Plan:
    n_modes: int
    size: int
    block: int
    tol: float
    verify: bool
    max_products: int
    order: Callable[[np.ndarray], np.ndarray]
    degree: int = 1


def leading_eigenpairs(
    operator: Any,
    n_modes: int,
    *,
    which: str = "LM",
    tol: float = 1e-8,
    seed: int,
    start: np.ndarray | Tensor | None = None,
    subspace: int | None = None,
    block_size: int = 1,
    left: bool = False,
    vectors: bool = True,
    filter_degree: int = 1,
    verify: bool = True,
    max_matvecs: int | None = None,
) -> Eigenpairs:
    """Leading eigenvalues and eigenvectors of a real square operator.

    Parameters
    ----------
    operator : array, (n, n), or object with ``shape`` and ``matvec``
        numpy or torch; ``block`` (one vector a row) and ``rmatvec`` or ``rblock`` are used where present.
    n_modes : int
        How many; one more is returned where the last would split a conjugate pair.
    which : str
        ``"LM"`` largest modulus, ``"LR"`` largest real part, ``"LI"`` largest imaginary part, ``"nearest 1"`` (any real
        number) nearest that value.
    tol : float
        Residual, relative to the largest modulus found, at which a mode counts as converged.
    seed : int
        Start vectors.
    start : array, (n) or (n, r), optional
        Begin from these directions, for example the vectors found at a neighbouring state.
    subspace : int, optional
        Size of the Krylov space; chosen from `n_modes` when absent.
    block_size : int
        Vectors multiplied at a time; above 1 pays where the operator is faster in batches.
    left : bool
        Also left vectors and condition numbers (needs ``rmatvec`` or ``rblock``).
    vectors : bool
        Whether to return the right vectors.
    filter_degree : int
        Iterate with this power of the operator (``which="LM"`` only): fewer, better vectors to orthogonalise for more products.
        Pays where a product is cheap beside the orthogonalisation: 4 halves the time for a 3x3 convolution of 200,000 units.
    verify : bool
        After convergence, search the rest of the space from a fresh start until the modes that come next are known too: no copy of
        a repeated eigenvalue is missed, and none that the first start passed over.
    max_matvecs : int, optional
        Stop there and return what has converged.

    Returns
    -------
    Eigenpairs
        Ordered by `which`, most extreme first; conjugates adjacent, positive imaginary part first.

    Raises
    ------
    NumericsError
        A non-square operator, one that returns NaN or another shape, too many modes.
    ConfigError
        An unknown `which`.

    Warns
    -----
    ConvergenceWarning
        Where some mode has not reached `tol`.
    AccuracyWarning
        Where eigenvalues are so ill-conditioned that a small residual does not mean a small error.

    Notes
    -----
    Cost: about 2 n_modes + 20 vectors of memory and, for each restart, half as many products and as many
    orthogonalisations against the space.  Operators of up to 256 rows are expanded and solved by LAPACK.

    Examples
    --------
    >>> pairs = leading_eigenpairs(np.diag([3.0, 2.0, 1.0]), 2, seed=0)
    >>> pairs.values.real.round(6).tolist(), bool(pairs.converged.all())
    ([3.0, 2.0], True)
    """
    op = as_operator(operator, where="leading_eigenpairs")
    n = op.n
    if not 1 <= n_modes <= n:
        raise NumericsError(
            "leading_eigenpairs", f"`n_modes` is {n_modes} for an operator of {n} rows", expected=f"1..{n}", fix=f"n_modes={min(max(n_modes, 1), n)}"
        )
    if not tol > 0 or block_size < 1:
        raise ConfigError("leading_eigenpairs", f"`tol` is {tol} and `block_size` {block_size}", expected="both above 0")
    if filter_degree < 1 or (filter_degree > 1 and which != "LM"):
        raise ConfigError(
            "leading_eigenpairs", f'`filter_degree` is {filter_degree} with which="{which}"', expected='1, or more with which="LM"', fix="filter_degree=1"
        )
    plan = replace(_plan(n, n_modes, which, tol, subspace, block_size, verify, max_matvecs), degree=filter_degree)
    if n <= DENSE_BELOW or plan.size + 2 * plan.block >= n:
        found = _solve_dense(op, n_modes, plan.order, tol, vectors=vectors, left=left)
    else:
        found = _solve_krylov(op, plan, seed, start, vectors=vectors, left=left)
    _warn(found, n_modes, tol, op)
    return found


def leading_eigenpairs_many(
    operator: Any, n_modes: int, *, which: str = "LM", tol: float = 1e-8, seed: int, subspace: int | None = None, vectors: bool = False, verify: bool = True
) -> list[Eigenpairs]:
    """Leading eigenpairs of many operators of one size, iterated in step so that their products are made together.

    Parameters
    ----------
    operator : object with ``shape``, ``n_states``, ``dtype``, ``device``, ``block`` and ``row``
        ``block`` multiplies (n_states, n), row b by operator b; ``row(b)`` is that operator alone.  The operators of
        :mod:`neurodyn.dynamics.linearise` at several states are of this kind.
    n_modes, which, tol, seed, subspace, vectors, verify
        As for :func:`leading_eigenpairs`, and for every state the same result.

    Returns
    -------
    list of Eigenpairs, one a state

    Examples
    --------
    >>> import torch
    >>> from neurodyn.dynamics.linearise import ConvolutionOperator
    >>> gates = torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    >>> many = ConvolutionOperator(torch.diag(torch.tensor([3.0, 2.0], dtype=torch.float64)), (2,), gate=gates)
    >>> [float(p.values[0].real) for p in leading_eigenpairs_many(many, 1, seed=0)]
    [3.0, 2.0]
    """
    import torch

    count, n = operator.n_states, operator.shape[1]
    singles = [as_operator(operator.row(i), where="leading_eigenpairs") for i in range(count)]
    if not 1 <= n_modes <= n:
        return [leading_eigenpairs(singles[0], n_modes, which=which, tol=tol, seed=seed)]
    plan = _plan(n, n_modes, which, tol, subspace, 1, verify, None)
    if n <= DENSE_BELOW or plan.size + 2 >= n:
        return [leading_eigenpairs(op, n_modes, which=which, tol=tol, seed=seed, vectors=vectors) for op in singles]
    checked = Operator(n, operator.dtype, torch.device(operator.device), operator.block, None, where="leading_eigenpairs")
    runs = [_krylov_schur(op, plan, seed, None) for op in singles]
    requests = torch.zeros(count, n, dtype=operator.dtype, device=operator.device)
    done: dict[int, _Subspace] = {}
    for i, run in enumerate(runs):
        requests[i] = next(run)[0]
    while len(done) < count:
        answers = checked.block(requests)
        for i, run in enumerate(runs):
            if i in done:
                continue
            try:
                requests[i] = run.send(answers[i : i + 1])[0]
            except StopIteration as end:
                done[i] = end.value
                requests[i] = 0.0
    found = []
    for i, op in enumerate(singles):
        values, small = _ritz(done[i].matrix, plan.order, plan.n_modes)
        rights, residuals = _measure(op, done[i].basis, values, small, vectors=vectors)
        products = done[i].n_products + op.n_products
        found.append(Eigenpairs(values, residuals, rights, residuals <= _threshold(tol, values), products))
        _warn(found[-1], n_modes, tol, op)
    return found


def ordering(which: str) -> Callable[[np.ndarray], np.ndarray]:
    """The key by which `which` ranks eigenvalues, larger first.

    Examples
    --------
    >>> ordering("nearest 1")(np.array([0.5, 0.9])).round(3).tolist()
    [-0.5, -0.1]
    """
    keys: dict[str, Callable[[np.ndarray], np.ndarray]] = {"LM": np.abs, "LR": np.real, "LI": lambda z: np.abs(np.imag(z))}
    if which in keys:
        return keys[which]
    word, _, number = str(which).partition(" ")
    if word == "nearest":
        try:
            target = float(number)
        except ValueError:
            target = np.nan
        if np.isfinite(target):
            return lambda z: -np.abs(z - target)
    raise unknown_name("leading_eigenpairs", "`which`", which, [*keys, "nearest 1"])


def _plan(n: int, n_modes: int, which: str, tol: float, subspace: int | None, block: int, verify: bool, max_matvecs: int | None) -> _Plan:
    size = subspace if subspace is not None else n_modes + max(n_modes + 20, 40) + 40 * (block - 1)
    if size < n_modes + 2 + block:
        raise NumericsError(
            "leading_eigenpairs", f"`subspace` is {size} for {n_modes} modes", expected=f"at least {n_modes + 2 + block}", fix=f"subspace={2 * n_modes + 20}"
        )
    budget = max_matvecs if max_matvecs is not None else max(100 * size, 20_000)
    return _Plan(n_modes, min(size, n), block, tol, verify, budget, ordering(which))


# ---------------------------------------------------------------------------------------------------------------- dense


def _solve_dense(op: Operator, n_modes: int, order: Callable, tol: float, *, vectors: bool, left: bool) -> Eigenpairs:
    matrix = op.matrix()
    values, lefts, rights = linalg.eig(matrix, left=True, right=True)
    rank = _ranked(values, order, n_modes)
    values, lefts, rights = values[rank], lefts[:, rank], rights[:, rank]
    rights = rights / np.linalg.norm(rights, axis=0)
    lefts = lefts / np.linalg.norm(lefts, axis=0)
    residuals = np.linalg.norm(matrix @ rights - rights * values, axis=0)
    with np.errstate(divide="ignore"):
        conditions = 1.0 / np.abs((lefts.conj() * rights).sum(axis=0))
    converged = residuals <= _threshold(tol, values)
    return Eigenpairs(values, residuals, rights if vectors else None, converged, op.n_products, lefts if left else None, conditions)


def _ranked(values: np.ndarray, order: Callable, n_modes: int) -> np.ndarray:
    """Indices of the first `n_modes` values, or one more to keep a pair; conjugates must be adjacent in `values`."""
    rank = np.argsort(-order(values), kind="stable")
    if n_modes < len(values):
        last = values[rank[n_modes - 1]]
        if last.imag > 0:
            n_modes += 1  # LAPACK lists the member with positive imaginary part first
    return rank[:n_modes]


def _threshold(tol: float, values: np.ndarray) -> float:
    return tol * float(np.abs(values).max(initial=0.0))


# ---------------------------------------------------------------------------------------------------------------- Krylov


def _solve_krylov(op: Operator, plan: _Plan, seed: int, start: Any, *, vectors: bool, left: bool) -> Eigenpairs:
    found = _filtered(op, plan, seed, start) if plan.degree > 1 else None
    found = found or _drive(op.block, _krylov_schur(op, plan, seed, start))
    values, small = _ritz(found.matrix, plan.order, plan.n_modes)
    rights, residuals = _measure(op, found.basis, values, small, vectors=vectors or left)
    del found
    converged = residuals <= _threshold(plan.tol, values)
    lefts = conditions = None
    if left:
        lefts = _left_vectors(op, plan, seed, values, rights)
        with np.errstate(divide="ignore"):
            conditions = 1.0 / np.abs((lefts.conj() * rights).sum(axis=0))
    else:
        conditions = None
    return Eigenpairs(values, residuals, rights if vectors else None, converged, op.n_products, lefts, conditions)


def _drive(block: Callable[[Tensor], Tensor], run: Application) -> _Subspace:
    """Answer each request of an iteration with a product."""
    try:
        request = next(run)
        while True:
            request = run.send(block(request))
    except StopIteration as end:
        return end.value


def _filtered(op: Operator, plan: _Plan, seed: int, start: Any) -> _Subspace | None:
    """Iterate with a power of the operator, which ranks moduli the same, and project the operator itself at the end.

    None where the subspace of the power is not one of the operator to tolerance: eigenvalues that the power does not tell apart.
    """
    import torch

    scale = _scale(op, seed)
    taken: list[_Subspace] = []

    def power(vectors: Tensor) -> Tensor:
        for _ in range(plan.degree):
            vectors = op.block(vectors) / scale
        return vectors

    def accept(basis: Tensor) -> bool:
        moved = torch.cat([op.block(part) for part in basis.split(16)])
        T = (basis @ moved.t()).double().cpu().numpy()
        values, S = _ritz(T, plan.order, plan.n_modes)
        rest = moved - torch.as_tensor(T.T.copy()).to(moved.device, moved.dtype) @ basis
        gram = (rest @ rest.t()).double().cpu().numpy()
        errors = np.sqrt(np.abs(np.einsum("im,ij,jm->m", S.conj(), gram, S)))
        if bool((errors <= np.maximum(0.9 * _threshold(plan.tol, values), 4 * op.epsilon * np.linalg.norm(T))).all()):
            taken.append(_Subspace(basis, T, op.n_products, False))
        return bool(taken)

    many = Operator(op.n, op.dtype, op.device, power, None, where=op.where)
    _drive(many.block, _krylov_schur(many, replace(plan, max_products=plan.max_products // plan.degree), seed, start, accept))
    return taken[0] if taken else None


def _scale(op: Operator, seed: int) -> float:
    """A rough size of the operator, so that its powers neither overflow nor vanish."""
    import torch

    v = torch.randn(1, op.n, generator=torch_generator(seed, "scale"), dtype=torch.float32).to(op.device, op.dtype)
    size = 0.0
    for _ in range(5):
        v = op.block(v / v.norm())
        size = float(v.norm())
        if size == 0.0:
            return 1.0
    return size


def _krylov_schur(op: Operator, plan: _Plan, seed: int, start: Any, accept: Callable[[Tensor], bool] | None = None) -> Application:
    """Iterate until the wanted Ritz values have converged; yields blocks of vectors and is sent their products."""
    import torch

    n, b, m = op.n, plan.block, plan.size
    generator = torch_generator(seed, "arnoldi", device="cpu")
    basis = torch.empty(m + b, n, dtype=op.dtype, device=op.device)
    basis[:b] = _fill_block(basis[:0], _start(op, b, generator, start), None, generator)[0]
    H = np.zeros((m + b, m))
    done, products, settled, refused = 0, 0, None, 0
    while True:
        while done + b <= m:
            W = yield basis[done : done + b]
            products += b
            scale = W.norm(dim=1)
            h, W = _orthogonalise(basis[: done + b], W, scale)
            basis[done + b : done + 2 * b], r = _fill_block(basis[: done + b], W, scale, generator)
            H[: done + b, done : done + b] = h
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
            if over or accept is None or accept(basis[:keep]) or refused == 3:
                return _Subspace(basis[:keep], T[:keep, :keep], products, over and not ready)
            refused, plan = refused + 1, replace(plan, tol=0.3 * plan.tol)
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


def _check(T: np.ndarray, coupling: np.ndarray, plan: _Plan, epsilon: float) -> tuple[np.ndarray, bool, bool]:
    """Wanted Ritz values, whether all are good enough, and whether the next few are known well enough to say they come after."""
    values, S = np.linalg.eig(T)
    rank = _ranked(values, plan.order, plan.n_modes)
    more = _ranked(values, plan.order, min(plan.n_modes + GUARDS, len(values)))[len(rank) :]
    errors = np.linalg.norm(coupling @ S[:, rank], axis=0)
    try:
        conditions = np.linalg.norm(np.linalg.inv(S)[rank], axis=1)
    except np.linalg.LinAlgError:
        conditions = np.full(len(rank), np.inf)
    goal = 0.5 * _threshold(plan.tol, values[rank])
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
    rank = _ranked(values, order, n_keep)
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


def _ritz(T: np.ndarray, order: Callable, n_modes: int) -> tuple[np.ndarray, np.ndarray]:
    values, S = np.linalg.eig(T)
    rank = _ranked(values.astype(complex), order, n_modes)
    return values.astype(complex)[rank], S[:, rank]


def _measure(op: Operator, basis: Tensor, values: np.ndarray, small: np.ndarray, *, vectors: bool, chunk: int = 16) -> tuple[np.ndarray | None, np.ndarray]:
    """Unit Ritz vectors, (n, mode), and their true residuals; a conjugate pair is multiplied once."""
    import torch

    single = basis.dtype == torch.float32
    out = np.empty((basis.shape[1], len(values)), np.complex64 if single else np.complex128) if vectors else None
    residuals = np.zeros(len(values))
    own = [i for i, v in enumerate(values) if v.imag >= 0]
    for i in range(0, len(own), chunk):
        cols = own[i : i + chunk]
        parts = np.concatenate([small[:, cols].real, small[:, cols].imag[:, np.imag(values[cols]) > 0]], axis=1)
        X = torch.as_tensor(np.ascontiguousarray(parts.T)).to(basis.device, basis.dtype) @ basis
        Y = op.block(X)
        k, paired = len(cols), np.nonzero(values[cols].imag > 0)[0]
        lead = torch.as_tensor(values[cols]).to(basis.device)
        XI, YI = torch.zeros_like(X[:k]), torch.zeros_like(X[:k])
        XI[paired], YI[paired] = X[k:], Y[k:]
        re = Y[:k] - lead.real.to(X.dtype)[:, None] * X[:k] + lead.imag.to(X.dtype)[:, None] * XI
        im = YI - lead.real.to(X.dtype)[:, None] * XI - lead.imag.to(X.dtype)[:, None] * X[:k]
        size = torch.sqrt((X[:k] ** 2).sum(1) + (XI**2).sum(1))
        residuals[cols] = (torch.sqrt((re**2).sum(1) + (im**2).sum(1)) / size).double().cpu().numpy()
        if out is not None:
            out[:, cols] = (torch.complex(X[:k], XI) / size[:, None]).t().cpu().numpy()
    for i, v in enumerate(values):
        if v.imag < 0 and i > 0:
            residuals[i] = residuals[i - 1]
            if out is not None:
                out[:, i] = out[:, i - 1].conj()
    return out, residuals


def _left_vectors(op: Operator, plan: _Plan, seed: int, values: np.ndarray, rights: np.ndarray | None) -> np.ndarray:
    """Leading eigenvectors of the transpose, matched to `values`."""
    found = _drive(op.rblock, _krylov_schur(op, plan, seed + 1, None))
    others, small = _ritz(found.matrix, plan.order, plan.n_modes)
    lefts, _ = _measure(op.transposed(), found.basis, others, small, vectors=True)
    assert lefts is not None
    pair = _match(values, others)
    return lefts[:, pair].conj()  # A^T w = theta w, so conj(w)^H A = theta conj(w)^H


def _match(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(np.abs(values[:, None] - others[None, :]))[1]


def _warn(found: Eigenpairs, n_modes: int, tol: float, op: Operator) -> None:
    if not found.converged.all():
        worst = float(found.residuals.max())
        low = tol < 20 * op.epsilon
        fix = "work in float64, or tol=1e-5" if low else "raise max_matvecs or subspace, or loosen tol"
        warnings.warn(
            f"leading_eigenpairs: {int((~found.converged).sum())} of {len(found.values)} modes are above tol={tol:g} "
            f"(largest residual {worst:.2e}); they are marked in `converged`\n  fix: {fix}",
            ConvergenceWarning,
            stacklevel=3,
        )
    if found.conditions is not None and (found.conditions > ILL_CONDITIONED).any():
        warnings.warn(
            f"leading_eigenpairs: {int((found.conditions > ILL_CONDITIONED).sum())} of {len(found.values)} eigenvalues have condition numbers up to "
            f"{found.conditions.max():.1e}: their errors may be that many times the residual\n  fix: read singular values or transient growth instead",
            AccuracyWarning,
            stacklevel=3,
        )
