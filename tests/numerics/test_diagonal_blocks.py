"""The union of the spectra of diagonal blocks: none missed, and no block asked for more than it must give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics.arnoldi import leading_eigenpairs
from neurodyn.numerics.diagonal_blocks import leading_of_blocks
from neurodyn.numerics.eigen_order import ordering


def blocks(seed, sizes):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((n, n)) * rng.uniform(0.2, 1.0) / np.sqrt(n) for n in sizes]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 1000), st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 40), st.sampled_from(["LM", "LR", "nearest 1"]))
def test_none_missed(seed, sizes, n_modes, which):
    parts, n_modes = blocks(seed, sizes), min(n_modes, sum(sizes))
    whole = np.zeros((sum(sizes), sum(sizes)))
    ends = np.cumsum(sizes)
    for part, end in zip(parts, ends, strict=True):
        whole[end - len(part) : end, end - len(part) : end] = part
        whole[end:, end - len(part) : end] = 1.0  # what lies below the blocks does not matter
    [(modes, owner)] = leading_of_blocks(lambda i, k, above: [leading_eigenpairs(parts[i], k, which=which, seed=0, above=above)], sizes, n_modes, which=which)
    key = ordering(which)
    truth = np.concatenate([np.linalg.eigvals(part) for part in parts])
    np.testing.assert_allclose(key(modes.values), np.sort(key(truth))[::-1][: len(modes.values)], atol=1e-9)
    assert n_modes <= len(modes.values) <= n_modes + 1 and abs(modes.values.imag.sum()) < 1e-9  # pairs whole
    assert modes.converged.all() and all(np.abs(np.linalg.eigvals(parts[i]) - v).min() < 1e-9 for v, i in zip(modes.values, owner, strict=True))


def test_a_block_that_has_nothing_to_give_gives_one_mode():
    given_back = {}
    parts = [1e-3 * np.diag(np.linspace(1.0, 2.0, 100)), np.diag(np.linspace(1.0, 2.0, 101))]

    def solve(i, k, above):
        found = leading_eigenpairs(parts[i], k, seed=0, above=above)
        given_back[i] = len(found.values), above
        return [found]

    [(modes, owner)] = leading_of_blocks(solve, [100, 101], 60)
    assert owner.tolist() == [1] * 60
    assert given_back[0] == (1, modes.values[-1].real)


@pytest.mark.parametrize(("n_modes", "which", "error"), [(0, "LM", NumericsError), (5, "LM", NumericsError), (1, "largest", ConfigError)])
def test_bad_input(n_modes, which, error):
    with pytest.raises(error):
        leading_of_blocks(lambda i, k, above: [leading_eigenpairs(np.eye(2), k, seed=0, above=above)], [2, 2], n_modes, which=which)
