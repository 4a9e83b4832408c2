"""Coils: unit power, the adjoint identity, compression against a dense singular value decomposition, bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics.coils import compression, sense_adjoint, sense_forward, sensitivities, smooth_phase
from neurodyn.numerics.fourier import as_channels, fft2c, rss


def noise(*shape, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=shape) + 1j * draw.normal(size=shape)


@pytest.mark.parametrize("n", [1, 4, 8])
def test_sensitivities_have_unit_power_and_are_smooth(n):
    maps = sensitivities(n, 20, 24, seed=1)
    np.testing.assert_allclose((abs(maps) ** 2).sum(0), 1)
    assert max(abs(np.diff(maps, axis=1)).max(), abs(np.diff(maps, axis=2)).max()) < 0.35
    assert np.array_equal(maps, sensitivities(n, 20, 24, seed=1)) and not np.array_equal(maps, sensitivities(n, 20, 24, seed=2))
    assert abs(np.diff(smooth_phase(20, 24, seed=0), n=3, axis=0)).max() < 1e-12  # of second order


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5), st.integers(2, 9), st.integers(2, 9), st.integers(0, 99))
def test_adjoint_identity(n, rows, columns, seed):
    maps, x, y = noise(n, rows, columns, seed=seed), noise(rows, columns, seed=seed + 1), noise(n, rows, columns, seed=seed + 2)
    mask = np.random.default_rng(seed).random(columns) < 0.5
    left = np.vdot(y, sense_forward(x, maps, mask))
    right = np.vdot(sense_adjoint(y, maps, mask), x)
    assert left == pytest.approx(right, abs=1e-10)
    tensors = [torch.from_numpy(v) for v in (x, maps, mask)]
    np.testing.assert_allclose(sense_forward(*tensors).numpy(), sense_forward(x, maps, mask), atol=1e-12)


def test_fully_sampled_unit_coils_give_the_image_back():
    maps, x = sensitivities(4, 12, 10, seed=0), noise(12, 10)
    np.testing.assert_allclose(sense_adjoint(sense_forward(x, maps, 1), maps, 1), x, atol=1e-12)
    np.testing.assert_allclose(rss(as_channels(maps * x)), abs(x))


def test_compression_is_the_leading_subspace_of_a_dense_decomposition():
    low_rank = np.einsum("ck,krs->crs", noise(6, 2), noise(2, 16, 16, seed=1))
    exact = compression(low_rank, 2, n_center=16)
    assert exact.energy == pytest.approx(1)
    np.testing.assert_allclose(rss(as_channels(exact.apply(low_rank))), rss(as_channels(low_rank)), rtol=1e-9)
    k = noise(5, 12, 16, seed=2)
    found = compression(k, 3, n_center=8)
    _, s, vh = np.linalg.svd(k[..., 4:12].reshape(5, -1).T, full_matrices=False)
    dense = vh.conj().T[:, :3]
    np.testing.assert_allclose(found.matrix @ found.matrix.conj().T, dense @ dense.conj().T, atol=1e-10)
    assert found.energy == pytest.approx((s[:3] ** 2).sum() / (s**2).sum())
    largest = found.matrix[abs(found.matrix).argmax(0), np.arange(3)]
    assert (largest.real > 0).all() and abs(largest.imag).max() < 1e-12


def test_compression_commutes_with_transform_and_mask():
    images, mask = noise(5, 12, 16), np.random.default_rng(0).random(16) < 0.5
    mixed = compression(fft2c(images), 3)
    np.testing.assert_allclose(mixed.apply(fft2c(images) * mask), fft2c(mixed.apply(images)) * mask, atol=1e-12)


def test_fewer_coils_can_be_filled_up():
    k = noise(2, 8, 8)
    found = compression(k, 4, pad=True)
    assert found.matrix.shape == (2, 4) and not found.matrix[:, 2:].any() and found.energy == pytest.approx(1)
    assert not found.apply(k)[2:].any()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: sensitivities(0, 8, 8, seed=0), ConfigError, "`n_coils` is 0"),
        (lambda: compression(noise(4, 8, 8), 8), ConfigError, "8 virtual coils are asked for but 4 were measured"),
        (lambda: compression(noise(4, 8, 8), 0), ConfigError, "0 virtual coils"),
        (lambda: compression(np.zeros((4, 8, 8), complex), 2), NumericsError, "empty or not finite"),
        (lambda: compression(noise(4, 8, 8), 2).apply(noise(3, 8, 8)), NumericsError, "3 coils for a matrix made from 4"),
    ],
)
def test_bad_input(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
