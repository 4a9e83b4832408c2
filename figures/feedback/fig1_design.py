"""The 2 x 2 design: the network, its matched control, and clean accuracy of every trained network."""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from neurodyn.plot.arms import plot_arm_points
from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"population": "feedback/population"}
AREAS = (("image", 0.02), ("area 1\n16 ch, 8 x 8", 0.22), ("area 2\n32 ch, 4 x 4", 0.47), ("area 3\n64 ch, 2 x 2", 0.72))


def draw(population):
    fig = figure("double", 62)
    fig.set_layout_engine("none")
    left, right = fig.add_axes((0.02, 0.08, 0.56, 0.84)), fig.add_axes((0.68, 0.2, 0.3, 0.68))
    schematic(left)
    plot_arm_points(right, population, "accuracy_clean")
    right.axhline(0.1, color=COLOURS["grey"], linestyle=":", linewidth=0.8)
    right.text(3.55, 0.105, "chance", ha="right", va="bottom", fontsize=5.5, color=COLOURS["grey"])
    n = int((population.cell.values == "top-dropout").sum())
    right.set(ylabel="clean accuracy (CIFAR-10, 16 px)", ylim=(0.05, 0.6), title=f"{n} networks an arm, {population.attrs['n_behaviour']} test images")
    panel_letter(left, "a", dx=10)
    panel_letter(right, "b")
    return fig


def schematic(ax):
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.axis("off")
    for k, (name, x) in enumerate(AREAS):
        width = 0.1 if k == 0 else 0.16
        ax.add_patch(FancyBboxPatch((x, 0.4), width, 0.2, boxstyle="round,pad=0.01", facecolor="white", edgecolor="black", linewidth=0.9))
        ax.text(x + width / 2, 0.5, name, ha="center", va="center", fontsize=6)
        if k:
            before = AREAS[k - 1][1] + (0.1 if k == 1 else 0.16)
            arrow(ax, (before + 0.012, 0.5), (x - 0.012, 0.5), "black")
            arrow(ax, (x + 0.05, 0.61), (x + 0.11, 0.61), COLOURS["grey"], 1.6)
    arrow(ax, (0.82, 0.385), (0.35, 0.385), COLOURS["vermilion"], 0.35)
    ax.text(0.6, 0.1, "feedback: from the top area, previous step", ha="center", fontsize=6, color=COLOURS["vermilion"])
    arrow(ax, (0.24, 0.385), (0.3, 0.385), COLOURS["blue"], -1.8)
    ax.text(0.2, 0.22, "control: as many weights,\nfrom area 1 itself", ha="center", va="top", fontsize=6, color=COLOURS["blue"])
    ax.text(0.55, 0.8, "local recurrence (previous step)", ha="center", fontsize=6, color=COLOURS["grey"])
    arrow(ax, (0.89, 0.5), (0.93, 0.5), "black")
    ax.text(0.94, 0.5, "class", va="center", fontsize=6)
    note = "integration layer = area 1; dropout silences single units of every area,\np = 0.25, a new mask each step"
    ax.text(0.5, 0.99, note, ha="center", va="center", fontsize=6)


def arrow(ax, start, end, colour, curve=0.0):
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={-curve}", arrowstyle="-|>", mutation_scale=7, color=colour, linewidth=1.1))
