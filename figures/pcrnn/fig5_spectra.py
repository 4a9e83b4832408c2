"""One iteration linearised: its eigenvalues, and what it passes on at measured and at missing frequencies."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"spectra": "pcrnn/eigenspectra", "gains": "pcrnn/gains"}
MODULES = {1: ("module 1", COLOURS["orange"]), 4: ("module 2", COLOURS["green"]), 7: ("module 3", COLOURS["blue"])}
FLOOR = 1e-17


def draw(spectra, gains):
    fig = figure("double", 62)
    left, middle, right = fig.subplots(1, 3, width_ratios=(1, 1, 1.35))
    draw_plane(left, spectra)
    draw_ranks(middle, spectra)
    draw_gain(right, gains)
    for ax in (left, middle, right):
        ax.tick_params(labelsize=6)
        ax.xaxis.label.set_size(6.5)
        ax.yaxis.label.set_size(6.5)
    panel_letter([left, middle, right])
    return fig


def pick(spectra, step, untrained):
    axis = [str(v).lower() == str(untrained).lower() for v in spectra.untrained.values]
    return spectra.sel(step=step).isel(untrained=int(np.argmax(axis)))


def draw_plane(ax, spectra):
    angle = np.linspace(0, 2 * np.pi, 300)
    ax.plot(np.cos(angle), np.sin(angle), color="0.6", linewidth=0.6)
    for step, (name, shade) in MODULES.items():
        values = pick(spectra, step, False).eigenvalue.values.ravel()
        values = values[np.isfinite(values)]
        ax.scatter(values.real, values.imag, s=4, color=shade, alpha=0.6, linewidth=0, label=name)
    top = max(1.15, 1.05 * float(np.nanmax(np.abs(spectra.eigenvalue.values))))
    ax.set(xlabel="real part", ylabel="imaginary part", xlim=(-top, top), ylim=(-top, top), aspect="equal")
    ax.set_title(f"after training, n = {spectra.sizes['presentation']} phantoms", fontsize=6.3)


def draw_ranks(ax, spectra):
    for step, (name, shade) in MODULES.items():
        for untrained, style in ((False, "-"), (True, ":")):
            size = np.sort(np.abs(pick(spectra, step, untrained).eigenvalue.values), axis=-1)[:, ::-1]
            size = size[:, np.isfinite(size).all(axis=0)]
            label = name + (" untrained" if untrained else "")
            ax.plot(np.arange(1, size.shape[1] + 1), size.mean(axis=0), color=shade, linestyle=style, linewidth=1.1, label=label)
    ax.axhline(1, color="0.6", linewidth=0.6)
    ax.set(xlabel="mode, by modulus", ylabel="|eigenvalue| of one iteration (1)", ylim=(0, None))
    ax.legend(fontsize=4.6, ncol=2, loc="lower center", handlelength=1.2, columnspacing=0.8)


def draw_gain(ax, gains):
    one = gains.isel(presentation=0)
    column = np.arange(one.sizes["column"]) - one.sizes["column"] // 2
    for step, (name, shade) in MODULES.items():
        gain = np.sqrt((one.sel(step=step).gain.values ** 2).mean(axis=0))
        ax.plot(column, np.maximum(gain, FLOOR), color=shade, marker="o", markersize=2, linewidth=0.8, label=name)
    measured = one.measured.isel(step=0).values.any(axis=0)
    for c in column[measured]:
        ax.axvspan(c - 0.5, c + 0.5, color="0.9", linewidth=0)
    worst = float(gains.measured_gain.max())
    ax.set(yscale="log", xlabel="column of k-space; grey: measured", ylabel="gain of one iteration (1)", ylim=(FLOOR, 100))
    ax.set_title(f"measured / largest gain: at most {worst:.0e} (n = {gains.sizes['presentation']})", fontsize=6.3)
    ax.legend(fontsize=5.5, loc="center right")
