"""The moving low-resolution sensor, and how its network is taught (after Fig. 1 of Rivkind et al. 2022)."""

from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"view": "drc/view"}
SHADES = [COLOURS[k] for k in ("orange", "vermilion", "purple", "blue", "black")]


def draw(view):
    fig = figure("double", 88)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(1, 2, width_ratios=(1.05, 1.3), left=0.02, right=0.99, top=0.93, bottom=0.075, wspace=0.06)
    one = view.isel(presentation=9)
    n_frames = one.sizes["frame"]
    left = grid[0].subgridspec(2, n_frames, height_ratios=(4.2, 1), hspace=0.22, wspace=0.12)
    scene = fig.add_subplot(left[0, :])
    draw_scene(scene, one, view.attrs["image_px"])
    for k in range(n_frames):
        ax = fig.add_subplot(left[1, k])
        ax.imshow(one.image.isel(frame=k).transpose("receptor_row", "receptor_column", "channel").clip(0, 1), interpolation="nearest")
        ax.set(xticks=[], yticks=[], xlabel=f"{75 * k} ms")
        for side in ax.spines.values():
            side.set(color=SHADES[k], linewidth=1.6, visible=True)
    pipeline = fig.add_subplot(grid[1])
    draw_pipeline(pipeline)
    panel_letter(scene, "a", dx=0)
    panel_letter(pipeline, "b", dx=6)
    return fig


def draw_scene(ax, one, size):
    scene = one.scene.transpose("row", "column", "channel")
    half = scene.sizes["row"] / 2
    ax.imshow(scene, extent=(-half, half, -half, half), interpolation="nearest")
    right, up = one.position.sel(axis="right").values, one.position.sel(axis="up").values
    for k, shade in enumerate(SHADES):
        ax.add_patch(Rectangle((right[k] - size / 2, up[k] - size / 2), size, size, fill=False, edgecolor=shade, linewidth=1.4))
    ax.plot(right, up, color="white", linewidth=2.4)
    ax.plot(right, up, color="black", linewidth=1.0)
    ax.scatter(right, up, c=SHADES, s=16, zorder=3, edgecolor="white", linewidth=0.5)
    ax.set(xticks=[], yticks=[], xlabel="what 8 x 8 receptors see:")
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_title("32 x 32 px image, five fields of view", fontsize=6.8)


def box(ax, x, y, width, height, text, colour, *, dashed=False):
    style = {"edgecolor": colour, "facecolor": colour + "22", "linestyle": "--" if dashed else "-"}
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0,rounding_size=1.5", linewidth=1.1, **style))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", fontsize=6.3, linespacing=1.35)


def arrow(ax, start, end, colour, bend=0.0, head=7):
    ax.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=head, color=colour, linewidth=1.1, shrinkA=0, shrinkB=0, connectionstyle=f"arc3,rad={bend}"
        )
    )


def draw_pipeline(ax):
    ax.set(xlim=(0, 104), ylim=(0, 88))
    ax.axis("off")
    blue, orange, green, grey = COLOURS["blue"], COLOURS["vermilion"], COLOURS["green"], COLOURS["grey"]
    ax.text(2, 82, "teacher: feed-forward, full resolution", fontsize=6.8, color=blue, va="center")
    box(ax, 2, 62, 15, 14, "image\n32 x 32", grey)
    box(ax, 27, 62, 27, 14, "front end\n(to its last pooling)", blue)
    box(ax, 72, 62, 26, 14, "back end", blue)
    arrow(ax, (17, 69), (27, 69), blue)
    arrow(ax, (54, 69), (72, 69), blue)
    ax.text(63, 71, "map", ha="center", va="bottom", fontsize=6.3, color=blue)
    ax.text(2, 47, "student: recurrent, moving sensor", fontsize=6.8, color=orange, va="center")
    box(ax, 2, 22, 15, 16, "frames\n8 x 8 x T", grey)
    box(ax, 2, 4, 15, 11, "position\n(optional)", grey, dashed=True)
    for k in range(3):
        x = 27 + 9.5 * k
        box(ax, x, 22, 8, 16, f"GRU\n{k + 1}", orange)
        arrow(ax, (x + 6.6, 38), (x + 1.4, 38), orange, bend=1.3, head=6)
    for x in (35, 44.5):
        arrow(ax, (x, 30), (x + 1.5, 30), blue, head=4)
    box(ax, 57, 22, 10, 16, "mean\nover\ntime", orange)
    box(ax, 76, 22, 22, 16, "back end\n(copied,\nretrained)", blue)
    arrow(ax, (17, 30), (27, 30), blue)
    arrow(ax, (17, 9.5), (30, 22), grey)
    arrow(ax, (54, 30), (57, 30), blue, head=4)
    arrow(ax, (67, 30), (76, 30), blue)
    ax.text(71.5, 32, "map", ha="center", va="bottom", fontsize=6.3, color=orange)
    arrow(ax, (62, 68), (62, 39), green)
    ax.text(63.5, 50.5, "learn: mean squared error", fontsize=6.3, color=green, va="center")
    arrow(ax, (87, 22), (87, 11), blue)
    ax.text(87, 8, "class", ha="center", va="center", fontsize=6.8)
    ax.plot([30, 36], [4, 4], color=blue)
    ax.text(37.5, 4, "feed-forward", fontsize=6, va="center")
    ax.plot([54, 60], [4, 4], color=orange)
    ax.text(61.5, 4, "recurrent", fontsize=6, va="center")
