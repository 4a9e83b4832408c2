"""PathFinder: do two disks mark the ends of one contour?

Two contours of N paddles grow in turn on a black canvas among shorter distractors.  One disk marks the first tip of one of them; the other marks
the last tip of the same contour (label 1) or of the other one (label 0).  Images of both labels come from one distribution: only the pairing of the
disks differs.

Source of the geometry: the public PathFinder generator (Linsley et al. 2018), canvas of 300 pixels, paddles of 5 x 2 pixels 11 pixels apart, 15
distractors of floor(N / 3) paddles.  Ours: disks as bright as paddles, the last paddle of both contours kept clear of distractors, and
the options `matched`, `clutter` and a smaller canvas.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, unknown_name
from neurodyn.schema import PRESENTATION, make_stimuli
from neurodyn.seeding import numpy_generator
from neurodyn.stimuli._contours import Geometry, Occupancy, Paddle, _flip, _patch, disk, first_paddle, grow, seed_contour, stencil

__all__ = ["Display", "Geometry", "display", "distance_observer", "pathfinder", "stream"]

CLUTTER = ("scaled", "constant")
TASKS = ("classification", "segmentation")
CONSTANT_TOTAL = 88  # paddles in all at N = 14: two contours and 15 distractors of 4


@dataclass(frozen=True)
class Display:
    """One display with everything that is on it.

    Attributes
    ----------
    contours : tuple of tuple of Paddle
        The two targets, then the distractors.
    label : int
        1 where both disks mark the same contour.
    marked : int
        The contour (0 or 1) whose first tip has a disk.
    markers : tuple of (row, column)
        One (segmentation) or two.
    n_rejected : int
        Pairs of contours that were begun and dropped.
    geometry : Geometry
    """

    contours: tuple[tuple[Paddle, ...], ...]
    label: int
    marked: int
    markers: tuple[tuple[int, int], ...]
    n_rejected: int
    geometry: Geometry = field(default_factory=Geometry)

    def tips(self, contour: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """First and last tip of a contour."""
        return self.contours[contour][0].tail, self.contours[contour][-1].head

    @property
    def marker_distance(self) -> float:
        """Pixels of the canvas between the two disks; NaN with one."""
        if len(self.markers) < 2:
            return math.nan
        return math.dist(*self.markers)

    def ink(self, contours: tuple[int, ...] | None = None, *, markers: bool = True) -> np.ndarray:
        """Draw some of the contours (all when absent), (row, column) in [0, 1]."""
        canvas = np.zeros((self.geometry.canvas,) * 2, np.float32)
        for k in range(len(self.contours)) if contours is None else contours:
            for paddle in self.contours[k]:
                _draw(canvas, paddle.head, stencil(_flip(paddle.direction), self.geometry)[0])
        for marker in self.markers if markers else ():
            _draw(canvas, marker, disk(self.geometry))
        return canvas

    def contour_id(self) -> np.ndarray:
        """Which contour the ink of each pixel belongs to, uint8 (row, column): 0 none, 1 and 2 the targets, 3 and on the distractors."""
        best = np.full((self.geometry.canvas,) * 2, 0.25, np.float32)
        ids = np.zeros(best.shape, np.uint8)
        for k, contour in enumerate(self.contours):
            for paddle in contour:
                ink = stencil(_flip(paddle.direction), self.geometry)[0]
                place, part = _patch(paddle.head, ink, best.shape)
                wins = part > best[place]
                best[place][wins] = part[wins]
                ids[place][wins] = min(k + 1, 255)
        return ids


def display(
    n_paddles: int = 14,
    *,
    n_distractors: int = 15,
    distractor_paddles: int | None = None,
    clutter: str = "scaled",
    matched: bool = False,
    tolerance_px: float = 6.0,
    task: str = "classification",
    geometry: Geometry | None = None,
    max_tries: int = 2000,
    seed: int,
    index: int = 0,
) -> Display:
    """Draw one display.

    Parameters
    ----------
    n_paddles : int
        N, paddles in either target; 6, 9, 14 ... in the papers.
    n_distractors : int
    distractor_paddles : int, optional
        Paddles in a distractor; floor(N / 3) when absent.
    clutter : {"scaled", "constant"}
        ``"constant"``: as many distractors of 4 paddles as bring the display to 88 paddles, so that neither ink nor clutter tells N.
    matched : bool
        Keep only pairs of contours whose two possible second disks are equally far from the first, within `tolerance_px`: the distance of the disks
        then says nothing about the label.
    task : {"classification", "segmentation"}
        Two disks and a label, or one disk and the contour it marks.
    geometry : Geometry, optional
    max_tries : int
        Pairs of contours begun before giving up.
    seed, index : int
        Display `index` of the stream keyed by (seed, n_paddles).

    Returns
    -------
    Display

    Raises
    ------
    ConfigError
        If the contours could not be placed; the settings are named.
    """
    geometry = geometry or Geometry()
    _check(n_paddles, n_distractors, clutter, task, geometry)
    random = numpy_generator(seed, "pathfinder", n_paddles, index)
    label, marked = int(random.integers(2)), int(random.integers(2))
    if task == "segmentation":
        label = 1
    for rejected in range(max_tries):
        occupancy = Occupancy.empty(geometry)
        pair = _two_contours(n_paddles, occupancy, geometry, random)
        if pair is None or (matched and not _alike(pair, marked, tolerance_px)):
            continue
        others = _distractors(n_paddles, n_distractors, distractor_paddles, clutter, occupancy, geometry, random)
        tail, head = pair[marked][0].tail, pair[marked if label else 1 - marked][-1].head
        markers = (tail,) if task == "segmentation" else (tail, head)
        return Display((*pair, *others), label, marked, markers, rejected, geometry)
    sizes = ", ".join(f"{k}={v}" for k, v in dataclasses.asdict(geometry).items())
    raise ConfigError(
        "pathfinder",
        f"two contours of {n_paddles} paddles could not be placed in {max_tries} tries (matched={matched}, tolerance_px={tolerance_px}, {sizes})",
        expected="room for them: fewer paddles, a larger canvas, less padding or seed_border, or a wider tolerance",
        fix=f"n_paddles={max(2, n_paddles // 2)}",
    )


def pathfinder(
    n_paddles: int = 14,
    *,
    n: int = 100,
    image_size: int | None = None,
    canvas: int = 300,
    geometry: dict[str, Any] | None = None,
    n_distractors: int = 15,
    matched: bool = False,
    first: int = 0,
    seed: int,
    **options: Any,
) -> xr.DataArray:
    """Draw `n` displays.

    Parameters
    ----------
    n_paddles : int
    n : int
    image_size : int, optional
        Side of the images; they are drawn at `canvas` pixels and reduced (bicubic).  The canvas when absent.
    canvas : int
    geometry : mapping, optional
        Further fields of :class:`Geometry`.
    n_distractors, matched
        Of :func:`display`.
    first : int
        Index of the first display of the stream: batches (first=0, n=50) and (first=50, n=50) are the first hundred.
    seed : int
    **options
        More of :func:`display`.

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        Grey.  Coords of presentation: ``label``, ``marked`` (id of the contour whose first tip has a disk), ``contour_paddles``, ``path_length``
        (11 (N - 1) + 5 pixels of the canvas), ``marker_distance``, ``marker_row``, ``marker_column`` (of the first disk, in pixels of the image);
        ``contour_id`` (presentation, row, column), and with ``task="segmentation"`` ``solution``, bool, the ink of the marked contour and its disk.

    Raises
    ------
    ConfigError
        If contours could not be placed, or an option is unknown.

    Examples
    --------
    >>> some = pathfinder(6, n=2, image_size=150, seed=0)
    >>> some.shape, sorted(np.unique(some.contour_id.values))[:3]
    ((2, 1, 150, 150), [0, 1, 2])
    """
    known = [k for k in inspect.signature(display).parameters if k not in ("n_paddles", "geometry", "seed", "index")]
    for name in options:
        if name not in known:
            raise unknown_name("pathfinder", "option", name, known)
    if n < 1 or first < 0:
        raise ConfigError("pathfinder", f"`n` is {n} and `first` is {first}", expected="one display or more, from index 0 on")
    size = canvas if image_size is None else image_size
    if not 8 <= size <= canvas:
        raise ConfigError("pathfinder", f"`image_size` is {image_size} for a canvas of {canvas}", expected=f"8..{canvas}")
    sizes = Geometry(canvas=canvas, **(geometry or {}))
    segmentation = options.get("task") == "segmentation"
    options |= {"n_distractors": n_distractors, "matched": matched}
    images, ids, solutions, rows = [], [], [], []
    for index in range(first, first + n):
        one = display(n_paddles, geometry=sizes, seed=seed, index=index, **options)
        image = _reduce(one.ink(), size)
        images.append(image[None])
        ids.append(one.contour_id()[_nearest(canvas, size)])
        if segmentation:
            target = _reduce(one.ink((one.marked,)), size)
            solutions.append((image > 0.25) & (target >= 0.5 * image))
        scale = size / canvas
        rows.append((one.label, one.marked + 1, one.marker_distance, (one.markers[0][0] + 0.5) * scale - 0.5, (one.markers[0][1] + 0.5) * scale - 0.5))
    table = np.asarray(rows, float)
    step = sizes.length + 2 * sizes.margin
    stimuli = make_stimuli(
        np.stack(images),
        [f"pathfinder-{n_paddles}-{seed}-{k:06d}" for k in range(first, first + n)],
        label=table[:, 0].astype(int),
        marked=table[:, 1].astype(int),
        contour_paddles=np.full(n, n_paddles),
        path_length=np.full(n, step * (n_paddles - 1) + sizes.length),
        marker_distance=table[:, 2],
        marker_row=table[:, 3],
        marker_column=table[:, 4],
    )
    stimuli.coords["contour_id"] = ((PRESENTATION, "row", "column"), np.stack(ids))
    if segmentation:
        stimuli.coords["solution"] = ((PRESENTATION, "row", "column"), np.stack(solutions))
    for name in ("path_length", "marker_distance"):
        stimuli[name].attrs["units"] = "px of the canvas"
    return stimuli


def stream(n_paddles: int = 14, *, batch_size: int = 32, seed: int, **options: Any) -> Iterator[xr.DataArray]:
    """Yield batches of displays without end; batch k is ``pathfinder(n_paddles, n=batch_size, first=k * batch_size)``.

    Examples
    --------
    >>> batch = next(stream(6, batch_size=1, image_size=75, seed=0))
    >>> batch.stimulus_id.item()
    'pathfinder-6-0-000000'
    """
    first = 0
    while True:
        yield pathfinder(n_paddles, n=batch_size, first=first, seed=seed, **options)
        first += batch_size


def distance_observer(distance: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Which displays an observer gets right who sees nothing but the distance of the disks.

    It answers "one contour" (or "two") where the distance lies in an interval; interval and sense are fitted on every second display and tested on
    the others, both ways.

    Parameters
    ----------
    distance, label : array, (display)

    Returns
    -------
    bool array, (display)

    Examples
    --------
    >>> float(distance_observer(np.arange(40.0), (np.arange(40) > 12).astype(int)).mean())  # two of 40 lie just outside what was fitted
    0.95
    """
    distance, label = np.asarray(distance, float), np.asarray(label)
    if distance.shape != label.shape or distance.ndim != 1 or len(label) < 4:
        raise ConfigError("distance_observer", f"shapes are {distance.shape} and {label.shape}", expected="one distance and one label a display, 4 or more")
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, 40)))
    first, last = (v[:, None] for v in np.array([(a, b) for a in edges for b in edges[edges >= a]]).T)
    right = ((distance >= first) & (distance <= last)) == (label == 1)
    right = np.concatenate([right, ~right])
    found = np.empty(len(label), bool)
    for half in (0, 1):
        fit = np.arange(len(label)) % 2 == half
        found[~fit] = right[right[:, fit].mean(axis=1).argmax()][~fit]
    return found


