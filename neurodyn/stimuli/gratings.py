"""Sinusoidal gratings, drifting or in counterphase, full field or in a disk; drawn whole or frame by frame."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.schema import make_stimuli
from neurodyn.stimuli._physical import contrasts, spatial_cpp, temporal_cpf

if TYPE_CHECKING:
    import torch

__all__ = ["GratingMovie", "gratings", "pixel_grid"]

WHERE = "gratings"
KINDS = ("drifting", "counterphase")
_COLUMNS = ("spatial_frequency_cpp", "temporal_frequency_cpf", "direction_deg", "contrast_percent", "phase_deg", "radius_px", "row_px", "column_px")


def gratings(
    image_size: int | tuple[int, int],
    *,
    spatial_frequency_cpp: float | Sequence[float] | None = None,
    spatial_frequency_cpd: float | Sequence[float] | None = None,
    pixels_per_degree: float | None = None,
    temporal_frequency_cpf: float | Sequence[float] | None = None,
    temporal_frequency_hz: float | Sequence[float] | None = None,
    frame_ms: float | None = None,
    direction_deg: float | Sequence[float] = 0.0,
    contrast_percent: float | Sequence[float] = 100.0,
    phase_deg: float | Sequence[float] = 0.0,
    radius_px: float | Sequence[float] = np.inf,
    n_frames: int = 1,
    n_channels: int = 1,
    kind: str = "drifting",
) -> xr.DataArray:
    """Draw every combination of the values given as a movie (or an image, for one frame).

    The luminance is 1/2 + contrast/2 cos(2 pi (f (x cos d + y sin d) - g t) + phase), with x to the right, y up, both from
    the middle of the image, d the direction of drift (0 to the right, 90 up; the bars stand at d - 90) and t the frame.  In
    counterphase it is 1/2 + contrast/2 cos(2 pi f (...) + phase) cos(2 pi g t).

    Parameters
    ----------
    image_size : int or (n_rows, n_columns)
    spatial_frequency_cpp : float or sequence, cycles per pixel
        Or `spatial_frequency_cpd`, cycles per degree, with `pixels_per_degree`.
    temporal_frequency_cpf : float or sequence, cycles per frame
        Or `temporal_frequency_hz` with `frame_ms`.  0 (static) when neither is given.
    direction_deg, contrast_percent, phase_deg : float or sequence
    radius_px : float or sequence
        Radius of the disk around the middle that is shown, with an edge one pixel wide; infinite for the full field.
    n_frames : int
    n_channels : int
        Every channel shows the same.
    kind : {"drifting", "counterphase"}

    Returns
    -------
    DataArray, (presentation[, frame], channel, row, column)
        With the parameters as coords of `presentation`.

    Raises
    ------
    ConfigError
        Frequencies at or above Nyquist, contrasts outside 0..100, Hz without `frame_ms`.

    Examples
    --------
    >>> movie = gratings(16, spatial_frequency_cpp=[0.125, 0.25], temporal_frequency_cpf=0.1, direction_deg=[0, 90], n_frames=10)
    >>> dict(movie.sizes)
    {'presentation': 4, 'frame': 10, 'channel': 1, 'row': 16, 'column': 16}
    """
    sf = spatial_cpp(WHERE, spatial_frequency_cpp, spatial_frequency_cpd, pixels_per_degree)
    if temporal_frequency_cpf is None and temporal_frequency_hz is None:
        temporal_frequency_cpf = 0.0
    tf = temporal_cpf(WHERE, temporal_frequency_cpf, temporal_frequency_hz, frame_ms)
    table = product(
        direction_deg=direction_deg,
        spatial_frequency_cpp=sf,
        temporal_frequency_cpf=tf,
        contrast_percent=contrast_percent,
        phase_deg=phase_deg,
        radius_px=radius_px,
    )
    movie = GratingMovie(table, image_size, n_frames=n_frames, n_channels=n_channels, kind=kind)
    return movie.stimuli(frame_ms=frame_ms)


def product(**values: Any) -> dict[str, np.ndarray]:
    """Every combination of the values given, the last varying fastest, as one column a name.

    Examples
    --------
    >>> {k: v.tolist() for k, v in product(a=[1, 2], b=3).items()}
    {'a': [1.0, 2.0], 'b': [3.0, 3.0]}
    """
    axes = [np.atleast_1d(np.asarray(v, float)) for v in values.values()]
    rows = np.array(list(itertools.product(*axes)), float).reshape(-1, len(axes))
    return {name: rows[:, k] for k, name in enumerate(values)}


def pixel_grid(image_size: int | tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of the pixels from the middle of the image, in pixels: x to the right, y up, each (row, column)."""
    n_rows, n_columns = (image_size, image_size) if isinstance(image_size, int) else image_size
    x = np.arange(n_columns) - (n_columns - 1) / 2
    y = (n_rows - 1) / 2 - np.arange(n_rows)
    return np.broadcast_to(x, (n_rows, n_columns)), np.broadcast_to(y[:, None], (n_rows, n_columns))


