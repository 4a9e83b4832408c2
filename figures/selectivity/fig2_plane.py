"""The plane of spatial and temporal selectivity, by layer, trained and untrained, with intervals."""

from neurodyn.plot.selectivity_plane import draw_selectivity_planes

INPUTS = {"plane": "selectivity/plane_cordsnet-digits"}


def draw(plane):
    return draw_selectivity_planes(plane, "CordsNet on digits")
