"""Hypothesis strategies for labelled data and models; hypothesis is needed only where this module is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from hypothesis import strategies as st

from neurodyn.schema import make_recordings, make_stimuli
from neurodyn.seeding import numpy_generator
from neurodyn.testing.systems import VectorSystem, linear_network

__all__ = ["linear_networks", "recordings", "spectra", "stimuli"]


@st.composite
def stimuli(draw: Any, *, max_presentations: int = 4, max_size: int = 8, n_channels: int = 1, movie: bool = False) -> xr.DataArray:
    """Labelled images, or movies, in [0, 1]."""
    n, size = draw(st.integers(1, max_presentations)), draw(st.integers(2, max_size))
    shape = (n, draw(st.integers(1, 4)), n_channels, size, size) if movie else (n, n_channels, size, size)
    return make_stimuli(numpy_generator(draw(st.integers(0, 2**16)), "strategies").random(shape))


@st.composite
def recordings(draw: Any, *, max_stimuli: int = 6, max_repeats: int = 3, max_neuroids: int = 5) -> xr.DataArray:
    """Labelled recordings whose repeats are rows."""
    n, repeats, units, bins = (draw(st.integers(1, k)) for k in (max_stimuli, max_repeats, max_neuroids, 3))
    values = numpy_generator(draw(st.integers(0, 2**16)), "strategies").standard_normal((n * repeats, units, bins))
    return make_recordings(
        values,
        stimulus_id=np.repeat([f"s{i}" for i in range(n)], repeats),
        neuroid_id=[f"n{i}" for i in range(units)],
        time_bins_ms=[(50.0 * k, 50.0 * (k + 1)) for k in range(bins)],
        presentation={"repetition": np.tile(np.arange(repeats), n)},
    )


@st.composite
def spectra(draw: Any, *, max_size: int = 6, radius: float = 0.95) -> list[complex]:
    """Eigenvalues inside a disk, complex ones in conjugate pairs."""
    values: list[complex] = [draw(st.floats(-radius, radius)) for _ in range(draw(st.integers(1, max_size)))]
    for _ in range(draw(st.integers(0, max_size // 2))):
        value = draw(st.floats(0.05, radius)) * np.exp(1j * draw(st.floats(0.1, 3.0)))
        values += [complex(value), complex(value).conjugate()]
    return values


@st.composite
def linear_networks(draw: Any, *, max_size: int = 6, radius: float = 0.95) -> VectorSystem:
    """Stable linear networks with known eigenvalues, their eigenvectors turned at random."""
    return linear_network(draw(spectra(max_size=max_size, radius=radius)), seed=draw(st.integers(0, 2**16)))
