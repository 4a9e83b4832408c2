"""Cluttered canvases for experiments: the target's box is where the digit is, and what cannot be is refused."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.experiment.cluttered_images import cluttered_images


def test_the_box_holds_the_digit_after_enlarging():
    images = cluttered_images("digits", n=5, canvas=20, image_size=40, n_distractors=0, distractor_size=3)
    rows, columns = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    for image in images:
        top, left, side = float(image.target_row), float(image.target_column), float(image.target_size)
        inside = (rows >= top - 1) & (rows <= top + side) & (columns >= left - 1) & (columns <= left + side)
        assert image.values[0][inside].sum() == pytest.approx(image.values.sum(), rel=1e-4)


def test_validation_and_test_share_no_image():
    names = [set(cluttered_images("digits", split=s, n=20, canvas=12, image_size=12, distractor_size=3).stimulus_id.values) for s in ("test", "validation")]
    assert not names[0] & names[1]


def test_bad_input():
    with pytest.raises(ConfigError, match='"test" or "validation"'):
        cluttered_images("digits", split="train", n=2, canvas=12)
    with pytest.raises(ConfigError, match="at most 359"):
        cluttered_images("digits", n=1000, canvas=12)
