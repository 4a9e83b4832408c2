"""Dynamical systems with closed-form answers, as models under the contract.

Every function returns a model with one layer and one phase variable, ``x`` (batch, n), driven by a frame (n_inputs, 1, 1).
What is known about it stands in ``model.truth``: ``eigenvalues`` at the origin (or where said), ``fixed_points`` (point, n),
``stable`` (point), ``lyapunov`` (per step, or per unit time where said).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurodyn.errors import ConfigError
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = [
    "VectorSystem",
    "flip_flop",
    "hopfield",
    "limit_cycle",
    "line_attractor",
    "linear_network",
    "lorenz",
    "ring_attractor",
    "rotation",
    "saddle",
]


class VectorSystem(torch.nn.Module):
    """A map x <- F(x, u) on vectors; the systems below give F.

    Parameters
    ----------
    start : array, (n)
        The state before the first step.
    blank : array, (n_inputs)
        The frame shown when there is no stimulus.
    dt_ms : float or None
    truth : dict of array
        What is known in closed form.
    """

    layers: tuple[str, ...] = ("x",)
    phase: tuple[str, ...] = ("x",)
    start: Tensor
    blank: Tensor

    def __init__(self, start: np.ndarray, blank: np.ndarray, *, dt_ms: float | None, truth: dict[str, Any]) -> None:
        super().__init__()
        self.dt_ms = dt_ms
        self.truth = truth
        self.register_buffer("start", torch.as_tensor(np.asarray(start, float), dtype=torch.float32))
        self.register_buffer("blank", torch.as_tensor(np.asarray(blank, float), dtype=torch.float32).reshape(-1, 1, 1))
        self.eval()

    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        """F(x, u), (batch, n)."""
        raise AssertionError("this is a bug: a system without a map")

    def encode(self, frame: Tensor) -> Drive:
        """The frame as a vector, (batch, n_inputs)."""
        return {"u": frame.flatten(1)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """The same start for every row."""
        u = drive["u"]
        return {"x": self.start.to(u).expand(len(u), -1).clone()}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One application of the map."""
        return {"x": self.advance(state["x"], drive["u"])}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The state itself."""
        return {name: state["x"] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The state itself."""
        return state["x"]


class _Linear(VectorSystem):
    """x <- A x + u."""

    matrix: Tensor

    def __init__(self, matrix: np.ndarray, start: np.ndarray, *, dt_ms: float | None, truth: dict[str, Any]) -> None:
        super().__init__(start, np.zeros(len(matrix)), dt_ms=dt_ms, truth=truth)
        self.register_buffer("matrix", torch.as_tensor(matrix, dtype=torch.float32))

    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        return x @ self.matrix.to(x).T + u

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The matrix A, (n, n)."""
        return self.matrix

    def gate(self, state: State, drive: Drive, layer: str) -> Tensor:
        """Ones: the map is linear."""
        return torch.ones_like(state["x"])

    def leak(self, layer: str) -> float:
        """1: nothing of the old state is kept beside A x."""
        return 1.0


class _Radial(VectorSystem):
    """x <- R(angle) x (1 + rate (1 - |x|^2)) in the plane."""

    turn: Tensor

    def __init__(self, angle_rad: float, rate: float, start: np.ndarray, *, dt_ms: float | None, truth: dict[str, Any]) -> None:
        super().__init__(start, np.zeros(2), dt_ms=dt_ms, truth=truth)
        self.rate = rate
        self.register_buffer("turn", torch.as_tensor(_rotation(angle_rad), dtype=torch.float32))

    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        return (x @ self.turn.to(x).T) * (1 + self.rate * (1 - x.square().sum(-1, keepdim=True))) + u


class _Tanh(VectorSystem):
    """x <- tanh(W x + s (u - blank))."""

    matrix: Tensor

    def __init__(self, matrix: np.ndarray, blank: np.ndarray, scale: float, *, dt_ms: float | None, truth: dict[str, Any]) -> None:
        super().__init__(np.zeros(len(matrix)), blank, dt_ms=dt_ms, truth=truth)
        self.scale = scale
        self.register_buffer("matrix", torch.as_tensor(matrix, dtype=torch.float32))

    def encode(self, frame: Tensor) -> Drive:
        """The frame's deviation from the blank, scaled."""
        return {"u": self.scale * (frame - self.blank.to(frame)).flatten(1)}

    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        return torch.tanh(x @ self.matrix.to(x).T + u)

    def recurrent_kernel(self, layer: str) -> Tensor:
        """The matrix W, (n, n)."""
        return self.matrix

    def gate(self, state: State, drive: Drive, layer: str) -> Tensor:
        """The derivative of tanh at the state."""
        return 1 - torch.tanh(state["x"] @ self.matrix.to(state["x"]).T + drive["u"]).square()

    def leak(self, layer: str) -> float:
        """1: the state is replaced at every step."""
        return 1.0


