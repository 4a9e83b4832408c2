"""PathFinder: the published geometry, two visible disks, and how much the distance of the disks gives away."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import ConfigError
from neurodyn.stimuli.pathfinder import Geometry, display, pathfinder, stream

SMALL = {"canvas": 110, "geometry": {"padding": 10, "seed_border": 30}, "n_distractors": 2}
SMALL_GEOMETRY = Geometry(canvas=110, padding=10, seed_border=30)


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 12), st.integers(0, 1000))
def test_geometry_of_a_display(n_paddles, seed):
    one = display(n_paddles, seed=seed)
    assert [len(c) for c in one.contours[:2]] == [n_paddles, n_paddles] and one.label in (0, 1)
    assert all(len(c) == max(1, n_paddles // 3) for c in one.contours[2:]) and len(one.contours) <= 17
    for contour in one.contours:
        for last, new in pairwise(contour):
            assert math.dist(last.pivot, new.pivot) == pytest.approx(11, abs=math.sqrt(2))  # length + 2 margin, rounded up to pixels
            turn = abs(math.remainder(new.direction - last.direction, 2 * math.pi))
            assert turn <= math.radians(50) + 1e-6  # 90 / c
        for paddle in contour:
            assert math.dist(paddle.tail, paddle.head) == pytest.approx(5, abs=math.sqrt(2))
    first, second = (c[0].tail for c in one.contours[:2])
    assert math.dist(first, second) == pytest.approx(27, abs=1)
    tips = [p for c in one.contours[:2] for paddle in c for p in (paddle.tail, paddle.head)]
    assert min(min(p) for p in tips) >= 22 - 10 and max(max(p) for p in tips) <= 300 - 22 + 10


@settings(max_examples=12, deadline=None)
@given(st.integers(4, 12), st.integers(0, 1000))
def test_disks_mark_tips_as_the_label_says(n_paddles, seed):
    one = display(n_paddles, seed=seed)
    origin, end = one.markers
    assert origin == one.tips(one.marked)[0]
    assert end == one.tips(one.marked if one.label else 1 - one.marked)[1]
    ink, ids = one.ink(), one.contour_id()
    for row, column in one.markers:  # visible at full brightness: pi 5^2 = 79 pixels
        window = ink[row - 4 : row + 5, column - 4 : column + 5]
        assert window.min() >= 0 and (window > 0.95).mean() > 0.7 and ink[row, column] == 1
    assert set(np.unique(ids)) >= {0, 1, 2} and ids.max() <= len(one.contours)


def test_other_contours_stay_clear_of_each_other():
    from neurodyn.stimuli._contours import Occupancy

    one = display(9, seed=1)
    taken = Occupancy.empty(Geometry())
    for contour in one.contours[2:]:  # the two first paddles may cross, as in the published generator
        others = Occupancy.empty(Geometry())
        for other in one.contours[:2]:
            for paddle in other:
                others.paste(paddle, Geometry())
        assert max(others.overlap(p, Geometry()) for p in contour) < 1.8
        assert max(taken.overlap(p, Geometry()) for p in contour) < 1.8
        for paddle in contour:
            taken.paste(paddle, Geometry())


def test_a_batch_is_a_part_of_the_stream_and_labels_balance():
    whole = pathfinder(4, n=4, image_size=55, seed=3, **SMALL)
    batches = stream(4, batch_size=2, image_size=55, seed=3, **SMALL)
    for k in range(2):
        part = next(batches)
        np.testing.assert_array_equal(part.values, whole.values[2 * k : 2 * k + 2])
        np.testing.assert_array_equal(part.contour_id.values, whole.contour_id.values[2 * k : 2 * k + 2])
    labels = [display(3, n_distractors=0, geometry=SMALL_GEOMETRY, seed=0, index=k).label for k in range(300)]
    assert abs(np.mean(labels) - 0.5) < 3 * 0.5 / math.sqrt(300)


def shortcut(n_paddles, n, **options):
    """Accuracy of the best interval of disk distances, and the area under the ROC curve."""
    drawn = [display(n_paddles, n_distractors=0, seed=7, index=k, **options) for k in range(n)]
    distance, label = np.array([d.marker_distance for d in drawn]), np.array([d.label for d in drawn])
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, 25)))
    best = max(max(hit.mean(), 1 - hit.mean()) for a in edges for b in edges[edges > a] for hit in [((distance >= a) & (distance <= b)) == (label == 1)])
    pairs = distance[label == 1][:, None] - distance[label == 0][None]
    return best, ((pairs > 0) + 0.5 * (pairs == 0)).mean()


def test_the_distance_of_the_disks_gives_the_label_away_at_9_paddles_unless_matched():
    free, free_area = shortcut(9, 250)
    matched, matched_area = shortcut(9, 150, matched=True, tolerance_px=10.0)
    assert free > 0.68 and 0.3 < free_area < 0.5  # published generator: 77 %, area 0.42
    assert matched < 0.66 and abs(matched_area - 0.5) < 0.12  # what 150 displays and a fitted interval give by chance


def test_constant_clutter_keeps_the_number_of_paddles():
    for n_paddles in (6, 14):
        one = display(n_paddles, clutter="constant", seed=0)
        assert sum(len(c) for c in one.contours) == 88
    assert sum(len(c) for c in display(6, seed=0).contours) == 2 * 6 + 15 * 2


def test_segmentation_marks_one_contour():
    some = pathfinder(4, n=3, task="segmentation", image_size=55, seed=0, **SMALL)
    full = pathfinder(4, n=3, task="segmentation", seed=0, **SMALL)
    assert some.label.values.tolist() == [1, 1, 1] and np.isnan(some.marker_distance.values).all()
    for k in range(3):
        one = display(4, n_distractors=2, task="segmentation", geometry=SMALL_GEOMETRY, seed=0, index=k)
        inside = full.contour_id.values[k] == one.marked + 1
        assert (full.solution.values[k][inside & (full.values[k, 0] > 0.25)]).mean() > 0.97
        away = np.hypot(*(np.indices((110, 110)) - np.reshape(one.markers[0], (2, 1, 1)))) > 9  # disk and newest paddles may touch
        assert not full.solution.values[k][(full.contour_id.values[k] == 2 - one.marked) & away & ~inside].mean() > 0.1
        assert full.solution.values[k][one.markers[0]]
        row, column = (round(float(v[k])) for v in (some.marker_row, some.marker_column))
        assert some.solution.values[k, row, column]


def test_contours_that_cannot_be_placed_are_refused_with_the_settings():
    with pytest.raises(ConfigError, match=r"two contours of 40 paddles could not be placed in 5 tries \(matched=False.*canvas=110"):
        display(40, max_tries=5, geometry=SMALL_GEOMETRY, seed=0)
    with pytest.raises(ConfigError, match="seed_border=60"):
        display(3, max_tries=2, geometry=Geometry(canvas=110, seed_border=60), seed=0)


BAD = [
    (lambda: display(1, seed=0), "2 paddles or more"),
    (lambda: display(4, clutter="much", seed=0), "unknown clutter"),
    (lambda: display(4, task="detection", seed=0), "unknown task"),
    (lambda: display(4, geometry=Geometry(continuity=0.5), seed=0), "continuity=1.8"),
    (lambda: pathfinder(4, n=0, seed=0), "one display or more"),
    (lambda: pathfinder(4, n=1, image_size=400, seed=0), "8..300"),
    (lambda: pathfinder(4, n=1, cluter="scaled", seed=0), "did you mean `clutter`"),
]


@pytest.mark.parametrize(("call", "match"), BAD)
def test_bad_input(call, match):
    with pytest.raises(ConfigError, match=match):
        call()
