"""Random dots, a share of which moves together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator
from neurodyn.stimuli.gratings import product

__all__ = ["dots"]


def dots(
    image_size: int,
    *,
    direction_deg: float | Sequence[float] = 0.0,
    speed_px_frame: float | Sequence[float] = 1.0,
    coherence_percent: float | Sequence[float] = 100.0,
    density: float = 0.05,
    radius_px: float = 1.0,
    lifetime_frames: int = 12,
    n_frames: int = 20,
    n_channels: int = 1,
    frame_ms: float | None = None,
    seed: int,
) -> xr.DataArray:
    """Draw light dots on grey for every combination of direction, speed and coherence.

    Every frame each dot is a signal dot with the probability of the coherence, and moves; else it is drawn anew at random.
    Dots that outlive `lifetime_frames` are drawn anew too; those that leave come back at the opposite side.

    Parameters
    ----------
    image_size : int
    direction_deg, speed_px_frame, coherence_percent : float or sequence
        0 is to the right, 90 up.
    density : float
        Dots a pixel.
    radius_px : float
        The dot is a Gaussian with this half width at half height.
    lifetime_frames, n_frames, n_channels : int
    frame_ms : float, optional
    seed : int

    Returns
    -------
    DataArray, (presentation, frame, channel, row, column)

    Raises
    ------
    ConfigError
        A coherence outside 0..100, no dots, or a speed of half the image or more a frame (it would alias).

    Examples
    --------
    >>> dict(dots(16, coherence_percent=[0, 50, 100], n_frames=5, seed=0).sizes)["presentation"]
    3
    """
    table = product(direction_deg=direction_deg, speed_px_frame=speed_px_frame, coherence_percent=coherence_percent)
    if (table["coherence_percent"] < 0).any() or (table["coherence_percent"] > 100).any():
        raise ConfigError("dots", f"`coherence_percent` is {table['coherence_percent'].tolist()}", expected="0 to 100")
    if (table["speed_px_frame"] >= image_size / 2).any():
        raise ConfigError("dots", f"a speed of {table['speed_px_frame'].max():g} pixels a frame in an image of {image_size}", expected="below half the image")
    n_dots = round(density * image_size**2)
    if n_dots < 1:
        raise ConfigError("dots", f"a density of {density:g} leaves no dot in {image_size} x {image_size} pixels", expected="at least one dot")
    movies = []
    for i in range(len(table["direction_deg"])):
        angle, speed = np.deg2rad(table["direction_deg"][i]), table["speed_px_frame"][i]
        move = speed * np.array([np.cos(angle), -np.sin(angle)])
        path = _paths(image_size, n_dots, move, table["coherence_percent"][i], lifetime_frames, n_frames, numpy_generator(seed, "dots", i))
        movies.append(_draw(path, image_size, radius_px))
    pixels = np.stack(movies)[:, :, None].repeat(n_channels, axis=2)
    ids = [f"dots-{seed}-{i:04d}" for i in range(len(pixels))]
    return make_stimuli(pixels, ids, frame_start=np.arange(n_frames) * (frame_ms or 1.0), **table)


def _paths(size: int, n_dots: int, move: np.ndarray, coherence: float, lifetime: int, n_frames: int, generator: np.random.Generator) -> np.ndarray:
    """Positions (frame, dot, x and y) in pixels from the left and the top."""
    at = generator.random((n_dots, 2)) * size
    age = generator.integers(0, lifetime, n_dots)
    path = [at]
    for _ in range(n_frames - 1):
        signal = (generator.random(n_dots) * 100 < coherence) & (age < lifetime)
        at = np.where(signal[:, None], np.mod(at + move, size), generator.random((n_dots, 2)) * size)
        age = np.where(signal, age + 1, 0)
        path.append(at)
    return np.stack(path)


def _draw(path: np.ndarray, size: int, radius: float) -> np.ndarray:
    pixel = np.arange(size) + 0.5
    distance = np.mod(pixel - path[..., None] + size / 2, size) - size / 2  # (frame, dot, axis, pixel), around the edge
    bump = np.exp2(-np.square(distance / radius))
    return np.minimum(0.5 + 0.5 * np.einsum("kdr,kdc->krc", bump[:, :, 1], bump[:, :, 0]), 1.0)
