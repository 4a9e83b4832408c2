"""Axes-level plots of saved results: no torch, no analysis."""

from neurodyn.plot.save_figure import plotted_numbers, save_figure
from neurodyn.plot.style import COLOURS, CYCLE, figure, house_style, panel_letter, use_house_style

__all__ = ["COLOURS", "CYCLE", "figure", "house_style", "panel_letter", "plotted_numbers", "save_figure", "use_house_style"]
