"""Search over architectures with the tree-structured Parzen estimator: Optuna draws, you train, the study is on disk.

A study goes on where it was stopped: trials are kept in ``study.jsonl`` in its folder, one line each, and trial k is drawn from the seed and
the k trials before it, so that an interrupted search and an uninterrupted one are the same search.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, DataError
from neurodyn.seeding import subseed

if TYPE_CHECKING:
    import optuna

__all__ = ["Choice", "Real", "Whole", "search", "study_dataset"]

STUDY = "study.jsonl"


@dataclass(frozen=True)
class Choice:
    """One of several values: strings, numbers or booleans."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Real:
    """A number between two bounds, on a logarithmic scale if asked."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number between two bounds, both included."""

    low: int
    high: int


Space = Mapping[str, "Choice | Real | Whole"]


def search(
    objective: Callable[[dict[str, Any], Path], float],
    space: Space,
    *,
    n_trials: int,
    folder: str | Path,
    seed: int,
    n_random: int = 10,
    progress: Callable[[int, float], None] | None = None,
) -> xr.Dataset:
    """Look for the parameters with the largest value of `objective`.

    Parameters
    ----------
    objective : callable
        ``objective(parameters, folder)`` returns the value of a trial; it may keep its checkpoints in `folder`.  A ``NumericsError``
        (training diverged) counts as a failed trial.
    space : mapping of str to Choice, Real or Whole
    n_trials : int
        In all, those already on disk included.
    folder : path
    seed : int
    n_random : int
        Trials drawn at random before the estimator takes over.
    progress : callable, optional
        Called with the number and value of each new trial.

    Returns
    -------
    Dataset
        See :func:`study_dataset`.

    Raises
    ------
    ConfigError
        An empty space, or a study on disk that was made over another space or from another seed.
    DataError
        A study on disk that cannot be read.
    """
    from neurodyn.errors import NumericsError

    if not space or n_trials < 1:
        raise ConfigError("search", f"{len(space)} parameters and {n_trials} trials", expected="at least one of each")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    trials = _read(folder / STUDY, space, seed)
    for number in range(len(trials), n_trials):
        parameters = _suggest(trials, space, seed, n_random)
        try:
            value = float(objective(dict(parameters), folder / f"trial-{number:05d}"))
        except NumericsError:
            value = math.nan
        trials.append({"parameters": parameters, "value": value if math.isfinite(value) else None})
        with (folder / STUDY).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"number": number, "seed": seed, **trials[-1]}, sort_keys=True) + "\n")
        if progress is not None:
            progress(number, value)
    return study_dataset(trials, space)


def study_dataset(trials: Sequence[Mapping[str, Any]], space: Space) -> xr.Dataset:
    """The trials of a study as a table.

    Returns
    -------
    Dataset
        ============  ===========  =======  ======================================================
        variable      dims         units    meaning
        ============  ===========  =======  ======================================================
        value         (trial)      1        of the objective; NaN where training failed
        best          (trial)      1        largest value so far
        <parameter>   (trial)               one variable for each parameter of the space
        ============  ===========  =======  ======================================================

    Examples
    --------
    >>> study_dataset([{"parameters": {"k": 3}, "value": 0.5}, {"parameters": {"k": 1}, "value": 0.4}], {"k": Whole(1, 3)}).best.values.tolist()
    [0.5, 0.5]
    """
    values = np.array([math.nan if t["value"] is None else t["value"] for t in trials], dtype=float)
    best = np.fmax.accumulate(values) if len(values) else values
    data: dict[str, Any] = {"value": ("trial", values, {"units": "1"}), "best": ("trial", best, {"units": "1"})}
    for name in space:
        column = [t["parameters"][name] for t in trials]
        data[name] = ("trial", np.array([str(v) for v in column] if any(isinstance(v, str) or v is None for v in column) else column))
    return xr.Dataset(data, {"trial": np.arange(len(trials))})


def _suggest(trials: Sequence[Mapping[str, Any]], space: Space, seed: int, n_random: int) -> dict[str, Any]:
    optuna = _optuna()
    sampler = optuna.samplers.TPESampler(seed=subseed(seed, "search", len(trials)) % 2**32, n_startup_trials=n_random, multivariate=False)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = {name: _distribution(optuna, dimension) for name, dimension in space.items()}
    for trial in trials:
        failed = trial["value"] is None
        study.add_trial(
            optuna.trial.create_trial(
                params=trial["parameters"],
                distributions=distributions,
                value=None if failed else trial["value"],
                state=optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE,
            )
        )
    return dict(study.ask(distributions).params)


def _distribution(optuna: Any, dimension: Choice | Real | Whole) -> optuna.distributions.BaseDistribution:
    if isinstance(dimension, Choice):
        return optuna.distributions.CategoricalDistribution(dimension.values)
    if isinstance(dimension, Whole):
        return optuna.distributions.IntDistribution(dimension.low, dimension.high)
    return optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _read(path: Path, space: Space, seed: int) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    trials = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            trials.append({"parameters": row["parameters"], "value": row["value"]})
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise DataError("search", f"line {number} of {path} cannot be read", expected="one JSON object a trial", fix="remove that line") from error
        if set(row["parameters"]) != set(space) or row["seed"] != seed:
            raise ConfigError(
                "search", f"{path} was made over {sorted(row['parameters'])} from seed {row['seed']}", expected="the same space and seed", fix="another folder"
            )
    return trials


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ConfigError("search", "optuna is not installed", expected="the extra `search`", fix='pip install "neurodyn[search]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
