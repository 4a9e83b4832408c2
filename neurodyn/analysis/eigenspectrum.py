"""Leading eigenvalues around a state: how fast activity there decays, grows and turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from neurodyn.dynamics.linearise import ConvolutionOperator, LinearOperator, as_dtype, gated_operator, jacobian, kernel_operator, resolving_dtype
from neurodyn.dynamics.vectorise import check_state, expand_rows
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.numerics import arnoldi

if TYPE_CHECKING:
    import torch

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State
    from neurodyn.numerics.arnoldi import Eigenpairs

__all__ = ["eigenspectrum", "modes_dataset"]

OPERATORS = ("jacobian", "kernel", "gated")


def eigenspectrum(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    n_modes: int,
    operator: Literal["jacobian", "kernel", "gated"] = "jacobian",
    layer: str | Sequence[str] | None = None,
    which: str = "LM",
    tol: float = 1e-8,
    seed: int,
    stimulus_id: Sequence[str] | None = None,
    conditions: bool = False,
    warm_start: bool = False,
    dtype: torch.dtype | None = None,
) -> xr.Dataset:
    """Leading eigenvalues of a model around each of a batch of states.

    Parameters
    ----------
    model : DynamicalModel
        In eval mode.
    state : State
        Points of linearisation, one a row.
    drive : Drive
        Input held constant; one row, or one for each state.
    n_modes : int
        How many; one more where the last would split a conjugate pair.
    operator : {"jacobian", "kernel", "gated"}
        ``"jacobian"``: of one step of the model.  ``"kernel"``: the bare recurrent weights W of `layer`.  ``"gated"``: diag(g) W,
        g the derivative of the layer's nonlinearity at the state.
    layer : str or sequence of str, optional
        The layer, or several for the Jacobian; the whole phase space when absent.
    which : str
        ``"LM"``, ``"LR"``, ``"LI"`` or ``"nearest 1"``; applies to the operator named.
    tol : float
        Relative residual at which a mode counts as converged; finer than 5e-6 makes the computation float64.
    seed : int
        Start vectors.
    stimulus_id : sequence of str, optional
        One id a state.
    conditions : bool
        Also condition numbers, from left eigenvectors (doubles the cost).
    warm_start : bool
        Begin each state's search from the modes of the one before; for states along a trajectory.
    dtype : torch.dtype, optional
        Precision; from `tol` when absent.

    Returns
    -------
    Dataset
        ===================  ====================  ======  =================================================================
        variable             dims                  units   meaning
        ===================  ====================  ======  =================================================================
        eigenvalue           (presentation, mode)  1       of the operator named; NaN pads where others have one mode more
        step_eigenvalue      (presentation, mode)  1       of the one-step map: the same for the Jacobian, else
                                                           1 - leak + leak * eigenvalue
        residual             (presentation, mode)  1       |A v - eigenvalue v|, |v| = 1
        converged            (presentation, mode)          residual <= tol * largest modulus
        timescale_ms         (presentation, mode)  ms      -dt / ln |step_eigenvalue|; infinite at 1, negative where growing
        rotation_hz          (presentation, mode)  Hz      |arg step_eigenvalue| / (2 pi dt)
        growth_rate          (presentation, mode)  1/s     (step_eigenvalue - 1) / dt, complex: of the field whose Euler step
                                                           the model is
        field_timescale_ms   (presentation, mode)  ms      -1 / Re growth_rate
        field_rotation_hz    (presentation, mode)  Hz      |Im growth_rate| / (2 pi)
        condition            (presentation, mode)  1       on request: error <= condition * residual to first order
        n_matvecs            (presentation)                products with the operator
        ===================  ====================  ======  =================================================================

        Where the model's steps are not time, ``timescale_step`` and ``rotation_per_step`` replace the variables in ms and Hz.

    Raises
    ------
    SchemaError
        A state of another model.
    ConfigError
        Unknown operator, layer or `which`.
    ModelError
        A kernel asked of a model that has none.
    NumericsError
        More modes than coordinates.

    Notes
    -----
    One step is x(t + dt) = F(x(t)); a mode v of J = dF/dx evolves as eigenvalue^(t / dt) v.  No matrix is formed.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25], dt_ms=2.0)
    >>> drive = model.encode(torch.zeros(1, 2, 1, 1))
    >>> spectrum = eigenspectrum(model, model.initial_state(drive), drive, n_modes=1, seed=0)
    >>> round(float(spectrum.timescale_ms), 3)
    2.885
    """
    if operator not in OPERATORS:
        raise unknown_name("eigenspectrum", "operator", operator, OPERATORS)
    if operator != "jacobian" and not isinstance(layer, str):
        raise ConfigError("eigenspectrum", f'operator="{operator}" with layer={layer!r}', expected="the name of one layer", fix=f'layer="{model.phase[0]}"')
    check_state(model, state, drive, where="eigenspectrum")
    n = _n_rows(state, drive, stimulus_id)
    state = {k: expand_rows(v, n) for k, v in state.items()}
    precision = dtype if dtype is not None else resolving_dtype(model, state, tol)
    model, state, drive = as_dtype(model, state, drive, precision)
    whole = _operator(model, state, drive, operator, layer)
    if n > 1 and whole.n_states == n and not (conditions or warm_start):
        found = _together(whole, n_modes, which, tol, seed)
    else:
        found = _one_by_one(whole, n_modes, which, tol, seed, conditions, warm_start)
    if operator == "kernel":  # the same for every state
        found = found * n
    leak = 1.0 if operator == "jacobian" else _leak(model, layer)
    attrs = {
        "operator": operator,
        "layer": "" if layer is None else ",".join([layer] if isinstance(layer, str) else layer),
        "which": which,
        "tol": tol,
        "seed": seed,
    }
    dataset = modes_dataset(found, dt_ms=model.dt_ms, leak=leak, stimulus_id=stimulus_id)
    return dataset.assign_attrs(attrs)


def _operator(model: DynamicalModel, state: State, drive: Drive, kind: str, layer: str | Sequence[str] | None) -> LinearOperator:
    if kind == "jacobian":
        return jacobian(model, state, drive, layers=layer)
    assert isinstance(layer, str)
    return kernel_operator(model, state, layer) if kind == "kernel" else gated_operator(model, state, drive, layer)


def _degree(whole: LinearOperator, which: str) -> int:
    """Powers of the operator pay where it is a bare convolution so large that orthogonalisation is what costs."""
    return 4 if isinstance(whole, ConvolutionOperator) and which == "LM" and whole.shape[0] > 20_000 else 1


def _one_by_one(whole: LinearOperator, n_modes: int, which: str, tol: float, seed: int, conditions: bool, warm: bool) -> list[Eigenpairs]:
    found: list[Eigenpairs] = []
    for i in range(whole.n_states):
        start = found[-1].right_vectors if warm and found else None
        found.append(
            arnoldi.leading_eigenpairs(
                whole.row(i), n_modes, which=which, tol=tol, seed=seed, start=start, left=conditions, vectors=warm, filter_degree=_degree(whole, which)
            )
        )
    return found


def _together(whole: LinearOperator, n_modes: int, which: str, tol: float, seed: int) -> list[Eigenpairs]:
    """In groups whose Krylov spaces fit in 2 GiB; one by one where not even two do."""
    each = (2 * n_modes + 60) * whole.shape[0] * whole.dtype.itemsize
    at_once = int(2**31 // each)
    if at_once < 2 or _degree(whole, which) > 1:
        return _one_by_one(whole, n_modes, which, tol, seed, False, False)
    found: list[Eigenpairs] = []
    for i in range(0, whole.n_states, at_once):
        found += arnoldi.leading_eigenpairs_many(whole.rows(slice(i, i + at_once)), n_modes, which=which, tol=tol, seed=seed)
    return found


def _leak(model: DynamicalModel, layer: str | Sequence[str] | None) -> float:
    own = getattr(model, "leak", None)
    return float(own(layer)) if own is not None else np.nan


def _n_rows(state: State, drive: Drive, stimulus_id: Sequence[str] | None) -> int:
    n = max(len(v) for v in state.values())
    for name, values in (("state", state), ("drive", drive)):
        for key, value in values.items():
            try:
                expand_rows(value, n)
            except SchemaError as error:
                raise SchemaError("eigenspectrum", f"`{name}[{key!r}]` has {len(value)} rows for {n} states", expected=f"1 or {n}") from error
    if stimulus_id is not None and len(stimulus_id) != n:
        raise SchemaError("eigenspectrum", f"{len(stimulus_id)} stimulus ids for {n} states", expected="one a state")
    return n


def modes_dataset(found: Sequence[Eigenpairs], *, dt_ms: float | None, leak: float = 1.0, stimulus_id: Sequence[str] | None = None) -> xr.Dataset:
    """Label eigenvalues of several states and derive their timescales; the variables are those of :func:`eigenspectrum`.

    Parameters
    ----------
    found : sequence of Eigenpairs
        One a state.
    dt_ms : float or None
    leak : float
        The one-step map has eigenvalues 1 - leak + leak * value.
    stimulus_id : sequence of str, optional
    """
    width = max(len(f.values) for f in found)

    def table(name: str, dtype: type, empty: complex) -> np.ndarray:
        out: np.ndarray = np.full((len(found), width), empty, dtype=dtype)
        for i, f in enumerate(found):
            out[i, : len(f.values)] = getattr(f, name)
        return out

    values = table("values", complex, np.nan + 0j)
    step = 1.0 - leak + leak * values
    dims = ("presentation", "mode")
    data = {
        "eigenvalue": (dims, values, {"units": "1"}),
        "step_eigenvalue": (dims, step, {"units": "1"}),
        "residual": (dims, table("residuals", float, np.nan), {"units": "1"}),
        "converged": (dims, table("converged", bool, False)),
        **_timescales(step, dt_ms, dims),
    }
    if all(f.conditions is not None for f in found):
        data["condition"] = (dims, table("conditions", float, np.nan), {"units": "1"})
    data["n_matvecs"] = (("presentation",), np.array([f.n_matvecs for f in found]), {"units": "1"})
    ids = np.array([f"state-{i:04d}" for i in range(len(found))]) if stimulus_id is None else np.asarray(stimulus_id)
    return xr.Dataset(data, coords={"stimulus_id": ("presentation", ids), "mode": np.arange(width)})


def _timescales(step: np.ndarray, dt_ms: float | None, dims: tuple[str, str]) -> dict[str, tuple]:
    with np.errstate(divide="ignore", invalid="ignore"):
        decay = -1.0 / np.log(np.abs(step))
        turn = np.abs(np.angle(step)) / (2 * np.pi)
        if dt_ms is None:
            return {"timescale_step": (dims, decay, {"units": "step"}), "rotation_per_step": (dims, turn, {"units": "1/step"})}
        rate = (step - 1.0) * (1000.0 / dt_ms)
        return {
            "timescale_ms": (dims, decay * dt_ms, {"units": "ms"}),
            "rotation_hz": (dims, turn * (1000.0 / dt_ms), {"units": "Hz"}),
            "growth_rate": (dims, rate, {"units": "1/s"}),
            "field_timescale_ms": (dims, -1000.0 / rate.real, {"units": "ms"}),
            "field_rotation_hz": (dims, np.abs(rate.imag) / (2 * np.pi), {"units": "Hz"}),
        }
