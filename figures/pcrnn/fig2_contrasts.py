"""How well each kind of network reconstructs held-out phantoms, and by how much they differ."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"table": "pcrnn/contrasts"}
SHADES = {4: COLOURS["blue"], 8: COLOURS["orange"]}
NAMES = {
    "zero-filled": "zero-filled",
    "unet": "U-Net, 1,200 updates",
    "crnn": "CRNN",
    "cascade": "cascade",
    "single": "one scale, 9 iterations",
    "single-wide": "one scale, as many weights",
    "flat": "three modules, all full size",
    "no-consistency": "no data consistency",
    "no-fusion": "no fusion",
    "untied": "untied iterations",
    "pyramid": "PC-RNN",
    "single-short": "one scale, 300 updates",
    "flat-short": "all full size, 300 updates",
    "pyramid-short": "PC-RNN, 300 updates",
}


def draw(table):
    psnr = table.sel(measure="psnr")
    fig = figure("double", 34 + 6.6 * max(table.sizes["condition"], table.sizes["contrast"]))
    left, right = fig.subplots(1, 2, width_ratios=(1.1, 1))
    draw_means(left, psnr)
    draw_differences(right, psnr)
    panel_letter(left, "a", dx=-92)
    panel_letter(right, "b", dx=-78)
    return fig


def label(table, name):
    one = table.sel(condition=name)
    size, n = float(one.n_parameters), int(one.n_seeds)
    counted = "" if size == 0 else f"\n{size / 1000:.0f}k weights, {n} seed{'s' * (n > 1)}"
    return NAMES.get(name, name) + counted


def draw_means(ax, table):
    order = [c for c in NAMES if c in table.condition.values][::-1]
    for k, name in enumerate(order):
        for a, shade in SHADES.items():
            one = table.sel(condition=name, acceleration=a)
            y = k + (0.14 if a == 4 else -0.14)
            ax.plot([float(one.mean_low), float(one.mean_high)], [y, y], color=shade, linewidth=1.6)
            ax.plot(float(one["mean"]), y, marker="o", markersize=3.5, color=shade, label=f"{a}x" if k == 0 else None)
    ax.set_yticks(range(len(order)), [label(table, n) for n in order], fontsize=5.8)
    below = f"over {table.attrs['n_presentations']} test phantoms (synthetic) and seeds;\n600 updates of two images unless said"
    ax.set(xlabel=f"PSNR (dB), mean and 95 % interval\n{below}", ylim=(-0.6, len(order) - 0.4))
    ax.legend(fontsize=6, loc="lower right")


def draw_differences(ax, table):
    names = [str(c) for c in table.contrast.values][::-1]
    for k, name in enumerate(names):
        for a, shade in SHADES.items():
            one = table.sel(contrast=name, acceleration=a)
            y = k + (0.14 if a == 4 else -0.14)
            ax.plot([float(one.difference_low), float(one.difference_high)], [y, y], color=shade, linewidth=1.6)
            ax.plot(float(one.difference), y, marker="o", markersize=3.5, color=shade)
    ax.axvline(0, color="0.5", linewidth=0.6)
    ax.axvline(3, color="0.5", linewidth=0.6, linestyle=":")
    ax.annotate("3 dB", (3, len(names) - 0.45), fontsize=5.8, color="0.4", ha="left", va="bottom", annotation_clip=False)
    shown = [f"{NAMES.get(first, first)}\n- {NAMES.get(second, second)}" for first, second in (n.split(" - ") for n in names)]
    ax.set_yticks(range(len(names)), shown, fontsize=5.8)
    ax.set(xlabel="difference in PSNR (dB), 95 % interval", ylim=(-0.6, len(names) - 0.4))
    ax.set_xlim(min(-0.5, ax.get_xlim()[0]), np.ceil(ax.get_xlim()[1]))
