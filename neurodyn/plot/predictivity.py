"""How well model activity predicts recorded neurons, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import SchemaError
from neurodyn.plot.style import COLOURS, CYCLE

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_predictivity"]


def plot_predictivity(ax: Axes, scores: Mapping[str, xr.Dataset], *, variable: str = "normalised", colours: Mapping[str, str] | None = None) -> Axes:
    """Draw one dot a neuron for each model, with the median and the quartiles.

    Parameters
    ----------
    ax : Axes
    scores : mapping of str to Dataset
        Name of a model or control -> result of ``predictivity``.
    variable : {"raw", "normalised", "ceiling"}
        Averaged over time bins where there are several.
    colours : mapping, optional
        Name -> colour; controls are best grey.

    Returns
    -------
    Axes

    Raises
    ------
    SchemaError
        If a Dataset lacks `variable` (``normalised`` needs repeated presentations or a ceiling).
    """
    names = list(scores)
    counts = []
    for k, name in enumerate(names):
        if variable not in scores[name]:
            raise SchemaError("plot_predictivity", f"the result of `{name}` has no `{variable}`", expected="repeats or a ceiling", fix='variable="raw"')
        found = scores[name][variable]
        values = np.asarray(found.mean([d for d in found.dims if d != "neuroid"]).values, float)
        values = values[np.isfinite(values)]
        counts.append(len(values))
        colour = (colours or {}).get(name, CYCLE[k % len(CYCLE)])
        spread = np.argsort(np.argsort(values)) * 0.618034 % 1.0 - 0.5  # low-discrepancy jitter, the same every time
        ax.scatter(k + 0.5 * spread, values, s=5, color=colour, alpha=0.55, linewidths=0, label=f"{name} (n = {len(values)} neurons)", zorder=2)
        low, middle, high = np.percentile(values, [25, 50, 75])
        ax.plot([k, k], [low, high], color="black", lw=1.0, zorder=3, label=f"_{name} quartiles")
        ax.plot([k - 0.28, k + 0.28], [middle, middle], color="black", lw=1.4, zorder=3, label=f"_{name} median")
    ax.axhline(0, color=COLOURS["grey"], lw=0.5, zorder=0, label="_zero")
    ax.set_xticks(range(len(names)), [f"{n}\n(n = {c})" for n, c in zip(names, counts, strict=True)])
    ax.set_xlim(-0.6, len(names) - 0.4)
    ax.set_ylabel({"raw": "Predictivity (r)", "normalised": "Noise-corrected predictivity", "ceiling": "Noise ceiling"}.get(variable, variable))
    return ax
