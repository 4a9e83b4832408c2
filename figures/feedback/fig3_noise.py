"""Accuracy under perturbations that no network saw in training, one panel a kind."""

import numpy as np

from neurodyn.plot.arms import plot_arm_curves, plot_effects
from neurodyn.plot.style import figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population", "effects": "feedback/claims", "matched": "feedback/claims_matched"}
KINDS = {
    "gaussian": "Gaussian noise, sd",
    "uniform": "uniform noise, half-width",
    "salt_and_pepper": "salt and pepper, share",
    "blur": "blur, sd (px of 16)",
    "contrast": "contrast, gain",
    "occlusion": "occlusion, side (px of 16)",
    "phase_noise": "phase noise, up to (deg)",
}
OUTCOMES = {
    "robust_noise": "three noises",
    "robust_all": "all kinds",
    "robust_dynamic": "noise redrawn\nevery step",
    "relative_noise": "noise, share of\nclean accuracy",
}


def draw(population, effects, matched):
    fig = figure("double", 140)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(3, 4, left=0.07, right=0.98, top=0.95, bottom=0.12, wspace=0.38, hspace=0.6)
    panels = []
    for k, (kind, label) in enumerate(KINDS.items()):
        ax = fig.add_subplot(grid[k // 4, k % 4])
        curve(ax, population, "noise_accuracy", "noise", kind)
        ax.set(xlabel=label, ylabel="accuracy" if k % 4 == 0 else "", ylim=(0.08, 0.55))
        panels.append(ax)
    ax = fig.add_subplot(grid[1, 3])
    curve(ax, population, "dynamic_accuracy", "dynamic", "gaussian")
    ax.set(xlabel="noise redrawn every step, sd", ylim=(0.08, 0.55))
    panels.append(ax)
    panels[0].legend(fontsize=4.8, loc="lower left", handlelength=2.2)
    rows = ("feedback | dropout=off", "feedback | dropout=on", "feedback x dropout")
    for k, (table, title) in enumerate(((effects, "as trained"), (matched, "at matched clean accuracy"))):
        ax = fig.add_subplot(grid[2, 2 * k : 2 * k + 2])
        box = ax.get_position()
        ax.set_position((box.x0 + 0.06, box.y0, box.width - 0.06, box.height))
        names = {o: n for o, n in OUTCOMES.items() if o in table.outcome.values}
        plot_effects(ax, table, names, rows=rows, legend=False)
        if k == 0:
            ax.legend(fontsize=5, loc="upper left", bbox_to_anchor=(0.0, -0.32), ncol=3)
        ax.set(xlabel="effect size of feedback (Cohen's d, 95 % CI)", title=f"{title}, {table.attrs['n_blocks']} seeds")
        ax.tick_params(axis="y", labelsize=5.5)
        panels.append(ax)
    figure_note(fig, f"a-h: means of {effects.attrs['n_blocks']} networks an arm; bands (mostly thinner than a line): one standard error over networks", x=0.07)
    panel_letter(panels)
    return fig


def curve(ax, table, variable, dim, kind):
    names = table[dim].values.astype(str)
    mine = [i for i, name in enumerate(names) if name.split(" ")[0] == kind]
    levels = np.array([float(names[i].split(" ")[1]) for i in mine])
    none = 1.0 if kind == "contrast" else 0.0
    clean = table["accuracy_clean"].expand_dims({dim: 1}, axis=1)
    joined = table.drop_vars([v for v in table.data_vars]).assign(
        shown=(("network", "level"), np.concatenate([clean.values, table[variable].values[:, mine]], axis=1))
    )
    plot_arm_curves(ax, joined, "shown", [none, *levels])
