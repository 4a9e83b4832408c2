"""Maps of four channels of every layer, CordsNet and networks trained on macaque V4, each beside its untrained twin."""

from neurodyn.plot.preference_maps import draw_map_atlas

INPUTS = {
    "digits": "selectivity/gratings_cordsnet",
    "mnist": "selectivity/gratings_cordsnet-mnist",
    "cifar10": "selectivity/gratings_cordsnet-cifar10",
    "v4": "selectivity/gratings_v4",
}
AREAS = ("stem", "area0", "area1", "area2", "area3")
NOTE = "First four channels of each layer, one pixel a position: trained (left of a pair) and untrained twin (right)."


def short(label):
    name = str(label).removeprefix("convrnn-v4-").removeprefix("cordsnet-")
    return name.replace("-cnn", "\nCNN").replace("-delays", ", delays").replace("feedforward-", "feedforward\n")


def draw(digits, mnist, cifar10, v4):
    names = {str(k): short(k) for data in (digits, mnist, cifar10, v4) for k in data.model_name.values}
    blocks = [("CordsNet", digits, AREAS), ("", mnist, AREAS), ("", cifar10, AREAS), ("V4", v4, ("conv1", "conv2", "conv3"))]
    return draw_map_atlas(blocks, names, NOTE)
