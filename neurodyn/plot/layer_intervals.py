"""Estimates with intervals of many networks, layer by layer, trained beside untrained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_layer_intervals"]

LABELS = ("trained", "untrained twin")


def plot_layer_intervals(ax: Axes, summaries: Sequence[xr.Dataset], measure: str, *, layers: Sequence[str]) -> None:
    """Draw one dot with its interval a network: the trained ones in the left half of each layer's place, their twins in the right half.

    Parameters
    ----------
    ax : Axes
    summaries : sequence of Dataset
        Of ``layer_tuning``: `measure`, ``_low`` and ``_high`` (model_name, untrained, layer_name).
    measure : str
    layers : sequence of str
        In the order drawn; networks without a layer leave its place empty.
    """
    n = sum(s.sizes["model_name"] for s in summaries)
    offset = np.array([0.0]) if n == 1 else np.linspace(-0.5, 0.5, n)
    for m, (label, colour, marker) in enumerate(zip(LABELS, (COLOURS["blue"], COLOURS["grey"]), ("o", "x"), strict=True)):
        first = 0
        for k, summary in enumerate(summaries):
            for name in summary["model_name"].values:
                known = [v for v in layers if v in summary["layer_name"].values]
                cell = summary.sel(model_name=name, layer_name=known).isel(untrained=m)
                x = np.array([layers.index(v) for v in known]) + (m - 0.5) * 0.46 + 0.36 * offset[first]
                ax.vlines(x, cell[f"{measure}_low"], cell[f"{measure}_high"], color=colour, lw=0.5, alpha=0.6)
                ax.plot(x, cell[measure], marker, ms=1.8, mew=0.6, color=colour, label=label if first == k == 0 else f"_{name} {label}")
                first += 1
    ax.set_xticks(np.arange(len(layers)), layers)
    ax.set_xlim(-0.6, len(layers) - 0.4)
