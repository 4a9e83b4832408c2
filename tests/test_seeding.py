"""Named streams: repeatable, and independent of each other."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.seeding import numpy_generator, subseed, torch_generator


@given(st.integers(0, 2**40), st.text(max_size=8), st.text(max_size=8))
def test_streams_are_named(seed, a, b):
    assert (subseed(seed, a) == subseed(seed, b)) == (a == b)
    assert 0 <= subseed(seed, a) < 2**63


def test_paths_do_not_run_together():
    assert subseed(0, "a", "b") != subseed(0, "ab")
    assert subseed(1, "a") != subseed(0, "a")


def test_streams_are_uncorrelated():
    a, b = (numpy_generator(0, name).standard_normal(20_000) for name in ("a", "b"))
    assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(20_000)  # four standard errors


def test_torch_streams_repeat():
    import torch

    assert torch.equal(torch.rand(5, generator=torch_generator(3, "x")), torch.rand(5, generator=torch_generator(3, "x")))
