"""Does thought converge? Eigenvalues of a step on the way to an answer, and what happens long after training's horizon."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"spectra": "adrnn/spectra", "settling": "adrnn/settling"}
NAMES = {"adrnn-maze-act-s0": ("adaptive", "vermilion"), "adrnn-maze-fixed-s0": ("fixed steps", "blue")}


def draw(spectra, settling):
    fig = figure("double", 66)
    radius, plane, late = fig.subplots(1, 3)
    steps = spectra.step.values
    for twin, label, colour, dash in ((False, "trained", COLOURS["vermilion"], "-"), (True, "untrained twin", COLOURS["grey"], "--")):
        largest = np.abs(spectra.eigenvalue.isel(untrained=int(twin))).max("mode").transpose("step", "presentation").values
        radius.plot(steps, largest, color=colour, linewidth=0.5, alpha=0.6, linestyle=dash)
        radius.plot(steps, largest.mean(axis=1), color=colour, linestyle=dash, marker="o", markersize=3, label=label)
    radius.axhline(1, color="black", linewidth=0.7, linestyle=":")
    radius.set(xlabel="step", ylabel="largest modulus of an\neigenvalue of a step (1)", yscale="log")
    radius.set_title(f"{spectra.sizes['presentation']} mazes of size 9 (thin), mean (thick)", fontsize=6)
    radius.legend(fontsize=5.6)
    turn = np.linspace(0, 2 * np.pi, 200)
    plane.plot(np.cos(turn), np.sin(turn), color="0.6", linewidth=0.7)
    for k, colour in ((0, "sky"), (len(steps) // 2, "blue"), (-1, "black")):
        values = spectra.eigenvalue.isel(untrained=0).isel(step=k).values.ravel()
        plane.plot(values.real, values.imag, ".", color=COLOURS[colour], markersize=4, label=f"step {steps[k]}")
    plane.set(xlabel="real part (1)", ylabel="imaginary part (1)", aspect="equal")
    plane.set_title(f"{spectra.sizes['mode']} leading eigenvalues a maze, trained", fontsize=6)
    plane.legend(fontsize=5.6)
    for name in settling.model_name.values:
        label, colour = NAMES[str(name)]
        for twin, dash in ((False, "-"), (True, ":")):
            one = settling.relative_speed.sel(model_name=name).isel(untrained=int(twin))
            t = np.arange(1, one.sizes["time_bin"] + 1)
            low, middle, high = np.quantile(one.transpose("presentation", "time_bin").values, [0.25, 0.5, 0.75], axis=0)
            late.fill_between(t, low, high, color=COLOURS[colour], alpha=0.12, linewidth=0)
            late.plot(t, middle, color=COLOURS[colour], linestyle=dash, label=label + (", untrained" if twin else ""), linewidth=1)
    late.axvline(36, color="black", linewidth=0.7, linestyle="--")
    late.text(38, 0.97, "longest in training", fontsize=5.2, va="top", transform=late.get_xaxis_transform())
    late.set_title(f"{settling.sizes['presentation']} mazes of size 13: medians, quartiles", fontsize=6)
    late.set(
        xlabel="step",
        ylabel="relative change of L\nand S in a step (1)",
        yscale="log",
        xscale="log",
    )
    late.legend(fontsize=5.2, loc="lower left")
    fig.supxlabel("one network a condition; untrained twins have its architecture and seed", fontsize=6, color="0.3")
    panel_letter([radius, plane, late])
    return fig
