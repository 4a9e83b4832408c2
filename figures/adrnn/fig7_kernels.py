"""The lateral kernel of the population that is read out, as an association field."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"contours": "adrnn/pathfinder_kernels", "mazes": "adrnn/kernels"}


def draw(contours, mazes):
    fig = figure("double", 112)
    fig.get_layout_engine().set(wspace=0.06)
    axes = fig.subplots(2, 4, gridspec_kw={"width_ratios": (1, 1, 1.1, 1)})
    for row, kernels, task in ((axes[0], contours, "PathFinder"), (axes[1], mazes, "mazes")):
        fields(fig, row, kernels, task)
        profiles(row, kernels, task)
    fig.supxlabel("one network a task; bars: 95 % over pairs of channels and places, as if independent", fontsize=6, color="0.3")
    panel_letter(axes.ravel())
    return fig


def fields(fig, axes, kernels, task):
    most = float(np.abs(kernels.field).max())
    for ax, twin, title in ((axes[0], False, f"{task}, trained"), (axes[1], True, "untrained twin")):
        field = kernels.field.isel(untrained=int(twin)).transpose("relative", "bearing")
        drawn = ax.imshow(field, cmap="RdBu_r", vmin=-most, vmax=most, origin="lower")
        ticks = range(field.sizes["bearing"])
        ax.set_xticks(ticks, [f"{v:.0f}" for v in kernels.bearing.values])
        ax.set_yticks(ticks, [f"{v:.0f}" for v in kernels.relative.values])
        ax.set_xlabel("bearing of sender (deg)")
        ax.set_title(title, fontsize=7)
    axes[0].set_ylabel("difference of\norientations (deg)")
    fig.colorbar(drawn, ax=axes[1], shrink=0.7, label="mean weight (1)")


def profiles(axes, kernels, task):
    for twin, colour, dash, label in ((False, "vermilion", "-", "trained"), (True, "grey", "--", "untrained twin")):
        one = kernels.isel(untrained=int(twin))
        how = {"color": COLOURS[colour], "linestyle": dash, "label": label}
        axes[2].errorbar(one.bearing, one.field.isel(relative=0), 1.96 * one.field_se.isel(relative=0), marker="o", markersize=3, **how)
        axes[3].hist(one.selectivity, bins=np.linspace(0, 1, 11), histtype="step", **how)
    axes[2].axhline(0, color="black", linewidth=0.6)
    axes[2].set(xlabel="bearing of sender (deg)", ylabel="mean weight, like\norientations (1)")
    axes[2].legend(fontsize=5.4)
    axes[3].set(xlabel="selectivity (1)", ylabel=f"channels of {kernels.sizes['channel']}")
    axes[3].legend(fontsize=5.4)
