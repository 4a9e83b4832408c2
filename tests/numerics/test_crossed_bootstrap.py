"""Joint resampling of instances and items."""

import numpy as np
import pytest

from neurodyn.errors import NumericsError
from neurodyn.numerics.crossed_bootstrap import crossed_resamples
from neurodyn.numerics.resampling import hierarchical_bootstrap
from neurodyn.seeding import numpy_generator


def test_its_spread_is_that_of_the_hierarchical_bootstrap():
    values = numpy_generator(0, "v").normal(size=(1, 5, 80)) + numpy_generator(0, "s").normal(size=(1, 5, 1))
    drawn = crossed_resamples(values, n_resamples=6000, seed=0)[0]
    other = hierarchical_bootstrap(values[0], n_resamples=6000, seed=0)
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.02)
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([other.low, other.high], abs=0.06)  # Monte Carlo error of both


def test_the_variance_in_closed_form():
    """With identical instances only items vary: variance of the mean is that of the items over their number."""
    items = numpy_generator(1, "v").normal(size=200)
    drawn = crossed_resamples(np.broadcast_to(items, (1, 4, 200)), n_resamples=8000, seed=0)[0]
    assert drawn.var() == pytest.approx(items.var() / 200, rel=0.06)


def test_items_are_shared_between_groups_and_missing_instances_do_not_count():
    items = numpy_generator(2, "v").normal(size=(1, 1, 50))
    two = np.concatenate([items, items + 1])
    drawn = crossed_resamples(two, n_resamples=100, seed=0)
    np.testing.assert_allclose(drawn[1] - drawn[0], 1.0)
    padded = np.concatenate([two, np.full((2, 2, 50), np.nan)], axis=1)
    np.testing.assert_allclose(crossed_resamples(padded, n_resamples=100, seed=0), drawn)


@pytest.mark.parametrize(
    ("values", "match"),
    [(np.ones((2, 3)), "group, instance, item"), (np.full((1, 1, 3), np.nan), "has no instance"), (np.array([[[1.0, np.nan]]]), "lacks some of its items")],
)
def test_bad_input(values, match):
    with pytest.raises(NumericsError, match=match):
        crossed_resamples(values, seed=0)
