"""Maps of four channels of every layer, networks with feedback and behind a moving sensor, each beside its untrained twin."""

from neurodyn.plot.preference_maps import draw_map_atlas

INPUTS = {"feedback": "selectivity/gratings_feedback", "drc": "selectivity/gratings_drc", "teacher": "selectivity/gratings_drc-teacher"}
AREAS = ("area1.u", "area1.d", "area1", "area2", "area3")
NOTE = (
    "First four channels of each layer, one pixel a position: trained (left of a pair) and untrained twin (right).\n"
    "u: bottom-up input, d: top-down input; those of other areas are summarised elsewhere."
)


def draw(feedback, drc, teacher):
    names = {str(k): str(k).removeprefix("feedback-").replace("-", ",\n") for k in feedback.model_name.values}
    names |= {str(k): str(k).removeprefix("drc-cifar10-").removesuffix("-s0") for k in drc.model_name.values} | {"drc-teacher-cifar10": "teacher"}
    blocks = [("feedback", feedback, AREAS), ("sensor", drc, ("gru1", "gru2", "gru3", "features")), ("", teacher, ("features",))]
    return draw_map_atlas(blocks, names, NOTE)
