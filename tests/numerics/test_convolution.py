import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.numerics.convolution import conv_matrix, conv_spectral_radius
from neurodyn.seeding import torch_generator


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3, 5]))
def test_the_matrix_acts_as_the_convolution(seed, n_in, n_out, rows, columns, size):
    generator = torch_generator(seed, "k")
    kernel = torch.randn((n_out, n_in, size, size), generator=generator, dtype=torch.float64)
    x = torch.randn((1, n_in, rows, columns), generator=generator, dtype=torch.float64)
    y = conv_matrix(kernel, (rows, columns)) @ x.flatten()
    torch.testing.assert_close(y.reshape(1, n_out, rows, columns), F.conv2d(x, kernel, padding=size // 2))


def test_entries_by_the_formula():
    kernel = torch.arange(36.0).reshape(2, 2, 3, 3)
    matrix = conv_matrix(kernel, (4, 3)).reshape(2, 4, 3, 2, 4, 3)
    for c, x, y, d, u, v in ((0, 1, 1, 1, 2, 0), (1, 3, 2, 0, 3, 1), (0, 0, 0, 1, 0, 0)):
        assert matrix[c, x, y, d, u, v] == kernel[c, d, u - x + 1, v - y + 1]
    assert matrix[0, 0, 0, 0, 3, 0] == 0


@pytest.mark.parametrize("seed", range(3))
def test_radius_against_dense_eigenvalues(seed):
    kernel = torch.randn((3, 3, 3, 3), generator=torch_generator(seed, "r"), dtype=torch.float64)
    dense = torch.linalg.eigvals(0.8 * torch.eye(75, dtype=torch.float64) + 0.2 * conv_matrix(kernel, (5, 5))).abs().max()
    found = conv_spectral_radius(kernel, (5, 5), shift=0.8, scale=0.2, n_iterations=400, seed=0)
    assert found == pytest.approx(float(dense), rel=0.02)  # growth averaged over 200 iterations


def test_zero_kernel():
    assert conv_spectral_radius(torch.zeros(2, 2, 3, 3), (4, 4), seed=0) == 0.0
