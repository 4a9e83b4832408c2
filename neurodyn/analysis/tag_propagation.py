"""How fast the news of a marker spreads over a map, and when the answer along the solution is settled."""

from __future__ import annotations

from collections import deque

import numpy as np
import xarray as xr

from neurodyn.dynamics.protocol import DynamicalModel
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import check_ready, timeline_of, walk
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import PRESENTATION, TIME_BIN, check_stimuli

__all__ = ["tag_propagation"]


def tag_propagation(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    *,
    marker: str = "goal",
    marker_px: int = 2,
    layer: str = "out",
    threshold: float = 1e-5,
    reach: float | None = None,
    n_steps: int | None = None,
    n_examples: int = 1,
    batch_size: int = 50,
) -> xr.Dataset:
    """Paint a marker over, and follow the difference this makes from place to place.

    Parameters
    ----------
    model : DynamicalModel
    stimuli : DataArray, (presentation, channel, row, column)
        With the coords ``solution``, ``<marker>_row`` and ``<marker>_column`` (upper left pixel), ``start_row`` and ``start_column``.
    marker : str
        The marker that is painted white, ``"goal"`` or ``"start"``.
    marker_px : int
        Its width in pixels.
    layer : str
        A map of (channel, row, column).
    threshold : float
        Difference that counts as news, relative to the largest absolute value of the layer at that step.
    reach : float, optional
        Places that lateral connections span in a step, (k - 1) / 2; from ``model.recurrent_kernel(layer)`` when absent, NaN without one.
    n_steps : int, optional
        The model's own trial when absent.
    n_examples : int
        Images whose maps are kept.
    batch_size : int

    Returns
    -------
    Dataset
        ================  ==================================  ======  ============================================================
        variable          dims                                units   meaning
        ================  ==================================  ======  ============================================================
        front             (presentation, time_bin)            place   largest distance (rows or columns, whichever is more) from the
                                                                      places whose input differs to a place that has the news
        limit             (time_bin)                          place   steps x reach: how far lateral connections can carry it
        informed          (presentation, time_bin)            1       share of the places of the solution that have the news
        answered          (distance)                          step    median step from which the answer stays right, at solution
                                                                      pixels this many squares along the way from the nearer end
        answered_low,     (distance)                          step    quartiles
        answered_high
        n_places          (distance)                                  solution squares at that distance; those never right are last
        activity          (example, time_bin, row, column)    1       mean over channels of the layer's absolute value
        difference        (example, time_bin, row, column)    1       mean over channels of the absolute difference
        ================  ==================================  ======  ============================================================

    Raises
    ------
    SchemaError
        If the stimuli lack solution or markers.
    ConfigError
        If the layer is no map.

    Notes
    -----
    A norm over the whole map carries news everywhere in one step; only with norms that are local can a front exist.  Halted images go on.
    """
    check_ready(model)
    stimuli = check_stimuli(stimuli, where="tag_propagation")
    for name in ("solution", f"{marker}_row", f"{marker}_column", "start_row", "start_column", "goal_row", "goal_column"):
        if name not in stimuli.coords:
            raise SchemaError("tag_propagation", f"`stimuli` has no coord `{name}`", expected="mazes, or stimuli with the coords of mazes")
    pairs = stimuli.isel({PRESENTATION: np.repeat(np.arange(stimuli.sizes[PRESENTATION]), 2)}).copy(deep=True)  # with the marker, without it, ...
    for i, (row, column) in enumerate(zip(stimuli[f"{marker}_row"].values, stimuli[f"{marker}_column"].values, strict=True)):
        pairs.values[2 * i + 1, :, row : row + marker_px, column : column + marker_px] = 1.0
    timeline = timeline_of(model, stimuli, None if n_steps is None else Schedule.steps(stimulus=n_steps))
    n, length = stimuli.sizes[PRESENTATION], len(timeline)
    front, informed = np.zeros((n, length)), np.zeros((n, length))
    right = np.zeros((n, length, *stimuli.shape[-2:]), bool)
    maps: dict[str, list[np.ndarray]] = {"activity": [], "difference": []}
    for both_rows, k, state, drive in walk(model, pairs, timeline, batch_size=2 * batch_size, progress=False, freeze=False):
        rows = slice(both_rows.start // 2, both_rows.stop // 2)
        whole = model.rates(state, drive, (layer,))[layer]
        seen, unseen = whole[::2], whole[1::2]
        if seen.dim() != 4:
            raise ConfigError("tag_propagation", f"layer `{layer}` has {seen.dim() - 1} axes", expected="a map of (channel, row, column)")
        if k == 0:
            source = np.stack([_differs(drive, 2 * i) for i in range(len(seen))])
            distance = np.stack([_far(s) for s in source])
            on_way = _to_places(stimuli.solution.values[rows], seen.shape[-2:])
        apart = (seen - unseen).abs()
        news = (apart.amax(dim=1) > threshold * seen.abs().amax(dim=(1, 2, 3))[:, None, None]).cpu().numpy()
        front[rows, k] = np.where(news, distance, 0).max(axis=(1, 2))
        informed[rows, k] = (news & on_way).sum(axis=(1, 2)) / np.maximum(on_way.sum(axis=(1, 2)), 1)
        answer = model.rates(state, drive, ("output",))["output"] if "output" in model.layers else model.readout(state)
        right[rows, k] = answer[::2].argmax(dim=1).cpu().numpy() == stimuli.solution.values[rows]
        if rows.start == 0:
            maps["activity"].append(seen.abs().mean(dim=1)[:n_examples].cpu().numpy())
            maps["difference"].append(apart.mean(dim=1)[:n_examples].cpu().numpy())
    reach = _reach(model, layer) if reach is None else reach
    both = (PRESENTATION, TIME_BIN)
    found = {
        "front": (both, front, {"units": "place"}),
        "limit": (TIME_BIN, np.arange(1, length + 1) * reach, {"units": "place"}),
        "informed": (both, informed, {"units": "1"}),
        **_answered(stimuli, right, marker_px),
        **{name: (("example", TIME_BIN, "map_row", "map_column"), np.stack(v, axis=1), {"units": "1"}) for name, v in maps.items()},
    }
    coords = {str(k): v for k, v in stimuli.coords.items() if v.dims == (PRESENTATION,)}
    return xr.Dataset(found, {**coords, "step": (TIME_BIN, timeline.step)}, {"layer": layer, "marker": marker, "threshold": threshold, "reach": float(reach)})


def _differs(drive: dict, row: int) -> np.ndarray:
    """Places where the input differs between this row and the next, in the map of the drive in which fewest do: others may be normalised over the map."""
    maps = [(v[row] - v[row + 1]).abs().amax(dim=0).cpu().numpy() > 0 for v in drive.values() if v.dim() == 4]
    return min(maps, key=lambda found: int(found.sum()) or found.size)


def _far(source: np.ndarray) -> np.ndarray:
    """Rows or columns, whichever is more, to the nearest source; 0 where there is none."""
    places = np.argwhere(source)
    if not len(places):
        return np.zeros(source.shape)
    grid = np.indices(source.shape).reshape(2, 1, -1)
    return np.abs(grid - places.T[:, :, None]).max(axis=0).min(axis=0).reshape(source.shape)


def _to_places(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Solution pixels on the map: the middle pixel of each place."""
    rows, columns = (np.minimum(((np.arange(m) + 0.5) * n / m).astype(int), n - 1) for n, m in zip(mask.shape[-2:], shape, strict=True))
    return mask[:, rows][:, :, columns]


def _answered(stimuli: xr.DataArray, right: np.ndarray, marker_px: int) -> dict[str, tuple]:
    """Step from which the answer at each solution square stays right, by its distance along the way from the nearer end."""
    length = right.shape[1]
    wrong = ~right
    last_wrong = np.where(wrong.any(axis=1), length - np.argmax(wrong[:, ::-1], axis=1), 0)
    steps: dict[int, list[int]] = {}
    for i in range(len(right)):
        ends = [(int(stimuli[f"{end}_row"][i]), int(stimuli[f"{end}_column"][i])) for end in ("start", "goal")]
        top, left = (v % marker_px for v in ends[0])  # one pixel stands for each square
        squares, late = (v[i][top::marker_px, left::marker_px] for v in (stimuli.solution.values, last_wrong))
        along = _along(squares, [(row // marker_px, column // marker_px) for row, column in ends])
        for row, column in np.argwhere(along >= 0):
            steps.setdefault(int(along[row, column]), []).append(min(int(late[row, column]) + 1, length))
    distances = sorted(steps)
    quartiles = np.array([np.percentile(steps[d], [25, 50, 75]) for d in distances]).reshape(-1, 3)
    units = {"units": "step"}
    return {
        "answered": ("distance", quartiles[:, 1], units),
        "answered_low": ("distance", quartiles[:, 0], units),
        "answered_high": ("distance", quartiles[:, 2], units),
        "n_places": ("distance", [len(steps[d]) for d in distances]),
        "distance": ("distance", distances, {"units": "square"}),
    }


def _along(mask: np.ndarray, ends: list[tuple[int, int]]) -> np.ndarray:
    """Squares along the solution to the nearer end; -1 off it."""
    along = np.full(mask.shape, -1)
    queue = deque(end for end in ends if mask[end])
    for end in queue:
        along[end] = 0
    while queue:
        row, column = queue.popleft()
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            there = (row + dy, column + dx)
            if 0 <= there[0] < mask.shape[0] and 0 <= there[1] < mask.shape[1] and mask[there] and along[there] < 0:
                along[there] = along[row, column] + 1
                queue.append(there)
    return along


def _reach(model: DynamicalModel, layer: str) -> float:
    kernel = getattr(model, "recurrent_kernel", None)
    return (kernel(layer).shape[-1] - 1) / 2 if kernel is not None else float("nan")
