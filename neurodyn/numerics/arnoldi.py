"""Leading eigenpairs of a large non-symmetric operator by the Krylov-Schur method.

The Krylov basis is real and stays in the operator's precision and on its device; the projected problem is solved in double
precision; conjugate pairs are kept together through every restart; and every returned residual is a true one, computed from
the operator after the iteration ends.

The iteration is in :mod:`neurodyn.numerics.krylov_schur`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg

from neurodyn.errors import AccuracyWarning, ConfigError, ConvergenceWarning, NumericsError
from neurodyn.numerics.eigen_order import anchor, ordering, ranked, reach, ritz, threshold
from neurodyn.numerics.krylov_schur import Plan, Subspace, drive, krylov_schur
from neurodyn.numerics.operators import Operator, as_operator
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Eigenpairs", "leading_eigenpairs", "leading_eigenpairs_many", "ordering", "warn"]

DENSE_BELOW = 256
ILL_CONDITIONED = 1e6


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
    above: float = -np.inf,
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
        Iterate with this power of the operator, shifted so that it parts what is wanted (not for ``"LI"``): fewer, better vectors to
        orthogonalise for more products.  Pays where a product is cheap beside the orthogonalisation, as for a convolution of 200,000 units.
    verify : bool
        After convergence, search the rest of the space from a fresh start until the mode that comes next is known too, to a thousandth
        of the radius: no copy of a repeated eigenvalue is missed, and none that the first start passed over and that leads by more.
    max_matvecs : int, optional
        Stop at the first restart past this and return what has converged; restarts are about half a space of products (times
        `filter_degree`) apart.
    above : float
        Of the `n_modes`, only those that `which` ranks higher: with a modulus (``"LM"``) or a real part (``"LR"``) above this number, or
        nearer than minus this number; the first mode in any case.

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
    if filter_degree < 1 or (filter_degree > 1 and which == "LI"):
        raise ConfigError(
            "leading_eigenpairs", f'`filter_degree` is {filter_degree} with which="{which}"', expected="1, or more but for LI", fix="filter_degree=1"
        )
    plan = replace(_plan(n, n_modes, which, tol, subspace, block_size, verify, max_matvecs), degree=filter_degree, above=above)
    if n <= DENSE_BELOW or plan.size + 2 * plan.block >= n:
        found = _solve_dense(op, plan, vectors=vectors, left=left)
    else:
        found = _solve_krylov(op, plan, seed, start, vectors=vectors, left=left)
    warn(found, tol, op.dtype)
    return found


def leading_eigenpairs_many(
    operator: Any,
    n_modes: int,
    *,
    which: str = "LM",
    tol: float = 1e-8,
    seed: int,
    subspace: int | None = None,
    vectors: bool = False,
    verify: bool = True,
    above: float = -np.inf,
) -> list[Eigenpairs]:
    """Leading eigenpairs of many operators of one size, iterated in step so that their products are made together.

    Parameters
    ----------
    operator : object with ``shape``, ``n_states``, ``dtype``, ``device``, ``block`` and ``row``
        ``block`` multiplies (n_states, n), row b by operator b; ``row(b)`` is that operator alone.  The operators of
        :mod:`neurodyn.dynamics.linearise` at several states are of this kind.
    n_modes, which, tol, seed, subspace, vectors, verify, above
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
    plan = replace(_plan(n, n_modes, which, tol, subspace, 1, verify, None), above=above)
    if n <= DENSE_BELOW or plan.size + 2 >= n:
        return [leading_eigenpairs(op, n_modes, which=which, tol=tol, seed=seed, vectors=vectors, above=above) for op in singles]
    checked = Operator(n, operator.dtype, torch.device(operator.device), operator.block, None, where="leading_eigenpairs")
    runs = [krylov_schur(op, plan, seed, None) for op in singles]
    requests = torch.zeros(count, n, dtype=operator.dtype, device=operator.device)
    done: dict[int, Subspace] = {}
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
        values, small = ritz(done[i].matrix, plan.order, plan.n_modes, plan.above)
        rights, residuals = _measure(op, done[i].basis, values, small, vectors=vectors)
        products = done[i].n_products + op.n_products
        found.append(Eigenpairs(values, residuals, rights, residuals <= threshold(tol, values), products))
        warn(found[-1], tol, op.dtype)
    return found


