"""The plane of spatial and temporal selectivity in the reciprocal gated network, trained and untrained, with intervals."""

import numpy as np

from neurodyn.plot.selectivity_plane import plot_selectivity_plane
from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"plane": "selectivity/plane_convrnn-rgc"}
MODEL = "Reciprocal gated network on CIFAR-10"
LABELS = ("trained", "untrained twin")
MEASURES = {
    "index_spread": "spread of the\nS–T index (SD)",
    "area": "area covered\n(1/12: even square)",
    "share_synergy": "share of units that\nneed space-time",
}


def draw(plane):
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
        ax.set_ylim(bottom=0)
    handles, labels = low[0].get_legend_handles_labels()
    title = f"{MODEL}, central unit of each channel; activations above grey; bars: {plane.attrs['level']:.0%} bootstrap intervals over units"
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=title)
    panel_letter(top[0], "a", dx=-8)
    for ax, letter in zip(low, "bcd", strict=True):
        panel_letter(ax, letter, dx=-8)
    return fig
