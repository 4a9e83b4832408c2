"""What eigenvalues hide: singular values, growth before decay, and departure from normality."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import LinearOperator, as_dtype, gated_operator, jacobian, kernel_operator, resolving_dtype
from neurodyn.dynamics.vectorise import check_state
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics import arnoldi, lanczos

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["non_normality"]

OPERATORS = ("jacobian", "kernel", "gated")


def non_normality(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    n_modes: int = 10,
    steps: Sequence[int] = (0, 1, 2, 4, 8, 16, 32),
    operator: Literal["jacobian", "kernel", "gated"] = "jacobian",
    layer: str | Sequence[str] | None = None,
    tol: float = 1e-6,
    seed: int,
) -> xr.Dataset:
    """Singular values, transient growth and departure from normality of an operator at one state.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    state : State
        One row.
    drive : Drive
        One row.
    n_modes : int
        Leading singular values.
    steps : sequence of int
        When growth is measured, in steps.
    operator, layer
        As for :func:`neurodyn.analysis.eigenspectrum`.
    tol : float
        Relative residual of the singular values.
    seed : int

    Returns
    -------
    Dataset
        ===================  ========  =====  =====================================================================
        variable             dims      units  meaning
        ===================  ========  =====  =====================================================================
        singular_value       (mode)    1      largest first
        residual             (mode)    1
        gain                 (step)    1      most that a perturbation has grown after so many steps, |A^t|
        spectral_radius      ()        1      largest modulus of an eigenvalue
        numerical_abscissa   ()        1      largest eigenvalue of (A + A^T) / 2
        henrici              ()        1      departure from normality; NaN above 2,500 units, where bounds are given
        henrici_low, _high   ()        1
        ===================  ========  =====  =====================================================================

    Raises
    ------
    SchemaError
        A state of another model.
    ConfigError
        Unknown operator or layer.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25])
    >>> drive = model.encode(torch.zeros(1, 2, 1, 1))
    >>> non_normality(model, model.initial_state(drive), drive, n_modes=2, steps=(1, 2), seed=0).gain.values.round(4).tolist()
    [0.5, 0.25]
    """
    if operator not in OPERATORS:
        raise unknown_name("non_normality", "operator", operator, OPERATORS)
    if operator != "jacobian" and not isinstance(layer, str):
        raise ConfigError("non_normality", f'operator="{operator}" with layer={layer!r}', expected="the name of one layer", fix=f'layer="{model.phase[0]}"')
    check_state(model, state, drive, where="non_normality")
    model, state, drive = as_dtype(model, {k: v[:1] for k, v in state.items()}, {k: v[:1] for k, v in drive.items()}, resolving_dtype(model, state, tol))
    A: LinearOperator
    if operator == "jacobian":
        A = jacobian(model, state, drive, layers=layer)
    else:
        assert isinstance(layer, str)
        A = kernel_operator(model, state, layer) if operator == "kernel" else gated_operator(model, state, drive, layer)
    n_modes = min(n_modes, A.shape[0])
    found = lanczos.singular_values(A, n_modes, tol=tol, seed=seed)
    departure = lanczos.departure_from_normality(A, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        radius = float(np.abs(arnoldi.leading_eigenpairs(A, 1, tol=max(tol, 1e-6), seed=seed, vectors=False).values).max())
    return xr.Dataset(
        {
            "singular_value": ("mode", found.values, {"units": "1"}),
            "residual": ("mode", found.residuals, {"units": "1"}),
            "gain": ("step", lanczos.transient_growth(A, steps, seed=seed), {"units": "1"}),
            "spectral_radius": ((), radius, {"units": "1"}),
            "numerical_abscissa": ((), lanczos.numerical_abscissa(A, tol=max(tol, 1e-6), seed=seed), {"units": "1"}),
            "henrici": ((), departure.henrici, {"units": "1"}),
            "henrici_low": ((), departure.bounds[0], {"units": "1"}),
            "henrici_high": ((), departure.bounds[1], {"units": "1"}),
        },
        coords={"mode": np.arange(n_modes), "step": ("step", np.asarray(steps), {"units": "step"})},
        attrs={"operator": operator, "seed": seed, "tol": tol},
    )
