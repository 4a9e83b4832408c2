"""Measures of planar paths: turning, curvature, persistence, reach, and the sampling phases of a receptor grid."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["MEASURES", "measure", "sampling_phases", "turning_angles"]

MEASURES = {
    "mean_step_px": "mean distance between successive points",
    "path_length_px": "sum of the steps",
    "end_to_end_px": "distance from the first to the last point",
    "eccentricity_px": "mean distance of the points from the centre of the image",
    "n_points": "distinct points",
    "n_phases": "distinct positions modulo the pitch of the receptors",
    "turn_rad": "mean absolute turning angle",
    "persistence": "mean cosine of the turning angle",
    "curvature_per_px": "mean of 2 |turning angle| / (sum of the two steps it joins)",
    "straightness": "end-to-end distance over path length",
    "area_px2": "absolute area enclosed by the path and the chord that closes it",
    "overlap": "mean share of the field of view that shows the image",
}


def turning_angles(positions: np.ndarray) -> np.ndarray:
    """Signed change of heading at every inner point, in (-pi, pi].

    Parameters
    ----------
    positions : array, (..., point, 2)

    Returns
    -------
    array, (..., point - 2)
        NaN where a step has no length.

    Examples
    --------
    >>> turning_angles(np.array([[0, 0], [1, 0], [1, 1], [1, 2]])).round(3).tolist()
    [1.571, 0.0]
    """
    step = np.diff(np.asarray(positions, dtype=float), axis=-2)
    length = np.hypot(step[..., 0], step[..., 1])
    heading = np.where(length > 0, np.arctan2(step[..., 1], step[..., 0]), np.nan)
    turn = np.diff(heading, axis=-1)
    return np.pi - (np.pi - turn) % (2 * np.pi)


def sampling_phases(positions: np.ndarray, *, pitch_px: float = 4.0, grain_px: float = 1.0) -> np.ndarray:
    """Which cell of the receptor's square each point falls in.

    Parameters
    ----------
    positions : array, (..., point, 2)
    pitch_px : float
        Distance between receptors: a shift by this much shows every receptor what its neighbour saw.
    grain_px : float
        Phases closer than this count as one; there are (pitch / grain) squared of them.

    Returns
    -------
    int array, (..., point)

    Examples
    --------
    >>> sampling_phases(np.array([[0, 0], [1, 0], [4, 0], [5, 8]])).tolist()
    [0, 4, 0, 4]
    """
    n = round(pitch_px / grain_px)
    if n < 1 or abs(n * grain_px - pitch_px) > 1e-9:
        raise NumericsError("sampling_phases", f"a pitch of {pitch_px:g} px is not a multiple of the grain of {grain_px:g} px", expected="a whole multiple")
    cell = np.floor(np.asarray(positions, dtype=float) / grain_px + 1e-9).astype(int) % n
    return cell[..., 0] * n + cell[..., 1]


def measure(positions: np.ndarray, *, field_px: float = 32.0, image_px: float = 32.0, pitch_px: float = 4.0) -> dict[str, np.ndarray]:
    """Every measure of ``MEASURES``, one value a path.

    Parameters
    ----------
    positions : array, (path, point, 2)
        Pixels from the centre of the image.
    field_px, image_px : float
        Widths of the square field of view and of the square image, for the overlap.
    pitch_px : float
        Distance between receptors, for the phases.

    Returns
    -------
    dict of array, (path)
        ``turn_rad``, ``persistence`` and ``curvature_per_px`` are NaN where no inner point has two steps of non-zero length.

    Raises
    ------
    NumericsError
        If `positions` has another shape.

    Examples
    --------
    >>> square = np.array([[[0, 0], [2, 0], [2, 2], [0, 2]]])
    >>> m = measure(square)
    >>> float(m["area_px2"][0]), float(m["straightness"][0].round(3)), float(m["turn_rad"][0].round(3))
    (4.0, 0.333, 1.571)
    """
    p = np.asarray(positions, dtype=float)
    if p.ndim != 3 or p.shape[-1] != 2:
        raise NumericsError("paths.measure", f"`positions` has shape {p.shape}", expected="(path, point, 2)")
    step = np.diff(p, axis=1)
    length = np.hypot(step[..., 0], step[..., 1])
    turn = turning_angles(p)
    total = length.sum(axis=1)
    chord = np.hypot(*(p[:, -1] - p[:, 0]).T)
    joined = length[:, 1:] + length[:, :-1]
    after = np.roll(p, -1, axis=1)
    shown = np.clip((field_px + image_px) / 2 - np.abs(p), 0.0, min(field_px, image_px)) / field_px
    phases = sampling_phases(p, pitch_px=pitch_px, grain_px=pitch_px / 4)
    return {
        "mean_step_px": _mean(length),
        "path_length_px": total,
        "end_to_end_px": chord,
        "eccentricity_px": np.hypot(p[..., 0], p[..., 1]).mean(axis=1),
        "n_points": _distinct(p[..., 0] + 1j * p[..., 1]),
        "n_phases": _distinct(phases),
        "turn_rad": _mean(np.abs(turn)),
        "persistence": _mean(np.cos(turn)),
        "curvature_per_px": _mean(2 * np.abs(turn) / np.where(joined > 0, joined, np.nan)),
        "straightness": chord / np.where(total > 0, total, np.nan),
        "area_px2": np.abs((p[..., 0] * after[..., 1] - after[..., 0] * p[..., 1]).sum(axis=1)) / 2,
        "overlap": (shown[..., 0] * shown[..., 1]).mean(axis=1),
    }


def _mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known, values, 0.0).sum(axis=1) / np.where(known.any(axis=1), known.sum(axis=1), np.nan)


def _distinct(values: np.ndarray) -> np.ndarray:
    ordered = np.sort(values, axis=1)
    return 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)
