"""Preferred orientation and spatial frequency at every position, CordsNet on digits and its untrained twin."""

from neurodyn.plot.preference_maps import draw_preference_maps

INPUTS = {"tuning": "selectivity/gratings_cordsnet"}


def draw(tuning):
    return draw_preference_maps(tuning.sel(model_name="cordsnet-digits"), "CordsNet on digits")
