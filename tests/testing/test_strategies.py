"""The strategies draw what the schema and the contract accept."""

import numpy as np
from hypothesis import given, settings

import neurodyn as nd
from neurodyn.schema import check_recordings, check_stimuli
from neurodyn.testing import strategies


@settings(max_examples=10)
@given(strategies.stimuli(), strategies.stimuli(movie=True), strategies.recordings())
def test_labelled_data(images, movies, recorded):
    check_stimuli(images)
    check_stimuli(movies)
    check_recordings(recorded, where="test")


@settings(max_examples=10)
@given(strategies.linear_networks())
def test_models(model):
    nd.check_model(model)
    found = np.linalg.eigvals(model.truth["matrix"])
    assert max(np.abs(found - w).min() for w in model.truth["eigenvalues"]) < 1e-6
