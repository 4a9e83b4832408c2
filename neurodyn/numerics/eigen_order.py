"""Which Ritz values are wanted, in what order, and how accurate they are to be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.errors import unknown_name

__all__ = ["ordering", "ranked", "ritz", "threshold"]


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


def ranked(values: np.ndarray, order: Callable, n_modes: int) -> np.ndarray:
    """Indices of the first `n_modes` values, or one more to keep a pair; conjugates must be adjacent in `values`."""
    rank = np.argsort(-order(values), kind="stable")
    if n_modes < len(values):
        last = values[rank[n_modes - 1]]
        if last.imag > 0:
            n_modes += 1  # LAPACK lists the member with positive imaginary part first
    return rank[:n_modes]


def threshold(tol: float, values: np.ndarray) -> float:
    """The residual at which a mode counts as converged."""
    return tol * float(np.abs(values).max(initial=0.0))


def ritz(T: np.ndarray, order: Callable, n_modes: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `n_modes` eigenvalues of a projected operator, or one more to keep a pair, and their vectors."""
    values, S = np.linalg.eig(T)
    rank = ranked(values.astype(complex), order, n_modes)
    return values.astype(complex)[rank], S[:, rank]
