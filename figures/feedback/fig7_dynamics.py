"""Dynamics: exponents as run, with the stream held (its block of the Jacobian zeroed) and with the stream off;
step changes, temporal generalisation, growth of a perturbation.
"""

import numpy as np

from neurodyn.plot.arms import ARMS, arm_label, arm_style, in_arm, plot_arm_curves, plot_arm_points
from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population"}


def draw(population):
    fig = figure("double", 118)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, 12, left=0.08, right=0.92, top=0.93, bottom=0.12, wspace=3.4, hspace=0.5)
    panels = [fig.add_subplot(grid[0, 0:4]), fig.add_subplot(grid[0, 5:8]), fig.add_subplot(grid[0, 9:12])]
    exponents(panels[0], population)
    panels[0].set(ylabel="largest exponent (1 / step)", title="columns: R as run, H stream held,\nO stream off")
    panels[0].title.set_size(6)
    plot_arm_points(panels[1], population, "lyapunov_feedback_effect")
    panels[1].axhline(0, color=COLOURS["grey"], linewidth=0.8)
    panels[1].set(ylabel="exponent added by the\nstream's Jacobian block", title="below 0: stabilises")
    panels[1].yaxis.label.set_size(5.5)
    panels[1].set_xticks(range(4), ["control", "control\n+ drop.", "feedb.", "feedb.\n+ drop."], fontsize=4.8)
    plot_arm_curves(panels[2], population, "perturbation_growth", population.growth_step.values)
    panels[2].set(yscale="log", xlabel="step after the perturbation", ylabel="distance / first distance")
    panels[2].set_ylim(top=300)
    panels[2].set_yticks([1e-3, 1e-2, 1e-1, 1])
    panels[2].set_yticks([], minor=True)
    panels[2].legend(fontsize=5.2, loc="upper right")
    panels.append(fig.add_subplot(grid[1, 0:3]))
    plot_arm_curves(panels[3], population, "step_change_by_step", population.trial_step.values[1:])
    panels[3].set(xlabel="step", ylabel="|change| / |activity|")
    for k, arm in enumerate(ARMS):
        ax = fig.add_subplot(grid[1, 3 + 2 * k : 5 + 2 * k])
        mine = in_arm(population, arm)
        shown = ax.imshow(
            population.generalisation_matrix.isel(network=mine).mean("network"),
            origin="lower",
            cmap="cividis",
            extent=(0.5, 5.5, 0.5, 5.5),
            vmin=0.25,
            vmax=0.4,
        )
        ax.set_title(arm_label(*arm), fontsize=5.5)
        ax.set(xlabel="tested step", ylabel="trained step" if k == 0 else "", xticks=(1, 5), yticks=(1, 5))
        panels.append(ax)
    bar = fig.add_axes((0.9, 0.16, 0.008, 0.24))
    fig.colorbar(shown, cax=bar).set_label("accuracy", fontsize=5.5)
    n = int((population.cell.values == "top-dropout").sum())
    figure_note(
        fig,
        f"{n} networks an arm; exponents over 10 images; bars: standard error (a), 95 % interval (b);\nbands (c, d): one standard error over networks",
        x=0.45,
        y=0.015,
    )
    panel_letter([*panels[:4], panels[4]])
    return fig


def exponents(ax, table):
    for k, arm in enumerate(ARMS):
        mine = table.isel(network=in_arm(table, arm))
        style = {key: v for key, v in arm_style(*arm).items() if key != "linestyle"}
        for j, name in enumerate(("lyapunov", "lyapunov_held", "lyapunov_off")):
            values = mine[name].values
            x = k + 0.24 * (j - 1)
            ax.plot(np.full(len(values), x), values, linestyle="none", markersize=2, alpha=0.5, **style)
            ax.errorbar(x + 0.07, values.mean(), values.std(ddof=1) / len(values) ** 0.5, color="black", marker="_", markersize=4, linewidth=0.9)
            ax.text(x, -0.012, "RHO"[j], fontsize=5, ha="center", va="top")
    ax.axhline(0, color=COLOURS["grey"], linewidth=0.8)
    ax.set_xticks(range(4), ["control", "control\n+ dropout", "feedback", "feedback\n+ dropout"], fontsize=5)
