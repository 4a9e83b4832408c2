"""The retina: extents, centring, anti-aliasing, and refusals."""

import math

import pytest
import torch
import torch.nn.functional as F

from neurodyn.errors import NumericsError
from neurodyn.numerics.retina import glimpse, pyramid, scale_extent


def test_equals_an_affine_grid():
    """Independent code: torch's own affine_grid with the released gains."""
    images = torch.rand(3, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    gaze = torch.tensor([[0.3, -0.2], [0.0, 0.0], [-0.7, 0.6]])
    got = glimpse(pyramid(images, 3, anti_alias=False), gaze, size=12)
    for k in range(3):
        gain = 2**k * 12 / 63
        theta = torch.tensor([[[gain, 0, float(x)], [0, gain, float(y)]] for x, y in gaze])
        grid = F.affine_grid(theta, [3, 2, 12, 12], align_corners=False)
        torch.testing.assert_close(got[:, 2 * k : 2 * k + 2], F.grid_sample(images, grid, align_corners=False), atol=1e-5, rtol=0)


def test_a_linear_image_is_read_at_the_gaze():
    """Bilinear sampling of a ramp is exact, so the mean of each patch is the ramp's value at the gaze."""
    n = 64
    centre = (torch.arange(n) + 0.5) * 2 / n - 1
    ramp = centre.expand(1, 1, n, n).contiguous()
    got = glimpse(pyramid(ramp, 3), torch.tensor([[0.25, -0.1]]), size=8)
    torch.testing.assert_close(got.mean(dim=(2, 3))[0], torch.full((3,), 0.25), atol=1e-5, rtol=0)


def test_anti_aliasing_removes_what_the_coarse_samples_cannot_carry():
    """A checkerboard at the pixel Nyquist averages to grey at every coarser scale."""
    board = ((torch.arange(64)[:, None] + torch.arange(64)[None]) % 2).float().expand(1, 1, 64, 64)
    got = glimpse(pyramid(board, 3), torch.zeros(1, 2), size=12)
    assert float((got[:, 1:] - 0.5).abs().max()) < 1e-6
    aliased = glimpse(pyramid(board, 3, anti_alias=False), torch.zeros(1, 2), size=12)
    assert float((aliased[:, 1:] - 0.5).abs().max()) > 0.05


def test_differentiable_in_image_and_gaze():
    images = torch.rand(1, 1, 16, 16, dtype=torch.float64, requires_grad=True)
    gaze = torch.tensor([[0.111, -0.07]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda i, g: glimpse(pyramid(i, 2), g, size=4), (images, gaze))


def test_extents_of_the_paper():
    assert [round(scale_extent(12, 128, k), 2) for k in range(4)] == [12.09, 24.19, 48.38, 96.76]
    assert math.isclose(scale_extent(12, 128, 0) / 12, 1.008, abs_tol=5e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pyramid(torch.zeros(1, 1, 30, 30), 3), "cannot be halved 2 times"),
        (lambda: glimpse([torch.zeros(1, 1, 8, 8)], torch.zeros(1, 2), size=12), "smaller than a glimpse"),
        (lambda: glimpse([torch.zeros(2, 1, 16, 16)], torch.tensor([[0.0, 1.5], [0.0, 0.0]]), size=4), "1 of 2 gazes"),
        (lambda: glimpse([torch.zeros(1, 1, 16, 16)], torch.full((1, 2), float("nan")), size=4), "1 of 1 gazes"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(NumericsError, match=message):
        call()
