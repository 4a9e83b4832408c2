"""What differs from LocRNN with ACT: the loss, a part that is left out or changed, or the cell."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"difficulty": "adrnn/difficulty"}
BLOCKS = {
    "loss": {"PonderNet": "PonderNet", "progressive loss": "progressive loss,\nalways 24 steps"},
    "part": {
        "no interneurons": "no interneurons",
        "no gates": "no gates",
        "tanh": "tanh for ReLU",
        "norm over the map": "norm over\nthe whole map",
    },
    "cell": {"ConvGRU": "ConvGRU", "hGRU": "hGRU", "R-ResNet": "R-ResNet"},
}
LEVELS = {7: ("blue", "o"), 9: ("orange", "s"), 11: ("vermilion", "D"), 15: ("purple", "^")}


def draw(difficulty):
    fig = figure("double", 120)
    left, middle, right = fig.subplots(1, 3, sharey=True)
    names = {"adaptive, seed 0": "LocRNN, ACT"} | {k: v for block in BLOCKS.values() for k, v in block.items()}
    groups = list(names)
    edges = np.cumsum([1, *map(len, BLOCKS.values())])[:-1]
    y = -np.arange(len(groups), dtype=float)
    for k, (level, (colour, marker)) in enumerate(LEVELS.items()):
        how = {"color": COLOURS[colour], "marker": marker, "markersize": 3.2, "linestyle": "none", "linewidth": 0.9, "label": f"size {level}"}
        shift = 0.18 * (1.5 - k)
        for ax, name, scale in ((left, "overlap", 100), (right, "steps", 1)):
            one = difficulty.sel(group=groups, level=level)
            mean, low, high = (scale * one[f"{name}{end}"].values for end in ("", "_low", "_high"))
            ax.errorbar(mean, y + shift, xerr=[mean - low, high - mean], **how)
        against = difficulty.sel(contrast=groups[1:], level=level)
        mean, low, high = (100 * against[f"difference{end}"].values for end in ("", "_low", "_high"))
        middle.errorbar(mean, y[1:] + shift, xerr=[mean - low, high - mean], **how)
    middle.axvline(0, color="black", linewidth=0.6)
    left.set_yticks(y, names.values())
    for ax in (left, middle, right):
        for edge in edges:
            ax.axhline(0.5 - edge, color="0.8", linewidth=0.6, zorder=0)
    left.set(xlabel="overlap with the solution (%)", xlim=(0, 102))
    middle.set(xlabel="overlap gained over LocRNN\non the same mazes (points)")
    right.axvline(60, color="0.4", linewidth=0.6, linestyle=":", zorder=0)
    right.set(xlabel="steps until it halts\n(dotted: end of the trial)", xlim=(0, 63))
    left.legend(fontsize=5.4, title="7: trained", title_fontsize=5.4, loc="lower left")
    n = difficulty.attrs["n_images"]
    fig.supxlabel(f"one network each, seed 0, price of a step 0.01; bars: 95 % over {n} mazes a size", fontsize=6, color="0.3")
    panel_letter([left, middle, right], dx=-10)
    return fig
