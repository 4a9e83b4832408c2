"""The price of a step: how long networks think, and what it costs them."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"outcomes": "adrnn/outcomes"}
PRICES = {"act-cheapest": 0.001, "act-cheap": 0.003, "act": 0.01, "act-dear": 0.03, "act-dearest": 0.1}
SHADES = ["sky", "blue", "green", "orange", "vermilion", "purple"]


def draw(outcomes):
    fig = figure("double", 66)
    left, right, trade = fig.subplots(1, 3)
    names = [n for n in outcomes.network.values if str(n).endswith("-s0") and str(n)[:-3] in PRICES]
    names.sort(key=lambda n: PRICES[str(n)[:-3]])
    price = [PRICES[str(n)[:-3]] for n in names]
    part = outcomes.sel(network=names)
    n = part.sizes["presentation"]
    for level, colour in zip(outcomes.level.values, SHADES, strict=False):
        for ax, name, scale in ((left, "n_steps", 1), (right, "score", 100)):
            values = scale * part[name].sel(level=level).transpose("network", "presentation").values.astype(float)
            error = 1.96 * values.std(axis=1, ddof=1) / np.sqrt(n)
            trained = "" if level > 7 else ", trained"
            ax.errorbar(price, values.mean(axis=1), error, color=COLOURS[colour], marker="o", markersize=3, linewidth=1, label=f"size {level}{trained}")
        steps, score = (part[name].sel(level=level).mean("presentation") for name in ("n_steps", "score"))
        trade.plot(steps, 100 * score, color=COLOURS[colour], marker="o", markersize=3, linewidth=1)
    for ax in (left, right):
        ax.set(xscale="log", xlabel=r"price of a step $\tau$ (cross-entropy a step)")
        ax.set_xticks(price, [f"{p:g}" for p in price])
        ax.minorticks_off()
    left.set(ylabel="steps until it halts", ylim=(0, None))
    right.set(ylabel="overlap with the solution (%)", ylim=(0, 102))
    right.legend(fontsize=5.2, loc="lower left", ncol=2)
    trade.set(xlabel="steps until it halts", ylabel="overlap with the solution (%)", ylim=(0, 102), xlim=(0, None))
    fig.supxlabel(f"one network a price, all from one common beginning; bars: 95 % over {n} mazes a size", fontsize=6, color="0.3")
    panel_letter([left, right, trade])
    return fig
