"""From evidence over time to a choice and a reaction time: decoders without trained weights.

With logits l(t, k) at the steps of a window and p(t, k) = softmax_k(temperature l(t, k)):

================  =====================================================================================
``last``          l at the last step
``max_confidence``  l at the step where max_k p is largest
``threshold``     l at the first step where max_k p reaches the threshold; max_confidence's where none does
``time_max``      for each class, l at the step where its own p is largest
``average``       the mean of l over the window;  ``sum``: its sum
``weighted``      for each class, sum_t a(t, k) l(t, k) with a = softmax over t of temperature l
``confidence``    sum_t a(t) l(t) with a = softmax over t of max_k p
================  =====================================================================================

The step that ``last``, ``max_confidence`` and ``threshold`` read is the model's reaction time (Nayebi et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import NumericsError, unknown_name

__all__ = ["DECODERS", "Decision", "decide"]

DECODERS = ("last", "max_confidence", "threshold", "time_max", "average", "sum", "weighted", "confidence")


@dataclass(frozen=True)
class Decision:
    """What a decoder says.

    Attributes
    ----------
    evidence : float array, (presentation, class)
    choice : int array, (presentation)
    step : int array, (presentation)
        Step of the decision, counted like `steps`; the last of the window where the decoder reads them all.
    reached : bool array, (presentation)
        Whether the threshold was reached; True for the other decoders.
    """

    evidence: np.ndarray
    choice: np.ndarray
    step: np.ndarray
    reached: np.ndarray


def decide(
    logits: np.ndarray,
    decoder: str = "last",
    *,
    steps: np.ndarray | None = None,
    window: tuple[int, int] | None = None,
    temperature: float = 1.0,
    threshold: float = 0.9,
) -> Decision:
    """Read a choice and a reaction time from logits over time.

    Parameters
    ----------
    logits : float array, (presentation, step, class)
    decoder : str
        One of ``DECODERS``.
    steps : int array, (step), optional
        The number of each step; 0, 1, ... when absent.
    window : (first, end), optional
        Steps ``first <= step < end`` are read; all when absent.
    temperature : float
        Multiplies the logits inside the softmax.
    threshold : float
        Probability at which ``threshold`` decides.

    Raises
    ------
    ConfigError
        If the decoder is unknown.
    NumericsError
        If the logits are not finite or of other dims, or no step lies in the window.

    Examples
    --------
    >>> logits = np.array([[[0.0, 1.0], [0.0, 3.0], [4.0, 0.0]]])
    >>> decide(logits, "threshold").step.tolist(), decide(logits, "last").choice.tolist()
    ([1], [0])
    """
    if decoder not in DECODERS:
        raise unknown_name("decide", "decoder", decoder, DECODERS)
    values, steps = _checked(logits, steps, window)
    scaled = temperature * values
    p = _softmax(scaled, axis=2)
    confidence = p.max(axis=2)
    rows, last = np.arange(len(values)), np.full(len(values), values.shape[1] - 1)
    reached = np.ones(len(values), dtype=bool)
    if decoder in ("last", "max_confidence", "threshold"):
        at = last if decoder == "last" else confidence.argmax(axis=1)
        if decoder == "threshold":
            over = confidence >= threshold
            reached = over.any(axis=1)
            at = np.where(reached, over.argmax(axis=1), at)
        evidence = values[rows, at]
    else:
        at, evidence = last, _pooled(decoder, values, scaled, p, confidence)
    return Decision(evidence, evidence.argmax(axis=1), steps[at], reached)


def _pooled(decoder: str, values: np.ndarray, scaled: np.ndarray, p: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    if decoder == "time_max":
        return np.take_along_axis(values, p.argmax(axis=1)[:, None], axis=1)[:, 0]
    if decoder in ("average", "sum"):
        return values.mean(axis=1) if decoder == "average" else values.sum(axis=1)
    weights = _softmax(scaled, axis=1) if decoder == "weighted" else _softmax(confidence, axis=1)[:, :, None]
    return (weights * values).sum(axis=1)


def _checked(logits: np.ndarray, steps: np.ndarray | None, window: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 3 or 0 in values.shape:
        raise NumericsError("decide", f"`logits` has shape {values.shape}", expected="(presentation, step, class), none of them empty")
    if not np.isfinite(values).all():
        bad = np.nonzero(~np.isfinite(values).all(axis=(1, 2)))[0]
        raise NumericsError("decide", f"`logits` is not finite in {len(bad)} presentations (first: {bad[0]})", expected="finite logits")
    numbers = np.arange(values.shape[1]) if steps is None else np.asarray(steps)
    if numbers.shape != (values.shape[1],):
        raise NumericsError("decide", f"`steps` has shape {numbers.shape} for {values.shape[1]} steps", expected="one number a step")
    if window is None:
        return values, numbers
    inside = (numbers >= window[0]) & (numbers < window[1])
    if not inside.any():
        raise NumericsError(
            "decide",
            f"the window {window[0]}..{window[1]} holds none of the {len(numbers)} steps",
            expected=f"a window that meets steps {numbers[0]}..{numbers[-1]}",
            fix=f"window=({numbers[0]}, {numbers[-1] + 1})",
        )
    return values[:, inside], numbers[inside]


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
