"""What a network's task loses with the units that are selective in space, in time, in both, or for movement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.analysis.lesions import KINDS, lesions, selectivity_classes
from neurodyn.errors import ConfigError, SchemaError, unknown_name
from neurodyn.schema import NEUROID

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.dynamics.schedule import Schedule

__all__ = ["selectivity_lesions"]

WHERE = "selectivity_lesions"


def selectivity_lesions(
    model: DynamicalModel,
    stimuli: xr.DataArray | xr.Dataset,
    optimal: xr.Dataset,
    *,
    layer: str,
    member: str | None = None,
    n_channels: Sequence[int] = (2, 4),
    kinds: Sequence[str] = KINDS,
    schedule: Schedule | None = None,
    n_controls: int = 10,
    batch_size: int = 64,
    seed: int,
) -> xr.Dataset:
    """Silence the most selective channels of a layer, class by class, beside random channels whose activity varies as much.

    Parameters
    ----------
    model : DynamicalModel
    stimuli : DataArray or Dataset
        With a coord ``label`` along `presentation`; a Dataset for a model whose frame is a dict.
    optimal : Dataset
        Of :func:`neurodyn.analysis.optimal_stimulus` for this model, one unit a channel; with a dim of models, `member` says which.
    layer : str
    member : str, optional
        The value of the coord along that dim.
    n_channels : sequence of int
        How many of each class are silenced.
    kinds, schedule, n_controls, batch_size, seed
        See :func:`neurodyn.analysis.lesions`.

    Returns
    -------
    Dataset
        What :func:`neurodyn.analysis.lesions` returns, with a dim ``size``, and ``silenced`` (size, group): the channels, as text.

    Raises
    ------
    SchemaError
        An `optimal` that holds no unit of the layer.
    ConfigError
        An unknown `member`, or sizes that leave too few others for controls.

    Examples
    --------
    >>> from neurodyn.analysis import optimal_stimulus
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.toys import ConvNetwork
    >>> images = make_stimuli(np.random.default_rng(0).random((8, 1, 8, 8)), label=np.arange(8) % 4)
    >>> best = optimal_stimulus(ConvNetwork(), "V1", n_frames=2, n_iterations=1, seed=0)
    >>> selectivity_lesions(ConvNetwork(), images, best, layer="V1", n_channels=[1], n_controls=2, seed=0).loss.dims
    ('size', 'group', 'kind')
    """
    sizes = [int(n) for n in n_channels]
    if not sizes or min(sizes) < 1:
        raise ConfigError(WHERE, f"`n_channels` is {list(n_channels)}", expected="at least one size of at least one channel")
    found = _of(optimal, member)
    here = np.asarray(found["layer"].values).astype(str) == layer
    if not here.any():
        raise SchemaError(WHERE, f"`optimal` holds no unit of layer `{layer}`", expected=f"one of {', '.join(sorted(set(map(str, found['layer'].values))))}")
    units = found.isel({NEUROID: here}).sel(family=["space", "time", "spacetime"])
    channel = units["channel"].values.astype(int)
    if len(set(channel.tolist())) < len(channel):
        what = f"`optimal` holds {len(channel)} units of {len(set(channel.tolist()))} channels"
        raise SchemaError(WHERE, what, expected='one unit a channel (units="center")')
    space, time, spacetime = units["activation"].transpose("family", NEUROID).values
    parts, silenced = [], []
    for n in sizes:
        groups = {k: sorted(int(channel[i]) for i in v) for k, v in selectivity_classes(space, time, spacetime, n).items()}
        silenced.append([" ".join(map(str, v)) for v in groups.values()])
        parts.append(lesions(model, stimuli, layer, groups, kinds=kinds, schedule=schedule, n_controls=n_controls, batch_size=batch_size, seed=seed))
    out = xr.concat([p.drop_vars("accuracy_intact") for p in parts], dim="size", data_vars="all", coords="minimal")
    out["accuracy_intact"] = parts[0]["accuracy_intact"]
    out["silenced"] = (("size", "group"), np.array(silenced))
    return out.assign_coords(n_silenced=("size", sizes)).assign_attrs(layer=layer)


def _of(optimal: xr.Dataset, member: str | None) -> xr.Dataset:
    for name in ("activation", "layer", "channel", "family"):
        if name not in optimal.variables:
            raise SchemaError(WHERE, f"`optimal` has no `{name}`", expected="what optimal_stimulus returns")
    lead = [d for d in optimal["activation"].dims if d not in (NEUROID, "family")]
    if not lead:
        return optimal
    known = [str(v) for v in optimal[lead[0]].values]
    if member not in known:
        raise unknown_name(WHERE, "member", str(member), known)
    return optimal.isel({lead[0]: known.index(str(member))})
