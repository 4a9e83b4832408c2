"""How the eigenvalues that a Krylov space sees approach those of a layer's recurrent weights as the space grows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import dense, kernel_operator
from neurodyn.dynamics.simulate import check_ready
from neurodyn.errors import CapacityError, ConfigError
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["krylov_convergence"]


def krylov_convergence(
    model: DynamicalModel, *, layer: str, sizes: Sequence[int] = (20, 60, 150), n_modes: int = 20, max_units: int = 3000, seed: int
) -> xr.Dataset:
    """Run the Arnoldi process on a layer's recurrent weights without restarts, and compare its Ritz values with all eigenvalues.

    Parameters
    ----------
    model : DynamicalModel
        With ``recurrent_kernel(layer)``.
    layer : str
    sizes : sequence of int
        Dimensions of the Krylov space at which Ritz values are kept.
    n_modes : int
        Leading eigenvalues whose errors are given.
    max_units : int
        Largest layer whose matrix is formed.
    seed : int
        Of the start vector.

    Returns
    -------
    Dataset
        ==============  ====================  =====  ===================================================================
        variable        dims                  units  meaning
        ==============  ====================  =====  ===================================================================
        matrix          (row, column)         1      the weights as a matrix, rows and columns in the order of the units
        eigenvalue      (unit)                1      all eigenvalues, largest modulus first
        ritz            (size, krylov)        1      eigenvalues of the projection on spaces of these sizes; NaN pads
        error           (dimension, mode)     1      distance of each leading eigenvalue from the nearest Ritz value
        residual        (dimension)           1      norm of what the next vector leaves outside the space, over the largest modulus
        ==============  ====================  =====  ===================================================================

    Raises
    ------
    ConfigError
        If a size is not between 1 and the number of units.
    CapacityError
        If the layer has more than `max_units` units.

    Notes
    -----
    With V an orthonormal basis of the space spanned by q, W q, ..., W^(m-1) q, the Ritz values are the eigenvalues of V' W V.  Each new vector
    is orthogonalised twice.  For results rather than pictures use :func:`neurodyn.analysis.eigenspectrum`, which restarts and checks residuals.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> found = krylov_convergence(linear_network([0.9, 0.5, 0.1]), layer="x", sizes=(1, 3), n_modes=1, seed=0)
    >>> bool(found.error.values[-1, 0] < 1e-10 < found.error.values[0, 0])
    True
    """
    import torch

    check_ready(model)
    with torch.no_grad():
        state = model.initial_state(model.encode(model.blank.unsqueeze(0)))
        operator = kernel_operator(model, state, layer, dtype=torch.float64)
    n = operator.shape[0]
    if n > max_units:
        raise CapacityError("krylov_convergence", f"layer `{layer}` has {n} units", expected=f"{max_units} or fewer", fix=f"max_units={n}, or a smaller layer")
    if not sizes or min(sizes) < 1 or max(sizes) > n or not 1 <= n_modes <= n:
        raise ConfigError("krylov_convergence", f"`sizes` is {tuple(sizes)} and `n_modes` {n_modes} for {n} units", expected=f"numbers from 1 to {n}")
    matrix = dense(operator).detach().cpu().numpy()
    values = np.linalg.eigvals(matrix)
    values = values[np.argsort(-np.abs(values), kind="stable")]
    top = float(np.abs(values[0])) or 1.0
    projected, rest = _arnoldi(matrix, max(sizes), numpy_generator(seed, "krylov").standard_normal(n))
    steps = np.arange(1, len(rest) + 1)
    ritz = [np.linalg.eigvals(projected[:m, :m]) for m in steps]
    error = np.array([np.abs(values[:n_modes, None] - found[None]).min(axis=1) for found in ritz])
    kept = np.full((len(sizes), max(sizes)), np.nan, complex)
    for k, m in enumerate(sizes):
        kept[k, : min(m, len(steps))] = ritz[min(m, len(steps)) - 1]
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "matrix": (("row", "column"), matrix, unit),
            "eigenvalue": ("unit", values, unit),
            "ritz": (("size", "krylov"), kept, unit),
            "error": (("dimension", "mode"), error, unit),
            "residual": ("dimension", rest / top, unit),
        },
        coords={"size": list(map(int, sizes)), "dimension": steps, "mode": np.arange(n_modes)},
        attrs={"layer": layer},
    )


def _arnoldi(matrix: np.ndarray, size: int, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The projection, (size, size), and the norm of each remainder; shorter where the space closes."""
    basis = np.zeros((size + 1, len(matrix)))
    projected = np.zeros((size + 1, size))
    basis[0] = start / np.linalg.norm(start)
    for k in range(size):
        v = matrix @ basis[k]
        for _ in range(2):
            share = basis[: k + 1] @ v
            v = v - share @ basis[: k + 1]
            projected[: k + 1, k] += share
        projected[k + 1, k] = np.linalg.norm(v)
        if projected[k + 1, k] <= 1e-14 * np.abs(projected[: k + 2, : k + 1]).max():
            size = k + 1
            break
        basis[k + 1] = v / projected[k + 1, k]
    return projected[:size, :size], np.diag(projected[1 : size + 1, :size]).copy()
