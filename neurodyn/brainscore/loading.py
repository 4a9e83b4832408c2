"""Recordings that Brain-Score knows by name, through its own loaders, with their pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodyn.brainscore.assemblies import from_assembly
from neurodyn.brainscore.files import refusal, use_local_files
from neurodyn.brainscore.installed import require
from neurodyn.datasets._archive import decode
from neurodyn.datasets.image_folder import cover
from neurodyn.errors import DataError, NeurodynError, SchemaError
from neurodyn.schema import make_stimuli

__all__ = ["load_dataset"]


def load_dataset(
    identifier: str, *, region: str | None = None, bins_ms: Sequence[tuple[float, float]] | None = None, image_size: int | None = None, images: bool = True
) -> tuple[xr.DataArray | None, xr.DataArray]:
    """Load recordings and the stimuli that belong to them by Brain-Score's name.

    Parameters
    ----------
    identifier : str
        Of a data set, for example ``"MajajHong2015.public"``.  Files below ``NEURODYN_DATA`` are taken first, as by :func:`neurodyn.brainscore.score`.
    region : str, optional
        Keep only the neuroids of this region.
    bins_ms : sequence of (start, end), optional
        Bins to return, as for :func:`neurodyn.datasets.assembly.load`; needed where the assembly has none.
    image_size : int, optional
        Scale and crop images to this many pixels.
    images : bool
        Whether to read the images.

    Returns
    -------
    stimuli : DataArray, (presentation, channel, row, column), or None
        One row a stimulus; None where `images` is False.
    recordings : DataArray, (presentation, neuroid, time_bin)

    Raises
    ------
    DataError
        If the data can be had neither from local files nor from the network; it says which file goes where.
    SchemaError
        If the assembly holds no recordings (Kar2019 holds solution times).
    """
    library = require()
    use_local_files()
    try:
        assembly = library.load_dataset(identifier)
    except NeurodynError:
        raise
    except Exception as error:
        raise refusal(identifier, error, library.load_dataset) from error
    recordings = from_assembly(assembly, bins_ms=bins_ms, region=region)
    recordings.attrs["dataset"] = identifier
    table = assembly.attrs.get("stimulus_set")
    if not images:
        return None, recordings
    if table is None:
        raise SchemaError("load_dataset", f"`{identifier}` brings no stimulus set", expected="an assembly with its pictures", fix="images=False")
    return _stimuli(identifier, table.drop_duplicates("stimulus_id"), image_size), recordings


def _stimuli(identifier: str, table: Any, image_size: int | None) -> xr.DataArray:
    pixels = []
    for stimulus in table["stimulus_id"].values:
        path = table.get_stimulus(stimulus)
        with open(path, "rb") as file:
            image = decode(identifier, str(path), file.read()).astype(np.float32) / np.float32(255)
        pixels.append(image if image_size is None else cover(image, image_size))
    if len({p.shape for p in pixels}) > 1:
        raise DataError(identifier, "holds images of several sizes", expected="one size", fix="image_size=224")
    columns = {str(c): np.asarray(table[c].values) for c in table.columns if c not in ("stimulus_id", "filename")}
    simple = {k: v.astype(str) if v.dtype == object else v for k, v in columns.items()}
    return make_stimuli(np.stack(pixels), [str(s) for s in table["stimulus_id"].values], **simple)
