"""Chains of paddles on an occupancy map: the geometry of PathFinder.

A paddle is a short line; its occupancy is the same line grown by a margin.  Positions are pixels of the canvas (row, column), directions are radians
with row = sin and column = cos.  All stencils are cached, and the occupancy is kept beside its own dilation, so that placing a paddle touches
nothing but a small patch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

__all__ = ["Geometry", "Occupancy", "Paddle", "candidates", "disk", "grow", "seed_contour", "stencil", "translate"]

OCCUPIED = 0.3
OVERLAP = 1.8


@dataclass(frozen=True)
class Geometry:
    """Sizes of a display, in pixels of the canvas.

    Attributes
    ----------
    canvas : int
        Rows and columns.
    length, thickness, margin : int
        Of a paddle, and how far its occupancy reaches beyond its ink.
    padding : int
        Border that holds no paddle.
    seed_distance : int
        Between the first tips of the two contours.
    seed_border : int
        Border that holds no first paddle of the first contour.
    marker_radius : int
    continuity : float
        c of the growth rule; a contour never turns by more than 90 / c degrees.
    antialias : int
    """

    canvas: int = 300
    length: int = 5
    thickness: int = 2
    margin: int = 3
    padding: int = 22
    seed_distance: int = 27
    seed_border: int = 54
    marker_radius: int = 5
    continuity: float = 1.8
    antialias: int = 2

    @property
    def reach(self) -> int:
        """Half the side of a paddle's patch."""
        return self.length + self.thickness + self.margin


@dataclass(frozen=True)
class Paddle:
    """Where a paddle lies.

    Attributes
    ----------
    tail, head : (row, column)
    pivot : (row, column)
        Point around which the head was chosen, `margin` pixels behind the tail.
    direction : float
        From tail to head, radians.
    """

    tail: tuple[int, int]
    head: tuple[int, int]
    pivot: tuple[int, int]
    direction: float


@dataclass
class Occupancy:
    """What is taken, and the same dilated by the margin.

    Attributes
    ----------
    taken, dilated : array, (row, column)
    """

    taken: np.ndarray
    dilated: np.ndarray
    log: list[tuple[tuple[slice, slice], np.ndarray, tuple[slice, slice], np.ndarray]] = field(default_factory=list)

    @classmethod
    def empty(cls, geometry: Geometry) -> Occupancy:
        """A free canvas inside its padding."""
        taken = np.ones((geometry.canvas, geometry.canvas), np.float32)
        p = geometry.padding
        taken[p : geometry.canvas - p, p : geometry.canvas - p] = 0
        dilated = np.ones_like(taken)
        q = p + geometry.margin
        dilated[q : geometry.canvas - q, q : geometry.canvas - q] = 0
        return cls(taken, dilated)

    def paste(self, paddle: Paddle, geometry: Geometry) -> None:
        """Take the place of a paddle; :meth:`undo` gives it back."""
        _, occupied, grown = stencil(_flip(paddle.direction), geometry)
        near, part = _patch(paddle.head, occupied, self.taken.shape)
        far, far_part = _patch(paddle.head, grown, self.taken.shape)
        self.log.append((near, self.taken[near].copy(), far, self.dilated[far].copy()))
        np.maximum(self.taken[near], part, out=self.taken[near])
        np.maximum(self.dilated[far], far_part, out=self.dilated[far])

    def undo(self, n_kept: int) -> None:
        """Give back all but the first `n_kept` paddles."""
        while len(self.log) > n_kept:
            near, before, far, far_before = self.log.pop()
            self.taken[near] = before
            self.dilated[far] = far_before

    def overlap(self, paddle: Paddle, geometry: Geometry) -> float:
        """Largest sum of a paddle's occupancy and what is taken."""
        occupied = stencil(_flip(paddle.direction), geometry)[1]
        near, part = _patch(paddle.head, occupied, self.taken.shape)
        return float((self.taken[near] + part).max())

    @property
    def free_share(self) -> float:
        """Share of the canvas that is free."""
        return float((self.taken <= OCCUPIED).mean())


def translate(point: tuple[int, int], direction: float, distance: float) -> tuple[int, int]:
    """Move a point; both coordinates are rounded up.

    Examples
    --------
    >>> translate((10, 10), 0.0, 5)
    (10, 15)
    """
    return math.ceil(point[0] + distance * math.sin(direction)), math.ceil(point[1] + distance * math.cos(direction))


