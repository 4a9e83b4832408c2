"""How the recurrent front end decays: leading eigenvalues of one step around the states at the end of a trial."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"spectra": "drc/eigenspectra"}
KINDS = {"false": ("trained", COLOURS["vermilion"], "o"), "true": ("untrained twin", COLOURS["grey"], "x")}


def draw(spectra):
    fig = figure("double", 62)
    left, right = fig.subplots(1, 2, width_ratios=(1, 1.5))
    angle = np.linspace(0, 2 * np.pi, 400)
    left.plot(np.cos(angle), np.sin(angle), color="0.6", linewidth=0.6)
    for untrained, (name, colour, marker) in KINDS.items():
        one = spectra.isel(untrained=[str(v).lower() for v in spectra.untrained.values].index(untrained))
        values = one.eigenvalue.values
        values = values[np.isfinite(values)]
        left.scatter(values.real, values.imag, s=5, marker=marker, color=colour, linewidth=0.5, alpha=0.6, label=name)
        size = -np.sort(-np.abs(one.eigenvalue.values), axis=-1)  # NaN pads the end
        size = size[:, np.isfinite(size).all(axis=0)]
        rank = np.arange(1, size.shape[-1] + 1)
        middle, spread = np.nanmean(size, axis=0), np.nanstd(size, axis=0, ddof=1)
        right.plot(rank, middle, color=colour, marker=marker, markersize=2.5, label=f"{name} (n = {len(size)} images)")
        right.fill_between(rank, middle - spread, middle + spread, color=colour, alpha=0.2, linewidth=0)
    left.set(xlabel="real part", ylabel="imaginary part", aspect="equal", xlim=(-1.15, 1.25), ylim=(-1.15, 1.15))
    left.legend(fontsize=6, loc="upper left", handletextpad=0.2)
    right.axhline(1, color="0.6", linewidth=0.6)
    right.set(xlabel="mode, by modulus", ylabel="modulus of the eigenvalue\n(one step, 75 ms)")
    right.legend(fontsize=6)
    panel_letter([left, right])
    return fig
