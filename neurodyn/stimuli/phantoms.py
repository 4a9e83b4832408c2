"""Random heads of ellipses, after Shepp and Logan: objects with sharp edges and a known spectrum."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError
from neurodyn.numerics.ellipses import rasterise
from neurodyn.schema import make_stimuli
from neurodyn.seeding import numpy_generator

__all__ = ["phantoms", "random_ellipses"]


def phantoms(n: int = 16, *, image_size: int = 64, n_ellipses: int = 16, seed: int) -> xr.DataArray:
    """Images of random heads: a bright rim, a darker inside, and ellipses of many sizes in it.

    Parameters
    ----------
    n : int
    image_size : int
        Rows and columns, pixels.
    n_ellipses : int
        Inside the head.
    seed : int
        Image i draws from its own stream keyed by (seed, i), so more images of a seed begin with the same ones.

    Returns
    -------
    DataArray, (presentation, channel, row, column)
        One channel, in [0, 1]: sums of ellipses below 0 or above 1 are cut.

    Raises
    ------
    ConfigError
        For images too small to hold a head.

    Examples
    --------
    >>> images = phantoms(2, image_size=32, seed=0)
    >>> images.shape, bool((phantoms(3, image_size=32, seed=0).values[:2] == images.values).all())
    ((2, 1, 32, 32), True)
    """
    if image_size < 16 or n < 1 or n_ellipses < 0:
        raise ConfigError("phantoms", f"{n} images of {image_size} pixels with {n_ellipses} ellipses", expected="1 or more images of 16 pixels or more")
    pixels = np.stack([rasterise(random_ellipses(n_ellipses, image_size, seed=seed, index=k), image_size, image_size) for k in range(n)])
    return make_stimuli(pixels.clip(0, 1)[:, None], [f"phantom-{seed}-{k:04d}" for k in range(n)])


def random_ellipses(n_ellipses: int, image_size: int, *, seed: int, index: int) -> np.ndarray:
    """The ellipses of one head, (ellipse, 6), as :func:`neurodyn.numerics.ellipses.rasterise` takes them."""
    draw = numpy_generator(seed, "phantoms", image_size, index)
    half = image_size / 2
    a, b = half * draw.uniform([0.78, 0.62], [0.92, 0.82])
    angle, rim = draw.uniform(-0.3, 0.3), draw.uniform(1.5, 3.0) * half / 24
    level = draw.uniform(0.3, 0.5)
    head = [[draw.uniform(0.8, 1.0), a, b, 0, 0, angle], [0, a - rim, b - rim, 0, 0, angle]]
    head[1][0] = level - head[0][0]
    size = np.exp(draw.uniform(np.log(0.03), np.log(0.35), n_ellipses)) * half
    shape, turn = draw.uniform(0.4, 1.0, n_ellipses), draw.uniform(0, np.pi, n_ellipses)
    distance, direction = 0.75 * np.sqrt(draw.uniform(0, 1, n_ellipses)), draw.uniform(0, 2 * np.pi, n_ellipses)
    intensity = draw.uniform(0.06, 0.3, n_ellipses) * draw.choice([-1, 1], n_ellipses)
    inside = [intensity, size, np.maximum(size * shape, 0.6), distance * np.sin(direction) * (a - rim), distance * np.cos(direction) * (b - rim), turn]
    return np.concatenate([np.array(head), np.stack(inside, axis=1)])
