"""Follow a fixed point while a parameter changes, round folds too.

Pseudo-arclength continuation: a predictor along the tangent of the branch (x, p), a Newton corrector in the plane across it.
Reference: Keller 1977.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from neurodyn.errors import ConvergenceWarning, NumericsError
from neurodyn.numerics.arnoldi import leading_eigenpairs
from neurodyn.numerics.operators import Operator

if TYPE_CHECKING:
    from torch import Tensor

    Family = Callable[[Tensor, Tensor], Tensor]

__all__ = ["Branch", "follow"]

DENSE_UP_TO = 400


@dataclass(frozen=True)
class Branch:
    """A branch of fixed points.

    Attributes
    ----------
    parameters : float array, (point)
    states : float array, (point, n)
    speeds : float array, (point)
        |F(x, p) - x|.
    eigenvalues : complex array, (point, mode)
        Of the Jacobian of F in x, largest modulus first.
    stable : bool array, (point)
    events : tuple of (int, str)
        Index of the point after which something happens: ``"fold"`` (the branch turns back), ``"real"`` (an eigenvalue passes +1),
        ``"flip"`` (passes -1) or ``"rotation"`` (a conjugate pair passes the unit circle).
    complete : bool
        Whether the end of the range was reached.
    """

    parameters: np.ndarray
    states: np.ndarray
    speeds: np.ndarray
    eigenvalues: np.ndarray
    stable: np.ndarray
    events: tuple[tuple[int, str], ...]
    complete: bool


def follow(
    family: Family,
    start: Tensor,
    interval: tuple[float, float],
    *,
    step: float = 0.05,
    max_points: int = 400,
    n_modes: int = 4,
    tol: float = 1e-9,
    seed: int,
) -> Branch:
    """Follow the fixed point of x -> F(x, p) from one end of an interval of p to the other.

    Parameters
    ----------
    family : callable
        (x (batch, n), p (batch)) -> F(x, p) (batch, n).
    start : Tensor, (n)
        Near a fixed point at the first end; refined before the walk begins.
    interval : (float, float)
        Where p starts and where it is led to.  The branch may turn back on the way; it ends when it leaves the interval on either
        side.
    step : float
        Arclength between points at first, p and x counted in units of the interval and of max(1, |x|); adapted as the corrector
        finds it easy or hard.
    max_points : int
    n_modes : int
        Leading eigenvalues at each point.
    tol : float
        Speed at which a point counts as fixed, relative to max(1, |x|).
    seed : int

    Returns
    -------
    Branch

    Raises
    ------
    NumericsError
        If there is no fixed point near the start, or the interval is empty.

    Warns
    -----
    ConvergenceWarning
        If the walk stops inside the interval.

    Examples
    --------
    A fold: x + 0.1 (p - x^2) has the two branches x = +-sqrt(p).

    >>> import torch
    >>> branch = follow(lambda x, p: x + 0.1 * (p[:, None] - x**2), torch.tensor([1.0], dtype=torch.float64), (1.0, -1.0), seed=0)
    >>> [event for _, event in branch.events], round(float(branch.parameters.min()), 2)
    (['fold'], 0.0)
    """
    import torch

    first, last = float(interval[0]), float(interval[1])
    width = abs(last - first)
    x = torch.as_tensor(start).detach().reshape(-1).double()
    if not width > 0 or not step > 0 or max_points < 2 or not bool(torch.isfinite(x).all()):
        raise NumericsError("follow", f"interval {interval}, step {step}, {max_points} points", expected="a finite start, two different ends, a positive step")
    problem = _Problem(family, width, max(1.0, float(x.norm())), tol)
    x = problem.settle(x, first)
    p, tangent = first, None
    found = [problem.record(x, p, n_modes, seed)]
    heading = np.r_[np.zeros(len(x)), np.sign(last - first)]
    complete, ds = False, step
    while len(found) < max_points:
        if tangent is None:
            tangent = problem.tangent(x, p, heading)
        new = problem.correct(x, p, tangent, ds)
        if new is None:
            ds *= 0.5
            if ds < 1e-4 * step:
                break
            continue
        (xn, pn), effort = new
        outside = (pn - last) * np.sign(last - first) > 0 or (pn - first) * np.sign(last - first) < -1e-12
        if outside:
            edge = last if (pn - last) * np.sign(last - first) > 0 else first
            xn, pn, complete = problem.settle(xn, edge, strict=False), edge, edge == last
            found.append(problem.record(xn, pn, n_modes, seed))
            break
        turned = problem.tangent(xn, pn, tangent)
        x, p, tangent = xn, pn, turned
        found.append(problem.record(x, p, n_modes, seed))
        ds = min(ds * 1.5, 2 * step) if effort <= 3 else ds * 0.7 if effort > 6 else ds
    inside = not complete and found[-1][1] not in (first, last)
    if inside:
        warnings.warn(
            f"follow: the branch stops at p = {found[-1][1]:g} after {len(found)} points\n  fix: raise max_points, or a smaller step",
            ConvergenceWarning,
            stacklevel=2,
        )
    return _branch(found, complete)


class _Problem:
    """The extended system (F(x, p) - x, arclength) in scaled coordinates z = (x / size, p / width)."""

    def __init__(self, family: Family, width: float, size: float, tol: float) -> None:
        self.family, self.width, self.size, self.tol = family, width, size, tol

    def residual(self, x: Tensor, p: float) -> Tensor:
        import torch

        with torch.no_grad():
            return self.family(x[None], torch.tensor([p], dtype=x.dtype))[0] - x

    def product(self, x: Tensor, p: float, dx: Tensor, dp: float) -> Tensor:
        """(J - I) dx + F_p dp."""
        import torch

        with torch.no_grad():
            points, shift = x[None], torch.tensor([p], dtype=x.dtype)
            moved = torch.func.jvp(self.family, (points, shift), (dx[None].contiguous(), torch.tensor([dp], dtype=x.dtype)))[1]
        return moved[0] - dx

    def solve(self, x: Tensor, p: float, row: np.ndarray, right: np.ndarray) -> np.ndarray | None:
        """Solve the bordered system [J - I, F_p; row] z = right in scaled coordinates."""
        import torch

        n = len(x)

        def multiply(z: np.ndarray) -> np.ndarray:
            top = self.product(x, p, torch.from_numpy(np.ascontiguousarray(z[:n])) * self.size, float(z[n]) * self.width)
            return np.r_[top.numpy() / self.size, row @ z]

        if n <= DENSE_UP_TO:
            matrix = np.empty((n + 1, n + 1))
            eye = torch.eye(n, dtype=x.dtype)
            with torch.no_grad():
                shift = torch.full((n,), p, dtype=x.dtype)
                columns = torch.func.jvp(lambda y: self.family(y, shift), (x.expand(n, n).contiguous(),), (eye,))[1] - eye
            matrix[:n, :n] = columns.numpy().T
            matrix[:n, n] = self.product(x, p, torch.zeros_like(x), self.width).numpy() / self.size
            matrix[n] = row
            try:
                return np.linalg.solve(matrix, right)
            except np.linalg.LinAlgError:
                return None
        z, info = gmres(LinearOperator((n + 1, n + 1), matvec=multiply, dtype=float), right, rtol=1e-6, restart=60, maxiter=5)
        return z if info == 0 else None

    def settle(self, x: Tensor, p: float, *, strict: bool = True) -> Tensor:
        """Newton at a fixed parameter."""
        import torch

        hold = np.r_[np.zeros(len(x)), 1.0]
        for _ in range(40):
            g = self.residual(x, p)
            if float(g.norm()) <= self.tol * max(1.0, float(x.norm())):
                return x
            z = self.solve(x, p, hold, np.r_[-g.numpy() / self.size, 0.0])
            if z is None or not np.isfinite(z).all():
                break
            x = x + torch.from_numpy(z[:-1]) * self.size
        if strict:
            raise NumericsError(
                "follow", f"no fixed point near `start` at p = {p:g} (speed {float(self.residual(x, p).norm()):.2e})", expected="a start near one"
            )
        return x

    def tangent(self, x: Tensor, p: float, towards: np.ndarray) -> np.ndarray:
        """Unit tangent of the branch, pointing as `towards` does."""
        z = self.solve(x, p, towards / np.linalg.norm(towards), np.r_[np.zeros(len(x)), 1.0])
        if z is None or not np.isfinite(z).all():
            return towards / np.linalg.norm(towards)
        return z / np.linalg.norm(z)

    def correct(self, x: Tensor, p: float, tangent: np.ndarray, ds: float) -> tuple[tuple[Tensor, float], int] | None:
        """Predict along the tangent and correct across it; None where that fails."""
        import torch

        xn = x + torch.from_numpy(tangent[:-1]) * (ds * self.size)
        pn = p + float(tangent[-1]) * ds * self.width
        for k in range(1, 11):
            g = self.residual(xn, pn)
            if not bool(torch.isfinite(g).all()):
                return None
            if float(g.norm()) <= self.tol * max(1.0, float(xn.norm())):
                return (xn, pn), k
            z = self.solve(xn, pn, tangent, np.r_[-g.numpy() / self.size, 0.0])
            if z is None or not np.isfinite(z).all() or np.linalg.norm(z) > 5 * ds + 1.0:
                return None
            xn, pn = xn + torch.from_numpy(z[:-1]) * self.size, pn + float(z[-1]) * self.width
        return None

    def record(self, x: Tensor, p: float, n_modes: int, seed: int) -> tuple[np.ndarray, float, float, np.ndarray]:
        import torch

        def block(vectors: Tensor) -> Tensor:
            k = len(vectors)
            points, shift = x.expand(k, -1).contiguous(), torch.full((k,), p, dtype=x.dtype)
            with torch.no_grad():
                return torch.func.jvp(lambda y: self.family(y, shift), (points,), (vectors,))[1]

        n = len(x)
        op = Operator(n, x.dtype, torch.device("cpu"), block, None, where="follow")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = leading_eigenpairs(op, min(n_modes, n), tol=1e-7, seed=seed, vectors=False).values
        return x.numpy().copy(), p, float(self.residual(x, p).norm()), values


def _branch(found: list[tuple[np.ndarray, float, float, np.ndarray]], complete: bool) -> Branch:
    parameters = np.array([f[1] for f in found])
    width = max(len(f[3]) for f in found)
    values = np.full((len(found), width), np.nan, complex)
    for i, f in enumerate(found):
        values[i, : len(f[3])] = f[3]
    unstable = (np.abs(values) > 1).sum(axis=1)
    events = []
    moves = np.sign(np.diff(parameters))
    for i in range(1, len(moves)):
        if moves[i] != moves[i - 1] and moves[i] != 0:
            events.append((i, "fold"))
    folds = {k for k, _ in events}
    for i in range(len(found) - 1):
        if unstable[i + 1] != unstable[i] and not folds & {i, i + 1, i - 1}:
            near = values[i][np.nanargmin(np.abs(np.abs(values[i]) - 1))]
            kind = "rotation" if abs(near.imag) > 1e-6 else "real" if near.real > 0 else "flip"
            events.append((i, kind))
    return Branch(
        parameters,
        np.stack([f[0] for f in found]),
        np.array([f[2] for f in found]),
        values,
        np.nanmax(np.abs(values), axis=1) < 1,
        tuple(sorted(events)),
        complete,
    )
