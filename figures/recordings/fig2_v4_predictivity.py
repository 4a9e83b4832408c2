"""How well trained networks, their untrained twins and the controls predict three sessions of macaque V4."""

import numpy as np

from neurodyn.plot.interval_points import plot_interval_points
from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"table": "recordings/v4_table"}

NAMES = {
    "convrnn-rgc+112": "reciprocal gated, trained, 3 sizes",
    "convrnn-rgc": "reciprocal gated, trained",
    "convrnn-rgc_untrained": "  its untrained twin",
    "convrnn-simple-rnn": "vanilla RNN, trained",
    "convrnn-simple-rnn_untrained": "  its untrained twin",
    "convrnn-feedforward": "feedforward, trained",
    "cordsnet-digits": "CordsNet on digits",
    "cordsnet-digits-cnn": "feedforward CNN on digits",
    "gabor-energy (sqrt)": "Gabor energy, square root",
    "gabor-energy": "Gabor energy",
    "pixels": "pixels",
}
CONTROLS = ("gabor-energy (sqrt)", "gabor-energy", "pixels", "cordsnet-digits-cnn", "convrnn-feedforward")


def draw(table):
    fig = figure("double", 100)
    shown = [p for p in NAMES if p in table.predictor.values]
    rows = table.sel(predictor=shown)
    colours = [COLOURS["grey"] if p in CONTROLS else COLOURS["sky"] if p.endswith("untrained") else COLOURS["blue"] for p in shown]
    axes = fig.subplots(2, table.sizes["session"], sharex="row")
    others = [k for k, p in enumerate(shown) if p != "gabor-energy"]
    for k, session in enumerate(table.session.values):
        one = rows.sel(session=session)
        labels = [NAMES[p] if k == 0 else "" for p in shown]
        top, bottom = axes[:, k]
        plot_interval_points(top, one.median_r.values, one.median_r_low.values, one.median_r_high.values, labels, colours=colours)
        best = float(np.sqrt(one.ceiling))
        top.axvline(best, color="black", lw=0.7, ls="--" if "cited" in str(one.ceiling_source.values) else "-")
        top.set_title(f"session {session}: {int(one.n_neurons)} neurons,\n{int(one.n_images)} images", loc="left")
        top.set_xlabel("median r, held-out images")
        pick = {"labels": [labels[j] for j in others], "colours": [colours[j] for j in others]}
        gap = one.sel(reference="gabor-energy").isel(predictor=others)
        plot_interval_points(bottom, gap.difference.values, gap.difference_low.values, gap.difference_high.values, **pick)
        bottom.axvline(0, color="black", lw=0.6)
        bottom.set_xlabel("minus Gabor energy (paired)")
    axes[0, 0].set_xlim(0, 1)
    note = "95 % intervals over held-out images and neurons.  Vertical lines: best possible correlation; solid from this recording, dashed cited."
    fig.text(0.99, 0.005, note, fontsize=5.5, ha="right", va="bottom")
    fig.get_layout_engine().set(rect=(0, 0.03, 1, 0.97))
    panel_letter([axes[0, 0], axes[1, 0]], dx=-8)
    return fig
