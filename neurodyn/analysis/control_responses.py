"""What stands beside every claim about a model: pixels and Gabor energy, in the form of model activity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import unknown_name
from neurodyn.numerics.gabor_energy import gabor_energy
from neurodyn.schema import PRESENTATION, check_stimuli, make_responses
from neurodyn.stimuli.resize import resize

__all__ = ["CONTROLS", "control_responses"]

CONTROLS = ("pixels", "gabor-energy")


def control_responses(
    stimuli: xr.DataArray, *, control: str = "gabor-energy", pixels: int = 28, wavelengths_px: Sequence[float] = (4.0, 8.0, 16.0, 32.0), n_orientations: int = 8
) -> xr.DataArray:
    """Responses of a control predictor.

    Parameters
    ----------
    stimuli : DataArray, (presentation, channel, row, column)
    control : {"pixels", "gabor-energy"}
        The images themselves, or the energy of Gabor filters on their luma, pooled 7 x 7.
    pixels : int
        Size to which images are reduced (pixels only).
    wavelengths_px, n_orientations
        The Gabor bank, see :func:`neurodyn.numerics.gabor_energy.gabor_energy`.

    Returns
    -------
    DataArray, (presentation, neuroid, time_bin)
        One time bin without time; ``layer`` holds the name of the control.

    Raises
    ------
    SchemaError
        If `stimuli` are not still images.
    ConfigError
        If the control is unknown.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> control_responses(make_stimuli(np.zeros((2, 3, 56, 56)))).sizes["neuroid"]
    1568
    """
    check_stimuli(stimuli, where="control_responses")
    if control not in CONTROLS:
        raise unknown_name("control_responses", "control", control, CONTROLS)
    if control == "pixels":
        values = resize(stimuli, min(pixels, stimuli.sizes["row"])).values
        grid = values.shape[1:]
    else:
        grey = resize(stimuli, None, n_channels=1).values[:, 0]
        energy = gabor_energy(grey, wavelengths_px=wavelengths_px, n_orientations=n_orientations)
        values = energy.reshape(len(energy), -1, *energy.shape[3:])
        grid = values.shape[1:]
    channel, row, column = np.unravel_index(np.arange(int(np.prod(grid))), grid)
    return make_responses(
        values.reshape(len(values), -1, 1),
        stimulus_coords={str(k): v.values for k, v in stimuli.coords.items() if v.dims == (PRESENTATION,)},
        neuroid_coords={
            "neuroid_id": np.array([f"{control}.{a}.{b}.{c}" for a, b, c in zip(channel, row, column, strict=True)]),
            "layer": np.full(len(channel), control),
            "channel": channel,
            "row": row,
            "column": column,
        },
        step=np.array([0]),
        dt_ms=None,
    )
