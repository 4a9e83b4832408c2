"""What becomes of the activity when an image stays: does it settle, slow down, turn, or run away?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from neurodyn.dynamics.vectorise import check_state
from neurodyn.errors import ConfigError

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import Drive, DynamicalModel, State

__all__ = ["settling"]

KINDS = ("settles", "slows", "turns", "runs away")


def settling(
    model: DynamicalModel,
    state: State,
    drive: Drive,
    *,
    n_steps: int = 300,
    still: float = 1e-5,
    window: int = 50,
    growth: float = 1.05,
    stimulus_id: Sequence[str] | None = None,
) -> xr.Dataset:
    """Go on stepping under constant input, far beyond the trial, and watch the speed and the size of the state.

    Parameters
    ----------
    model : DynamicalModel
    state : State
        Where to begin, one a row.
    drive : Drive
        Held constant; one row, or one for each state.
    n_steps : int
    still : float
        Relative speed below which it has settled.
    window : int
        Steps at the end that decide.
    growth : float
        Factor by which the size must grow over the last `window` steps to count as running away.
    stimulus_id : sequence of str, optional
        One id a state.

    Returns
    -------
    Dataset
        ===============  ========================  ======  ===========================================================
        variable         dims                      units   meaning
        ===============  ========================  ======  ===========================================================
        speed            (presentation, time_bin)  1/step  |F(x) - x| over the phase space
        size             (presentation, time_bin)  1       |x|; infinite once it has left the range of float32
        relative_speed   (presentation, time_bin)  1/step  speed / size, or the size at the start where that is larger
        settled_step     (presentation)            step    first step after which it stays below `still`; NaN if never
        outcome          (presentation)                    "settles", "slows", "turns" or "runs away"
        share            (kind)                    1       of the presentations with each outcome
        ===============  ========================  ======  ===========================================================

    Raises
    ------
    ConfigError
        Fewer steps than the window.

    Notes
    -----
    Over the last `window` steps a state that has not settled "runs away" if its size grows by the factor `growth`, "slows" if every speed of the
    second half lies below every speed of the first (it is on its way to rest, or creeps along slow directions), and "turns" otherwise: it keeps moving.

    A state that has settled lies at a fixed point that attracts it; :func:`neurodyn.analysis.fixed_points` certifies it and finds those that do
    not attract.

    Examples
    --------
    >>> import torch
    >>> from neurodyn.testing.systems import linear_network
    >>> model = linear_network([0.5])
    >>> found = settling(model, {"x": torch.ones(1, 1)}, model.encode(torch.ones(1, 1, 1, 1)), n_steps=100)
    >>> found.outcome.values.tolist()
    ['settles']
    """
    import torch

    check_state(model, state, drive, where="settling")
    if window < 2 or n_steps < window:
        raise ConfigError("settling", f"`n_steps` is {n_steps} with a window of {window}", expected="a window of 2 or more, and at least as many steps")
    n = max(len(v) for v in state.values())
    speed, size = np.full((n, n_steps), np.inf), np.full((n, n_steps), np.inf)
    begin = _norm({k: state[k].double() for k in model.phase}, n)[:, None]
    with torch.no_grad():
        for t in range(n_steps):
            new = model.step(state, drive)
            speed[:, t] = _norm({k: new[k].double() - state[k].double() for k in model.phase}, n)
            size[:, t] = _norm({k: new[k].double() for k in model.phase}, n)
            state = new
            if not np.isfinite(size[:, t]).any():
                break
    lost = ~np.isfinite(speed) | ~np.isfinite(size)
    speed[lost], size[lost] = np.inf, np.inf
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(lost, np.nan, speed / np.maximum(np.maximum(size, begin), 1e-300))
    quiet = np.where(lost, np.inf, relative) < still
    after = np.flip(np.logical_and.accumulate(np.flip(quiet, axis=1), axis=1), axis=1)
    settled = after[:, -window:].all(axis=1)
    with np.errstate(invalid="ignore"):
        away = lost[:, -1] | (size[:, -1] > growth * size[:, -window])
    recent, half = relative[:, -window:], window // 2
    slows = recent[:, half:].max(axis=1) < recent[:, :half].min(axis=1)  # False where it was lost: NaN
    kind = np.select([settled, away, slows], ["settles", "runs away", "slows"], "turns")
    ids = np.array([f"state-{i:04d}" for i in range(n)]) if stimulus_id is None else np.asarray(stimulus_id)
    dims = ("presentation", "time_bin")
    return xr.Dataset(
        {
            "speed": (dims, speed, {"units": "1/step"}),
            "size": (dims, size, {"units": "1"}),
            "relative_speed": (dims, relative, {"units": "1/step"}),
            "settled_step": ("presentation", np.where(settled, after.argmax(axis=1).astype(float), np.nan), {"units": "step"}),
            "outcome": ("presentation", kind),
            "share": ("kind", np.array([(kind == k).mean() for k in KINDS]), {"units": "1"}),
        },
        {"kind": list(KINDS), "step": ("time_bin", np.arange(n_steps)), "stimulus_id": ("presentation", ids)},
        {"still": still, "window": window, "growth": growth},
    )


def _norm(parts: State, n: int) -> np.ndarray:
    total = np.zeros(n)
    for value in parts.values():
        total = total + (value.flatten(1) ** 2).sum(dim=1).cpu().numpy()
    return np.sqrt(total)
