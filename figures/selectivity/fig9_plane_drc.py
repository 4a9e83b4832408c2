"""The plane of spatial and temporal selectivity in the dynamical recurrent classifier, trained and untrained, with intervals."""

from neurodyn.plot.selectivity_plane import draw_selectivity_planes

INPUTS = {"plane": "selectivity/plane_drc"}


def draw(plane):
    return draw_selectivity_planes(plane.isel(model=[0, 1]), "Dynamical recurrent classifier (10 frames)")
