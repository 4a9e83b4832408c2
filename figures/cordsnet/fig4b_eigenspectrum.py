"""Activity over time and leading eigenvalues, trained and untrained (after CordsNet, figure 4B)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter, plot_eigenspectrum

INPUTS = {"activity": "cordsnet/activity", "kernel": "cordsnet/fig4b_kernel", "jacobian": "cordsnet/fig4b_jacobian"}
TWINS = ((0, "trained", COLOURS["blue"]), (1, "untrained twin", COLOURS["grey"]))


def draw(activity, kernel, jacobian):
    fig = figure("double", 66)
    rates, bare, step = fig.subplots(1, 3)
    time = activity.time_bin_start.values
    last = activity.layer.values == activity.layer.values[activity.layer.values != "readout"][-1]
    for k, name, colour in TWINS:
        values = activity.responses.values[k][:, last].mean(axis=1)
        middle, spread = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        rates.fill_between(time, middle - spread, middle + spread, color=colour, alpha=0.25, lw=0, label=f"_{name} SEM")
        rates.plot(time, middle, color=colour, label=f"{name} (n = {len(values)} images)")
    off = time[time >= 0][0] + 200
    rates.axvspan(0, off, color="0.95", zorder=0, lw=0)
    rates.set_xlabel("Time from image onset (ms)")
    rates.set_ylabel("Mean rate of the last area (a.u.)")
    rates.set_title("Activity, mean and SEM over images")
    for k, name, colour in TWINS[::-1]:
        plot_eigenspectrum(bare, kernel.isel(untrained=k), variable="eigenvalue", label=name, colour=colour)
        plot_eigenspectrum(step, jacobian.isel(untrained=k), label=name, colour=colour)
    bare.set_title("Recurrent weights of the last area")
    bare.set_xlabel(r"Re $\lambda$")
    bare.set_ylabel(r"Im $\lambda$")
    step.set_title("One step at the end of the image")
    leading = jacobian.step_eigenvalue.values[np.isfinite(jacobian.step_eigenvalue.values)]
    low = min(float(leading.real.min()), 1 - 2.2 * float(np.abs(leading.imag).max()))
    step.set_aspect("equal", adjustable="box")
    step.set_xlim(low - 0.05 * (1 - low), 1 + 0.08 * (1 - low))
    step.set_ylim(-0.56 * (1 - low), 0.56 * (1 - low))
    for ax in (rates, bare, step):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.24), ncols=1)
    panel_letter([rates, bare, step])
    return fig
