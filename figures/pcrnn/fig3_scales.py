"""What each module of the pyramid leaves: images, errors by spatial frequency, and errors over k-space."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"errors": "pcrnn/scales"}
NAMES = {"zero-filled": "zero-filled", "x1": "x1 (stride 4)", "x2": "x2 (stride 2)", "x3": "x3 (stride 1)", "readout": "fused"}
SHADES = {"zero-filled": COLOURS["grey"], "x1": COLOURS["orange"], "x2": COLOURS["green"], "x3": COLOURS["blue"], "readout": COLOURS["vermilion"]}
MAPS = ("zero-filled", "x1", "x3", "readout")


def draw(errors):
    fig = figure("double", 150)
    fig.set_layout_engine("none")
    rows = fig.add_gridspec(3, 1, left=0.085, right=0.88, top=0.96, bottom=0.02, hspace=0.42, height_ratios=(1.7, 1.0, 0.95))
    one = errors.sel(acceleration=4)
    first = draw_images(fig, rows[0].subgridspec(2, 6, wspace=0.05, hspace=0.06), one)
    middle = rows[1].subgridspec(1, 3, wspace=0.42)
    bands = [fig.add_subplot(middle[k]) for k in range(2)]
    for ax, a in zip(bands, errors.acceleration.values, strict=True):
        draw_bands(ax, errors.sel(acceleration=a), a)
    bands[0].legend(fontsize=5.3, loc="upper left", handlelength=1.2, borderaxespad=0.1)
    bars = fig.add_subplot(middle[2])
    draw_gain(bars, errors)
    for ax in (*bands, bars):
        ax.tick_params(labelsize=6)
        ax.xaxis.label.set_size(6.5)
        ax.yaxis.label.set_size(6.5)
    maps = draw_maps(fig, rows[2].subgridspec(1, len(MAPS), wspace=0.1), one)
    panel_letter(first, "a", dx=-14)
    panel_letter(bands[0], "b")
    panel_letter(bars, "c")
    panel_letter(maps, "d", dx=-14)
    return fig


def draw_images(fig, grid, one):
    target = one.target.isel(example=0).values
    first = None
    for c, name in enumerate(("target", *NAMES)):
        top, below = fig.add_subplot(grid[0, c]), fig.add_subplot(grid[1, c])
        values = target if name == "target" else one.magnitude.sel(image=name).isel(example=0).values
        top.imshow(values, cmap="gray", vmin=0, vmax=1)
        top.set_title(NAMES.get(name, name), fontsize=6.5, color=SHADES.get(name, "black"))
        below.imshow(one["mask"].isel(example=0) if name == "target" else abs(values - target), cmap="gray" if name == "target" else "magma", vmin=0, vmax=0.4)
        if name != "target":
            below.text(0.03, 0.03, f"{float(one.psnr.sel(image=name)[0]):.1f} dB", transform=below.transAxes, color="white", fontsize=6, va="bottom")
        for ax in (top, below):
            ax.set(xticks=[], yticks=[])
        if c == 0:
            first = top
            top.set_ylabel("4x", fontsize=7)
            below.set_ylabel("mask | |error|\n(black 0, white 0.4)", fontsize=5.8)
    return first


def draw_bands(ax, one, acceleration):
    for name, text in NAMES.items():
        values = np.log10(np.maximum(one.band_error.sel(image=name).values, 1e-9))
        middle, half = values.mean(axis=0), 1.96 * values.std(axis=0, ddof=1) / np.sqrt(len(values))
        ax.plot(one.frequency_cpp, 10**middle, color=SHADES[name], linewidth=1.1, label=text)
        ax.fill_between(one.frequency_cpp, 10 ** (middle - half), 10 ** (middle + half), color=SHADES[name], alpha=0.2, linewidth=0)
    ax.set(yscale="log", xlabel="spatial frequency (cycles/pixel)", ylabel="error power / reference power", ylim=(0.01, 3000))
    ax.set_title(f"{acceleration:g}x, n = {one.sizes['presentation']} phantoms", fontsize=6.5)


def draw_gain(ax, errors):
    names = [n for n in NAMES if n != "zero-filled"]
    for a, marker in zip(errors.acceleration.values, ("o", "s"), strict=True):
        psnr = errors.psnr.sel(acceleration=a)
        gain = psnr.sel(image=names).values - psnr.sel(image="zero-filled").values
        half = 1.96 * gain.std(axis=1, ddof=1) / np.sqrt(gain.shape[1])
        x = np.arange(len(names)) + (-0.1 if a == 4 else 0.1)
        for k, name in enumerate(names):
            label = f"{a:g}x" if k == 0 else None
            ax.errorbar(x[k], gain[k].mean(), half[k], color=SHADES[name], marker=marker, markersize=4, linewidth=1.2, label=label)
    ax.axhline(0, color="0.5", linewidth=0.6)
    ax.set_xticks(range(len(names)), [NAMES[n].split(" ")[0] for n in names])
    ax.set(ylabel="PSNR over zero-filled (dB)")
    ax.legend(fontsize=5.8, loc="upper left")


def draw_maps(fig, grid, one):
    first, shown = None, None
    for c, name in enumerate(MAPS):
        ax = fig.add_subplot(grid[c])
        shown = ax.imshow(np.log10(np.maximum(one.kspace_error.sel(image=name).values, 1e-3)), cmap="viridis", vmin=-2, vmax=0.3)
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"k-space error, {NAMES[name].split(' ')[0]}", fontsize=6.5)
        first = first or ax
    place = first.get_position()
    bar = fig.add_axes((0.895, place.y0, 0.012, place.height))
    fig.colorbar(shown, cax=bar).set_label("log10 error /\nreference power", fontsize=5.8)
    bar.tick_params(labelsize=5.5)
    return first
