"""Reaction times from evidence that grows at a known rate."""

import numpy as np
import pytest

from neurodyn.analysis import reaction_times
from neurodyn.errors import NeurodynError
from neurodyn.schema import make_responses


def growing(rates=(0.2, 0.5, 1.0), steps=12, layer="readout", label=True, dt_ms=10.0):
    """The evidence for class 1 grows by `rate` a step in each trial."""
    values = np.zeros((len(rates), 2, steps), np.float32)
    values[:, 1] = np.outer(rates, np.arange(1, steps + 1))
    coords = {"stimulus_id": np.array([f"s{i}" for i in range(len(rates))])}
    if label:
        coords["label"] = np.ones(len(rates), int)
    units = {"neuroid_id": np.array(["c0", "c1"]), "layer": np.repeat(layer, 2)}
    return make_responses(values, stimulus_coords=coords, neuroid_coords=units, step=np.arange(steps), step_end=np.arange(steps) + 1, dt_ms=dt_ms)


def test_reaction_times_in_closed_form():
    """p(class 1) = sigmoid(rate t) passes 0.9 when rate t passes ln 9."""
    rates = np.array([0.2, 0.5, 1.0])
    found = reaction_times(growing(rates), threshold=0.9)
    threshold = found.sel(decoder="threshold")
    expected = np.ceil(np.log(9) / rates).astype(int) - 1
    assert threshold.reaction_step.values.tolist() == expected.tolist()
    assert threshold.reaction_ms.values.tolist() == (10.0 * (expected + 1)).tolist()
    assert found.accuracy.values.tolist() == [1.0] * 4 and bool(threshold.reached.all())
    assert bool((np.diff(found.confidence_by_step) > 0).all())


def test_the_window_is_kept_and_untimed_models_have_steps_only():
    found = reaction_times(growing(dt_ms=None), first_step=3, last_step=6)
    assert found.step.values.tolist() == [3, 4, 5, 6] and "reaction_ms" not in found
    assert set(found.reaction_step.sel(decoder="last").values) == {6}


@pytest.mark.parametrize(
    ("responses", "options", "match"),
    [
        (growing(layer="conv1"), {}, r'Record\(layers=\("readout",\)\)'),
        (growing(label=False), {}, "0 labels for 3 presentations"),
        (growing(), {"first_step": 20}, "holds none of the 12 steps"),
        (growing(), {"decoders": ["treshold"]}, "did you mean `threshold`"),
    ],
)
def test_bad_input(responses, options, match):
    with pytest.raises(NeurodynError, match=match):
        reaction_times(responses, **options)
