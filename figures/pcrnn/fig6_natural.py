"""Natural images with simulated coils: trained on such images, and trained on phantoms alone."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"errors": "pcrnn/natural"}
COLUMNS = (
    ("target", None, None),
    ("zero-filled", "pcrnn-natural", "zero-filled"),
    ("trained on\nphantoms", "pcrnn-phantoms", "readout"),
    ("trained on\nnatural images", "pcrnn-natural", "readout"),
)


def draw(errors):
    fig = figure("double", 80)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(1, 2, left=0.04, right=0.985, top=0.89, bottom=0.17, wspace=0.26, width_ratios=(2, 1))
    images = grid[0].subgridspec(2, len(COLUMNS), wspace=0.05, hspace=0.06)
    one = errors.sel(acceleration=4)
    first = None
    for r in range(2):
        for c, (name, model, image) in enumerate(COLUMNS):
            ax = fig.add_subplot(images[r, c])
            first = first or ax
            values = one.target.isel(model=0) if model is None else one.magnitude.sel(model=model, image=image)
            ax.imshow(values.isel(example=r), cmap="gray", vmin=0, vmax=float(one.target.isel(model=0, example=r).max()))
            ax.set(xticks=[], yticks=[])
            if r == 0:
                ax.set_title(name, fontsize=6.5)
            if model is not None:
                text = f"{float(one.psnr.sel(model=model, image=image)[r]):.1f} dB"
                ax.text(0.03, 0.03, text, transform=ax.transAxes, color="white", fontsize=6, va="bottom", bbox={"color": "black", "alpha": 0.4, "pad": 0.8})
            if c == 0:
                ax.set_ylabel("4x", fontsize=7)
    right = fig.add_subplot(grid[1])
    draw_gains(right, errors)
    panel_letter(first, "a", dx=-6)
    panel_letter(right, "b")
    fig.text(0.04, 0.03, "CIFAR-10 test images in grey with 4 simulated coils, noise of 30 dB: real images, synthetic measurements.", fontsize=6, color="0.3")
    return fig


def draw_gains(ax, errors):
    shades = {"pcrnn-phantoms": COLOURS["blue"], "pcrnn-natural": COLOURS["vermilion"]}
    for k, (model, shade) in enumerate(shades.items()):
        for a, offset in ((4, -0.12), (8, 0.12)):
            one = errors.psnr.sel(model=model, acceleration=a)
            gain = one.sel(image="readout").values - one.sel(image="zero-filled").values
            half = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
            ax.annotate(
                f"{gain.mean():+.2f}", (k + offset, gain.mean() + half), xytext=(0, 3), textcoords="offset points", fontsize=5.5, ha="center", color=shade
            )
            ax.errorbar(k + offset, gain.mean(), half, marker="o" if a == 4 else "s", color=shade, markersize=4, label=f"{a}x" if k == 0 else None)
    ax.axhline(0, color="0.5", linewidth=0.6)
    ax.set_xticks([0, 1], ["phantoms\n(600 updates)", "natural images\n(1,200 updates)"], fontsize=6.5)
    ax.set(xlabel="trained on", ylabel="PSNR over zero-filled (dB)", xlim=(-0.5, 1.5), ylim=(None, 1))
    ax.set_title(f"mean and 95 % interval, n = {errors.sizes['presentation']}, one seed each", fontsize=6.3)
    ax.legend(fontsize=6, loc="lower right")
