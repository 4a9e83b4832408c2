"""Which Ritz values are wanted, in what order, and how accurate they are to be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodyn.errors import unknown_name

__all__ = ["anchor", "ordering", "ranked", "reach", "ritz", "threshold"]


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


def anchor(which: str, centre: float, radius: float) -> float:
    """The point s such that the powers of A - s rank a spectrum of that centre and radius much as `which` does, and part it fastest.

    Examples
    --------
    >>> anchor("LM", 0.0, 1.0), anchor("LM", 3.0, 1.0), anchor("LR", 3.0, 1.0), anchor("nearest 1", 3.0, 1.0)
    (0.0, 2.0, 2.0, 4.0)
    """
    if which == "LM":
        return float(np.copysign(max(abs(centre) - radius, 0.0), centre))
    if which == "LR":
        return centre - radius
    return centre - float(np.copysign(radius, float(which.partition(" ")[2]) - centre))


def reach(which: str, s: float, key: float) -> float:
    """How near to s a value may lie whose rank by `which` is at least `key`: whoever knows all that are further away has missed none.

    Examples
    --------
    >>> reach("LM", 2.0, 3.5), reach("LR", 2.0, 3.5), reach("nearest 1", -1.0, -0.5)
    (1.5, 1.5, 1.5)
    """
    if which == "LM":
        return key - abs(s)
    if which == "LR":
        return key - s
    return abs(float(which.partition(" ")[2]) - s) + key


def ranked(values: np.ndarray, order: Callable, n_modes: int, above: float = -np.inf) -> np.ndarray:
    """Indices of the first `n_modes` values, or one more to keep a pair; conjugates must be adjacent in `values`.

    Of those only the ones ranked higher than `above`, and the first in any case.
    """
    keys = order(values)
    rank = np.argsort(-keys, kind="stable")
    n_modes = min(n_modes, max(1, int((keys > above).sum())))
    if n_modes < len(values):
        last = values[rank[n_modes - 1]]
        if last.imag > 0:
            n_modes += 1  # LAPACK lists the member with positive imaginary part first
    return rank[:n_modes]


def threshold(tol: float, values: np.ndarray) -> float:
    """The residual at which a mode counts as converged."""
    return tol * float(np.abs(values).max(initial=0.0))


def ritz(T: np.ndarray, order: Callable, n_modes: int, above: float = -np.inf) -> tuple[np.ndarray, np.ndarray]:
    """The first `n_modes` eigenvalues of a projected operator, or one more to keep a pair, and their vectors."""
    values, S = np.linalg.eig(T)
    rank = ranked(values.astype(complex), order, n_modes, above)
    return values.astype(complex)[rank], S[:, rank]
