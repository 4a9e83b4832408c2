"""Singular values of large operators, and what they say about growth that eigenvalues do not show.

Golub-Kahan-Lanczos bidiagonalisation with full reorthogonalisation and thick restarts.  References: Golub and Kahan 1965;
Baglama and Reichel 2005 (restarts); Trefethen and Embree 2005 (non-normality); Elsner and Paardekooper 1987 (bounds on
Henrici's departure).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import ConvergenceWarning, NumericsError
from neurodyn.numerics.arnoldi import leading_eigenpairs
from neurodyn.numerics.operators import Operator, as_operator
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Departure", "SingularTriplets", "departure_from_normality", "numerical_abscissa", "singular_values", "transient_growth"]

DENSE_BELOW = 256
DENSE_HENRICI = 2500


@dataclass(frozen=True)
class SingularTriplets:
    """Leading singular values.

    Attributes
    ----------
    values : float array, (mode)
        Largest first.
    residuals : float array, (mode)
        sqrt(|A v - s u|^2 + |A^T u - s v|^2), measured with the operator.
    left_vectors, right_vectors : float array, (n, mode)
        Unit columns.
    converged : bool array, (mode)
        ``residual <= tol * largest value``.
    n_products : int
        Products with the operator and its transpose.
    """

    values: np.ndarray
    residuals: np.ndarray
    left_vectors: np.ndarray
    right_vectors: np.ndarray
    converged: np.ndarray
    n_products: int


@dataclass(frozen=True)
class Departure:
    """How far an operator is from normal.

    Attributes
    ----------
    henrici : float
        sqrt(|A|_F^2 - sum |eigenvalue|^2); NaN where the operator is too large to know every eigenvalue.
    relative : float
        The same over |A|_F.
    frobenius : float
        |A|_F; estimated from random probes for large operators.
    commutator : float
        |A^T A - A A^T|_F; estimated likewise.
    bounds : (float, float)
        Henrici's departure lies between commutator / (sqrt(6) |A|_F) and ((n^3 - n) / 12)^(1/4) sqrt(commutator).
    """

    henrici: float
    relative: float
    frobenius: float
    commutator: float
    bounds: tuple[float, float]


def singular_values(operator: Any, n_modes: int, *, tol: float = 1e-8, seed: int, subspace: int | None = None, max_restarts: int = 200) -> SingularTriplets:
    """The largest singular values of a real square operator with a transposed product.

    Parameters
    ----------
    operator : array, (n, n), or object with ``shape``, ``matvec`` and ``rmatvec``
    n_modes : int
    tol : float
        Residual, relative to the largest value, at which a mode counts as converged.
    seed : int
        Start vector.
    subspace : int, optional
        Size of the Krylov spaces.
    max_restarts : int

    Returns
    -------
    SingularTriplets

    Raises
    ------
    NumericsError
        No transposed product, a non-square operator, too many modes.

    Warns
    -----
    ConvergenceWarning
        Where some mode has not reached `tol`.

    Examples
    --------
    >>> singular_values(np.diag([1.0, -3.0, 2.0]), 2, seed=0).values.round(6).tolist()
    [3.0, 2.0]
    """
    op = as_operator(operator, where="singular_values")
    n = op.n
    if not 1 <= n_modes <= n:
        raise NumericsError("singular_values", f"`n_modes` is {n_modes} for an operator of {n} rows", expected=f"1..{n}")
    m = subspace if subspace is not None else max(2 * n_modes + 10, 30)
    if m < n_modes + 3:
        raise NumericsError("singular_values", f"`subspace` is {m} for {n_modes} modes", expected=f"at least {n_modes + 3}")
    if n <= DENSE_BELOW or m + 2 >= n:
        u, s, vt = np.linalg.svd(op.matrix())
        u, s, v = u[:, :n_modes], s[:n_modes], vt[:n_modes].T
        return SingularTriplets(s, np.full(n_modes, op.epsilon * (s[0] if len(s) else 0.0)), u, v, np.ones(n_modes, bool), op.n_products)
    U, s, V = _golub_kahan(op, n_modes, m, tol, seed, max_restarts)
    Av, Atu = op.block(V), op.rblock(U)
    scale = s.to(U.dtype)[:, None]
    residuals = (((Av - scale * U) ** 2).sum(1) + ((Atu - scale * V) ** 2).sum(1)).sqrt().double().cpu().numpy()
    values = s.cpu().numpy()
    converged = residuals <= tol * values[0]
    if not converged.all():
        warnings.warn(
            f"singular_values: {int((~converged).sum())} of {n_modes} modes are above tol={tol:g} (largest residual {residuals.max():.2e})\n"
            "  fix: raise subspace or max_restarts, loosen tol, or work in float64",
            ConvergenceWarning,
            stacklevel=2,
        )
    return SingularTriplets(values, residuals, U.t().cpu().numpy(), V.t().cpu().numpy(), converged, op.n_products)


def _golub_kahan(op: Operator, k: int, m: int, tol: float, seed: int, max_restarts: int) -> tuple[Tensor, Tensor, Tensor]:
    """Thick-restarted bidiagonalisation: A V = U B, A^T U = V B^T + remainder."""
    import torch

    V = torch.zeros(m + 1, op.n, dtype=op.dtype, device=op.device)
    U = torch.zeros(m, op.n, dtype=op.dtype, device=op.device)
    B = np.zeros((m, m))
    generator = torch_generator(seed, "lanczos")
    V[0] = _unit(_random(op, generator), V[:0])[0]
    kept = 0
    for _ in range(max_restarts):
        for j in range(kept, m):
            u = op.block(V[j : j + 1])[0]
            u, size, h = _against(u, U[:j], op, generator)
            B[:j, j] = h  # bidiagonal but for the column after a restart
            B[j, j] = size
            U[j] = u
            v = op.rblock(U[j : j + 1])[0]
            v, beta, _ = _against(v, V[: j + 1], op, generator)
            V[j + 1] = v
        P, s, Qt = np.linalg.svd(B)
        errors = beta * np.abs(P[-1, :k])
        done = bool((errors <= 0.5 * tol * s[0]).all())
        kept = k if done else min(k + (m - k) // 2, m - 2)
        Pk = torch.as_tensor(np.ascontiguousarray(P[:, :kept].T)).to(U.device, U.dtype)
        Qk = torch.as_tensor(np.ascontiguousarray(Qt[:kept])).to(U.device, U.dtype)
        U[:kept], V[:kept] = Pk @ U, Qk @ V[:m]
        if done:
            break
        V[kept] = V[m].clone()
        B[:] = 0.0
        B[np.arange(kept), np.arange(kept)] = s[:kept]
    return U[:k].clone(), torch.as_tensor(s[:k].copy()), V[:k].clone()


def _random(op: Operator, generator: Any) -> Tensor:
    import torch

    return torch.randn(op.n, generator=generator, dtype=torch.float32).to(op.device, op.dtype)


def _unit(w: Tensor, basis: Tensor) -> tuple[Tensor, float, np.ndarray]:
    h = basis @ w
    w = w - basis.t() @ h
    again = basis @ w
    w = w - basis.t() @ again
    size = float(w.norm())
    return w / max(size, 1e-300), size, (h + again).double().cpu().numpy()


def _against(w: Tensor, basis: Tensor, op: Operator, generator: Any) -> tuple[Tensor, float, np.ndarray]:
    """Orthonormalise a vector against a basis; where nothing is left, a random direction with length 0."""
    before = float(w.norm())
    unit, size, h = _unit(w, basis)
    if size > 50 * op.epsilon * before and size > 1e-290:
        return unit, size, h
    return _unit(_random(op, generator), basis)[0], 0.0, h


def numerical_abscissa(operator: Any, *, tol: float = 1e-8, seed: int) -> float:
    """Largest eigenvalue of (A + A^T) / 2: the fastest initial growth rate of x' = A x.

    Parameters
    ----------
    operator : array, (n, n), or object with ``shape``, ``matvec`` and ``rmatvec``
    tol : float
    seed : int

    Examples
    --------
    >>> numerical_abscissa(np.array([[0.0, 2.0], [0.0, 0.0]]), seed=0)
    1.0
    """
    op = as_operator(operator, where="numerical_abscissa")
    half = Operator(op.n, op.dtype, op.device, lambda v: 0.5 * (op.block(v) + op.rblock(v)), None, where="numerical_abscissa")
    return float(leading_eigenpairs(half, 1, which="LR", tol=tol, seed=seed, vectors=False).values[0].real)


def departure_from_normality(operator: Any, *, seed: int, n_probes: int = 32) -> Departure:
    """Henrici's departure from normality, exactly for up to 2,500 rows and bounded beyond.

    Parameters
    ----------
    operator : array, (n, n), or object with ``shape``, ``matvec`` and ``rmatvec``
    seed : int
        Probes.
    n_probes : int
        Random vectors for the norms of large operators; their relative error is about sqrt(2 / n_probes) at worst.

    Examples
    --------
    >>> round(departure_from_normality(np.array([[1.0, 1.0], [0.0, 1.0]]), seed=0).henrici, 6)
    1.0
    """
    import torch

    op = as_operator(operator, where="departure_from_normality")
    n, henrici = op.n, float("nan")
    if n <= DENSE_HENRICI:
        A = op.matrix()
        frobenius = float(np.linalg.norm(A))
        commutator = float(np.linalg.norm(A.T @ A - A @ A.T))
        henrici = float(np.sqrt(max(frobenius**2 - float((np.abs(np.linalg.eigvals(A)) ** 2).sum()), 0.0)))
    else:
        signs = torch.randint(0, 2, (n_probes, n), generator=torch_generator(seed, "probes"), dtype=torch.int8)
        Z = (2.0 * signs - 1.0).to(op.device, op.dtype)
        Az, Atz = op.block(Z), op.rblock(Z)
        frobenius = float((Az**2).sum(1).mean().sqrt())
        commutator = float(((op.rblock(Az) - op.block(Atz)) ** 2).sum(1).mean().sqrt())
    low = commutator / (np.sqrt(6.0) * frobenius) if frobenius > 0 else 0.0
    high = float((((float(n) ** 3 - n) / 12) ** 0.25) * np.sqrt(commutator))
    return Departure(henrici, henrici / frobenius if frobenius > 0 else 0.0, frobenius, commutator, (low, min(high, frobenius)))


def transient_growth(operator: Any, steps: Sequence[int], *, tol: float = 1e-4, seed: int) -> np.ndarray:
    """The most that any perturbation has grown after so many steps: the largest singular value of A^t.

    Parameters
    ----------
    operator : array, (n, n), or object with ``shape``, ``matvec`` and ``rmatvec``
        One step of the linearised model.
    steps : sequence of int
    tol : float
        Relative.
    seed : int

    Returns
    -------
    float array, (step)
        Above 1 where a stable system first amplifies.

    Examples
    --------
    >>> transient_growth(np.array([[0.5, 4.0], [0.0, 0.5]]), [0, 1, 8], seed=0).round(2).tolist()
    [1.0, 4.06, 0.25]
    """
    op = as_operator(operator, where="transient_growth")
    if any(t < 0 for t in steps):
        raise NumericsError("transient_growth", f"`steps` holds {min(steps)}", expected="0 or more")
    if op.n <= DENSE_BELOW:
        A = op.matrix()
        return np.array([np.linalg.norm(np.linalg.matrix_power(A, int(t)), 2) for t in steps])

    def power(product: Any, t: int) -> Any:
        def repeated(v: Tensor) -> Tensor:
            for _ in range(t):
                v = product(v)
            return v

        return repeated

    out = []
    for t in steps:
        many = Operator(op.n, op.dtype, op.device, power(op.block, int(t)), power(op.rblock, int(t)), where="transient_growth")
        out.append(1.0 if t == 0 else float(singular_values(many, 1, tol=tol, seed=seed, subspace=12).values[0]))
    return np.array(out)
