"""Show gratings to a model and keep only the Fourier components of each unit: memory does not grow with the frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.dynamics.noise import NoiseSource
from neurodyn.dynamics.record import LayerPlan, Record, neuroid_coords
from neurodyn.dynamics.schedule import Timeline
from neurodyn.dynamics.simulate import available_bytes, check_ready, layer_shapes, model_device, unroll
from neurodyn.errors import CapacityError, ConfigError, ModelError, first_of
from neurodyn.stimuli.gratings import GratingMovie

if TYPE_CHECKING:
    import torch

    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["Components", "Units", "check_steps", "demodulation_weights", "image_shape", "plan_units", "stream_components"]

N_ONSET = 32
MAPS = "maps"


@dataclass(frozen=True)
class Components:
    """What is kept of a grating experiment.

    Attributes
    ----------
    f0 : float32 array, (row, unit)
        Mean response.
    f1 : float32 array, (row, unit)
        Amplitude of the response at the grating's frequency.
    deviation : float array, (unit, step)
        Mean over rows of |response - response to the blank| in the first steps.
    """

    f0: np.ndarray
    f1: np.ndarray
    deviation: np.ndarray


def image_shape(where: str, model: DynamicalModel) -> tuple[int, int, int]:
    """(channel, row, column) of the model's frames; refused where they are not images."""
    check_ready(model)
    if isinstance(model.blank, dict):
        raise ModelError(where, f"the model's frame has keys {sorted(model.blank)}", expected="a model that sees one image a frame")
    channel, row, column = (int(n) for n in model.blank.shape)
    if min(row, column) < 4:
        raise ModelError(
            where, f"the model's frames are {row} x {column} pixels", expected="images of at least 4 x 4 pixels: smaller ones hold no spatial frequency"
        )
    return channel, row, column


@dataclass(frozen=True)
class Units:
    """The units of one or several layers that an analysis measures.

    Attributes
    ----------
    plans : tuple of LayerPlan
        One a layer, their units one after the other.
    """

    plans: tuple[LayerPlan, ...]

    @property
    def n_neuroids(self) -> int:
        """How many units."""
        return sum(p.n_neuroids for p in self.plans)

    @property
    def name(self) -> str:
        """The layers, for messages."""
        return ", ".join(p.layer for p in self.plans)

    def coords(self) -> dict[str, np.ndarray]:
        """``neuroid_id layer channel row column`` of the units."""
        return neuroid_coords(self.plans)

    def read(self, model: DynamicalModel, state: State, drive: Drive) -> torch.Tensor:
        """The units' rates, (batch, unit)."""
        import torch

        rates = model.rates(state, drive, tuple(p.layer for p in self.plans))
        parts = [_flat(rates[p.layer], p) for p in self.plans]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def plan_units(model: DynamicalModel, layer: str | Sequence[str], units: str | Sequence[int] | np.ndarray) -> Units:
    """Which units are measured: ``"all"``, ``"center"`` (the central position of each channel), or flat indices in one layer.

    Layer ``"maps"`` stands for every layer whose units have positions.
    """
    shapes = layer_shapes(model)
    if layer == MAPS and MAPS not in model.layers:
        layer = [name for name in model.layers if len(shapes[name]) == 3]
    layers = (layer,) if isinstance(layer, str) else tuple(layer)
    if not layers:
        raise ConfigError("layer", "no layer of the model has units with positions", expected='the names of its layers instead of "maps"')
    if isinstance(units, str):
        record = Record(layers=layers, space=units)  # type: ignore[arg-type]
    elif len(layers) > 1:
        raise ConfigError("units", f"flat indices are given for {len(layers)} layers", expected='"all" or "center" where there are several layers')
    else:
        record = Record(layers=layers, neuroids={layers[0]: np.asarray(units).tolist()})
    return Units(tuple(record.plan_layers(model.layers, shapes)))


def demodulation_weights(cycles_per_frame: np.ndarray, n_steps: int, n_skip: int) -> np.ndarray:
    """Weights whose products with a response sum to its mean, cosine and sine component, (component, row, step).

    They are the least-squares fit of 1, cos and sin over the steps after `n_skip` (trimmed to whole cycles where those are
    whole steps), so a mean never leaks into the first harmonic, whatever the length.
    """
    weights = np.zeros((3, len(cycles_per_frame), n_steps), np.float32)
    for frequency in np.unique(cycles_per_frame):
        n_cycles = np.floor((n_steps - n_skip) * frequency + 1e-9)
        length = round(n_cycles / frequency) if n_cycles else n_steps - n_skip
        k = np.arange(n_steps - min(length, n_steps - n_skip), n_steps)
        angle = 2 * np.pi * frequency * k
        design = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=1)
        rows = cycles_per_frame == frequency
        weights[:, rows, k[0] :] = np.linalg.pinv(design)[:, None, :]
    return weights


