"""The plane of spatial and temporal selectivity in the reciprocal gated network, trained and untrained, with intervals."""

from neurodyn.plot.selectivity_plane import draw_selectivity_planes

INPUTS = {"plane": "selectivity/plane_convrnn"}


def draw(plane):
    return draw_selectivity_planes(plane.isel(model=[0, 1]), "Reciprocal gated network on CIFAR-10")
