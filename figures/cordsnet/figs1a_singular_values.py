"""Kernels, flattened matrices and singular values of random convolutions (after CordsNet, figure S1A)."""

import numpy as np

from neurodyn.plot import COLOURS, CYCLE, figure

INPUTS = {"spectra": "cordsnet/figs1a_singular_values"}


def draw(spectra):
    sizes = [int(k) for k in spectra.kernel.values]
    fig = figure("double", 100)
    grid = fig.add_gridspec(3, len(sizes), height_ratios=[0.55, 1.0, 0.9])
    below = []
    for k, size in enumerate(sizes):
        one = spectra.isel(kernel=k)
        weights = one.weights.values
        weights = weights[np.isfinite(weights)].reshape(8, 8, size, size)[0, 0]
        top, middle, bottom = (fig.add_subplot(grid[row, k]) for row in range(3))
        below.append(bottom)
        scale = np.abs(weights).max()
        top.imshow(weights, cmap="RdBu_r", vmin=-scale, vmax=scale)
        top.set_title(f"{size} x {size} kernel")
        matrix = one.matrix.values[:128, :128]
        scale = np.quantile(np.abs(matrix[matrix != 0]), 0.95)
        middle.imshow(matrix, cmap="RdBu_r", vmin=-scale, vmax=scale, interpolation="nearest")
        middle.set_title(f"{100 * float(one.share_nonzero):.0f} % of entries not 0", fontsize=6)
        for ax in (top, middle):
            ax.set_xticks([])
            ax.set_yticks([])
            for side in ax.spines.values():
                side.set_visible(False)
        if k == 0:
            top.set_ylabel("Kernel,\nmap 1 to 1")
            middle.set_ylabel("Matrix,\nfirst 128 units")
            bottom.annotate(
                "8 values, 64 times each", (0.5, 0.9), xycoords="axes fraction", ha="center", fontsize=5.5, bbox={"fc": "white", "ec": "none", "pad": 1}
            )
        edges = np.linspace(0, 2.1, 43)
        bottom.hist(one.singular_value.values, edges, density=True, color=CYCLE[0], alpha=0.75, label="zeros around the map")
        bottom.hist(one.singular_value_circular.values, edges, density=True, histtype="step", color=COLOURS["vermilion"], lw=0.9, label="map closed to a torus")
        x = np.linspace(0, 2, 200)
        bottom.plot(x, np.sqrt(4 - x**2) / np.pi, color=COLOURS["black"], lw=0.7, ls="--", label="dense matrix (quarter circle)")
        bottom.set_xlim(0, 2.1)
        bottom.set_ylim(0, 1.0)
        bottom.set_xlabel("Singular value")
    below[0].set_ylabel("Density (n = 512 values)")
    handles, names = below[0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside lower center", ncols=3)
    for ax in below[1:]:
        ax.set_yticklabels([])
    return fig
