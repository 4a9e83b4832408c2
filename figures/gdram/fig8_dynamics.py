"""The recurrent cores: eigenvalues of a whole step after the last glimpse, and their paths over six glimpses."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"spectra": "gdram/eigenspectra", "paths": "gdram/trajectories"}
MODELS = {"gdram-mnist": ("corrected", "vermilion"), "gdram-mnist-paper": ("paper's", "blue")}


def draw(spectra, paths):
    fig = figure("double", 68)
    axes = fig.subplots(1, 4)
    angle = np.linspace(0, 2 * np.pi, 300)
    for ax, (name, (label, colour)) in zip(axes, MODELS.items(), strict=False):
        ax.plot(np.cos(angle), np.sin(angle), color="0.6", linewidth=0.6)
        for k, untrained in enumerate(spectra.untrained.values):
            grey = str(untrained).lower() == "true"
            values = spectra.eigenvalue.sel(model_name=name).isel(untrained=k).values.ravel()
            values = values[np.isfinite(values)]
            shade = COLOURS["grey"] if grey else COLOURS[colour]
            ax.scatter(
                values.real, values.imag, s=5, marker="x" if grey else "o", color=shade, linewidth=0.5, alpha=0.7, label="untrained" if grey else "trained"
            )
        ax.set(xlabel="real part", aspect="equal", title=f"{label} training", xlim=(-1.1, 1.35), ylim=(-1.2, 1.2))
        beyond = int((np.abs(spectra.eigenvalue.sel(model_name=name).values) > 1.4).sum())
        if beyond:
            ax.text(0.98, 0.03, f"{beyond} beyond the axes", transform=ax.transAxes, ha="right", fontsize=5.2)
        ax.legend(fontsize=5.6, loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=2, handletextpad=0.1, columnspacing=1)
    axes[0].set_ylabel("imaginary part")
    wheel = [COLOURS[c] for c in ("blue", "vermilion", "green", "purple", "orange", "sky", "yellow", "black", "grey")] + ["#7f4f24"]
    for ax, layers in zip(axes[2:], paths.layers.values, strict=True):
        one = paths.sel(layers=layers)
        label = one.label.values.astype(int)
        for digit in range(10):
            mean = one.score.isel(presentation=np.nonzero(label == digit)[0]).mean("presentation")
            ax.plot(mean[:, 0], mean[:, 1], color=wheel[digit], marker="o", markersize=2, linewidth=0.9)
            ax.annotate(str(digit), (float(mean[-1, 0]), float(mean[-1, 1])), fontsize=6, color=wheel[digit], xytext=(2, 2), textcoords="offset points")
        share = 100 * one.explained_variance_ratio.values
        which = "recognition" if "recognition" in str(layers) else "location"
        ax.set(xlabel=f"component 1 ({share[0]:.0f} %)", ylabel=f"component 2 ({share[1]:.0f} %)", title=f"{which} core")
    note = f"a, b: at {spectra.sizes['presentation']} test canvases; c, d: means of {paths.sizes['presentation']} test canvases by digit"
    fig.supxlabel(note, fontsize=6, color="0.3")
    panel_letter(axes, dx=-14)
    return fig
