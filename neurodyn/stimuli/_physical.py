"""Physical units of stimuli: cycles a pixel and a degree, cycles a frame and a second; nothing beyond Nyquist is drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.errors import ConfigError

__all__ = ["contrasts", "spatial_cpp", "temporal_cpf"]


def spatial_cpp(
    where: str,
    cpp: float | Sequence[float] | np.ndarray | None,
    cpd: float | Sequence[float] | np.ndarray | None = None,
    pixels_per_degree: float | None = None,
) -> np.ndarray:
    """Spatial frequencies in cycles a pixel, from cycles a pixel or from cycles a degree and the pixel pitch.

    Raises
    ------
    ConfigError
        Both or neither given, degrees without a pitch, negative values, or values at or above 0.5 cycles a pixel.

    Examples
    --------
    >>> spatial_cpp("gratings", None, [1.0, 2.0], 16.0).tolist()
    [0.0625, 0.125]
    """
    if (cpp is None) == (cpd is None):
        raise ConfigError(
            where, "spatial frequency is given twice or not at all", expected="spatial_frequency_cpp, or spatial_frequency_cpd with pixels_per_degree"
        )
    if cpd is not None and pixels_per_degree is None:
        raise ConfigError(where, "`spatial_frequency_cpd` is given without `pixels_per_degree`", expected="the pixel pitch", fix="pixels_per_degree=32.0")
    values = np.atleast_1d(np.asarray(cpp if cpp is not None else cpd, float))
    if cpd is not None:
        values = values / float(pixels_per_degree)  # type: ignore[arg-type]
    _refuse(where, "spatial frequency", values, "cycles a pixel", "the sensor's Nyquist frequency", "spatial_frequency_cpp=[0.05, 0.1, 0.2]")
    return values


def temporal_cpf(
    where: str, cpf: float | Sequence[float] | np.ndarray | None, hz: float | Sequence[float] | np.ndarray | None = None, frame_ms: float | None = None
) -> np.ndarray:
    """Temporal frequencies in cycles a frame, from cycles a frame or from Hz and the frame's duration.

    Raises
    ------
    ConfigError
        Both or neither given, Hz where frames are not time, negative values, or values at or above 0.5 cycles a frame.

    Examples
    --------
    >>> temporal_cpf("gratings", None, 10.0, 10.0).tolist()
    [0.1]
    """
    if (cpf is None) == (hz is None):
        raise ConfigError(where, "temporal frequency is given twice or not at all", expected="temporal_frequency_cpf (cycles a frame) or temporal_frequency_hz")
    if hz is not None and frame_ms is None:
        raise ConfigError(
            where,
            "`temporal_frequency_hz` is given but frames have no duration in ms (a model's dt_ms is None where its iterations are not time)",
            expected="cycles a frame",
            fix="temporal_frequency_cpf=[0.05, 0.1]",
        )
    values = np.atleast_1d(np.asarray(cpf if cpf is not None else hz, float))
    if hz is not None:
        values = values * float(frame_ms) / 1000.0  # type: ignore[arg-type]
    _refuse(where, "temporal frequency", values, "cycles a frame", "the Nyquist frequency of the frames", "temporal_frequency_cpf=[0.05, 0.1]")
    return values


def contrasts(where: str, values: float | Sequence[float] | np.ndarray) -> np.ndarray:
    """Contrasts as fractions from contrasts in per cent.

    Examples
    --------
    >>> contrasts("gratings", [50, 100]).tolist()
    [0.5, 1.0]
    """
    given = np.atleast_1d(np.asarray(values, float))
    if not np.isfinite(given).all() or (given < 0).any() or (given > 100).any():
        raise ConfigError(where, f"`contrast_percent` ranges from {given.min():g} to {given.max():g}", expected="0 to 100 per cent", fix="contrast_percent=100")
    return given / 100.0


def _refuse(where: str, what: str, values: np.ndarray, unit: str, limit: str, fix: str) -> None:
    if not values.size or not np.isfinite(values).all() or (values < 0).any():
        raise ConfigError(where, f"{what} is {values.tolist()}", expected=f"0 or more {unit}")
    over = values[values >= 0.5 - 1e-12]
    if over.size:
        raise ConfigError(where, f"{what} of {over[0]:g} {unit} ({over.size} of {values.size}) is at or above {limit}", expected=f"below 0.5 {unit}", fix=fix)
