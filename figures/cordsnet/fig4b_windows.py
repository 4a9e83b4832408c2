"""Networks trained to answer early or late: activity, accuracy and eigenvalues (after CordsNet, figure 4B).

At this size (two areas, 8-pixel digits, one network each) the two hardly differ: both settle before either window begins.
"""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter, plot_eigenspectrum

INPUTS = {
    "activity": "cordsnet/fig4b_windows_activity",
    "time": "cordsnet/fig4b_windows_time",
    "kernel": "cordsnet/fig4b_windows_kernel",
    "jacobian": "cordsnet/fig4b_windows_jacobian",
}
MODELS = (("cordsnet-early", "early window", "purple", (50, 80)), ("cordsnet-late", "late window", "green", (130, 160)))


def draw(activity, time, kernel, jacobian):
    fig = figure("double", 116)
    (rates, accuracy), (bare, slow) = fig.subplots(2, 2)
    clock, held = activity.time_bin_start.values, time.time_bin_start.values
    for model, name, colour, window in MODELS:
        shade = COLOURS[colour]
        values = activity.responses.sel(model=model).mean("neuroid").values
        middle, spread = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        rates.fill_between(clock, middle - spread, middle + spread, color=shade, alpha=0.25, lw=0, label=f"_{name} SEM")
        rates.plot(clock, middle, color=shade, label=f"{name} (n = {len(values)} images)")
        curve = time.accuracy.sel(model=model).values
        accuracy.plot(held, 100 * curve, color=shade, label=f"{name} ({window[0]} to {window[1]} ms)")
        for ax in (rates, accuracy):
            ax.axvspan(*window, color=shade, alpha=0.12, lw=0, zorder=0, label=f"_{name} window")
        plot_eigenspectrum(bare, kernel.sel(model=model), variable="eigenvalue", label=name, colour=shade)
        constants = -np.sort(-jacobian.timescale_ms.sel(model=model).values, axis=-1)[:, :12]
        place = np.arange(constants.shape[1]) + 1
        middle, low, high = constants.mean(axis=0), constants.min(axis=0), constants.max(axis=0)
        slow.fill_between(place, low, high, color=shade, alpha=0.2, lw=0, label=f"_{name} range")
        slow.plot(place, middle, "o-", color=shade, ms=3, label=f"{name}, mean and range of {len(constants)} images")
    rates.set_ylabel("Mean rate of the last area (a.u.)")
    rates.set_title("Activity, image held from 0 ms (mean and SEM)")
    accuracy.axhline(10, color="0.6", lw=0.6, ls=(0, (1, 1.5)), label="_chance")
    accuracy.set_ylabel("Accuracy (%)")
    accuracy.set_ylim(0, 100)
    accuracy.set_title("Accuracy (dotted: chance)")
    for ax in (rates, accuracy):
        ax.set_xlabel("Time from image onset (ms)")
        ax.set_xlim(-20, 320)
        ax.legend(loc="center right")
    bare.set_title("Recurrent weights of the last area")
    bare.set_xlabel(r"Re $\lambda$")
    bare.set_ylabel(r"Im $\lambda$")
    bare.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    bare.set_aspect("equal", adjustable="box")
    bare.set_xlim(-1.4, 1.4)
    slow.axhline(10, color="0.6", lw=0.6, ls=(0, (1, 1.5)), label="_membrane")
    slow.set_xlabel("Mode of the whole network, slowest first")
    slow.set_ylabel("Time constant (ms)")
    slow.set_title(r"One step around the end state (dotted: $\tau$ = 10 ms)")
    slow.legend(loc="upper right")
    panel_letter([rates, accuracy, bare, slow])
    return fig
