"""Decoders with weights of their own, trained on the logits of a trial: what is learnt about when to listen.

================  ================================================================================================
``weighted``      for each class, sum_t a(t, k) l(t, k), a = softmax over t of beta l, beta trained
``learned``       a(t, k) = sigmoid(w) / sum_t sigmoid(w), w trained, one weight a step and class
``soft_confidence``  sum_t a(t) l(t), a = softmax over t of sharpness max_k softmax(beta l): the differentiable stand-in of
                  ``max_confidence``, whose own temperature gets no gradient (an argmax, then a gather)
``mlp``           all steps and classes through 250 ELU units
``conv1d``        temporal convolutions of several widths, 4 filters each, their maximum over time, a linear map
================  ================================================================================================

Decoders without weights are in :mod:`neurodyn.numerics.decoders`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.errors import ConfigError, NumericsError, unknown_name
from neurodyn.seeding import torch_generator

__all__ = ["TRAINED_DECODERS", "build_decoder", "fit_decoder"]


class _Weighted(nn.Module):
    def __init__(self, n_steps: int, n_classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.rand((), generator=generator))

    def forward(self, logits: Tensor) -> Tensor:
        """(batch, step, class) to (batch, class)."""
        return (torch.softmax(self.beta * logits, dim=1) * logits).sum(1)


class _Learned(nn.Module):
    def __init__(self, n_steps: int, n_classes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_steps, n_classes))

    def forward(self, logits: Tensor) -> Tensor:
        """(batch, step, class) to (batch, class)."""
        share = torch.sigmoid(self.weight)
        return (share / share.sum(0) * logits).sum(1)


class _SoftConfidence(nn.Module):
    def __init__(self, n_steps: int, n_classes: int, generator: torch.Generator, sharpness: float = 10.0) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.rand((), generator=generator))
        self.sharpness = sharpness

    def forward(self, logits: Tensor) -> Tensor:
        """(batch, step, class) to (batch, class)."""
        confidence = torch.softmax(self.beta * logits, dim=2).amax(2)
        return (torch.softmax(self.sharpness * confidence, dim=1).unsqueeze(2) * logits).sum(1)


class _MLP(nn.Module):
    def __init__(self, n_steps: int, n_classes: int, generator: torch.Generator, n_hidden: int = 250) -> None:
        super().__init__()
        self.hidden, self.out = _linear(n_steps * n_classes, n_hidden, generator), _linear(n_hidden, n_classes, generator)

    def forward(self, logits: Tensor) -> Tensor:
        """(batch, step, class) to (batch, class)."""
        return self.out(F.elu(self.hidden(logits.flatten(1))))


class _Conv1d(nn.Module):
    def __init__(self, n_steps: int, n_classes: int, generator: torch.Generator, n_filters: int = 4) -> None:
        super().__init__()
        widths = [w for w in range(2, 7) if w <= n_steps] or [1]
        self.filters = nn.ModuleList([_linear(w * n_classes, n_filters, generator) for w in widths])
        self.widths = widths
        self.out = _linear(n_filters * len(widths), n_classes, generator)

    def forward(self, logits: Tensor) -> Tensor:
        """(batch, step, class) to (batch, class)."""
        found = [layer(logits.unfold(1, w, 1).flatten(2)).amax(1) for w, layer in zip(self.widths, self.filters, strict=True)]
        return self.out(torch.cat(found, dim=1))


TRAINED_DECODERS: dict[str, type[nn.Module]] = {
    "weighted": _Weighted,
    "learned": _Learned,
    "soft_confidence": _SoftConfidence,
    "mlp": _MLP,
    "conv1d": _Conv1d,
}


def build_decoder(name: str, n_steps: int, n_classes: int, *, seed: int) -> nn.Module:
    """Build a decoder of logits (batch, step, class).

    Raises
    ------
    ConfigError
        If the name is unknown or the window holds no step.

    Examples
    --------
    >>> build_decoder("learned", 6, 10, seed=0)(torch.ones(2, 6, 10)).shape
    torch.Size([2, 10])
    """
    if name not in TRAINED_DECODERS:
        raise unknown_name("build_decoder", "decoder", name, TRAINED_DECODERS)
    if n_steps < 1 or n_classes < 1:
        raise ConfigError("build_decoder", f"{n_steps} steps and {n_classes} classes", expected="a window with at least one step")
    return TRAINED_DECODERS[name](n_steps, n_classes, torch_generator(seed, "decoder", name))


def fit_decoder(
    name: str,
    logits: Tensor,
    labels: Tensor,
    *,
    seed: int,
    n_updates: int = 200,
    batch_size: int = 256,
    learning_rate: float = 1e-2,
    weight_decay: float = 1e-4,
) -> nn.Module:
    """Train a decoder on the logits of a trained network, whose own weights stay as they are.

    Parameters
    ----------
    name : str
        One of ``TRAINED_DECODERS``.
    logits : Tensor, (presentation, step, class)
    labels : int Tensor, (presentation)
    seed : int
        Initial weights and order of the presentations.
    n_updates, batch_size : int
    learning_rate, weight_decay : float

    Returns
    -------
    nn.Module
        In eval mode.

    Raises
    ------
    NumericsError
        If logits and labels do not match.
    """
    if logits.dim() != 3 or len(logits) != len(labels) or len(logits) == 0:
        raise NumericsError("fit_decoder", f"logits of {tuple(logits.shape)} for {len(labels)} labels", expected="(presentation, step, class), one label a row")
    decoder = build_decoder(name, logits.shape[1], logits.shape[2], seed=seed)
    generator = torch_generator(seed, "decoder order")
    optimiser = torch.optim.AdamW(decoder.parameters(), lr=learning_rate, weight_decay=weight_decay)
    for _ in range(n_updates):
        rows = torch.randint(len(logits), (min(batch_size, len(logits)),), generator=generator)
        optimiser.zero_grad(set_to_none=True)
        F.cross_entropy(decoder(logits[rows]), labels[rows]).backward()
        optimiser.step()
    return decoder.eval()


def _linear(n_inputs: int, n_outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.utils.skip_init(nn.Linear, n_inputs, n_outputs)
    limit = (6.0 / (n_inputs + n_outputs)) ** 0.5
    with torch.no_grad():
        layer.weight.uniform_(-limit, limit, generator=generator)
        layer.bias.zero_()
    return layer
