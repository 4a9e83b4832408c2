import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError, SchemaError
from neurodyn.numerics.image_resize import resize_images, resize_matrix
from neurodyn.schema import make_stimuli
from neurodyn.stimuli.resize import resize


def images(n=3, channels=3, size=12, seed=0):
    return make_stimuli(np.random.default_rng(seed).random((n, channels, size, size)), label=np.arange(n))


@pytest.mark.parametrize(("size", "target"), [(12, 5), (12, 31), (28, 28), (9, 1)])
def test_same_as_torch_antialiased_bilinear(size, target):
    x = images(size=size)
    want = torch.nn.functional.interpolate(torch.from_numpy(x.values), (target, target), mode="bilinear", antialias=True, align_corners=False)
    np.testing.assert_allclose(resize(x, target).values, want.numpy(), atol=2e-6)  # float32 sums in another order


@given(st.integers(1, 40), st.integers(1, 40))
def test_weights_average(n_in, n_out):
    np.testing.assert_allclose(resize_matrix(n_in, n_out).sum(1), 1, atol=1e-6)


def test_a_grating_above_the_new_limit_vanishes():
    wave = 0.5 + 0.5 * np.cos(np.pi * np.arange(32))
    x = make_stimuli(np.tile(wave, (1, 1, 32, 1)))
    assert float(resize(x, 8).std()) < 0.02  # plain sampling would leave a grating or a flat field of 1


def test_channels_coords_and_movies():
    x = images()
    grey = resize(x, None, n_channels=1)
    assert grey.shape == (3, 1, 12, 12)
    np.testing.assert_allclose(grey.values[:, 0], np.tensordot(x.values, [0.299, 0.587, 0.114], axes=([1], [0])), atol=1e-6)
    assert resize(grey, (6, 4), n_channels=3).shape == (3, 3, 6, 4)
    assert resize(x, 6).label.values.tolist() == [0, 1, 2]
    movie = make_stimuli(np.zeros((2, 4, 3, 8, 8)), frame_start=[0, 1, 2, 3])
    assert resize(movie, 4, n_channels=1).shape == (2, 4, 1, 4, 4)
    assert resize(x, 12) is x


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: resize(images(), 0), ConfigError, "fix: resize"),
        (lambda: resize(images(), (3, 3, 3)), ConfigError, "row, column"),
        (lambda: resize(images(channels=2), 4, n_channels=3), SchemaError, "2 channels"),
        (lambda: resize(images().values, 4), SchemaError, "make_stimuli"),
        (lambda: resize_images(np.zeros(3), (2, 2)), NumericsError, "row, column"),
        (lambda: resize_matrix(0, 2), NumericsError, "1 or more"),
    ],
)
def test_bad_input(call, error, match):
    with pytest.raises(error, match=match):
        call()
