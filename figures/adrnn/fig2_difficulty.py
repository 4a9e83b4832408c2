"""Halting steps and accuracy against difficulty, trained levels shaded, and halting against path length within a level."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"difficulty": "adrnn/difficulty", "outcomes": "adrnn/outcomes"}
STYLES = {
    "adaptive": ("vermilion", "-", "o"),
    "fixed steps": ("blue", "--", "s"),
    "progressive loss": ("green", "-.", "^"),
    "PonderNet": ("purple", "-", "D"),
    "feedforward": ("grey", ":", "x"),
}


def shade(ax, difficulty):
    trained = difficulty.level.values[difficulty.trained.values]
    ax.axvspan(trained.min() - 0.8, trained.max() + 0.8, color="0.92", linewidth=0, zorder=0)
    ax.set_xticks(difficulty.level.values)


def lines(ax, difficulty, name, scale=1.0, groups=STYLES, label=True):
    for k, group in enumerate(g for g in groups if g in difficulty.group.values):
        colour, dash, marker = STYLES[group]
        one = difficulty.sel(group=group)
        x = one.level + 0.14 * (k - 1)
        y, low, high = (scale * one[f"{name}{end}"].values for end in ("", "_low", "_high"))
        text = f"{group} (n = {int(one.n_networks)})" if label else None
        ax.errorbar(x, y, [y - low, high - y], color=COLOURS[colour], linestyle=dash, marker=marker, markersize=3.2, linewidth=1, elinewidth=0.8, label=text)


def draw(difficulty, outcomes):
    fig = figure("double", 108)
    axes = fig.subplots(2, 3).ravel()
    lines(axes[0], difficulty, "overlap", 100)
    axes[0].set(ylabel="overlap with the solution (%)", ylim=(0, 102))
    axes[0].legend(fontsize=5.4, loc="lower left")
    lines(axes[1], difficulty, "accuracy", 100, label=False)
    axes[1].set(ylabel="mazes wholly right (%)", ylim=(-2, 102))
    lines(axes[2], difficulty, "steps", label=False)
    axes[2].set(ylabel="steps until it halts")
    for ax in axes[:3]:
        shade(ax, difficulty)
        ax.set_xlabel("size of the maze (trained sizes shaded)")
    against_length(axes[3], outcomes)
    shade(axes[4], difficulty)
    lines(axes[4], difficulty, "rank_correlation", groups=[g for g in STYLES if g in ("adaptive", "PonderNet")], label=False)
    axes[4].axhline(0, color="black", linewidth=0.6)
    axes[4].set(xlabel="size of the maze", ylabel="rank correlation of steps and\npath length, within a size")
    shade(axes[5], difficulty)
    lines(axes[5], difficulty, "overlap_lost", 100, groups=["adaptive"], label=False)
    axes[5].axhline(0, color="black", linewidth=0.6)
    clamp = float(difficulty.clamp_step.sel(group="adaptive"))
    axes[5].set(xlabel="size of the maze", ylabel=f"overlap lost when stopped after\n{clamp:.0f} steps, the training mean (points)")
    panel_letter(axes)
    return fig


def against_length(ax, outcomes):
    colours = ["sky", "blue", "green", "orange", "vermilion", "purple"]
    networks = outcomes.network.values[outcomes.condition.values == "act"]
    for level, colour in zip(outcomes.level.values, colours, strict=False):
        one = outcomes.sel(level=level, network=networks[0])
        ax.plot(one.path_length, one.n_steps + 0.0, ".", markersize=2.2, color=COLOURS[colour], alpha=0.7, label=f"size {level}")
    ax.set(xlabel="path length (squares)", ylabel=f"steps until it halts\n(one network, {outcomes.sizes['presentation']} mazes a size)")
    ax.legend(fontsize=5.2, markerscale=2, ncol=2)
    ax.set_ylim(0, 1.25 * float(np.nanmax(outcomes.n_steps.sel(network=networks[0]))))
