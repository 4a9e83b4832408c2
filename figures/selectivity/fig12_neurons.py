"""Macaque neurons and model units by the same indices: V4 and a gated network on the same images, IT and CordsNet on seven objects at three positions."""

import numpy as np

from neurodyn.plot.layer_boxes import plot_layer_boxes
from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {
    "v4": "selectivity/neurons_v4",
    "v4_units": "selectivity/units_v4",
    "v4_gabor": "selectivity/gabor_neurons_v4",
    "v4_units_gabor": "selectivity/gabor_units_v4",
    "it": "selectivity/neurons_it",
    "it_units": "selectivity/units_it",
}
V4_LAYERS = {"conv1": "c1", "conv2": "c2", "conv4": "c4"}
IT_LAYERS = {"area0": "a0", "area1": "a1", "area2": "a2", "area3": "a3"}
FREQUENCY = ("preferred_spatial_frequency_cpi", "preferred spatial\nfrequency (cycles/image)")
LOOKS = (COLOURS["vermilion"], COLOURS["blue"], COLOURS["grey"])
LABELS = ("neurons", "trained units", "untrained twin")
NOTE = (
    "V4: 50 neurons and a reciprocal gated network (layers c1, c2, c4) on the same 640 images; c, d: those whose responses Gabor energy predicts (r > 0.1).\n"
    "IT: neurons on seven objects, CordsNet (areas a0 to a3) on seven digits, at three positions; bins of 25 and 10 ms.\n"
    "Neurons are noisy, units are not.  Box: quartiles and median; whiskers: 5th to 95th percentile."
)


def groups(neurons, units, measure, name, layers):
    """Values by population: neurons under their own name, units by layer."""
    out = [{name: neurons[measure].values, **{k: np.zeros(0) for k in layers.values()}}]
    for m in range(units.sizes["model"]):
        cell = units.isel(model=m)
        layer = np.asarray(cell.layer.values).astype(str)
        out.append({name: np.zeros(0), **{short: cell[measure].values[layer == k] for k, short in layers.items()}})
    return out


def draw(v4, v4_units, v4_gabor, v4_units_gabor, it, it_units):
    fig = figure("double", 124)
    axes = fig.subplots(2, 4)
    top = [(v4, v4_units, "lifetime_sparseness", "lifetime sparseness"), (v4, v4_units, "breadth", "share of images above\nhalf of the best")]
    top += [(v4_gabor, v4_units_gabor, "orientation_bias", "orientation bias"), (v4_gabor, v4_units_gabor, *FREQUENCY)]
    low = [(it, it_units, m, t) for m, t in (("selectivity_index", "selectivity index"), ("position_tolerance", "position tolerance (r)"))]
    low += [(it, it_units, "latency_ms", "latency (ms)"), (it, it_units, "transience", "transience")]
    for row, panels, name, layers in ((axes[0], top, "V4", V4_LAYERS), (axes[1], low, "IT", IT_LAYERS)):
        for ax, (neurons, units, measure, text) in zip(row, panels, strict=True):
            plot_layer_boxes(ax, groups(neurons, units, measure, f"{name}\nn={neurons.sizes['neuroid']}", layers), LABELS, colours=LOOKS, counts=False)
            ax.set_ylabel(text)
            ax.tick_params(axis="x", labelsize=6)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=3, title=NOTE, title_fontsize=6)
    panel_letter(list(axes.ravel()), dx=-6)
    return fig
