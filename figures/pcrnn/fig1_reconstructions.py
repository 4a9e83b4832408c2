"""Phantoms from a quarter and an eighth of their k-space: reconstructions and their errors (after Fig. 2 of Chen et al. 2022, on synthetic data)."""

from neurodyn.plot.style import COLOURS, figure

INPUTS = {"errors": "pcrnn/reconstructions"}
COLUMNS = (
    ("target", None, None),
    ("zero-filled", "pcrnn-phantoms", "zero-filled"),
    ("U-Net\n(1,200 updates)", "pcrnn-unet", "readout"),
    ("single scale\n(600 updates)", "pcrnn-single", "readout"),
    ("PC-RNN\n(600 updates)", "pcrnn-phantoms", "readout"),
)
EXAMPLE = 0
TOP = 0.4


def draw(errors):
    fig = figure("double", 158)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(4, len(COLUMNS), left=0.065, right=0.9, top=0.94, bottom=0.06, wspace=0.04, hspace=0.12)
    rows = [(a, k) for a in errors.acceleration.values for k in ("image", "error")]
    for r, (acceleration, kind) in enumerate(rows):
        for c, (name, model, image) in enumerate(COLUMNS):
            ax = fig.add_subplot(grid[r, c])
            shown = draw_cell(ax, errors.sel(acceleration=acceleration), kind, model, image)
            ax.set(xticks=[], yticks=[])
            if r == 0:
                ax.set_title(name, fontsize=7.5, color=COLOURS["vermilion"] if name.startswith("PC-RNN") else "black")
            if c == 0:
                ax.set_ylabel(f"{acceleration:g}x" if kind == "image" else f"{acceleration:g}x: mask | errors", fontsize=7)
        place = grid[r, -1].get_position(fig)
        bar = fig.add_axes((0.912, place.y0, 0.012, place.height))
        fig.colorbar(shown, cax=bar).ax.tick_params(labelsize=5.5)
        bar.set_ylabel("magnitude (1)" if kind == "image" else "|error| (1)", fontsize=6)
    fig.text(
        0.065,
        0.015,
        "One test phantom (32 x 32 pixels) with 4 simulated coils and noise of 30 dB; PSNR and SSIM of this image. Synthetic data throughout.",
        fontsize=6,
        color="0.3",
    )
    return fig


def draw_cell(ax, found, kind, model, image):
    target = found.target.isel(model=0, example=EXAMPLE).values
    if model is None:
        if kind == "image":
            return ax.imshow(target, cmap="gray", vmin=0, vmax=1)
        return ax.imshow(found["mask"].isel(model=0, example=EXAMPLE).values, cmap="gray", vmin=0, vmax=1)
    one = found.sel(model=model, image=image)
    values = one.magnitude.isel(example=EXAMPLE).values
    if kind == "error":
        return ax.imshow(abs(values - target), cmap="magma", vmin=0, vmax=TOP)
    text = f"{float(one.psnr[EXAMPLE]):.1f} dB, {float(one.ssim[EXAMPLE]):.2f}"
    ax.text(0.03, 0.03, text, transform=ax.transAxes, color="white", fontsize=6, va="bottom")
    return ax.imshow(values, cmap="gray", vmin=0, vmax=1)
