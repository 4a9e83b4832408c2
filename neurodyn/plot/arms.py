"""The four arms of a 2 x 2 design: curves, points and effects that look alike in every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import SchemaError, unknown_name
from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["ARMS", "arm_label", "arm_style", "in_arm", "plot_arm_curves", "plot_arm_points", "plot_effects"]

ARMS = (("self", "off"), ("self", "on"), ("top", "off"), ("top", "on"))
EFFECTS = {  # name in words, colour, marker: an effect looks the same in every figure
    "feedback | dropout=off": ("feedback without dropout", "sky", "o"),
    "feedback | dropout=on": ("feedback with dropout", "vermilion", "s"),
    "feedback x dropout": ("interaction", "black", "D"),
    "dropout | feedback=self": ("dropout without feedback", "green", "^"),
    "dropout | feedback=top": ("dropout with feedback", "purple", "v"),
    "dropout": ("dropout", "orange", "P"),
}
_NAMES = {"self": "control", "top": "feedback"}


def arm_label(feedback: str, dropout: str) -> str:
    """What an arm is called in a legend.

    Examples
    --------
    >>> arm_label("top", "on")
    'feedback + dropout'
    """
    return _NAMES[feedback] + (" + dropout" if dropout == "on" else "")


def arm_style(feedback: str, dropout: str) -> dict[str, Any]:
    """Colour says feedback, line and marker say dropout, so that arms differ without colour too."""
    colour = COLOURS["vermilion" if feedback == "top" else "blue"]
    face = colour if dropout == "on" else "white"
    return {"color": colour, "linestyle": "-" if dropout == "on" else (0, (3, 1.5)), "marker": "o" if feedback == "top" else "s", "markerfacecolor": face}


def plot_arm_curves(ax: Axes, table: xr.Dataset, variable: str, x: Sequence[float] | np.ndarray, **selection: Any) -> None:
    """Mean over networks of each arm with a band of one standard error, against `x`.

    Parameters
    ----------
    ax : Axes
    table : Dataset, (network, ...)
        With coords ``feedback`` and ``dropout``.
    variable : str
        Of dims (network, one other) after `selection`.
    x : sequence of float
    **selection
        Positions along further dims.
    """
    at = np.asarray(x, dtype=float)
    for arm in ARMS:
        values = _of_arm(table[variable].isel(**selection), arm)
        if values.ndim != 2 or values.shape[1] != len(at):
            raise SchemaError("plot_arm_curves", f"`{variable}` has shape {values.shape} for {len(at)} places on the axis", expected="(network, place)")
        mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
        style = arm_style(*arm)
        ax.fill_between(at, mean - error, mean + error, color=style["color"], alpha=0.18, linewidth=0)
        ax.plot(at, mean, label=arm_label(*arm), markersize=3.2, linewidth=1.1, markeredgewidth=0.8, **style)


def plot_arm_points(ax: Axes, table: xr.Dataset, variable: str, *, labels: bool = True, slanted: bool = False) -> None:
    """Every network of each arm, the arm's mean, and the 95 % interval of the mean.

    Parameters
    ----------
    ax : Axes
    table : Dataset, (network)
    variable : str
        Of dims (network).
    labels : bool
        Name the arms below the axis.
    slanted : bool
        On one slanted line each, for narrow axes.
    """
    from scipy.stats import t as student

    for k, arm in enumerate(ARMS):
        values = _of_arm(table[variable], arm)
        style = arm_style(*arm)
        spread = 0.22 * ((np.arange(len(values)) % 5) / 4 - 0.5)
        ax.plot(
            k + spread,
            values,
            linestyle="none",
            marker=style["marker"],
            markersize=2.6,
            color=style["color"],
            markerfacecolor=style["markerfacecolor"],
            alpha=0.6,
        )
        reach = float(student.ppf(0.975, len(values) - 1)) * values.std(ddof=1) / np.sqrt(len(values))
        ax.errorbar(k + 0.27, values.mean(), reach, color="black", marker="_", markersize=6, linewidth=1.0, capsize=2)
    ax.set_xlim(-0.5, 3.6)
    names = [arm_label(*arm) for arm in ARMS] if labels else [""] * 4
    if slanted:
        ax.set_xticks(range(4), names, fontsize=5, rotation=30, ha="right", rotation_mode="anchor")
    else:
        ax.set_xticks(range(4), [n.replace(" +", "\n+") for n in names], fontsize=5.5)


def plot_effects(ax: Axes, effects: xr.Dataset, outcomes: Mapping[str, str], *, rows: Sequence[str], legend: bool = True) -> None:
    """Effect sizes with intervals, one row an outcome and one marker an effect.

    Parameters
    ----------
    ax : Axes
    effects : Dataset, (outcome, effect)
        With ``size``, ``size_low`` and ``size_high``.
    outcomes : mapping
        Outcome -> its name on the axis, top to bottom.
    rows : sequence of str
        Effects shown in each row, each with its own colour and marker.
    legend : bool
    """
    names = list(outcomes)
    step = 0.7 / max(len(rows), 1)
    for j, effect in enumerate(rows):
        if effect not in EFFECTS:
            raise unknown_name("plot_effects", "effect", effect, EFFECTS)
        label, colour, marker = EFFECTS[effect]
        part = effects.sel(outcome=names, effect=effect)
        y = np.arange(len(names)) + step * (j - (len(rows) - 1) / 2)
        low, high, middle = (part[v].values for v in ("size_low", "size_high", "size"))
        bars = np.abs(np.stack([middle - low, high - middle]))
        ax.errorbar(middle, y, xerr=bars, linestyle="none", marker=marker, markersize=3.5, color=COLOURS[colour], linewidth=1.0, capsize=1.5, label=label)
    ax.axvline(0, color=COLOURS["grey"], linewidth=0.8)
    ax.set_yticks(range(len(names)), list(outcomes.values()))
    ax.set_ylim(len(names) - 0.4, -0.6)
    if legend:
        ax.legend(loc="best", fontsize=5.5)


def in_arm(table: xr.Dataset | xr.DataArray, arm: tuple[str, str]) -> np.ndarray:
    """(network): which networks are of `arm`; controls have levels of their own, and are of none."""
    found: np.ndarray = (table.feedback.values == arm[0]) & (table.dropout.values == arm[1])
    return found


def _of_arm(values: xr.DataArray, arm: tuple[str, str]) -> np.ndarray:
    found = values.values[in_arm(values, arm)]
    if len(found) < 2:
        raise SchemaError("plot.arms", f"{len(found)} networks in the arm feedback={arm[0]}, dropout={arm[1]}", expected="two or more in every arm")
    return found
