"""Cartesian masks: fastMRI's numbers, exact centres, rates over many draws, bad input."""

import numpy as np
import pytest

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics.sampling_masks import check_mask, column_mask, n_center

TABLE = [(320, 4, 26, 0.1837, 5.444), (320, 8, 13, 0.0879, 11.370), (368, 4, 29, 0.1858, 5.381), (368, 8, 15, 0.0878, 11.387), (372, 4, 30, 0.1842, 5.429)]


@pytest.mark.parametrize(("w", "a", "low", "probability", "spacing"), TABLE)
def test_published_numbers(w, a, low, probability, spacing):
    assert n_center(w, {4: 0.08, 8: 0.04}[a]) == low
    assert (w / a - low) / (w - low) == pytest.approx(probability, abs=1e-4)
    assert a * (low - w) / (low * a - w) == pytest.approx(spacing, abs=1e-3)
    mask = column_mask(w, a, seed=3)
    first = (w - low + 1) // 2
    assert mask[first : first + low].all() and first <= w // 2 < first + low
    even = column_mask(w, a, kind="equispaced", seed=3)
    outside = np.flatnonzero(even & ~np.isin(np.arange(w), np.arange(first, first + low)))
    gaps = np.diff(outside[outside < first])
    assert set(gaps.tolist()) <= {int(spacing), int(spacing) + 1}


@pytest.mark.parametrize("kind", ["random", "equispaced"])
@pytest.mark.parametrize("a", [4, 8])
def test_the_acceleration_is_met_on_average(kind, a):
    share = np.mean([column_mask(368, a, kind=kind, seed=k).mean() for k in range(1000)])
    assert share == pytest.approx(1 / a, rel=0.02)


def test_the_seed_decides():
    assert np.array_equal(column_mask(64, 4, seed=0), column_mask(64, 4, seed=0))
    assert not np.array_equal(column_mask(64, 4, seed=0), column_mask(64, 4, seed=1))
    assert column_mask(64, 1, seed=0).all() and column_mask(9, 3, 1.0, seed=0).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"n_columns": 64, "acceleration": 4, "kind": "ramdom"}, ConfigError, "did you mean `random`"),
        ({"n_columns": 64, "acceleration": 0.5}, ConfigError, "`acceleration` is 0.5"),
        ({"n_columns": 64, "acceleration": float("nan")}, ConfigError, "`acceleration` is nan"),
        ({"n_columns": 64, "acceleration": 4, "center_fraction": 1.5}, ConfigError, "`center_fraction` is 1.5"),
        ({"n_columns": 64, "acceleration": 8, "center_fraction": 0.5}, ConfigError, "32 central columns of 64 are more than acceleration 8 leaves"),
        ({"n_columns": 8, "acceleration": 1e9, "center_fraction": 0.0}, NumericsError, "none of 8 columns is measured"),
    ],
)
def test_bad_input(arguments, kind, message):
    with pytest.raises(kind, match=message):
        column_mask(**arguments, seed=0)


def test_masks_that_measure_nothing_are_named():
    masks = np.ones((3, 1, 4, 4))
    check_mask(masks, where="here")
    masks[1] = 0
    with pytest.raises(NumericsError, match=r"here: the mask measures nothing in 1 of 3 presentations \(first: b\)"):
        check_mask(masks, where="here", ids=["a", "b", "c"])
