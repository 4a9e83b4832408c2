"""Held for 3 s, an image that was trained for 80 ms: which cells have an attractor there, and which integrate or run away."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"held": "convrnn/settling"}

CELLS = {
    "convrnn-rgc-feedback": ("gated + bypass + feedback", "black"),
    "convrnn-rgc-no-bypass": ("no bypass", "green"),
    "convrnn-rgc": ("gated + bypass", "blue"),
    "convrnn-conv-lstm": ("LSTM", "purple"),
    "convrnn-simple-rnn": ("vanilla RNN", "vermilion"),
    "convrnn-rgc-ungated": ("gates frozen", "sky"),
    "convrnn-time-decay": ("time decay", "orange"),
}
SHADES = {"settles": COLOURS["green"], "slows": COLOURS["sky"], "turns": COLOURS["yellow"], "runs away": COLOURS["vermilion"]}


def draw(held):
    fig = figure("double", 74)
    size, speed, share = fig.subplots(1, 3, width_ratios=[1.0, 1.0, 1.0])
    t = 10.0 * (held.step.values + 1)
    for name, (label, colour) in CELLS.items():
        here = held.sel(model=name)
        for ax, values in ((size, here["size"].values), (speed, here.relative_speed.values)):
            values = np.where(np.isfinite(values), values, np.nan)
            full = ~np.isnan(values).any(axis=0)  # until the first image leaves the range of float32
            middle, low, high = (np.quantile(values[:, full], q, axis=0) for q in (0.5, 0.1, 0.9))
            floor = 1e-9
            ax.fill_between(t[full], np.maximum(low, floor), np.maximum(high, floor), color=COLOURS[colour], alpha=0.2, lw=0)
            ax.plot(t[full], np.maximum(middle, floor), color=COLOURS[colour], label=label)
    for ax in (size, speed):
        ax.set_yscale("log")
        ax.set_xlabel("time after the trained trial (ms)")
        ax.set_xlim(0, t[-1])
    size.set_ylim(10, 1e12)
    size.set_ylabel("size of the state |x|")
    size.set_title(f"median and 80 % of {held.sizes['presentation']} images", loc="left")
    speed.set_ylim(1e-9, 10)
    speed.set_ylabel("relative speed (per 10 ms step)")
    speed.axhline(held.attrs["still"], color="black", lw=0.6, ls=":")
    _shares(share, held)
    fig.legend(*size.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    panel_letter([size, speed, share], dx=-14)
    return fig


def _shares(ax, held):
    y = np.arange(len(CELLS))[::-1]
    base = np.zeros(len(CELLS))
    for kind, shade in SHADES.items():
        values = np.array([100 * float(held.share.sel(model=name, kind=kind)) for name in CELLS])
        ax.barh(y, values, left=base, height=0.7, color=shade, label=kind)
        base = base + values
    ax.set_yticks(y, [label.replace(" + feedback", "\n+ feedback") for label, _ in CELLS.values()])
    ax.set_xlabel("images (%)")
    ax.set_xlim(0, 100)
    ax.tick_params(axis="y", length=0)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=0.8, columnspacing=0.8)
