"""fastMRI's metrics: closed forms, SSIM against a literal evaluation window by window, the traps, bad input."""

import numpy as np
import pytest
import torch

from neurodyn.errors import NumericsError
from neurodyn.numerics.image_quality import nmse, psnr, ssim, ssim_map


def literal_ssim(x, y, top):
    """Wang et al. 2004 with a uniform 7 x 7 window inside the image and sample covariances."""
    c1, c2, values = (0.01 * top) ** 2, (0.03 * top) ** 2, []
    for r in range(x.shape[0] - 6):
        for c in range(x.shape[1] - 6):
            a, b = x[r : r + 7, c : c + 7].ravel(), y[r : r + 7, c : c + 7].ravel()
            cov = np.cov(a, b, ddof=1)
            values.append((2 * a.mean() * b.mean() + c1) * (2 * cov[0, 1] + c2) / ((a.mean() ** 2 + b.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2)))
    return np.mean(values)


def volume(seed=0, shape=(3, 12, 11)):
    return np.random.default_rng(seed).random(shape) + 0.2


def test_ssim_is_the_literal_evaluation():
    t, x = volume(), volume() + volume(1)
    t[1] *= 9  # the range is the volume's, not the slice's
    expected = np.mean([literal_ssim(a, b, t.max()) for a, b in zip(t, x, strict=True)])
    assert ssim(t, x) == pytest.approx(expected, abs=1e-10)
    by_slice = np.mean([ssim(a, b) for a, b in zip(t, x, strict=True)])
    assert abs(by_slice - expected) > 1e-3
    assert ssim(t[0], x[0], data_range=2.0) == pytest.approx(literal_ssim(t[0], x[0], 2.0), abs=1e-10)


def test_perfect_and_closed_forms():
    t = volume()
    assert (ssim(t, t), nmse(t, t), psnr(t, t)) == (pytest.approx(1), 0, np.inf)
    assert nmse(t, 0 * t) == pytest.approx(1) and nmse(t, 0.5 * t) == pytest.approx(0.25)
    assert psnr(t, t + 0.1 * t.max()) == pytest.approx(20)


def test_volume_sums_are_not_means_of_slices():
    t, x = volume(), volume() + 0.3
    t[0] *= 10
    assert nmse(t, x) == pytest.approx(((t - x) ** 2).sum() / (t**2).sum())
    assert abs(nmse(t, x) - np.mean([nmse(a, b) for a, b in zip(t, x, strict=True)])) > 1e-3


def test_ssim_has_the_gradient_of_finite_differences():
    t, x = (torch.from_numpy(volume(k, (1, 1, 9, 8))) for k in (0, 1))
    top = torch.tensor([1.2], dtype=torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda v: ssim_map(t, v, top), (x,))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nmse(volume(), volume()[0]), "shapes are"),
        (lambda: psnr(0 * volume(), volume()), "zero everywhere"),
        (lambda: ssim(volume(), volume() * np.nan), "NaN or infinity"),
        (lambda: ssim(volume(shape=(6, 9)), volume(shape=(6, 9))), "7 x 7 or more"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(NumericsError, match=message):
        call()
