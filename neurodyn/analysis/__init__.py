"""Analyses: pure functions from a model or labelled arrays to a Dataset, one a file."""

from neurodyn.analysis.accuracy_contrasts import accuracy_contrasts
from neurodyn.analysis.anytime_accuracy import anytime_accuracy
from neurodyn.analysis.association_field import association_field
from neurodyn.analysis.attractors import attractors
from neurodyn.analysis.autocorrelation import autocorrelation
from neurodyn.analysis.bifurcation import bifurcation
from neurodyn.analysis.ceiling import ceiling
from neurodyn.analysis.coadaptation import coadaptation
from neurodyn.analysis.condition_contrasts import condition_contrasts
from neurodyn.analysis.control_responses import control_responses
from neurodyn.analysis.decoding import decoding
from neurodyn.analysis.dimensionality import dimensionality
from neurodyn.analysis.dynamical_similarity import dynamical_similarity
from neurodyn.analysis.early_stopping import early_stopping
from neurodyn.analysis.eigenspectrum import eigenspectrum
from neurodyn.analysis.factorial import factorial
from neurodyn.analysis.fit_over_time import fit_over_time
from neurodyn.analysis.fixation_statistics import fixation_statistics
from neurodyn.analysis.fixed_points import fixed_points
from neurodyn.analysis.frequency_gain import frequency_gain
from neurodyn.analysis.gabor_preferences import gabor_preferences
from neurodyn.analysis.glimpse_controls import glimpse_controls
from neurodyn.analysis.glimpse_weights import glimpse_weights
from neurodyn.analysis.grating_series import grating_series
from neurodyn.analysis.grating_tuning import grating_tuning
from neurodyn.analysis.halting import halting
from neurodyn.analysis.halting_difficulty import halting_difficulty
from neurodyn.analysis.hysteresis import hysteresis
from neurodyn.analysis.image_selectivity import image_selectivity
from neurodyn.analysis.krylov_convergence import krylov_convergence
from neurodyn.analysis.layer_spectra import layer_spectra
from neurodyn.analysis.layer_tuning import layer_tuning
from neurodyn.analysis.lesion_curve import lesion_curve
from neurodyn.analysis.lesions import lesions
from neurodyn.analysis.lyapunov_exponents import lyapunov_exponents
from neurodyn.analysis.network_cost import network_cost
from neurodyn.analysis.noise_robustness import noise_robustness
from neurodyn.analysis.non_normality import non_normality
from neurodyn.analysis.object_information import object_information
from neurodyn.analysis.object_selectivity import object_selectivity
from neurodyn.analysis.object_solution_time import object_solution_time
from neurodyn.analysis.optimal_stimulus import optimal_stimulus
from neurodyn.analysis.perturbation_growth import perturbation_growth
from neurodyn.analysis.pooled_responses import pooled_responses
from neurodyn.analysis.predictivity import predictivity
from neurodyn.analysis.predictivity_comparison import predictivity_comparison
from neurodyn.analysis.predictivity_map import predictivity_map
from neurodyn.analysis.quality_contrasts import quality_contrasts
from neurodyn.analysis.reaction_times import reaction_times
from neurodyn.analysis.receptive_field import receptive_field
from neurodyn.analysis.reconstruction_endpoints import reconstruction_endpoints
from neurodyn.analysis.reconstruction_errors import reconstruction_errors
from neurodyn.analysis.representational_geometry import representational_geometry
from neurodyn.analysis.robustness import robustness
from neurodyn.analysis.search_gains import search_gains
from neurodyn.analysis.selectivity_lesions import selectivity_lesions
from neurodyn.analysis.selectivity_plane import selectivity_plane
from neurodyn.analysis.sensor_paths import sensor_paths
from neurodyn.analysis.sensor_view import sensor_view
from neurodyn.analysis.sequence_responses import sequence_responses
from neurodyn.analysis.settling import settling
from neurodyn.analysis.singular_spectrum import singular_spectrum
from neurodyn.analysis.solution_type import solution_type
from neurodyn.analysis.speed_accuracy import speed_accuracy
from neurodyn.analysis.stream_partition import stream_partition
from neurodyn.analysis.stream_replay import stream_replay
from neurodyn.analysis.tag_propagation import tag_propagation
from neurodyn.analysis.temporal_generalisation import temporal_generalisation
from neurodyn.analysis.temporal_stability import temporal_stability
from neurodyn.analysis.time_course_match import time_course_match
from neurodyn.analysis.trajectories import trajectories
from neurodyn.analysis.trajectory_alignment import trajectory_alignment

__all__ = [
    "accuracy_contrasts",
    "anytime_accuracy",
    "association_field",
    "attractors",
    "autocorrelation",
    "bifurcation",
    "ceiling",
    "coadaptation",
    "condition_contrasts",
    "control_responses",
    "decoding",
    "dimensionality",
    "dynamical_similarity",
    "early_stopping",
    "eigenspectrum",
    "factorial",
    "fit_over_time",
    "fixation_statistics",
    "fixed_points",
    "frequency_gain",
    "gabor_preferences",
    "glimpse_controls",
    "glimpse_weights",
    "grating_series",
    "grating_tuning",
    "halting",
    "halting_difficulty",
    "hysteresis",
    "image_selectivity",
    "krylov_convergence",
    "layer_spectra",
    "layer_tuning",
    "lesion_curve",
    "lesions",
    "lyapunov_exponents",
    "network_cost",
    "noise_robustness",
    "non_normality",
    "object_information",
    "object_selectivity",
    "object_solution_time",
    "optimal_stimulus",
    "perturbation_growth",
    "pooled_responses",
    "predictivity",
    "predictivity_comparison",
    "predictivity_map",
    "quality_contrasts",
    "reaction_times",
    "receptive_field",
    "reconstruction_endpoints",
    "reconstruction_errors",
    "representational_geometry",
    "robustness",
    "search_gains",
    "selectivity_lesions",
    "selectivity_plane",
    "sensor_paths",
    "sensor_view",
    "sequence_responses",
    "settling",
    "singular_spectrum",
    "solution_type",
    "speed_accuracy",
    "stream_partition",
    "stream_replay",
    "tag_propagation",
    "temporal_generalisation",
    "temporal_stability",
    "time_course_match",
    "trajectories",
    "trajectory_alignment",
]
