"""Every probe named on every card runs on its model: models x probes, found by file name."""

import warnings

import numpy as np
import pytest
import xarray as xr

import neurodyn as nd
from neurodyn import registry
from neurodyn.errors import ConfigError
from neurodyn.experiment.probes import SMALL, probe
from neurodyn.experiment.resolve import card_of
from neurodyn.testing.systems import linear_network

PAIRS = [(model, name) for model in registry.names("models") for name in card_of(model).probes]


@pytest.mark.parametrize(("model", "name"), PAIRS, ids=[f"{m}-{p}" for m, p in PAIRS])
def test_probe(model, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a first look stops early, and says so
        found = probe(nd.load_model(model), name, seed=0)
    found = found if isinstance(found, xr.Dataset) else found.to_dataset(name="result")
    if found.sizes.get("fixed_point") == 0:  # a network may have none near its last state: then that is the finding
        assert found.attrs["n_searched"] == 1
        return
    assert any(np.isfinite(v.values).any() for v in found.data_vars.values() if v.dtype.kind in "fc")


def test_every_trained_model_names_its_probes():
    assert [m for m in registry.names("models") if card_of(m).weights and not card_of(m).probes] == []


def test_probe_of_a_known_system():
    found = probe(linear_network([0.9, 0.5]), "fixed_points", seed=0)
    assert int(np.asarray(found.n_unstable).sum()) == 0


def test_unknown_probe():
    with pytest.raises(ConfigError, match="did you mean `eigenspectrum`"):
        probe(linear_network([0.9]), "eigenspectra", seed=0)


def test_what_a_first_look_cannot_make_is_named():
    with pytest.raises(ConfigError, match="takes `"):
        probe(linear_network([0.9]), "search_gains", seed=0)


def test_small_parameters_are_of_analyses():
    assert set(SMALL) <= set(registry.names("analysis"))
