"""All eigenvalues of each layer's own recurrence: the diagonal blocks of the step Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import as_dtype, dense, jacobian
from neurodyn.dynamics.vectorise import check_state, expand_rows
from neurodyn.errors import CapacityError, ConfigError

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["layer_spectra"]


def layer_spectra(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    layers: Sequence[str],
    slow: float = 0.5,
    max_units: int = 3000,
    stimulus_id: Sequence[str] | None = None,
) -> xr.Dataset:
    """Eigenvalues of d x_l(t+1) / d x_l(t) for each layer l, the other layers held, and how far that block is from normal.

    Where no feedback runs between layers the whole Jacobian is block triangular, and its eigenvalues are those of these blocks (and zeros of
    pure delays).

    Parameters
    ----------
    model : DynamicalModel
    state : State
        Points of linearisation, one a row.
    drive : Drive
        One row, or one for each state.
    layers : sequence of str
        Layers; of each, the state variables of its cell (``conv3.out``, ``conv3.cell``), or the layer itself where it has none.
    slow : float
        Modulus above which a mode counts as slow.
    max_units : int
        Largest block that is formed and diagonalised densely.
    stimulus_id : sequence of str, optional
        One id a state.

    Returns
    -------
    Dataset
        ===============  ===========================  =====  ==========================================================
        variable         dims                         units  meaning
        ===============  ===========================  =====  ==========================================================
        eigenvalue       (presentation, layer, mode)  1      largest modulus first; NaN pads smaller layers
        radius           (presentation, layer)        1      largest modulus
        norm             (presentation, layer)        1      largest singular value: the most a perturbation grows in one step
        slow_share       (presentation, layer)        1      share of modes with a modulus above `slow`
        timescale_ms     (presentation, layer)        ms     -dt / ln radius (``timescale_step`` where steps are not time)
        nonnormality     (presentation, layer)        1      sqrt(1 - sum |eigenvalue|^2 / |J|_F^2), 0 for a normal block
        n_units          (layer)                      1      size of the block
        ===============  ===========================  =====  ==========================================================

    Raises
    ------
    ConfigError
        A layer without state variables in the phase space.
    CapacityError
        A block larger than `max_units`.

    Notes
    -----
    Computed in float64.  For blocks too large for this, :func:`neurodyn.analysis.eigenspectrum` finds the leading modes.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.9, 0.5])
    >>> drive = model.encode(model.blank[None])
    >>> found = layer_spectra(model, {"x": torch.zeros(1, 2)}, drive, layers=["x"])
    >>> found.eigenvalue.values.real.round(6).tolist(), float(found.slow_share)
    ([[[0.9, 0.5]]], 0.5)
    """
    import torch

    check_state(model, state, drive, where="layer_spectra")
    n = max(len(v) for v in state.values())
    keys = [_variables(model, layer) for layer in layers]
    sizes = [sum(int(state[k][0].numel()) for k in group) for group in keys]
    if max(sizes) > max_units:
        worst = int(np.argmax(sizes))
        raise CapacityError(
            "layer_spectra",
            f"layer `{layers[worst]}` has {sizes[worst]} state variables",
            expected=f"at most {max_units}",
            fix="eigenspectrum(..., layer=...) for the leading modes, or a larger max_units",
        )
    model, state, drive = as_dtype(model, state, drive, torch.float64)
    values = np.full((n, len(layers), max(sizes)), np.nan, complex)
    norm, fro = np.zeros((n, len(layers))), np.zeros((n, len(layers)))
    for row in range(n):
        x, u = ({k: expand_rows(v, n)[row : row + 1] for k, v in part.items()} for part in (state, drive))
        for i, group in enumerate(keys):
            block = dense(jacobian(model, x, u, layers=group)).numpy()
            found = np.linalg.eigvals(block)
            values[row, i, : sizes[i]] = found[np.argsort(-np.abs(found), kind="stable")]
            norm[row, i], fro[row, i] = np.linalg.norm(block, 2), np.linalg.norm(block)
    return _label(values, norm, fro, sizes, slow, list(layers), stimulus_id, model.dt_ms)


def _label(
    values: np.ndarray,
    norm: np.ndarray,
    fro: np.ndarray,
    sizes: list[int],
    slow: float,
    layers: list[str],
    stimulus_id: Sequence[str] | None,
    dt_ms: float | None,
) -> xr.Dataset:
    modulus = np.abs(values)
    radius = np.nanmax(modulus, axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        timescale = -1.0 / np.log(radius)
        departure = np.sqrt(np.clip(1 - np.nansum(modulus**2, axis=2) / fro**2, 0, None))
    dims, unit = ("presentation", "layer"), {"units": "1"}
    timed = ("timescale_step", timescale, "step") if dt_ms is None else ("timescale_ms", timescale * dt_ms, "ms")
    ids = np.array([f"state-{i:04d}" for i in range(len(values))]) if stimulus_id is None else np.asarray(stimulus_id)
    return xr.Dataset(
        {
            "eigenvalue": ((*dims, "mode"), values, unit),
            "radius": (dims, radius, unit),
            "norm": (dims, norm, unit),
            "slow_share": (dims, (np.nan_to_num(modulus) > slow).sum(axis=2) / np.asarray(sizes), unit),
            timed[0]: (dims, timed[1], {"units": timed[2]}),
            "nonnormality": (dims, departure, unit),
            "n_units": ("layer", np.asarray(sizes), unit),
        },
        {"layer": layers, "mode": np.arange(values.shape[2]), "stimulus_id": ("presentation", ids)},
        {"slow": slow},
    )


def _variables(model: DynamicalModel, layer: str) -> tuple[str, ...]:
    inner = tuple(k for k in model.phase if k.startswith(f"{layer}."))
    if inner or layer in model.phase:
        return inner or (layer,)
    known = list(dict.fromkeys(k.split(".")[0] for k in model.phase))
    raise ConfigError("layer_spectra", f"layer `{layer}` has no state variables", expected=f"layers among {', '.join(known)}")
