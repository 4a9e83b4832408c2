"""Trajectories of a convolutional network beside those of a low-rank and a sparse one (after CordsNet, figure 1C)."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from neurodyn.plot import COLOURS, figure, panel_letter

INPUTS = {"perceptual": "cordsnet/fig1c_perceptual", "multisensory": "cordsnet/fig1c_multisensory"}
OTHER = {"perceptual": "low-rank", "multisensory": "sparse"}


def draw(perceptual, multisensory):
    fig = figure("double", 70)
    panels = fig.subplots(1, 4)
    for k, (name, found) in enumerate((("perceptual", perceptual), ("multisensory", multisensory))):
        evidence = found.evidence.values
        shade = 0.15 + 0.85 * np.abs(evidence) / np.abs(evidence).max()
        for ax, which, title in ((panels[2 * k], 0, "convolutional, turned"), (panels[2 * k + 1], 1, OTHER[name])):
            for score, e, strength in zip(found.score.values[which], evidence, shade, strict=True):
                colour = COLOURS["blue"] if e > 0 else COLOURS["vermilion"]
                ax.plot(score[:, 0], score[:, 1], color=colour, alpha=float(strength), lw=0.8, label="_path")
                ax.plot(*score[-1, :2], "o", color=colour, ms=2, label="_end")
            ax.set_title(title)
            ax.xaxis.set_major_locator(MaxNLocator(nbins=2))
            ax.set_xlabel("PC 1 of the reference")
            limits = [(float(found.score.values[..., c].min()), float(found.score.values[..., c].max())) for c in (0, 1)]
            ax.set_xlim(limits[0][0] - 0.01, limits[0][1] + 0.01)
            ax.set_ylim(limits[1][0] - 0.01, limits[1][1] + 0.01)
        n = found.sizes["presentation"]
        panels[2 * k].set_ylabel(f"{name} decision ({n} conditions)\nPC 2 of the reference")
        text = f"Procrustes distance {float(found.procrustes):.2f}"
        panels[2 * k + 1].text(0.5, 0.02, text, transform=panels[2 * k + 1].transAxes, ha="center", fontsize=6)
    marks = [
        Line2D([], [], color=COLOURS["blue"], label="evidence for the first choice"),
        Line2D([], [], color=COLOURS["vermilion"], label="for the second; paler = weaker"),
    ]
    fig.legend(handles=marks, loc="outside lower center", ncols=2)
    panel_letter(panels)
    return fig
