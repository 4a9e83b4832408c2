"""Activity of L over time while the network decides whether two disks mark one contour."""

import numpy as np

from neurodyn.plot.style import figure, panel_letter

INPUTS = {"activity": "adrnn/pathfinder_activity", "displays": "adrnn/pathfinder_displays"}
SHOWN = [1, 3, 4, 5, 6, 7, 8, 10, 14]
LENGTH = 12


def draw(activity, displays):
    maps = as_maps(activity)
    halted = [int(np.flatnonzero(np.abs(np.diff(one, axis=0)).max(axis=(1, 2)))[-1]) + 2 for one in maps]  # the last step that changed anything
    maps = maps - np.median(maps, axis=(2, 3), keepdims=True)  # most places are empty
    fig = figure("double", 50)
    axes = fig.subplots(len(maps), len(SHOWN) + 1)
    top = float(np.quantile(np.abs(maps), 0.995))
    shown = displays.sel(n_paddles=LENGTH)
    for k, row in enumerate(axes):
        one = shown.isel(presentation=k)
        row[0].imshow(one[next(iter(one.data_vars))].isel(channel=0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        row[0].set_ylabel(f"{'one contour' if int(one.label) else 'two contours'}\n(halts at {halted[k]})", fontsize=6)
        for ax, step in zip(row[1:], SHOWN, strict=True):
            drawn = ax.imshow(maps[k, step - 1], cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
            if k == 0:
                ax.set_title(f"step {step}", fontsize=6)
        for ax in row:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(True)
    axes[0, 0].set_title("display", fontsize=6)
    fig.colorbar(drawn, ax=axes, shrink=0.7, aspect=30).set_label("|L| less its median\nover the map (1)", fontsize=6)
    about = f"contours of {LENGTH} paddles, trained on 5 to 9; mean over channels, cut at the 99.5th percentile; a display that has halted stays as it was"
    fig.supxlabel(about, fontsize=6, color="0.3")
    panel_letter([axes[0, 0], axes[1, 0]], dx=-14)
    return fig


def as_maps(activity):
    """Mean over channels of |L|, (presentation, step, row, column)."""
    values = np.abs(activity[next(iter(activity.data_vars))].transpose("presentation", "time_bin", "neuroid").values)
    row, column = (activity[k].values.astype(int) for k in ("row", "column"))
    maps = np.zeros((*values.shape[:2], row.max() + 1, column.max() + 1))
    np.add.at(maps, (slice(None), slice(None), row, column), values)
    return maps / len(np.unique(activity.channel.values))
