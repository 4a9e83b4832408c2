"""Small changes of an input that raise a loss: gradient sign, projected gradients, and search without gradients.

An attack sees a network only as ``loss(x) -> (batch)``, one number a row.  Inputs live in a box, [0, 1] unless told otherwise, and
budgets are in the input's units.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from neurodyn.errors import ConfigError, NumericsError, unknown_name
from neurodyn.seeding import torch_generator

__all__ = ["NORMS", "Loss", "fgsm", "pgd", "random_search"]

Loss = Callable[[Tensor], Tensor]
NORMS = ("linf", "l2")


def fgsm(loss: Loss, x: Tensor, budget: float, *, norm: str = "linf", box: tuple[float, float] = (0.0, 1.0)) -> Tensor:
    """One gradient step of the full budget (Goodfellow, Shlens and Szegedy 2015).

    Parameters
    ----------
    loss : callable
        x (batch, ...) -> loss (batch), to be raised.
    x : Tensor, (batch, ...)
    budget : float
        Largest change: of any entry (``"linf"``), or the Euclidean length of the change of a row (``"l2"``).
    norm : {"linf", "l2"}
    box : (low, high)

    Returns
    -------
    Tensor, (batch, ...)

    Raises
    ------
    ConfigError
        If the budget is negative, not finite or larger than the box, or the norm unknown.
    NumericsError
        If `x` leaves the box.

    Examples
    --------
    >>> x = torch.full((1, 2), 0.5)
    >>> fgsm(lambda x: x.sum(1), x, 0.1)
    tensor([[0.6000, 0.6000]])
    """
    _check("fgsm", x, budget, norm, box)
    return (x + _step(_gradient(loss, x), budget, norm)).clamp(*box).detach()


def pgd(
    loss: Loss,
    x: Tensor,
    budget: float,
    *,
    norm: str = "linf",
    n_steps: int = 20,
    step_size: float | None = None,
    random_start: bool = True,
    box: tuple[float, float] = (0.0, 1.0),
    seed: int,
) -> Tensor:
    """Repeated gradient steps, projected on the ball of the budget and the box (Madry et al. 2018).

    Parameters
    ----------
    loss, x, budget, norm, box
        As in :func:`fgsm`.
    n_steps : int
    step_size : float, optional
        2.5 budget / n_steps when absent.
    random_start : bool
        Begin at a uniform point of the ball rather than at `x`.
    seed : int

    Returns
    -------
    Tensor, (batch, ...)
    """
    _check("pgd", x, budget, norm, box)
    if n_steps < 1:
        raise ConfigError("pgd", f"`n_steps` is {n_steps}", expected="1 or more")
    size = 2.5 * budget / n_steps if step_size is None else step_size
    if not math.isfinite(size) or size < 0:
        raise ConfigError("pgd", f"`step_size` is {step_size}", expected="0 or more", fix="step_size=None for 2.5 budget / n_steps")
    current = x.detach().clone()
    if random_start and budget > 0:
        current = (x + _random_point(x, budget, norm, torch_generator(seed, "pgd", device=x.device))).clamp(*box)
    for _ in range(n_steps):
        current = current + _step(_gradient(loss, current), size, norm)
        current = (x + _project(current - x, budget, norm)).clamp(*box).detach()
    return current


def random_search(loss: Loss, x: Tensor, budget: float, *, n_queries: int = 200, box: tuple[float, float] = (0.0, 1.0), seed: int) -> Tensor:
    """Square patches of plus or minus the budget, kept row by row where the loss rises; no gradients (after Andriushchenko et al. 2020).

    The sup-norm ball only.  Patches shrink from half the image's side to one pixel over the queries.

    Parameters
    ----------
    loss, x, budget, box
        As in :func:`fgsm`; x is (batch, channel, row, column).
    n_queries : int
    seed : int

    Returns
    -------
    Tensor, (batch, channel, row, column)
    """
    _check("random_search", x, budget, "linf", box)
    if x.dim() != 4:
        raise NumericsError("random_search", f"`x` has shape {tuple(x.shape)}", expected="(batch, channel, row, column)")
    generator = torch_generator(seed, "random_search")
    n, channels, rows, columns = x.shape

    def draw(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator).to(x)

    with torch.no_grad():
        best = (x + budget * torch.sign(draw(n, channels, 1, columns) - 0.5)).clamp(*box)
        worst = loss(x)
        start = loss(best)
        best = torch.where((start > worst).reshape(-1, 1, 1, 1), best, x)
        worst = torch.maximum(start, worst)
        grid_r, grid_c = torch.arange(rows, device=x.device), torch.arange(columns, device=x.device)
        for query in range(n_queries):
            side = max(1, round(0.5 * min(rows, columns) * (1 - query / n_queries)))
            top, left = (draw(n, 1) * (rows - side + 1)).long(), (draw(n, 1) * (columns - side + 1)).long()
            inside = ((grid_r >= top) & (grid_r < top + side)).unsqueeze(2) & ((grid_c >= left) & (grid_c < left + side)).unsqueeze(1)
            sign = torch.sign(draw(n, channels, 1, 1) - 0.5)
            trial = torch.where(inside.unsqueeze(1), (x + budget * sign).clamp(*box), best)
            value = loss(trial)
            better = value > worst
            best, worst = torch.where(better.reshape(-1, 1, 1, 1), trial, best), torch.where(better, value, worst)
    return best


def _gradient(loss: Loss, x: Tensor) -> Tensor:
    with torch.enable_grad():
        x = x.detach().requires_grad_(True)
        values = loss(x)
        if values.shape != x.shape[:1]:
            raise NumericsError("attacks", f"`loss` returned shape {tuple(values.shape)} for {len(x)} rows", expected=f"({len(x)},)", fix='reduction="none"')
        (gradient,) = torch.autograd.grad(values.sum(), x)
    return gradient


def _step(gradient: Tensor, size: float, norm: str) -> Tensor:
    if norm == "linf":
        return size * gradient.sign()
    return size * gradient / _length(gradient).clamp_min(1e-12)


def _project(change: Tensor, budget: float, norm: str) -> Tensor:
    if norm == "linf":
        return change.clamp(-budget, budget)
    return change * (budget / _length(change).clamp_min(1e-12)).clamp_max(1.0)


def _random_point(x: Tensor, budget: float, norm: str, generator: torch.Generator) -> Tensor:
    if norm == "linf":
        return budget * (2 * torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype) - 1)
    direction = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    radius = torch.rand((len(x), *([1] * (x.dim() - 1))), generator=generator, device=x.device, dtype=x.dtype)
    return budget * radius * direction / _length(direction)


def _length(x: Tensor) -> Tensor:
    return x.flatten(1).norm(dim=1).reshape(-1, *([1] * (x.dim() - 1)))


def _check(where: str, x: Tensor, budget: float, norm: str, box: tuple[float, float]) -> None:
    if norm not in NORMS:
        raise unknown_name(where, "norm", norm, NORMS)
    low, high = box
    largest = (high - low) * (1.0 if norm == "linf" else math.sqrt(max(x[:1].numel(), 1)))
    if not math.isfinite(budget) or budget < 0 or budget > largest:
        raise ConfigError(
            where, f"`budget` is {budget} in the {norm} norm", expected=f"0 to {largest:.4g}, the size of the box [{low:g}, {high:g}]", fix="budget=8 / 255"
        )
    if x.numel() and (float(x.min()) < low - 1e-6 or float(x.max()) > high + 1e-6):
        raise NumericsError(
            where, f"`x` ranges from {float(x.min()):.4g} to {float(x.max()):.4g}", expected=f"values in [{low:g}, {high:g}]", fix="x.clamp(0, 1)"
        )
