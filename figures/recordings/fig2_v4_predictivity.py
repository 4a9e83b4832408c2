"""How well trained networks, their untrained twins and the controls predict three sessions of macaque V4."""

import numpy as np

from neurodyn.plot.interval_points import plot_interval_points
from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"table": "recordings/v4_table"}

NAMES = {
    "convrnn-v4": "RNN for V4, other sessions",
    "convrnn-v4_seed1": "  a second seed",
    "convrnn-v4_untrained": "  RNN for V4, untrained",
    "convrnn-v4_shuffled": "  images shuffled",
    "convrnn-v4-feedforward": "feedforward for V4, other sessions",
    "convrnn-v4-feedforward_seed1": "  a second seed",
    "convrnn-v4-feedforward_untrained": "  feedforward for V4, untrained",
    "convrnn-rgc": "RNN for CIFAR-10",
    "convrnn-rgc_untrained": "  RNN for CIFAR-10, untrained",
    "convrnn-feedforward": "feedforward for CIFAR-10",
    "drc-teacher-cifar10": "teacher of the moving sensor",
    "drc-teacher-cifar10_untrained": "  that teacher, untrained",
    "gabor-energy (sqrt)": "Gabor energy, square root",
    "gabor-energy": "Gabor energy",
    "pixels": "pixels",
}
FEEDFORWARD = ("convrnn-v4-feedforward", "convrnn-v4-feedforward_seed1", "convrnn-feedforward", "drc-teacher-cifar10")
CONTROLS = ("gabor-energy (sqrt)", "gabor-energy", "pixels", "convrnn-v4_shuffled")


def _colour(predictor):
    if predictor in CONTROLS:
        return COLOURS["grey"]
    if predictor.endswith("untrained"):
        return COLOURS["sky"]
    return COLOURS["green"] if predictor in FEEDFORWARD else COLOURS["blue"]


def draw(table):
    fig = figure("double", 144)
    shown = [p for p in NAMES if p in table.predictor.values]
    others = [p for p in shown if p != "gabor-energy"]
    with_twin = [p for p in shown if np.isfinite(table.difference.sel(reference="own untrained twin", predictor=p)).any()]
    axes = fig.subplots(3, table.sizes["session"], sharex="row", height_ratios=[len(shown) + 1, len(others) + 1, max(len(with_twin), 2) + 1])
    for k, session in enumerate(table.session.values):
        one = table.sel(session=session)
        top, middle, bottom = axes[:, k]
        rows = one.sel(predictor=shown)
        _rows(top, rows.median_r, rows.median_r_low, rows.median_r_high, shown, k == 0)
        best = float(np.sqrt(one.ceiling))
        top.axvline(best, color="black", lw=0.7, ls="--" if "cited" in str(one.ceiling_source.values) else "-")
        top.set_title(f"session {session}: {int(one.n_neurons)} neurons,\n{int(one.n_images)} images", loc="left")
        top.set_xlabel("median r, held-out images")
        for ax, reference, names, label in ((middle, "gabor-energy", others, "Gabor energy"), (bottom, "own untrained twin", with_twin, "untrained twin")):
            gap = one.sel(reference=reference, predictor=names)
            _rows(ax, gap.difference, gap.difference_low, gap.difference_high, names, k == 0)
            ax.axvline(0, color="black", lw=0.6)
            ax.set_xlabel(f"minus {label} (paired)")
    axes[0, 0].set_xlim(-0.1, 1)
    note = "95 % intervals over held-out images and neurons.  Vertical lines: best possible correlation; solid from this recording, dashed cited."
    figure_note(fig, note)
    panel_letter([axes[0, 0], axes[1, 0], axes[2, 0]], dx=-8)
    return fig


def _rows(ax, estimate, low, high, predictors, first):
    labels = [NAMES[p] if first else "" for p in predictors]
    plot_interval_points(ax, estimate.values, low.values, high.values, labels, colours=[_colour(p) for p in predictors])
