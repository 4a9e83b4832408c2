"""How long a model thinks about each image, how it answers, and how it would answer if it were stopped at any step."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.dynamics.protocol import DynamicalModel
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import check_ready, timeline_of, walk
from neurodyn.errors import ConfigError, ModelError, SchemaError
from neurodyn.schema import PRESENTATION, TIME_BIN, check_stimuli

__all__ = ["halting"]


def halting(model: DynamicalModel, stimuli: xr.DataArray, *, n_steps: int | None = None, batch_size: int = 50) -> xr.Dataset:
    """Run every image for `n_steps`, halted or not, and keep what was decided when.

    Parameters
    ----------
    model : DynamicalModel
        Its readout is one value a class, or one a class and pixel.  With ``finished`` it halts; a layer ``halting`` (probability of halting after a step)
        and a layer ``output`` (the answer of a step alone) are used where present.
    stimuli : DataArray, (presentation, channel, row, column)
        With the coord ``solution``, bool (presentation, row, column), for answers at every pixel, or ``label`` for one class.  An answer counts only
        where the image is not black.
    n_steps : int, optional
        The model's own trial when absent.
    batch_size : int

    Returns
    -------
    Dataset
        ====================  ========================  ======  ==================================================================
        variable              dims                      units   meaning
        ====================  ========================  ======  ==================================================================
        n_steps               (presentation)            step    steps until it halted; the whole trial where it did not
        halted                (presentation)                    whether halting fired within the trial
        ponder                (presentation)            step    N + R of Adaptive Computation Time; NaN without a layer `halting`
                                                          of one value an image
        correct               (presentation)            1       its own answer at its own time: 1 where all that is asked is right
        score                 (presentation)            1       the same as overlap (intersection over union); for a class, correct
        correct_unmixed       (presentation)            1       the answer of the step at which it halted, alone
        stopped_correct,      (presentation, time_bin)  1       the answer if it were stopped after each step
        stopped_score
        step_correct,         (presentation, time_bin)  1       the answer of each step alone, halted or not
        step_score
        probability           (presentation, time_bin)  1       of halting after each step; NaN without that layer
        ====================  ========================  ======  ==================================================================

    Raises
    ------
    SchemaError
        If the stimuli bring neither solutions nor labels of the readout's kind.
    ModelError
        If the readout is neither (batch, class) nor (batch, class, row, column).
    ConfigError
        Fewer steps than one.

    Notes
    -----
    Images for which halting never fires are in ``halted``, not left out; ``attrs["n_unfinished"]`` counts them.

    Examples
    --------
    >>> from neurodyn.schema import make_stimuli
    >>> from neurodyn.testing.systems import linear_network
    >>> found = halting(linear_network([0.5, 0.25]), make_stimuli(np.ones((2, 2, 1, 1)), label=[0, 1]), n_steps=3)
    >>> found.correct.values.tolist(), found.n_steps.values.tolist(), found.attrs["n_unfinished"]
    ([1.0, 0.0], [3, 3], 2)
    """
    check_ready(model)
    stimuli = check_stimuli(stimuli, where="halting")
    if n_steps is not None and n_steps < 1:
        raise ConfigError("halting", f"`n_steps` is {n_steps}", expected="1 or more")
    timeline = timeline_of(model, stimuli, None if n_steps is None else Schedule.steps(stimulus=n_steps))
    n, length = stimuli.sizes[PRESENTATION], len(timeline)
    finished = getattr(model, "finished", None)
    extra = tuple(name for name in ("halting", "output") if name in model.layers)
    steps, halted = np.full(n, length), np.zeros(n, bool)
    tables = {name: np.full((n, length), np.nan) for name in ("stopped_correct", "stopped_score", "step_correct", "step_score", "probability")}
    asked, alone_halts = None, False
    for rows, k, state, drive in walk(model, stimuli, timeline, batch_size=batch_size, progress=False, freeze=False):
        if k == 0 or asked is None:
            asked = _Asked(stimuli.isel({PRESENTATION: rows}), model.readout(state).dim())
        seen = model.rates(state, drive, extra)
        tables["stopped_correct"][rows, k], tables["stopped_score"][rows, k] = asked.judge(model.readout(state))
        alone = seen["output"] if "output" in seen else model.readout(state)
        tables["step_correct"][rows, k], tables["step_score"][rows, k] = asked.judge(alone)
        if "halting" in seen:
            alone_halts = seen["halting"].flatten(1).shape[1] == 1  # places that halt on their own have no one remainder
            tables["probability"][rows, k] = seen["halting"].flatten(1).mean(dim=1).cpu().numpy()
        if finished is not None:
            done = finished(state).cpu().numpy()
            new = done & ~halted[rows]
            steps[rows] = np.where(new, k + 1, steps[rows])
            halted[rows] |= done
    at = (np.arange(n), steps - 1)
    left = 1 - np.array([tables["probability"][i, : steps[i] - 1].sum() for i in range(n)])
    one, both, unit = PRESENTATION, (PRESENTATION, TIME_BIN), {"units": "1"}
    found = {
        "n_steps": (one, steps, {"units": "step"}),
        "halted": (one, halted),
        "ponder": (one, steps + left if alone_halts else np.full(n, np.nan), {"units": "step"}),
        "correct": (one, tables["stopped_correct"][at], unit),
        "score": (one, tables["stopped_score"][at], unit),
        "correct_unmixed": (one, tables["step_correct"][at], unit),
        **{name: (both, table, unit) for name, table in tables.items()},
    }
    coords = {str(k): v for k, v in stimuli.coords.items() if v.dims == (PRESENTATION,)}
    return xr.Dataset(found, {**coords, "step": (TIME_BIN, timeline.step)}, {"n_unfinished": int((~halted).sum())})


class _Asked:
    """What a batch should answer, and where."""

    def __init__(self, stimuli: xr.DataArray, n_dims: int) -> None:
        import torch

        name = {2: "label", 4: "solution"}.get(n_dims)
        if name is None:
            raise ModelError("halting", f"a readout of {n_dims} dims", expected="(batch, class) or (batch, class, row, column)")
        if name not in stimuli.coords:
            raise SchemaError("halting", f"`stimuli` has no coord `{name}`", expected="one class index a presentation, or the pixels that are the solution")
        self.wanted = torch.from_numpy(np.ascontiguousarray(stimuli.coords[name].values))
        self.where = torch.from_numpy(np.ascontiguousarray(stimuli.values.max(axis=1) > 0.25)) if name == "solution" else None

    def judge(self, answer: object) -> tuple[np.ndarray, np.ndarray]:
        """Whether all is right, and the overlap, one a presentation."""
        given = answer.argmax(dim=1).cpu()  # type: ignore[attr-defined]
        if self.where is None:
            right = (given == self.wanted).double().numpy()
            return right, right
        marked, wanted = (given > 0) & self.where, self.wanted & self.where
        right = (marked == wanted).flatten(1).all(dim=1).double().numpy()
        union = (marked | wanted).flatten(1).sum(dim=1).clamp(min=1)
        return right, ((marked & wanted).flatten(1).sum(dim=1) / union).double().numpy()
