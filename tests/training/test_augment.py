"""Crops and mixtures of training images."""

import numpy as np
import pytest
import torch

from neurodyn.errors import ConfigError
from neurodyn.seeding import torch_generator
from neurodyn.training.augment import cut_or_mix, random_crops


def test_a_mixture_s_label_is_the_share_of_its_pixels():
    """Images of one value a class: the mean pixel says what is in it, and so does the soft label; a cut keeps pure pixels."""
    values = torch.tensor([0.0, 1.0, 0.0, 1.0])
    kinds = set()
    for seed in range(20):
        frames, soft = cut_or_mix(values[:, None, None, None].expand(4, 2, 10, 12), torch.tensor([0, 1, 0, 1]), 2, torch_generator(seed, "mix"))
        torch.testing.assert_close(frames.mean(dim=(1, 2, 3)), soft[:, 1], atol=1e-5, rtol=0)
        torch.testing.assert_close(soft.sum(1), torch.ones(4))
        kinds.add(bool(((frames == 0) | (frames == 1)).all()))
    assert kinds == {True, False}  # both kinds occur


def test_half_of_the_area_is_cut_on_average():
    kept = []
    for seed in range(300):
        _, soft = cut_or_mix(torch.rand(2, 1, 16, 16), torch.tensor([0, 1]), 2, torch_generator(seed, "mix"))
        kept.append(float(soft[0, 0]))
    assert 0.5 < np.mean(kept) < 0.75  # mean of uniform is 0.5; a rectangle clipped at the border cuts less


def test_crops_are_parts_of_the_image():
    ramp = torch.linspace(0, 1, 16)[None, None, None, :].expand(6, 1, 16, 16)
    found = random_crops(ramp, torch_generator(0, "crop"), area=(0.1, 0.3))
    assert found.shape == ramp.shape
    assert bool((found.diff(dim=-1) >= -1e-6).all())  # still a ramp, along the same axis
    spans = found.amax(dim=(1, 2, 3)) - found.amin(dim=(1, 2, 3))
    assert bool((spans < 0.75).all())
    torch.testing.assert_close(random_crops(ramp, torch_generator(0, "crop"), area=(1.0, 1.0), aspect=(1.0, 1.0)), ramp)


@pytest.mark.parametrize("area", [(0.0, 1.0), (0.5, 0.2), (0.5, 1.5)])
def test_bad_area(area):
    with pytest.raises(ConfigError, match="`area` is"):
        random_crops(torch.zeros(1, 1, 4, 4), torch_generator(0, "crop"), area=area)
