"""Preferred orientation and spatial frequency at every position, the reciprocal gated network and its untrained twin."""

from neurodyn.plot.preference_maps import draw_preference_maps

INPUTS = {"tuning": "selectivity/maps_convrnn"}


def draw(tuning):
    return draw_preference_maps(tuning, "Reciprocal gated network on CIFAR-10")
