"""Preferred orientation and spatial frequency at every position, the dynamical recurrent classifier and its untrained twin."""

from neurodyn.plot.preference_maps import draw_preference_maps

INPUTS = {"tuning": "selectivity/maps_drc"}


def draw(tuning):
    return draw_preference_maps(tuning, "Dynamical recurrent classifier, sensor at rest")