class _Lorenz(VectorSystem):
    """One Runge-Kutta step of the Lorenz equations."""

    def __init__(self, parameters: tuple[float, float, float], dt: float, *, dt_ms: float | None, truth: dict[str, Any]) -> None:
        super().__init__(np.array([1.0, 1.0, 25.0]), np.zeros(3), dt_ms=dt_ms, truth=truth)
        self.parameters_, self.dt = parameters, dt

    def field(self, x: Tensor) -> Tensor:
        """The velocity dx/dt, (batch, 3)."""
        sigma, rho, beta = self.parameters_
        a, b, c = x.unbind(-1)
        return torch.stack([sigma * (b - a), a * (rho - c) - b, a * b - beta * c], dim=-1)

    def advance(self, x: Tensor, u: Tensor) -> Tensor:
        h = self.dt
        k1 = self.field(x)
        k2 = self.field(x + h / 2 * k1)
        k3 = self.field(x + h / 2 * k2)
        k4 = self.field(x + h * k3)
        return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4) + u


def linear_network(
    eigenvalues: Sequence[complex], *, dt_ms: float | None = None, seed: int | None = None, start: Sequence[float] | None = None
) -> VectorSystem:
    """X <- A x + u with the eigenvalues given.

    Parameters
    ----------
    eigenvalues : sequence of complex
        Real, or in conjugate pairs.
    dt_ms : float or None
    seed : int, optional
        Turn the eigenvectors by a random rotation (the matrix stays normal); diagonal, or 2 x 2 blocks, when absent.
    start : sequence of float, optional
        Initial state; zero when absent.

    Returns
    -------
    VectorSystem
        ``truth``: ``eigenvalues``, ``matrix``; without input the origin is the one fixed point.

    Raises
    ------
    ConfigError
        If a complex eigenvalue comes without its conjugate.

    Examples
    --------
    >>> model = linear_network([0.5, 0.25])
    >>> model.matrix.tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    values = np.asarray(list(eigenvalues), dtype=complex)
    if values.ndim != 1 or not len(values):
        raise ConfigError("linear_network", f"`eigenvalues` has shape {values.shape}", expected="at least one eigenvalue")
    upper, lower = values[values.imag > 0], values[values.imag < 0]
    if len(upper) != len(lower) or not np.allclose(np.sort_complex(upper), np.sort_complex(lower.conj())):
        raise ConfigError("linear_network", "a complex eigenvalue comes without its conjugate", expected="conjugate pairs", fix="[0.5 + 0.2j, 0.5 - 0.2j]")
    blocks, rest = [], list(values)
    while rest:
        value = rest.pop(0)
        if value.imag == 0:
            blocks.append(np.array([[value.real]]))
        else:
            rest.pop(int(np.argmin(np.abs(np.asarray(rest) - value.conj()))))
            blocks.append(np.array([[value.real, -value.imag], [value.imag, value.real]]))
    n = len(values)
    matrix, at = np.zeros((n, n)), 0
    for block in blocks:
        size = len(block)
        matrix[at : at + size, at : at + size] = block
        at += size
    if seed is not None:
        turn, _ = np.linalg.qr(numpy_generator(seed, "linear_network").standard_normal((n, n)))
        matrix = turn @ matrix @ turn.T
    truth = {"eigenvalues": values, "matrix": matrix, "fixed_points": np.zeros((1, n)), "stable": np.array([bool((np.abs(values) < 1).all())])}
    return _Linear(matrix, np.zeros(n) if start is None else np.asarray(start, float), dt_ms=dt_ms, truth=truth)


def rotation(angle_rad: float = 0.1, radius: float = 1.0, *, dt_ms: float | None = None) -> VectorSystem:
    """A rotation of the plane by `angle_rad` a step, growing by `radius`; eigenvalues ``radius * exp(+-1j * angle_rad)``.

    Examples
    --------
    >>> np.abs(rotation(0.3, 0.9).truth["eigenvalues"]).round(3).tolist()
    [0.9, 0.9]
    """
    value = radius * np.exp(1j * angle_rad)
    return linear_network([value, value.conjugate()], dt_ms=dt_ms, start=[1.0, 0.0])


def saddle(stable: float = 0.5, unstable: float = 1.5, *, dt_ms: float | None = None) -> VectorSystem:
    """A saddle at the origin, its axes turned by 45 degrees: the unstable direction is (1, 1).

    Examples
    --------
    >>> sorted(np.linalg.eigvals(saddle().truth["matrix"]).round(6).tolist())
    [0.5, 1.5]
    """
    turn = _rotation(np.pi / 4)
    matrix = turn @ np.diag([unstable, stable]) @ turn.T
    truth = {"eigenvalues": np.array([unstable, stable]), "matrix": matrix, "fixed_points": np.zeros((1, 2)), "stable": np.array([False])}
    return _Linear(matrix, np.array([0.0, 0.1]), dt_ms=dt_ms, truth=truth)


def line_attractor(n: int = 4, decay: float = 0.5, *, seed: int = 0, dt_ms: float | None = None) -> VectorSystem:
    """An integrator: one direction is kept (eigenvalue 1), the other n - 1 decay by `decay` a step.

    ``truth["direction"]`` (n) spans the line of fixed points; input along it is summed for ever.

    Examples
    --------
    >>> line_attractor(3).truth["eigenvalues"].tolist()
    [1.0, 0.5, 0.5]
    """
    direction = numpy_generator(seed, "line_attractor").standard_normal(n)
    direction /= np.linalg.norm(direction)
    matrix = decay * np.eye(n) + (1 - decay) * np.outer(direction, direction)
    truth = {"eigenvalues": np.array([1.0] + [decay] * (n - 1)), "matrix": matrix, "direction": direction}
    return _Linear(matrix, np.zeros(n), dt_ms=dt_ms, truth=truth)


def ring_attractor(rate: float = 0.2, *, dt_ms: float | None = None) -> VectorSystem:
    """X <- x (1 + rate (1 - |x|^2)): every point of the unit circle is fixed.

    On the ring the eigenvalues are 1 (along it) and 1 - 2 rate (across it); at the unstable origin both are 1 + rate.

    Examples
    --------
    >>> ring_attractor(0.2).truth["eigenvalues_on_ring"].tolist()
    [1.0, 0.6]
    """
    truth = {"eigenvalues": np.array([1 + rate, 1 + rate]), "eigenvalues_on_ring": np.array([1.0, 1 - 2 * rate]), "radius": 1.0}
    return _Radial(0.0, rate, np.array([0.3, 0.1]), dt_ms=dt_ms, truth=truth)


def limit_cycle(period: float = 20.0, rate: float = 0.2, *, dt_ms: float | None = None) -> VectorSystem:
    """A Hopf normal form: the unit circle is travelled once in `period` steps; the origin is an unstable focus.

    Lyapunov exponents a step: 0 (along the circle) and ln|1 - 2 rate| (across it).

    Examples
    --------
    >>> limit_cycle(20).truth["lyapunov"].round(4).tolist()
    [0.0, -0.5108]
    """
    angle = 2 * np.pi / period
    value = (1 + rate) * np.exp(1j * angle)
    truth = {
        "eigenvalues": np.array([value, value.conjugate()]),
        "fixed_points": np.zeros((1, 2)),
        "stable": np.array([False]),
        "period": period,
        "radius": 1.0,
        "lyapunov": np.array([0.0, np.log(abs(1 - 2 * rate))]),
    }
    return _Radial(angle, rate, np.array([0.3, 0.1]), dt_ms=dt_ms, truth=truth)


def lorenz(dt: float = 0.01, *, sigma: float = 10.0, rho: float = 28.0, beta: float = 8.0 / 3.0, dt_ms: float | None = None) -> VectorSystem:
    """The Lorenz equations, one fourth-order Runge-Kutta step of `dt` a step.

    ``truth["lyapunov"]``, per unit of Lorenz time at the default parameters: 0.9056, 0, -14.5723 (their sum is
    -(sigma + 1 + beta) for any parameters).  The three fixed points are those of the field, exact for the map too; all
    are unstable at the default parameters.

    Examples
    --------
    >>> lorenz().truth["fixed_points"].round(3).tolist()
    [[0.0, 0.0, 0.0], [8.485, 8.485, 27.0], [-8.485, -8.485, 27.0]]
    """
    r = np.sqrt(max(beta * (rho - 1), 0.0))
    points = np.array([[0, 0, 0], [r, r, rho - 1], [-r, -r, rho - 1]], dtype=float)
    truth = {
        "fixed_points": points,
        "stable": np.zeros(3, bool),
        "lyapunov": np.array([0.9056, 0.0, -14.5723]),
        "lyapunov_sum": -(sigma + 1 + beta),
        "dt": dt,
    }
    return _Lorenz((sigma, rho, beta), dt, dt_ms=dt_ms, truth=truth)


def flip_flop(n_bits: int = 3, gain: float = 2.0, pulse: float = 6.0, *, dt_ms: float | None = None) -> VectorSystem:
    """A memory of `n_bits`: x <- tanh(gain x + pulse (2 u - 1)), with u = 1 sets, u = 0 clears, u = 1/2 holds.

    With the blank (all 1/2) each bit rests at -m, 0 or m, m = tanh(gain m): 3^n fixed points (27 for 3 bits), of which the
    2^n corners are stable (8 for 3 bits).  ``truth["eigenvalues_by_point"]`` (point, n) are the slopes there.

    Examples
    --------
    >>> truth = flip_flop().truth
    >>> len(truth["fixed_points"]), int(truth["stable"].sum())
    (27, 8)
    """
    if gain <= 1:
        raise ConfigError("flip_flop", f"`gain` is {gain}", expected="a gain above 1: below it the bits are forgotten", fix="flip_flop(gain=2.0)")
    m = _rest(gain)
    values = np.array([-m, 0.0, m])
    points = np.stack(np.meshgrid(*[values] * n_bits, indexing="ij"), axis=-1).reshape(-1, n_bits)
    slopes = gain * (1 - np.tanh(gain * points) ** 2)
    truth = {
        "eigenvalues": np.full(n_bits, gain),
        "eigenvalues_by_point": slopes,
        "fixed_points": points,
        "stable": (np.abs(slopes) < 1).all(axis=1),
    }
    return _Tanh(gain * np.eye(n_bits), np.full(n_bits, 0.5), 2 * pulse, dt_ms=dt_ms, truth=truth)


def hopfield(patterns: np.ndarray | None = None, gain: float = 2.0, *, dt_ms: float | None = None) -> VectorSystem:
    """An attractor memory: x <- tanh(gain W x + u), W = sum of the outer products of `patterns` over n.

    Parameters
    ----------
    patterns : array of -1 and 1, (pattern, n), optional
        Orthogonal patterns; three rows of the Hadamard matrix of size 16 when absent.
    gain : float
    dt_ms : float or None

    Returns
    -------
    VectorSystem
        ``truth["fixed_points"]``: plus and minus m times each pattern, m = tanh(gain m), all stable.

    Examples
    --------
    >>> hopfield().truth["fixed_points"].shape
    (6, 16)
    """
    if patterns is None:
        from scipy.linalg import hadamard

        patterns = hadamard(16)[[3, 5, 10]]
    patterns = np.asarray(patterns, float)
    n = patterns.shape[1]
    if not np.allclose(patterns @ patterns.T, n * np.eye(len(patterns))):
        raise ConfigError("hopfield", "`patterns` are not orthogonal", expected="rows of -1 and 1 with products 0", fix="scipy.linalg.hadamard(16)[1:4]")
    m = _rest(gain)
    truth = {
        "patterns": patterns,
        "fixed_points": np.concatenate([m * patterns, -m * patterns]),
        "stable": np.ones(2 * len(patterns), bool),
        "eigenvalues": np.concatenate([np.full(len(patterns), gain), np.zeros(n - len(patterns))]),
    }
    return _Tanh(gain * patterns.T @ patterns / n, np.zeros(n), 1.0, dt_ms=dt_ms, truth=truth)


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _rest(gain: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(lambda m: np.tanh(gain * m) - m, 1e-3, 1.0)) if gain > 1 else 0.0
