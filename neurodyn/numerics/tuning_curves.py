"""What every analysis of tuning curves asks of them first."""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["check_curves", "contrast_index", "regress"]


def check_curves(where: str, responses: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Curves as floats, (unit, x).

    Parameters
    ----------
    where : str
        Who asks, for messages.
    responses : array, (unit, x)
    x : array, (x)
        Values of the stimulus.

    Raises
    ------
    NumericsError
        Another shape, or values that are not finite.

    Examples
    --------
    >>> check_curves("here", np.ones((2, 3), int), np.arange(3)).dtype
    dtype('float64')
    """
    curves = np.asarray(responses, float)
    if curves.ndim != 2 or curves.shape[-1] != len(x):
        raise NumericsError(where, f"`responses` has shape {curves.shape} for {len(x)} values of the stimulus", expected=f"(unit, {len(x)})")
    finite = np.isfinite(curves).all(1)
    if not finite.all():
        raise NumericsError(
            where,
            f"`responses` is not finite in {int((~finite).sum())} of {len(curves)} units",
            expected="finite values",
            fix="responses[np.isfinite(responses).all(-1)]",
        )
    return curves


def contrast_index(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a - b) / (a + b), 0 where the sum is not positive.

    Examples
    --------
    >>> contrast_index(np.array([3.0, 0.0]), np.array([1.0, 0.0])).tolist()
    [0.5, 0.0]
    """
    total = np.asarray(a + b)
    return np.where(total > 0, (a - b) / np.where(total > 0, total, 1), 0.0)


def regress(curves: np.ndarray, bumps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offset, amplitude (at least 0) and r2 of each curve on its own bump, (unit, x).

    Examples
    --------
    >>> bump = np.array([[0.0, 1.0, 0.0]])
    >>> [float(v[0].round(9)) for v in regress(1 + 2 * bump, bump)]
    [1.0, 2.0, 1.0]
    """
    b = bumps - bumps.mean(1, keepdims=True)
    c = curves - curves.mean(1, keepdims=True)
    power = np.square(b).sum(1)
    amplitude = np.maximum((b * c).sum(1) / np.where(power > 0, power, 1), 0)
    total = np.square(c).sum(1)
    left = np.square(c - amplitude[:, None] * b).sum(1)
    return curves.mean(1) - amplitude * bumps.mean(1), amplitude, np.where(total > 0, 1 - left / np.where(total > 0, total, 1), 0.0)
