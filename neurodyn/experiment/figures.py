"""Figures from saved results: a script declares its INPUTS, and draws them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from neurodyn import places, registry
from neurodyn.errors import ConfigError
from neurodyn.experiment.run import Outcome, open_result
from neurodyn.experiment.spec import read_experiment
from neurodyn.experiment.sweep import sweep

__all__ = ["draw_figure", "figure_script"]


def draw_figure(
    key: str, *, results: str | Path | None = None, workers: int = 1, compute: bool = True, progress: Callable[[Outcome], None] | None = None
) -> dict[str, Path]:
    """Run what a figure needs and is missing, draw it, and write it.

    Parameters
    ----------
    key : str
        ``<paper>/fig<k>_<slug>``, or the path of a script.
    results : path, optional
    workers : int
        Processes for the missing cells.
    compute : bool
        False refuses to compute: every result must be there.
    progress : callable, optional
        Called with the outcome of each cell.

    Returns
    -------
    dict
        ``"pdf"``, ``"svg"``, ``"png"``, ``"csv"`` -> file under ``<results>/figures``.

    Raises
    ------
    NeurodynError
        Of a cell that fails, or of a script that lacks ``INPUTS`` or ``draw``.
    """
    from neurodyn.plot.save_figure import save_figure
    from neurodyn.plot.style import house_style

    folder = Path(results) if results is not None else places.results_dir()
    name, script = figure_script(key)
    inputs = {}
    for argument, experiment_key in script.INPUTS.items():
        experiment = read_experiment(experiment_key)
        if compute:
            for outcome in sweep(experiment, workers=workers, results=folder, progress=progress):
                if outcome.error is not None:
                    raise outcome.error
        inputs[argument] = open_result(experiment, results=folder, check=not compute)
    with house_style():
        fig = script.draw(**inputs)
        return save_figure(fig, folder / "figures" / name)


def figure_script(key: str) -> tuple[str, ModuleType]:
    """The name of a figure, and its script as a module.

    Raises
    ------
    ConfigError
        If there is no such figure (the nearest is offered), or it lacks ``INPUTS`` or ``draw``.
    """
    path = Path(key)
    if path.suffix == ".py" and path.is_file():
        name = f"{path.resolve().parent.name}/{path.stem}"
    else:
        name, path = key, registry.find("figures", key)
    spec = importlib.util.spec_from_file_location("neurodyn_figure_" + name.replace("/", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(script)
    finally:
        sys.dont_write_bytecode = before
    for member in ("INPUTS", "draw"):
        if not hasattr(script, member):
            raise ConfigError(name, f"the script has no `{member}`", expected='INPUTS = {"spectra": "<paper>/<name>"} and draw(spectra) -> Figure')
    return name, script
