"""Geometry of the post-integration layer: dissimilarities, paths of class means, and what either stream contributes."""

import numpy as np

from neurodyn.plot.arms import ARMS, arm_label, arm_style, in_arm, plot_arm_points
from neurodyn.plot.style import COLOURS, CYCLE, figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population", "effects": "feedback/claims"}
CLASSES = ("aeroplane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "lorry")
CELLS = {("self", "off"): "self-plain", ("self", "on"): "self-dropout", ("top", "off"): "top-plain", ("top", "on"): "top-dropout"}


def draw(population, effects):
    fig = figure("double", 150)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, 4, left=0.085, right=0.91, top=0.95, bottom=0.45, wspace=0.35, hspace=0.4)
    below = fig.add_gridspec(1, 3, left=0.085, right=0.985, top=0.29, bottom=0.11, wspace=0.5, width_ratios=(2, 1, 1))
    panels = []
    for k, arm in enumerate(ARMS):
        ax = fig.add_subplot(grid[0, k])
        values = population.example_rdm.sel(example_cell=CELLS[arm]).values
        shown = ax.imshow(values, cmap="cividis", vmin=0.4, vmax=1.2)
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set(title=arm_label(*arm), xlabel="50 images by class" if k == 0 else "")
        panels.append(ax)
    fig.colorbar(shown, cax=fig.add_axes((0.925, 0.74, 0.008, 0.2))).set_label("1 - r, step 5, seed 0", fontsize=5.5)
    for k, arm in enumerate(ARMS):
        ax = fig.add_subplot(grid[1, k])
        paths(ax, population.example_path.sel(example_cell=CELLS[arm]).values)
        ax.set(xlabel="MDS axis 1", ylabel="MDS axis 2" if k == 0 else "")
        panels.append(ax)
    fig.legend(*panels[4].get_legend_handles_labels(), fontsize=5.5, loc="center", bbox_to_anchor=(0.5, 0.385), ncol=10, columnspacing=1.0, handletextpad=0.3)
    fig.text(0.5, 0.36, "class means of seed 0, from step 1 (small) to step 5 (large)", ha="center", fontsize=5.5, color=COLOURS["grey"])
    shares = fig.add_subplot(below[0])
    partition(shares, population)
    panels.append(shares)
    for k, (name, label) in enumerate(
        (
            ("post_unique_top_down_last", "top-down stream, step 5:\nunique share - chance"),
            ("geometry_change_off", "geometry change, stream\nlesioned (1 - Spearman)"),
        )
    ):
        ax = fig.add_subplot(below[1 + k])
        plot_arm_points(ax, population, name, slanted=True)
        ax.set(ylabel=label)
        ax.yaxis.label.set_size(6)
        panels.append(ax)
    n = int((population.cell.values == "top-dropout").sum())
    figure_note(fig, f"c: means of {n} networks an arm; d, e: points are networks, bars 95 % intervals", x=0.085)
    panel_letter([panels[0], panels[4], *panels[8:]])
    return fig


def paths(ax, values):
    """(step, class, axis): class means from the first step (small) to the last."""
    for c in range(values.shape[1]):
        colour = CYCLE[c % len(CYCLE)]
        ax.plot(values[:, c, 0], values[:, c, 1], color=colour, linewidth=0.8)
        sizes, marker = np.linspace(1, 9, len(values)), "o" if c < len(CYCLE) else "^"
        ax.scatter(values[:, c, 0], values[:, c, 1], s=sizes, color=colour, marker=marker, linewidth=0)
        ax.plot([], [], color=colour, linewidth=0.8, marker=marker, markersize=3, label=CLASSES[c])
    ax.set_xticks([])
    ax.set_yticks([])


def partition(ax, table):
    width = 0.2
    for k, arm in enumerate(ARMS):
        mine = table.isel(network=in_arm(table, arm))
        x = table.trial_step.values + width * (k - 1.5)
        bottom = np.zeros(len(x))
        for name, colour in (("unique_bottom_up", COLOURS["sky"]), ("common", COLOURS["grey"]), ("unique_top_down", COLOURS["orange"])):
            height = mine[f"post_{name}"].mean("network").values.clip(0)
            label = name.replace("_", " ").replace("bottom up", "to bottom-up").replace("top down", "to top-down") if k == 0 else None
            ax.bar(
                x,
                height,
                width * 0.9,
                bottom=bottom,
                color=colour,
                label=label,
                edgecolor=arm_style(*arm)["color"],
                linewidth=0.9,
                linestyle="-" if arm[1] == "on" else (0, (2, 1)),
            )
            bottom += height
    ax.set(xlabel="step (bars: control, + dropout, feedback, + dropout)", ylabel="rank variance\nof the geometry", ylim=(0, 1.2))
    ax.legend(fontsize=5.5, ncol=3, loc="upper center", columnspacing=1.0)
