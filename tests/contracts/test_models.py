"""Every architecture and every shipped model keeps the contract and simulates: a new file is tested without writing a test.

An architecture whose default configuration is too large for a test exports ``SMALL``, a configuration that is not.
"""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn import registry
from neurodyn.dynamics.check import probe_frames
from neurodyn.dynamics.record import Record
from neurodyn.schema import make_stimuli


def play(model):
    nd.check_model(model)
    frames = probe_frames(model, n_rows=2)
    if isinstance(frames, dict):
        import xarray as xr

        ids = {"stimulus_id": ("presentation", ["a", "b"])}
        stimuli = xr.Dataset({k: (("presentation", *(f"{k}_{i}" for i in range(v.dim() - 1))), v.numpy()) for k, v in frames.items()}, coords=ids)
    else:
        stimuli = make_stimuli(frames.numpy())
    r = nd.simulate(model, stimuli, nd.Schedule.steps(before=1, stimulus=2), Record(layers=(*model.layers, "readout"), space="center"))
    assert set(np.unique(r.layer.values)) == {*model.layers, "readout"}
    assert np.isfinite(r.values).all()


@pytest.mark.parametrize("name", registry.names("architectures"))
def test_architecture(name):
    module = registry.load_module("architectures", name)
    config = getattr(module, "SMALL", None) or module.Config()
    play(module.build(config, seed=0))


@pytest.mark.parametrize("name", registry.names("models"))
def test_shipped_model(name):
    play(nd.load_model(name))
