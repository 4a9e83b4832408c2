"""Accuracy against training time for the three steps and the controls, and accuracy after each step (after CordsNet, figure 2D)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"digits": "cordsnet/networks_digits", "mnist": "cordsnet/networks_mnist", "cifar10": "cordsnet/networks_cifar10"}
TITLES = {"digits": "Digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}
ARMS = {"three": ("three steps, then fine-tuning", "purple", "o"), "direct": ("CordsNet trained directly", "sky", "s"), "dense": ("dense RNN", "green", "^")}
STEPS = {
    "accuracy_cnn": "CNN",
    "accuracy_inverse": "inverse\nfit",
    "accuracy_linear": "linear\nrecurr.",
    "accuracy_initialised": "an-\nnealed",
    "end": "fine-\ntuned",
}


def draw(**tables):
    fig = figure("double", 132)
    axes = fig.subplots(2, len(tables))
    for (curves, steps), (dataset, table) in zip(axes.T, tables.items(), strict=True):
        end = 100 * table.correct.where(table.correct >= 0).isel(step=-1).mean("presentation")
        _curves(curves, table, end)
        curves.set_title(f"{TITLES[dataset]}, {table.attrs['n_curve']} test images")
        _steps(steps, table, end)
        steps.set_title(f"{table.sizes['presentation']:,} test images")
    for row in axes:
        row[0].set_ylabel("Test accuracy (%)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    n = {a: " / ".join(str(int(np.isfinite(t.cpu_s.sel(condition=a)).sum())) for t in tables.values()) for a in ARMS}
    labels = [next((f"{name} ({n[a]} seeds)" for a, (name, *_) in ARMS.items() if name == label), label) for label in labels]
    title = (
        "Above, after each epoch; small markers: Euler step of training (10 ms); large open markers: the model's own step (2 ms), at the end;\n"
        "lines across: mean of the seeds. The time of the CNN and of the inverse fit is part of the three steps; the dense RNN had as many\n"
        "updates as direct training. On MNIST and CIFAR-10 all but the last 4 and 1 epochs train the steady state, which networks trained directly\n"
        "had not reached by the end of the image. Below, one line a seed, the last point with the step of 2 ms; bars: 95 % over test images."
    )
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title=title)
    panel_letter(axes.ravel())
    return fig


def _curves(ax, table, end):
    """Accuracy against CPU time of every recurrent network; the CNN and the linear classifier as lines."""
    for arm, (name, colour, marker) in ARMS.items():
        one, n = table.sel(condition=arm), 0
        for seed in table.seed.values:
            spent, right = one.train_cpu_s.sel(seed=seed).values, 100 * one.train_accuracy.sel(seed=seed).values
            if np.isfinite(spent).any():
                ax.plot(spent, right, color=COLOURS[colour], marker=marker, ms=2.4, lw=0.8, label=name if n == 0 else f"_{name} {seed}")
                last = float(end.sel(condition=arm, seed=seed))
                ax.plot([np.nanmax(spent)], [last], marker, ms=6, mfc="none", mew=0.9, color=COLOURS[colour], label=f"_{name} {seed}, own step")
                n += 1
    for arm, name, colour, style in (("cnn", "equivalent CNN", "vermilion", "-"), ("linear", "linear classifier", "black", (0, (1, 1.5)))):
        ax.axhline(float(end.sel(condition=arm).mean("seed")), color=COLOURS[colour], lw=0.9, ls=style, zorder=0, label=name)
    ax.axhline(10, color="0.75", lw=0.6, ls="-.", zorder=0, label="chance")
    ax.set_ylim(0, 102)
    ax.set_xlim(0, None)
    ax.set_xlabel("CPU time of training (s, one core)")


def _steps(ax, table, end):
    """Accuracy of the pipeline's network after each of its steps, one line a seed."""
    place, n = np.arange(len(STEPS)), table.sizes["presentation"]
    for k, seed in enumerate(table.seed.values):
        values = np.array(
            [float(end.sel(condition="three", seed=seed)) if s == "end" else 100 * float(table[s].sel(condition="three", seed=seed)) for s in STEPS]
        )
        if np.isfinite(values).any():
            half = 196 * np.sqrt(values / 100 * (1 - values / 100) / n)
            ax.errorbar(place + 0.08 * (k - 1), values, half, fmt="o-", color=COLOURS["purple"], ms=3, lw=0.8, capsize=1.5, label=f"_seed {seed}")
    ax.set_xticks(place, STEPS.values())
    ax.set_xlim(-0.4, len(STEPS) - 0.6)
