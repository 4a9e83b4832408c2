"""Perfect mazes of any size with the way from start to goal.

A maze of size s has n = (s + 1) / 2 cells a side.  A randomised depth-first search from the start cell carves a spanning tree, so that there
is exactly one way between any two cells.  On the raster of (2n + 1) x (2n + 1) squares cell (x, y) is square (2y + 1, 2x + 1), passages
between cells are white and all else is black; the start is green and the goal red.  Every square becomes 2 x 2 pixels inside a
border of one pixel: an image of 4n + 4 = 2s + 6 pixels a side.

Source: the layout of the public easy-to-hard mazes (Schwarzschild et al. 2021).  The older layout has a fixed canvas of 32 pixels for all
sizes, with walls drawn as lines; its line width is our choice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, DataError, unknown_name
from neurodyn.schema import PRESENTATION, make_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["Maze", "fill_depth", "image_side", "maze", "mazes", "render", "solve", "stream"]

WALLS = ("carved", "lines")
PLACES = ("centre", "random")
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@dataclass(frozen=True)
class Maze:
    """One maze on its raster.

    Attributes
    ----------
    open : bool array, (row, column)
        White squares, 2n + 1 a side.
    start, goal : (row, column)
        Squares.
    path : int array, (step, 2)
        Row and column of every square on the way, both ends included.
    """

    open: np.ndarray
    start: tuple[int, int]
    goal: tuple[int, int]
    path: np.ndarray

    @property
    def path_length(self) -> int:
        """Steps from square to square between start and goal."""
        return len(self.path) - 1

    @property
    def solution(self) -> np.ndarray:
        """The squares on the way, bool (row, column)."""
        mask = np.zeros_like(self.open)
        mask[self.path[:, 0], self.path[:, 1]] = True
        return mask


def maze(size: int, *, seed: int, index: int = 0) -> Maze:
    """Draw one maze.

    Parameters
    ----------
    size : int
        Odd, 3 or more; (size + 1) / 2 cells a side.
    seed : int
    index : int
        Which maze of the stream keyed by (seed, size); maze i never depends on how many are drawn.

    Returns
    -------
    Maze

    Raises
    ------
    ConfigError
        If the size is even or below 3.

    Examples
    --------
    >>> one = maze(9, seed=0)
    >>> one.open.shape, int(one.open.sum())
    ((11, 11), 49)
    """
    n = n_cells(size)
    random = numpy_generator(seed, "mazes", size, index)
    start, goal = (divmod(int(k), n) for k in random.choice(n * n, 2, replace=False))
    draws = iter(random.random(n * n))
    open_ = np.zeros((2 * n + 1, 2 * n + 1), bool)
    open_[2 * start[0] + 1, 2 * start[1] + 1] = True
    came_from: dict[tuple[int, int], tuple[int, int]] = {start: start}
    stack = [start]
    while len(came_from) < n * n:
        row, column = stack[-1]
        choices = [(row + dy, column + dx) for dy, dx in _NEIGHBOURS if 0 <= row + dy < n and 0 <= column + dx < n and (row + dy, column + dx) not in came_from]
        if not choices:
            stack.pop()
            continue
        chosen = choices[int(next(draws) * len(choices))]
        came_from[chosen] = (row, column)
        open_[2 * chosen[0] + 1, 2 * chosen[1] + 1] = True
        open_[row + chosen[0] + 1, column + chosen[1] + 1] = True
        stack.append(chosen)
    cells = [goal]
    while cells[-1] != start:
        cells.append(came_from[cells[-1]])
    cells = cells[::-1]
    squares = [(2 * cells[0][0] + 1, 2 * cells[0][1] + 1)]
    for (r0, c0), (r1, c1) in pairwise(cells):
        squares += [(r0 + r1 + 1, c0 + c1 + 1), (2 * r1 + 1, 2 * c1 + 1)]
    return Maze(open_, squares[0], squares[-1], np.asarray(squares))


def solve(open_: np.ndarray, start: tuple[int, int], goal: tuple[int, int]) -> np.ndarray:
    """The shortest way between two open squares of any raster, perfect maze or not.

    Parameters
    ----------
    open_ : bool array, (row, column)
    start, goal : (row, column)

    Returns
    -------
    int array, (step, 2)
        Both ends included.

    Raises
    ------
    DataError
        If an end is a wall or no way leads from one to the other.

    Examples
    --------
    >>> solve(np.ones((1, 3), bool), (0, 0), (0, 2)).tolist()
    [[0, 0], [0, 1], [0, 2]]
    """
    open_ = np.asarray(open_, bool)
    for name, (row, column) in (("start", start), ("goal", goal)):
        inside = 0 <= row < open_.shape[0] and 0 <= column < open_.shape[1]
        if not inside or not open_[row, column]:
            raise DataError("mazes.solve", f"the {name} {(row, column)} is {'a wall' if inside else 'outside the raster'}", expected="an open square")
    came_from = {tuple(start): tuple(start)}
    queue = deque(came_from)
    while queue and tuple(goal) not in came_from:
        row, column = queue.popleft()
        for dy, dx in _NEIGHBOURS:
            there = (row + dy, column + dx)
            if 0 <= there[0] < open_.shape[0] and 0 <= there[1] < open_.shape[1] and open_[there] and there not in came_from:
                came_from[there] = (row, column)
                queue.append(there)
    if tuple(goal) not in came_from:
        raise DataError(
            "mazes.solve",
            f"no way leads from the start {tuple(start)} to the goal {tuple(goal)}: {len(came_from)} of {int(open_.sum())} open squares can be reached",
            expected="a maze whose start and goal are connected",
        )
    path = [tuple(goal)]
    while path[-1] != tuple(start):
        path.append(came_from[path[-1]])
    return np.asarray(path[::-1])


def fill_depth(one: Maze) -> int:
    """Sweeps of filling dead ends until only the way is left.

    Every sweep blackens, all at once, the open squares that have at most one open neighbour and are neither start nor goal.  It is what a network
    must wait for if it finds the way by local filling, and it has little to do with the length of the way: a short way leaves long dead ends.

    Examples
    --------
    >>> corridor = Maze(np.ones((1, 7), bool), (0, 0), (0, 2), np.array([[0, 0], [0, 1], [0, 2]]))
    >>> fill_depth(corridor)
    4
    """
    open_ = np.pad(one.open, 1)
    kept = np.zeros_like(open_)
    for row, column in (one.start, one.goal):
        kept[row + 1, column + 1] = True
    depth = 0
    while True:
        neighbours = sum(np.roll(open_, step, axis).astype(int) for step in (-1, 1) for axis in (0, 1))
        dead = open_ & (neighbours <= 1) & ~kept
        if not dead.any():
            return depth
        open_ = open_ & ~dead
        depth += 1


def render(one: Maze, *, walls: str = "carved", canvas: int | None = None, corner: tuple[int, int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Draw a maze and its solution.

    Parameters
    ----------
    one : Maze
    walls : {"carved", "lines"}
        Walls as wide as corridors (2 pixels), or lines one pixel wide between corridors of 3 pixels.
    canvas : int, optional
        Side of a fixed black canvas, pixels; as large as the maze when absent.
    corner : (row, column), optional
        Where the maze's image begins on the canvas; centred when absent.

    Returns
    -------
    pixels : float32 array, (channel, row, column)
    solution : bool array, (row, column)

    Raises
    ------
    ConfigError
        If the maze does not fit on the canvas.
    """
    if walls not in WALLS:
        raise unknown_name("mazes.render", "walls", walls, WALLS)
    colours = np.repeat(one.open[None].astype(np.float32), 3, axis=0)
    colours[:, one.start[0], one.start[1]] = (0, 1, 0)
    colours[:, one.goal[0], one.goal[1]] = (1, 0, 0)
    layers = np.concatenate([colours, one.solution[None].astype(np.float32)])
    widths = np.full(one.open.shape[0], 2) if walls == "carved" else np.where(np.arange(one.open.shape[0]) % 2, 3, 1)
    drawn = np.repeat(np.repeat(layers, widths, axis=1), widths, axis=2)
    side = 2 * one.open.shape[0] + 2
    drawn = np.pad(drawn, ((0, 0), *(((1, side - 1 - drawn.shape[1]),) * 2)))
    if canvas is not None:
        if canvas < side:
            raise ConfigError("mazes.render", f"a maze of {side} pixels does not fit a canvas of {canvas}", expected=f"{side} or more", fix=f"canvas={side}")
        top, left = corner if corner is not None else ((canvas - side) // 2,) * 2
        if not (0 <= top <= canvas - side and 0 <= left <= canvas - side):
            raise ConfigError("mazes.render", f"`corner` is {(top, left)}", expected=f"0..{canvas - side} for both")
        drawn = np.pad(drawn, ((0, 0), (top, canvas - side - top), (left, canvas - side - left)))
    return drawn[:3], drawn[3].astype(bool)


def mazes(
    size: int = 9,
    *,
    n: int = 100,
    walls: str = "carved",
    canvas: int | None = None,
    place: str = "centre",
    min_length: int = 1,
    first: int = 0,
    seed: int,
) -> xr.DataArray:
    """Draw `n` mazes with their solutions.

    Parameters
    ----------
    size : int
        Odd; 9, 11, 13 ... in the papers.
    n : int
    walls, canvas
        Of :func:`render`; ``canvas=32`` gives the fixed canvas of the older layout.
    place : {"centre", "random"}
        Where on a canvas larger than the maze.
    min_length : int
        Shortest way from start to goal, in squares; mazes with a shorter one are drawn again.
    first : int
        Index of the first maze of the stream: batches (first=0, n=50) and (first=50, n=50) are the first hundred.
    seed : int

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        Coords of presentation: ``maze_size``, ``path_length`` (squares), ``fill_depth`` (sweeps), ``start_row`` ... ``goal_column`` (pixels, upper left
        of the square); the coord ``solution``, bool (presentation, row, column), holds the way.

    Raises
    ------
    ConfigError
        A size that is even or too small, an unknown layout, or a `min_length` that no maze met in 1000 draws.

    Examples
    --------
    >>> some = mazes(9, n=2, seed=0)
    >>> some.shape, bool((some.solution.values <= (some.values.max(axis=1) > 0)).all())
    ((2, 3, 24, 24), True)
    """
    if place not in PLACES:
        raise unknown_name("mazes", "place", place, PLACES)
    if n < 1 or first < 0:
        raise ConfigError("mazes", f"`n` is {n} and `first` is {first}", expected="one maze or more, from index 0 on")
    side = image_side(size)
    pixels, solutions, rows = [], [], []
    for index in range(first, first + n):
        one = _long_enough(size, min_length, seed, index)
        corner = None
        if canvas is not None and place == "random" and canvas >= side:
            corner = tuple(int(k) for k in numpy_generator(seed, "mazes", size, index, "place").integers(0, canvas - side + 1, 2))
        drawn, solution = render(one, walls=walls, canvas=canvas, corner=corner)  # type: ignore[arg-type]
        pixels.append(drawn)
        solutions.append(solution)
        green, red = ((drawn[k] > drawn[other]).nonzero() for k, other in ((1, 0), (0, 1)))
        rows.append((one.path_length, fill_depth(one), green[0][0], green[1][0], red[0][0], red[1][0]))
    table = np.asarray(rows)
    names = ("path_length", "fill_depth", "start_row", "start_column", "goal_row", "goal_column")
    stimuli = make_stimuli(
        np.stack(pixels),
        [f"maze-{size}-{seed}-{k:06d}" for k in range(first, first + n)],
        maze_size=np.full(n, size),
        **{name: table[:, k] for k, name in enumerate(names)},
    )
    stimuli.coords["solution"] = ((PRESENTATION, "row", "column"), np.stack(solutions))
    stimuli.path_length.attrs["units"] = "square"
    stimuli.fill_depth.attrs["units"] = "sweep"
    return stimuli


def stream(size: int = 9, *, batch_size: int = 50, seed: int, **options: object) -> Iterator[xr.DataArray]:
    """Yield batches of mazes without end; batch k is ``mazes(size, n=batch_size, first=k * batch_size)``.

    Examples
    --------
    >>> batches = stream(5, batch_size=2, seed=0)
    >>> next(batches).stimulus_id.values.tolist(), next(batches).stimulus_id.values.tolist()
    (['maze-5-0-000000', 'maze-5-0-000001'], ['maze-5-0-000002', 'maze-5-0-000003'])
    """
    first = 0
    while True:
        yield mazes(size, n=batch_size, first=first, seed=seed, **options)  # type: ignore[arg-type]
        first += batch_size


def image_side(size: int) -> int:
    """Side of the image of a maze, 2 size + 6 pixels.

    Examples
    --------
    >>> image_side(9), image_side(13)
    (24, 32)
    """
    return 4 * n_cells(size) + 4


def n_cells(size: int) -> int:
    """Cells a side, (size + 1) / 2.

    Raises
    ------
    ConfigError
        If the size is even or below 3.
    """
    if int(size) != size or size < 3 or size % 2 == 0:
        near = max(3, int(size) // 2 * 2 + 1)
        raise ConfigError("mazes", f"`size` is {size}", expected="an odd number, 3 or more", fix=f"size={near}")
    return (int(size) + 1) // 2


def _long_enough(size: int, min_length: int, seed: int, index: int) -> Maze:
    one = maze(size, seed=seed, index=index)
    for k in range(1000):
        if one.path_length >= min_length:
            return one
        one = maze(size, seed=seed, index=(index + 1) * 1_000_003 + k)
    raise ConfigError("mazes", f"no maze of size {size} with a way of {min_length} squares or more in 1000 draws", expected="a shorter `min_length`")
