"""The tasks: mazes with their solutions, PathFinder displays with the contours told apart."""

import numpy as np
from matplotlib.colors import to_rgb

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"mazes": "adrnn/mazes", "displays": "adrnn/displays"}


def draw(mazes, displays):
    fig = figure("double", 96)
    axes = fig.subplots(2, 4)
    for ax, size in zip(axes[0], mazes["size"].values, strict=True):
        one = mazes.sel(size=size).isel(presentation=0)
        shown = solved(one)
        side = 2 * int(size) + 6
        edge = (shown.shape[0] - side) // 2
        ax.imshow(shown[edge : edge + side, edge : edge + side], interpolation="nearest")
        note = "trained" if size in (5, 7) else "never seen in training"
        ax.set_title(f"maze of size {size}, {note}", fontsize=6)
    columns = [(n, k) for n in displays.n_paddles.values for k in range(displays.sizes["presentation"])]
    for ax, (n, k) in zip(axes[1], columns, strict=True):
        one = displays.sel(n_paddles=n).isel(presentation=k)
        ax.imshow(told_apart(one), interpolation="nearest")
        ax.set_title(f"N = {n}: disks on {'one contour' if int(one.label) else 'two contours'}", fontsize=6)
    for ax in axes.ravel():
        ax.set(xticks=[], yticks=[])
    panel_letter(axes[0, 0], "a", dx=-3)
    panel_letter(axes[1, 0], "b", dx=-3)
    return fig


def variable(one):
    return one[next(k for k in one.data_vars)].transpose("channel", "row", "column").values


def solved(one):
    image = np.moveaxis(variable(one), 0, -1).copy()
    way = one.solution.values.astype(bool) & (image.min(axis=-1) > 0.5)
    image[way] = to_rgb(COLOURS["sky"])
    return image


def told_apart(one):
    ink = variable(one)[0][..., None]
    colours = np.full((*ink.shape[:2], 3), 0.75)
    ids = one.contour_id.values
    for k, colour in ((1, "orange"), (2, "sky")):
        colours[ids == k] = to_rgb(COLOURS[colour])
    colours[(ids == 0) & (ink[..., 0] > 0.5)] = 1.0
    return np.clip(ink * colours * 1.15, 0, 1)
