"""Binary m-sequences: every pixel a shifted copy of one sequence that correlates with itself at no other shift."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.schema import make_stimuli

__all__ = ["m_sequence", "maximal_sequence"]

# Taps of one primitive polynomial over GF(2) for each order: x^order + x^tap + ... + 1.
_TAPS = {
    3: (2,), 4: (3,), 5: (3,), 6: (5,), 7: (6,), 8: (6, 5, 4), 9: (5,), 10: (7,), 11: (9,),
    12: (11, 10, 4), 13: (12, 11, 8), 14: (13, 12, 2), 15: (14,), 16: (15, 13, 4),
}  # fmt: skip


def maximal_sequence(order: int) -> np.ndarray:
    """The m-sequence of length 2^order - 1, of -1 and 1.

    Examples
    --------
    >>> s = maximal_sequence(5)
    >>> [int(s @ np.roll(s, k)) for k in (0, 1, 7)]
    [31, -1, -1]
    """
    if order not in _TAPS:
        raise ConfigError("m_sequence", f"`order` is {order}", expected=f"{min(_TAPS)} to {max(_TAPS)}")
    register, out = [1] * order, []
    for _ in range(2**order - 1):
        out.append(register[-1])
        bit = register[-1]
        for tap in _TAPS[order]:
            bit ^= register[tap - 1]
        register = [bit, *register[:-1]]
    return 1 - 2 * np.asarray(out)


def m_sequence(
    image_size: int, *, order: int, square_px: int = 1, n_lags: int = 16, contrast_percent: float = 100.0, n_channels: int = 1, frame_ms: float | None = None
) -> xr.DataArray:
    """Draw a movie of 2^order - 1 frames in which square p shows the m-sequence shifted by p times a fixed stride.

    Parameters
    ----------
    image_size, square_px : int
        The image is a multiple of the square.
    order : int
        3 to 16.
    n_lags : int
        Lags at which squares must not be confounded: the stride between two squares is at least this.
    contrast_percent : float
    n_channels : int
        Every channel shows the same.
    frame_ms : float, optional

    Returns
    -------
    DataArray, (presentation, frame, channel, row, column)
        One presentation, with the stride in ``attrs``.

    Raises
    ------
    ConfigError
        If the sequence is too short to keep the squares apart.

    Examples
    --------
    >>> m_sequence(4, order=9).sizes["frame"]
    511
    """
    n = image_size // square_px
    if n * square_px != image_size:
        raise ConfigError("m_sequence", f"squares of {square_px} pixels in an image of {image_size}", expected="squares that tile the image")
    sequence = maximal_sequence(order)
    stride = len(sequence) // (n * n)
    if stride < n_lags:
        needed = int(np.ceil(np.log2(n * n * n_lags + 1)))
        raise ConfigError(
            "m_sequence", f"order {order} shifts {n * n} squares by {stride} frames", expected=f"at least {n_lags} frames apart", fix=f"order={needed}"
        )
    columns = np.stack([np.roll(sequence, stride * p) for p in range(n * n)], axis=1).reshape(-1, 1, n, n)
    grid = (0.5 + 0.5 * contrast_percent / 100 * columns).repeat(square_px, axis=-2).repeat(square_px, axis=-1).repeat(n_channels, axis=1)
    movie = make_stimuli(grid[None], [f"m-sequence-{order}"], frame_start=np.arange(len(sequence)) * (frame_ms or 1.0))
    return movie.assign_attrs(stride=stride, order=order)
