"""Analyses: pure functions from a model or labelled arrays to a Dataset, one a file."""

from neurodyn.analysis.eigenspectrum import eigenspectrum
from neurodyn.analysis.fixed_points import fixed_points
from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.analysis.lyapunov_exponents import lyapunov_exponents
from neurodyn.analysis.robustness import robustness
from neurodyn.analysis.trajectories import trajectories

__all__ = [
    "eigenspectrum",
    "fixed_points",
    "grating_tuning",
    "lyapunov_exponents",
    "robustness",
    "trajectories",
]
