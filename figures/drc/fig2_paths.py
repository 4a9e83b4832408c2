"""Families of sensor trajectories: examples, sampling phases, what turning brings along, and the linear bound."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"paths": "drc/paths"}
SHOWN = [
    "not moving",
    "spiral, T = 5",
    "spiral, T = 10",
    "straight",
    "drift",
    "von Mises -5",
    "von Mises 0",
    "von Mises 20",
    "matched -5",
    "matched 0",
    "matched 20",
]
FAMILIES = {"von Mises": ("as published", COLOURS["vermilion"], "o"), "matched": ("matched", COLOURS["blue"], "s")}
PANELS = [
    ("turn_rad", "turning angle (rad)"),
    ("eccentricity_px", "eccentricity (px)"),
    ("path_length_px", "path length (px)"),
    ("n_phases", "sampling phases of 16"),
]


def draw(paths):
    fig = figure("double", 150)
    fig.set_layout_engine("none")
    outer = fig.add_gridspec(2, 1, height_ratios=(1, 1), left=0.075, right=0.985, top=0.94, bottom=0.085, hspace=0.24)
    gallery = outer[0].subgridspec(2, 6, hspace=0.32, wspace=0.12)
    axes = [fig.add_subplot(gallery[k // 6, k % 6]) for k in range(len(SHOWN))]
    for ax, name in zip(axes, SHOWN, strict=True):
        examples(ax, paths.sel(path=name), name)
    lower = outer[1].subgridspec(2, 3, wspace=0.5, hspace=0.38, width_ratios=(1, 1, 1.2))
    panels = [fig.add_subplot(lower[k // 2, k % 2]) for k in range(4)]
    for ax, (name, label) in zip(panels, PANELS, strict=True):
        against_kappa(ax, paths, name, label)
    panels[0].legend(loc="lower left", fontsize=5.5, handlelength=1.2)
    for ax in panels[2:]:
        ax.set_xlabel(r"persistence $\kappa$")
    bound = fig.add_subplot(lower[:, 2])
    draw_bound(bound, paths)
    panel_letter(axes[0], "a", dx=-8)
    panel_letter(panels[0], "b", dx=-18)
    panel_letter(bound, "c", dx=-18)
    return fig


def examples(ax, one, name):
    n = int(one.n_points)
    shades = [COLOURS[k] for k in ("blue", "vermilion", "green", "purple")]
    for k, shade in enumerate(shades):
        right, up = (one.position.isel(example=k, point=slice(0, n)).sel(axis=a).values for a in ("right", "up"))
        ax.plot(right, up, color=shade, linewidth=0.9, marker="o", markersize=1.8)
    ax.plot(0, 0, marker="+", color="black", markersize=5)
    ax.set(xlim=(-13, 13), ylim=(-13, 13), aspect="equal", xticks=[], yticks=[])
    for side in ax.spines.values():
        side.set(visible=True, color="0.8", linewidth=0.6)
    cut = " (cut)" if float(np.abs(one.position.isel(example=slice(0, 4))).max()) > 13 else ""
    ax.set_title(f"{name}{cut}\n{float(one['mean'].sel(measure='n_phases')):.1f} phases", fontsize=6, pad=2)
    if name == SHOWN[0]:
        ax.plot([3, 11], [-11, -11], color="black", linewidth=1.2)
        ax.text(11, -10.2, "8 px = 2 receptors", ha="right", va="bottom", fontsize=4.8)


def against_kappa(ax, paths, measure, label):
    for family, (legend, colour, marker) in FAMILIES.items():
        names = [str(p) for p in paths.path.values if str(p).startswith(f"{family} ")]
        kappa = [float(p.rsplit(" ", 1)[1]) for p in names]
        chosen = paths.sel(path=names, measure=measure)
        place = np.arange(len(kappa)) + (0.08 if family == "matched" else -0.08)
        ax.errorbar(place, chosen["mean"], chosen["sd"], color=colour, marker=marker, markersize=3, linewidth=1, elinewidth=0.7, label=legend)
        ax.set_xticks(np.arange(len(kappa)), [f"{k:g}" for k in kappa])
    ax.set_ylabel(label)
    ax.set_ylim(0, ax.get_ylim()[1] * 1.08)


def draw_bound(ax, paths):
    names = SHOWN[::-1]
    for k, name in enumerate(names):
        values = paths.bound_r2.sel(path=name).values
        colour = COLOURS["grey"] if name == "not moving" else COLOURS["vermilion"] if name.startswith("von") else COLOURS["blue"]
        ax.barh(k, values.mean(), color=colour, alpha=0.85, height=0.7)
        ax.errorbar(values.mean(), k, xerr=values.std(ddof=1), color="black", linewidth=0.8)
    ax.set_yticks(range(len(names)), names, fontsize=5.8)
    ax.set(xlim=(0, 1), xlabel=f"linear bound, $R^2$ of a 1/f$^2$ image\n(mean, SD of {paths.sizes['bound']} trajectories)")
