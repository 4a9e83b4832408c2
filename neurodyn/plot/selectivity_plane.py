"""Units on the plane of spatial and temporal selectivity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_selectivity_planes", "plot_selectivity_plane"]

LABELS = ("trained", "untrained twin")
MEASURES = {
    "index_spread": "spread of the\nS–T index (SD)",
    "area": "area covered\n(1/12: even square)",
    "share_synergy": "share of units that\nneed space-time",
}


def plot_selectivity_plane(ax: Axes, plane: xr.Dataset, layer: str, *, colour: str = COLOURS["blue"], marker: str = "o", label: str | None = None) -> Any:
    """Scatter one layer's units: temporal activation across, spatial up, each relative to the unit's best movie.

    Parameters
    ----------
    ax : Axes
    plane : Dataset
        One model's part of what ``selectivity_plane`` returns: ``space``, ``time`` (neuroid) with coord ``layer``.
    layer : str
    colour, marker, label : str
    """
    here = np.asarray(plane["layer"].values) == layer
    s, t = plane["space"].values[here], plane["time"].values[here]
    keep = np.isfinite(s) & np.isfinite(t)
    ax.plot([0, 1], [0, 1], color="black", lw=0.5, ls=":", zorder=0)
    ax.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), aspect="equal", xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    return ax.scatter(t[keep], s[keep], s=12, marker=marker, color=colour, alpha=0.75, lw=0.8, label=label)


def draw_selectivity_planes(plane: xr.Dataset, model: str) -> Figure:
    """A whole figure: the plane of every layer, trained and untrained, and its summaries with intervals.

    Parameters
    ----------
    plane : Dataset
        Of ``selectivity_plane``, the trained model and its untrained twin along ``model``.
    model : str
        What the model is called in the legend.
    """
    layers = [str(k) for k in plane.layer_name.values]
    fig = figure("double", 112)
    axes = fig.subplots(2, 1)
    grid = axes[0].get_subplotspec().get_gridspec()
    for ax in axes:
        ax.remove()
    top, low = grid[0].subgridspec(1, len(layers)).subplots(), grid[1].subgridspec(1, len(MEASURES)).subplots()
    styles = list(zip(range(plane.sizes["model"]), LABELS, (COLOURS["blue"], COLOURS["grey"]), ("o", "x"), strict=True))
    for ax, name in zip(top, layers, strict=True):
        for m, label, colour, marker in styles:
            plot_selectivity_plane(ax, plane.isel(model=m), name, colour=colour, marker=marker, label=label)
        n = plane.n_units.sel(layer_name=name).values
        ax.set_title(f"{name}  (n={int(n[0])}, {int(n[1])})", loc="left")
        ax.set_xlabel("flicker alone / best movie")
    top[0].set_ylabel("still image alone / best movie")
    for ax, (measure, text) in zip(low, MEASURES.items(), strict=True):
        for m, label, colour, marker in styles:
            cell = plane.isel(model=m)
            x = np.arange(len(layers)) + (m - 0.5) * 0.24
            values, bounds = cell[measure].values, [cell[f"{measure}_{side}"].values for side in ("low", "high")]
            ax.vlines(x, *bounds, color=colour, lw=1.4)
            ax.plot(x, values, marker, color=colour, ms=4, label=label)
        ax.set_xticks(np.arange(len(layers)), layers)
        ax.set_xlim(-0.6, len(layers) - 0.4)
        ax.set_ylabel(text)
        ax.set_ylim(bottom=-0.04 * ax.get_ylim()[1])
    handles, labels = low[0].get_legend_handles_labels()
    title = f"{model}, central unit of each channel; activations above grey; bars: {plane.attrs['level']:.0%} bootstrap intervals over units.\n"
    title += "Units that neither a still image nor flicker drives to a tenth of their best movie have no index."
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=title)
    panel_letter(top[0], "a", dx=-8)
    for ax, letter in zip(low, "bcd", strict=True):
        panel_letter(ax, letter, dx=-8)
    return fig
