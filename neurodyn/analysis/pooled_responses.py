"""Model activity averaged over a grid of pools: enough of space for a regression, a fraction of the units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import timeline_of, walk
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.schema import PRESENTATION, check_stimuli, make_responses, neuroid_ids

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel

__all__ = ["pooled_responses"]


def pooled_responses(
    model: DynamicalModel,
    stimuli: xr.DataArray,
    *,
    n_pools: int = 7,
    layers: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    schedule: Schedule | None = None,
    batch_size: int = 16,
    device: str | None = None,
) -> xr.DataArray:
    """Show images to a model and average each channel over ``n_pools`` x ``n_pools`` equal parts of its map.

    Parameters
    ----------
    model : DynamicalModel
    stimuli : DataArray, (presentation, channel, row, column)
    n_pools : int
        Pools along each side; smaller maps are kept as they are.
    layers : sequence of str, optional
    steps : sequence of int, optional
        Counted from stimulus onset; the last one when absent.
    schedule : Schedule, optional
    batch_size, device
        As in :func:`neurodyn.dynamics.simulate.simulate`.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        ``row`` and ``column`` count pools.

    Raises
    ------
    ConfigError
        For unknown layers or steps outside the trial.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.systems import linear_network
    >>> pooled_responses(linear_network([0.5, 0.5]), make_stimuli(np.ones((3, 2, 1, 1)))).shape
    (3, 2, 1)
    """
    import torch.nn.functional as F

    check_stimuli(stimuli, where="pooled_responses")
    chosen = tuple(model.layers if layers is None else layers)
    for name in chosen:
        if name not in model.layers:
            raise unknown_name("pooled_responses", "layer", name, model.layers)
    timeline = timeline_of(model, stimuli, schedule)
    wanted = np.asarray(timeline.step[-1:] if steps is None else sorted(steps))
    if n_pools < 1 or not np.isin(wanted, timeline.step).all():
        raise ConfigError(
            "pooled_responses", f"n_pools={n_pools}, steps={wanted.tolist()}", expected=f"1 or more pools, steps {timeline.step[0]}..{timeline.step[-1]}"
        )
    values: np.ndarray | None = None
    grids: dict[str, tuple[int, int, int]] = {}
    for rows, k, state, drive in walk(model, stimuli, timeline, batch_size=batch_size, device=device, progress=False):
        if timeline.step[k] not in wanted:
            continue
        parts = []
        for name, rate in model.rates(state, drive, chosen).items():
            pooled = F.adaptive_avg_pool2d(rate, (min(n_pools, rate.shape[-2]), min(n_pools, rate.shape[-1]))) if rate.dim() == 4 else rate.flatten(1)
            grids[name] = (*pooled.shape[1:], 1, 1)[:3]
            parts.append(pooled.flatten(1).float().cpu().numpy())
        block = np.concatenate(parts, axis=1)
        if values is None:
            values = np.empty((stimuli.sizes[PRESENTATION], block.shape[1], len(wanted)), np.float32)
        values[rows, :, int(np.nonzero(wanted == timeline.step[k])[0][0])] = block
    assert values is not None
    layer = np.concatenate([np.repeat(name, int(np.prod(grids[name]))) for name in chosen])
    channel, row, column = np.concatenate([np.stack(np.unravel_index(np.arange(int(np.prod(grids[n]))), grids[n])) for n in chosen], axis=1)
    return make_responses(
        values,
        stimulus_coords={str(k): v.values for k, v in stimuli.coords.items() if v.dims == (PRESENTATION,)},
        neuroid_coords={"neuroid_id": neuroid_ids(layer, channel, row, column), "layer": layer, "channel": channel, "row": row, "column": column},
        step=wanted,
        dt_ms=model.dt_ms,
    )
