"""Trajectories of the last area for three images: each settles at a fixed point of its own (after CordsNet, figure 4C)."""

import numpy as np

from neurodyn.plot import CYCLE, figure, panel_letter, plot_fixed_points, plot_trajectories

INPUTS = {"trajectories": "cordsnet/fig4c_trajectories", "points": "cordsnet/fig4c_fixed_points"}


def draw(trajectories, points):
    fig = figure("double", 72)
    plane, speed = fig.subplots(1, 2, width_ratios=[1.2, 1])
    shown = [int(np.flatnonzero(trajectories.label.values == k)[0]) for k in (0, 1, 2)]
    names = [f"digit {trajectories.label.values[k]}" for k in shown]
    plot_trajectories(plane, trajectories, presentations=shown, labels=names)
    plot_fixed_points(plane, points, trajectories, colours={str(trajectories.stimulus_id.values[k]): c for k, c in zip(shown, CYCLE, strict=False)})
    plane.legend(loc="best")
    plane.set_title("Trained CordsNet, last area, image held on")
    time = trajectories.time_bin_start.values
    on = time >= -10
    moving = np.where(trajectories.speed.values > 1e-8, trajectories.speed.values, np.nan)  # below: rounding of float32
    for row, name, colour in zip(shown, names, CYCLE, strict=False):
        speed.semilogy(time[on], moving[row, on], color=colour, label=name)
    others = [k for k in range(trajectories.sizes["presentation"]) if k not in shown]
    for n, row in enumerate(others):
        name = f"{len(others)} other images" if n == 0 else "_other"
        speed.semilogy(time[on], moving[row, on], color="0.8", lw=0.6, zorder=0, label=name)
        speed.set_xlabel("Time from image onset (ms)")
    speed.set_ylabel("Speed (|change of rates| per step)")
    speed.set_title("Activity comes to rest")
    speed.legend(loc="best")
    panel_letter([plane, speed])
    return fig
