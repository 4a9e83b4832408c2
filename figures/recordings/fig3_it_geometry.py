"""How anterior IT moves: its dimensionality and its path through 21 pictures, beside a trained network's."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {
    "it": "recordings/it_dimensionality",
    "it_path": "recordings/it_trajectories",
    "model": "recordings/model_dimensionality",
    "model_path": "recordings/model_trajectories",
}
HUES = ("blue", "vermilion", "green", "orange", "sky", "purple", "black")


def _centre(data):
    return (data.time_bin_start.values + data.time_bin_end.values) / 2


def _spectrum_ratio(ax, data, colour, label):
    t = _centre(data)
    ax.plot(t, data.participation_ratio, color=colour, label=label)
    ax.plot(t, data.participation_ratio_shuffled, color=colour, ls=":", lw=0.8)


def _paths(ax, path, groups, first_ms):
    """Means over the pictures of a group in the two leading components, from the first bin shown to the last (dot)."""
    shown = np.nonzero(path.time_bin_start.values >= first_ms)[0]
    for k, name in enumerate(sorted(set(groups))):
        rows = [i for i, g in enumerate(groups) if g == name]
        xy = path.score.values[rows].mean(axis=0)[shown][:, :2]
        colour, style = COLOURS[HUES[k % len(HUES)]], "-" if k < len(HUES) else "--"
        ax.plot(xy[:, 0], xy[:, 1], color=colour, ls=style, lw=1.0, label=name)
        ax.plot(*xy[-1], "o", ms=2.5, color=colour)
    share = path.explained_variance_ratio.values
    ax.set_xlabel(f"component 1 ({100 * share[0]:.0f} %)")
    ax.set_ylabel(f"component 2 ({100 * share[1]:.0f} %)")


def draw(it, it_path, model, model_path):
    fig = figure("double", 110)
    (a, b), (c, d) = fig.subplots(2, 2, width_ratios=[1, 1.25])
    _spectrum_ratio(a, it, COLOURS["blue"], f"IT, n = {it.attrs['n_units']}")
    a.set_title(f"IT, means of {it.attrs['n_images']} pictures", loc="left")
    for k, layer in enumerate(model.layers.values):
        _spectrum_ratio(c, model.sel(layers=layer), COLOURS[HUES[k]], str(layer))
    c.set_title("CordsNet, 132 units an area, 21 images", loc="left")
    for ax in (a, c):
        ax.axvline(0, color="black", lw=0.6)
        ax.set_ylim(0, 22)
        ax.set_xlabel("time from onset (ms)")
        ax.set_ylabel("participation ratio")
        ax.legend(loc="upper right", ncols=2, handlelength=1.2)
    a.text(0.02, 0.03, "dotted: every unit shuffled over pictures", transform=a.transAxes, fontsize=5.5)
    _paths(b, it_path, [str(s).split("@")[0] for s in it_path.stimulus_id.values], -50)
    b.set_title("IT, 7 objects, -50 to 400 ms (dot: end)", loc="left")
    _paths(d, model_path, [str(v) for v in model_path.label.values], 0)
    d.set_title("CordsNet, last area, digits, 0 to 100 ms", loc="left")
    for ax in (b, d):
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.0)
    panel_letter([a, b, c, d], dx=-8)
    return fig
