"""Weight normalisation whose kernels are computed once for each set of parameters, not at every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["WeightNormed", "materialise"]


class WeightNormed(nn.Module):
    r"""A kernel stored as gain and direction, :math:`W_o = g_o v_o / \|v_o\|` for each output channel o.

    Parameters
    ----------
    shape : tuple of int, (out, in, ...)
    generator : torch.Generator
        Draws v uniformly in +-1/sqrt(fan in); g starts as the norm, so that W starts as v.
    """

    def __init__(self, shape: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        fan_in = 1
        for n in shape[1:]:
            fan_in *= n
        v = (torch.rand(shape, generator=generator) * 2 - 1) / fan_in**0.5
        self.v = nn.Parameter(v)
        self.g = nn.Parameter(_norm(v))

    def weight(self) -> Tensor:
        """The kernel, (out, in, ...)."""
        return self.g * (self.v / _norm(self.v).clamp_min(1e-12))  # a channel without weights stays at 0

    def assign(self, weight: Tensor) -> None:
        """Store a kernel: its norms become the gains."""
        with torch.no_grad():
            self.v.copy_(weight)
            self.g.copy_(_norm(weight))


def materialise(model: Any, cache: dict[str, Any], *, fresh: bool = False) -> dict[str, Tensor]:
    """All kernels of a model, from the cache while the parameters are unchanged.

    Parameters
    ----------
    model : object with ``normed()``, ``area_bias`` and ``parameters()``
    cache : dict
        Owned by the model; changed in place.
    fresh : bool
        Compute anew where gradients flow to the parameters, so that two backward passes never share a graph.
    """
    sources = tuple(model.parameters())
    attached = torch.is_grad_enabled() and any(p.requires_grad for p in sources)
    versions = tuple(p._version for p in sources)
    known = cache.get("sources", ())
    same = len(known) == len(sources) and all(a is b for a, b in zip(known, sources, strict=True))
    if same and cache["versions"] == versions and cache["attached"] == attached and not (fresh and attached):
        return cache["kernels"]
    kernels = {name: module.weight() for name, module in model.normed().items()}
    strided = any(k.dim() == 4 and not k.is_contiguous() for k in kernels.values())  # kernels in channels_last: the biases follow
    layout = torch.channels_last if strided else torch.contiguous_format
    kernels |= {f"bias{i}": b.unsqueeze(0).contiguous(memory_format=layout) for i, b in enumerate(model.area_bias)}
    cache.update(sources=sources, versions=versions, attached=attached, kernels=kernels)
    return kernels


def _norm(v: Tensor) -> Tensor:
    return v.flatten(1).norm(dim=1).reshape(-1, *([1] * (v.dim() - 1)))
