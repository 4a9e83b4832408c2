"""Activity and class probabilities while sequences of images play (after CordsNet, figure 3B)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"sequences": "cordsnet/fig3ab_sequences"}
MODELS = (
    ("cordsnet-digits-cnn", "CNN", "green"),
    ("cordsnet-digits-cnn-delays", "CNN in discrete time", "vermilion"),
    ("cordsnet-digits", "CordsNet", "purple"),
)
DIGITS = (7, 4)


def draw(sequences):
    fig = figure("double", 96)
    patterns = sequences.pattern.values
    axes = fig.subplots(2, len(patterns), sharex=True, sharey="row")
    sequences = sequences.isel(time_bin=sequences.time_bin_start.values >= -24)
    time = sequences.time_bin_start.values
    for column, pattern in enumerate(patterns):
        rates, chance = axes[0, column], axes[1, column]
        image = sequences.image.sel(pattern=pattern).isel(model=0).values if "model" in sequences.image.dims else sequences.image.sel(pattern=pattern).values
        for ax in (rates, chance):
            for index, shade in ((0, "0.93"), (1, "0.82")):
                _shade(ax, time, image == index, shade)
        for model, name, colour in MODELS:
            one = sequences.sel(model=model, pattern=pattern)
            mean = one.activity.mean("neuroid").values
            scale = sequences.activity.sel(model=model, pattern=patterns[0]).mean("neuroid").values.max()
            width = 2.2 if name == "CNN" else 1.0
            rates.plot(time, mean / scale, color=COLOURS[colour], lw=width, label=name)
            for digit, style in zip(DIGITS, ("-", (0, (2, 1))), strict=True):
                label = f"{name}, P({digit})"
                chance.plot(time, one.probability.isel({"class": digit}).values, color=COLOURS[colour], ls=style, lw=width, label=label)
        rates.set_title(str(pattern))
        chance.set_xlabel("Time from onset (ms)")
    axes[0, 0].set_ylabel("Mean rate, first area\n(of its maximum in a)")
    axes[1, 0].set_ylabel("Class probability")
    axes[1, 0].set_ylim(-0.03, 1.03)
    handles, labels = axes[1, 0].get_legend_handles_labels()
    fig.legend(
        handles, labels, loc="outside lower center", ncols=3, title="one trained network each; light grey: a digit 7 is on; dark grey: a digit 4; white: blank"
    )
    panel_letter(axes[0])
    return fig


def _shade(ax, time, on, colour):
    step = time[1] - time[0]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
    for start, stop in edges.reshape(-1, 2):
        ax.axvspan(time[start], time[stop - 1] + step, color=colour, lw=0, zorder=0)
