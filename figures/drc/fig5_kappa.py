"""Does turning help? Networks trained on walks of one persistence each, on spirals, or on every walk; along published walks and matched ones."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"kappa": "drc/kappa", "paths": "drc/paths"}
KAPPAS = [-5, -2, -1, 0, 2, 5, 20]
FAMILIES = {"published": ("as published", "von Mises", COLOURS["vermilion"], "o"), "matched": ("matched", "matched", COLOURS["blue"], "s")}
PAPER = {-5: 0.707, -2: 0.708, -1: 0.699, 0: 0.681, 2: 0.659, 5: 0.657, 20: 0.657}  # authors' notebook, CIFAR-100, networks trained on each kappa
SHARED = ["spirals", "walks as published", "matched walks"]


def draw(kappa, paths):
    fig = figure("double", 112)
    grid = fig.add_gridspec(2, 2, width_ratios=(1, 1.05))
    alone, spirals, contrasts, bound = (fig.add_subplot(grid[k]) for k in (0, 2, 1, 3))
    accuracies(alone, {family: [(f"{family} {v} alone", "own") for v in KAPPAS] for family in FAMILIES}, kappa)
    n = sorted({int(kappa.n_networks.sel(group=f"{f} {v} alone")) for f in FAMILIES for v in KAPPAS})
    alone.set_ylabel("accuracy (%), 95 % interval")
    alone.set_title(f"trained on this $\\kappa$ alone (n = {' or '.join(map(str, n))})", fontsize=7)
    alone.legend(fontsize=6, loc="lower left")
    accuracies(spirals, {family: [("spirals", f"{family} {v}") for v in KAPPAS] for family in FAMILIES}, kappa)
    spirals.set_ylabel("accuracy (%), 95 % interval")
    spirals.set_title(f"trained on spirals (n = {int(kappa.n_networks.sel(group='spirals'))})", fontsize=7)
    limits = [min(ax.get_ylim()[0] for ax in (alone, spirals)), max(ax.get_ylim()[1] for ax in (alone, spirals))]
    for ax in (alone, spirals):
        ax.set_ylim(limits)
    differences(contrasts, kappa)
    for label, prefix, colour, marker in FAMILIES.values():
        r2 = paths.bound_r2.sel(path=[f"{prefix} {v:g}" for v in KAPPAS])
        error = r2.std("bound", ddof=1) / np.sqrt(r2.sizes["bound"])
        bound.errorbar(np.arange(len(KAPPAS)), r2.mean("bound"), error, color=colour, marker=marker, elinewidth=0.7, label=label)
    bound.set_ylabel(f"linear bound, $R^2$\n(mean and SE of {paths.sizes['bound']} paths)")
    for ax in (alone, spirals, bound):
        ax.set_xticks(np.arange(len(KAPPAS)), [f"{v:g}" for v in KAPPAS])
        ax.set_xlabel(r"persistence $\kappa$ (curved to straight)")
    panel_letter([alone, contrasts, spirals, bound])
    return fig


def accuracies(ax, members, kappa):
    """Accuracy against kappa, a line a family; `members` holds a (group, path) for each kappa."""
    for k, (family, cells) in enumerate(members.items()):
        label, _, colour, marker = FAMILIES[family]
        found = [100 * kappa.sel(group=group, path=path) for group, path in cells]
        middle, low, high = (np.array([float(one[v]) for one in found]) for v in ("accuracy", "low", "high"))
        place = np.arange(len(cells)) + (0.08 if k else -0.08)
        ax.errorbar(place, middle, [middle - low, high - middle], color=colour, marker=marker, elinewidth=0.7, label=label)


def differences(ax, kappa):
    """Curved minus straight, a row a kind of training."""
    rows = [(f"each on its own $\\kappa$\n(n = {pairs(kappa, 'each alone', '-5 - 20')})", "-5 - 20, each alone")]
    curved = r"the same, $\kappa$ -5, -2, -1" + "\n" + f"minus 20, 5, 2 (n = {pairs(kappa, 'each alone', 'curved - straight')} pairs)"
    rows += [(curved, "curved - straight, each alone")]
    rows += [(f"trained on {g}\n(n = {int(kappa.n_networks.sel(group=g))})", f"-5 - 20, {g}") for g in SHARED]
    top = len(rows)
    ax.plot(100 * (PAPER[-5] - PAPER[20]), top, marker="D", color="white", markeredgecolor="black")
    for k, (_, name) in enumerate(rows):
        for j, (family, (_, _, colour, marker)) in enumerate(FAMILIES.items()):
            one, y = 100 * kappa.sel(contrast=f"{family}: {name}"), top - 1 - k + (0.13 if j == 0 else -0.13)
            ax.plot([one.difference_low, one.difference_high], [y, y], color=colour, linewidth=1.6)
            ax.plot(one.difference, y, marker=marker, color=colour)
    ax.axvline(0, color="0.5", linewidth=0.6)
    ax.set_yticks(range(top + 1), ["paper, each on its own $\\kappa$\n(CIFAR-100, n = 2)", *(label for label, _ in rows)][::-1], fontsize=6)
    ax.set(ylim=(-0.6, top + 0.4), xlabel="curved minus straight: $\\kappa$ = -5 minus 20\n(points of accuracy, 95 % interval)")


def pairs(kappa, group, what):
    """Networks on each side of a contrast."""
    return int(kappa.n_pairs.sel(contrast=f"published: {what}, {group}"))
