"""Series at the preferred grating: known contrast exponents, surrounds and phases."""

import numpy as np
import pytest

from neurodyn.analysis import grating_tuning
from neurodyn.analysis.grating_series import grating_series
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.testing.toys import ConvNetwork
from neurodyn.testing.units import gabor_energy_bank

GRID = {"spatial_frequency_cpp": [0.07, 0.1, 0.14, 0.2], "temporal_frequency_hz": [5, 10, 20], "n_steps": 60, "n_skip": 20}


@pytest.fixture(scope="module")
def energy():
    bank = gabor_energy_bank([0.1], [10.0], [0.0], image_size=24)
    return grating_series(bank, "energy", grating_tuning(bank, "energy", **GRID), n_steps=60, n_skip=20)


def test_energy_grows_with_the_square_of_contrast(energy):
    c, r = energy.contrast_percent.values, energy.contrast_response.values[0]
    np.testing.assert_allclose(r / r[-1], (c / 100) ** 2, atol=1e-3)
    assert abs(energy.exponent.item() - 2) < 0.15


def test_energy_does_not_depend_on_phase_and_grows_with_size(energy):
    r = energy.phase_response.values[0]
    assert r.std() / r.mean() < 0.01
    assert energy.suppression_index.item() < 0.05
    sizes = energy.size_response.values[0]
    assert sizes[0] < 0.3 * sizes[-1]
    assert energy.course.sizes["time_bin"] == 60
    assert 5 < energy.latency_ms.item() < 100
    assert energy.transience.item() < 0.2


def test_off_centre_units_have_no_size_series():
    model = ConvNetwork()
    best = grating_tuning(model, "V1", units=[0, 36], spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_hz=[10, 20, 30], n_steps=30)
    ds = grating_series(model, "V1", best, n_steps=30)
    assert ds.is_centred.values.tolist() == [False, True]
    assert (ds.size_response[0] == 0).all()
    assert np.isfinite(ds.contrast_response).all()


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        ({"contrast_percent": [0, 50, 100]}, ConfigError, "at least four"),
        ({"contrast_percent": [0, 20, 50, 120]}, ConfigError, "0 to 100"),
        ({"n_steps": 11}, ConfigError, "at least 3 steps"),
    ],
)
def test_bad_input(arguments, kind, says):
    model = ConvNetwork()
    best = grating_tuning(model, "V1", units="center", spatial_frequency_cpp=[0.1, 0.2, 0.3], temporal_frequency_hz=[10, 20, 30], n_steps=30)
    with pytest.raises(kind, match=says):
        grating_series(model, "V1", best, **arguments)
    with pytest.raises(SchemaError, match="grating_tuning returns"):
        grating_series(model, "V1", best.drop_vars("preferred_direction_deg"))
    with pytest.raises(SchemaError, match="units of `V2`"):
        grating_series(model, "V2", best)
