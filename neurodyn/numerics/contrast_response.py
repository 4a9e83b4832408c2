"""Contrast responses of many units at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodyn.errors import NumericsError
from neurodyn.numerics.tuning_curves import check_curves, regress

__all__ = ["naka_rushton"]

_CHUNK = 512


def naka_rushton(responses: np.ndarray, contrast_percent: Sequence[float] | np.ndarray) -> dict[str, np.ndarray]:
    """Fit r = baseline + r_max c^n / (c^n + c50^n), each entry (unit).

    Parameters
    ----------
    responses : array, (unit, contrast)
    contrast_percent : sequence of float
        At least four.

    Returns
    -------
    dict
        ``r_max``, ``c50_percent``, ``exponent``, ``baseline``, ``r2``.

    Examples
    --------
    >>> c = np.array([0, 6, 12, 25, 50, 100.0])
    >>> fit = naka_rushton((2 * c**2 / (c**2 + 20**2))[None], c)
    >>> round(float(fit["c50_percent"][0])), round(float(fit["exponent"][0]), 1)
    (20, 2.0)
    """
    c = np.asarray(contrast_percent, float)
    curves = check_curves("naka_rushton", responses, c)
    if len(c) < 4:
        raise NumericsError("naka_rushton", f"{len(c)} contrasts", expected="at least 4")
    half, power = (v.ravel() for v in np.meshgrid(np.geomspace(1, 1000, 241), np.arange(0.5, 6.01, 0.1), indexing="ij"))
    with np.errstate(divide="ignore"):
        bumps = np.where(c > 0, 1 / (1 + (half[:, None] / np.where(c > 0, c, 1)) ** power[:, None]), 0.0)
    flat = bumps - bumps.mean(1, keepdims=True)
    unit = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-12)
    centred = curves - curves.mean(1, keepdims=True)
    best = np.concatenate([(centred[i : i + _CHUNK] @ unit.T).argmax(1) for i in range(0, len(curves), _CHUNK)])
    offset, amplitude, r2 = regress(curves, bumps[best])
    return {"r_max": amplitude, "c50_percent": half[best], "exponent": power[best], "baseline": offset, "r2": r2}
