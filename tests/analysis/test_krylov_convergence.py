"""Ritz values against all eigenvalues."""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.analysis import krylov_convergence
from neurodyn.errors import CapacityError, ConfigError
from neurodyn.numerics.arnoldi import leading_eigenpairs
from neurodyn.testing.systems import linear_network


@pytest.fixture(scope="module")
def found():
    model = nd.build("cordsnet", seed=0, depth=2, channels=3, image_size=8, n_classes=2, in_channels=1, stem_kernel=3, stem_stride=1, pool=False)
    return krylov_convergence(model, layer="area1", sizes=(5, 60, 192), n_modes=4, seed=0)


def test_the_whole_space_holds_every_eigenvalue(found):
    every, last = found.eigenvalue.values, found.ritz.sel(size=192).values
    nearest = abs(every[:, None] - last[None]).min(axis=1)
    assert nearest.max() < 1e-8 * abs(every[0])
    assert np.isnan(found.ritz.sel(size=5).values[5:]).all()


def test_leading_values_come_first_and_are_the_solver_s(found):
    assert found.error.values[59].max() < 1e-3 * abs(found.eigenvalue.values[0]) < found.error.values[4].max()
    solved = leading_eigenpairs(found.matrix.values, 4, seed=0).values
    np.testing.assert_allclose(np.sort(abs(solved)), np.sort(abs(found.eigenvalue.values[: len(solved)])), rtol=1e-8)


def test_the_matrix_is_the_convolution(found):
    assert found.matrix.shape == (192, 192)
    assert float((found.matrix.values != 0).mean()) < 9 / 64 + 1e-9  # a 3x3 window of an 8x8 map


def test_a_closed_space_stops():
    found = krylov_convergence(linear_network([0.5, 0.5, 0.5]), layer="x", sizes=(3,), n_modes=1, seed=0)
    assert found.sizes["dimension"] == 1
    assert float(found.error.values[0, 0]) < 1e-12


@pytest.mark.parametrize(
    ("kwargs", "error", "match"),
    [
        ({"sizes": (0,)}, ConfigError, "`sizes` is"),
        ({"sizes": (4,)}, ConfigError, "from 1 to 3"),
        ({"sizes": (2,), "n_modes": 9}, ConfigError, "`n_modes` 9"),
        ({"sizes": (2,), "max_units": 2}, CapacityError, "has 3 units"),
    ],
)
def test_bad_input(kwargs, error, match):
    with pytest.raises(error, match=match):
        krylov_convergence(linear_network([0.9, 0.5, 0.1]), layer="x", **{"n_modes": 1, "seed": 0, **kwargs})
