"""Mazes: spanning trees with one way, drawn where and how the papers draw them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, DataError
from neurodyn.stimuli.mazes import fill_depth, image_side, maze, mazes, render, solve, stream

SIZES = st.integers(1, 8).map(lambda k: 2 * k + 1)


@settings(max_examples=25, deadline=None)
@given(SIZES, st.integers(0, 10_000))
def test_a_maze_is_a_spanning_tree_with_one_way(size, seed):
    one = maze(size, seed=seed)
    n = (size + 1) // 2
    cells = one.open[1::2, 1::2]
    edges = int(one.open.sum() - cells.sum())
    assert cells.all() and edges == n * n - 1  # n^2 cells, n^2 - 1 passages ...
    assert not one.open[::2, ::2].any()  # ... and no crossings between them
    rows, columns = np.nonzero(one.open)
    for row, column in list(zip(rows, columns, strict=True))[:5]:
        solve(one.open, one.start, (int(row), int(column)))  # all connected
    np.testing.assert_array_equal(solve(one.open, one.start, one.goal), one.path)  # independent code finds the same way
    steps = np.abs(np.diff(one.path, axis=0)).sum(axis=1)
    assert (steps == 1).all() and one.open[one.path[:, 0], one.path[:, 1]].all()
    assert one.start != one.goal


@settings(max_examples=10, deadline=None)
@given(SIZES, st.integers(0, 100), st.sampled_from(["carved", "lines"]))
def test_images_hold_the_way_and_both_ends(size, seed, walls):
    pixels, solution = render(maze(size, seed=seed), walls=walls)
    assert pixels.shape == (3, 2 * size + 6, 2 * size + 6) == (3, image_side(size), image_side(size))
    white = pixels.max(axis=0) > 0
    assert (solution <= white).all() and not white[0].any() and not white[:, 0].any()
    green, red = (pixels[k] > pixels[other] for k, other in ((1, 0), (0, 1)))
    width = 4 if walls == "carved" else 9
    assert green.sum() == red.sum() == width and solution[green].all() and solution[red].all()
    if walls == "carved":
        n = (size + 1) // 2
        assert white.sum() == 4 * (2 * n * n - 1)
        assert solution.sum() == 4 * (maze(size, seed=seed).path_length + 1)


def test_a_batch_is_a_part_of_the_stream():
    whole = mazes(7, n=6, seed=3)
    batches = stream(7, batch_size=3, seed=3)
    for k in range(2):
        part = next(batches)
        np.testing.assert_array_equal(part.values, whole.values[3 * k : 3 * k + 3])
        np.testing.assert_array_equal(part.solution.values, whole.solution.values[3 * k : 3 * k + 3])
        assert part.stimulus_id.values.tolist() == whole.stimulus_id.values[3 * k : 3 * k + 3].tolist()
    assert (mazes(7, n=6, seed=4).values != whole.values).any()


def test_path_lengths_agree_with_the_published_statistics():
    published = {9: (21.7, 11.4), 13: (40.6, 20.5)}
    for size, (mean, sd) in published.items():
        found = mazes(size, n=400, seed=0).path_length.values
        assert abs(found.mean() - mean) < 3 * sd * np.sqrt(1 / 400 + 1 / 600)
        assert abs(found.std() - sd) < 0.15 * sd


def test_the_fixed_canvas_of_the_older_layout():
    small, large = mazes(9, n=4, canvas=32, seed=0), mazes(13, n=4, canvas=32, seed=0)
    assert small.shape[-2:] == large.shape[-2:] == (32, 32)
    np.testing.assert_array_equal(small.values[:, :, 4:28, 4:28], mazes(9, n=4, seed=0).values)
    moved = mazes(9, n=8, canvas=32, place="random", seed=0)
    assert len({int(k) for k in moved.start_row.values - mazes(9, n=8, seed=0).start_row.values}) > 1
    np.testing.assert_allclose(moved.values.sum(axis=(1, 2, 3)), mazes(9, n=8, seed=0).values.sum(axis=(1, 2, 3)))


@settings(max_examples=10, deadline=None)
@given(SIZES, st.integers(0, 100))
def test_filling_dead_ends_takes_as_many_sweeps_as_the_farthest_square_off_the_way_is_away(size, seed):
    one = maze(size, seed=seed)
    away = {tuple(square): 0 for square in one.path.tolist()}
    queue = list(away)
    for square in queue:
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            there = (square[0] + dy, square[1] + dx)
            if there not in away and one.open[there]:
                away[there] = away[square] + 1
                queue.append(there)
    assert fill_depth(one) == max(away.values())


def test_a_least_length_is_kept():
    assert mazes(7, n=20, min_length=16, seed=0).path_length.values.min() >= 16


def test_solve_takes_the_shortest_way_where_there_are_several():
    open_ = np.ones((3, 3), bool)
    open_[1, 1] = False
    assert len(solve(open_, (0, 0), (2, 1))) == 4


def test_a_maze_without_a_way_is_refused():
    one = maze(9, seed=0)
    cut = one.open.copy()
    middle = one.path[len(one.path) // 2]
    cut[middle[0], middle[1]] = False
    with pytest.raises(DataError, match="no way leads from the start"):
        solve(cut, one.start, one.goal)


BAD = [
    (lambda: maze(8, seed=0), ConfigError, "size=9"),
    (lambda: maze(1, seed=0), ConfigError, "size=3"),
    (lambda: mazes(9, n=0, seed=0), ConfigError, "one maze or more"),
    (lambda: mazes(9, n=1, walls="hedges", seed=0), ConfigError, "unknown walls"),
    (lambda: mazes(9, n=1, place="middle", seed=0), ConfigError, "unknown place"),
    (lambda: mazes(9, n=1, canvas=20, seed=0), ConfigError, "canvas=24"),
    (lambda: mazes(5, n=1, min_length=500, seed=0), ConfigError, "in 1000 draws"),
    (lambda: render(maze(9, seed=0), canvas=32, corner=(9, 0)), ConfigError, "0..8"),
    (lambda: solve(np.ones((2, 2), bool), (0, 0), (5, 0)), DataError, "outside the raster"),
    (lambda: solve(np.eye(2, dtype=bool), (0, 1), (0, 0)), DataError, "is a wall"),
]


@pytest.mark.parametrize(("call", "error", "match"), BAD)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_different_seeds_and_sizes_give_different_mazes():
    drawn = [maze(9, seed=s, index=i).open.tobytes() for s, i in itertools.product(range(3), range(3))]
    assert len(set(drawn)) == 9
