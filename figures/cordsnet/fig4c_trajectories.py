"""Trajectories of the last area for three images: each settles at a fixed point of its own, and returns once the image is gone (after CordsNet, figure 4C)."""

import numpy as np

from neurodyn.plot import CYCLE, figure, panel_letter, plot_fixed_points, plot_trajectories

INPUTS = {"trajectories": "cordsnet/fig4c_trajectories", "points": "cordsnet/fig4c_fixed_points", "trial": "cordsnet/fig4c_return"}
OFF_MS = 200


def draw(trajectories, points, trial):
    fig = figure("double", 72)
    plane, speed, away = fig.subplots(1, 3, width_ratios=[1.25, 1, 1])
    shown = [int(np.flatnonzero(trajectories.label.values == k)[0]) for k in (0, 1, 2)]
    names = [f"digit {trajectories.label.values[k]}" for k in shown]
    plot_trajectories(plane, trajectories, presentations=shown, labels=names)
    plot_fixed_points(plane, points, trajectories, colours={str(trajectories.stimulus_id.values[k]): c for k, c in zip(shown, CYCLE, strict=False)})
    time = trial.time_bin_start.values
    after = time >= OFF_MS - 2
    for n, (row, colour) in enumerate(zip(shown, CYCLE, strict=False)):
        label = "image off: back to rest" if n == 0 else f"_back {n}"
        path = trial.score.transpose("presentation", "time_bin", "component").values[row, after]
        plane.plot(path[:, 0], path[:, 1], color=colour, lw=0.8, ls=(0, (2, 1.2)), zorder=1, label=label)
    plane.legend(loc="best")
    plane.set_title("Trained CordsNet, last area")
    others = [k for k in range(trial.sizes["presentation"]) if k not in shown]
    here = time >= -10
    still = np.where(trial.speed.values > 1e-8, trial.speed.values, np.nan)  # below: rounding of float32
    far = np.where(trial.distance.values > 1e-7, trial.distance.values, np.nan)
    for ax, values in ((speed, still), (away, far)):
        for n, row in enumerate(others):
            ax.semilogy(time[here], values[row, here], color="0.8", lw=0.6, zorder=0, label=f"{len(others)} other images" if n == 0 else f"_other {n}")
        for row, name, colour in zip(shown, names, CYCLE, strict=False):
            ax.semilogy(time[here], values[row, here], color=colour, label=name)
        ax.axvspan(0, OFF_MS, color="0.95", lw=0, zorder=-1, label="_image on")
        ax.set_xlabel("Time from onset (ms)")
    speed.set_ylabel("Speed (|change of rates| per step)")
    speed.set_title("Rest under the image, rest after")
    away.set_ylabel("Distance from state before onset")
    away.set_title("Back to rest (grey: image on)")
    speed.legend(loc="best")
    panel_letter([plane, speed, away])
    return fig
