"""Learned halting as bookkeeping: Adaptive Computation Time (Graves 2016) and PonderNet (Banino et al. 2021).

With halting probability p_n after step n and answer y_n, Adaptive Computation Time takes

    N = min{n : p_1 + ... + p_n >= 1 - epsilon},    R = 1 - sum_{i<N} p_i,    a_n = p_n (n < N), a_N = R,    y = sum_n a_n y_n,    rho = N + R.

PonderNet stops at step n with probability p_n prod_{i<n} (1 - p_i); run without noise it stops at the median of that distribution, and its answer is y_N.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["answer", "begin", "ponder_cost", "tick"]

LEFT, STEPS, REMAINDER, DONE, MIX, PROBABILITY = "halt.left", "halt.steps", "halt.remainder", "halt.done", "halt.mix", "halt.p"


def begin(like: Tensor, answers: Tensor) -> dict[str, Tensor]:
    """Accounts before the first step.

    Parameters
    ----------
    like : Tensor, (batch) or (batch, row, column)
        One entry for each halting decision.
    answers : Tensor, (batch, class, ...)
    """
    zero = torch.zeros_like(like)
    return {PROBABILITY: zero, LEFT: torch.ones_like(like), STEPS: zero, REMAINDER: torch.ones_like(like), DONE: zero, MIX: torch.zeros_like(answers)}


def tick(accounts: dict[str, Tensor], p: Tensor, y: Tensor, *, epsilon: float, rule: str) -> dict[str, Tensor]:
    """The accounts after one step more.

    Parameters
    ----------
    accounts : dict
        As `begin` or `tick` made them.
    p : Tensor
        Halting probability of this step.
    y : Tensor, (batch, class, ...)
        Answer of this step.
    epsilon : float
    rule : {"act", "ponder"}
    """
    left, done = accounts[LEFT], accounts[DONE]
    alive = done == 0
    if rule == "act":
        stops = alive & (left - p <= epsilon)
        weight = torch.where(alive, torch.where(stops, left, p), torch.zeros_like(p))
        mix = accounts[MIX] + _beside(weight, y) * y
        after = torch.where(stops | ~alive, torch.zeros_like(left), left - p)
    else:
        after = torch.where(alive, left * (1 - p), left)
        stops = alive & (after <= 0.5)
        mix = torch.where(_beside(stops, y), y, accounts[MIX])
    return {
        PROBABILITY: p,
        LEFT: after,
        STEPS: accounts[STEPS] + alive.to(p.dtype),
        REMAINDER: torch.where(alive, left, accounts[REMAINDER]),
        DONE: torch.where(stops, torch.ones_like(done), done),
        MIX: mix,
    }


def answer(accounts: dict[str, Tensor], y: Tensor, rule: str) -> Tensor:
    """The answer if every row that still runs stopped now: it gets all the weight that is left."""
    if rule == "act":
        return accounts[MIX] + _beside(accounts[LEFT], y) * y
    return torch.where(_beside(accounts[DONE] > 0, y), accounts[MIX], y)


def ponder_cost(accounts: dict[str, Tensor]) -> Tensor:
    """Rho = N + R of each row, (batch); a mean over locations where each halts on its own.  Rows that still run count as stopped now."""
    return (accounts[STEPS] + accounts[REMAINDER]).flatten(1).mean(dim=1) if accounts[STEPS].dim() > 1 else accounts[STEPS] + accounts[REMAINDER]


def _beside(weight: Tensor, y: Tensor) -> Tensor:
    """Give `weight` the axes of `y`: (batch) -> (batch, 1, ...), (batch, row, column) -> (batch, 1, row, column)."""
    if weight.dim() == 1:
        return weight.reshape(-1, *([1] * (y.dim() - 1)))
    return weight.unsqueeze(1)
