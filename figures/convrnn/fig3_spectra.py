"""What gating does to the spectrum: all eigenvalues of the recurrence of layers 3 and 4, of trained cells and their untrained twins."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"spectra": "convrnn/spectra"}

CELLS = {
    "convrnn-rgc": ("gated + bypass", "blue"),
    "convrnn-rgc-ungated": ("gates frozen", "sky"),
    "convrnn-rgc-no-bypass": ("no bypass", "green"),
    "convrnn-simple-rnn": ("vanilla RNN", "vermilion"),
    "convrnn-conv-lstm": ("LSTM", "purple"),
}


def draw(spectra):
    fig = figure("double", 106)
    grid = fig.add_gridspec(2, 1, height_ratios=[1.0, 1.25])
    planes = list(grid[0].subgridspec(1, 5).subplots())
    for ax, (name, (label, colour)) in zip(planes, CELLS.items(), strict=True):
        _plane(ax, spectra.sel(model_name=name), label, COLOURS[colour])
    planes[0].set_ylabel("imaginary part, layer 4")
    for ax in planes[1:]:
        ax.set_yticklabels([])
    n = spectra.sizes["presentation"]
    planes[2].set_xlabel("real part of the eigenvalue of one 10 ms step")
    bottom = list(grid[1].subgridspec(1, 3).subplots())
    _pairs(bottom[0], spectra.radius, "spectral radius")
    bottom[0].axhline(1.0, color="black", lw=0.6, ls=":")
    bottom[0].annotate(
        "above: local growth", (0.99, 1.0), xycoords=("axes fraction", "data"), ha="right", xytext=(0, 12), textcoords="offset points", fontsize=6
    )
    _pairs(bottom[1], 100 * spectra.slow_share, "modes kept above half\nfor a step (%)")
    _pairs(bottom[2], spectra.nonnormality, "departure from normality")
    handles = [bottom[0].lines[0], bottom[0].lines[3 * len(CELLS)], bottom[0].lines[2]]
    fig.legend(handles, ["layer 3, untrained (open) → trained", "layer 4", f"single images, trained (n = {n})"], loc="outside lower center", ncols=3)
    panel_letter([planes[0], *bottom], dx=-10)
    return fig


def _plane(ax, spectra, label, colour):
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    ax.plot(circle.real, circle.imag, color="black", lw=0.6, label="_unit circle")
    for untrained, shade, size, order in (("True", COLOURS["grey"], 1.2, 1), ("False", colour, 1.2, 2)):
        values = spectra.eigenvalue.sel(untrained=untrained, layer="conv4").values.ravel()
        values = values[np.isfinite(values)]
        kind = "untrained" if untrained == "True" else "trained"
        ax.plot(values.real, values.imag, ".", ms=size, color=shade, alpha=0.55, mew=0, zorder=order, label=f"{label}, {kind}", rasterized=True)
    ax.set_aspect("equal")
    ax.set_xlim(-1.2, 1.75)
    ax.set_ylim(-1.4, 1.1)
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.set_title(label, color=colour)
    ax.annotate("grey: untrained", (0.02, 0.02), xycoords="axes fraction", fontsize=6, color=COLOURS["grey"])


def _pairs(ax, values, label):
    """One arrowed pair a cell and layer: untrained to trained, means over images, with the images as dots."""
    for j, (layer, marker) in enumerate((("conv3", "o"), ("conv4", "s"))):
        for i, (name, (_, colour)) in enumerate(CELLS.items()):
            here = values.sel(model_name=name, layer=layer)
            x = i + 0.3 * (j - 0.5)
            means = [float(here.sel(untrained=u).mean()) for u in ("True", "False")]
            shade = COLOURS[colour]
            line = ax.plot([x - 0.08, x + 0.08], means, "-", marker=marker, color=shade, mfc=shade, markevery=[1], lw=0.9, label=f"{name} {layer}")[0]
            ax.plot([x - 0.08], means[:1], marker=marker, mfc="white", mec=shade, ls="none", label=f"_{name} {layer} untrained")
            single = here.sel(untrained="False").values
            ax.plot(np.full(len(single), x + 0.08), single, ".", color="black", ms=1.2, zorder=4, label=f"_{name} {layer} images")
            line.set_zorder(2)
    ax.set_xticks(range(len(CELLS)), ["gated +\nbypass", "frozen", "no\nbypass", "vanilla", "LSTM"])
    ax.set_ylabel(label)
    ax.set_xlim(-0.5, len(CELLS) - 0.5)
    ax.set_ylim(0, None)
