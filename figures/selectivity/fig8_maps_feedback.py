"""Preferred orientation and spatial frequency at every position, the network with feedback and its untrained twin."""

from neurodyn.plot.preference_maps import draw_preference_maps

INPUTS = {"tuning": "selectivity/gratings_feedback"}


def draw(tuning):
    return draw_preference_maps(tuning.sel(model_name="feedback-top"), "Network with feedback on CIFAR-10")
