"""Eigenvalues in the complex plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import SchemaError
from neurodyn.plot.style import COLOURS

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

__all__ = ["plot_eigenspectrum"]


def plot_eigenspectrum(
    ax: Axes, spectrum: xr.Dataset, *, variable: str = "step_eigenvalue", label: str | None = None, colour: str | None = None, unit_circle: bool = True
) -> Axes:
    """Draw eigenvalues as points; those that did not converge are hollow.

    Parameters
    ----------
    ax : Axes
    spectrum : Dataset
        Of ``eigenspectrum``; every dim of `variable` is drawn together.
    variable : {"step_eigenvalue", "eigenvalue"}
    label, colour : str, optional
        Of this series in the legend; "(n = number of eigenvalues)" is added.
    unit_circle : bool
        Draw the border of stability of the one-step map.

    Returns
    -------
    Axes

    Raises
    ------
    SchemaError
        If the Dataset holds no such variable.
    """
    if variable not in spectrum:
        raise SchemaError("plot_eigenspectrum", f"the Dataset has no `{variable}`", expected="the result of eigenspectrum")
    values = np.asarray(spectrum[variable].values).ravel()
    converged = np.asarray(spectrum["converged"].values, dtype=float).ravel() == 1 if "converged" in spectrum else np.ones(values.size, bool)
    there = np.isfinite(values)
    colour = colour or COLOURS["blue"]
    name = None if label is None else f"{label} (n = {int(there.sum())})"
    for part, face, text in ((there & converged, colour, name), (there & ~converged, "none", None if name is None else f"{label}, not converged")):
        if part.any():
            ax.scatter(values.real[part], values.imag[part], s=7, facecolors=face, edgecolors=colour, linewidths=0.5, alpha=0.85, label=text, zorder=3)
    if unit_circle and not any(line.get_gid() == "unit circle" for line in ax.lines):
        angle = np.linspace(0, 2 * np.pi, 181)
        ax.plot(np.cos(angle), np.sin(angle), color=COLOURS["grey"], lw=0.6, ls=(0, (4, 2)), zorder=1, gid="unit circle", label="_unit circle")
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_xlabel(r"Re $\lambda$ (per step)")
    ax.set_ylabel(r"Im $\lambda$ (per step)")
    return ax
