"""Matrix-free linear operators around a state: the step Jacobian of any layers, the recurrent kernel, the gated kernel.

Every operator has ``shape``, ``dtype``, ``device`` and four products, all on torch tensors::

    matvec(v)   A v,    (n_in)    -> (n_out)          block(V)    one row a vector, (k, n_in)  -> (k, n_out)
    rmatvec(u)  A^T u,  (n_out)   -> (n_in)           rblock(U)   one row a vector, (k, n_out) -> (k, n_in)
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from neurodyn.dynamics.vectorise import PhaseSpace, check_state, expand_rows, phase_space
from neurodyn.errors import ConfigError, ModelError, NumericsError, first_of, unknown_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = [
    "ConvolutionOperator",
    "JacobianOperator",
    "LinearOperator",
    "as_dtype",
    "dense",
    "gated_operator",
    "jacobian",
    "kernel_operator",
    "resolving_dtype",
    "step_map",
]

TRACE_AFTER = 12


class LinearOperator:
    """Base of the operators here: products one vector at a time follow from the products of a block.

    Attributes
    ----------
    shape : (n_out, n_in)
    dtype : torch.dtype
    device : torch.device
    """

    shape: tuple[int, int]
    dtype: torch.dtype
    device: torch.device

    def block(self, vectors: Tensor) -> Tensor:
        """One product a row, (k, n_in) -> (k, n_out)."""
        raise TypeError(f"this is a bug: {type(self).__name__} has no block product")

    def rblock(self, vectors: Tensor) -> Tensor:
        """One transposed product a row, (k, n_out) -> (k, n_in)."""
        raise TypeError(f"this is a bug: {type(self).__name__} has no transposed product")

    @property
    def n_states(self) -> int:
        """How many operators, one a row of a block; 1 where every row is multiplied by the same."""
        return 1

    def rows(self, which: slice) -> LinearOperator:
        """The operators of some of the states."""
        return self

    def row(self, index: int) -> LinearOperator:
        """The operator of one state alone."""
        return self.rows(slice(index, index + 1))

    def matvec(self, vector: Tensor) -> Tensor:
        """A v."""
        return self.block(vector.reshape(1, -1))[0]

    def rmatvec(self, vector: Tensor) -> Tensor:
        """A^T u."""
        return self.rblock(vector.reshape(1, -1))[0]


def step_map(model: DynamicalModel, state: State, drive: Drive, layers: str | Sequence[str] | None = None) -> Callable[[Tensor], Tensor]:
    """One step of the model as a map of vectors, (batch, n) -> (batch, n), with input and every other State key held.

    Parameters
    ----------
    model : DynamicalModel
    state : State
        One row, or as many as the vectors will have; supplies the keys that are held.
    drive : Drive
        One row, or as many as the vectors will have.
    layers : str or sequence of str, optional
        Which layers move; the whole phase space when absent.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25])
    >>> drive = model.encode(torch.ones(1, 2, 1, 1))
    >>> step_map(model, model.initial_state(drive), drive)(torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """
    space = phase_space(model, state, layers)
    return _restricted(model, state, drive, space, space)


def _restricted(model: DynamicalModel, state: State, drive: Drive, inputs: PhaseSpace, outputs: PhaseSpace) -> Callable[[Tensor], Tensor]:
    def forward(vectors: Tensor) -> Tensor:
        n = len(vectors)
        new = model.step(inputs.restore(vectors, state), {k: expand_rows(v, n) for k, v in drive.items()})
        return outputs.flatten(new)

    return forward


class JacobianOperator(LinearOperator):
    """The derivative of one step at one state, never formed: forward-mode products and reverse-mode transposed products.

    Build one with :func:`jacobian`.

    Attributes
    ----------
    inputs, outputs : PhaseSpace
        Which coordinates are varied, and which are seen.
    """

    def __init__(
        self,
        forward: Callable[[Tensor], Tensor],
        point: Tensor,
        inputs: PhaseSpace,
        outputs: PhaseSpace,
        select: Callable[[slice], Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        self.forward, self.point, self._select = forward, point, select
        self.inputs, self.outputs = inputs, outputs
        self.shape = (outputs.size, inputs.size)
        self.dtype, self.device = point.dtype, point.device
        self._calls: dict[int, int] = {}
        self._linear: dict[int, Callable[[Tensor], Tensor] | None] = {}
        self._pullback: dict[int, Callable[[Tensor], Tensor]] = {}

    @property
    def n_states(self) -> int:
        """Rows of the state."""
        return len(self.point)

    def rows(self, which: slice) -> JacobianOperator:
        """The Jacobians at some of the states."""
        if self._select is None:
            return self
        return JacobianOperator(self._select(which), self.point[which], self.inputs, self.outputs, self._select)

    def _points(self, k: int) -> Tensor:
        return self.point.expand(k, -1).contiguous() if len(self.point) == 1 else self.point

    def block(self, vectors: Tensor) -> Tensor:
        """One product a row, (k, n_in) -> (k, n_out)."""
        import torch

        k = len(vectors)
        self._calls[k] = self._calls.get(k, 0) + 1
        if self._calls[k] == TRACE_AFTER and k not in self._linear:
            self._linear[k] = _linearized(self.forward, self._points(k))
        linear = self._linear.get(k)
        with torch.no_grad():
            if linear is not None:
                return linear(vectors.contiguous())
            return _forward_product(self.forward, self._points(k), vectors.contiguous())

    def rblock(self, vectors: Tensor) -> Tensor:
        """One transposed product a row, (k, n_out) -> (k, n_in)."""
        import torch

        k = len(vectors)
        if k not in self._pullback:
            self._pullback.clear()  # each holds the activity of k steps
            self._pullback[k] = torch.func.vjp(self.forward, self._points(k))[1]
        with torch.no_grad():
            return self._pullback[k](vectors.contiguous())[0]


def _linearized(forward: Callable[[Tensor], Tensor], points: Tensor) -> Callable[[Tensor], Tensor] | None:
    """Trace the tangent map once, so that later products skip the step itself; None where tracing is not possible."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with torch.enable_grad():  # a step that saves memory by writing in place where no gradient is wanted would write into the trace's constants
                linear = torch.func.linearize(forward, points)[1]
            probe = torch.linspace(-1.0, 1.0, points.numel(), dtype=points.dtype, device=points.device).reshape(points.shape)
            with torch.no_grad():
                plain, first, again = _forward_product(forward, points, probe), linear(probe), linear(probe)
        scale = float(plain.abs().max()) or 1.0
        gap = max(float((traced - plain).abs().max()) for traced in (first, again))  # twice: a trace that changes itself is right only once
        return linear if gap <= 1e3 * torch.finfo(points.dtype).eps * scale else None
    except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError):
        return None  # slower products, the same numbers


