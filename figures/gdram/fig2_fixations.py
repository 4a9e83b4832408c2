"""Where three trainings look: fixation maps, hits on the digit beside chance, and the shape of the scanpaths."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"fixations": "gdram/fixations"}
MODELS = {
    "gdram-mnist": ("corrected", "vermilion", "o"),
    "gdram-mnist-fixed": ("fixed sigma (RAM)", "blue", "s"),
    "gdram-mnist-paper": ("paper's", "grey", "^"),
}


def draw(fixations):
    fig = figure("double", 104)
    grid = fig.add_gridspec(2, 1, height_ratios=(1, 1))
    maps = grid[0].subgridspec(1, 6).subplots()
    size = float(fixations.attrs.get("image_size", 64))
    shown = [m for m in MODELS if m in fixations.model.values]
    for k, name in enumerate(shown):
        one = fixations.sel(model=name)
        for ax, variable in ((maps[k], "density"), (maps[k + 3], "density_target")):
            picture = ax.imshow(np.sqrt(one[variable]), cmap="cividis", extent=(0, size, size, 0), vmin=0, vmax=0.6, interpolation="nearest")
            ax.set(xticks=(0, size / 2, size), yticks=(0, size / 2, size), title=MODELS[name][0])
            if variable == "density_target":
                ax.set_xticklabels(["-32", "0", "32"])
                side = float(one.target_size[0]) if "target_size" in one.coords else 44.8
                ax.add_patch(type(ax.patch)((size / 2 - side / 2,) * 2, side, side, fill=False, edgecolor="white", linewidth=0.7))
            if k or variable == "density_target":
                ax.set_yticklabels([])
    maps[0].set_ylabel("row (px)")
    maps[1].set_xlabel("column (px)")
    maps[4].set_xlabel("column from the middle of the digit (px)")
    fig.colorbar(picture, ax=list(maps), fraction=0.012, pad=0.01, ticks=(0, 0.3, 0.6)).set_label("√ share of fixations", fontsize=6)
    lower = grid[1].subgridspec(1, 3).subplots()
    for name in shown:
        label, colour, marker = MODELS[name]
        scanpaths(lower, fixations.sel(model=name), label, COLOURS[colour], marker)
    n = int(fixations.attrs.get("n", fixations.sizes["presentation"]))
    lower[0].set(xlabel="glimpse", ylabel=f"fixations on the digit (share)\n{n:,} test canvases", ylim=(0, 1.02))
    lower[0].set_title("dotted: chance (other canvases)", fontsize=6)
    lower[0].legend(fontsize=5.6, loc="lower left", bbox_to_anchor=(0.02, 0.02), labelspacing=0.25)
    lower[1].set(xlabel="length of a move (px)", ylabel="share of moves", xlim=(0, 40))
    lower[2].set(xlabel="angle between moves (deg)", ylabel="share of turns", xticks=(-180, -90, 0, 90, 180))
    panel_letter([maps[0], maps[3], *lower], dx=-10)
    note = (
        "One network a training (n = 1). White square in b: the box of the digit; c counts hits on its middle half, "
        "bars: 95 % intervals over canvases (mostly thinner than a marker)."
    )
    figure_note(fig, note)
    return fig


def scanpaths(axes, one, label, colour, marker):
    steps = np.arange(1, one.sizes["time_bin"] + 1)
    axes[0].errorbar(steps, one.hit_rate, [one.hit_rate - one.low, one.high - one.hit_rate], color=colour, marker=marker, markersize=3, label=label)
    axes[0].plot(steps, one.chance_rate, color=colour, linestyle=":", linewidth=0.9)
    for ax, values, edges in ((axes[1], one.amplitude, np.linspace(0, 40, 21)), (axes[2], one.turning_deg, np.linspace(-180, 180, 25))):
        found = values.values[np.isfinite(values.values)]
        counts, _ = np.histogram(found, bins=edges)
        ax.stairs(counts / max(len(found), 1), edges, color=colour, linewidth=1.1)
