"""The plane of spatial and temporal selectivity in the network with feedback, trained and untrained, with intervals."""

from neurodyn.plot.selectivity_plane import draw_selectivity_planes

INPUTS = {"plane": "selectivity/plane_feedback"}


def draw(plane):
    return draw_selectivity_planes(plane.isel(model=[0, 1]), "Network with feedback on CIFAR-10")
