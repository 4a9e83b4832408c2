"""Trials: how long the blank, the stimulus and the second blank last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodyn.errors import ConfigError

__all__ = ["Schedule", "Timeline"]


@dataclass(frozen=True)
class Timeline:
    """A schedule in steps, ready to play.

    Attributes
    ----------
    step : int array, (time_bin)
        Step of each update; 0 is the first with the stimulus on.
    frame : int array, (time_bin)
        Index of the frame shown at each update; -1 is the blank.
    dt_ms : float or None
    """

    step: np.ndarray
    frame: np.ndarray
    dt_ms: float | None

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True)
class Schedule:
    """Blank, stimulus, blank; in ms, or in steps for models whose iterations are not time.

    Build one with :meth:`ms` or :meth:`steps`.

    Examples
    --------
    >>> line = Schedule.ms(before=4, stimulus=6, after=2).timeline(dt_ms=2.0)
    >>> line.step.tolist(), line.frame.tolist()
    ([-2, -1, 0, 1, 2, 3], [-1, -1, 0, 0, 0, -1])
    """

    before: float
    stimulus: float
    after: float
    unit: str

    def __post_init__(self) -> None:
        for name in ("before", "stimulus", "after"):
            value = getattr(self, name)
            if not np.isfinite(value) or value < 0:
                raise ConfigError("Schedule", f"`{name}` is {value} {self.unit}", expected="a finite duration of 0 or more")
        if self.before + self.stimulus + self.after <= 0:
            raise ConfigError("Schedule", "the trial lasts 0 steps", expected="at least one step", fix="Schedule.steps(stimulus=10)")

    @classmethod
    def ms(cls, *, stimulus: float, before: float = 0.0, after: float = 0.0) -> Schedule:
        """Durations in ms; rounded to whole steps by the model's ``dt_ms``."""
        return cls(before, stimulus, after, "ms")

    @classmethod
    def steps(cls, *, stimulus: int, before: int = 0, after: int = 0) -> Schedule:
        """Durations in steps."""
        return cls(before, stimulus, after, "step")

    def timeline(self, *, dt_ms: float | None, frame_start: np.ndarray | None = None) -> Timeline:
        """Lay the trial out in steps.

        Parameters
        ----------
        dt_ms : float or None
            Model time of one step in ms.
        frame_start : float array, (frame), optional
            When each frame of a movie begins, ms from onset (steps when `dt_ms` is None).

        Raises
        ------
        ConfigError
            If durations are in ms and the model's steps are not time.
        """
        if self.unit == "ms" and dt_ms is None:
            raise ConfigError(
                "Schedule",
                "durations are in ms but the model's dt_ms is None (its iterations are not time)",
                expected="a schedule in steps",
                fix="Schedule.steps(stimulus=...)",
            )
        scale = float(dt_ms) if self.unit == "ms" and dt_ms is not None else 1.0
        before, shown, after = (round(float(x) / scale) for x in (self.before, self.stimulus, self.after))
        if self.stimulus > 0 and shown == 0:
            raise ConfigError(
                "Schedule",
                f"a stimulus of {self.stimulus:g} ms is shorter than half a step of {dt_ms:g} ms and would never be shown",
                expected=f"at least {dt_ms:g} ms",
            )
        if before + shown + after == 0:
            raise ConfigError("Schedule", f"the trial is shorter than one step of {dt_ms} ms", expected="at least one step")
        step = np.arange(-before, shown + after)
        on = (step >= 0) & (step < shown)
        frame = np.where(on, 0, -1)
        if frame_start is not None:
            clock = step * (float(dt_ms) if dt_ms is not None else 1.0)
            frame = np.where(on, np.maximum(np.searchsorted(frame_start, clock + 1e-9, side="right") - 1, 0), -1)
        return Timeline(step, frame, dt_ms)
