r"""From a folded CNN to a linear recurrent network: the second convolution of each area becomes recurrence.

A linear area driven by u settles at :math:`(I - W)^{-1}(u + b)`; the CNN computes :math:`K(u + a) + c`.  W and b are fitted,
each area alone and on the CNN's own activity, so that the first four terms of the Neumann series reproduce the CNN's current,

.. math:: \hat y = (I + W + W^2 + W^3)(u + b), \qquad L = \overline{(y - \hat y)^2} + \lambda \overline{(W^3 (u + b))^2},

where the second term holds the series to convergence.  What the series leaves out is measured afterwards by solving
:math:`(I - W) y = u + b` itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.seeding import subseed
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.recipes._trials import AS_THEY_ARE, Augmentation, Images, batches

if TYPE_CHECKING:
    from neurodyn.architectures.cordsnet import CordsNet
    from neurodyn.architectures.cordsnet_cnn import Folded

__all__ = ["copy_feedforward", "fit_inverse", "gaps", "solve_area"]


def copy_feedforward(model: CordsNet, teacher: Folded) -> None:
    """Give a CordsNet the folded CNN's stem, skips, feedforward kernels and classifier; recurrence and biases stay."""
    with torch.no_grad():
        for name, module in model.normed().items():
            if not name.startswith("recurrent"):
                module.assign(teacher.kernels[name])
        model.class_bias.copy_(teacher.class_bias)


class _Areas(nn.Module):
    """The trainable part: recurrent kernels and biases."""

    def __init__(self, model: CordsNet) -> None:
        super().__init__()
        self.kernels, self.biases = model.recurrent_conv, model.area_bias


def fit_inverse(
    model: CordsNet,
    teacher: Folded,
    images: Images,
    *,
    n_epochs: int,
    batch_size: int,
    learning_rate: float,
    series_weight: float,
    clip_norm: float | None,
    seed: int,
    folder: str | Path,
    augmentation: Augmentation = AS_THEY_ARE,
    n_images: int | None = None,
    device: str = "cpu",
    progress: bool | None = None,
) -> dict[str, float]:
    """Fit recurrent kernels and biases to a folded CNN.

    Returns
    -------
    dict
        ``inverse_loss`` of the last epoch.
    """
    areas = _Areas(model)

    def loss(module: Any, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
        with torch.no_grad():
            inputs, targets, _ = teacher.run(batch[0])
        fits, rests = [], []
        for u, y, conv, b in zip(inputs, targets, module.kernels, module.biases, strict=True):
            kernel, term = conv.weight(), u + b
            total = term
            for _ in range(3):
                term = F.conv2d(term, kernel, padding=1)
                total = total + term
            fits.append((y - total).pow(2).mean())
            rests.append(term.pow(2).mean())
        fit_error, rest = torch.stack(fits).mean(), torch.stack(rests).mean()
        return fit_error + series_weight * rest, {"fit_error": float(fit_error.detach()), "last_term": float(rest.detach())}

    config = TrainConfig(
        n_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.01,
        clip_norm=clip_norm,
        schedule="cosine",
        seed=subseed(seed, "inverse"),
        device=device,
    )
    make = batches(images, batch_size, augmentation, n_images=n_images, device=device)
    n_batches = min(len(images), n_images or len(images)) // batch_size
    history = fit(areas, make, loss, config, folder=folder, n_batches=n_batches, progress=progress)
    model.eval()
    return {"inverse_loss": history.rows[-1]["loss"]}


def solve_area(kernel: Tensor, right: Tensor, *, tol: float = 1e-6, max_iterations: int = 400) -> tuple[Tensor, bool]:
    """Solve (I - W) y = right by the Neumann series, which converges where the recurrence is a contraction.

    Returns
    -------
    y : Tensor, (batch, channel, row, column)
    converged : bool
        Whether the last term fell under `tol` of the sum.
    """
    y, term = right, right
    with torch.no_grad():
        for _ in range(max_iterations):
            term = F.conv2d(term, kernel, padding=1)
            y = y + term
            size = float(term.norm())
            if not size < float("inf"):
                return y, False
            if size <= tol * float(y.norm()):
                return y, True
    return y, False


def gaps(model: CordsNet, teacher: Folded, frames: Tensor) -> dict[str, float]:
    """How far the fit is from the CNN's currents, as relative error on `frames`.

    Returns
    -------
    dict
        For each area ``gap_series_<area>`` (four terms, as fitted) and ``gap_true_<area>`` (the solution of (I - W) y = u + b, the steady
        state of the linear area; infinite where recurrence is not a contraction), and their means.
    """
    found: dict[str, float] = {}
    with torch.no_grad():
        inputs, targets, _ = teacher.run(frames)
        for name, u, y, b in zip(model.phase, inputs, targets, model.area_bias, strict=True):
            kernel, right = model.recurrent_kernel(name), u + b
            term = total = right
            for _ in range(3):
                term = F.conv2d(term, kernel, padding=1)
                total = total + term
            exact, converged = solve_area(kernel, right)
            found[f"gap_series_{name}"] = float((y - total).norm() / y.norm())
            found[f"gap_true_{name}"] = float((y - exact).norm() / y.norm()) if converged else float("inf")
    for kind in ("series", "true"):
        values = [v for k, v in found.items() if k.startswith(f"gap_{kind}_")]
        found[f"gap_{kind}_mean"] = sum(values) / len(values)
    return found
