"""Lyapunov spectrum of a map: how fast neighbouring trajectories part, in every direction.

The tangent vectors are carried by forward-mode products and made orthonormal by QR; the logarithms of the diagonal of R add up
to the exponents.  References: Benettin et al. 1980; Geist, Parlitz and Lauterborn 1990.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Lyapunov", "spectrum"]


@dataclass(frozen=True)
class Lyapunov:
    """Lyapunov exponents and how they settled.

    Attributes
    ----------
    exponents : float array, (exponent)
        Per unit of `dt`, largest first; the mean over trajectories.
    trace : float array, (record, exponent)
        The running estimate, one record every QR.
    errors : float array, (exponent)
        Standard error: over trajectories where there are several, else over tenths of the run.
    time : float array, (record)
        Time of each record.
    per_trajectory : float array, (trajectory, exponent)
    """

    exponents: np.ndarray
    trace: np.ndarray
    errors: np.ndarray
    time: np.ndarray
    per_trajectory: np.ndarray


def spectrum(
    step_map: Callable[[Tensor], Tensor],
    start: Tensor | np.ndarray,
    n_exponents: int,
    n_steps: int,
    *,
    dt: float = 1.0,
    seed: int,
    burn_in: int = 0,
    qr_every: int = 1,
) -> Lyapunov:
    """The leading Lyapunov exponents along trajectories of a map.

    Parameters
    ----------
    step_map : callable
        x (batch, n) -> F(x) (batch, n); rows are independent.
    start : Tensor, (n) or (trajectory, n)
        Several trajectories run side by side and are averaged.
    n_exponents : int
    n_steps : int
        Steps averaged over.
    dt : float
        Time of one step; exponents are per unit of it.
    seed : int
        Initial tangent vectors.
    burn_in : int
        Steps before averaging begins, for the trajectory and its tangents to settle.
    qr_every : int
        Steps between orthonormalisations.

    Returns
    -------
    Lyapunov

    Raises
    ------
    NumericsError
        Too many exponents, no steps, or a trajectory that leaves the finite.

    Examples
    --------
    >>> import torch
    >>> A = torch.diag(torch.tensor([0.5, 2.0], dtype=torch.float64))
    >>> spectrum(lambda x: x @ A.T, torch.zeros(2, dtype=torch.float64), 2, 100, seed=0, burn_in=50).exponents.round(4).tolist()
    [0.6931, -0.6931]
    """
    import torch

    x = torch.as_tensor(start).detach()
    x = x[None] if x.dim() == 1 else x
    if x.dim() != 2 or not x.is_floating_point() or not bool(torch.isfinite(x).all()):
        raise NumericsError(
            "lyapunov.spectrum", f"`start` has shape {tuple(x.shape)} and dtype {x.dtype}", expected="finite and floating, (n) or (trajectory, n)"
        )
    b, n = len(x), x.shape[1]
    if not 1 <= n_exponents <= n:
        raise NumericsError("lyapunov.spectrum", f"`n_exponents` is {n_exponents} for {n} coordinates", expected=f"1..{n}")
    if n_steps < 1 or qr_every < 1 or burn_in < 0 or not dt > 0:
        raise NumericsError("lyapunov.spectrum", f"{n_steps} steps, QR every {qr_every}, burn-in {burn_in}, dt {dt}", expected="positive numbers")
    Q = torch.randn(b, n, n_exponents, generator=torch_generator(seed, "lyapunov"), dtype=torch.float32).to(x.device, x.dtype)
    Q = torch.linalg.qr(Q)[0]
    sums, records, times = torch.zeros(b, n_exponents, dtype=torch.float64), [], []
    with torch.no_grad():
        for k in range(-burn_in, n_steps):
            x, Q = _advance(step_map, x, Q)
            if (k + 1) % qr_every and k + 1 < n_steps and k + 1 != 0:
                continue
            Q, R = torch.linalg.qr(Q)
            growth = R.diagonal(dim1=1, dim2=2).abs().clamp_min(torch.finfo(x.dtype).tiny).log().double().cpu()
            if not bool(torch.isfinite(growth).all()) or not bool(torch.isfinite(x).all()):
                raise NumericsError(
                    "lyapunov.spectrum",
                    f"the trajectory is not finite at step {k + burn_in}",
                    expected="a bounded trajectory",
                    fix="a smaller step, another start, or a smaller qr_every",
                )
            if k >= 0:
                sums += growth
                records.append(sums.clone())
                times.append((k + 1) * dt)
    return _summary(torch.stack(records).numpy(), np.asarray(times))


def _advance(step_map: Callable[[Tensor], Tensor], x: Tensor, Q: Tensor) -> tuple[Tensor, Tensor]:
    """One step of the trajectories (b, n) and of their tangents (b, n, k)."""
    import torch

    b, n, k = Q.shape
    points = x.repeat_interleave(k, dim=0)
    pushed = torch.func.jvp(step_map, (points,), (Q.transpose(1, 2).reshape(b * k, n).contiguous(),))
    moved, tangents = pushed[0], pushed[1]
    return moved.reshape(b, k, n)[:, 0].contiguous(), tangents.reshape(b, k, n).transpose(1, 2)


def _summary(sums: np.ndarray, time: np.ndarray) -> Lyapunov:
    each = sums / time[:, None, None]
    final = each[-1]
    if final.shape[0] > 1:
        errors = final.std(axis=0, ddof=1) / np.sqrt(final.shape[0])
    elif len(time) >= 20:
        cuts = np.linspace(0, len(time) - 1, 11).astype(int)
        parts = np.diff(sums[cuts, 0], axis=0) / np.diff(time[cuts])[:, None]
        errors = parts.std(axis=0, ddof=1) / np.sqrt(10)
    else:
        errors = np.full(final.shape[1], np.nan)
    order = np.argsort(-final.mean(axis=0), kind="stable")
    return Lyapunov(final.mean(axis=0)[order], each.mean(axis=1)[:, order], errors[order], time, final[:, order])
