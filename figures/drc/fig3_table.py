"""Accuracy behind a moving low-resolution sensor: our small networks beside the published ones, and the contrasts."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"table": "drc/table", "outcomes": "drc/outcomes", "paths": "drc/paths"}
# mean and SD over three networks, CIFAR-10, from Table 1 of Rivkind et al. 2022
PAPER = {
    "single frame": (78.88, 0.54),
    "single frame + teacher": (78.54, 0.09),
    "averaged, 5": (83.86, 0.47),
    "averaged, 10": (83.87, 0.23),
    "averaged, 5 + teacher": (84.04, 0.15),
    "recurrent head, 5, w/o position": (83.52, 0.22),
    "recurrent head, 5, with position": (83.94, 0.12),
    "DRC 5, not moving": (75.87, 0.29),
    "DRC 5, w/o position": (87.83, 0.38),
    "DRC 10, w/o position": (90.16, 0.59),
    "DRC 5, with position": (92.26, 0.19),
    "DRC 10, with position": (94.77, 0.09),
}
TEACHER = "standard resolution (teacher)"
CONTRASTS = {  # what the published rows say
    "moving - not moving": 92.26 - 75.87,
    "with - w/o position": 92.26 - 87.83,
    "10 - 5 frames": 94.77 - 92.26,
    "moving, w/o position - not moving": 87.83 - 75.87,
    "recurrent - averaged answers": 92.26 - 83.86,
}


def draw(table, outcomes, paths):
    fig = figure("double", 98)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(1, 2, width_ratios=(1.75, 1), left=0.01, right=0.985, top=0.93, bottom=0.15, wspace=0.62)
    left, right = fig.add_subplot(grid[0]), fig.add_subplot(grid[1])
    draw_table(left, table, outcomes)
    draw_contrasts(right, table)
    panel_letter(left, "a", dx=10)
    panel_letter(right, "b", dx=-92)
    return fig


def cell(mean, sd):
    return f"{mean:.1f}" + (f" ± {sd:.1f}" if np.isfinite(sd) else "")


def draw_table(ax, table, outcomes):
    groups = [str(g) for g in table.group.values if "seeds)" not in str(g)]
    shown = table.sel(path="own")
    rows = [(TEACHER, cell(100 * outcomes.attrs["teacher_test_accuracy"], np.nan), "1", "96.8 ± 0.1")]
    for name in groups:
        one = shown.sel(group=name)
        published = f"{PAPER[name][0]:.1f} ± {PAPER[name][1]:.1f}" if name in PAPER else "-"
        rows.append((name, cell(100 * float(one.accuracy), 100 * float(one.sd)), str(int(one.n_networks)), published))
    ax.axis("off")
    top, pitch = 1.0, 1.0 / (len(rows) + 1.2)
    where = (0.0, 0.66, 0.78, 1.0)
    heads = ("network", "ours (%)", "n", "paper (%)")
    for k, row in enumerate([heads, *rows]):
        y = top - (k + 0.5) * pitch
        if k and k % 2 == 0:
            ax.axhspan(y - pitch / 2, y + pitch / 2, color="0.95", linewidth=0)
        for x, text, side in zip(where, row, ("left", "right", "right", "right"), strict=True):
            weight = "bold" if k == 0 else "normal"
            colour = COLOURS["vermilion"] if k and row[0].startswith("DRC") else "black"
            ax.text(x, y, text, ha=side, va="center", fontsize=6.5, fontweight=weight, color=colour if x == 0.0 else "black")
    ax.plot([0, 1], [top - pitch, top - pitch], color="black", linewidth=0.6)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    note = (
        f"CIFAR-10, {table.attrs['n_images']:,} test images; mean ± SD of n networks. Ours: small front ends and\n"
        "one small teacher, half a minute on one core each. Paper: ImageNet teacher, n = 3."
    )
    ax.text(0, -0.02, note, fontsize=5.6, va="top", color="0.3", linespacing=1.4)


def draw_contrasts(ax, table):
    names = [str(c) for c in table.contrast.values][::-1]
    for k, name in enumerate(names):
        one = table.sel(contrast=name)
        middle, low, high = (100 * float(one[v]) for v in ("difference", "difference_low", "difference_high"))
        ax.plot([low, high], [k, k], color=COLOURS["blue"], linewidth=1.6)
        ax.plot(middle, k, marker="o", color=COLOURS["blue"], markersize=4, label="ours, 95 % interval" if k == 0 else None)
        if name in CONTRASTS:
            ax.plot(
                CONTRASTS[name],
                k,
                marker="D",
                color="white",
                markeredgecolor=COLOURS["vermilion"],
                markersize=4,
                label="paper" if k == len(names) - 1 else None,
            )
    ax.axvline(0, color="0.5", linewidth=0.6)
    ax.set_yticks(range(len(names)), [f"{n}\n(n = {int(table.n_pairs.sel(contrast=n))})" for n in names], fontsize=5.8)
    ax.set(xlabel="difference in accuracy (points)", ylim=(-0.6, len(names) - 0.4))
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.12), ncol=2, fontsize=5.6)
