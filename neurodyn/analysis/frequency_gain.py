"""How much of a small change of the state one step passes on, spatial frequency by spatial frequency."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import as_dtype, jacobian
from neurodyn.dynamics.vectorise import check_state, expand_rows
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.fourier import as_complex, fft2c
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["frequency_gain"]


def frequency_gain(model: DynamicalModel, state: State, drive: Drive, stimuli: xr.Dataset, *, layer: str = "x", n_probes: int = 16, seed: int) -> xr.Dataset:
    """Spectrum of J v for random v, where J is the Jacobian of one step from the whole phase space to a layer of images.

    Parameters
    ----------
    model : DynamicalModel
    state : State
        One row a presentation.
    drive : Drive
    stimuli : Dataset
        The frames that `state` and `drive` come from: their ``mask`` says what was measured.
    layer : str
        A key of the phase space that holds images as real channels, two a coil.
    n_probes : int
        Random directions, of unit variance in every coordinate.
    seed : int

    Returns
    -------
    Dataset
        =================  ===========================  ======  ======================================================================
        variable           dims                         units   meaning
        =================  ===========================  ======  ======================================================================
        gain               (presentation, row, column)  1       root mean square of F(J v) over coils and probes; frequency zero at
                                                                the centre
        measured           (presentation, row, column)  1       1 where the sample was measured
        measured_gain      (presentation)               1       largest gain on a measured sample over the largest of all: 0 up to
                                                                rounding where measured samples are kept whatever the state
        n_measured         (presentation)               1       samples measured
        =================  ===========================  ======  ======================================================================

    Raises
    ------
    SchemaError
        A state of another model, or stimuli of other presentations.
    ConfigError
        A layer that holds no complex images.

    Notes
    -----
    Computed in float64, so that a zero is one to about 1e-15.
    """
    import torch

    check_state(model, state, drive, where="frequency_gain")
    if layer not in model.phase or state[layer].dim() != 4 or state[layer].shape[1] % 2:
        raise ConfigError("frequency_gain", f"`{layer}` holds no complex images", expected=f"a key of the phase space: {', '.join(model.phase)}")
    n = len(state[layer])
    if not isinstance(stimuli, xr.Dataset) or "mask" not in stimuli or stimuli.sizes["presentation"] != n:
        raise SchemaError("frequency_gain", f"`stimuli` hold no mask for {n} states", expected="the frames of the states, with `mask`")
    model, state, drive = as_dtype(model, state, {k: expand_rows(v, n) for k, v in drive.items()}, torch.float64)
    operator = jacobian(model, state, drive, inputs=model.phase, outputs=layer)
    total = np.zeros((n, *state[layer].shape[-2:]))
    for k in range(n_probes):
        generator = torch_generator(seed, "frequency_gain", k)
        probe = torch.randn(1, operator.shape[1], generator=generator, dtype=torch.float64).expand(n, -1).to(state[layer].device)
        image = operator.block(probe.contiguous()).reshape(n, *state[layer].shape[1:])
        total += (fft2c(as_complex(image)).abs() ** 2).mean(dim=1).cpu().numpy()
    gain = np.sqrt(total / n_probes)
    measured = np.broadcast_to(stimuli["mask"].values, (n, 1, *gain.shape[-2:]))[:, 0] > 0.5
    top = gain.max(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        kept = np.where(top > 0, np.where(measured, gain, 0).max(axis=(1, 2)) / top, 0.0)
    dims = ("presentation", "row", "column")
    return xr.Dataset(
        {
            "gain": (dims, gain, {"units": "1"}),
            "measured": (dims, measured.astype(np.int8), {"units": "1"}),
            "measured_gain": ("presentation", kept, {"units": "1"}),
            "n_measured": ("presentation", measured.sum(axis=(1, 2)), {"units": "1"}),
        },
        {"stimulus_id": ("presentation", stimuli.stimulus_id.values)},
        {"layer": layer, "n_probes": n_probes, "seed": seed},
    )
