"""How fast neighbouring trajectories of a model part under constant input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import as_dtype, step_map
from neurodyn.dynamics.vectorise import check_state, expand_rows, phase_space
from neurodyn.errors import SchemaError
from neurodyn.numerics import lyapunov

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["lyapunov_exponents"]


def lyapunov_exponents(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    n_exponents: int,
    n_steps: int,
    burn_in: int = 0,
    qr_every: int = 1,
    layers: str | Sequence[str] | None = None,
    seed: int,
    stimulus_id: Sequence[str] | None = None,
    double: bool = True,
) -> xr.Dataset:
    """Leading Lyapunov exponents from each of a batch of states, input held constant.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    state : State
        Where the trajectories begin, one a row.
    drive : Drive
        Constant input; one row, or one for each state.
    n_exponents : int
    n_steps : int
        Steps averaged over.
    burn_in : int
        Steps before averaging begins.
    qr_every : int
        Steps between orthonormalisations of the tangents.
    layers : str or sequence of str, optional
        Which layers move, the rest held; the whole phase space when absent.
    seed : int
        Initial tangents.
    stimulus_id : sequence of str, optional
    double : bool
        Compute in float64.

    Returns
    -------
    Dataset
        ==================  ===============================  ===============  ===========================================
        variable            dims                             units            meaning
        ==================  ===============================  ===============  ===========================================
        exponent            (presentation, exponent_index)      1/s, or 1/step   largest first
        error               (presentation, exponent_index)      same             standard error over tenths of the run
        running             (presentation, exponent_index, record)  same            the estimate up to each record
        kaplan_yorke        (presentation)                   1                dimension of the attractor; NaN where the
                                                                              exponents asked for do not decide it
        ==================  ===============================  ===============  ===========================================

    Raises
    ------
    SchemaError
        A state of another model.
    NumericsError
        Too many exponents, or a trajectory that leaves the finite.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import rotation
    >>> model = rotation(0.3, 0.5)
    >>> drive = model.encode(torch.zeros(1, 2, 1, 1))
    >>> lyapunov_exponents(model, model.initial_state(drive), drive, n_exponents=2, n_steps=50, seed=0).exponent.values.round(4).tolist()
    [[-0.6931, -0.6931]]
    """
    import torch

    check_state(model, state, drive, where="lyapunov_exponents")
    if double:
        model, state, drive = as_dtype(model, state, drive, torch.float64)
    space = phase_space(model, state, layers)
    n = max(len(v) for v in state.values())
    if stimulus_id is not None and len(stimulus_id) != n:
        raise SchemaError("lyapunov_exponents", f"{len(stimulus_id)} stimulus ids for {n} states", expected="one a state")
    dt = 1.0 if model.dt_ms is None else model.dt_ms / 1000.0
    runs = []
    for row in range(n):
        one = {k: expand_rows(v, n)[row : row + 1] for k, v in state.items()}
        shown = {k: expand_rows(v, n)[row : row + 1] for k, v in drive.items()}
        runs.append(
            lyapunov.spectrum(
                step_map(model, one, shown, layers), space.flatten(one), n_exponents, n_steps, dt=dt, seed=seed, burn_in=burn_in, qr_every=qr_every
            )
        )
    units = "1/step" if model.dt_ms is None else "1/s"
    exponents = np.stack([r.exponents for r in runs])
    ids = np.array([f"state-{i:04d}" for i in range(n)]) if stimulus_id is None else np.asarray(stimulus_id)
    return xr.Dataset(
        {
            "exponent": (("presentation", "exponent_index"), exponents, {"units": units}),
            "error": (("presentation", "exponent_index"), np.stack([r.errors for r in runs]), {"units": units}),
            "running": (("presentation", "exponent_index", "record"), np.stack([r.trace.T for r in runs]), {"units": units}),
            "kaplan_yorke": ("presentation", np.array([_dimension(e, space.size) for e in exponents]), {"units": "1"}),
        },
        coords={
            "stimulus_id": ("presentation", ids),
            "exponent_index": np.arange(n_exponents),
            "time": ("record", runs[0].time, {"units": "step" if model.dt_ms is None else "s"}),
        },
        attrs={"n_steps": n_steps, "burn_in": burn_in, "seed": seed},
    )


def _dimension(exponents: np.ndarray, n: int) -> float:
    """Kaplan-Yorke dimension, j + (sum of the first j) / |the next|."""
    total = np.cumsum(exponents)
    if total[0] < 0:
        return 0.0
    j = int(np.nonzero(total >= 0)[0][-1]) + 1
    if j == n:
        return float(n)
    return float("nan") if j == len(exponents) else j + float(total[j - 1] / abs(exponents[j]))
