"""The house style: colours, sizes, panel letters."""

from __future__ import annotations

import string
from collections.abc import Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from neurodyn.errors import unknown_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "CYCLE", "WIDTHS_MM", "figure", "figure_note", "house_style", "panel_letter", "use_house_style"]

COLOURS = {
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#8C8C8C",
}
"""Okabe and Ito's colours, distinct to readers with any colour vision; grey is for controls."""

CYCLE = [COLOURS[k] for k in ("blue", "vermilion", "green", "purple", "orange", "sky", "yellow", "black")]
WIDTHS_MM = {"single": 89.0, "half": 120.0, "double": 183.0}
_SHEET = Path(__file__).with_name("house.mplstyle")


def house_style() -> AbstractContextManager:
    """The house style for a ``with`` block.

    Examples
    --------
    >>> import matplotlib
    >>> with house_style():
    ...     matplotlib.rcParams["pdf.fonttype"]
    42
    """
    import matplotlib.style

    return matplotlib.style.context(["default", str(_SHEET)])


def use_house_style() -> None:
    """The house style from here on, for notebooks."""
    import matplotlib.style

    matplotlib.style.use(["default", str(_SHEET)])


def figure(width: str | float = "double", height_mm: float = 60.0) -> Figure:
    """An empty figure of a printed size, without touching pyplot's state.

    Parameters
    ----------
    width : {"single", "half", "double"} or float
        A journal's column, or mm.
    height_mm : float
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as _Figure

    if isinstance(width, str):
        if width not in WIDTHS_MM:
            raise unknown_name("plot.figure", "width", width, WIDTHS_MM)
        width = WIDTHS_MM[width]
    made = _Figure(figsize=(width / 25.4, height_mm / 25.4))
    FigureCanvasAgg(made)
    return made


def figure_note(fig: Figure, text: str, *, x: float = 0.01, y: float = 0.008) -> None:
    """What a reader must know of all panels (n, what bars and bands are), small and grey at the foot.

    A figure with constrained layout makes room for its lines; others must have left it.

    Parameters
    ----------
    fig : Figure
    text : str
    x, y : float
        Lower left corner of the text, in fractions of the figure.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = fig.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        room = 0.03 + 3.0 / (25.4 * fig.get_figheight()) * text.count("\n")  # lines of 5.5 points, in shares of the height
        engine.set(rect=(0, room, 1, 1 - room))
    fig.text(x, y, text, fontsize=5.5, color=COLOURS["grey"], ha="left", va="bottom")


def panel_letter(ax: Axes | Iterable[Axes], letter: str | None = None, *, dx: float = -24.0, dy: float = 3.0) -> None:
    """Put a bold letter at the upper left of a panel; several panels get a, b, c and so on.

    Parameters
    ----------
    ax : Axes or sequence of Axes
    letter : str, optional
        Of a single panel; ``"a"`` when absent.
    dx, dy : float
        Offset in points from the upper left corner of the axes.
    """
    from matplotlib.axes import Axes as _Axes

    panels = [ax] if isinstance(ax, _Axes) else list(ax)
    for k, panel in enumerate(panels):
        text = letter if letter is not None and len(panels) == 1 else string.ascii_lowercase[k]
        panel.annotate(
            text, (0, 1), xycoords="axes fraction", xytext=(dx, dy), textcoords="offset points", fontsize=9, fontweight="bold", ha="right", va="bottom"
        )