def _two_contours(
    n_paddles: int, occupancy: Occupancy, geometry: Geometry, random: np.random.Generator
) -> tuple[tuple[Paddle, ...], tuple[Paddle, ...]] | None:
    start = seed_contour(occupancy, geometry, random, border=geometry.seed_border)
    if start is None:
        return None
    bearing, direction = (float(random.integers(360)) * math.pi / 180 for _ in range(2))
    tail = tuple(round(at + geometry.seed_distance * part) for at, part in zip(start.tail, (math.sin(bearing), math.cos(bearing)), strict=True))
    second = first_paddle((tail[0], tail[1]), round(direction - math.pi, 9), geometry)
    inside = [geometry.reach <= v < geometry.canvas - geometry.reach for point in (second.tail, second.head, second.pivot) for v in point]
    if not all(inside):
        return None
    contours: tuple[list[Paddle], list[Paddle]] = ([start], [second])
    for _ in range(n_paddles - 1):
        for contour in contours:
            new = grow(contour[-1], occupancy, geometry, random)
            if new is None:
                return None
            occupancy.paste(contour[-1], geometry)
            contour.append(new)
    for contour in contours:
        occupancy.paste(contour[-1], geometry)
    return tuple(contours[0]), tuple(contours[1])


def _distractors(
    n_paddles: int, n_distractors: int, length: int | None, clutter: str, occupancy: Occupancy, geometry: Geometry, random: np.random.Generator
) -> list[tuple[Paddle, ...]]:
    """Shorter contours at free places; one that does not fit in 5 tries is left out."""
    lengths = [max(1, n_paddles // 3) if length is None else length] * n_distractors
    if clutter == "constant":
        left = max(0, CONSTANT_TOTAL - 2 * n_paddles)
        lengths = [4] * (left // 4) + ([left % 4] if left % 4 else [])
    found: list[tuple[Paddle, ...]] = []
    for wanted in lengths:
        for _ in range(5):
            if occupancy.free_share < 0.01:
                return found
            kept, start = len(occupancy.log), seed_contour(occupancy, geometry, random)
            contour = [] if start is None else [start]
            while contour and len(contour) < wanted:
                new = grow(contour[-1], occupancy, geometry, random)
                if new is None:
                    contour = []
                    break
                occupancy.paste(contour[-1], geometry)
                contour.append(new)
            if contour:
                occupancy.paste(contour[-1], geometry)
                found.append(tuple(contour))
                break
            occupancy.undo(kept)
    return found


def _alike(pair: tuple[tuple[Paddle, ...], ...], marked: int, tolerance_px: float) -> bool:
    start = pair[marked][0].tail
    same, other = (math.dist(start, pair[k][-1].head) for k in (marked, 1 - marked))
    return abs(same - other) <= tolerance_px


def _draw(canvas: np.ndarray, centre: tuple[int, int], ink: np.ndarray) -> None:
    place, part = _patch(centre, ink, canvas.shape)
    np.maximum(canvas[place], part, out=canvas[place])


def _reduce(image: np.ndarray, size: int) -> np.ndarray:
    if image.shape[0] == size:
        return image
    from PIL import Image

    return np.clip(np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)), 0, 1)


def _nearest(canvas: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    rows = ((np.arange(size) + 0.5) * canvas / size).astype(int)
    return np.ix_(rows, rows)  # type: ignore[return-value]


def _check(n_paddles: int, n_distractors: int, clutter: str, task: str, geometry: Geometry) -> None:
    for name, value, known in (("clutter", clutter, CLUTTER), ("task", task, TASKS)):
        if value not in known:
            raise unknown_name("pathfinder", name, value, known)
    if n_paddles < 2 or n_distractors < 0:
        raise ConfigError("pathfinder", f"`n_paddles` is {n_paddles} and `n_distractors` {n_distractors}", expected="2 paddles or more, 0 distractors or more")
    if geometry.continuity < 1:
        raise ConfigError("pathfinder", f"`continuity` is {geometry.continuity}", expected="1 or more", fix="continuity=1.8")
