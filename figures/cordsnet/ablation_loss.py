"""What the loss asks for and what small networks do: answers that stay or pass, one resting state or several (after CordsNet, page 22)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"ablation": "cordsnet/ablation_loss"}
WEIGHTS = ((-3.0, "log-weighted, 0.001 to 1", "purple", "o"), (0.0, "all steps alike", "green", "s"))


def draw(ablation):
    fig = figure("double", 78)
    over_time, kept, rest = fig.subplots(1, 3, width_ratios=[1.2, 1, 1])
    penalties = ablation.penalty.values
    place, n_seeds = np.arange(len(penalties)), ablation.sizes["seed"]
    time = ablation.time_bin_start.values.reshape(-1, ablation.sizes["time_bin"])[0]
    for k, (exponent, name, colour, marker) in enumerate(WEIGHTS):
        one = ablation.sel(first_exponent=exponent)
        curves = one.accuracy.transpose("penalty", "seed", "time_bin").values.reshape(-1, len(time))
        for n, curve in enumerate(curves):
            over_time.plot(time, 100 * curve, color=COLOURS[colour], lw=0.6, alpha=0.7, label=name if n == 0 else f"_{name} {n}")
        jitter = 0.12 * (k - 0.5) + 0.03 * (np.arange(n_seeds) - 1)
        drop = 100 * (one.accuracy_late - one.accuracy_trained).transpose("penalty", "seed").values
        far = one.distance.max("start").transpose("penalty", "seed").values
        for row in range(len(penalties)):
            kept.plot(place[row] + jitter, drop[row], marker, color=COLOURS[colour], ms=3.5, label=name if row == 0 else f"_{name} {row}")
            rest.plot(place[row] + jitter, np.maximum(far[row], 1e-7), marker, color=COLOURS[colour], ms=3.5, label=f"_{name} {row}")
    over_time.axvspan(50, 80, color="0.92", lw=0, zorder=0)
    over_time.set_xlabel("Time from image onset (ms)")
    over_time.set_ylabel("Accuracy (%)")
    over_time.set_title("Image held three times as long")
    kept.axhline(-5, color="0.6", lw=0.6, ls=(0, (2, 2)), label="_transient below")
    kept.set_ylabel("Accuracy change,\n80 to 240 ms (points)")
    kept.set_title("Below the line: transient")
    rest.axhline(1e-2, color="0.6", lw=0.6, ls=(0, (2, 2)), label="_several states above")
    rest.set_yscale("log")
    rest.set_ylabel("Distance from rest after 800 ms\n(largest of all starts)")
    rest.set_title("Above the line: several rests")
    for ax in (kept, rest):
        ax.set_xticks(place, [f"{v:g}" for v in penalties])
        ax.set_xlabel("Weight of the return to baseline")
    handles, labels = over_time.get_legend_handles_labels()
    title = f"two areas, 6 channels, 8-pixel digits, trained from random weights; each line or marker one network, {n_seeds} seeds; grey: supervised"
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=title)
    panel_letter([over_time, kept, rest])
    return fig