def stream_components(
    model: DynamicalModel,
    plan: Units,
    table: Mapping[str, np.ndarray],
    *,
    where: str,
    n_steps: int,
    n_skip: int,
    kind: str = "drifting",
    keys: list[str] | None = None,
    batch_size: int = 16,
    device: str | torch.device | None = None,
    seed: int | None = None,
) -> Components:
    """Play every grating of the table, frame by frame, and accumulate each unit's mean and first harmonic.

    Parameters
    ----------
    model : DynamicalModel
    plan : Units
        The units.
    table : mapping
        Columns of :class:`neurodyn.stimuli.gratings.GratingMovie`, (row).
    where : str
        The analysis, for messages.
    n_steps, n_skip : int
        Steps shown, and steps left out of the components while activity settles.
    kind : {"drifting", "counterphase"}
    keys : list of str, optional
        One key a row for the noise.
    batch_size, device, seed
        As in :func:`neurodyn.dynamics.simulate.simulate`.
    """
    import torch

    n_channels, n_rows, n_columns = image_shape(where, model)
    n, n_units = len(next(iter(table.values()))), plan.n_neuroids
    _refuse_if_too_large(where, n, n_units)
    keys = [f"grating-{i}" for i in range(n)] if keys is None else keys
    on = model_device(model) if device is None else torch.device(device)
    if device is not None and isinstance(model, torch.nn.Module):
        model.to(on)
    timeline = Timeline(np.arange(n_steps), np.arange(n_steps), model.dt_ms)
    blank_course = _blank_course(model, plan, timeline, (n_channels, n_rows, n_columns), on)
    n_onset = len(blank_course)
    f0, f1 = (np.empty((n, n_units), np.float32) for _ in range(2))
    deviation = torch.zeros(n_onset, n_units, device=on)
    with torch.no_grad():
        for start in range(0, n, batch_size):
            rows = slice(start, min(start + batch_size, n))
            part = {k: v[rows] for k, v in table.items()}
            movie = GratingMovie(part, (n_rows, n_columns), n_frames=n_steps, n_channels=n_channels, kind=kind, device=on)
            weights = torch.from_numpy(demodulation_weights(movie.cycles_per_frame, n_steps, n_skip)).to(on)
            noise = NoiseSource(seed, keys[rows]) if seed is not None else None
            sums = torch.zeros(3, len(movie), n_units, device=on)
            for k, state, drive in unroll(model, movie, timeline, movie=True, noise=noise):  # type: ignore[arg-type]
                if k < n_skip and k >= n_onset:
                    continue
                rate = plan.read(model, state, drive)
                if k >= n_skip:
                    sums.addcmul_(weights[:, :, k, None], rate)
                if k < n_onset:
                    deviation[k] += (rate - blank_course[k]).abs_().sum(0)
            f0[rows] = sums[0].cpu().numpy()
            f1[rows] = torch.hypot(sums[1], sums[2]).cpu().numpy()
    _refuse_non_finite(where, plan.name, f0, keys)
    return Components(f0, f1, deviation.T.double().cpu().numpy() / n)


def _flat(rate: torch.Tensor, plan: LayerPlan) -> torch.Tensor:
    import torch

    if plan.space_mean:
        rate = rate.mean(dim=(-2, -1))
    flat = rate.reshape(len(rate), -1).float()
    return flat if plan.index is None else flat[:, torch.as_tensor(plan.index, device=flat.device)]


def _blank_course(model: DynamicalModel, plan: Units, timeline: Timeline, shape: tuple[int, int, int], device: torch.device) -> torch.Tensor:
    """Response to uniform grey of the gratings' mean in the first steps, (step, unit), without noise."""
    import torch

    n_onset = min(N_ONSET, len(timeline))
    short = Timeline(timeline.step[:n_onset], np.zeros(n_onset, int), timeline.dt_ms)
    grey = torch.full((1, *shape), 0.5, device=device)
    with torch.no_grad():
        kept = [plan.read(model, state, drive)[0] for _, state, drive in unroll(model, grey, short)]
    return torch.stack(kept)


def _refuse_if_too_large(where: str, n: int, n_units: int) -> None:
    size, free = 16 * n * n_units, available_bytes()
    if size > 0.8 * free:
        raise CapacityError(
            where,
            f"{n} gratings x {n_units} units need {size / 2**20:.0f} MiB but {free / 2**20:.0f} MiB of memory are free",
            expected="a result under 80 % of the free memory",
            fix='units="center", or fewer frequencies',
        )


def _refuse_non_finite(where: str, layer: str, f0: np.ndarray, keys: list[str]) -> None:
    bad = ~np.isfinite(f0).all(axis=1)
    if bad.any():
        raise ModelError(
            where,
            f"activity of layer `{layer}` is not finite for {int(bad.sum())} gratings ({first_of(np.asarray(keys)[bad])})",
            expected="finite activity",
            fix="check the weights, the input range and dt",
        )


def check_steps(where: str, cycles_per_frame: np.ndarray, n_steps: int, n_skip: int) -> None:
    """Refuse movies shorter than a cycle of their slowest grating."""
    if n_steps - n_skip < 3 or n_skip < 0:
        raise ConfigError(
            where, f"{n_steps} steps of which {n_skip} are skipped", expected="at least 3 steps after the skipped ones", fix="n_steps=40, n_skip=10"
        )
    slowest = float(np.min(cycles_per_frame))
    if slowest <= 0:
        raise ConfigError(where, "a temporal frequency is 0", expected="gratings that move: frequencies above 0")
    if (n_steps - n_skip) * slowest < 1 - 1e-9:
        needed = int(np.ceil(1 / slowest)) + n_skip
        raise ConfigError(
            where,
            f"the movie holds {(n_steps - n_skip) * slowest:.2g} cycles of the slowest grating ({slowest:g} cycles a step, {n_steps - n_skip} steps)",
            expected="at least one cycle after the skipped steps",
            fix=f"n_steps={needed}",
        )
