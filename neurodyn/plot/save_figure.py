"""Write a figure as PDF, SVG and PNG, and the numbers it shows as CSV."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurodyn.errors import ArtefactError
from neurodyn.plot.style import house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plotted_numbers", "save_figure"]

_FORMATS: dict[str, dict[str, Any]] = {
    "pdf": {"metadata": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
    "png": {"metadata": {"Software": None}},
}
_COLUMNS = ("panel", "title", "x_label", "y_label", "kind", "series", "x", "y", "value")


def save_figure(fig: Figure, path: str | Path) -> dict[str, Path]:
    """Write a figure in every format, whole or not at all.

    The bytes depend on what is drawn and on the version of matplotlib only: no dates, no random identifiers.

    Parameters
    ----------
    fig : Figure
    path : path
        Without suffix; a suffix is dropped.

    Returns
    -------
    dict
        ``"pdf"``, ``"svg"``, ``"png"`` and ``"csv"`` -> file.

    Raises
    ------
    ArtefactError
        If the folder is read-only or full.
    """
    path = Path(path)
    base = path.with_suffix("") if path.suffix.lstrip(".") in (*_FORMATS, "csv") else path
    contents: dict[str, bytes] = {}
    with house_style():
        for kind, options in _FORMATS.items():
            buffer = io.BytesIO()
            fig.savefig(buffer, format=kind, **options)
            contents[kind] = buffer.getvalue()
    table = io.StringIO()
    writer = csv.DictWriter(table, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(plotted_numbers(fig))
    contents["csv"] = table.getvalue().encode()
    return {kind: _write(base.with_name(f"{base.name}.{kind}"), content) for kind, content in contents.items()}


def plotted_numbers(fig: Figure) -> list[dict[str, object]]:
    """Every number that a figure shows, read from what was drawn.

    Parameters
    ----------
    fig : Figure

    Returns
    -------
    list of dict
        ``panel`` (number), ``title``, axis labels, ``kind`` (line, point, segment, bar, image), ``series`` (its label) and ``x``, ``y``, ``value``.

    Examples
    --------
    >>> from neurodyn.plot.style import figure
    >>> fig = figure("single")
    >>> _ = fig.add_subplot().plot([0, 1], [2, 3], label="rate")
    >>> [(row["series"], row["x"], row["y"]) for row in plotted_numbers(fig)]
    [('rate', '0', '2'), ('rate', '1', '3')]
    """
    rows: list[dict[str, object]] = []
    for panel, ax in enumerate(fig.axes):
        head = {"panel": panel, "title": ax.get_title() or ax.get_title("left"), "x_label": ax.get_xlabel(), "y_label": ax.get_ylabel()}
        rows += [{**head, **row} for row in _numbers_of(ax)]
    return rows


def _numbers_of(ax: Axes) -> Iterator[dict[str, object]]:
    from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh

    for k, line in enumerate(ax.lines):
        yield from _rows("line", _name(line, f"line {k}"), *np.asarray(line.get_xydata(), float).T)
    for k, item in enumerate(ax.collections):
        name = _name(item, f"collection {k}")
        if isinstance(item, QuadMesh):
            corners: Any = item.get_coordinates()
            yield from _image_rows(name, np.ma.filled(np.ma.asarray(item.get_array(), float), np.nan).reshape(len(corners) - 1, -1))
        elif isinstance(item, PathCollection):
            offsets = np.ma.filled(np.ma.asarray(item.get_offsets(), float), np.nan)
            colour = item.get_array()
            yield from _rows("point", name, offsets[:, 0], offsets[:, 1], None if colour is None else np.asarray(colour, float))
        elif isinstance(item, LineCollection):
            for segment in item.get_segments():
                yield from _rows("segment", name, *np.asarray(segment, float).reshape(-1, 2).T)
        elif isinstance(item, PolyCollection):
            for outline in item.get_paths():
                yield from _rows("area", name, *np.asarray(outline.vertices, float).T)
    for k, container in enumerate(ax.containers):
        if hasattr(container, "patches"):
            centres = np.array([(p.get_x() + p.get_width() / 2, p.get_y() + p.get_height()) for p in container.patches], float).reshape(-1, 2)
            yield from _rows("bar", _name(container, f"bars {k}"), *centres.T)
    for k, image in enumerate(ax.images):
        shown = np.ma.filled(np.ma.asarray(image.get_array(), float), np.nan)
        yield from _image_rows(_name(image, f"image {k}"), shown if shown.ndim == 2 else shown[..., :3].mean(-1))


def _rows(kind: str, name: str, x: np.ndarray, y: np.ndarray, values: np.ndarray | None = None) -> Iterator[dict[str, object]]:
    for k in range(len(x)):
        row: dict[str, object] = {"kind": kind, "series": name, "x": _number(x[k]), "y": _number(y[k])}
        if values is not None and len(values) == len(x):
            row["value"] = _number(values[k])
        yield row


def _image_rows(name: str, values: np.ndarray) -> Iterator[dict[str, object]]:
    for (row, column), value in np.ndenumerate(values):
        yield {"kind": "image", "series": name, "x": str(column), "y": str(row), "value": _number(value)}


def _name(artist: Any, other: str) -> str:
    label = str(artist.get_label() or "")
    return other if not label or label.startswith("_") else label


def _number(value: float) -> str:
    return f"{float(value):.9g}"


def _write(path: Path, content: bytes) -> Path:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise ArtefactError("save_figure", f"{path} cannot be written ({error.strerror})", expected="a folder that can be written, with free space") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return path
