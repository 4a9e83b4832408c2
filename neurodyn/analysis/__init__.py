"""Analyses: pure functions from a model or labelled arrays to a Dataset, one a file."""

from neurodyn.analysis.condition_contrasts import condition_contrasts
from neurodyn.analysis.eigenspectrum import eigenspectrum
from neurodyn.analysis.fit_over_time import fit_over_time
from neurodyn.analysis.fixed_points import fixed_points
from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.analysis.lyapunov_exponents import lyapunov_exponents
from neurodyn.analysis.reaction_times import reaction_times
from neurodyn.analysis.representational_geometry import representational_geometry
from neurodyn.analysis.robustness import robustness
from neurodyn.analysis.search_gains import search_gains
from neurodyn.analysis.trajectories import trajectories

__all__ = [
    "condition_contrasts",
    "eigenspectrum",
    "fit_over_time",
    "fixed_points",
    "grating_tuning",
    "lyapunov_exponents",
    "reaction_times",
    "representational_geometry",
    "robustness",
    "search_gains",
    "trajectories",
]