class GratingMovie:
    """Gratings drawn frame by frame: what is kept is two images a presentation, however long the movie.

    Parameters
    ----------
    table : mapping of name to float array, (presentation)
        ``spatial_frequency_cpp``, ``temporal_frequency_cpf``, ``direction_deg``; optionally ``contrast_percent`` (100),
        ``phase_deg`` (0), ``radius_px`` (infinite), ``row_px`` and ``column_px`` (position of the disk from the middle, up
        and to the right; 0).
    image_size : int or (n_rows, n_columns)
    n_frames : int
    n_channels : int
    kind : {"drifting", "counterphase"}

    Examples
    --------
    >>> movie = GratingMovie({"spatial_frequency_cpp": [0.25], "temporal_frequency_cpf": [0.1], "direction_deg": [0.0]}, 8, n_frames=10)
    >>> movie.frame(3).shape
    (1, 1, 8, 8)
    """

    def __init__(
        self,
        table: Mapping[str, Sequence[float] | np.ndarray],
        image_size: int | tuple[int, int],
        *,
        n_frames: int,
        n_channels: int = 1,
        kind: str = "drifting",
        device: str | torch.device = "cpu",
    ) -> None:
        import torch

        if kind not in KINDS:
            raise unknown_name(WHERE, "kind", kind, KINDS)
        if n_frames < 1 or n_channels < 1:
            raise ConfigError(WHERE, f"`n_frames` is {n_frames} and `n_channels` {n_channels}", expected="at least 1 of each")
        for name in table:
            if name not in _COLUMNS:
                raise unknown_name(WHERE, "column", name, _COLUMNS)
        self.table = {k: np.atleast_1d(np.asarray(v, float)) for k, v in table.items()}
        n = len(next(iter(self.table.values())))
        spatial_cpp(WHERE, self.table["spatial_frequency_cpp"])
        self.cycles_per_frame = temporal_cpf(WHERE, self.table["temporal_frequency_cpf"])
        amplitude = contrasts(WHERE, self.table.get("contrast_percent", np.full(n, 100.0))) / 2
        self.image_size, self.n_frames, self.n_channels, self.kind = image_size, n_frames, n_channels, kind
        x, y = pixel_grid(image_size)
        direction = np.deg2rad(self.table["direction_deg"])[:, None, None]
        carrier = 2 * np.pi * self.table["spatial_frequency_cpp"][:, None, None] * (x * np.cos(direction) + y * np.sin(direction))
        carrier = carrier + np.deg2rad(self.table.get("phase_deg", np.zeros(n)))[:, None, None]
        scale = amplitude[:, None, None] * self._window(x, y, n)
        cos, sin = (scale * np.cos(carrier)).astype(np.float32), (scale * np.sin(carrier)).astype(np.float32)
        self._cos, self._sin = (torch.from_numpy(v)[:, None].to(device) for v in (cos, sin))

    def _window(self, x: np.ndarray, y: np.ndarray, n: int) -> np.ndarray:
        radius = self.table.get("radius_px", np.full(n, np.inf))[:, None, None]
        dx = x - self.table.get("column_px", np.zeros(n))[:, None, None]
        dy = y - self.table.get("row_px", np.zeros(n))[:, None, None]
        edge = np.clip(radius - np.hypot(dx, dy) + 0.5, 0.0, 1.0)
        return np.where(np.isinf(radius), 1.0, edge)

    def __len__(self) -> int:
        return len(self._cos)

    @property
    def device(self) -> torch.device:
        """Where the frames are drawn."""
        return self._cos.device

    def __getitem__(self, key: tuple[slice, int]) -> torch.Tensor:
        """Frame k of every presentation, ``movie[:, k]``, (presentation, channel, row, column)."""
        import torch

        _, k = key
        angle = 2 * np.pi * self.cycles_per_frame * k
        cos, sin = (torch.as_tensor(v, dtype=torch.float32, device=self.device)[:, None, None, None] for v in (np.cos(angle), np.sin(angle)))
        frame = 0.5 + cos * self._cos
        if self.kind == "drifting":
            frame = frame + sin * self._sin
        return frame.clamp_(0.0, 1.0).expand(-1, self.n_channels, -1, -1)

    def frame(self, k: int) -> np.ndarray:
        """Frame k of every presentation as an array, (presentation, channel, row, column)."""
        return self[:, k].cpu().numpy()

    def stimuli(self, *, frame_ms: float | None = None) -> xr.DataArray:
        """The whole movie as labelled stimuli; one frame makes images."""
        pixels = np.stack([self.frame(k) for k in range(self.n_frames)], axis=1)
        start = np.arange(self.n_frames) * (1.0 if frame_ms is None else float(frame_ms))
        ids = [f"grating-{i:04d}" for i in range(len(self))]
        if self.n_frames == 1:
            return make_stimuli(pixels[:, 0], ids, **self.table)
        return make_stimuli(pixels, ids, frame_start=start, **self.table)
