"""Four measurements of one trained network: trajectories, eigenvalues, attractors, and the prediction of recordings."""

import numpy as np

from neurodyn.plot import COLOURS, CYCLE, figure, panel_letter, plot_eigenspectrum, plot_fixed_points, plot_predictivity, plot_trajectories

INPUTS = {
    "trajectories": "cordsnet/fig4c_trajectories",
    "jacobian": "cordsnet/fig4b_jacobian",
    "points": "cordsnet/fig4c_fixed_points",
    "predictivity": "overview/predictivity",
}


def draw(trajectories, jacobian, points, predictivity):
    fig = figure("double", 120)
    (moving, spectrum), (attractors, prediction) = fig.subplots(2, 2)
    labels = trajectories.label.values
    order = np.argsort(labels, kind="stable")
    time, on = trajectories.time_bin_start.values, trajectories.time_bin_start.values >= -20
    for n, row in enumerate(order[:3]):
        for c, style in ((0, "-"), (1, (0, (3, 1.5)))):
            moving.plot(time[on], trajectories.score.values[row, on, c], color=CYCLE[n], ls=style, label=f"digit {labels[row]}, PC {c + 1}")
    moving.set_xlabel("Time from image onset (ms)")
    moving.set_ylabel("Activity (a.u.)")
    moving.set_title("An image moves the last area")
    moving.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2), columnspacing=1.0)
    for k, name, colour in ((1, "untrained twin", COLOURS["grey"]), (0, "trained", COLOURS["blue"])):
        plot_eigenspectrum(spectrum, jacobian.isel(untrained=k), label=name, colour=colour)
    leading = jacobian.step_eigenvalue.values[np.isfinite(jacobian.step_eigenvalue.values)]
    low, high = float(leading.real.min()), float(np.abs(leading.imag).max())
    spectrum.set_aspect("auto")  # the imaginary parts are small: an equal aspect would leave a thin strip
    spectrum.set_xlim(low - 0.05 * (1 - low), 1 + 0.08 * (1 - low))
    spectrum.set_ylim(-1.15 * high, 1.15 * high)
    spectrum.set_title("Eigenvalues of one step around its end state")
    spectrum.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    colours = {str(trajectories.stimulus_id.values[row]): CYCLE[n] for n, row in enumerate(order[:3])}
    plot_trajectories(attractors, trajectories, presentations=list(order), colours=[*CYCLE[:3], *["0.8"] * (len(order) - 3)])
    plot_fixed_points(attractors, points, trajectories, colours=colours)
    n_searched = len(np.unique(points.presentation.values))
    attractors.set_title(f"Each image settles at a point of its own\n({len(order)} images, fixed points searched for {n_searched})")
    attractors.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    scores = {name: predictivity.isel(untrained=k) for k, name in ((0, "the model itself"), (1, "untrained twin"))}
    plot_predictivity(prediction, scores, colours={"the model itself": COLOURS["blue"], "untrained twin": COLOURS["grey"]})
    prediction.axhline(1, color="0.5", lw=0.6, ls=(0, (4, 2)), label="_ceiling")
    prediction.set_title("Prediction of synthetic recordings made from the model")
    panel_letter([moving, spectrum, attractors, prediction])
    return fig
