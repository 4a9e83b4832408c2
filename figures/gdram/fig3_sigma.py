"""Whether sigma means anything: accuracy of single and averaged glimpses, and what their weights (one minus rescaled sigma) tell of them."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"weights": "gdram/weights"}
ANSWERS = {
    "weighted": ("weighted mean so far", "vermilion", "o"),
    "uniform": ("plain mean so far", "blue", "s"),
    "single": ("this glimpse's logits", "grey", "^"),
}
PROPERTIES = {
    "label": ("probability of the digit", "vermilion", "o"),
    "entropy": ("entropy of its classes", "blue", "s"),
    "distance": ("distance to the digit", "green", "^"),
}
MODELS = {"gdram-mnist": "corrected", "gdram-mnist-paper": "paper's"}


def draw(weights):
    fig = figure("double", 104)
    axes = fig.subplots(2, 3)
    for row, (name, label) in zip(axes, MODELS.items(), strict=True):
        one = weights.sel(model=name)
        steps = np.arange(1, one.sizes["time_bin"] + 1)
        for answer, style in ANSWERS.items():
            line(row[0], steps, one, ("accuracy", "low", "high"), {"answer": answer}, *style)
        line(row[1], steps, one, ("auroc", "auroc_low", "auroc_high"), {"score": "weight"}, "weight (sigma)", "vermilion", "o")
        line(row[1], steps, one, ("auroc", "auroc_low", "auroc_high"), {"score": "confidence"}, "largest class probability", "blue", "s")
        for kind, style in PROPERTIES.items():
            if kind in one.property.values:
                line(row[2], steps, one, ("rho", "rho_low", "rho_high"), {"property": kind}, *style)
        row[0].set(ylabel=f"{label} training\n\naccuracy, {int(weights.attrs.get('n', 0)) or 2000:,} test canvases", ylim=(0, 1))
        row[1].axhline(0.5, color="0.5", linewidth=0.6, linestyle=":")
        row[1].set(ylabel="AUROC of right glimpses", ylim=(0.35, 1))
        row[2].axhline(0, color="0.5", linewidth=0.6, linestyle=":")
        row[2].set(ylabel="Spearman correlation\nwith the weight", ylim=(-0.75, 0.75))
        mean = one.weight_mean.values
        row[0].text(0.98, 0.04, "mean weight " + " ".join(f"{w:.2f}" for w in mean), transform=row[0].transAxes, ha="right", fontsize=5, color=COLOURS["grey"])
        for ax in row:
            ax.set(xticks=steps, xlim=(0.6, steps[-1] + 0.4))
    for ax in axes[1]:
        ax.set_xlabel("glimpse")
    for ax, place in zip(axes[0], ("lower right", "lower right", "lower right"), strict=True):
        ax.legend(fontsize=5.4, loc=place, bbox_to_anchor=(1.0, 0.1) if ax is axes[0][0] else None)
    panel_letter(axes.ravel(), dx=-14)
    return fig


def line(ax, steps, one, names, chosen, label, colour, marker):
    value, low, high = (one[name].sel(**chosen).values for name in names)
    ax.errorbar(steps, value, [value - low, high - value], color=COLOURS[colour], marker=marker, markersize=3, label=label)
