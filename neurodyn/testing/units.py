"""Banks of model neurons whose preferred stimuli are known: Gabor energy units, Reichardt detectors, and units of pure noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from neurodyn.errors import ConfigError
from neurodyn.stimuli.gratings import pixel_grid

if TYPE_CHECKING:
    from neurodyn.dynamics.noise import NoiseSource
    from neurodyn.dynamics.protocol import Drive, State

__all__ = ["EnergyBank", "NoiseBank", "ReichardtBank", "gabor_energy_bank", "noise_bank", "reichardt_bank"]


class _Bank(torch.nn.Module):
    """What the banks share: a grey blank, time, and additive noise on what the electrode sees."""

    blank: Tensor
    layers: tuple[str, ...]
    phase: tuple[str, ...]

    def __init__(self, image_size: int, dt_ms: float, noise_sd: float, truth: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.dt_ms, self.noise_sd, self.truth = dt_ms, noise_sd, truth
        self.register_buffer("blank", torch.full((1, image_size, image_size), 0.5))

    def _noise(self, name: str, like: Tensor, noise: NoiseSource | None) -> Tensor:
        """The measurement noise of this step, kept in the state so that rates stays pure."""
        return torch.zeros_like(like) if noise is None else self.noise_sd * noise.normal(name, like)


class EnergyBank(_Bank):
    """Motion energy: a quadrature pair of Gabors, a complex resonator in time, and the squared modulus.

    z <- p z + (1 - |p|) (even + i odd) of (frame - 1/2), with p = memory exp(i 2 pi f dt); layers ``simple`` (the rectified
    real part) and ``energy`` (|z|^2), each (n).  The response to a drifting grating peaks exactly at the Gabor's frequency,
    at the resonator's frequency and in its direction, up to the leak of the conjugate component, which the size of the
    envelope bounds.
    """

    filters: Tensor
    pole: Tensor
    gain: Tensor

    def __init__(self, even: np.ndarray, odd: np.ndarray, pole: np.ndarray, *, dt_ms: float, noise_sd: float, truth: dict[str, np.ndarray]) -> None:
        super().__init__(even.shape[-1], dt_ms, noise_sd, truth)
        self.layers, self.phase = ("simple", "energy"), ("z",)
        self.register_buffer("filters", torch.as_tensor(np.stack([even, odd]).reshape(2, len(even), -1), dtype=torch.float32))
        self.register_buffer("pole", torch.as_tensor(np.stack([pole.real, pole.imag]), dtype=torch.float32))
        self.register_buffer("gain", torch.as_tensor(1 - np.abs(pole), dtype=torch.float32))
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The quadrature pair's outputs, (batch, 2, n)."""
        return {"g": torch.einsum("bp,knp->bkn", (frame - 0.5).flatten(1), self.filters)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silent."""
        return {"z": torch.zeros_like(drive["g"]), "noise": torch.zeros_like(drive["g"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """One turn of the resonator."""
        a, b = state["z"].unbind(1)
        real = self.pole[0] * a - self.pole[1] * b + self.gain * drive["g"][:, 0]
        imag = self.pole[1] * a + self.pole[0] * b + self.gain * drive["g"][:, 1]
        return {"z": torch.stack([real, imag], dim=1), "noise": self._noise("energy", drive["g"], noise)}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The rectified real part and the energy, with the measurement noise."""
        z, noise = state["z"], state["noise"]
        every = {"simple": torch.relu(z[:, 0]) + noise[:, 0], "energy": z.square().sum(1) + noise[:, 1]}
        return {name: every[name] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The energies without noise."""
        return state["z"].square().sum(1)


class ReichardtBank(_Bank):
    """Correlation detectors: two blurred points, each delayed by a low-pass filter and multiplied with the other's present.

    Layer ``motion``: the rectified difference of the two half-detectors, (n).
    """

    filters: Tensor
    memory: Tensor

    def __init__(self, left: np.ndarray, right: np.ndarray, memory: np.ndarray, *, dt_ms: float, noise_sd: float, truth: dict[str, np.ndarray]) -> None:
        super().__init__(left.shape[-1], dt_ms, noise_sd, truth)
        self.layers, self.phase = ("motion",), ("slow",)
        self.register_buffer("filters", torch.as_tensor(np.stack([left, right]).reshape(2, len(left), -1), dtype=torch.float32))
        self.register_buffer("memory", torch.as_tensor(memory, dtype=torch.float32))
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """The two points, (batch, 2, n)."""
        return {"g": torch.einsum("bp,knp->bkn", (frame - 0.5).flatten(1), self.filters)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silent."""
        return {"slow": torch.zeros_like(drive["g"]), "noise": torch.zeros_like(drive["g"][:, 0])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Low-pass both points."""
        slow = self.memory * state["slow"] + (1 - self.memory) * drive["g"]
        return {"slow": slow, "noise": self._noise("motion", drive["g"][:, 0], noise)}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The rectified opponent output, with the measurement noise."""
        (slow_left, slow_right), (left, right) = state["slow"].unbind(1), drive["g"].unbind(1)
        return {name: torch.relu(slow_left * right - slow_right * left) + state["noise"] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The delayed points."""
        return state["slow"].flatten(1)


class NoiseBank(_Bank):
    """Units that see nothing: x <- 0.5 x + noise, without any input."""

    def __init__(self, n: int, image_size: int, dt_ms: float) -> None:
        super().__init__(image_size, dt_ms, 1.0, {})
        self.layers, self.phase, self.n = ("noise",), ("x",), n
        self.eval()

    def encode(self, frame: Tensor) -> Drive:
        """Nothing of the frame but its batch size, device and dtype."""
        return {"none": frame.new_zeros(len(frame), self.n)}

    def initial_state(self, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Silent."""
        return {"x": torch.zeros_like(drive["none"])}

    def step(self, state: State, drive: Drive, *, noise: NoiseSource | None = None) -> State:
        """Leaky noise."""
        return {"x": 0.5 * state["x"] + self._noise("x", state["x"], noise)}

    def rates(self, state: State, drive: Drive, layers: tuple[str, ...]) -> dict[str, Tensor]:
        """The noise."""
        return {name: state["x"] for name in layers}

    def readout(self, state: State) -> Tensor:
        """The noise."""
        return state["x"]


def gabor_energy_bank(
    spatial_frequency_cpp: Sequence[float] = (0.1, 0.17),
    temporal_frequency_hz: Sequence[float] = (4.0, 10.0),
    direction_deg: Sequence[float] = (0.0, 70.0, 200.0, 310.0),
    *,
    image_size: int = 32,
    sigma_cycles: float = 0.5,
    memory: float = 0.8,
    dt_ms: float = 10.0,
    noise_sd: float = 0.0,
) -> EnergyBank:
    """One energy unit for every combination of preferences; they are in ``truth`` under the arguments' names, each (n).

    The envelope's standard deviation is `sigma_cycles` cycles of the carrier.

    Examples
    --------
    >>> gabor_energy_bank().truth["direction_deg"].shape
    (16,)
    """
    sf, tf, direction = (a.ravel() for a in np.meshgrid(spatial_frequency_cpp, temporal_frequency_hz, direction_deg, indexing="ij"))
    if (np.asarray(temporal_frequency_hz) * dt_ms / 1000 >= 0.5).any() or (sf >= 0.5).any():
        raise ConfigError("gabor_energy_bank", "a preference lies at or above Nyquist", expected="below 0.5 cycles a pixel and a step")
    x, y = pixel_grid(image_size)
    angle = np.deg2rad(direction)[:, None, None]
    carrier = 2 * np.pi * sf[:, None, None] * (x * np.cos(angle) + y * np.sin(angle))
    envelope = np.exp(-(x**2 + y**2) / (2 * (sigma_cycles / sf[:, None, None]) ** 2))
    envelope = envelope / envelope.sum(axis=(1, 2), keepdims=True) * 4
    pole = memory * np.exp(2j * np.pi * tf * dt_ms / 1000)
    truth = {"spatial_frequency_cpp": sf, "temporal_frequency_hz": tf, "direction_deg": direction}
    return EnergyBank(envelope * np.cos(carrier), envelope * np.sin(carrier), pole, dt_ms=dt_ms, noise_sd=noise_sd, truth=truth)


def reichardt_bank(
    spacing_px: Sequence[float] = (2.0, 3.0),
    memory: Sequence[float] = (0.6, 0.8),
    direction_deg: Sequence[float] = (0.0, 130.0, 250.0),
    *,
    image_size: int = 32,
    sigma_px: float = 1.5,
    dt_ms: float = 10.0,
    noise_sd: float = 0.0,
) -> ReichardtBank:
    """One detector for every combination of spacing, memory and direction.

    With memory a the temporal preference is arccos(2 a / (1 + a^2)) a step; with spacing D and blur s the spatial preference f
    solves 2 pi D / tan(2 pi f D) = 2 s^2 (2 pi)^2 f.

    Examples
    --------
    >>> bank = reichardt_bank([2.0], [0.6], [0.0])
    >>> bank.truth["temporal_frequency_hz"].round(2).tolist()
    [7.8]
    """
    from scipy.optimize import brentq

    gap, keep, direction = (a.ravel() for a in np.meshgrid(spacing_px, memory, direction_deg, indexing="ij"))
    x, y = pixel_grid(image_size)
    angle = np.deg2rad(direction)[:, None, None]
    dx, dy = gap[:, None, None] / 2 * np.cos(angle), gap[:, None, None] / 2 * np.sin(angle)

    def blob(sign: float) -> np.ndarray:
        value = np.exp(-((x - sign * dx) ** 2 + (y - sign * dy) ** 2) / (2 * sigma_px**2))
        return value / value.sum(axis=(1, 2), keepdims=True) * 4

    def slope(f: float, d: float) -> float:
        return np.cos(2 * np.pi * f * d) * d - 4 * np.pi * sigma_px**2 * f * np.sin(2 * np.pi * f * d)

    truth = {
        "spatial_frequency_cpp": np.array([brentq(slope, 1e-6, 0.5 / d, args=(d,)) for d in gap]),
        "temporal_frequency_hz": np.arccos(2 * keep / (1 + keep**2)) / (2 * np.pi) * 1000 / dt_ms,
        "direction_deg": direction,
    }
    return ReichardtBank(blob(-1.0), blob(1.0), keep, dt_ms=dt_ms, noise_sd=noise_sd, truth=truth)


def noise_bank(n: int = 200, *, image_size: int = 16, dt_ms: float = 10.0) -> NoiseBank:
    """Units whose activity has nothing to do with the stimulus."""
    return NoiseBank(n, image_size, dt_ms)
