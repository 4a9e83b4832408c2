"""The plane of spatial and temporal selectivity in an early recurrent layer of many networks, trained and untrained."""

from neurodyn.plot.selectivity_plane import LABELS, plot_selectivity_plane
from neurodyn.plot.style import COLOURS, figure

INPUTS = {
    "convrnn": "selectivity/plane_convrnn",
    "v4": "selectivity/plane_v4",
    "small": "selectivity/plane_cordsnet-small",
    "mnist": "selectivity/plane_cordsnet-mnist",
    "cifar10": "selectivity/plane_cordsnet-cifar10",
    "gdram": "selectivity/plane_gdram",
}
EARLY = {"convrnn": "conv2", "v4": "conv2", "small": "area0", "mnist": "area0", "cifar10": "area0", "gdram": "recognition"}
LOOKS = tuple(zip(LABELS, (COLOURS["blue"], COLOURS["grey"]), ("o", "x"), strict=True))
NOTE = (
    "Best still image (up) and best flicker (across) over the best movie, activations above grey; central unit of each channel\n"
    "of conv2 or area0 (glimpses, gdram: every fourth recurrent unit); n: units that count, trained | twin; T: trained units\n"
    "that flicker drives more (index below -1/3)"
)


def draw(**planes):
    cells = [(EARLY[k], plane.isel(model=[m, m + 1])) for k, plane in planes.items() for m in range(0, plane.sizes["model"], 2)]
    n_columns = 8
    n_rows = -(-len(cells) // n_columns)
    fig = figure("double", 16 + 33 * n_rows)
    axes = fig.subplots(n_rows, n_columns, sharex=True, sharey=True)
    for ax in axes.ravel()[len(cells) :]:
        ax.set_axis_off()
    for ax, (layer, pair) in zip(axes.ravel(), cells, strict=False):
        for m, (label, colour, marker) in enumerate(LOOKS):
            plot_selectivity_plane(ax, pair.isel(model=m), layer, colour=colour, marker=marker, label=label).set_sizes([7])
        name = str(pair.model.values[0]).removeprefix("name=").removeprefix("convrnn-")
        one = pair.sel(layer_name=layer)
        ax.set_title(f"{name}\nn={int(one.n_units[0])}|{int(one.n_units[1])}, T {float(one.share_time[0]):.0%}", fontsize=5.5)
        ax.tick_params(labelsize=6)
    for ax in axes.ravel()[max(len(cells) - n_columns, 0) : len(cells)]:
        ax.tick_params(labelbottom=True)
        ax.set_xlabel("flicker / best", fontsize=6.5)
    for ax in axes[:, 0]:
        ax.set_ylabel("still / best", fontsize=6.5)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=2, title=NOTE, title_fontsize=6)
    return fig
