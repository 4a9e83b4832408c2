"""Preferred orientation and spatial frequency at every position, the reciprocal gated network and its untrained twin."""

from neurodyn.plot.preference_maps import draw_preference_maps

INPUTS = {"tuning": "selectivity/gratings_convrnn"}


def draw(tuning):
    return draw_preference_maps(tuning.sel(model_name="convrnn-rgc"), "Reciprocal gated network on CIFAR-10")
