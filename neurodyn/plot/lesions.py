"""Accuracy lost by silencing classes of units, beside matched random controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_lesions"]

_LOOKS = {"space": ("blue", "o"), "time": ("vermilion", "s"), "both": ("green", "^"), "spacetime": ("purple", "D")}


def plot_lesions(ax: Axes, lesions: xr.Dataset, kind: str) -> None:
    """Loss of each class against the number silenced (filled, with intervals), and the mean of its controls (open).

    Parameters
    ----------
    ax : Axes
    lesions : Dataset
        Of ``selectivity_lesions``.
    kind : str
        ``output`` or ``lateral``.
    """
    n = lesions["n_silenced"].values.astype(float)
    groups = [str(g) for g in lesions["group"].values]
    step = 0.13 * float(np.min(np.diff(n), initial=2.0))
    ax.axhline(0, color="black", lw=0.6)
    for k, group in enumerate(groups):
        name, marker = _LOOKS.get(group, ("grey", "o"))
        colour = COLOURS.get(name, COLOURS["grey"])
        one = lesions.sel(group=group, kind=kind)
        x = n + (k - (len(groups) - 1) / 2) * step
        ax.vlines(x, one["loss_low"], one["loss_high"], color=colour, lw=1.4)
        ax.plot(x, one["loss"], marker, color=colour, ms=4, label=group)
        ax.vlines(x + 0.4 * step, one["control_loss_low"], one["control_loss_high"], color=colour, lw=0.7)
        ax.plot(x + 0.4 * step, one["control_loss"], marker, mfc="white", mec=colour, ms=3, mew=0.8, label=f"_{group} controls")
    ax.set_xticks(n, [str(int(v)) for v in n])
    ax.set_xlabel("channels silenced")
