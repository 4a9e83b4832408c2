"""Where a model looks: fixation maps, hits on the target beside chance, and the shape of its scanpaths."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics.resampling import bootstrap_ci
from neurodyn.schema import PRESENTATION, TIME_BIN, check_responses

__all__ = ["fixation_statistics"]

WHERE = "fixation_statistics"
STILL_PX = 0.1
BOX = ("target_row", "target_column", "target_size")


def fixation_statistics(
    responses: xr.DataArray, *, image_size: int, layer: str = "fixation", n_bins: int = 16, return_px: float = 4.0, margin: float = 0.25, seed: int
) -> xr.Dataset:
    """Describe the fixations of a model that moves its gaze.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a layer of two neuroids, x and y in [-1, 1]; with ``target_row target_column target_size`` (pixels) and ``label`` along `presentation`.
    image_size : int
        Pixels a side.
    layer : str
    n_bins : int
        Bins a side of the fixation maps.
    return_px : float
        A fixation this close to an earlier one (not the last) returns.
    margin : float
        A fixation hits the target if it lies in its box, shrunk by this share of its side on each side.
    seed : int
        Of the bootstrap over presentations.

    Returns
    -------
    Dataset
        ==========================  =======================  ======  ==========================================================================
        variable                    dims                     units   meaning
        ==========================  =======================  ======  ==========================================================================
        fixation                    (presentation,           pixel   x and y from the top left corner
                                    time_bin, axis)
        hit                         (presentation,           1       whether the fixation hits the target
                                    time_bin)
        hit_rate, low, high         (time_bin)               1       mean over presentations and its interval
        chance_rate                 (time_bin)               1       the same fixations against the targets of all other presentations
        gain, gain_low, gain_high   (time_bin)               1       hit_rate - chance_rate: what looking at this image, not at images, brings
        distance                    (time_bin)               pixel   mean distance to the middle of the target
        density                     (row, column)            1       share of fixations in each bin of the image
        density_target              (row, column)            1       the same around the middle of the target, over one image width
        amplitude                   (presentation, move)     pixel   length of each move
        turning_deg                 (presentation, turn)     deg     angle between successive moves, in (-180, 180]; NaN where one is under 0.1 px
        return_share                ()                       1       share of fixations from the third on that return
        within_class                ()                       pixel   mean distance between scanpaths of two images of one class
        between_class               ()                       pixel   and of two classes
        spread                      (time_bin)               pixel   root mean squared distance of the n-th fixations from their mean
        ==========================  =======================  ======  ==========================================================================

    Raises
    ------
    SchemaError
        If the layer is not two neuroids, or the coords are missing.
    ConfigError
        If `margin` leaves no target.

    Notes
    -----
    Chance is computed over all pairs of scanpath and target, not sampled.  The distance between two scanpaths is the mean distance between
    their n-th fixations.
    """
    check_responses(responses, where=WHERE, name="responses")
    pixels, box = _checked(responses, layer, image_size, margin)
    n = len(pixels)
    low_edge, high_edge = box[:, :2] + margin * box[:, 2:], box[:, :2] + (1 - margin) * box[:, 2:]
    inside = ((pixels[:, None] >= low_edge[None, :, None]) & (pixels[:, None] <= high_edge[None, :, None])).all(-1)  # scanpath, target, step
    hit = inside[np.arange(n), np.arange(n)].astype(float)
    chance = (inside.sum(axis=1) - hit) / max(n - 1, 1)
    rate, gain = bootstrap_ci(hit.T, seed=seed, within=(0, 1)), bootstrap_ci((hit - chance).T, seed=seed, within=(-1, 1))
    middle = box[:, :2] + box[:, 2:] / 2
    offset = pixels - middle[:, None]
    moves = np.diff(pixels, axis=1)
    amplitude = np.linalg.norm(moves, axis=-1)
    apart = np.linalg.norm(pixels[:, None] - pixels[None], axis=-1).mean(-1)
    same = responses.label.values[:, None] == responses.label.values
    pairs = ~np.eye(n, dtype=bool)
    coords = {name: c for name, c in responses.coords.items() if c.dims in ((PRESENTATION,), (TIME_BIN,))}
    edges = np.linspace(0, image_size, n_bins + 1)
    bins = {"units": "pixel"}
    return xr.Dataset(
        {
            "fixation": ((PRESENTATION, TIME_BIN, "axis"), pixels, {"units": "pixel"}),
            "hit": ((PRESENTATION, TIME_BIN), hit, {"units": "1"}),
            "hit_rate": (TIME_BIN, rate.estimate, {"units": "1"}),
            "low": (TIME_BIN, rate.low, {"units": "1"}),
            "high": (TIME_BIN, rate.high, {"units": "1"}),
            "chance_rate": (TIME_BIN, chance.mean(axis=0), {"units": "1"}),
            "gain": (TIME_BIN, gain.estimate, {"units": "1"}),
            "gain_low": (TIME_BIN, gain.low, {"units": "1"}),
            "gain_high": (TIME_BIN, gain.high, {"units": "1"}),
            "distance": (TIME_BIN, np.linalg.norm(offset, axis=-1).mean(axis=0), {"units": "pixel"}),
            "density": (("row", "column"), _map(pixels, edges), {"units": "1"}),
            "density_target": (("row", "column"), _map(offset + image_size / 2, edges), {"units": "1"}),
            "amplitude": ((PRESENTATION, "move"), amplitude, {"units": "pixel"}),
            "turning_deg": ((PRESENTATION, "turn"), _turning(moves), {"units": "deg"}),
            "return_share": ((), _returns(pixels, return_px), {"units": "1"}),
            "within_class": ((), _mean(apart, same & pairs), {"units": "pixel"}),
            "between_class": ((), _mean(apart, ~same), {"units": "pixel"}),
            "spread": (TIME_BIN, np.sqrt(pixels.var(axis=0).sum(-1)), {"units": "pixel"}),
        },
        coords={**coords, "axis": ["x", "y"], "row": ("row", (edges[1:] + edges[:-1]) / 2, bins), "column": ("column", (edges[1:] + edges[:-1]) / 2, bins)},
        attrs={"image_size": image_size, "return_px": return_px, "margin": margin, "seed": seed, "n": n},
    )


def _map(pixels: np.ndarray, edges: np.ndarray) -> np.ndarray:
    counts, _, _ = np.histogram2d(pixels[..., 1].ravel(), pixels[..., 0].ravel(), bins=[edges, edges])
    return counts / pixels[..., 0].size


def _mean(values: np.ndarray, chosen: np.ndarray) -> float:
    return float(values[chosen].mean()) if chosen.any() else float("nan")


def _turning(moves: np.ndarray) -> np.ndarray:
    angle = np.arctan2(moves[..., 1], moves[..., 0])
    turn = np.rad2deg(np.angle(np.exp(1j * np.diff(angle, axis=1))))
    still = np.linalg.norm(moves, axis=-1) < STILL_PX
    return np.where(still[:, 1:] | still[:, :-1], np.nan, turn)


def _returns(pixels: np.ndarray, radius: float) -> float:
    if pixels.shape[1] < 3:
        return float("nan")
    far = np.linalg.norm(pixels[:, :, None] - pixels[:, None], axis=-1) <= radius
    earlier = np.tril(np.ones(far.shape[1:], bool), -2)
    return float((far & earlier).any(axis=2)[:, 2:].mean())


def _checked(responses: xr.DataArray, layer: str, image_size: int, margin: float) -> tuple[np.ndarray, np.ndarray]:
    if not 0 <= margin < 0.5:
        raise ConfigError(WHERE, f"`margin` is {margin}", expected="in [0, 0.5): more leaves no target")
    missing = [name for name in (*BOX, "label") if name not in responses.coords]
    if missing:
        raise SchemaError(
            WHERE, f"`responses` has no coord {', '.join(missing)}", expected="stimuli that say where their target is", fix="cluttered_images(...)"
        )
    chosen = responses.values[:, responses.layer.values == layer]
    if chosen.shape[1] != 2:
        raise SchemaError(WHERE, f"layer `{layer}` has {chosen.shape[1]} neuroids", expected="two: x and y of the gaze in [-1, 1]")
    if np.abs(chosen).max() > 1 + 1e-6:
        raise SchemaError(WHERE, f"layer `{layer}` reaches {np.abs(chosen).max():.3g}", expected="a gaze in [-1, 1]: inside the image")
    size = responses.target_size.values
    return (chosen.transpose(0, 2, 1) + 1) / 2 * image_size, np.stack([responses.target_column.values, responses.target_row.values, size], 1).astype(float)
