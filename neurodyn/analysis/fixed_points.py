"""Where a model stands still under constant input, and whether it stays there."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.analysis.eigenspectrum import eigenspectrum
from neurodyn.dynamics.linearise import as_dtype, resolving_dtype, step_map
from neurodyn.dynamics.vectorise import PhaseSpace, check_state, phase_space
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import newton_krylov

if TYPE_CHECKING:
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["fixed_points"]

ROUNDING = 1e-6  # of float32 weights
MARGIN = 1e-4


def fixed_points(
    model: DynamicalModel,
    starts: State,
    drive: Drive,
    *,
    layers: str | Sequence[str] | None = None,
    tol: float = 1e-8,
    n_modes: int = 4,
    slow_speed: float | None = None,
    basin_steps: int = 0,
    method: str = "union",
    max_iterations: int = 200,
    merge_distance: float = 1e-4,
    n_inputs: int | None = None,
    seed: int,
    stimulus_id: Sequence[str] | None = None,
) -> xr.Dataset:
    """Fixed points of one step under each constant input, with their stability certified by the spectrum.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    starts : State
        States to search from, one a row; those along trajectories are a good choice.
    drive : Drive
        Constant inputs, one a row; every input is searched from every start.
    layers : str or sequence of str, optional
        Which layers move, the rest held at the first start; the whole phase space when absent.
    tol : float
        Speed |F(x) - x|, relative to max(1, |x|), at which a point counts as fixed; finer than 5e-6 makes the search float64.
    n_modes : int
        Leading eigenvalues of the Jacobian at each point.
    slow_speed : float, optional
        Also keep slow points with a speed below this (per step); they are not `converged`.
    basin_steps : int
        Run the model this many steps from every start and count which stable point it has then come close to; 0 leaves it out.
    method : {"union", "anderson", "newton"}
    max_iterations : int
    merge_distance : float
        Points closer than this, relative to the spread of the starts, are one.
    n_inputs : int, optional
        Search under the first so many inputs only; 1 where all are the same, as in a delay.
    seed : int
        Perturbations and start vectors.
    stimulus_id : sequence of str, optional
        One id an input.

    Returns
    -------
    Dataset
        ================  =====================  ======  ===================================================================
        variable          dims                   units   meaning
        ================  =====================  ======  ===================================================================
        state             (fixed_point, neuroid)         the point, labelled like responses; `layer` is the State key
        speed             (fixed_point)          1/step  |F(x) - x|
        converged         (fixed_point)                  a fixed point; False marks a slow point
        n_starts          (fixed_point)                  starts whose search ended here
        eigenvalue        (fixed_point, mode)    1       of the Jacobian of one step, largest modulus first
        residual          (fixed_point, mode)    1       |J v - eigenvalue v|, |v| = 1
        n_unstable        (fixed_point)                  eigenvalues of modulus above 1 among those computed
        stable            (fixed_point)                  largest modulus below 1 by more than its residual and 1e-6
        marginal          (fixed_point)                  largest modulus within 1e-4 of 1: part of a line or ring
        basin             (fixed_point)                  fraction of starts that the dynamics bring here (with `basin_steps`)
        presentation      (fixed_point)                  row of `drive`; coord, with ``stimulus_id``
        ================  =====================  ======  ===================================================================

    Raises
    ------
    SchemaError
        A state of another model.
    ConfigError
        Unknown layers or method.

    Warns
    -----
    ConvergenceWarning
        If no start converges for some input.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import flip_flop
    >>> model = flip_flop(2)
    >>> drive = model.encode(model.blank[None])
    >>> found = fixed_points(model, {"x": torch.rand(64, 2) * 2 - 1}, drive, seed=0)
    >>> found.sizes["fixed_point"], int(found.stable.sum())
    (9, 4)
    """
    check_state(model, starts, drive, where="fixed_points")
    given = max(len(v) for v in drive.values())
    if stimulus_id is not None and len(stimulus_id) != given:
        raise SchemaError("fixed_points", f"{len(stimulus_id)} stimulus ids for {given} inputs", expected="one an input")
    if n_inputs is not None and not 1 <= n_inputs <= given:
        raise ConfigError("fixed_points", f"`n_inputs` is {n_inputs} of {given} inputs", expected=f"1..{given}")
    n_inputs = given if n_inputs is None else n_inputs
    if n_modes < 1 or basin_steps < 0:
        raise ConfigError("fixed_points", f"`n_modes` is {n_modes}, `basin_steps` {basin_steps}", expected="n_modes of 1 or more, basin_steps of 0 or more")
    model, starts, drive = as_dtype(model, starts, drive, resolving_dtype(model, starts, tol))
    space = phase_space(model, starts, layers)
    held = {k: v[:1] for k, v in starts.items()}
    begin = space.flatten(starts)
    n_modes = min(n_modes, space.size)
    searches, spectra, basins = [], [], []
    for row in range(n_inputs):
        shown = {k: v[row : row + 1] if len(v) > 1 else v for k, v in drive.items()}
        move = step_map(model, held, shown, layers)
        found = newton_krylov.fixed_points(
            move, begin, tol=tol, seed=seed, method=method, max_iterations=max_iterations, merge_distance=merge_distance, slow_speed=slow_speed
        )
        searches.append(found)
        spectra.append(_spectra(model, held, shown, space, found.states, layers, n_modes, seed))
        if basin_steps:
            basins.append(_basins(move, begin, found.states, _stability(*spectra[-1])["stable"], basin_steps))
    ids = np.array([f"state-{i:04d}" for i in range(given)]) if stimulus_id is None else np.asarray(stimulus_id)
    values, residuals = (np.concatenate(part) for part in zip(*spectra, strict=True))
    dataset = _label(searches, values, residuals, space)
    if basin_steps:
        dataset["basin"] = ("fixed_point", np.concatenate(basins), {"units": "1"})
    dataset = dataset.assign_coords(stimulus_id=("fixed_point", ids[dataset.presentation.values]))
    return dataset.assign_attrs(tol=tol, seed=seed, method=method, n_searched=len(begin))


def _spectra(
    model: DynamicalModel, state: State, drive: Drive, space: PhaseSpace, points: Tensor, layers: str | Sequence[str] | None, n_modes: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Leading eigenvalues of one step at each point and their residuals, (point, n_modes + 1); NaN where there is no more to a pair."""
    values = np.full((len(points), n_modes + 1), np.nan, complex)
    residuals = np.full(values.shape, np.nan)
    if len(points):
        at = {k: v.expand(len(points), *v.shape[1:]) for k, v in state.items()} | space.split(points)
        tol = 1e-7 if points.element_size() == 8 else 1e-5
        with warnings.catch_warnings():  # what has not converged widens the margin of `stable` by its residual
            warnings.simplefilter("ignore")
            found = eigenspectrum(model, at, drive, n_modes=n_modes, layer=layers, tol=tol, seed=seed, dtype=points.dtype)
        width = found.sizes["mode"]
        values[:, :width], residuals[:, :width] = found.eigenvalue.values, found.residual.values
    return values, residuals


