"""When a model decides, and how often it is right: a decoder's reading of the readout over time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError
from neurodyn.numerics.decoders import decide
from neurodyn.schema import check_responses

__all__ = ["reaction_times"]


def reaction_times(
    responses: xr.DataArray,
    *,
    labels: Sequence[int] | None = None,
    decoders: Sequence[str] = ("last", "max_confidence", "threshold", "average"),
    first_step: int = 0,
    last_step: int | None = None,
    temperature: float = 1.0,
    threshold: float = 0.9,
) -> xr.Dataset:
    """Choices, reaction times and accuracy of several decoders on the same trials.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        With the layer ``readout``; its neuroids are the classes, in order.
    labels : int sequence, (presentation), optional
        True classes; the coord ``label`` when absent.
    decoders : sequence of str
        Names in :data:`neurodyn.numerics.decoders.DECODERS`.
    first_step, last_step : int
        The window, both included; give the latency of the readout as the first.
    temperature, threshold : float
        See :func:`neurodyn.numerics.decoders.decide`.

    Returns
    -------
    Dataset
        ===================  ========================  =====  ===========================================================
        variable             dims                      units  meaning
        ===================  ========================  =====  ===========================================================
        choice               (decoder, presentation)          class chosen
        correct              (decoder, presentation)
        reaction_step        (decoder, presentation)   step   step of the decision
        reaction_ms          (decoder, presentation)   ms     end of that step, from stimulus onset (models with time)
        reached              (decoder, presentation)          whether the threshold was reached
        accuracy             (decoder)                 1
        accuracy_by_step     (time_bin)                1      of the readout at each step of the window
        confidence_by_step   (time_bin)                1      mean largest probability
        ===================  ========================  =====  ===========================================================

    Raises
    ------
    SchemaError
        Responses without a readout, or without labels.
    NumericsError
        An empty window.
    """
    check_responses(responses, where="reaction_times")
    kind = responses.layer.values.astype(str) if "layer" in responses.coords else np.array([])
    if "readout" not in kind:
        raise SchemaError("reaction_times", f"`responses` hold layers {sorted(set(kind))[:4]}", expected="the readout", fix='Record(layers=("readout",))')
    truth = responses.label.values if labels is None and "label" in responses.coords else labels
    if truth is None or len(truth) != responses.sizes["presentation"]:
        raise SchemaError(
            "reaction_times", f"{0 if truth is None else len(truth)} labels for {responses.sizes['presentation']} presentations", expected="one each"
        )
    truth = np.asarray(truth)
    steps = responses.step.values
    window = (first_step, int(steps[-1] if last_step is None else last_step) + 1)
    logits = responses.values[:, kind == "readout"].transpose(0, 2, 1)
    found = [decide(logits, name, steps=steps, window=window, temperature=temperature, threshold=threshold) for name in decoders]
    inside = (steps >= window[0]) & (steps < window[1])
    shown = logits[:, inside].astype(float)
    p = np.exp(temperature * (shown - shown.max(axis=2, keepdims=True)))
    confidence = (p / p.sum(axis=2, keepdims=True)).max(axis=2)
    dims, step = ("decoder", "presentation"), np.stack([f.step for f in found])
    data = {
        "choice": (dims, np.stack([f.choice for f in found])),
        "correct": (dims, np.stack([f.choice == truth for f in found])),
        "reaction_step": (dims, step, {"units": "step"}),
        "reached": (dims, np.stack([f.reached for f in found])),
        "accuracy": ("decoder", np.array([(f.choice == truth).mean() for f in found]), {"units": "1"}),
        "accuracy_by_step": ("time_bin", (shown.argmax(axis=2) == truth[:, None]).mean(axis=0), {"units": "1"}),
        "confidence_by_step": ("time_bin", confidence.mean(axis=0), {"units": "1"}),
    }
    coords = {
        "decoder": list(decoders),
        "stimulus_id": ("presentation", responses.stimulus_id.values),
        "label": ("presentation", truth),
        "step": ("time_bin", steps[inside]),
    }
    if "time_bin_end" in responses.coords:
        ends = dict(zip(steps.tolist(), responses.time_bin_end.values.tolist(), strict=True))
        data["reaction_ms"] = (dims, np.vectorize(ends.__getitem__, otypes=[float])(step), {"units": "ms"})
        coords["time_bin_end"] = ("time_bin", responses.time_bin_end.values[inside], {"units": "ms"})
    return xr.Dataset(data, coords, {"temperature": temperature, "threshold": threshold})
