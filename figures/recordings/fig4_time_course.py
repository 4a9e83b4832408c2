"""Whether the mean activity of a network's areas rises and falls as recorded areas do; the recordings are synthetic."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"match": "recordings/time_course"}
HUES = ("blue", "vermilion", "green", "orange", "sky", "purple")


def draw(match):
    fig = figure("double", 60)
    left, middle, right = fig.subplots(1, 3, width_ratios=[1, 1, 1.5])
    t = (match.time_bin_start.values + match.time_bin_end.values) / 2
    s = (match.time_bin_start_model.values + match.time_bin_end_model.values) / 2
    for k, region in enumerate(match.region.values):
        left.plot(t, match.brain_course.sel(region=region), color=COLOURS[HUES[k]], label=str(region))
    left.set_title(f"synthetic, n = {match.attrs['n_recorded']} sites", loc="left")
    for k, layer in enumerate(match.layer.values):
        middle.plot(s, match.model_course.sel(layer=layer), color=COLOURS[HUES[k]], label=str(layer))
    middle.set_title("CordsNet", loc="left")
    for ax in (left, middle):
        ax.axvspan(0, 100, color=COLOURS["grey"], alpha=0.15, lw=0)
        ax.set_xlabel("time from onset (ms)")
        ax.legend(loc="upper right", handlelength=1.2, fontsize=5.5)
    left.set_ylabel("mean activity, 0 to 1")
    x, names, n = 0, [], match.attrs["n_images"]
    for region in match.region.values:
        for k, layer in enumerate(match.layer.values):
            one = match.sel(region=region, layer=layer)
            for values, colour, shift in ((one.similarity.values, COLOURS[HUES[k]], -0.17), (one.shuffled.values, COLOURS["grey"], 0.17)):
                low, mid, high = np.nanquantile(values, [0.025, 0.5, 0.975])
                right.plot([x + shift] * 2, [low, high], color=colour, lw=1)
                right.plot(x + shift, mid, "o", ms=3, color=colour)
            lag = float(one.latency_ms)
            names.append(f"{layer}\n{'' if np.isnan(lag) else f'{lag:.0f} ms'}")
            x += 1
        x += 0.6
    at = [k + 0.6 * (k // match.sizes["layer"]) for k in range(len(names))]
    right.set_xticks(at, names, fontsize=5, rotation=90)
    right.axhline(0, color="black", lw=0.6, ls=":")
    right.set_ylim(-0.25, 1.15)
    right.set_ylabel("correlation over bins")
    right.set_title(f"{n} images: median and 95 % of them", loc="left")
    for j, region in enumerate(match.region.values):
        right.text(j * (match.sizes["layer"] + 0.6) - 0.3, 1.03, str(region), fontsize=6)
    right.text(0.99, 0.02, "grey: time bins shuffled", transform=right.transAxes, fontsize=5.5, ha="right")
    panel_letter([left, middle, right], dx=-8)
    return fig
