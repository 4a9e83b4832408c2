"""Turn any torch module into a model under the contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from neurodyn.dynamics.schedule import Schedule
from neurodyn.errors import ModelError, unknown_name

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["FunctionModel", "RecurrentModel", "ReplayModel", "as_dynamical", "record_calls"]

WHERE = "as_dynamical"
_SEQUENCE = (torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM)
_CELL = (torch.nn.RNNCell, torch.nn.GRUCell, torch.nn.LSTMCell)


def as_dynamical(
    module: torch.nn.Module,
    *,
    step: Callable[[torch.nn.Module, State, Drive], State] | None = None,
    initial: Mapping[str, Sequence[int]] | Callable[[torch.nn.Module, Drive], State] | None = None,
    encode: Callable[[torch.nn.Module, Tensor], Drive | Tensor] | None = None,
    readout: Callable[[torch.nn.Module, State], Tensor] | torch.nn.Module | None = None,
    blank: Tensor | None = None,
    phase: Sequence[str] | None = None,
    layers: Sequence[str] | None = None,
    record: Sequence[str] | None = None,
    dt_ms: float | None = None,
) -> DynamicalModel:
    """Adapt a module: torch's recurrent modules as they are, any module through a step function, or a module that loops inside.

    Parameters
    ----------
    module : Module
        In eval mode.

        - ``RNN``, ``GRU``, ``LSTM`` and their cells: nothing else is needed; a frame is (input_size, 1, 1), or whatever
          `encode` turns into (batch, input_size).
        - any module with `step` and `initial`.
        - a module whose ``forward(frame)`` runs the whole trial: name in `record` the submodules to listen to.  Every call of
          each becomes one step; nothing in the module is edited.
    step : callable, (module, state, drive) -> state
        One update; must return a new state.
    initial : mapping of name to shape, or callable (module, drive) -> state
        State keys and the shape of one row, filled with zeros.
    encode : callable, (module, frame) -> drive or Tensor, optional
        What is computed once a frame; the frame itself, as ``drive["frame"]``, when absent.
    readout : callable, (module, state) -> Tensor, or Module applied to the last layer, optional
    blank : Tensor, (channel, row, column), optional
        Zeros of (input_size, 1, 1) for torch's recurrent modules when absent; required otherwise.
    phase, layers : sequence of str, optional
        All floating state keys, and all of the phase, when absent.
    record : sequence of str, optional
        Names of submodules, as in ``module.named_modules()``.
    dt_ms : float, optional
        Model time of one step.

    Returns
    -------
    DynamicalModel

    Raises
    ------
    ModelError
        A bidirectional module, a missing blank, a submodule that was never called, or call counts that do not match.
    ConfigError
        An unknown submodule.

    Examples
    --------
    >>> model = as_dynamical(torch.nn.GRU(3, 5).eval(), dt_ms=20.0)
    >>> model.layers, model.phase, tuple(model.blank.shape)
    (('h',), ('h',), (3, 1, 1))
    >>> def leak(module, state, drive):
    ...     return {"x": torch.tanh(module(state["x"]) + drive["frame"].flatten(1))}
    >>> decay = as_dynamical(torch.nn.Linear(4, 4).eval(), step=leak, initial={"x": (4,)}, blank=torch.zeros(4, 1, 1))
    >>> decay.phase
    ('x',)
    """
    if not isinstance(module, torch.nn.Module):
        raise ModelError(WHERE, f"`module` is a {type(module).__name__}", expected="a torch.nn.Module")
    if record is not None:
        if step is not None:
            raise ModelError(WHERE, "both `step` and `record` are given", expected="`step` for one update, or `record` for a forward that loops inside")
        return ReplayModel(module, _need_blank(blank), tuple([record] if isinstance(record, str) else record), readout=readout, dt_ms=dt_ms)
    if step is not None:
        if initial is None:
            raise ModelError(WHERE, "`step` is given without `initial`", expected="the state's keys and shapes", fix='initial={"h": (n_units,)}')
        return FunctionModel(module, step, initial, _need_blank(blank), encode=encode, readout=readout, phase=phase, layers=layers, dt_ms=dt_ms)
    if isinstance(module, _SEQUENCE + _CELL):
        return RecurrentModel(module, blank=blank, encode=encode, readout=readout, dt_ms=dt_ms)
    raise ModelError(
        WHERE,
        f"{type(module).__name__} is not one of torch's recurrent modules",
        expected="`step` and `initial` for one update, or `record` naming the submodules of a forward that loops inside",
        fix='as_dynamical(module, record=["layer1"], blank=torch.zeros(3, 32, 32))',
    )


def _need_blank(blank: Tensor | None) -> Tensor:
    if blank is None:
        raise ModelError(
            WHERE, "`blank` is absent", expected="the frame shown when there is no stimulus, (channel, row, column)", fix="blank=torch.zeros(3, 32, 32)"
        )
    return blank


class _Adapter(torch.nn.Module):
    """What the adapters share: the module, its blank, its readout, and eval mode."""

    blank: Tensor

    def __init__(self, module: torch.nn.Module, blank: Tensor, readout: Any, dt_ms: float | None) -> None:
        super().__init__()
        if module.training:
            raise ModelError(WHERE, f"{type(module).__name__} is in train mode", expected="eval mode", fix="module.eval()")
        self.module = module
        self.dt_ms = dt_ms
        self.register_buffer("blank", blank.detach().clone())
        self.layers: tuple[str, ...] = ()
        self.phase: tuple[str, ...] = ()
        self._readout = readout
        self.eval()

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The keys of the state that are layers."""
        return {name: state[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The readout given, or the last layer, flat."""
        if self._readout is None:
            return state[self.layers[-1]].flatten(1)
        if isinstance(self._readout, torch.nn.Module):
            return self._readout(state[self.layers[-1]])
        return self._readout(self.module, state)


class FunctionModel(_Adapter):
    """A module driven by a step function; see :func:`as_dynamical`."""

    def __init__(
        self,
        module: torch.nn.Module,
        step: Callable[[torch.nn.Module, State, Drive], State],
        initial: Mapping[str, Sequence[int]] | Callable[[torch.nn.Module, Drive], State],
        blank: Tensor,
        *,
        encode: Callable[[torch.nn.Module, Tensor], Drive | Tensor] | None = None,
        readout: Any = None,
        phase: Sequence[str] | None = None,
        layers: Sequence[str] | None = None,
        dt_ms: float | None = None,
    ) -> None:
        super().__init__(module, blank, readout, dt_ms)
        self._step, self._initial, self._encode = step, initial, encode
        with torch.no_grad():
            state = self.initial_state(self.encode(self.blank[None]))
        self.phase = tuple(k for k, v in state.items() if v.is_floating_point()) if phase is None else tuple(phase)
        self.layers = self.phase if layers is None else tuple(layers)

    def encode(self, frame: Tensor) -> Drive:
        """The user's encoding, or the frame itself."""
        drive = frame if self._encode is None else self._encode(self.module, frame)
        return drive if isinstance(drive, dict) else {"frame": drive}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The user's initial state, or zeros."""
        if callable(self._initial):
            return self._initial(self.module, drive)
        like = next(iter(drive.values()))
        return {k: like.new_zeros(len(like), *shape) for k, shape in self._initial.items()}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The user's update."""
        return self._step(self.module, state, drive)


class RecurrentModel(_Adapter):
    """One of torch's recurrent modules or cells: ``h`` (``h.cell`` for an LSTM), or ``h1``, ``h2``... where layers are stacked."""

    def __init__(
        self,
        module: torch.nn.Module,
        *,
        blank: Tensor | None = None,
        encode: Callable[[torch.nn.Module, Tensor], Drive | Tensor] | None = None,
        readout: Any = None,
        dt_ms: float | None = None,
    ) -> None:
        if getattr(module, "bidirectional", False):
            raise ModelError(
                WHERE, f"{type(module).__name__} is bidirectional: its backward pass sees the future", expected="a causal module", fix="bidirectional=False"
            )
        n_inputs = int(module.input_size)  # type: ignore[arg-type]
        super().__init__(module, torch.zeros(n_inputs, 1, 1) if blank is None else blank, readout, dt_ms)
        self._encode = encode
        self._is_cell = isinstance(module, _CELL)
        self._has_cell = isinstance(module, torch.nn.LSTM | torch.nn.LSTMCell)
        n_layers = 1 if self._is_cell else int(module.num_layers)  # type: ignore[arg-type]
        self._names = ("h",) if n_layers == 1 else tuple(f"h{i + 1}" for i in range(n_layers))
        self.layers = self._names
        self.phase = tuple(k for name in self._names for k in ([name, f"{name}.cell"] if self._has_cell else [name]))

    def encode(self, frame: Tensor) -> Drive:
        """The module's input, (batch, input_size)."""
        drive = frame.flatten(1) if self._encode is None else self._encode(self.module, frame)
        drive = drive if isinstance(drive, dict) else {"u": drive}
        n = int(self.module.input_size)  # type: ignore[arg-type]
        if drive["u"].shape[1:] != (n,):
            raise ModelError(
                WHERE,
                f"a frame becomes {tuple(drive['u'].shape[1:])} values for an input_size of {n}",
                expected=f"(batch, {n})",
                fix="encode=lambda module, frame: encoder(frame)",
            )
        return drive

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Zeros."""
        u = drive["u"]
        hidden = int(self.module.hidden_size)  # type: ignore[arg-type]
        shown = int(getattr(self.module, "proj_size", 0)) or hidden
        return {k: u.new_zeros(len(u), hidden if k.endswith(".cell") else shown) for k in self.phase}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One time step of the module."""
        u = drive["u"]
        if self._is_cell:
            if self._has_cell:
                h, c = self.module(u, (state["h"], state["h.cell"]))
                return {"h": h, "h.cell": c}
            return {"h": self.module(u, state["h"])}
        h = torch.stack([state[k] for k in self._names])
        x = u[:, None] if self.module.batch_first else u[None]
        if not self._has_cell:
            _, new = self.module(x, h)
            return dict(zip(self._names, new.unbind(0), strict=True))
        _, (new, cell) = self.module(x, (h, torch.stack([state[f"{k}.cell"] for k in self._names])))
        merged: State = {}
        for name, a, b in zip(self._names, new.unbind(0), cell.unbind(0), strict=True):
            merged[name], merged[f"{name}.cell"] = a, b
        return merged


class ReplayModel(_Adapter):
    """A module whose forward runs the whole trial: each call of the named submodules is one step of the record.

    The forward runs in ``encode``; ``step`` turns the page.  There is no state to perturb, so ``phase`` is empty: activity,
    tuning and predictivity can be measured, Jacobians cannot.  Submodules called once are shown at every step.
    """

    def __init__(self, module: torch.nn.Module, blank: Tensor, names: tuple[str, ...], *, readout: Any = None, dt_ms: float | None = None) -> None:
        super().__init__(module, blank, readout, dt_ms)
        self._listen = names
        with torch.no_grad():
            calls = self.encode(self.blank[None])
        self.layers = tuple(k for k in calls if k != "output")
        self.trial = Schedule.steps(stimulus=max(calls[k].shape[1] for k in self.layers))

    def encode(self, frame: Tensor) -> Drive:
        """Run the forward and keep every call, (batch, call, ...)."""
        calls, output = record_calls(self.module, frame, self._listen)
        n = max(v.shape[1] for v in calls.values())
        ragged = {k: v.shape[1] for k, v in calls.items() if v.shape[1] not in (1, n)}
        if ragged:
            raise ModelError(
                WHERE,
                f"submodules were called { ({k: v.shape[1] for k, v in calls.items()}) } times in one forward",
                expected="equal counts, or one call",
                fix="adapt them one at a time: record=[name]",
            )
        return {**calls, "output": output[:, None]} if isinstance(output, Tensor) and output.dim() > 0 and len(output) == len(frame) else dict(calls)

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Before the first call."""
        like = next(iter(drive.values()))
        state = {"call": torch.full((len(like),), -1, dtype=torch.long, device=like.device)}
        return {**state, "shown": self._page("output" if "output" in drive else self.layers[-1], drive, state["call"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Turn the page; the last one stays."""
        n = max(v.shape[1] for v in drive.values())
        call = (state["call"] + 1).clamp(max=n - 1)
        return {"call": call, "shown": self._page("output" if "output" in drive else self.layers[-1], drive, call)}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """What each submodule returned at this call."""
        return {name: self._page(name, drive, state["call"]) for name in layers}

    def readout(self, state: State) -> Tensor:
        """What forward returned, where that is one tensor a row; else the last layer."""
        if self._readout is None:
            return state["shown"]
        return self._readout(state["shown"]) if isinstance(self._readout, torch.nn.Module) else self._readout(self.module, state)

    @staticmethod
    def _page(name: str, drive: Drive, call: Tensor) -> Tensor:
        calls = drive[name]
        index = call.clamp(0, calls.shape[1] - 1)
        return calls[torch.arange(len(calls), device=calls.device), index]


def record_calls(module: torch.nn.Module, frame: Tensor, names: Sequence[str]) -> tuple[dict[str, Tensor], Any]:
    """Run ``module(frame)`` and keep what every call of the named submodules returned.

    Parameters
    ----------
    module : Module
        Not edited: listeners are taken off again.
    frame : Tensor, (batch, ...)
    names : sequence of str
        Names as in ``module.named_modules()``.

    Returns
    -------
    calls : dict of Tensor, (batch, call, ...)
        A submodule that returns a tuple or dict gives one entry a part, ``name.0``, ``name.1``, ``name.key``.
    output : Any
        What the forward returned.

    Raises
    ------
    ConfigError
        An unknown submodule.
    ModelError
        A submodule that is never called, or whose output does not have the batch first.

    Examples
    --------
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()).eval()
    >>> calls, _ = record_calls(net, torch.zeros(4, 2), ["0"])
    >>> tuple(calls["0"].shape)
    (4, 1, 3)
    """
    known = dict(module.named_modules())
    kept: dict[str, list[Tensor]] = {}
    handles = []
    for name in names:
        if name not in known or not name:
            raise unknown_name(WHERE, "submodule", name, [k for k in known if k])
        handles.append(known[name].register_forward_hook(_listener(name, kept)))
    try:
        output = module(frame)
    finally:
        for handle in handles:
            handle.remove()
    for name in names:
        if not any(k == name or k.startswith(f"{name}.") for k in kept):
            raise ModelError(WHERE, f"submodule `{name}` was never called by {type(module).__name__}.forward", expected="a submodule that forward calls")
    for key, values in kept.items():
        shapes = {tuple(v.shape) for v in values}
        if len(shapes) > 1 or values[0].dim() == 0 or len(values[0]) != len(frame):
            raise ModelError(WHERE, f"`{key}` returns {sorted(shapes)} for a batch of {len(frame)}", expected="one shape, batch first, at every call")
    return {k: torch.stack(v, dim=1) for k, v in kept.items()}, output


def _listener(name: str, kept: dict[str, list[Tensor]]) -> Callable[[torch.nn.Module, Any, Any], None]:
    def listen(module: torch.nn.Module, inputs: Any, output: Any) -> None:
        for key, value in _parts(name, output):
            kept.setdefault(key, []).append(value)

    return listen


def _parts(name: str, output: Any) -> list[tuple[str, Tensor]]:
    if isinstance(output, Tensor):
        return [(name, output)]
    items = output.items() if isinstance(output, dict) else enumerate(output) if isinstance(output, tuple | list) else ()
    return [part for key, value in items for part in _parts(f"{name}.{key}", value)]
