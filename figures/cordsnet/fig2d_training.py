"""Accuracy against training time for the three steps and the controls, and accuracy after each step, on digits (after CordsNet, figure 2D)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"table": "cordsnet/networks_digits"}
ARMS = {"three": ("three steps, then fine-tuning", "purple", "o"), "direct": ("CordsNet trained directly", "sky", "s"), "dense": ("dense RNN", "green", "^")}
STEPS = {
    "accuracy_cnn": "CNN",
    "accuracy_inverse": "inverse\nfit",
    "accuracy_linear": "linear\nrecurrence",
    "accuracy_initialised": "annealed",
    "end": "fine-\ntuned",
}


def draw(table):
    fig = figure("double", 92)
    curves, steps = fig.subplots(1, 2, width_ratios=[1.35, 1])
    end = 100 * table.correct.where(table.correct >= 0).isel(step=-1).mean("presentation")
    for arm, (name, colour, marker) in ARMS.items():
        one, n = table.sel(condition=arm), 0
        for seed in table.seed.values:
            spent, right = one.train_cpu_s.sel(seed=seed).values, 100 * one.train_accuracy.sel(seed=seed).values
            if np.isfinite(spent).any():
                label = f"{name} ({int(np.isfinite(end.sel(condition=arm)).sum())} seeds)" if n == 0 else f"_{name} {seed}"
                curves.plot(spent, right, color=COLOURS[colour], marker=marker, ms=2.8, lw=0.8, label=label)
                last = float(end.sel(condition=arm, seed=seed))
                curves.plot([np.nanmax(spent)], [last], marker, ms=6, mfc="none", mew=0.9, color=COLOURS[colour], label=f"_{name} {seed}, own step")
                n += 1
    for arm, name, colour, style in (("cnn", "equivalent CNN", "vermilion", "-"), ("linear", "linear classifier", "black", (0, (1, 1.5)))):
        curves.axhline(float(end.sel(condition=arm).mean("seed")), color=COLOURS[colour], lw=0.9, ls=style, zorder=0, label=name)
    curves.set_ylim(0, 102)
    curves.set_xlim(0, None)
    curves.axhline(10, color="0.75", lw=0.6, ls="-.", zorder=0, label="chance")
    curves.set_xlabel("CPU time of training (s, one core)")
    curves.set_title(f"After each epoch, {table.attrs['n_curve']} test images")
    _steps(steps, table, end)
    for ax in (curves, steps):
        ax.set_ylabel("Test accuracy (%)")
    handles, labels = curves.get_legend_handles_labels()
    title = (
        "scikit-learn's digits at 16 pixels, 4 areas of 8 channels, two-core protocol; small markers: Euler step of training (10 ms);\n"
        "large open markers: the model's own step (2 ms), at the end; lines across: mean of the seeds; the time of the CNN and of the\n"
        "inverse fit is part of the three steps; the dense RNN had as many updates as direct training; b: last point with the step of 2 ms"
    )
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title=title)
    panel_letter([curves, steps])
    return fig


def _steps(ax, table, end):
    """Accuracy of the pipeline's network after each of its steps, one line a seed."""
    place = np.arange(len(STEPS))
    for seed in table.seed.values:
        values = [float(end.sel(condition="three", seed=seed)) if k == "end" else 100 * float(table[k].sel(condition="three", seed=seed)) for k in STEPS]
        if np.isfinite(values).any():
            ax.plot(place, values, "o-", color=COLOURS["purple"], ms=3, lw=0.8, label=f"_seed {seed}")
    ax.set_xticks(place, STEPS.values())
    ax.set_xlim(-0.4, len(STEPS) - 0.6)
    ax.set_title("After each of the three steps")
