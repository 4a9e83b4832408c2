"""Six test canvases: where the corrected model looks, what the weights of its glimpses are, and how sure it is of the digit."""

import numpy as np
from matplotlib.patheffects import Normal, Stroke

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"examples": "gdram/examples", "images": "gdram/example_images"}
N = 6
FINEST_PX, SIZE_PX = 12, 64


def draw(examples, images):
    responses = next(iter(examples.data_vars.values()))
    canvas = next(iter(images.data_vars.values()))
    layer = responses.layer.values.astype(str)
    fixation, weight, logits = (responses.values[:, layer == name] for name in ("fixation", "weight", "readout"))
    probability = np.exp(logits - logits.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    label = responses.label.values.astype(int)
    right = logits[:, :, -1].argmax(axis=1) == label
    rows = [*np.nonzero(right)[0][: N - 2], *np.nonzero(~right)[0]][:N]
    rows += [k for k in np.nonzero(right)[0] if k not in rows][: N - len(rows)]
    fig = figure("double", 82)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, N, left=0.07, right=0.985, top=0.93, bottom=0.255, hspace=0.2, wspace=0.14, height_ratios=(1, 0.72))
    top, bottom = ([fig.add_subplot(grid[row, k]) for k in range(N)] for row in (0, 1))
    for k, row in enumerate(rows):
        glimpses(top[k], canvas.values[row, 0], (fixation[row].T + 1) / 2 * SIZE_PX)
        said = int(logits[row, :, -1].argmax())
        top[k].set_title(f"{label[row]}, says {said}", color=COLOURS["green" if said == label[row] else "vermilion"], fontsize=7)
        steps = np.arange(1, logits.shape[2] + 1)
        bottom[k].plot(steps, probability[row, label[row]], color=COLOURS["blue"], marker="o", markersize=2.5, label="probability of the digit, so far")
        bottom[k].plot(steps, weight[row, 0], color=COLOURS["orange"], marker="s", markersize=2.5, linestyle="--", label="weight of the glimpse")
        bottom[k].set(ylim=(-0.04, 1.06), xticks=steps, yticks=(0, 0.5, 1))
        if k:
            bottom[k].set_yticklabels([])
    bottom[0].set_ylabel("probability, weight")
    fig.supxlabel("glimpse", y=0.135, fontsize=7)
    fig.legend(*bottom[0].get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.5, 0.068), ncols=2, fontsize=6)
    note = (
        "Network gdram-mnist (corrected training, n = 1); six of 40 test canvases, with wrong answers among them (titles).\n"
        "a: frames, the finest samples of the first and the last glimpse; dashed, the coarser ones of the first; dots, all fixations."
    )
    figure_note(fig, note, x=0.07)
    panel_letter(top[0], "a", dx=-6)
    panel_letter(bottom[0], "b", dx=-6, dy=1)
    return fig


def glimpses(ax, image, path):
    ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(0, SIZE_PX, SIZE_PX, 0), interpolation="nearest")
    ends = {
        0: ("vermilion", "1", -1),
        len(path) - 1: ("yellow", str(len(path)), 1),
    }  # their finest samples; the number stands at a corner, away from the others
    for k, (colour, number, side) in ends.items():
        corner = path[k] - FINEST_PX / 2
        ax.add_patch(type(ax.patch)(corner, FINEST_PX, FINEST_PX, fill=False, edgecolor=COLOURS[colour], linewidth=1.1))
        x, y = path[k] + side * (FINEST_PX / 2 + 3)
        text = ax.text(
            np.clip(x, 3, SIZE_PX - 3), np.clip(y, 3, SIZE_PX - 3), number, color=COLOURS[colour], fontsize=7, fontweight="bold", ha="center", va="center"
        )
        text.set_path_effects([Stroke(linewidth=2.2, foreground="black"), Normal()])
    ax.plot(path[:, 0], path[:, 1], color=COLOURS["green"], linewidth=0.9, marker="o", markersize=2, markeredgecolor="black", markeredgewidth=0.3)
    for scale in (2, 4):  # the coarser samples of the first glimpse
        corner, side = path[0] - scale * FINEST_PX / 2, scale * FINEST_PX
        ax.add_patch(type(ax.patch)(corner, side, side, fill=False, edgecolor=COLOURS["sky"], linewidth=0.6, linestyle="--"))
    ax.set(xlim=(0, SIZE_PX), ylim=(SIZE_PX, 0), xticks=[], yticks=[])
