"""Gaussian RAM beside its controls and plain CNNs: accuracy with intervals, the differences that matter, and learning curves."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"table": "gdram/table", "outcomes": "gdram/outcomes"}
BEYOND = 25  # points: one difference is so large that the others would not show beside it
KINDS = {"CNN": "blue", "CIFAR": "purple"}
CURVES = {
    "corrected": ("Gaussian RAM, corrected", "vermilion", "-"),
    "paper": ("Gaussian RAM, paper's", "orange", "-"),
    "fixed": ("fixed sigma (RAM)", "green", "-"),
    "random": ("random fixations", "grey", "--"),
    "centre": ("always the centre", "black", ":"),
    "cnn-macs": ("CNN, equal MACs", "blue", "-"),
    "cnn-parameters": ("CNN, equal parameters", "sky", "--"),
}


def draw(table, outcomes):
    fig = figure("double", 100)
    left, middle, right = fig.subplots(1, 3, width_ratios=(1.0, 1.0, 1.0))
    groups = [str(g) for g in table.group.values if "seed" not in str(g)][::-1]
    own = table.sel(path="own")
    for k, group in enumerate(groups):
        one = own.sel(group=group)
        colour = next((COLOURS[c] for key, c in KINDS.items() if group.startswith(key)), COLOURS["vermilion"])
        centre, low, high = (100 * float(one[v]) for v in ("accuracy", "low", "high"))
        left.errorbar(centre, k, xerr=[[centre - low], [high - centre]], color=colour, marker="|", markersize=4, elinewidth=1.6)
        left.text(104, k, f"{centre:.1f}", fontsize=5.6, va="center")
    left.set_yticks(range(len(groups)), [f"{wrapped(g)} (n = {int(own.n_networks.sel(group=g))})" for g in groups], fontsize=5.4)
    left.axvline(10, color="0.5", linewidth=0.6, linestyle=":")
    left.set(xlabel=f"accuracy (%)\n{table.attrs['n_images']:,} test images, mean of n networks", xlim=(0, 100))
    contrasts = [str(c) for c in table.contrast.values][::-1]
    for k, name in enumerate(contrasts):
        one = table.sel(contrast=name)
        centre, low, high = (100 * float(one[v]) for v in ("difference", "difference_low", "difference_high"))
        shown = COLOURS["vermilion"] if low > 0 or high < 0 else COLOURS["grey"]
        if centre > BEYOND:
            middle.plot(BEYOND, k, color=shown, marker=">", markersize=4, clip_on=False)
            blank = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            middle.text(BEYOND - 4, k, f"{centre:+.0f} [{low:.0f}, {high:.0f}]", fontsize=5, ha="right", va="center", color=shown, bbox=blank)
            continue
        middle.errorbar(centre, k, xerr=[[centre - low], [high - centre]], color=shown, marker="|", markersize=4, elinewidth=1.6)
    middle.axvline(0, color="0.5", linewidth=0.6)
    middle.set_xlim(right=BEYOND)
    middle.set_yticks(range(len(contrasts)), [f"{wrapped(c)} (n = {int(table.n_pairs.sel(contrast=c))})" for c in contrasts], fontsize=5.4)
    middle.set_xlabel("difference (points), 95 % bootstrap\nover n seeds and test images")
    condition = outcomes.condition.values.astype(str)
    for key, (label, colour, dash) in CURVES.items():
        for j, k in enumerate(np.nonzero(condition == key)[0]):
            curve = 100 * outcomes.validation_accuracy[k]
            right.plot(outcomes.epoch, curve, color=COLOURS[colour], linestyle=dash, linewidth=1, label=label if j == 0 else None)
    right.set(xlabel="epoch of 15,000 canvases\n(a line a network)", ylabel="validation accuracy (%)", ylim=(0, 100), xticks=outcomes.epoch.values)
    right.legend(fontsize=5.2, loc="upper center", bbox_to_anchor=(0.35, -0.2), ncols=2, columnspacing=0.8, handlelength=1.4)
    panel_letter([left, middle, right], dx=-12)
    note = (
        "Bars (a, b): 95 % bootstrap intervals over n seeds and test images; a: orange glimpse models, blue CNNs, purple CIFAR-10; dotted: chance.\n"
        f"b: orange where the interval leaves out 0, grey where it holds 0; an arrow stands for a difference beyond {BEYOND} points."
    )
    figure_note(fig, note)
    fig.get_layout_engine().set(rect=(0, 0.055, 1, 0.945))
    return fig


def wrapped(name):
    """A long name over two lines."""
    if " - " in name:
        return name.replace(" - ", "\n- ") if len(name) > 18 else name
    return ",\n".join(name.rsplit(", ", 1)) if len(name) > 18 else name
