"""Images of a data set as a moving low-resolution sensor sees them, for experiments on models of that sensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

from neurodyn import registry
from neurodyn.experiment.inputs import call_with
from neurodyn.stimuli.sensor_movie import sensor_movie

__all__ = ["sensor_movies"]


def sensor_movies(
    dataset: str, *, path: Mapping[str, Any], split: str = "test", n: int | None = None, n_frames: int = 5, seed: int, **options: Any
) -> xr.Dataset:
    """Look at the first `n` images of a data set along trajectories.

    Parameters
    ----------
    dataset : str
        A file of ``neurodyn/datasets``.
    path : mapping
        ``style`` of the trajectories and its parameters.
    split : str
    n : int, optional
    n_frames : int
    seed : int
        Of the trajectories.
    **options
        Of :func:`neurodyn.stimuli.sensor_movie.sensor_movie`.

    Returns
    -------
    Dataset
        ``image`` and ``position``, with the labels of the data set.

    Examples
    --------
    >>> movies = sensor_movies("digits", path={"style": "not_moving"}, n=2, n_frames=3, seed=0)
    >>> movies.image.shape
    (2, 3, 1, 8, 8)
    """
    load = registry.load_module("datasets", dataset).load
    images, _ = call_with(load, {}, {"split": split, "n": n}, "sensor_movies")
    return sensor_movie(images, path, n_frames, seed=seed, **options)
