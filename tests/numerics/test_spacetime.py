"""Space-time indices of filters that are built to have them."""

import numpy as np

from neurodyn.numerics import spacetime


def test_slant_separability_and_lobes():
    t, y, x = np.meshgrid(np.arange(12), np.arange(10), np.arange(10), indexing="ij")
    envelope = np.exp(-((x - 4.5) ** 2 + (y - 4.5) ** 2) / 8)
    drift = envelope * np.cos(2 * np.pi * (x / 5 - t / 6))
    product = envelope * np.cos(2 * np.pi * x / 5) * np.exp(-t / 3)
    filters = np.stack([drift, product])[:, :, None]
    np.testing.assert_allclose(spacetime.slant(filters), [1.0, 0.0], atol=0.1)
    np.testing.assert_allclose(spacetime.spacetime_separability(filters), [0.5, 1.0], atol=0.05)
    row, column, extent = spacetime.centre_and_extent(filters)
    np.testing.assert_allclose(row, 4.5, atol=0.1)
    np.testing.assert_allclose(column, 4.5, atol=0.1)
    assert (extent < 2).all()
    assert spacetime.biphasic_index(filters)[1] == 0.0
    assert abs(spacetime.biphasic_index(filters)[0] - 1) < 0.2
