"""Maps of four channels of every layer, networks on CIFAR-10 that differ by their cell, each beside its untrained twin."""

from neurodyn.plot.preference_maps import draw_map_atlas

INPUTS = {"tuning": "selectivity/gratings_convrnn"}
LAYERS = ("conv1", "conv2", "conv3", "conv4")
NOTE = (
    "First four channels of each layer, one pixel a position: trained (left of a pair) and untrained twin (right).\n"
    "The deeper feedforward network has two more layers, summarised elsewhere."
)


def draw(tuning):
    names = {str(k): str(k).removeprefix("convrnn-").replace("feedforward-", "feedforward,\n") for k in tuning.model_name.values}
    return draw_map_atlas([("", tuning, LAYERS)], names, NOTE)
