"""From a convolution to a matrix to its leading eigenvalues: the Arnoldi process on recurrent weights (after CordsNet, figure 4A)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"krylov": "cordsnet/fig4a_arnoldi"}


def draw(krylov):
    fig = figure("double", 118)
    grid = fig.add_gridspec(2, 6)
    flat, errors = fig.add_subplot(grid[0, :2]), fig.add_subplot(grid[0, 2:])
    planes = [fig.add_subplot(grid[1, 2 * k : 2 * k + 2]) for k in range(krylov.sizes["size"])]
    matrix, n = krylov.matrix.values, krylov.sizes["unit"]
    limit = float(np.quantile(np.abs(matrix[matrix != 0]), 0.98))
    image = flat.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="antialiased")
    flat.set_xlabel("From unit")
    flat.set_ylabel("To unit")
    flat.set_title(f"Convolution, {n} x {n}")
    fig.colorbar(image, ax=flat, shrink=0.8, label="Weight", location="left")
    flat.yaxis.tick_right()
    flat.yaxis.set_label_position("right")
    size = krylov.dimension.values
    for count, colour in ((1, "blue"), (10, "orange"), (krylov.sizes["mode"], "vermilion")):
        worst = krylov.error.isel(mode=slice(0, count)).max("mode").values
        errors.semilogy(size, np.maximum(worst, 1e-15), color=COLOURS[colour], label=f"worst of the leading {count}" if count > 1 else "the leading one")
    for m in krylov["size"].values:
        errors.axvline(m, color="0.8", lw=0.6, zorder=0, label=f"_size {m}")
    errors.set_xlabel("Dimension of the Krylov space (= products with the weights)")
    errors.set_ylabel("Distance to nearest Ritz value")
    errors.set_title("Leading eigenvalues are found first")
    errors.legend(loc="lower left")
    every = krylov.eigenvalue.values
    reach = 1.08 * float(np.abs(every).max())
    for ax, m in zip(planes, krylov["size"].values, strict=True):
        found = krylov.ritz.sel(size=m).values
        found = found[np.isfinite(found)]
        ax.plot(every.real, every.imag, ".", color="0.7", ms=2.5, label=f"all {n} eigenvalues", zorder=1)
        ax.plot(found.real, found.imag, "o", mfc="none", mec=COLOURS["purple"], ms=4, mew=0.7, label="Ritz values", zorder=2)
        ax.set_aspect("equal", adjustable="box")
        ax.set_xlim(-reach, reach)
        ax.set_ylim(-reach, reach)
        ax.set_xlabel(r"Re $\lambda$")
        ax.set_title(f"{m} products")
    planes[0].set_ylabel(r"Im $\lambda$")
    handles, labels = planes[0].get_legend_handles_labels()
    fig.legend(
        handles, labels, loc="outside lower center", ncols=2, title="trained CordsNet (digits), recurrent weights of its second area, without gate and leak"
    )
    panel_letter([flat, errors, *planes])
    return fig
