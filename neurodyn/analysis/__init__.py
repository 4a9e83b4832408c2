"""Analyses: pure functions from a model or labelled arrays to a Dataset, one a file."""

from neurodyn.analysis.eigenspectrum import eigenspectrum
from neurodyn.analysis.fixed_points import fixed_points
from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.analysis.lyapunov_exponents import lyapunov_exponents
from neurodyn.analysis.representational_geometry import representational_geometry
from neurodyn.analysis.robustness import robustness
from neurodyn.analysis.trajectories import trajectories

__all__ = [
    "eigenspectrum",
    "fixed_points",
    "grating_tuning",
    "lyapunov_exponents",
    "representational_geometry",
    "robustness",
    "trajectories",
]
