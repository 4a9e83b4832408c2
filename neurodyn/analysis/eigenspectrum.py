"""Leading eigenvalues around a state: how fast activity there decays, grows and turns."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import xarray as xr

from neurodyn.dynamics.components import components
from neurodyn.dynamics.linearise import ConvolutionOperator, LinearOperator, as_dtype, gated_operator, jacobian, kernel_operator, resolving_dtype
from neurodyn.dynamics.vectorise import check_state, expand_rows, phase_space
from neurodyn.errors import ConfigError, ConvergenceWarning, NumericsError, SchemaError, unknown_name
from neurodyn.numerics import arnoldi
from neurodyn.numerics.diagonal_blocks import leading_of_blocks

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
        block                (presentation, mode)          State keys, comma-separated, of the diagonal block whose mode it is
        condition            (presentation, mode)  1       on request, and where up to 256 units are solved densely: error <= condition *
                                                           residual to first order
        n_matvecs            (presentation)                products with the operator, or with its blocks
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

    Where parts of the state do not act on each other both ways (:func:`neurodyn.dynamics.components.components`), J is block triangular
    and its spectrum the union of its diagonal blocks' spectra.  Each block is then solved alone, and asked for no more modes than it
    has among the leading ones; the residual is that of the block, whose change by as much makes the eigenvalue exact for the whole.
    Condition numbers depend on what lies between the blocks: with `conditions` the whole is solved at once.

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
    operators = _operators(model, state, drive, operator, layer, whole=conditions)
    units = sum(op.shape[0] for op in operators.values())
    if not 1 <= n_modes <= units:
        raise NumericsError(
            "eigenspectrum", f"`n_modes` is {n_modes} for {units} units", expected=f"1 to {units}", fix=f"n_modes={min(max(n_modes, 1), units)}"
        )
    if len(operators) == 1:
        found = _solve(next(iter(operators.values())), n_modes, which, tol, seed, conditions, warm_start)
        owners = [np.zeros(len(f.values), int) for f in found]
    else:
        found, owners = _union(list(operators.values()), n_modes, which, tol, seed, warm_start)
    if operator == "kernel":  # the same for every state
        found, owners = found * n, owners * n
    leak = 1.0 if operator == "jacobian" else _leak(model, layer)
    attrs = {
        "operator": operator,
        "layer": "" if layer is None else ",".join([layer] if isinstance(layer, str) else layer),
        "which": which,
        "tol": tol,
        "seed": seed,
    }
    dataset = modes_dataset(found, dt_ms=model.dt_ms, leak=leak, stimulus_id=stimulus_id)
    names = np.full(dataset["eigenvalue"].shape, "", dtype=object)
    for row, owner in enumerate(owners):
        names[row, : len(owner)] = [list(operators)[i] for i in owner]
    return dataset.assign(block=(("presentation", "mode"), names.astype(str))).assign_attrs(attrs)


def _operators(model: DynamicalModel, state: State, drive: Drive, kind: str, layer: str | Sequence[str] | None, *, whole: bool) -> dict[str, LinearOperator]:
    """The operator by its State keys; of a block triangular Jacobian the diagonal blocks."""
    if kind == "jacobian":
        parts = [phase_space(model, state, layer)] if whole else components(model, state, drive, layer)
        return {",".join(part.keys): jacobian(model, state, drive, layers=part) for part in parts}
    assert isinstance(layer, str)
    return {layer: kernel_operator(model, state, layer) if kind == "kernel" else gated_operator(model, state, drive, layer)}


def _degree(whole: LinearOperator, which: str) -> int:
    """Powers of the operator pay where it is so large that orthogonalisation is what costs."""
    if which == "LI" or whole.shape[0] < (5_000 if isinstance(whole, ConvolutionOperator) else 60_000):
        return 1
    return 4 if isinstance(whole, ConvolutionOperator) else 8


def _union(operators: Sequence[LinearOperator], n_modes: int, which: str, tol: float, seed: int, warm: bool) -> tuple[list[Eigenpairs], list[np.ndarray]]:
    """The modes of a block triangular operator from those of its diagonal blocks."""

    def solve(i: int, k: int, above: float) -> list[Eigenpairs]:
        return _solve(operators[i], k, which, tol, seed, False, warm, above)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # by its own radius; the union's is what counts
        both = leading_of_blocks(solve, [op.shape[0] for op in operators], n_modes, which=which, tol=tol)
    for modes, _ in both:
        arnoldi.warn(modes, tol, operators[0].dtype)
    return [modes for modes, _ in both], [owner for _, owner in both]


def _solve(whole: LinearOperator, n_modes: int, which: str, tol: float, seed: int, conditions: bool, warm: bool, above: float = -np.inf) -> list[Eigenpairs]:
    if whole.n_states > 1 and not (conditions or warm):
        return _together(whole, n_modes, which, tol, seed, above)
    return _one_by_one(whole, n_modes, which, tol, seed, conditions, warm, above)


def _one_by_one(whole: LinearOperator, n_modes: int, which: str, tol: float, seed: int, conditions: bool, warm: bool, above: float) -> list[Eigenpairs]:
    found: list[Eigenpairs] = []
    for i in range(whole.n_states):
        start = found[-1].right_vectors if warm and found else None
        found.append(
            arnoldi.leading_eigenpairs(
                whole.row(i),
                n_modes,
                which=which,
                tol=tol,
                seed=seed,
                start=start,
                left=conditions,
                vectors=warm,
                filter_degree=_degree(whole, which),
                above=above,
            )
        )
    return found


def _together(whole: LinearOperator, n_modes: int, which: str, tol: float, seed: int, above: float) -> list[Eigenpairs]:
    """In groups whose Krylov spaces fit in 2 GiB; one by one where not even two do."""
    each = (2 * n_modes + 60) * whole.shape[0] * whole.dtype.itemsize
    at_once = int(2**31 // each)
    if at_once < 2 or _degree(whole, which) > 1:
        return _one_by_one(whole, n_modes, which, tol, seed, False, False, above)
    found: list[Eigenpairs] = []
    for i in range(0, whole.n_states, at_once):
        found += arnoldi.leading_eigenpairs_many(whole.rows(slice(i, i + at_once)), n_modes, which=which, tol=tol, seed=seed, above=above)
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
