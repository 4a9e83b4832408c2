"""Which columns of k-space a scanner measures: the random and equispaced Cartesian masks of fastMRI.

Both measure a centred block of l = round(W f) columns; the others are chosen so that W / a columns are measured in all, on average
(Zbontar et al. 2018, arXiv 1811.08839).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import ConfigError, NumericsError, first_of, unknown_name
from neurodyn.seeding import numpy_generator

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CENTER_FRACTIONS", "KINDS", "check_mask", "column_mask", "n_center"]

KINDS = ("random", "equispaced")
CENTER_FRACTIONS = {4: 0.08, 8: 0.04}
"""The pairing of acceleration and centre fraction that fastMRI uses; what PC-RNN was trained with is not known."""


def n_center(n_columns: int, center_fraction: float) -> int:
    """How many low-frequency columns are always measured.

    Examples
    --------
    >>> [n_center(w, 0.08) for w in (320, 368, 372, 396, 640)]
    [26, 29, 30, 32, 51]
    """
    return round(n_columns * center_fraction)


def column_mask(n_columns: int, acceleration: float, center_fraction: float | None = None, *, kind: str = "random", seed: int) -> np.ndarray:
    """Draw a mask along the width of k-space.

    Parameters
    ----------
    n_columns : int
        W, columns of k-space.
    acceleration : float
        a; about one column in a is measured.
    center_fraction : float, optional
        f; fastMRI's for accelerations 4 and 8, else 0.32 / a, when absent.
    kind : {"random", "equispaced"}
        Other columns independently with probability (W / a - l) / (W - l), or at spacing a (l - W) / (l a - W) from a random offset.
    seed : int

    Returns
    -------
    bool array, (column)
        True where measured; column ``W // 2`` is frequency zero.

    Raises
    ------
    ConfigError
        For an unknown kind, an acceleration below 1, or a centre block that already exceeds it.
    NumericsError
        If nothing would be measured.

    Examples
    --------
    >>> mask = column_mask(320, 4, 0.08, seed=0)
    >>> bool(mask[147:173].all()), mask.dtype.name
    (True, 'bool')
    """
    where = "column_mask"
    if kind not in KINDS:
        raise unknown_name(where, "kind", kind, KINDS)
    if not acceleration >= 1:
        raise ConfigError(where, f"`acceleration` is {acceleration}", expected="1 or more", fix="acceleration=4")
    fraction = CENTER_FRACTIONS.get(acceleration, 0.32 / acceleration) if center_fraction is None else center_fraction
    if not 0 <= fraction <= 1:
        raise ConfigError(where, f"`center_fraction` is {fraction}", expected="a share in [0, 1]", fix="center_fraction=0.08")
    low, w = n_center(n_columns, fraction), n_columns
    if low * acceleration > w and low < w:
        raise ConfigError(
            where,
            f"{low} central columns of {w} are more than acceleration {acceleration:g} leaves",
            expected=f"center_fraction of at most {1 / acceleration:.3g}",
            fix=f"center_fraction={0.32 / acceleration:.3g}",
        )
    mask = np.zeros(w, bool)
    first = (w - low + 1) // 2
    mask[first : first + low] = True
    if acceleration == 1:
        return np.ones(w, bool)
    draw = numpy_generator(seed, "column_mask", kind)
    if kind == "random" and low < w:
        mask |= draw.random(w) < (w / acceleration - low) / (w - low)
    elif low * acceleration != w and low < w:
        spacing = acceleration * (low - w) / (low * acceleration - w)
        offset = draw.integers(0, max(round(spacing), 1))
        mask[np.around(np.arange(offset, w - 1, spacing)).astype(int)] = True
    if not mask.any():
        raise NumericsError(where, f"none of {w} columns is measured", expected="at least one", fix="a larger center_fraction or a smaller acceleration")
    return mask


def check_mask(mask: Any, *, where: str, ids: Any = None) -> None:
    """Refuse masks that measure nothing.

    Parameters
    ----------
    mask : array or Tensor, (batch, ...)
        Nonzero where measured.
    where : str
    ids : sequence, optional
        Names of the rows, for the message.

    Raises
    ------
    NumericsError
        With the first offending rows.
    """
    empty = _empty_rows(mask)
    if len(empty):
        names = [ids[k] for k in empty] if ids is not None else [f"row {k}" for k in empty]
        raise NumericsError(
            where,
            f"the mask measures nothing in {len(names)} of {len(mask)} presentations ({first_of(names)})",
            expected="at least one measured sample each",
            fix="neurodyn.numerics.sampling_masks.column_mask(n_columns, acceleration=4, seed=0)",
        )


def _empty_rows(mask: np.ndarray | Tensor) -> np.ndarray:
    flat = mask.reshape(len(mask), -1)
    any_ = (flat != 0).any(axis=1) if isinstance(flat, np.ndarray) else (flat != 0).any(dim=1).cpu().numpy()
    return np.flatnonzero(~any_)