def _forward_product(forward: Callable[[Tensor], Tensor], points: Tensor, vectors: Tensor) -> Tensor:
    import torch

    try:
        return torch.func.jvp(forward, (points,), (vectors,))[1]
    except RuntimeError:  # an operation without forward-mode derivative: differentiate the transposed product instead
        with torch.enable_grad():
            dual = torch.zeros_like(forward(points)).requires_grad_()
            x = points.detach().requires_grad_()
            (back,) = torch.autograd.grad(forward(x), x, dual, create_graph=True)
            return torch.autograd.grad(back, dual, vectors)[0].detach()


def jacobian(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    layers: str | Sequence[str] | PhaseSpace | None = None,
    inputs: str | Sequence[str] | PhaseSpace | None = None,
    outputs: str | Sequence[str] | PhaseSpace | None = None,
    dtype: torch.dtype | None = None,
) -> JacobianOperator:
    """The step Jacobian d step(x) / d x, as an operator.

    Parameters
    ----------
    model : DynamicalModel
    state : State
        Point of linearisation.  One row; with B rows the operator is the block-diagonal one of B states and every block of
        vectors must have B rows, row b belonging to state b.
    drive : Drive
        Input held constant, one row or B.
    layers : str, sequence of str or PhaseSpace, optional
        One layer, some, or the whole phase space when absent.  Everything else is held.
    inputs, outputs : str, sequence of str or PhaseSpace, optional
        The block of the Jacobian from `inputs` to `outputs`; both are `layers` when absent.
    dtype : torch.dtype, optional
        Precision of the products; a copy of the model is converted where its own differs.

    Returns
    -------
    JacobianOperator, (n_out, n_in)

    Raises
    ------
    SchemaError
        A state of another model.
    ConfigError
        Unknown layers.
    ModelError
        A step that cannot be differentiated.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5, 0.25])
    >>> drive = model.encode(torch.ones(1, 2, 1, 1))
    >>> jacobian(model, model.initial_state(drive), drive).matvec(torch.ones(2)).tolist()
    [0.5, 0.25]
    """
    import torch

    check_state(model, state, drive, where="jacobian")
    if dtype is not None:
        model, state, drive = as_dtype(model, state, drive, dtype)
    into, out = (
        part if isinstance(part, PhaseSpace) else phase_space(model, state, part)
        for part in (inputs if inputs is not None else layers, outputs if outputs is not None else layers)
    )
    point = into.flatten(state).detach()

    def select(which: slice) -> Callable[[Tensor], Tensor]:
        one = {k: v[which] if len(v) > 1 else v for k, v in state.items()}
        shown = {k: v[which] if len(v) > 1 else v for k, v in drive.items()}
        return _restricted(model, one, shown, into, out)

    operator = JacobianOperator(_restricted(model, state, drive, into, out), point, into, out, select if len(point) > 1 else None)
    try:
        with torch.no_grad():
            probe = operator.block(torch.zeros_like(point))
    except RuntimeError as error:
        raise ModelError(
            "jacobian",
            f"the step of {type(model).__name__} cannot be differentiated ({str(error).splitlines()[0]})",
            expected="a step made of differentiable torch operations, without in-place changes of its state",
            fix="neurodyn.check_model(model)",
        ) from error
    if tuple(probe.shape) != (len(point), out.size):
        raise ModelError("jacobian", f"the step returns {tuple(probe.shape)} coordinates", expected=f"{(len(point), out.size)}")
    return operator


