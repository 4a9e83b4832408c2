"""Lateral kernels as an association field: which relative orientations and positions support each other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.dynamics.protocol import DynamicalModel
from neurodyn.dynamics.record import Record
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import check_ready, simulate
from neurodyn.errors import ConfigError, ModelError
from neurodyn.schema import make_stimuli

__all__ = ["association_field"]


def association_field(
    model: DynamicalModel,
    *,
    layer: str = "out",
    probe_layer: str | None = None,
    frequency_cpp: float = 0.125,
    n_orientations: int = 8,
    n_phases: int = 4,
    n_bins: int = 4,
    n_steps: int = 1,
) -> xr.Dataset:
    """Average a layer's lateral kernel over pairs of channels by their relative orientation and by where the sender lies.

    Parameters
    ----------
    model : DynamicalModel
        With ``recurrent_kernel``.
    layer : str
        Whose lateral kernel.
    probe_layer : str, optional
        Where channels' orientations are measured; `layer` when absent.
    frequency_cpp : float
        Of the gratings that measure them, cycles per pixel.
    n_orientations, n_phases : int
    n_bins : int
        Of relative orientation (0..90 deg) and of bearing (0..90 deg).
    n_steps : int
        Steps after which orientations are measured; 1 is before lateral connections act, if the state begins at zero.

    Returns
    -------
    Dataset
        ====================  ================================  ======  =============================================================
        variable              dims                              units   meaning
        ====================  ================================  ======  =============================================================
        preferred             (channel)                         deg     orientation of the bars it answers most, 0 = horizontal
        selectivity           (channel)                         1       length of the mean vector, 0 where it answers alike
        kernel                (channel, sender, row, column)    1       the lateral weights
        field                 (relative, bearing)               1       mean weight of pairs whose orientations differ by `relative`, for senders
                                                                        at `bearing` from the receiver's orientation (0 = collinear)
        field_se              (relative, bearing)               1       standard error over pairs and places, as if independent
        by_distance           (relative, distance)              1       mean weight by distance in places
        n_weights             (relative, bearing)                       weights in each mean
        ====================  ================================  ======  =============================================================

    Raises
    ------
    ModelError
        If the model has no lateral kernel for `layer`.
    ConfigError
        Fewer than four orientations, or no bins.

    Notes
    -----
    Pairs count with the product of their selectivities.  A contour network after Li (1998) should show positive weights for small `relative` at
    small `bearing`, and negative ones beside it.
    """
    check_ready(model)
    if n_orientations < 4 or n_bins < 1 or n_phases < 1 or n_steps < 1:
        raise ConfigError(
            "association_field", f"{n_orientations} orientations, {n_phases} phases, {n_bins} bins, {n_steps} steps", expected="4, 1, 1 and 1 or more"
        )
    own = getattr(model, "recurrent_kernel", None)
    if own is None:
        raise ModelError("association_field", f"{type(model).__name__} has no recurrent_kernel", expected="a model with lateral kernels")
    kernel = own(layer).detach().cpu().numpy().astype(float)
    preferred, selectivity = _orientations(model, probe_layer or layer, frequency_cpp, n_orientations, n_phases, n_steps)
    if len(preferred) != len(kernel):
        raise ConfigError("association_field", f"{len(preferred)} channels in `{probe_layer}` for a kernel of {len(kernel)}", expected="as many")
    half = kernel.shape[-1] // 2
    rows, columns = np.mgrid[-half : kernel.shape[-2] - half, -half : kernel.shape[-1] - half]
    place = np.degrees(np.arctan2(-rows, columns)) % 180  # bearing of the sender, 0 = along the row, counterclockwise
    relative = _fold(preferred[:, None] - preferred[None])[:, :, None, None] + 0 * kernel
    bearing = _fold(place[None, None] - preferred[:, None, None, None]) + 0 * kernel
    distance = np.maximum(np.abs(rows), np.abs(columns))
    weight = (selectivity[:, None] * selectivity[None])[:, :, None, None] * (distance > 0)
    width = 90 / n_bins
    which = tuple(np.minimum((v / width).astype(int), n_bins - 1) for v in (relative, bearing))
    field, error, count = (np.full((n_bins, n_bins), np.nan) for _ in range(3))
    far = np.full((n_bins, half + 1), np.nan)
    for a in range(n_bins):
        for b in range(n_bins):
            mine = (which[0] == a) & (which[1] == b) & (weight > 0)
            count[a, b] = mine.sum()
            if mine.any():
                w = weight[mine] / weight[mine].sum()
                field[a, b] = (w * kernel[mine]).sum()
                error[a, b] = np.sqrt((w**2 * (kernel[mine] - field[a, b]) ** 2).sum())
        for d in range(half + 1):
            mine = (which[0] == a) & (distance[None, None] + 0 * which[0] == d) & (selectivity[:, None] * selectivity[None] > 0)[:, :, None, None]
            w = ((selectivity[:, None] * selectivity[None])[:, :, None, None] + 0 * kernel)[mine]
            far[a, d] = (w * kernel[mine]).sum() / w.sum() if w.sum() > 0 else np.nan
    middle = (np.arange(n_bins) + 0.5) * width
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "preferred": ("channel", preferred, {"units": "deg"}),
            "selectivity": ("channel", selectivity, unit),
            "kernel": (("channel", "sender", "row", "column"), kernel, unit),
            "field": (("relative", "bearing"), field, unit),
            "field_se": (("relative", "bearing"), error, unit),
            "by_distance": (("relative", "distance"), far, unit),
            "n_weights": (("relative", "bearing"), count.astype(int)),
        },
        {"relative": ("relative", middle, {"units": "deg"}), "bearing": ("bearing", middle, {"units": "deg"}), "distance": np.arange(half + 1)},
        {"layer": layer, "frequency_cpp": frequency_cpp},
    )


def _orientations(model: DynamicalModel, layer: str, frequency: float, n_orientations: int, n_phases: int, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Preferred orientation in degrees and selectivity of every channel of a layer, from gratings."""
    channels, height, width = model.blank.shape
    y, x = np.mgrid[:height, :width]
    angles = np.arange(n_orientations) * 180 / n_orientations
    frames = []
    for angle in np.radians(angles):
        across = x * np.sin(angle) + y * np.cos(angle)  # bars along `angle`, counterclockwise from the row
        frames += [0.5 + 0.5 * np.cos(2 * np.pi * (frequency * across + k / n_phases)) for k in range(n_phases)]
    stimuli = make_stimuli(np.repeat(np.stack(frames)[:, None], channels, axis=1))
    seen = simulate(model, stimuli, Schedule.steps(stimulus=n_steps), Record(layers=layer), progress=False).isel(time_bin=-1)
    inside = seen.groupby("channel").mean("neuroid").transpose("presentation", "channel").values
    response = inside.reshape(n_orientations, n_phases, -1).mean(axis=1)
    response = response - np.minimum(response.min(axis=0), 0)
    total = response.sum(axis=0)
    vector = (response * np.exp(2j * np.radians(angles))[:, None]).sum(axis=0) / np.where(total > 0, total, 1)
    return np.degrees(np.angle(vector)) / 2 % 180, np.abs(vector)


def _fold(angle: np.ndarray) -> np.ndarray:
    """Difference of orientations, 0..90 deg."""
    angle = np.abs(angle) % 180
    return np.minimum(angle, 180 - angle)
