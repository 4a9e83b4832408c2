"""Accuracy of CordsNets beside their equivalent CNNs, their controls and a linear classifier, on three data sets (after CordsNet, table 1)."""

import numpy as np

from neurodyn.plot import COLOURS, figure, panel_letter
from neurodyn.plot.interval_points import plot_interval_points

INPUTS = {"digits": "cordsnet/accuracy_digits", "mnist": "cordsnet/accuracy_mnist", "cifar10": "cordsnet/accuracy_cifar10"}
TITLES = {"digits": "Digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}
ARMS = {
    "three": ("CordsNet", "purple"),
    "cnn": ("equivalent CNN", "vermilion"),
    "longer": ("CNN, 16 epochs", "orange"),
    "direct": ("CordsNet, direct", "sky"),
    "dense": ("dense RNN", "green"),
    "linear": ("linear classifier", "black"),
}


def draw(**found):
    fig = figure("double", 96)
    axes = fig.subplots(2, len(found), height_ratios=[1.2, 1])
    for k, ((top, bottom), (dataset, one)) in enumerate(zip(axes.T, found.items(), strict=True)):
        last = one.isel(step=-1)
        shown = [a for a in ARMS if a in last.condition and bool(last.n_seeds.sel(condition=a) > 0)]
        named = k == 0 or "longer" in shown  # other columns share the names of the first where their rows are the same
        last = last.sel(condition=shown)
        seeds = [f"{int(n)} seed{'s' * (int(n) > 1)}" if a != "linear" else "one fit" for a, n in zip(shown, last.n_seeds.values, strict=True)]
        labels = [f"{ARMS[a][0]} ({n})" if named else n for a, n in zip(shown, seeds, strict=True)]
        values, low, high, points = (100 * last[k].values for k in ("accuracy", "accuracy_low", "accuracy_high", "seed_accuracy"))
        plot_interval_points(top, values, low, high, labels, colours=[COLOURS[ARMS[a][1]] for a in shown], points=points)
        top.set_xlabel("Test accuracy (%)")
        top.set_title(f"{TITLES[dataset]}, {one.attrs['n_items']:,} images")
        kept = np.isfinite(one.difference.values)
        values, low, high = (100 * one[k].values[kept] for k in ("difference", "difference_low", "difference_high"))
        bottom.axvspan(-2, 2, color="0.9", lw=0, zorder=0)
        bottom.axvline(0, color="0.6", lw=0.6)
        plot_interval_points(bottom, values, low, high, [str(c).removeprefix("CordsNet - ") if named else "" for c in one.contrast.values[kept]])
        bottom.set_xlabel("CordsNet minus it (points)")
    fig.supxlabel(
        "Dots and lines: mean and 95 % interval over seeds and test images (one seed: images alone); open dots: single networks; grey: within 2 points.\n"
        "Small networks, two-core protocol, Euler step of 2 ms (10 ms in training).",
        fontsize=6.5,
    )
    panel_letter(axes[0])
    return fig
