"""A small architecture search on CIFAR-10: its progress, what each feedback edge and each part of the cell was worth, and how often it was drawn."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"search": "convrnn/search"}

NAMES = {
    "edge_3_to_2": "feedback 3 → 2",
    "edge_4_to_2": "feedback 4 → 2",
    "edge_4_to_3": "feedback 4 → 3",
    "bypass": "bypass",
    "gating": "gating",
    "cell_to_out": "memory added to output",
    "source_to_out_gate": "layer below gates output",
    "layer_norm": "layer norm",
}


def draw(search):
    fig = figure("double", 76)
    progress, gains, shares = fig.subplots(1, 3, width_ratios=[1.0, 1.2, 1.0])
    trial = search.trial.values
    progress.plot(trial, search.value.values, "o", ms=2.5, color=COLOURS["grey"], mew=0, label="one trial")
    progress.plot(trial, search.best.values, color=COLOURS["blue"], drawstyle="steps-post", label="best so far")
    progress.axvline(9.5, color="black", lw=0.6, ls=":")
    progress.annotate("random | estimator", (9.5, 0.02), xycoords=("data", "axes fraction"), fontsize=6, ha="center")
    progress.axhline(0.1, color="black", lw=0.6, ls="--", label="chance")
    progress.set_xlabel("trial")
    progress.set_ylabel("accuracy on held-out training images")
    progress.set_ylim(0.05, None)
    progress.legend(loc="upper left", fontsize=6)
    progress.set_title(f"{len(trial)} trials, 40,000 parameters,\n3,000 images seen once", loc="left")

    factors = [str(f) for f in search.factor.values]
    y = np.arange(len(factors))[::-1]
    for row, name in zip(y, factors, strict=True):
        here = search.sel(factor=name)
        colour = COLOURS["vermilion"] if name.startswith("edge") else COLOURS["blue"]
        gains.plot(
            100 * np.array([here.chance_low, here.chance_high]),
            [row, row],
            color=COLOURS["grey"],
            lw=5,
            alpha=0.35,
            solid_capstyle="butt",
            label=f"_{name} chance",
        )
        gains.plot(100 * np.array([here.gain_low, here.gain_high]), [row, row], color=colour, lw=1.3, label=f"_{name} interval")
        gains.plot([100 * float(here.gain)], [row], "o", color=colour, label=f"_{name}")
    counts = [f"{NAMES[f]}\n({int(search.n_with.sel(factor=f))} with, {int(search.n_without.sel(factor=f))} without)" for f in factors]
    gains.set_yticks(y, counts, fontsize=6)
    gains.tick_params(axis="y", length=0)
    gains.axvline(0, color="black", lw=0.6)
    gains.set_xlabel("accuracy with − without\n(percentage points)")
    gains.set_title("95 % bootstrap over trials;\ngrey: values shuffled", loc="left")

    for name, style in zip(factors[:3], ("-", "--", ":"), strict=True):
        shares.plot(trial, 100 * search.share.sel(factor=name).values, ls=style, color=COLOURS["vermilion"], label=NAMES[name])
    for name, style in (("bypass", "-"), ("gating", "--")):
        shares.plot(trial, 100 * search.share.sel(factor=name).values, ls=style, color=COLOURS["blue"], label=NAMES[name])
    shares.set_xlabel("trial")
    shares.set_ylabel(f"share of the last {search.attrs['window']} trials (%)")
    shares.set_ylim(-3, 103)
    shares.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=5.5, handlelength=1.6, columnspacing=0.6)
    panel_letter([progress, gains, shares], dx=-12)
    return fig
