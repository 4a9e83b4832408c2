"""White and pink noise movies."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["noise"]

WHERE = "noise"
KINDS = ("binary", "white", "pink")


def noise(
    image_size: int | tuple[int, int],
    *,
    n_presentations: int = 1,
    n_frames: int = 1,
    kind: str = "white",
    contrast_percent: float = 30.0,
    spatial_exponent: float = 1.0,
    temporal_exponent: float = 1.0,
    n_channels: int = 1,
    frame_ms: float | None = None,
    seed: int,
) -> xr.DataArray:
    """Draw noise around grey, every pixel (white, binary) or with power falling with frequency (pink).

    Parameters
    ----------
    image_size : int or (n_rows, n_columns)
    n_presentations, n_frames, n_channels : int
        Channels are independent.
    kind : {"white", "binary", "pink"}
        Gaussian; two levels; or Gaussian with power 1 / (fs^a (1 + (ft n_frames)^b)), fs the spatial and ft the temporal
        frequency, a = 2 `spatial_exponent`, b = 2 `temporal_exponent`, without a mean.
    contrast_percent : float
        Root mean square contrast: 100 times the standard deviation over the mean of 1/2.  Values beyond [0, 1] are clipped:
        0.1 % of them at 30 %.
    frame_ms : float, optional
        Duration of a frame.
    seed : int
        Presentation i has its own stream.

    Returns
    -------
    DataArray, (presentation[, frame], channel, row, column)

    Raises
    ------
    ConfigError
        A contrast outside 0..100, an unknown kind, or fewer than one of anything.

    Examples
    --------
    >>> movie = noise(8, n_frames=100, seed=0)
    >>> round(float(movie.std() / movie.mean()), 1)
    0.3
    """
    if kind not in KINDS:
        raise unknown_name(WHERE, "kind", kind, KINDS)
    if not 0 <= contrast_percent <= 100:
        raise ConfigError(WHERE, f"`contrast_percent` is {contrast_percent}", expected="0 to 100")
    if min(n_presentations, n_frames, n_channels) < 1:
        raise ConfigError(WHERE, f"{n_presentations} presentations, {n_frames} frames, {n_channels} channels", expected="at least 1 of each")
    rows, columns = (image_size, image_size) if isinstance(image_size, int) else image_size
    shape = (n_frames, n_channels, rows, columns)
    movies = []
    for i in range(n_presentations):
        values = numpy_generator(seed, "noise", kind, i).standard_normal(shape)
        if kind == "binary":
            values = np.sign(values)
        if kind == "pink":
            values = _shape(values, spatial_exponent, temporal_exponent)
        movies.append(0.5 + 0.5 * contrast_percent / 100 * values)
    pixels = np.clip(np.stack(movies), 0, 1)
    ids = [f"noise-{kind}-{seed}-{i:04d}" for i in range(n_presentations)]
    if n_frames == 1:
        return make_stimuli(pixels[:, 0], ids)
    return make_stimuli(pixels, ids, frame_start=np.arange(n_frames) * (frame_ms or 1.0))


def _shape(values: np.ndarray, spatial: float, temporal: float) -> np.ndarray:
    n_frames, _, rows, columns = values.shape
    fs = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns))
    ft = np.abs(np.fft.fftfreq(n_frames))[:, None, None, None]
    with np.errstate(divide="ignore"):
        gain = np.where(fs > 0, 1 / np.maximum(fs, 1e-12) ** spatial, 0.0) / np.sqrt(1 + (ft * n_frames) ** (2 * temporal))
    coloured = np.fft.ifftn(np.fft.fftn(values, axes=(0, 2, 3)) * gain, axes=(0, 2, 3)).real
    return coloured / coloured.std()
