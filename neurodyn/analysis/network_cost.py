"""What a model costs: parameters, units, and multiply-accumulates for an image and for a step."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.errors import ModelError

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["network_cost"]


def network_cost(model: DynamicalModel, *, n_steps: int | None = None) -> xr.Dataset:
    """Count a model's parameters, state and arithmetic, by running it once without data.

    Parameters
    ----------
    model : DynamicalModel
    n_steps : int, optional
        Length of the trial for `macs_trial`; the stimulus of the model's own trial when absent, else 1.

    Returns
    -------
    Dataset
        ==============  ====  =====  ====================================================================
        variable        dims  units  meaning
        ==============  ====  =====  ====================================================================
        n_parameters    ()    1      numbers that training can change
        n_units         ()    1      size of the phase space
        macs_once       ()    1      multiply-accumulates of `encode`, once an image
        macs_step       ()    1      multiply-accumulates of one `step`
        macs_readout    ()    1      multiply-accumulates of one `readout`
        macs_trial      ()    1      macs_once + n_steps * macs_step + macs_readout
        n_steps         ()    step
        ==============  ====  =====  ====================================================================

    Raises
    ------
    ModelError
        If the model is not a torch module.

    Notes
    -----
    Matrix products and convolutions are counted, sums and nonlinearities are not, as usual.  The count runs on a copy without
    storage (torch's meta device) where the model allows it, so that the largest models cost nothing.

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> ds = network_cost(linear_network([0.5, 0.25, 0.1]))
    >>> int(ds.n_units), int(ds.macs_step)
    (3, 9)
    """
    import torch

    if not isinstance(model, torch.nn.Module):
        raise ModelError("network_cost", f"the model is a {type(model).__name__}", expected="a torch.nn.Module", fix="neurodyn.as_dynamical(module)")
    try:
        once, step, readout, units = _count(copy.deepcopy(model).to("meta"))
    except RuntimeError:  # a value is read from a tensor, which has none without storage: count on real ones
        once, step, readout, units = _count(copy.deepcopy(model))
    if n_steps is None:
        trial = getattr(model, "trial", None)
        n_steps = int((trial.timeline(dt_ms=model.dt_ms).frame >= 0).sum()) if trial is not None else 1
    values = {
        "n_parameters": (sum(p.numel() for p in model.parameters() if p.requires_grad), "1"),
        "n_units": (units, "1"),
        "macs_once": (once, "1"),
        "macs_step": (step, "1"),
        "macs_readout": (readout, "1"),
        "macs_trial": (once + n_steps * step + readout, "1"),
        "n_steps": (n_steps, "step"),
    }
    return xr.Dataset({k: ((), np.int64(v), {"units": units}) for k, (v, units) in values.items()})


def _count(twin: Any) -> tuple[int, int, int, int]:
    """Multiply-accumulates of encode, step and readout, and the size of the phase space."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    def count(run: Any) -> tuple[int, Any]:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            result = run()
        return counter.get_total_flops() // 2, result

    blank = twin.blank
    frame = {k: v.unsqueeze(0) for k, v in blank.items()} if isinstance(blank, dict) else blank.unsqueeze(0)
    once, drive = count(lambda: twin.encode(frame))
    _, state = count(lambda: twin.initial_state(drive))
    step, state = count(lambda: twin.step(state, drive))
    readout, _ = count(lambda: twin.readout(state))
    return once, step, readout, sum(int(np.prod(state[k].shape[1:])) for k in twin.phase)
