"""Run many cells: in processes, or as shard i of n on as many machines."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neurodyn import places
from neurodyn.errors import ConfigError, NeurodynError
from neurodyn.experiment.run import Outcome, Status, run_cell, run_sources, seconds_of, status, stop_on_signals
from neurodyn.experiment.spec import Cell, Experiment, read_experiment

__all__ = ["Plan", "parse_shard", "plan", "sweep"]


@dataclass(frozen=True)
class Plan:
    """What a sweep would do.

    Attributes
    ----------
    statuses : tuple of Status
        Of the cells of this shard.
    seconds_per_cell : float or None
        Mean over the cells computed before; None if there were none.
    workers : int
    """

    statuses: tuple[Status, ...]
    seconds_per_cell: float | None
    workers: int

    @property
    def n_missing(self) -> int:
        """How many cells would be computed."""
        return sum(not s.done for s in self.statuses)

    @property
    def seconds(self) -> float | None:
        """How long that takes, if cells were measured before."""
        if self.n_missing == 0:
            return 0.0
        return None if self.seconds_per_cell is None else math.ceil(self.n_missing / self.workers) * self.seconds_per_cell


def sweep(
    experiment: str | Path | Experiment,
    *,
    workers: int = 1,
    shard: tuple[int, int] = (0, 1),
    results: str | Path | None = None,
    force: bool = False,
    progress: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run the cells of an experiment, or of one shard of it, in parallel processes.

    A cell that fails does not stop the others: its error is in its outcome.

    Parameters
    ----------
    experiment : str, path or Experiment
    workers : int
        Processes; 1 runs here.
    shard : (i, n)
        Cells i, i + n, i + 2 n and so on; shards may run at the same time on machines that share the results folder.
    results : path, optional
    force : bool
    progress : callable, optional
        Called with each outcome, in the order of the cells.

    Returns
    -------
    list of Outcome

    Raises
    ------
    ConfigError
        If `workers` or `shard` is out of range.
    """
    experiment = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    folder = Path(results) if results is not None else places.results_dir()
    cells = shard_of(experiment, shard)
    if workers < 1:
        raise ConfigError("sweep", f"`workers` is {workers}", expected="1 or more")
    run_sources(experiment, folder, progress)
    outcomes: list[Outcome] = []
    with stop_on_signals():
        for outcome in _outcomes(cells, folder, force, min(workers, max(len(cells), 1))):
            outcomes.append(outcome)
            if progress is not None:
                progress(outcome)
    return outcomes


def plan(
    experiment: str | Path | Experiment, *, workers: int = 1, shard: tuple[int, int] = (0, 1), results: str | Path | None = None, force: bool = False
) -> Plan:
    """Say what a sweep would compute, without computing it.

    Parameters are those of :func:`sweep`.
    """
    experiment = experiment if isinstance(experiment, Experiment) else read_experiment(experiment)
    folder = Path(results) if results is not None else places.results_dir()
    part = replace(experiment, cells=tuple(shard_of(experiment, shard)))
    found = [replace(s, done=False, reasons=("--force",)) if force and s.done else s for s in status(part, folder, {})]
    before = seconds_of(experiment, folder)
    return Plan(tuple(found), sum(before) / len(before) if before else None, max(workers, 1))


def parse_shard(text: str) -> tuple[int, int]:
    """Read ``i/n``.

    Examples
    --------
    >>> parse_shard("0/4")
    (0, 4)
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if match is None:
        raise ConfigError("--shard", f"`{text}`", expected="i/n with i in 0..n-1, for example 0/4")
    return int(match[1]), int(match[2])


def shard_of(experiment: Experiment, shard: tuple[int, int]) -> list[Cell]:
    """The cells of shard i of n."""
    i, n = shard
    if not 0 <= i < n:
        raise ConfigError("sweep", f"shard {i} of {n}", expected="i in 0..n-1, for example 0/4")
    return list(experiment.cells[i::n])


def _outcomes(cells: Sequence[Cell], folder: Path, force: bool, workers: int) -> Any:
    if workers == 1:
        cache: dict[str, Any] = {}
        yield from (_guarded(cell, folder, force, cache) for cell in cells)
        return
    from joblib import Parallel, delayed, parallel_config

    threads = max(1, (os.cpu_count() or 1) // workers)
    with parallel_config(backend="loky", inner_max_num_threads=threads):
        yield from Parallel(n_jobs=workers, return_as="generator")(delayed(_in_process)(cell, folder, force, threads) for cell in cells)


def _in_process(cell: Cell, folder: Path, force: bool, threads: int) -> Outcome:
    import torch

    torch.set_num_threads(threads)
    with stop_on_signals():
        return _guarded(cell, folder, force, None)


def _guarded(cell: Cell, folder: Path, force: bool, cache: dict[str, Any] | None) -> Outcome:
    try:
        return run_cell(cell, folder, force=force, cache=cache)
    except NeurodynError as error:
        return Outcome(cell.label, "failed", cell.file(folder), 0.0, error)
