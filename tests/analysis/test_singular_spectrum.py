import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis import singular_spectrum
from neurodyn.errors import ConfigError, ModelError
from neurodyn.numerics import lanczos
from neurodyn.testing import systems


def network(kernel):
    return nd.build("rate_rnn", connectivity="convolutional", n_units=512, channels=8, kernel=kernel)


def test_a_kernel_of_one_repeats_its_values_at_every_place():
    model = network(1)
    found = singular_spectrum(model, layer="hidden")
    own = np.linalg.svd(model.recurrent.detach().double().numpy()[:, :, 0, 0], compute_uv=False)
    np.testing.assert_allclose(found.singular_value, np.repeat(own, 64), atol=1e-10)
    np.testing.assert_allclose(found.singular_value_circular, np.repeat(own, 64), atol=1e-10)
    assert float(found.share_nonzero) == 1 / 64


def test_against_the_matrix_and_lanczos():
    model = network(3)
    found = singular_spectrum(model, layer="hidden", keep_matrix=True)
    W = model.recurrent_matrix().detach().double().numpy()
    np.testing.assert_allclose(found.matrix, W, atol=1e-6)
    np.testing.assert_allclose(found.singular_value[:3], lanczos.singular_values(W, 3, seed=0).values, rtol=1e-6)
    assert np.sum(found.singular_value.values**2) == pytest.approx(np.sum(W**2))


def test_borders_lower_the_bulk_as_kernels_grow():
    medians = [float(singular_spectrum(network(k), layer="hidden").singular_value.median()) for k in (3, 9)]
    assert medians[0] > medians[1] + 0.03


def test_bad_input():
    with pytest.raises(ModelError, match="recurrent_kernel"):
        singular_spectrum(systems.limit_cycle(), layer="x")
    with pytest.raises(ConfigError, match="did you mean `hidden`"):
        singular_spectrum(network(3), layer="hiden")
    with pytest.raises(ConfigError, match="at most 6000"):
        singular_spectrum(nd.build("rate_rnn", connectivity="convolutional", n_units=6272, channels=8, kernel=1), layer="hidden")
