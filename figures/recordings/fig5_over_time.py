"""Predictions, geometry and solution times over time, on synthetic neurons whose delay is known."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"fits": "recordings/map_over_time", "geometry": "recordings/geometry_over_time", "solved": "recordings/solution_times"}
HUES = ("blue", "vermilion", "green", "orange")
DELAY_MS = 40


def _edges(data, prefix):
    return np.append(data[f"{prefix}time_bin_start"].values, data[f"{prefix}time_bin_end"].values[-1])


def draw(fits, geometry, solved):
    fig = figure("double", 66)
    a, b, c, d = fig.subplots(1, 4, width_ratios=[1.3, 0.9, 1.3, 1.25])
    source = fits.sel(layer="area2").raw.median("neuroid")
    tables = (
        (a, fits, "model_", "", source.values, 0.8, "median r, held-out"),
        (c, geometry, "", "other_", geometry.generalisation.values, 0.8, "Spearman of distances"),
    )
    for ax, data, of_model, of_brain, values, top, label in tables:
        x, y = _edges(data, of_model), _edges(data, of_brain)
        mesh = ax.pcolormesh(x, y, values.T, vmin=0, vmax=top, cmap="cividis", rasterized=True)
        ax.plot(x, x + DELAY_MS, color="white", lw=0.8, ls="--")
        ax.set_xlim(x[0], x[-1])
        ax.set_ylim(y[0], y[-1])
        ax.set_aspect("equal")
        ax.set_xticks(sorted({x[0], 100, 200}))
        ax.set_xlabel("CordsNet, area2 (ms)")
        ax.set_ylabel("synthetic neurons (ms)")
        fig.colorbar(mesh, ax=ax, label=label, shrink=0.62, pad=0.04)
    a.set_title(f"ridge, {fits.attrs['n_stimuli']} images,\nn = {fits.sizes['neuroid']}", loc="left")
    c.set_title("the same images\ntold apart", loc="left")

    b.axhline(DELAY_MS, color="black", lw=0.7, ls="--")
    for k, layer in enumerate(fits.layer.values):
        one = fits.sel(layer=layer)
        b.plot([k, k], [one.latency_low, one.latency_high], color=COLOURS[HUES[k]], lw=1.2)
        b.plot(k, one.latency_ms, "o", ms=4, color=COLOURS[HUES[k]])
        b.text(k, -16, f"{float(one.raw_at_latency.median()):.2f}", ha="center", fontsize=5, color=COLOURS[HUES[k]])
    b.text(-0.45, -5, "median r at the lag:", fontsize=5.5)
    b.set_xticks(range(fits.sizes["layer"]), [str(v) for v in fits.layer.values], rotation=45, ha="right")
    b.set_xlim(-0.5, fits.sizes["layer"] - 0.5)
    b.set_ylim(-20, 110)
    b.set_ylabel("lag that loses least (ms)")
    b.set_title("latency (dashed: true)", loc="left")

    centre = (solved.time_bin_start.values + solved.time_bin_end.values) / 2
    for k, (name, delay, colour) in enumerate((("undelayed", 0, "blue"), ("delayed", DELAY_MS, "vermilion"))):
        one = solved.isel(responses=[str(r).startswith(f"recordings/{name}") for r in solved.responses.values].index(True))
        low, mid, high = np.nanquantile(one.dprime.values, [0.25, 0.5, 0.75], axis=0)
        d.fill_between(centre, low, high, color=COLOURS[colour], alpha=0.2, lw=0)
        d.plot(centre, mid, color=COLOURS[colour], label=f"{delay} ms late")
        times = one.solution_ms.values[np.isfinite(one.solution_ms.values)]
        low, mid, high = np.quantile(times, [0.25, 0.5, 0.75])
        d.plot([low, high], [3.5 - 0.25 * k] * 2, color=COLOURS[colour], lw=1.2)
        d.plot(mid, 3.5 - 0.25 * k, "o", ms=3, color=COLOURS[colour])
        d.text(high + 6, 3.5 - 0.25 * k, f"{mid:.0f} ms, {100 * float(one.solved):.0f} %", fontsize=5.5, va="center", color=COLOURS[colour])
    d.set_ylim(-1.1, 3.8)
    d.set_xlim(-10, 260)
    d.set_xticks([0, 100, 200])
    d.set_xlabel("time from onset (ms)")
    d.set_ylabel("d' of an image")
    d.set_title("solution times (top,\n% solved) and d'", loc="left")
    d.legend(loc="lower center", handlelength=1.2, fontsize=5.5)
    note = (
        "Synthetic neurons: sums of 3 units of area2 of a trained CordsNet, and noise; images shown for 100 ms.\n"
        "b: 95 % intervals over neurons (area2: of zero width); d: median and quartiles of images."
    )
    figure_note(fig, note)
    panel_letter([a, b, c, d], dx=-8)
    return fig
