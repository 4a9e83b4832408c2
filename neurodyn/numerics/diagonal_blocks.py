"""The leading eigenvalues of a block triangular operator from those of its diagonal blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.numerics.arnoldi import Eigenpairs
from neurodyn.numerics.eigen_order import ordering, ranked, threshold

__all__ = ["leading_of_blocks"]


def leading_of_blocks(
    solve: Callable[[int, int, float], Sequence[Eigenpairs]], sizes: Sequence[int], n_modes: int, *, which: str = "LM", tol: float = 1e-8
) -> list[tuple[Eigenpairs, np.ndarray]]:
    """Leading modes of the union of several spectra, each block asked for no more than it can add.

    Parameters
    ----------
    solve : callable (block, n_modes, above) -> sequence of Eigenpairs
        The leading modes of one diagonal block that `which` ranks higher than `above`, as
        :func:`neurodyn.numerics.arnoldi.leading_eigenpairs` gives them; of several operators of that structure at once.
    sizes : sequence of int
        Rows of each block.
    n_modes : int
        How many of the union; one more where the last would split a conjugate pair.
    which : str
        As for :func:`neurodyn.numerics.arnoldi.leading_eigenpairs`.
    tol : float
        A mode has converged where its residual is within this of the union's largest modulus.

    Returns
    -------
    list of (Eigenpairs, int array (mode))
        For each operator its modes, without vectors or condition numbers (which the coupling between blocks changes), and the block each
        is of.  `n_matvecs` counts the products with the blocks.

    Raises
    ------
    NumericsError
        More modes than rows.

    Notes
    -----
    The largest block comes first; those that follow are asked only for modes that come before the last of the union so far.

    Examples
    --------
    >>> from neurodyn.numerics.arnoldi import leading_eigenpairs
    >>> blocks = [np.diag([5.0, 4.0, 3.0]), np.diag([2.0, 1.0])]
    >>> [(modes, owner)] = leading_of_blocks(lambda i, k, above: [leading_eigenpairs(blocks[i], k, seed=0, above=above)], [3, 2], 3)
    >>> modes.values.real.tolist(), owner.tolist()
    ([5.0, 4.0, 3.0], [0, 0, 0])
    """
    if not 1 <= n_modes <= sum(sizes):
        raise NumericsError("leading_of_blocks", f"`n_modes` is {n_modes} for {sum(sizes)} rows", expected=f"1..{sum(sizes)}")
    order = ordering(which)
    unions: list[tuple[Eigenpairs, np.ndarray]] = []
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        full = bool(unions) and all(len(modes.values) >= n_modes for modes, _ in unions)
        above = min(float(order(modes.values).min()) for modes, _ in unions) if full else -np.inf
        found = solve(i, min(n_modes, sizes[i]), above)
        owners = [np.full(len(own.values), i) for own in found]
        if unions:
            merged = [_merge(*both, own, owner, order, n_modes, tol) for both, own, owner in zip(unions, found, owners, strict=True)]
        else:
            merged = list(zip(found, owners, strict=True))
        unions = merged
    return unions


def _merge(
    first: Eigenpairs, owner: np.ndarray, second: Eigenpairs, other: np.ndarray, order: Callable[[np.ndarray], np.ndarray], n_modes: int, tol: float
) -> tuple[Eigenpairs, np.ndarray]:
    values, residuals = (np.concatenate([getattr(f, name) for f in (first, second)]) for name in ("values", "residuals"))
    rank = ranked(values, order, min(n_modes, len(values)))
    values, residuals = values[rank], residuals[rank]
    modes = Eigenpairs(values, residuals, None, residuals <= threshold(tol, values), first.n_matvecs + second.n_matvecs)
    return modes, np.concatenate([owner, other])[rank]
