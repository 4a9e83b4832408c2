"""What ``neurodyn score MODEL IDENTIFIER`` does with an identifier of Brain-Score's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from neurodyn.brainscore.brain_model import as_brain_model
from neurodyn.brainscore.registration import score
from neurodyn.errors import unknown_name

__all__ = ["REGIONS", "benchmark_lines"]

REGIONS = ("V1", "V2", "V4", "IT")


def benchmark_lines(
    model: str,
    identifier: str,
    *,
    layer: str | None = None,
    untrained: bool = False,
    visual_degrees: float = 8.0,
    latency_ms: float = 0.0,
    dt_ms: float | None = None,
    verify: bool = False,
) -> Iterator[str]:
    """Score a shipped model on a benchmark, and say the result in lines.

    Parameters
    ----------
    model : str
        A card.
    identifier : str
        Of a benchmark of Brain-Score's.
    layer : str, optional
        Stands for whatever region the benchmark records; the model's last when absent.
    untrained : bool
        The untrained twin.
    visual_degrees, latency_ms, dt_ms
        As for :class:`neurodyn.brainscore.BrainScoreModel`.
    verify : bool
        Also run Brain-Score's own engine.
    """
    from neurodyn.experiment.resolve import load_model

    network: Any = load_model(model, untrained=untrained)
    chosen = network.layers[-1] if layer is None else layer
    if chosen not in network.layers:
        raise unknown_name("score", "layer", chosen, network.layers)
    wrapped = as_brain_model(network, dict.fromkeys(REGIONS, chosen), visual_degrees=visual_degrees, latency_ms=latency_ms, dt_ms=dt_ms)
    result = score(wrapped, identifier, verify=verify)
    yield f"benchmark: {identifier}, layer {chosen}{', untrained' if untrained else ''}"
    for name, value in (("raw", result.attrs.get("raw")), ("ceiling", result.attrs.get("ceiling")), ("normalised", result)):
        if value is not None:
            yield f"{name}: {_text(value)}"
    if "error_normalised" in result.attrs:
        yield f"standard error of normalised: {_text(result.attrs['error_normalised'])}"
    for name in ("convention", "versions"):
        yield f"{name}: {result.attrs[name]}"
    if verify:
        difference = result.attrs.get("largest_difference")
        yield f"difference from Brain-Score's own engine: {'not measured' if difference is None else f'{difference:.1e}'}"


def _text(value: Any) -> str:
    values = np.ravel(np.asarray(getattr(value, "values", value), dtype=float))
    return ", ".join(f"{v:.4f}" for v in values)
