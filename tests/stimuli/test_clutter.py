"""Cluttered canvases: the target is whole where it is said to be, and streams follow the stimulus."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.clutter import clutter


def digits(n=6):
    return make_stimuli(np.random.default_rng(0).random((n, 1, 8, 8)), [f"d{i}" for i in range(n)], label=np.arange(n))


def test_the_target_is_where_it_is_said_to_be():
    images = digits()
    out = clutter(images, canvas=24, n_distractors=4, distractor_size=3, seed=0)
    for i in range(6):
        y, x = int(out.target_row[i]), int(out.target_column[i])
        assert (out.values[i, :, y : y + 8, x : x + 8] >= images.values[i]).all()
    assert out.label.values.tolist() == list(range(6))


def test_without_distractors_nothing_else_is_there():
    images = digits()
    out = clutter(images, canvas=24, n_distractors=0, seed=0)
    np.testing.assert_allclose(out.values.sum(axis=(1, 2, 3)), images.values.sum(axis=(1, 2, 3)), rtol=1e-6)


def test_positions_follow_seed_and_stimulus():
    whole, part = clutter(digits(), canvas=24, seed=0), clutter(digits()[[4, 1]], canvas=24, seed=0)
    assert part.target_row.values.tolist() == whole.target_row.values[[4, 1]].tolist()
    assert (clutter(digits(), canvas=24, seed=1).target_row.values != whole.target_row.values).any()


def test_positions_are_uniform():
    many = make_stimuli(np.zeros((2000, 1, 4, 4)))
    rows = clutter(many, canvas=8, n_distractors=0, distractor_size=2, seed=0).target_row.values
    counts = np.bincount(rows, minlength=5)
    assert ((counts - 400) ** 2 / 400).sum() < 18.5  # chi-squared, 4 degrees of freedom, p = 0.001


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [({"canvas": 6}, "do not fit"), ({"canvas": 20, "distractor_size": 9}, "1..8")],
)
def test_bad_settings(kwargs, message):
    with pytest.raises(ConfigError, match=message):
        clutter(digits(), seed=0, **kwargs)


def test_one_image_has_no_others_to_cut_from():
    with pytest.raises(ConfigError, match="only one"):
        clutter(digits(1), canvas=20, seed=0)


def test_canvases_of_the_published_size():
    """Digits of 28 pixels on canvases of 128, and on canvases of 40 enlarged to 128 as the paper prepares them."""
    from neurodyn.experiment.cluttered_images import cluttered_images

    large = clutter(make_stimuli(np.ones((3, 1, 28, 28))), canvas=128, seed=0)
    assert large.shape == (3, 1, 128, 128)
    assert large.values.sum() >= 3 * 28 * 28
    enlarged = cluttered_images("digits", n=3, canvas=40, image_size=128)
    assert enlarged.shape == (3, 1, 128, 128)
    for image in enlarged:
        side, row, column = (float(image[f"target_{k}"]) for k in ("size", "row", "column"))
        assert side == pytest.approx(8 * 3.2)
        inside = image.values[0, int(row) : int(row + side) + 1, int(column) : int(column + side) + 1]
        assert inside.sum() > 0.1 * image.values.sum()
