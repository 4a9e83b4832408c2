"""Accuracy against training for the three steps and the controls, on three data sets (after CordsNet, figure 2D)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"digits": "cordsnet/networks_digits", "mnist": "cordsnet/networks_mnist", "cifar10": "cordsnet/networks_cifar10"}
TITLES = {"digits": "Scikit-learn's digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}
ARMS = {"three": ("three steps, then fine-tuning", "purple", "o"), "direct": ("CordsNet trained directly", "sky", "s"), "dense": ("dense RNN", "green", "^")}


def draw(**tables):
    fig = figure("double", 78)
    axes = fig.subplots(1, len(tables))
    for ax, (dataset, table) in zip(axes, tables.items(), strict=True):
        for arm, (name, colour, marker) in ARMS.items():
            one, first = table.sel(condition=arm), True
            for seed in table.seed.values:
                spent, right = one.train_cpu_s.sel(seed=seed).values, 100 * one.train_accuracy.sel(seed=seed).values
                if np.isfinite(spent).any():
                    label = name if first else f"_{name} {seed}"
                    ax.plot(spent, right, color=COLOURS[colour], marker=marker, ms=2.5, lw=0.7, alpha=0.9, label=label)
                    first = False
        right = table.correct.where(table.correct >= 0).isel(step=-1).mean("presentation").mean("seed")
        for arm, name, style in (
            ("three", "three steps, at the end", (0, (4, 2))),
            ("cnn", "equivalent CNN", "-"),
            ("linear", "linear classifier", (0, (1, 1.5))),
        ):
            colour = {"three": COLOURS["purple"], "cnn": COLOURS["vermilion"], "linear": "0.5"}[arm]
            ax.axhline(100 * float(right.sel(condition=arm)), color=colour, lw=0.9, ls=style, zorder=0, label=name)
        ax.axhline(10, color="0.75", lw=0.6, ls="-.", zorder=0, label="chance")
        ax.set_xscale("log")
        ax.set_ylim(0, 102)
        ax.set_xlabel("CPU time of training (s, one core)")
        n_seeds = int((table.correct.sel(condition="three").isel(step=-1) >= 0).any("presentation").sum())
        ax.set_title(f"{TITLES[dataset]}, {n_seeds} seed{'s' * (n_seeds > 1)}")
    axes[0].set_ylabel("Test accuracy (%)")
    handles, labels = axes[0].get_legend_handles_labels()
    title = (
        f"markers: after an epoch, on the first {table.attrs['n_curve']} test images; lines across: mean of the seeds on all test images; "
        "the time of the CNN\nand of the inverse fit is part of the three steps; small networks, two-core protocol"
    )
    fig.legend(handles, labels, loc="outside lower center", ncols=4, title=title)
    panel_letter(axes)
    return fig