@lru_cache(maxsize=4096)
def stencil(direction: float, geometry: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ink, occupancy and dilated occupancy of a line from the centre of a patch along `direction`; each (row, column) in [0, 1]."""
    from PIL import Image, ImageDraw
    from scipy.ndimage import grey_dilation

    fine, reach = geometry.antialias, geometry.reach
    side = 2 * reach * fine + 1
    centre = reach * fine
    end = translate((centre, centre), direction, geometry.length * fine)
    drawn = Image.new("F", (side, side), 0)
    ImageDraw.Draw(drawn).line([(centre, centre), (end[1], end[0])], fill=1, width=geometry.thickness * fine)
    grown = Image.fromarray(grey_dilation(np.asarray(drawn), footprint=_round(geometry.margin * fine), mode="constant"))
    small = (2 * reach + 1, 2 * reach + 1)
    ink, occupied = (np.clip(np.asarray(im.resize(small, Image.Resampling.LANCZOS)), 0, 1).astype(np.float32) for im in (drawn, grown))
    wide = grey_dilation(np.pad(occupied, geometry.margin), footprint=_round(geometry.margin), mode="constant")
    return ink, occupied, wide


@lru_cache(maxsize=16)
def disk(geometry: Geometry) -> np.ndarray:
    """A marker, anti-aliased, (row, column) in [0, 1]."""
    fine, radius = 8, geometry.marker_radius
    place = (np.arange((2 * radius + 3) * fine) + 0.5) / fine - (radius + 1.5)
    inside = (place[:, None] ** 2 + place[None] ** 2 <= (radius + 0.5) ** 2).astype(np.float32)
    return inside.reshape(2 * radius + 3, fine, 2 * radius + 3, fine).mean(axis=(1, 3))


@lru_cache(maxsize=16)
def candidates(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Whole pixels on the circle of radius length + margin around a pivot: offsets (candidate, 2) and their directions."""
    radius = geometry.length + geometry.margin
    angle = np.arange(0.0, 2 * math.pi, 1.0 / radius)
    offsets = np.unique(np.floor(radius * np.stack([np.sin(angle), np.cos(angle)], axis=1) + 1e-9).astype(int), axis=0)
    return offsets, np.arctan2(offsets[:, 0], offsets[:, 1])


def seed_contour(occupancy: Occupancy, geometry: Geometry, random: np.random.Generator, *, border: int = 0, tries: int = 400) -> Paddle | None:
    """A first paddle of random direction, its tail uniform over the places where it touches nothing; None if `tries` draws found none."""
    direction = float(random.integers(-180, 180)) * math.pi / 180
    occupied = stencil(direction, geometry)[1] > 0.5
    reach, side = geometry.reach, geometry.canvas
    low = max(reach, border)
    if side - 2 * low < 1:
        return None
    for row, column in random.integers(low, side - low, (tries, 2)):
        if (occupancy.taken[row - reach : row + reach + 1, column - reach : column + reach + 1][occupied] <= OCCUPIED).all():
            return first_paddle((int(row), int(column)), direction, geometry)
    return None


def first_paddle(tail: tuple[int, int], direction: float, geometry: Geometry) -> Paddle:
    """A paddle that begins at `tail`; its pivot lies `margin` pixels behind."""
    head = translate(tail, direction, geometry.length)
    return Paddle(tail, head, translate(head, _flip(direction), geometry.length + geometry.margin), direction)


def grow(last: Paddle, occupancy: Occupancy, geometry: Geometry, random: np.random.Generator, *, tries: int = 3) -> Paddle | None:
    """The next paddle of a contour, or None where there is no room.

    The pivot moves by length + 2 margin along the last direction; heads on the circle around it are drawn with weight
    (1 - dilated occupancy) max(0, cos(min(c |turn|, pi / 2)))^2; a draw is refused where paddle and occupancy overlap.
    """
    pivot = translate(last.pivot, last.direction, geometry.length + 2 * geometry.margin)
    offsets, directions = candidates(geometry)
    heads = offsets + np.asarray(pivot)
    reach = geometry.reach
    inside = ((heads >= reach) & (heads < geometry.canvas - reach)).all(axis=1)
    if not inside.any():
        return None
    heads, directions = heads[inside], directions[inside]
    turn = np.abs(directions - last.direction)
    turn = np.minimum(turn, 2 * math.pi - turn)
    weight = (1 - occupancy.dilated[heads[:, 0], heads[:, 1]]) * np.cos(np.minimum(geometry.continuity * turn, math.pi / 2)).clip(0) ** 2
    total = weight.sum()
    if total < 1e-4:
        return None
    cumulative = np.cumsum(weight / total)
    for _ in range(tries):
        k = min(int(np.searchsorted(cumulative, random.random(), side="right")), len(heads) - 1)
        head, direction = (int(heads[k, 0]), int(heads[k, 1])), float(directions[k])
        paddle = Paddle(translate(head, _flip(direction), geometry.length), head, pivot, direction)
        if occupancy.overlap(paddle, geometry) < OVERLAP:
            return paddle
    return None


def _flip(direction: float) -> float:
    return round(direction + math.pi if direction < 0 else direction - math.pi, 9)


def _round(radius: int) -> np.ndarray:
    place = np.arange(-radius, radius + 1)
    return place[:, None] ** 2 + place[None] ** 2 <= radius**2


def _patch(centre: tuple[int, int], small: np.ndarray, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
    """Where a patch lands on the canvas, and the part of it that does."""
    half = small.shape[0] // 2
    places, parts = [], []
    for at, size in zip(centre, shape, strict=True):
        start = at - half
        places.append(slice(max(start, 0), min(start + small.shape[0], size)))
        parts.append(slice(places[-1].start - start, places[-1].stop - start))
    return (places[0], places[1]), small[parts[0], parts[1]]
