"""Does turning help? Networks trained on spirals or on walks, tested along the published family of walks and along one matched in all but turning."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"kappa": "drc/kappa", "paths": "drc/paths"}
FAMILIES = {"published": ("as published", "von Mises", COLOURS["vermilion"], "o"), "matched": ("matched", "matched", COLOURS["blue"], "s")}
PAPER = {-5: 0.707, -2: 0.708, -1: 0.699, 0: 0.681, 2: 0.659, 5: 0.657, 20: 0.657}  # authors' notebook, CIFAR-100, networks trained on each kappa


def draw(kappa, paths):
    fig = figure("double", 66)
    left, middle, right = fig.subplots(1, 3, width_ratios=(1.2, 1, 1.0))
    values = [-5, -2, -1, 0, 2, 5, 20]
    for k, (family, (label, _, colour, marker)) in enumerate(FAMILIES.items()):
        one = 100 * kappa.sel(group="spirals", path=[f"{family} {v}" for v in values])
        spread = np.abs(np.stack([one.accuracy - one.low, one.high - one.accuracy]))
        left.errorbar(np.arange(len(values)) + (0.08 if k else -0.08), one.accuracy, spread, color=colour, marker=marker, elinewidth=0.7, label=label)
    n = int(kappa.n_networks.sel(group="spirals"))
    left.set(
        xlabel=r"persistence $\kappa$ (curved to straight)",
        ylabel=f"accuracy (%), 95 % interval\n(trained on spirals, n = {n})",
    )
    left.set_xticks(np.arange(len(values)), [f"{v:g}" for v in values])
    left.legend(fontsize=6)
    rows = ["paper (CIFAR-100)", *(f"trained on\n{g} (n = {int(kappa.n_networks.sel(group=g))})" for g in kappa.group.values)]
    middle.plot(100 * (PAPER[-5] - PAPER[20]), len(rows) - 1, marker="D", color="white", markeredgecolor="black")
    for k, group in enumerate(kappa.group.values):
        for j, (family, (_, _, colour, marker)) in enumerate(FAMILIES.items()):
            one, y = 100 * kappa.sel(contrast=f"{family}: -5 - 20, {group}"), len(rows) - 2 - k + (0.12 if j == 0 else -0.12)
            middle.plot([one.difference_low, one.difference_high], [y, y], color=colour, linewidth=1.6)
            middle.plot(one.difference, y, marker=marker, color=colour)
    middle.axvline(0, color="0.5", linewidth=0.6)
    middle.set_yticks(range(len(rows)), rows[::-1])
    middle.set(ylim=(-0.6, len(rows) - 0.4), xlabel=r"$\kappa$ = -5 minus $\kappa$ = 20" + "\n(points, 95 % interval)")
    for label, prefix, colour, marker in FAMILIES.values():
        bound = paths.bound_r2.sel(path=[f"{prefix} {v:g}" for v in values])
        error = bound.std("bound", ddof=1) / np.sqrt(bound.sizes["bound"])
        right.errorbar(np.arange(len(values)), bound.mean("bound"), error, color=colour, marker=marker, elinewidth=0.7, label=label)
    right.set(xlabel=r"persistence $\kappa$", ylabel=f"linear bound, $R^2$\n(mean and SE of {paths.sizes['bound']} paths)")
    right.set_xticks(np.arange(len(values)), [f"{v:g}" for v in values])
    panel_letter([left, middle, right])
    return fig
