"""The lateral kernel of the population that is read out, as an association field."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"kernels": "adrnn/kernels"}


def draw(kernels):
    fig = figure("double", 60)
    fig.get_layout_engine().set(wspace=0.08)
    axes = fig.subplots(1, 4, gridspec_kw={"width_ratios": (1, 1, 1.1, 1)})
    most = float(np.abs(kernels.field).max())
    for ax, twin, title in ((axes[0], False, "trained"), (axes[1], True, "untrained twin")):
        field = kernels.field.isel(untrained=int(twin)).transpose("relative", "bearing")
        drawn = ax.imshow(field, cmap="RdBu_r", vmin=-most, vmax=most, origin="lower")
        ticks = range(field.sizes["bearing"])
        ax.set_xticks(ticks, [f"{v:.0f}" for v in kernels.bearing.values])
        ax.set_yticks(ticks, [f"{v:.0f}" for v in kernels.relative.values])
        ax.set(xlabel="bearing of sender (deg)", title=title)
    axes[0].set_ylabel("difference of\norientations (deg)")
    fig.colorbar(drawn, ax=axes[1], shrink=0.7, label="mean weight")
    for twin, colour, dash, label in ((False, "vermilion", "-", "trained"), (True, "grey", "--", "untrained twin")):
        one = kernels.isel(untrained=int(twin))
        axes[2].errorbar(
            one.bearing,
            one.field.isel(relative=0),
            1.96 * one.field_se.isel(relative=0),
            color=COLOURS[colour],
            linestyle=dash,
            marker="o",
            markersize=3,
            label=label,
        )
        axes[3].hist(one.selectivity, bins=np.linspace(0, 1, 11), histtype="step", color=COLOURS[colour], linestyle=dash, label=label)
    axes[2].axhline(0, color="black", linewidth=0.6)
    axes[2].set(xlabel="bearing of sender (deg)", ylabel="mean weight, like\norientations (95 %)")
    axes[2].legend(fontsize=5.4)
    axes[3].set(xlabel="selectivity", ylabel=f"channels of {kernels.sizes['channel']}")
    axes[3].legend(fontsize=5.4)
    panel_letter(axes)
    return fig