def _plan(n: int, n_modes: int, which: str, tol: float, subspace: int | None, block: int, verify: bool, max_matvecs: int | None) -> Plan:
    size = subspace if subspace is not None else n_modes + max(n_modes + 20, 40) + 40 * (block - 1)
    if size < n_modes + 2 + block:
        raise NumericsError(
            "leading_eigenpairs", f"`subspace` is {size} for {n_modes} modes", expected=f"at least {n_modes + 2 + block}", fix=f"subspace={2 * n_modes + 20}"
        )
    budget = max_matvecs if max_matvecs is not None else max(100 * size, 20_000)
    ordering(which)  # refuses what it does not know
    return Plan(n_modes, min(size, n), block, tol, verify, budget, which)


# ---------------------------------------------------------------------------------------------------------------- dense


def _solve_dense(op: Operator, plan: Plan, *, vectors: bool, left: bool) -> Eigenpairs:
    matrix = op.matrix()
    values, lefts, rights = linalg.eig(matrix, left=True, right=True)
    rank = ranked(values, plan.order, plan.n_modes, plan.above)
    values, lefts, rights = values[rank], lefts[:, rank], rights[:, rank]
    rights = rights / np.linalg.norm(rights, axis=0)
    lefts = lefts / np.linalg.norm(lefts, axis=0)
    residuals = np.linalg.norm(matrix @ rights - rights * values, axis=0)
    with np.errstate(divide="ignore"):
        conditions = 1.0 / np.abs((lefts.conj() * rights).sum(axis=0))
    converged = residuals <= threshold(plan.tol, values)
    return Eigenpairs(values, residuals, rights if vectors else None, converged, op.n_products, lefts if left else None, conditions)


# ---------------------------------------------------------------------------------------------------------------- Krylov


def _solve_krylov(op: Operator, plan: Plan, seed: int, start: Any, *, vectors: bool, left: bool) -> Eigenpairs:
    found = _filtered(op, plan, seed, start) if plan.degree > 1 else None
    if found is None:
        rest = replace(plan, max_products=max(plan.max_products - op.n_products, plan.size))
        found = drive(op.block, krylov_schur(op, rest, seed, start))
    values, small = ritz(found.matrix, plan.order, plan.n_modes, plan.above)
    rights, residuals = _measure(op, found.basis, values, small, vectors=vectors or left)
    del found
    converged = residuals <= threshold(plan.tol, values)
    lefts = conditions = None
    if left:
        lefts = _left_vectors(op, plan, seed, values, rights)
        with np.errstate(divide="ignore"):
            conditions = 1.0 / np.abs((lefts.conj() * rights).sum(axis=0))
    else:
        conditions = None
    return Eigenpairs(values, residuals, rights if vectors else None, converged, op.n_products, lefts, conditions)