class ConvolutionOperator(LinearOperator):
    """gate * (W * r): a recurrent convolution, or a matrix, optionally gated unit by unit.

    Parameters
    ----------
    weight : Tensor, (channel, channel, row, column) or (n, n)
    shape : tuple of int
        (channel, row, column) of the layer, or (n,).
    gate : Tensor, optional
        Derivative of the nonlinearity at a state, shaped like the layer; with a leading axis, at several states.
    padding : {"zeros", "circular"}

    Examples
    --------
    >>> import torch
    >>> A = ConvolutionOperator(torch.full((1, 1, 1, 1), 2.0), (1, 3, 3))
    >>> A.matvec(torch.ones(9)).sum().item()
    18.0
    """

    def __init__(self, weight: Tensor, shape: tuple[int, ...], *, gate: Tensor | None = None, padding: Literal["zeros", "circular"] = "zeros") -> None:
        import torch

        if padding not in ("zeros", "circular"):
            raise unknown_name("ConvolutionOperator", "padding", padding, ["zeros", "circular"])
        n = int(torch.Size(shape).numel())
        self.layer_shape, self.weight, self.padding = tuple(shape), weight.detach(), padding
        square = weight.dim() == 2 and tuple(weight.shape) == (n, n)
        conv = weight.dim() == 4 and len(shape) == 3 and weight.shape[0] == weight.shape[1] == shape[0] and all(s % 2 for s in weight.shape[2:])
        if not (square or conv):
            raise NumericsError(
                "ConvolutionOperator",
                f"`weight` has shape {tuple(weight.shape)} for a layer of shape {tuple(shape)}",
                expected="(channel, channel, odd, odd), or (n, n)",
            )
        if gate is not None and gate.numel() % n:
            raise NumericsError("ConvolutionOperator", f"`gate` has {gate.numel()} values for {n} units", expected=f"{n}, or that many for each state")
        self.gate = None if gate is None else gate.detach().reshape(-1, n).to(weight.dtype)
        self.shape = (n, n)
        self.dtype, self.device = weight.dtype, weight.device
        self._transposed = self.weight.t() if square else self.weight.flip(-1, -2).transpose(0, 1).contiguous()

    @property
    def n_states(self) -> int:
        """Rows of the gate."""
        return 1 if self.gate is None else len(self.gate)

    def rows(self, which: slice) -> ConvolutionOperator:
        """The operators gated as at some of the states."""
        if self.gate is None or self.n_states == 1:
            return self
        return ConvolutionOperator(self.weight, self.layer_shape, gate=self.gate[which], padding=self.padding)

    def _apply(self, weight: Tensor, vectors: Tensor) -> Tensor:
        import torch
        from torch.nn import functional

        if weight.dim() == 2:
            return vectors @ weight.t()
        maps = vectors.reshape(len(vectors), *self.layer_shape)
        reach = (weight.shape[2] // 2, weight.shape[3] // 2)
        with torch.no_grad():
            if self.padding == "zeros":
                out = functional.conv2d(maps, weight, padding=reach)
            else:
                out = functional.conv2d(_wrap(maps, reach), weight)
        return out.reshape(len(vectors), -1)

    def block(self, vectors: Tensor) -> Tensor:
        """One product a row."""
        out = self._apply(self.weight, vectors)
        return out if self.gate is None else out * self.gate

    def rblock(self, vectors: Tensor) -> Tensor:
        """One transposed product a row."""
        return self._apply(self._transposed, vectors if self.gate is None else vectors * self.gate)


def _wrap(maps: Tensor, reach: tuple[int, int]) -> Tensor:
    """Circular padding of any reach, further than the map itself too."""
    import torch

    for axis, r in zip((2, 3), reach, strict=True):
        size = maps.shape[axis]
        maps = maps.index_select(axis, torch.arange(-r, size + r, device=maps.device) % size)
    return maps


def kernel_operator(model: DynamicalModel, state: State, layer: str, *, dtype: torch.dtype | None = None) -> ConvolutionOperator:
    """The bare recurrent weights of one layer as an operator: no leak, no gate.

    Raises
    ------
    ModelError
        If the model offers no ``recurrent_kernel``.
    """
    weight = _member(model, "recurrent_kernel", "kernel")(layer).detach()
    shape = _layer_shape(state, layer)
    return ConvolutionOperator(weight if dtype is None else weight.to(dtype), shape)


def gated_operator(model: DynamicalModel, state: State, drive: Drive, layer: str, *, dtype: torch.dtype | None = None) -> ConvolutionOperator:
    """The recurrent weights of one layer gated by its nonlinearity's derivative at each state: diag(g) W.

    Raises
    ------
    ModelError
        If the model offers no ``recurrent_kernel`` and ``gate``.
    """
    import torch

    weight = _member(model, "recurrent_kernel", "gated")(layer).detach()
    with torch.no_grad():
        gate = _member(model, "gate", "gated")(state, drive, layer)
    shape = _layer_shape(state, layer)
    if gate.numel() % int(torch.Size(shape).numel()):
        raise ModelError("gated_operator", f"`gate` returns shape {tuple(gate.shape)} for a layer of shape {shape}", expected="one value a unit")
    if dtype is not None:
        weight, gate = weight.to(dtype), gate.to(dtype)
    return ConvolutionOperator(weight, shape, gate=gate)


def _member(model: DynamicalModel, name: str, operator: str) -> Callable:
    if not hasattr(model, name):
        raise ModelError(
            f'operator="{operator}"',
            f"{type(model).__name__} has no `{name}`",
            expected=f"a model with the optional member `{name}`",
            fix='operator="jacobian", which needs nothing but the step',
        )
    return getattr(model, name)


def _layer_shape(state: State, layer: str) -> tuple[int, ...]:
    if layer not in state:
        raise unknown_name("linearise", "layer", layer, state)
    return tuple(state[layer].shape[1:])


def resolving_dtype(model: DynamicalModel, state: State, tol: float) -> torch.dtype:
    """The precision a relative tolerance needs: the model's own, or float64 where `tol` is finer than float32 resolves (5e-6).

    Examples
    --------
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5])
    >>> resolving_dtype(model, {"x": model.start[None]}, 1e-8)
    torch.float64
    """
    import torch

    own = state[model.phase[0]].dtype
    return torch.float64 if tol < 5e-6 else own


def as_dtype(model: DynamicalModel, state: State, drive: Drive, dtype: torch.dtype) -> tuple[DynamicalModel, State, Drive]:
    """A copy of the model, state and drive in another floating dtype; untouched where they already have it.

    Raises
    ------
    ModelError
        If the model keeps computing in its own dtype.
    """
    import torch

    def cast(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {k: v.to(dtype) if v.is_floating_point() else v for k, v in values.items()}

    if all(state[k].dtype == dtype for k in model.phase):
        return model, state, cast(drive)
    if isinstance(model, torch.nn.Module):
        model = copy.deepcopy(model).to(dtype)
    state, drive = cast(state), cast(drive)
    try:
        with torch.no_grad():
            new = model.step({k: v[:1] for k, v in state.items()}, {k: v[:1] for k, v in drive.items()})
    except RuntimeError as error:
        raise _stuck(model, dtype, str(error).splitlines()[0]) from error
    off = [k for k in model.phase if new[k].dtype != dtype]
    if off:
        raise _stuck(model, dtype, first_of(f"{k} is {new[k].dtype}" for k in off))
    return model, state, drive


def _stuck(model: DynamicalModel, dtype: torch.dtype, what: str) -> ModelError:
    return ModelError(
        "linearise",
        f"{type(model).__name__} does not compute in {dtype}: {what}",
        expected="a step whose tensors are parameters or buffers, so that model.to(dtype) converts them",
        fix="dtype=None, to work in the model's own precision",
    )


def dense(operator: LinearOperator, *, batch_size: int = 64) -> Tensor:
    """The matrix of an operator, (n_out, n_in); for checks and small problems.

    Examples
    --------
    >>> import torch
    >>> dense(ConvolutionOperator(torch.eye(3), (3,))).diagonal().tolist()
    [1.0, 1.0, 1.0]
    """
    import torch

    n_out, n_in = operator.shape
    if n_in * n_out > 1e9:
        raise ConfigError("dense", f"a matrix of {n_out} x {n_in}", expected="at most 1e9 entries", fix="arnoldi.leading_eigenpairs(operator, n_modes, seed=0)")
    eye = torch.eye(n_in, dtype=operator.dtype, device=operator.device)
    return torch.cat([operator.block(eye[i : i + batch_size]) for i in range(0, n_in, batch_size)]).t().contiguous()
