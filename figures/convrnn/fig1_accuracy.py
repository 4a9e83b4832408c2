"""Networks of equal size on CIFAR-10: accuracy by cell, by time step, and the headline contrasts."""

import numpy as np

from neurodyn.plot.interval_points import plot_interval_points
from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"accuracy": "convrnn/accuracy"}

NAMES = {
    "rgc": "reciprocal gated",
    "rgc_feedback": "  + feedback",
    "rgc_ungated": "  gates frozen",
    "rgc_no_bypass": "  no bypass",
    "searched_gated": "searched gated",
    "simple_rnn": "vanilla RNN",
    "conv_lstm": "LSTM",
    "conv_gru": "GRU",
    "ugrnn": "UGRNN",
    "intersection_rnn": "intersection RNN",
    "time_decay": "time decay",
    "feedforward": "feedforward, wider",
    "feedforward_deeper": "feedforward, deeper",
    "feedforward_trunk": "its trunk, 7,000 par.",
}
CONTROLS = ("time_decay", "feedforward", "feedforward_deeper", "feedforward_trunk")
LINES = {"rgc": "blue", "rgc_feedback": "sky", "simple_rnn": "vermilion", "conv_lstm": "purple", "time_decay": "orange", "feedforward": "grey"}


def draw(accuracy):
    fig = figure("double", 92)
    left, middle, right = fig.subplots(1, 3, width_ratios=[1.25, 1.0, 1.0])
    shown = [c for c in NAMES if c in accuracy.condition.values]
    last = accuracy.isel(step=-1).sel(condition=shown)
    colours = [COLOURS["grey"] if c in CONTROLS else COLOURS["blue"] if c.startswith("rgc") else COLOURS["vermilion"] for c in shown]
    labels = [f"{NAMES[c]}  (n={int(n)})" for c, n in zip(shown, last.n_seeds.values, strict=True)]
    plot_interval_points(
        left, last.accuracy.values, last.accuracy_low.values, last.accuracy_high.values, labels, colours=colours, points=last.seed_accuracy.values
    )
    left.axvline(0.1, color="black", lw=0.6, ls=":")
    left.annotate("chance", (0.1, 0.01), xycoords=("data", "axes fraction"), xytext=(2, 2), textcoords="offset points", fontsize=6)
    left.set_xlabel("accuracy at the last step\n(open circles: n seeds)")
    left.set_title(f"{accuracy.attrs['n_items']:,} test images of CIFAR-10,\n40,000 parameters each", loc="left")

    for name, colour in LINES.items():
        if name not in shown:
            continue
        curve = accuracy.sel(condition=name).dropna("step", subset=["accuracy"])
        t = (curve.step.values + 1) * 10
        middle.fill_between(t, curve.accuracy_low, curve.accuracy_high, color=COLOURS[colour], alpha=0.2, lw=0)
        middle.plot(t, curve.accuracy, marker="o", color=COLOURS[colour], ls="--" if name == "feedforward" else "-", label=NAMES[name].strip())
    middle.axhline(0.1, color="black", lw=0.6, ls=":")
    middle.set_xlabel("time from image onset (ms)")
    middle.set_ylabel("accuracy of the readout")
    middle.set_xticks([50, 60, 70, 80])
    middle.set_ylim(0.08, None)
    middle.set_title("trained for the last step only", loc="left")

    names = [str(c) for c in accuracy.contrast.values]
    plot_interval_points(right, 100 * accuracy.difference.values, 100 * accuracy.difference_low.values, 100 * accuracy.difference_high.values, _wrapped(names))
    right.axvline(0, color="black", lw=0.6)
    right.set_xlabel("difference in accuracy\n(percentage points)")
    right.set_title("95 % intervals over\nseeds × images", loc="left")
    fig.legend(*middle.get_legend_handles_labels(), loc="outside lower center", ncols=6, columnspacing=1.2)
    panel_letter([left, middle, right], dx=-8)
    return fig


def _wrapped(names):
    words = {"gated + bypass - vanilla": "gated, bypass\n− vanilla", "gated + bypass - LSTM": "gated, bypass\n− LSTM"}
    words |= {"gated + bypass - feedforward": "gated, bypass\n− feedforward", "gated + bypass - its own trunk": "gated, bypass\n− its trunk"}
    words |= {"gating": "gating\n− gates frozen", "bypass": "bypass\n− no bypass", "feedback": "feedback\n− none"}
    return np.array([words.get(n, n) for n in names])
