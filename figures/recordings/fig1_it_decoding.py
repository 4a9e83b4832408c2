"""What 132 neurons of anterior IT tell about seven objects: when, for how long, and across positions."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"it": "recordings/it_decoding", "model": "recordings/model_positions"}


def draw(it, model):
    fig = figure("double", 66)
    left, middle, right, last = fig.subplots(1, 4, width_ratios=[1.2, 1.2, 1.5, 1.1])
    t = (it.time_bin_start.values + it.time_bin_end.values) / 2
    level = 1 / it.attrs["n_classes"]

    left.fill_between(t, it.accuracy_low, it.accuracy_high, color=COLOURS["blue"], alpha=0.25, lw=0)
    left.plot(t, it.accuracy, color=COLOURS["blue"], label="IT, n = 132")
    left.fill_between(t, it.chance.min("shuffle"), it.chance.max("shuffle"), color=COLOURS["grey"], alpha=0.35, lw=0, label="shuffled labels")
    left.plot([float(it.latency_ms)] * 2, [0, 0.62], color="black", lw=0.6, ls="--")
    left.annotate(f"latency {float(it.latency_ms):.0f} ms", (float(it.latency_ms), 0.03), xytext=(3, 0), textcoords="offset points", fontsize=6, va="bottom")
    left.set_title(f"{it.attrs['n_classes']} objects, {it.attrs['n_presentations']} trials", loc="left")

    for name, colour, label in (("same", "blue", "same position"), ("other", "vermilion", "another position")):
        middle.fill_between(t, it[f"{name}_low"], it[f"{name}_high"], color=COLOURS[colour], alpha=0.2, lw=0)
        middle.plot(t, it[name], color=COLOURS[colour], label=label)
    middle.set_title("trained at one position", loc="left")
    for ax in (left, middle):
        ax.axhline(level, color="black", lw=0.6, ls=":")
        ax.plot([0, 0], [0, 0.62], color="black", lw=0.6)
        ax.set_ylim(0, 0.86)
        ax.set_xlabel("time from onset (ms)")
        ax.legend(loc="upper right", handlelength=1.2)
    left.set_ylabel("accuracy, held-out trials")

    edges = np.append(it.time_bin_start.values, it.time_bin_end.values[-1])
    mesh = right.pcolormesh(edges, edges, it.temporal.transpose("time_bin_train", "time_bin").values, vmin=level, vmax=0.6, cmap="cividis", rasterized=True)
    right.set_xlabel("tested at (ms)")
    right.set_ylabel("trained at (ms)")
    right.set_aspect("equal")
    right.set_title("generalisation over time", loc="left")
    fig.colorbar(mesh, ax=right, shrink=0.75, pad=0.04, ticks=[0.2, 0.4, 0.6]).ax.set_title("accuracy", fontsize=5.5, loc="left")

    s = (model.time_bin_start.values + model.time_bin_end.values) / 2
    for k, colour in zip(range(model.sizes["layers"]), ("sky", "green"), strict=True):
        one = model.isel(layers=k)
        for name, style, label in (("same", "-", f"{one.layers.item()}, same place"), ("other", "--", "  another place")):
            last.fill_between(s, one[f"{name}_low"], one[f"{name}_high"], color=COLOURS[colour], alpha=0.2, lw=0)
            last.plot(s, one[name], color=COLOURS[colour], ls=style, label=label)
    chance = model.chance.isel(layers=-1)
    last.fill_between(s, chance.min("shuffle"), chance.max("shuffle"), color=COLOURS["grey"], alpha=0.35, lw=0, label="shuffled labels")
    last.axhline(1 / model.attrs["n_classes"], color="black", lw=0.6, ls=":")
    last.axvline(0, color="black", lw=0.6)
    last.set_ylim(0, 1.02)
    last.set_xlabel("time from onset (ms)")
    last.set_ylabel("accuracy, held-out")
    last.set_title(f"CordsNet, {model.attrs['n_classes']} digits,\n{model.attrs['n_presentations']} pictures", loc="left")
    last.legend(loc="center right", bbox_to_anchor=(1.0, 0.52), handlelength=1.2, fontsize=5)
    note = (
        "Bands: 95 % intervals over held-out presentations (d: over images). "
        "Dashed in a: latency, the start of the first of two bins in a row above every shuffle."
    )
    figure_note(fig, note)
    panel_letter([left, middle, right, last], dx=-8)
    return fig
