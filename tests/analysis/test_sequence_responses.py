import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis import sequence_responses
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator

PATTERNS = {"held": [[0, 20.0]], "one then the other": [[0, 8.0], [-1, 4.0], [1, 8.0]]}


def setup():
    model = nd.build("cordsnet", depth=2, channels=4, image_size=8, n_classes=3, in_channels=1)
    return model, make_stimuli(numpy_generator(0, "x").random((2, 1, 8, 8), dtype=np.float32))


def test_what_is_shown_when():
    model, stimuli = setup()
    ds = sequence_responses(model, stimuli, patterns=PATTERNS, before_ms=4.0, n_neuroids=5, seed=0)
    assert ds.image.values.tolist() == [[-1, -1] + [0] * 10, [-1, -1] + [0] * 4 + [-1] * 2 + [1] * 4]
    assert ds.time_bin_start.values[:3].tolist() == [-4.0, -2.0, 0.0]
    assert ds.activity.shape == (2, 12, 5)
    np.testing.assert_allclose(ds.probability.sum("class"), 1, rtol=1e-6)
    np.testing.assert_allclose(ds.probability[0, :6], ds.probability[1, :6], rtol=1e-5)  # equal until they differ
    assert float(abs(ds.probability[0, 8:] - ds.probability[1, 8:]).max()) > 1e-6


def test_a_held_image_is_a_plain_simulation():
    model, stimuli = setup()
    ds = sequence_responses(model, stimuli, patterns={"held": [[1, 20.0]]}, before_ms=4.0, n_neuroids=128, layer="area0", seed=0)
    plain = nd.simulate(model, stimuli[1:], nd.Schedule.ms(before=4, stimulus=20), nd.Record(layers=("area0",), neuroids=128, seed=0))
    np.testing.assert_allclose(ds.activity[0], plain.values[0].T, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"patterns": {"a": [[2, 10.0]]}}, ConfigError, "shows image 2 of 2"),
        ({"layer": "area9"}, ConfigError, "unknown layer"),
    ],
)
def test_bad_input(changes, error, match):
    model, stimuli = setup()
    with pytest.raises(error, match=match):
        sequence_responses(model, stimuli, **{"patterns": PATTERNS, "n_neuroids": 5, "seed": 0, **changes})
    with pytest.raises(SchemaError, match="stimuli"):
        sequence_responses(model, stimuli[..., :4], patterns=PATTERNS, seed=0)
