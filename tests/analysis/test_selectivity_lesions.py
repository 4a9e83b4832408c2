"""Classes of channels are silenced as what drives them says."""

import numpy as np
import pytest
import xarray as xr

import neurodyn as nd
from neurodyn.analysis.selectivity_lesions import selectivity_lesions
from neurodyn.errors import ConfigError, SchemaError
from neurodyn.schema import make_stimuli
from neurodyn.testing.toys import ConvNetwork

SPACE, TIME = np.array([1.0, 0.1, 0.5, 0.2]), np.array([0.1, 1.0, 0.5, 0.2])


def optimal(lead=()):
    values = np.stack([SPACE, TIME, [1.0, 1.0, 0.6, 1.0]], axis=1)
    coords = {"layer": ("neuroid", ["V1"] * 4), "channel": ("neuroid", np.arange(4)), "family": ["space", "time", "spacetime"]}
    ds = xr.Dataset({"activation": (("neuroid", "family"), values)}, coords)
    return xr.concat([ds, ds], dim="model").assign_coords(model=list(lead)) if lead else ds


@pytest.fixture(scope="module")
def images():
    return make_stimuli(np.random.default_rng(0).random((12, 1, 8, 8)), label=np.arange(12) % 4)


SMALL = {"layer": "V1", "n_controls": 2, "seed": 0, "schedule": nd.Schedule.steps(stimulus=2)}


def test_sizes_and_classes(images):
    ds = selectivity_lesions(ConvNetwork(), images, optimal(), n_channels=[1, 2], **SMALL)
    assert ds.n_silenced.values.tolist() == [1, 2]
    assert ds.silenced.sel(group="space").values.tolist()[0] == "0"
    assert ds.silenced.sel(group="time").values.tolist()[0] == "1"
    assert ds.silenced.sel(group="both").values.tolist()[0] == "2"
    assert ds.silenced.sel(group="spacetime").values.tolist()[0] == "3"
    assert ds.accuracy_intact.dims == ()
    assert ds.excess.dims == ("size", "group", "kind")
    assert (ds.excess_low <= ds.excess_high).all()


def test_a_member_of_a_family(images):
    several = optimal(lead=("name=a", "name=a, untrained=True"))
    one = selectivity_lesions(ConvNetwork(), images, several, member="name=a", n_channels=[1], **SMALL)
    alone = selectivity_lesions(ConvNetwork(), images, optimal(), n_channels=[1], **SMALL)
    np.testing.assert_allclose(one.loss, alone.loss)
    with pytest.raises(ConfigError, match="did you mean `name=a`"):
        selectivity_lesions(ConvNetwork(), images, several, member="name=aa", n_channels=[1], **SMALL)


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"layer": "V2"}, SchemaError, "no unit of layer"),
        ({"n_channels": []}, ConfigError, "at least one size"),
        ({"n_channels": [3]}, ConfigError, "too few others"),
        ({"optimal": xr.Dataset()}, SchemaError, "optimal_stimulus returns"),
    ],
)
def test_bad_input(images, change, kind, says):
    arguments = {"optimal": optimal(), "n_channels": [1], **SMALL, **change}
    with pytest.raises(kind, match=says):
        selectivity_lesions(ConvNetwork(), images, arguments.pop("optimal"), **arguments)
