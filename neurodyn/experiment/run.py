"""Run the cells of an experiment: what is done is kept, what is missing is computed, nothing is half-written."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import xarray as xr

from neurodyn import __version__, places
from neurodyn.artefacts.keys import content_key, difference
from neurodyn.artefacts.lock import hold
from neurodyn.artefacts.store import clear_partial, load, matches, provenance, save, versions
from neurodyn.errors import ArtefactError, ConfigError, NeurodynError
from neurodyn.experiment.combine import combine
from neurodyn.experiment.resolve_inputs import Resolver
from neurodyn.experiment.spec import Cell, Experiment, read_experiment

__all__ = ["Outcome", "Status", "open_result", "run", "run_cell", "status", "stop_on_signals"]


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Attributes
    ----------
    label : str
    state : {"kept", "computed", "failed"}
    path : Path
    seconds : float
    error : NeurodynError, optional
    """

    label: str
    state: str
    path: Path
    seconds: float
    error: NeurodynError | None = None


@dataclass(frozen=True)
class Status:
    """Whether a cell's result is there, and why not.

    Attributes
    ----------
    label : str
    path : Path
    done : bool
    reasons : tuple of str
        What differs from the file that is there.
    key : str
    """

    label: str
    path: Path
    done: bool
    reasons: tuple[str, ...]
    key: str


def run(
    experiment: str | Path | Experiment,
    *,
    results: str | Path | None = None,
    force: bool = False,
    progress: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run an experiment's cells one after the other; those whose file opens and has the right key are kept.

    Parameters
    ----------
    experiment : str, path or Experiment
        ``<paper>/<name>``, or a YAML file.
    results : path, optional
        ``NEURODYN_RESULTS`` or ``results`` when absent.
    force : bool
        Compute again what is there.
    progress : callable, optional
        Called with each outcome.

    Returns
    -------
    list of Outcome

    Raises
    ------
    NeurodynError
        Of the first cell that fails.
    """
    experiment = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    folder = Path(results) if results is not None else places.results_dir()
    run_sources(experiment, folder, progress)
    outcomes, cache = [], {}  # type: list[Outcome], dict[str, Any]
    with stop_on_signals():
        for cell in experiment.cells:
            outcome = run_cell(cell, folder, force=force, cache=cache)
            outcomes.append(outcome)
            if progress is not None:
                progress(outcome)
    return outcomes


def run_sources(experiment: Experiment, results: Path, progress: Callable[[Outcome], None] | None = None, above: tuple[str, ...] = ()) -> None:
    """Run the experiments whose results an experiment takes as inputs."""
    if experiment.key in above:
        raise ConfigError(experiment.key, f"takes its own result ({' -> '.join((*above, experiment.key))})", expected="inputs.artefacts without a circle")
    named = dict.fromkeys(name.partition("#")[0] for cell in experiment.cells for name in cell.spec.inputs.artefacts.values())
    for name in named:
        source = read_experiment(name)
        run_sources(source, results, progress, (*above, experiment.key))
        run(source, results=results, progress=progress)


def run_cell(cell: Cell, results: Path, *, force: bool = False, cache: dict[str, Any] | None = None) -> Outcome:
    """Compute one cell and write it, unless it is there.

    Raises
    ------
    NeurodynError
        If the inputs cannot be resolved, the analysis refuses them, or the result cannot be written.
    """
    begun = time.perf_counter()
    path = cell.file(results)
    resolver = Resolver(cell, lambda key: open_result(key, results=results, check=False), cache)
    parts = resolver.parts()
    key = content_key(parts)
    if not force and matches(path, key):
        return Outcome(cell.label, "kept", path, time.perf_counter() - begun)
    with hold(path):
        if not force and matches(path, key):  # another process made it while this one waited
            return Outcome(cell.label, "kept", path, time.perf_counter() - begun)
        clear_partial(path)
        dataset = resolver.call()
        notes = {"experiment": cell.experiment, "cell": dict(cell.point), "title": cell.spec.title, "versions": {**versions(), "neurodyn": __version__}}
        save(dataset, path, parts, notes=notes)
        seconds = time.perf_counter() - begun
        _journal(cell, results, key, seconds)
    return Outcome(cell.label, "computed", path, seconds)


def status(experiment: Experiment, results: Path, cache: dict[str, Any] | None = None) -> Iterator[Status]:
    """Say of each cell whether it is done, and if not, what changed since its file was written."""
    for cell in experiment.cells:
        path = cell.file(results)
        parts = Resolver(cell, lambda key: open_result(key, results=results, check=False), cache).parts()
        key = content_key(parts)
        reasons: tuple[str, ...] = ()
        done = matches(path, key)
        if not done:
            reasons = tuple(_why(path, parts))
        yield Status(cell.label, path, done, reasons, key)


def open_result(experiment: str | Path | Experiment, *, results: str | Path | None = None, check: bool = True) -> xr.Dataset:
    """Read the result of an experiment; the cells of a grid are put together along one dim an axis.

    Parameters
    ----------
    experiment : str, path or Experiment
    results : path, optional
    check : bool
        Refuse results that no longer belong to the experiment (parameters, weights, data or code changed).

    Returns
    -------
    Dataset
        The analysis' result, with one more dim for each axis of the grid (named by the last word of its key).

    Raises
    ------
    ArtefactError
        If a cell is missing, truncated or out of date.
    """
    experiment = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    folder = Path(results) if results is not None else places.results_dir()
    cells, cache = [], {}  # type: list[xr.Dataset], dict[str, Any]
    for cell in experiment.cells:
        path = cell.file(folder)
        if not path.is_file():
            raise ArtefactError("open_result", f"{path} is missing", expected="a result", fix=f"neurodyn run {experiment.key}")
        key = None
        if check:
            key = content_key(Resolver(cell, lambda name: open_result(name, results=folder, check=False), cache).parts())
        cells.append(load(path, key))
    return combine(cells, experiment)


def seconds_of(experiment: Experiment, results: Path) -> list[float]:
    """How long cells of this experiment took before, from its journal."""
    journal = _journal_file(experiment.key, results)
    if not journal.is_file():
        return []
    return [float(json.loads(line)["seconds"]) for line in journal.read_text(encoding="utf-8").splitlines() if line.endswith("}")]


@contextlib.contextmanager
def stop_on_signals() -> Iterator[None]:
    """Let SIGTERM end a run the way Ctrl-C does: through every ``finally``, so that nothing is half-written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _why(path: Path, parts: dict[str, Any]) -> list[str]:
    if not path.is_file():
        return ["there is no file"]
    try:
        load(path)
        return difference(provenance(path)["parts"], parts) or ["the file was altered"]
    except ArtefactError as error:
        return [error.what]


def _journal_file(key: str, results: Path) -> Path:
    return results / f"{key}.log.jsonl"


def _journal(cell: Cell, results: Path, key: str, seconds: float) -> None:
    line = json.dumps({"cell": cell.label, "key": key, "seconds": round(seconds, 3), "finished": time.strftime("%Y-%m-%dT%H:%M:%S")})
    journal = _journal_file(cell.experiment, results)
    try:
        with open(journal, "a", encoding="utf-8") as file:
            file.write(line + "\n")
    except OSError as error:
        raise ArtefactError("run", f"{journal} cannot be written ({error.strerror})", expected="a folder that can be written, with free space") from error
