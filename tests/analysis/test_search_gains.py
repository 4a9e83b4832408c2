"""Gains of the choices of a search: a known gain, chance, and what is missing."""

import numpy as np
import pytest
import xarray as xr

from neurodyn.analysis import search_gains
from neurodyn.errors import NeurodynError
from neurodyn.seeding import numpy_generator


def table(n=80, gain=0.1, seed=0):
    generator = numpy_generator(seed, "search")
    good, idle = generator.random(n) < 0.5, generator.random(n) < 0.5
    value = 0.4 + gain * good + generator.normal(0, 0.02, n)
    value[3] = np.nan
    return xr.Dataset({"value": ("trial", value), "good": ("trial", good), "idle": ("trial", idle), "always": ("trial", np.ones(n, bool))})


def test_a_known_gain_and_an_idle_choice():
    found = search_gains(table(), factors=["good", "idle", "always"], seed=0)
    assert float(found.gain[0]) == pytest.approx(0.1, abs=0.015)
    assert float(found.gain_low[0]) > float(found.chance_high[0]) and abs(float(found.gain[1])) < 0.03
    assert np.isnan(float(found.gain[2])) and found.attrs["n_failed"] == 1
    assert found.n_with.values.tolist()[2] == 79 and bool((found.share[2] == 1).all())
    assert bool((np.diff(found.best) >= 0).all())


@pytest.mark.parametrize(
    ("options", "match"),
    [({"factors": ["god"]}, "did you mean `good`"), ({"factors": []}, "1 or more"), ({"factors": ["good"], "window": 0}, "`window` is 0")],
)
def test_bad_input(options, match):
    with pytest.raises(NeurodynError, match=match):
        search_gains(table(), seed=0, **options)
