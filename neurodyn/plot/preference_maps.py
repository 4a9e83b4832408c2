"""What the units of a layer prefer, position by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.plot.style import figure, panel_letter

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_map_atlas", "draw_preference_maps", "plot_preference_map"]

_TILE, _GAPS, _TITLE = 48, (14, 38), 60  # of an atlas: a map, between a network and its twin and between layers, a line of names
_SQUARE = 2 * _TILE + 4
_PAIR = 2 * _SQUARE + sum(_GAPS)
_ABSENT = "#00D5F0"  # a cyan that neither the cyclic map of orientations nor viridis holds


def plot_preference_map(
    ax: Axes,
    tuning: xr.Dataset,
    layer: str,
    measure: str,
    *,
    channels: int = 8,
    per_row: int = 4,
    size: tuple[int, int] | None = None,
    cmap: str = "twilight",
    limits: tuple[float, float] = (0.0, 180.0),
) -> Any:
    """Tile the first channels of a layer; each tile shows one value a position, cyan where a unit is silent or untuned.

    Parameters
    ----------
    ax : Axes
    tuning : Dataset
        Of ``grating_tuning`` with ``units="all"``: `measure` (neuroid) with coords ``layer channel row column``.
    layer : str
    measure : str
    channels, per_row : int
        How many, and how many a row of tiles.
    size : (n_rows, n_columns), optional
        Of the layer, where units at its edge may be missing.
    cmap, limits : str, (low, high)
    """
    import matplotlib as mpl

    here = np.asarray(tuning["layer"].values).astype(str) == layer
    height, width = size or tuple(int(tuning[k].values[here].max(initial=0)) + 1 for k in ("row", "column"))
    tiles = _tiles(tuning, layer, tuning[measure].values, channels, (height, width))
    n_rows = -(-channels // per_row)
    mosaic = np.full((n_rows * (height + 1) - 1, per_row * (width + 1) - 1), np.nan)
    outside = np.ones(mosaic.shape, bool)
    for k, tile in enumerate(tiles):
        top, left = (k // per_row) * (height + 1), (k % per_row) * (width + 1)
        outside[top : top + height, left : left + width] = False
        mosaic[top : top + height, left : left + width] = tile
    colours = mpl.colormaps[cmap].with_extremes(bad=_ABSENT)
    shown = ax.imshow(np.ma.masked_invalid(mosaic), cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.imshow(np.where(outside, 1.0, np.nan), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    return shown


def draw_preference_maps(tuning: xr.Dataset, title: str, *, min_osi: float = 0.1, channels: int = 8) -> Figure:
    """A whole figure: preferred orientation and spatial frequency of every layer, in a trained network and its untrained twin.

    Parameters
    ----------
    tuning : Dataset
        Of ``grating_tuning``, the trained model and its twin along ``untrained``.
    title : str
        What the model is called.
    min_osi : float
        Units less selective for orientation have none that they prefer.
    channels : int
        The first so many of each layer.
    """
    layers = [str(k) for k in dict.fromkeys(np.asarray(tuning["layer"].values).astype(str).ravel()) if str(k)]
    fig = figure("double", 24 + 25 * len(layers))
    axes = np.atleast_2d(fig.subplots(len(layers), 4))
    top = float(tuning["spatial_frequency_cpp"].max())
    looks = (("preferred_orientation_deg", "twilight", (0.0, 180.0)), ("preferred_spatial_frequency_cpp", "viridis", (0.0, top)))
    for r, (row, layer) in enumerate(zip(axes, layers, strict=True)):
        size = _size(tuning, layer)
        for m, state in enumerate(("trained", "untrained twin")):
            cell = tuning.isel(untrained=m)
            here = np.asarray(cell["layer"].values).astype(str) == layer
            tuned = cell["preferred_orientation_deg"].where(cell["osi"] >= min_osi)
            cell = cell.assign(preferred_orientation_deg=tuned)
            share = float(np.mean(cell["osi"].values[here] >= min_osi)) if here.any() else 0.0
            for k, (measure, cmap, limits) in enumerate(looks):
                ax = row[2 * k + m]
                shown = plot_preference_map(ax, cell, layer, measure, channels=channels, size=size, cmap=cmap, limits=limits)
                if r == 0:
                    ax.set_title(("orientation, " if k == 0 else "frequency, ") + state, loc="left")
                if k == 0:
                    ax.set_xlabel(f"{share:.0%} of {int(here.sum())} units tuned", fontsize=6)
                if r == len(layers) - 1 and m == 1:
                    label = ("preferred orientation (degrees)", "preferred spatial frequency (cycles/pixel)")[k]
                    bar = fig.colorbar(shown, ax=axes[:, 2 * k : 2 * k + 2].ravel().tolist(), orientation="horizontal", shrink=0.7, aspect=40, label=label)
                    bar.ax.tick_params(length=2)
                    if k == 0:
                        bar.set_ticks([0, 45, 90, 135, 180])
        row[0].set_ylabel(layer)
    fig.supxlabel(f"{title}: first {channels} channels, one pixel a position; cyan: no response, or OSI below {min_osi:g}", fontsize=6)
    panel_letter([axes[0, 0], axes[0, 2]], dx=-8)
    return fig


def draw_map_atlas(blocks: Sequence[tuple[str, xr.Dataset, Sequence[str]]], names: Mapping[str, str], note: str, *, min_osi: float = 0.1) -> Figure:
    """A whole figure: preferred orientation and spatial frequency of four channels of every layer of many networks, each beside its untrained twin.

    Parameters
    ----------
    blocks : sequence of (title, tuning, layers)
        Networks with the same layers: what they are called together, what ``grating_tuning`` found along ``model_name`` and ``untrained``, and the layers.
    names : mapping
        Short names of the networks.
    note : str
        Below the figure.
    min_osi : float
        Units less selective for orientation have none that they prefer.
    """
    import matplotlib as mpl

    n_layers = max(len(layers) for _, _, layers in blocks)
    n_rows = sum(tuning.sizes["model_name"] for _, tuning, _ in blocks)
    width, height = n_layers * _PAIR - _GAPS[1], n_rows * (_SQUARE + _GAPS[1]) + len(blocks) * _TITLE
    tops = [float(np.max(tuning["spatial_frequency_cpp"].values)) for _, tuning, _ in blocks]
    looks = (("preferred_orientation_deg", "twilight", (0.0, 180.0)), ("preferred_spatial_frequency_cpp", "viridis", (0.0, max(tops))))
    fig = figure("double", 24 + 80 * height / width)
    axes = fig.subplots(1, 2)
    for ax, (measure, cmap, limits) in zip(axes, looks, strict=True):
        colours = mpl.colormaps[cmap].with_extremes(bad=_ABSENT)
        sheet = np.ones((height, width, 4))
        top = 0
        for title, tuning, layers in blocks:
            top += _TITLE
            for j, layer in enumerate(layers):
                ax.text(j * _PAIR + _SQUARE + _GAPS[0] / 2, top - 14, layer, ha="center", va="bottom", fontsize=6)
            if ax is axes[0]:
                ax.text(-20, top - 14, title, ha="right", va="bottom", fontsize=6, fontweight="bold")
            for name in tuning["model_name"].values.tolist():
                if ax is axes[0]:
                    ax.text(-20, top + _SQUARE / 2, names.get(name, name), ha="right", va="center", fontsize=5.5)
                both = tuning.sel(model_name=name)
                for j, layer in enumerate(layers):
                    if layer not in np.asarray(both["layer"].values).astype(str):
                        continue
                    size = _size(both, layer)
                    for m in (0, 1):
                        cell = both.isel(untrained=m)
                        values = cell[measure].where(cell["osi"] >= min_osi) if measure == "preferred_orientation_deg" else cell[measure]
                        left = j * _PAIR + m * (_SQUARE + _GAPS[0])
                        for k, tile in enumerate(_tiles(cell, layer, values.values, 4, size)):
                            y, x = top + (k // 2) * (_TILE + 4), left + (k % 2) * (_TILE + 4)
                            at = [np.arange(_TILE) * n // _TILE for n in size]
                            sheet[y : y + _TILE, x : x + _TILE] = colours((np.ma.masked_invalid(tile[np.ix_(*at)]) - limits[0]) / (limits[1] - limits[0]))
                top += _SQUARE + _GAPS[1]
        ax.imshow(sheet, interpolation="nearest", aspect="equal")
        ax.set_axis_off()
        label = "preferred orientation (degrees)" if ax is axes[0] else "preferred spatial frequency (cycles/pixel)"
        scale = mpl.cm.ScalarMappable(mpl.colors.Normalize(*limits), cmap)
        bar = fig.colorbar(scale, ax=ax, orientation="horizontal", shrink=0.7, aspect=40, label=label, pad=0.01)
        if ax is axes[0]:
            bar.set_ticks([0, 45, 90, 135, 180])
    fig.supxlabel(f"{note}  Cyan: no response, or OSI below {min_osi:g}.", fontsize=6)
    panel_letter(list(axes), dx=-2)
    return fig


def _tiles(tuning: xr.Dataset, layer: str, values: np.ndarray, channels: int, size: tuple[int, int]) -> list[np.ndarray]:
    """The first channels of a layer as maps, NaN where no unit is."""
    here = np.asarray(tuning["layer"].values).astype(str) == layer
    channel, row, column = (tuning[k].values[here].astype(int) for k in ("channel", "row", "column"))
    tiles = [np.full(size, np.nan) for _ in range(channels)]
    for k, tile in enumerate(tiles):
        own = channel == k
        tile[row[own], column[own]] = values[here][own]
    return tiles


def _size(tuning: xr.Dataset, layer: str) -> tuple[int, int]:
    here = np.asarray(tuning["layer"].values).astype(str) == layer
    rows, columns = (np.broadcast_to(tuning[k].values, here.shape)[here] for k in ("row", "column"))
    return int(rows.max()) + 1, int(columns.max()) + 1
