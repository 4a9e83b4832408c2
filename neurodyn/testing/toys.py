"""Small models that stretch the contract: what a strange model looks like, and that no analysis needs a special case for it.

``TOYS`` maps a name to a function of no arguments that builds the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["TOYS", "ComplexState", "ConvNetwork", "DelayLine", "HaltingAccumulator", "MovingGaze", "NoisyLeak"]


class _Toy(torch.nn.Module):
    """What the toys share: eval mode, fixed random weights, and steps that are not time."""

    dt_ms: float | None = None
    layers: tuple[str, ...] = ("x",)
    phase: tuple[str, ...] = ("x",)
    blank: Tensor

    def __init__(self, blank: Tensor, **truth: Any) -> None:
        super().__init__()
        self.truth = truth
        self.register_buffer("blank", blank)

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The keys of the state that are layers."""
        return {name: state[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The last layer, flat."""
        return state[self.layers[-1]].flatten(1)


def _weights(seed: int, name: str, *shape: int, scale: float) -> Tensor:
    return scale * torch.randn(shape, generator=torch_generator(seed, "toys", name))


class MovingGaze(_Toy):
    """A glimpse of 3 x 3 pixels whose centre is part of the state: x <- 0.8 x + W glimpse, gaze <- gaze + 0.1 tanh(V x).

    The frame is the whole image; the gaze, in (-1, 1) with 0 in the middle, is bookkeeping and not in the phase.
    With the gaze held, every eigenvalue is 0.8.
    """

    offsets: Tensor

    def __init__(self, n: int = 5, size: int = 9, seed: int = 0) -> None:
        super().__init__(torch.zeros(1, size, size), eigenvalues=np.full(n, 0.8))
        self.look = torch.nn.Parameter(_weights(seed, "look", n, 9, scale=0.3))
        self.move = torch.nn.Parameter(_weights(seed, "move", 2, n, scale=1.0))
        near = torch.linspace(-2.0, 2.0, 3) / size
        rows, columns = torch.meshgrid(near, near, indexing="ij")
        self.register_buffer("offsets", torch.stack([columns, rows], dim=-1))
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The whole image: where it is looked at depends on the state."""
        return {"image": frame}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silent, looking at the middle."""
        image = drive["image"]
        return {"x": image.new_zeros(len(image), len(self.look)), "gaze": image.new_zeros(len(image), 2)}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Look, integrate, move."""
        grid = state["gaze"][:, None, None, :] + self.offsets
        glimpse = torch.nn.functional.grid_sample(drive["image"], grid, align_corners=False, padding_mode="border")
        x = 0.8 * state["x"] + glimpse.flatten(1) @ self.look.T
        gaze = (state["gaze"] + 0.1 * torch.tanh(x @ self.move.T)).clamp(-1.0, 1.0)
        return {"x": x, "gaze": gaze}


class HaltingAccumulator(_Toy):
    """Evidence is summed with a leak until a halting sum passes 1; the answer is the mixture of the states on the way.

    x <- 0.9 x + u; p = 0.1 + 0.4 sigmoid(mean x); halt <- halt + p; mixture <- mixture + (weight left) x.
    The halting sum, the step counter and the mixture are bookkeeping and not in the phase.
    """

    def __init__(self, n: int = 4) -> None:
        super().__init__(torch.zeros(n, 1, 1), eigenvalues=np.full(n, 0.9), fixed_points=np.zeros((1, n)))
        self.layers = ("x", "mixture")
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The evidence, (batch, n)."""
        return {"u": frame.flatten(1)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Nothing summed."""
        u = drive["u"]
        return {
            "x": torch.zeros_like(u),
            "halt": u.new_zeros(len(u)),
            "n_steps": torch.zeros(len(u), dtype=torch.long, device=u.device),
            "mixture": torch.zeros_like(u),
        }

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One update of evidence, halting sum and mixture."""
        x = 0.9 * state["x"] + drive["u"]
        p = 0.1 + 0.4 * torch.sigmoid(x.mean(-1))
        left = torch.minimum(p, 1 - state["halt"]).clamp(min=0.0)
        return {"x": x, "halt": state["halt"] + p, "n_steps": state["n_steps"] + 1, "mixture": state["mixture"] + left[:, None] * x}

    def finished(self, state: State) -> Tensor:
        """Rows whose halting sum has passed 1."""
        return state["halt"] >= 1

    def readout(self, state: State) -> Tensor:
        """The mixture so far."""
        return state["mixture"]


class ComplexState(_Toy):
    """z <- lambda z + u with complex z, kept as two real channels: (batch, 2, n), real part first."""

    real: Tensor
    imag: Tensor

    def __init__(self, eigenvalues: tuple[complex, ...] = (0.9 * np.exp(0.5j), 0.7 * np.exp(1.5j), 0.5 + 0j)) -> None:
        values = np.asarray(eigenvalues, complex)
        super().__init__(torch.zeros(len(values), 1, 1), eigenvalues=np.concatenate([values, values.conj()]), fixed_points=np.zeros((1, 2 * len(values))))
        self.layers, self.phase = ("z", "modulus"), ("z",)
        self.register_buffer("real", torch.as_tensor(values.real, dtype=torch.float32))
        self.register_buffer("imag", torch.as_tensor(values.imag, dtype=torch.float32))
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """A real input, (batch, n)."""
        return {"u": frame.flatten(1)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Zero."""
        u = drive["u"]
        return {"z": u.new_zeros(len(u), 2, u.shape[1])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One complex multiplication, written out."""
        a, b = state["z"].unbind(1)
        return {"z": torch.stack([self.real * a - self.imag * b + drive["u"], self.imag * a + self.real * b], dim=1)}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The two channels, or their modulus."""
        every = {"z": state["z"], "modulus": torch.linalg.vector_norm(state["z"], dim=1)}
        return {name: every[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """Both channels, flat."""
        return state["z"].flatten(1)


class DelayLine(_Toy):
    """x(t + 1) = a x(t) + b x(t - delay) + u: the past is part of the phase, (batch, delay, n), newest first.

    The eigenvalues are the roots of l^(delay + 1) - a l^delay - b, once for each of the n units.
    """

    def __init__(self, n: int = 2, delay: int = 3, a: float = 0.5, b: float = -0.4) -> None:
        roots = np.roots([1.0, -a, *[0.0] * (delay - 1), -b])
        super().__init__(torch.zeros(n, 1, 1), eigenvalues=np.repeat(roots, n), fixed_points=np.zeros((1, n * (delay + 1))))
        self.a, self.b, self.delay = a, b, delay
        self.phase = ("x", "x.past")
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The input, (batch, n)."""
        return {"u": frame.flatten(1)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """A silent past."""
        u = drive["u"]
        return {"x": torch.zeros_like(u), "x.past": u.new_zeros(len(u), self.delay, u.shape[1])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Read the end of the line, push the present into it."""
        x = self.a * state["x"] + self.b * state["x.past"][:, -1] + drive["u"]
        return {"x": x, "x.past": torch.cat([state["x"][:, None], state["x.past"][:, :-1]], dim=1)}


class NoisyLeak(_Toy):
    """x <- 0.8 x + u + 0.1 noise, with noise inside the step; without noise every eigenvalue is 0.8.

    With noise the variance settles at 0.01 / (1 - 0.64).
    """

    dt_ms = 10.0

    def __init__(self, n: int = 3) -> None:
        super().__init__(torch.zeros(n, 1, 1), eigenvalues=np.full(n, 0.8), fixed_points=np.zeros((1, n)), variance=0.01 / 0.36)
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The input, (batch, n)."""
        return {"u": frame.flatten(1)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Zero."""
        return {"x": torch.zeros_like(drive["u"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Leak, input and noise."""
        x = 0.8 * state["x"] + drive["u"]
        return {"x": x if noise is None else x + 0.1 * noise.normal("x", x)}


class ConvNetwork(_Toy):
    """Two recurrent convolutional layers with feedback, the smallest model with everything a vision model has.

    V1 <- 0.5 V1 + 0.5 relu(W1 image + F V2), V2 <- 0.5 V2 + 0.5 relu(W2 V1 + R V2): V2 uses the V1 of the same step.
    """

    dt_ms = 10.0

    def __init__(self, n_channels: int = 4, size: int = 8, n_inputs: int = 1, seed: int = 0) -> None:
        super().__init__(torch.full((n_inputs, size, size), 0.5))
        self.layers, self.phase = ("input", "V1", "V2"), ("V1", "V2")
        n = n_channels
        self.forward1 = torch.nn.Parameter(_weights(seed, "forward1", n, n_inputs, 3, 3, scale=0.5))
        self.forward2 = torch.nn.Parameter(_weights(seed, "forward2", n, n, 3, 3, scale=0.2))
        self.lateral = torch.nn.Parameter(_weights(seed, "lateral", n, n, 3, 3, scale=0.1))
        self.feedback = torch.nn.Parameter(_weights(seed, "feedback", n, n, 3, 3, scale=0.1))
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The first layer's input current."""
        return {"input": torch.nn.functional.conv2d(frame - 0.5, self.forward1, padding=1)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silent."""
        return {"V1": torch.zeros_like(drive["input"]), "V2": torch.zeros_like(drive["input"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """V1, then V2."""
        convolve = torch.nn.functional.conv2d
        v1 = 0.5 * state["V1"] + 0.5 * torch.relu(drive["input"] + convolve(state["V2"], self.feedback, padding=1))
        v2 = 0.5 * state["V2"] + 0.5 * torch.relu(convolve(v1, self.forward2, padding=1) + convolve(state["V2"], self.lateral, padding=1))
        return {"V1": v1, "V2": v2}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The input current and the two layers."""
        every = {"input": drive["input"], **state}
        return {name: every[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The mean of each V2 channel, (batch, channel)."""
        return state["V2"].mean(dim=(-2, -1))


def _torch_gru() -> Any:
    from neurodyn.dynamics.adapters import as_dynamical

    return as_dynamical(_seeded(torch.nn.GRU(3, 5), "gru"))


def _torch_lstm() -> Any:
    from neurodyn.dynamics.adapters import as_dynamical

    return as_dynamical(_seeded(torch.nn.LSTM(3, 4, num_layers=2), "lstm"))


def _seeded(module: torch.nn.Module, name: str) -> torch.nn.Module:
    generator = torch_generator(0, "toys", name)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return module.eval()


TOYS: dict[str, Callable[[], Any]] = {
    "complex_state": ComplexState,
    "conv_network": ConvNetwork,
    "delay_line": DelayLine,
    "gru": _torch_gru,
    "halting_accumulator": HaltingAccumulator,
    "lstm": _torch_lstm,
    "moving_gaze": MovingGaze,
    "noisy_leak": NoisyLeak,
}
