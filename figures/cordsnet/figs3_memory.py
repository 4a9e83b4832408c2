"""A ring, a line and four points of memory: what the delay looks like depends on the angles that were trained (after CordsNet, figures 1D and S3)."""

import numpy as np
from matplotlib.lines import Line2D

from neurodyn.plot import COLOURS, figure, panel_letter

SETS = ("ring", "line", "points")
INPUTS = {f"{which}_{kind}": f"cordsnet/figs3_{which}_{kind}" for which in SETS for kind in ("trajectories", "fixed_points", "attractors")}
EPOCHS = (("stimulus, 0.1 to 0.5 s", 100, 500), ("delay, to 1.3 s", 500, 1300), ("response, to 1.7 s", 1300, 1700))
TRAINED = {"ring": "trained on all angles", "line": "trained on 0 to 180 degrees", "points": "trained on 4 angles"}


def draw(**results):
    fig = figure("double", 150)
    panels = fig.subplots(len(SETS), len(EPOCHS))
    for row, which in zip(panels, SETS, strict=True):
        paths, points, settled = (results[f"{which}_{k}"] for k in ("trajectories", "fixed_points", "attractors"))
        hue = _wheel(paths.angle.values / (2 * np.pi))
        time = paths.time_bin_start.values
        at = (points.state.values - paths.center.values) @ paths.loading.values[:, :2]
        for ax, (name, begin, end) in zip(row, EPOCHS, strict=True):
            now = (time >= begin - 20) & (time < end)
            for score, colour in zip(paths.score.values, hue, strict=True):
                ax.plot(score[now, 0], score[now, 1], color=colour, lw=0.5, alpha=0.7, label="_path")
            ax.scatter(*paths.score.values[:, now][:, -1, :2].T, c=hue, s=7, lw=0, zorder=3, label="_end")
            ax.set_title(name if which == "ring" else "")
            ax.set_xlim(*_limits(np.concatenate([paths.score.values[..., 0].ravel(), at[:, 0]])))
            ax.set_ylim(*_limits(np.concatenate([paths.score.values[..., 1].ravel(), at[:, 1]])))
            ax.set_xlabel(f"PC 1 ({100 * float(paths.explained_variance_ratio[0]):.0f} %)")
        row[0].set_ylabel(f"{TRAINED[which]}\nPC 2 ({100 * float(paths.explained_variance_ratio[1]):.0f} %)")
        _fixed(row[1], at, points.stable.values)
        n = int(points.stable.sum())
        size = np.nanmax(np.abs(points.eigenvalue.values), axis=1)
        near = int((np.abs(size - 1) < 0.03).sum())
        rest = f"{n} of {len(size)} stable, {near} with |eigenvalue| 1 ± 0.03"
        row[1].text(0.5, 0.02, rest, transform=row[1].transAxes, ha="center", fontsize=5.5)
        kinds = np.asarray(settled.start_regime.values).astype(str)
        held = f"40 s of delay: {int((kinds != 'unsettled').sum())} of {len(kinds)} at rest, at {int(settled.n_rest_points)} points"
        row[2].text(0.5, 0.02, held, transform=row[2].transAxes, ha="center", fontsize=5.5)
    marks = [
        Line2D([], [], marker="o", ls="", color="black", ms=4, label="stable fixed point of the delay"),
        Line2D([], [], marker="o", ls="", mfc="white", mec="black", ms=4, label="unstable one"),
        Line2D([], [], marker="o", ls="", color=COLOURS["grey"], ms=2.5, label="end of the epoch, one of 64 angles (colour), no noise"),
    ]
    fig.legend(handles=marks, loc="outside lower center", ncols=3, fontsize=6)
    panel_letter(panels[:, 0])
    return fig


def _wheel(share):
    import matplotlib

    return matplotlib.colormaps["twilight_shifted"](0.04 + 0.92 * share)


def _limits(values):
    low, high = float(values.min()), float(values.max())
    return low - 0.14 * (high - low), high + 0.06 * (high - low)


def _fixed(ax, at, is_stable):
    for x, y, stable in zip(*at.T, is_stable, strict=True):
        ax.plot([x], [y], "o", ms=4, mfc="black" if stable else "white", mec="black", mew=0.7, zorder=5, label="_fixed point")
