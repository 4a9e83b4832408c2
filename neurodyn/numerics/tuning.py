"""Tuning curves of many units at once: preferred values, bandwidths and indices; each idea in a module of its own, gathered here."""

from neurodyn.numerics.contrast_response import naka_rushton
from neurodyn.numerics.direction_tuning import DirectionFit, circular_variance, cross_validated_selectivity, fit_direction
from neurodyn.numerics.frequency_tuning import FrequencyFit, fit_frequency
from neurodyn.numerics.plane_tuning import PlaneFit, fit_plane
from neurodyn.numerics.time_course import latency, transience
from neurodyn.numerics.tuning_surface import separability, speed_slope, suppression_index

__all__ = [
    "DirectionFit",
    "FrequencyFit",
    "PlaneFit",
    "circular_variance",
    "cross_validated_selectivity",
    "fit_direction",
    "fit_frequency",
    "fit_plane",
    "latency",
    "naka_rushton",
    "separability",
    "speed_slope",
    "suppression_index",
    "transience",
]
