"""Where a moving sensor looks: statistics, examples and the super-resolution bound of families of trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.numerics.paths import MEASURES, measure
from neurodyn.numerics.super_resolution import linear_bound
from neurodyn.stimuli.trajectories import positions

__all__ = ["sensor_paths"]


def sensor_paths(
    paths: Mapping[str, Mapping[str, Any]],
    *,
    n: int = 1000,
    n_steps: int = 5,
    n_examples: int = 6,
    n_bound: int = 20,
    resolution: int = 8,
    image_px: int = 32,
    seed: int,
) -> xr.Dataset:
    """Compare families of trajectories.

    Parameters
    ----------
    paths : mapping of name to mapping
        ``style`` and its parameters; ``n_steps`` may be among them.
    n : int
        Trajectories of each family behind the statistics.
    n_steps : int
        Points of a trajectory.
    n_examples : int
        Trajectories kept whole.
    n_bound : int
        Trajectories for which the linear bound on super-resolution is computed.
    resolution, image_px : int
        Receptors along one side of the sensor, and the side of the image and the field of view in pixels.
    seed : int

    Returns
    -------
    Dataset
        ================  =========================  ======  =========================================================
        variable          dims                       units   meaning
        ================  =========================  ======  =========================================================
        position          (path, example, point,     px      from the centre of the image; NaN after the last point
                          axis)
        mean, sd          (path, measure)                    of each of :data:`neurodyn.numerics.paths.MEASURES`
        phase_share       (path, n_phases)           1       trajectories that visit so many sampling phases
        turn_share        (path, turn)               1/rad   density of the turning angle
        bound_r2          (path, bound)              1       share of the image's variance a linear reader can recover
        ================  =========================  ======  =========================================================

    Raises
    ------
    ConfigError
        If no family is given, or one is unknown.

    Examples
    --------
    >>> ds = sensor_paths({"still": {"style": "not_moving"}}, n=4, n_bound=1, seed=0)
    >>> float(ds["mean"].sel(path="still", measure="n_phases")), round(float(ds.bound_r2[0, 0]), 2)
    (1.0, 0.49)
    """
    if not paths:
        raise ConfigError("sensor_paths", "`paths` is empty", expected="at least one family", fix='paths={"spiral": {"style": "spiral_2dir2"}}')
    lengths = {name: int(family.get("n_steps", n_steps)) for name, family in paths.items()}
    longest, names = max(lengths.values()), list(paths)
    pitch = image_px / resolution
    n_cells, edges = 16, np.linspace(-np.pi, np.pi, 37)
    shown = np.full((len(names), n_examples, longest, 2), np.nan)
    mean, sd = np.full((len(names), len(MEASURES)), np.nan), np.full((len(names), len(MEASURES)), np.nan)
    share, turns, bound = np.zeros((len(names), n_cells)), np.zeros((len(names), len(edges) - 1)), np.empty((len(names), n_bound))
    for k, name in enumerate(names):
        family = {key: value for key, value in paths[name].items() if key not in ("style", "n_steps")}
        drawn = positions(str(paths[name].get("style", name)), max(n, n_examples, n_bound), lengths[name], seed=seed, **family)
        found = measure(drawn[:n], field_px=image_px, image_px=image_px, pitch_px=pitch)
        shown[k, :, : lengths[name]] = drawn[:n_examples]
        for j, label in enumerate(MEASURES):
            known = found[label][np.isfinite(found[label])]
            if known.size:
                mean[k, j], sd[k, j] = known.mean(), known.std(ddof=1) if known.size > 1 else 0.0
        share[k] = np.bincount(found["n_phases"], minlength=n_cells + 1)[1 : n_cells + 1] / n
        turns[k] = _turns(drawn[:n], edges)
        bound[k] = linear_bound(drawn[:n_bound], image_px=image_px, resolution=resolution, field_px=image_px).r2
    return xr.Dataset(
        {
            "position": (("path", "example", "point", "axis"), shown, {"units": "px"}),
            "mean": (("path", "measure"), mean, {"units": "as the measure's name says"}),
            "sd": (("path", "measure"), sd, {"units": "as the measure's name says"}),
            "phase_share": (("path", "n_phases"), share, {"units": "1"}),
            "turn_share": (("path", "turn"), turns, {"units": "1/rad"}),
            "bound_r2": (("path", "bound"), bound, {"units": "1"}),
        },
        coords={
            "path": names,
            "axis": ["right", "up"],
            "measure": list(MEASURES),
            "n_phases": np.arange(1, n_cells + 1),
            "turn": ("turn", (edges[1:] + edges[:-1]) / 2, {"units": "rad"}),
            "n_points": ("path", [lengths[name] for name in names]),
        },
        attrs={"n": n, "seed": seed},
    )


def _turns(drawn: np.ndarray, edges: np.ndarray) -> np.ndarray:
    from neurodyn.numerics.paths import turning_angles

    turn = turning_angles(drawn)
    known = turn[np.isfinite(turn)]
    return np.histogram(known, edges, density=True)[0] if known.size else np.zeros(len(edges) - 1)
