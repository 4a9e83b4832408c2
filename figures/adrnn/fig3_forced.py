"""The answer after every step, forced to go on or to stop: one curve a size."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"outcomes": "adrnn/outcomes", "difficulty": "adrnn/difficulty"}
ADAPTIVE = "act"
KINDS = {ADAPTIVE: "adaptive", "fixed": "fixed steps"}
SHADES = ["sky", "blue", "green", "orange", "vermilion", "purple"]


def curves(ax, outcomes, condition):
    networks = outcomes.network.values[outcomes.condition.values == condition]
    steps = np.arange(1, outcomes.sizes["time_bin"] + 1)
    for level, colour in zip(outcomes.level.values, SHADES, strict=False):
        one = outcomes.step_score.sel(level=level, network=networks)
        mean = 100 * one.mean(("network", "presentation"))
        per_image = 100 * one.mean("network")
        error = 1.96 * per_image.std("presentation", ddof=1) / np.sqrt(one.sizes["presentation"])
        ax.fill_between(steps, mean - error, mean + error, color=COLOURS[colour], alpha=0.15, linewidth=0)
        ax.plot(steps, mean, color=COLOURS[colour], label=f"size {level}", linewidth=1)
        if condition == ADAPTIVE:
            halt = float(outcomes.n_steps.sel(level=level, network=networks).mean())
            ax.plot(halt, np.interp(halt, steps, mean), "o", color=COLOURS[colour], markersize=4, markeredgecolor="black", markeredgewidth=0.5)
    ax.set(xlabel="forced number of steps", ylabel="overlap with the solution (%)", ylim=(0, 102))
    ax.set_title(f"{KINDS[condition]} (n = {len(networks)})", fontsize=7)


def draw(outcomes, difficulty):
    fig = figure("double", 62)
    left, right = fig.subplots(1, 2, sharey=True)
    curves(left, outcomes, ADAPTIVE)
    clamp = float(difficulty.clamp_step.sel(group="adaptive"))
    left.axvline(clamp, color="black", linewidth=0.8, linestyle="--")
    left.text(clamp - 0.6, 3, f"training mean, {clamp:.0f}", rotation=90, fontsize=5.4, ha="right", va="bottom")
    left.plot([], [], "o", color="white", markeredgecolor="black", markersize=4, label="mean halting step")
    left.legend(fontsize=5.4, loc="lower right")
    curves(right, outcomes, "fixed")
    right.axvline(24, color="black", linewidth=0.8, linestyle="--")
    right.text(24 - 0.6, 3, "trained on 24 steps", rotation=90, fontsize=5.4, ha="right", va="bottom")
    panel_letter([left, right])
    return fig
