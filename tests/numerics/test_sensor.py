"""The moving sensor: the bicubic identity, shifts, padding, gradients, and what it refuses."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from neurodyn.errors import ConfigError, NumericsError
from neurodyn.numerics import sensor
from neurodyn.seeding import torch_generator

TAPS = torch.tensor([-0.09375, 0.59375, 0.59375, -0.09375], dtype=torch.float64)


def images(n=2, size=32, channels=3):
    return torch.rand(n, channels, size, size, generator=torch_generator(0, "sensor"), dtype=torch.float64)


def crop(image, right, up, colour, margin=40, field=32):
    """The field of view cut out of the padded scene: rows go down, so up is a smaller row."""
    scene = torch.stack([F.pad(c, (margin,) * 4, value=v) for c, v in zip(image, colour, strict=True)])
    top, left = margin + (image.shape[1] - field) // 2 - up, margin + (image.shape[2] - field) // 2 + right
    return scene[:, top : top + field, left : left + field]


def test_cubic_at_factor_four_is_a_stride_four_convolution():
    x = images()
    kernel = (TAPS[:, None] * TAPS[None])[None, None].expand(3, 1, 4, 4)
    seen = sensor.sample(x, torch.zeros(2, 1, 2, dtype=torch.float64))[:, 0]
    assert torch.allclose(seen, F.conv2d(x, kernel, stride=4, groups=3), atol=1e-12)  # closed form
    assert torch.allclose(seen, F.interpolate(x, size=8, mode="bicubic", antialias=False), atol=1e-12)  # independent code


@pytest.mark.parametrize("position", [(0, 0), (3, 0), (0, -5), (-7, 2), (20, 20)])
@pytest.mark.parametrize("resolution", [4, 8])
def test_whole_shifts_equal_cropping_the_padded_scene_and_resizing(position, resolution):
    x, colour = images(1), (0.1, 0.5, 0.9)
    seen = sensor.sample(x, torch.tensor([[position]], dtype=torch.float64), resolution=resolution, padding=colour)
    cut = crop(x[0], *position, colour)[None]
    assert torch.allclose(seen[:, 0], F.interpolate(cut, size=resolution, mode="bicubic", antialias=False), atol=1e-12)


@pytest.mark.parametrize("resolution", [5, 10, 16])
def test_any_resolution_equals_resizing_away_from_the_border(resolution):
    x = images(1)
    seen = sensor.sample(x, torch.zeros(1, 1, 2, dtype=torch.float64), resolution=resolution, uneven=True)[0, 0]
    resized = F.interpolate(x, size=resolution, mode="bicubic", antialias=False)[0]
    assert torch.allclose(seen[:, 1:-1, 1:-1], resized[:, 1:-1, 1:-1], atol=1e-12)  # at the border resizing repeats the edge, the sensor sees the padding


def test_area_is_the_mean_over_the_receptor():
    x = images()
    seen = sensor.sample(x, torch.zeros(2, 1, 2, dtype=torch.float64), kernel="area")[:, 0]
    assert torch.allclose(seen, F.avg_pool2d(x, 4), atol=1e-12)


def test_fractional_shifts_follow_a_smooth_image():
    grid = torch.arange(64, dtype=torch.float64) - 31.5
    wave = lambda shift: torch.sin(2 * np.pi * (grid + shift) / 16)[None, None, None, :].expand(1, 1, 64, 64).clone()  # noqa: E731
    moved = sensor.sample(wave(0.0), torch.tensor([[[0.3, 0.0]]], dtype=torch.float64))
    still = sensor.sample(wave(0.3), torch.zeros(1, 1, 2, dtype=torch.float64))
    assert torch.allclose(moved, still, atol=0.03)  # the error of cubic interpolation at 16 px a cycle


def test_gradients_reach_image_and_position():
    x = images(1, size=8, channels=1).requires_grad_()
    p = torch.tensor([[[0.3, -0.7]]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: sensor.sample(a, b, resolution=2, field_px=8), (x, p))


@given(st.integers(0, 10**6), st.floats(-60, 60), st.floats(-60, 60))
def test_a_uniform_scene_looks_the_same_from_everywhere(seed, right, up):
    colour = float(torch.rand((), generator=torch_generator(seed, "colour")))
    seen = sensor.sample(torch.full((1, 1, 32, 32), colour), torch.tensor([[[right, up]]]), padding=colour)
    assert torch.allclose(seen, torch.full_like(seen, colour), atol=1e-6)


def test_rows_do_not_depend_on_their_batch():
    x, p = images(4), torch.randint(-9, 9, (4, 3, 2), generator=torch_generator(1, "p")).double()
    whole = sensor.sample(x, p)
    assert all(torch.allclose(whole[i], sensor.sample(x[i : i + 1], p[i : i + 1])[0], atol=1e-14) for i in range(4))


ZERO = torch.zeros(2, 3, 2)
BAD = [
    ({"images": torch.zeros(2, 32, 32)}, NumericsError, "batch, channel, row, column"),
    ({"images": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, NumericsError, "floating"),
    ({"positions": torch.zeros(2, 2)}, NumericsError, "right and up"),
    ({"positions": torch.zeros(3, 5, 2)}, NumericsError, "2 images for 3 trajectories"),
    ({"positions": ZERO + 150}, NumericsError, "leaves the scene in 2 of 2"),
    ({"positions": ZERO * float("nan")}, NumericsError, "not finite in 2 of 2"),
    ({"resolution": 7}, NumericsError, "uneven=True"),
    ({"resolution": 0}, NumericsError, "above 0"),
    ({"kernel": "cubik"}, ConfigError, "use `cubic`"),
    ({"padding": (0.0, 1.0)}, NumericsError, "2 values for 3 channels"),
]


@pytest.mark.parametrize(("changed", "kind", "message"), BAD)
def test_bad_input(changed, kind, message):
    given_ = {"images": torch.zeros(2, 3, 32, 32), "positions": ZERO} | changed
    with pytest.raises(kind, match=message):
        sensor.sample(given_.pop("images"), given_.pop("positions"), **given_)
