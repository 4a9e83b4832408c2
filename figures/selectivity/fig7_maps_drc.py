"""Preferred orientation and spatial frequency at every position, the dynamical recurrent classifier and its untrained twin."""

from neurodyn.plot.preference_maps import draw_preference_maps

INPUTS = {"tuning": "selectivity/gratings_drc"}


def draw(tuning):
    return draw_preference_maps(tuning.sel(model_name="drc-cifar10-t5-s0"), "Dynamical recurrent classifier, sensor at rest")
