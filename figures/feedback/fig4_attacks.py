"""Adversarial robustness: gradient attacks through all steps, and the checks that tell robustness from masked gradients."""

import numpy as np

from neurodyn.plot.arms import ARMS, arm_label, arm_style, in_arm, plot_arm_curves, plot_effects
from neurodyn.plot.style import figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population", "effects": "feedback/claims", "matched": "feedback/claims_matched"}
OUTCOMES = {
    "pgd_area": "PGD, sup norm",
    "pgd_l2_area": "PGD, Euclidean",
    "fgsm_area": "FGSM",
    "minimal_budget": "minimal budget",
    "transfer_from_control": "transfer from control",
    "search_accuracy": "no gradients",
}
CELLS = ("self-plain", "self-dropout", "top-plain", "top-dropout")


def draw(population, effects, matched):
    fig = figure("double", 118)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, 12, left=0.07, right=0.98, top=0.94, bottom=0.17, wspace=1.6, hspace=0.55)
    curves = (
        (grid[0, 0:4], "pgd_linf", "budget_linf", 255, "PGD, sup norm: budget (1/255)"),
        (grid[0, 4:8], "fgsm_linf", "budget_linf", 255, "FGSM, sup norm: budget (1/255)"),
    )
    panels = []
    for place, variable, dim, scale, label in (*curves, (grid[0, 8:12], "pgd_l2", "budget_l2", 1, "PGD, Euclidean: budget (L2, pixel units)")):
        ax = fig.add_subplot(place)
        plot_arm_curves(ax, population, variable, population[dim].values * scale)
        ax.set(xlabel=label, ylabel="accuracy", ylim=(-0.02, 0.56))
        panels.append(ax)
    panels[0].legend(fontsize=5.2)
    panels.append(fig.add_subplot(grid[1, 0:3]))
    transfer(panels[-1], population)
    panels.append(fig.add_subplot(grid[1, 4:8]))
    checks(panels[-1], population)
    panels.append(fig.add_subplot(grid[1, 9:12]))
    both = {o: n for o, n in OUTCOMES.items() if o in effects.outcome.values}
    rows = ("feedback | dropout=off", "feedback | dropout=on", "feedback x dropout", "dropout")
    plot_effects(panels[-1], effects, both, rows=rows)
    panels[-1].set(xlabel="effect size (Cohen's d, 95 % CI)", title=f"{effects.attrs['n_blocks']} seeds")
    panels[-1].tick_params(axis="y", labelsize=5.5)
    panels[-1].legend(fontsize=4.8, loc="upper center", bbox_to_anchor=(0.3, -0.24), ncol=2)
    figure_note(fig, f"a-e: means of {effects.attrs['n_blocks']} networks an arm; bands (a-c) and bars (e): one standard error over networks", x=0.07)
    panel_letter(panels)
    return fig


def transfer(ax, table):
    values = np.array(
        [[float(table.transfer_accuracy.isel(network=table.cell.values == target).sel(source=source).mean()) for target in CELLS] for source in CELLS]
    )
    ax.imshow(values, cmap="cividis", vmin=values.min() - 0.05, vmax=values.max() + 0.05)
    middle = values.mean()
    for (i, j), v in np.ndenumerate(values):
        ax.text(j, i, f"{v:.2f}", ha="center", va="center", fontsize=5.5, color="white" if v < middle else "black")
    short = ["C", "C+D", "F", "F+D"]
    ax.set_xticks(range(4), short)
    ax.set_yticks(range(4), short)
    ax.set(xlabel="attacked network (C control,\nF feedback, +D dropout)", ylabel="images made on", title="accuracy, transfer\n(8/255, another seed)")


def checks(ax, table):
    """At one budget: does a stronger or gradient-free attack undo what PGD finds?"""
    names = ["PGD", "margin\nloss", "mean over\nmasks", "search", "PGD, same\nimages"]
    for arm in ARMS:
        mine = table.isel(network=in_arm(table, arm))
        values = np.concatenate([mine.attack_at_probe.values, mine.search_accuracy.values[:, None], mine.pgd_on_search_images.values[:, None]], axis=1)
        n = len(values)
        style = {k: v for k, v in arm_style(*arm).items() if k != "linestyle"}
        x = np.arange(5) + 0.16 * (ARMS.index(arm) - 1.5)
        ax.errorbar(x, values.mean(axis=0), values.std(axis=0, ddof=1) / n**0.5, linestyle="none", markersize=3.2, label=arm_label(*arm), **style)
    ax.set_xticks(range(5), names, fontsize=5)
    ax.set(ylabel="accuracy", title="checks at 4/255")
