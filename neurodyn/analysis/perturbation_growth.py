"""Does a small difference grow? A twin trajectory beside the reference, and the largest exponent from renormalised twins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.simulate import check_ready
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.schema import PRESENTATION
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["perturbation_growth"]


def perturbation_growth(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    n_steps: int = 60,
    burn_in: int = 30,
    relative_size: float = 1e-3,
    held: Sequence[str] = (),
    stimulus_id: Sequence[str] | None = None,
    seed: int,
) -> xr.Dataset:
    """Distance between a reference trajectory and a twin that starts a little away, with and without renormalisation.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    state : State
        Where the trajectories begin, one a row.
    drive : Drive
        Constant input.
    n_steps : int
        Steps the exponent is averaged over.
    burn_in : int
        Steps before that, for the trajectory and the direction of the difference to settle.
    relative_size : float
        Size of the difference as a share of the length of the state; in float32 not below 1e-4.
    held : sequence of str
        Streams (drive entries the model honours) that the twin takes from the reference: their block of the Jacobian is zeroed,
        along the trajectory of the intact model.
    stimulus_id : sequence of str, optional
        Ids of the rows.
    seed : int
        Direction of the first difference.

    Returns
    -------
    Dataset
        ==========  =========================  ======  ===============================================================================
        variable    dims                       units   meaning
        ==========  =========================  ======  ===============================================================================
        exponent    (presentation)             1/step  mean log growth of the renormalised difference: the largest Lyapunov exponent
        growth      (presentation, time_bin)   1       distance to a twin that is left alone, over its first distance, from `state` on
        ==========  =========================  ======  ===============================================================================

    Raises
    ------
    SchemaError
        If the state lacks a part of the phase space.
    ConfigError
        If steps or the size cannot be.
    ModelError
        If a held stream is not kept in the state.

    Notes
    -----
    Benettin et al. (1976).  A finite difference costs two plain steps where a tangent needs forward-mode derivatives of every
    operation; with kinks (ReLU) it averages over those within reach of `relative_size`.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25])
    >>> drive = model.encode(torch.ones(1, 2, 1, 1))
    >>> found = perturbation_growth(model, model.initial_state(drive), drive, n_steps=10, burn_in=10, relative_size=0.1, seed=0)
    >>> round(float(found.exponent[0]), 3) == round(float(np.log(0.5)), 3)
    True
    """
    import torch

    check_ready(model)
    missing = [k for k in model.phase if k not in state]
    if missing:
        raise SchemaError("perturbation_growth", f"`state` lacks {', '.join(missing)}", expected=f"the phase space {', '.join(model.phase)}")
    if n_steps < 1 or burn_in < 0 or not 0 < relative_size < 1:
        raise ConfigError(
            "perturbation_growth", f"{n_steps} steps, burn-in {burn_in}, relative size {relative_size}", expected="positive steps, a size in (0, 1)"
        )
    unknown = [k for k in held if k not in state]
    if unknown:
        raise ModelError("perturbation_growth", f"`held` names {', '.join(unknown)}, which the state does not keep", expected="streams kept in the state")
    generator = torch_generator(seed, "perturbation_growth")
    size = relative_size * _length(model, state).clamp_min(1.0 if float(_length(model, state).max()) == 0 else 0.0)
    offsets = {k: torch.randn(state[k].shape, generator=generator).to(state[k]) for k in model.phase}
    logs, ratios = [], [torch.ones_like(size)]
    with torch.no_grad():
        scale = size / _length(model, offsets)
        start = {**state, **{k: state[k] + _rows(scale, v) * v for k, v in offsets.items()}}
        reference, twin, free = state, start, start
        for k in range(burn_in + n_steps):
            reference = model.step(reference, drive)
            shown = {**drive, **{name: reference[name] for name in held}}
            twin, free = model.step(twin, shown), model.step(free, shown) if k < n_steps else free
            gap = {name: twin[name] - reference[name] for name in model.phase}
            distance = _length(model, gap).clamp_min(torch.finfo(size.dtype).tiny)
            if k >= burn_in:
                logs.append(torch.log(distance / size))
            twin = {**twin, **{name: reference[name] + _rows(size / distance, v) * v for name, v in gap.items()}}
            if k < n_steps:
                ratios.append(_length(model, {name: free[name] - reference[name] for name in model.phase}) / size)
    ids = np.array([f"row-{i}" for i in range(len(size))]) if stimulus_id is None else np.asarray(stimulus_id)
    return xr.Dataset(
        {
            "exponent": (PRESENTATION, torch.stack(logs).mean(dim=0).double().numpy(), {"units": "1/step"}),
            "growth": ((PRESENTATION, "time_bin"), torch.stack(ratios, dim=1).double().numpy(), {"units": "1"}),
        },
        coords={"stimulus_id": (PRESENTATION, ids), "step": ("time_bin", np.arange(n_steps + 1), {"units": "step"})},
        attrs={"relative_size": relative_size, "held": " ".join(held), "burn_in": burn_in},
    )


def _length(model: DynamicalModel, state: State) -> Tensor:
    import torch

    return torch.stack([state[k].detach().flatten(1).pow(2).sum(dim=1) for k in model.phase]).sum(dim=0).sqrt().cpu()


def _rows(scale: Tensor, like: Tensor) -> Tensor:
    return scale.to(like).reshape(-1, *([1] * (like.dim() - 1)))