def _stability(values: np.ndarray, residuals: np.ndarray) -> dict[str, np.ndarray]:
    size, margin = np.abs(values), np.maximum(np.nan_to_num(residuals), ROUNDING)
    top = np.nanmax(size + margin, axis=1) if len(values) else np.zeros(0)
    return {"n_unstable": (size > 1 + margin).sum(axis=1), "stable": top < 1, "marginal": np.abs(top - 1) < MARGIN}


def _label(searches: list[newton_krylov.FixedPoints], values: np.ndarray, residuals: np.ndarray, space: PhaseSpace) -> xr.Dataset:
    known = _stability(values, residuals)
    if np.isnan(values[:, -1]).all():
        values, residuals = values[:, :-1], residuals[:, :-1]
    along, dims = "fixed_point", ("fixed_point", "mode")
    return xr.Dataset(
        {
            "state": ((along, "neuroid"), np.concatenate([f.states.cpu().numpy() for f in searches]), {"units": "1"}),
            "speed": (along, np.concatenate([f.speeds for f in searches]), {"units": "1/step"}),
            "converged": (along, np.concatenate([f.converged for f in searches])),
            "n_starts": (along, np.concatenate([f.counts for f in searches]), {"units": "1"}),
            "eigenvalue": (dims, values, {"units": "1"}),
            "residual": (dims, residuals, {"units": "1"}),
            "n_unstable": (along, known["n_unstable"], {"units": "1"}),
            "stable": (along, known["stable"]),
            "marginal": (along, known["marginal"]),
        },
        coords={
            **{k: ("neuroid", v) for k, v in space.labels().items()},
            "presentation": (along, np.repeat(np.arange(len(searches)), [len(f.states) for f in searches])),
            "mode": np.arange(values.shape[1]),
        },
    )


def _basins(move: Callable[[Tensor], Tensor], starts: Tensor, points: Tensor, stable: np.ndarray, n_steps: int) -> np.ndarray:
    """Fraction of starts that end nearer to each stable point than a tenth of the distance between points (of one alone: of its distance to the starts)."""
    import torch

    share = np.zeros(len(points))
    index = np.nonzero(stable)[0]
    if not len(index):
        return share
    with torch.no_grad():
        x = starts
        for _ in range(n_steps):
            x = move(x)
    targets = points[torch.as_tensor(index, device=points.device)]
    between = torch.cdist(targets, targets)
    between.fill_diagonal_(torch.inf)
    reach = 0.1 * float(between.min() if len(index) > 1 else torch.cdist(starts, targets).median())
    distance, nearest = torch.cdist(x, targets).min(dim=1)
    for k in nearest[distance <= reach].cpu().numpy():
        share[index[k]] += 1 / len(starts)
    return share