def _filtered(op: Operator, plan: Plan, seed: int, start: Any) -> Subspace | None:
    """Iterate with a power of the shifted operator, which parts what is wanted faster, and project the operator itself at the end.

    The power ranks eigenvalues by their distance from the shift.  The search ends when all are known that lie at least as far from it as
    any value ranked among the wanted ones can, so that none is missed.  None where the subspace of the power does not become one of the
    operator to tolerance (eigenvalues that the power does not tell apart) while products are left.
    """
    import torch

    centre, radius = _extent(op, seed)
    shift = anchor(plan.which, centre, radius)
    scale = radius + abs(centre - shift) or 1.0
    latest: list[tuple[Subspace, bool]] = []  # and whether it is good enough

    def power(vectors: Tensor) -> Tensor:
        for _ in range(plan.degree):
            vectors = torch.sub(op.block(vectors), vectors, alpha=shift) / scale
        return vectors

    def accept(basis: Tensor, now: Plan) -> Plan | None:
        moved = torch.cat([op.block(part) for part in basis.split(16)])
        T = (basis @ moved.t()).double().cpu().numpy()
        values, S = ritz(T, plan.order, plan.n_modes, plan.above)
        rest = moved - torch.as_tensor(T.T.copy()).to(moved.device, moved.dtype) @ basis
        gram = (rest @ rest.t()).double().cpu().numpy()
        errors = np.sqrt(np.abs(np.einsum("im,ij,jm->m", S.conj(), gram, S)))
        good = bool((errors <= np.maximum(0.9 * threshold(plan.tol, values), 4 * op.epsilon * np.linalg.norm(T))).all())
        latest.append((Subspace(basis, T, op.n_products, False), False))
        far = np.sort(np.abs(np.linalg.eigvals(T) - shift))[::-1]
        needed = int((far >= (1 - plan.tol) * reach(plan.which, shift, max(float(plan.order(values[-1:])[0]), plan.above))).sum())
        if needed > now.n_modes:
            more = needed if needed < len(far) else needed + plan.n_modes // 4
            return replace(now, n_modes=more) if more + 10 < now.size else None
        if good:
            latest[-1] = latest[-1][0], True
            return None
        return replace(now, tol=0.3 * now.tol) if len(latest) < 6 else None

    many = Operator(op.n, op.dtype, op.device, power, None, where=op.where)
    spare = 0 if shift == 0.0 else plan.n_modes // 2 + 4
    steeper = 0.3 * plan.degree * (abs(centre) + radius) / scale  # a residual of the power is this many times one of the operator
    inner = replace(
        plan,
        n_modes=plan.n_modes + spare,
        size=min(plan.size + 2 * spare, op.n),
        tol=min(plan.tol * max(steeper, 1.0), 1e-2),
        which="LM",
        above=-np.inf if plan.above == -np.inf else (max(reach(plan.which, shift, plan.above), 0.0) / scale) ** plan.degree,
        max_products=plan.max_products // plan.degree,
    )
    spent = drive(many.block, krylov_schur(many, inner, seed, start, accept)).n_products >= inner.max_products
    found, good = latest[-1]
    return found if good or spent else None


def _extent(op: Operator, seed: int) -> tuple[float, float]:
    """The mean of an operator's eigenvalues and how far they lie from it, both roughly."""
    import torch

    v = torch.randn(1, op.n, generator=torch_generator(seed, "scale"), dtype=torch.float32).to(op.device, op.dtype)
    v = v / v.norm()
    moved = op.block(v)
    centre, radius = float((v * moved).sum()), 0.0
    for _ in range(8):
        v = torch.sub(moved, v, alpha=centre)
        radius = float(v.norm())
        if radius == 0.0:
            break
        v = v / radius
        moved = op.block(v)
    return (0.0 if abs(centre) < 0.1 * radius else centre), radius


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


def _left_vectors(op: Operator, plan: Plan, seed: int, values: np.ndarray, rights: np.ndarray | None) -> np.ndarray:
    """Leading eigenvectors of the transpose, matched to `values`."""
    found = drive(op.rblock, krylov_schur(op, plan, seed + 1, None))
    others, small = ritz(found.matrix, plan.order, plan.n_modes, plan.above)
    lefts, _ = _measure(op.transposed(), found.basis, others, small, vectors=True)
    assert lefts is not None
    pair = _match(values, others)
    return lefts[:, pair].conj()  # A^T w = theta w, so conj(w)^H A = theta conj(w)^H


def _match(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(np.abs(values[:, None] - others[None, :]))[1]


def warn(found: Eigenpairs, tol: float, dtype: torch.dtype) -> None:
    """One warning where modes have not converged, one where eigenvalues are ill-conditioned; each names the mend."""
    import torch

    if not found.converged.all():
        worst = float(found.residuals.max())
        fix = "work in float64, or tol=1e-5" if tol < 20 * torch.finfo(dtype).eps else "raise max_matvecs or subspace, or loosen tol"
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
