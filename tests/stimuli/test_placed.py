import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.experiment.placed_images import placed_images
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.placed import placed


def test_every_image_lies_at_every_place_and_nowhere_else():
    images = make_stimuli(np.random.default_rng(0).random((3, 2, 4, 5)), ["a", "b", "c"], label=np.arange(3))
    shown = placed(images, canvas=9, places={"up": (0, 1), "down": (5, 4)}, background=0.5)
    assert shown.shape == (6, 2, 9, 9)
    assert shown.stimulus_id.values.tolist() == ["a@up", "b@up", "c@up", "a@down", "b@down", "c@down"]
    assert shown.label.values.tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(shown.values[4, :, 5:9, 4:9], images.values[1].astype(np.float32))
    outside = shown.values.copy()
    outside[:3, :, 0:4, 1:6] = outside[3:, :, 5:9, 4:9] = 0.5
    assert (outside == 0.5).all()


def test_digits_at_three_places():
    shown = placed_images(n=30, image_size=16)
    assert shown.shape == (30, 1, 16, 16)
    assert set(shown.position.values) == {"left", "middle", "right"}
    left, right = (shown.values[shown.position.values == p] for p in ("left", "right"))
    np.testing.assert_array_equal(left[..., :10], right[..., 6:])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda i: placed(i, canvas=3, places={"a": (0, 0)}), "leave a canvas of 3"),
        (lambda i: placed(i, canvas=9, places={"a": (-1, 0)}), "keep them inside"),
        (lambda i: placed(i, canvas=9, places={}), "empty"),
        (lambda i: placed_images(size=16, image_size=16), "fix: size=8"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ConfigError, match=match):
        call(make_stimuli(np.zeros((1, 1, 4, 4))))
