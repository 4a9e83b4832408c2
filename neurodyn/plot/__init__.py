"""Axes-level plots of saved results: no torch, no analysis."""

from neurodyn.plot.eigenspectrum import plot_eigenspectrum
from neurodyn.plot.fixed_points import plot_fixed_points
from neurodyn.plot.predictivity import plot_predictivity
from neurodyn.plot.save_figure import plotted_numbers, save_figure
from neurodyn.plot.style import COLOURS, CYCLE, figure, house_style, panel_letter, use_house_style
from neurodyn.plot.trajectories import plot_trajectories

__all__ = [
    "COLOURS",
    "CYCLE",
    "figure",
    "house_style",
    "panel_letter",
    "plot_eigenspectrum",
    "plot_fixed_points",
    "plot_predictivity",
    "plot_trajectories",
    "plotted_numbers",
    "save_figure",
    "use_house_style",
]
