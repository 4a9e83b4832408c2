"""Names for one's own models and benchmarks in Brain-Score's registries, and scoring without its side effects."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.brainscore.installed import require
from neurodyn.errors import ConfigError, NeurodynError, unknown_name

__all__ = ["public_benchmarks", "register", "score"]

_STALE = ("brainscore_vision.benchmarks", "brainscore_vision.benchmark_helpers.screen")  # caches that do not know what they hold

_KINDS = {"benchmark": "benchmark_registry", "data": "data_registry", "metric": "metric_registry", "model": "model_registry"}


def register(kind: str, identifier: str, factory: Callable[..., Any]) -> None:
    """Make ``brainscore_vision.load_model(identifier)`` and its siblings find an object that is not one of its plugins.

    Parameters
    ----------
    kind : {"model", "benchmark", "metric", "data"}
    identifier : str
    factory : callable
        Returns the object.

    Raises
    ------
    ConfigError
        For an unknown kind, or an identifier that Brain-Score already uses.

    Notes
    -----
    Brain-Score finds plugins by searching its own folder for their names.  Its lookup is wrapped so that names already in the registry are not
    searched for; everything else works as before.
    """
    if kind not in _KINDS:
        raise unknown_name("register", "kind", kind, _KINDS)
    library = require()
    registry = getattr(library, _KINDS[kind])
    if identifier in registry and not getattr(registry[identifier], "_neurodyn", False):
        raise ConfigError("register", f"`{identifier}` is Brain-Score's own {kind}", expected="a name of your own", fix=f"my-{identifier}")

    def make(*args: Any, **kwargs: Any) -> Any:
        return factory(*args, **kwargs)

    make._neurodyn = True  # type: ignore[attr-defined]
    registry[identifier] = make
    _wrap_lookup(library)


def score(model: Any, benchmark: Any, *, fast: bool = True, verify: bool = False) -> Any:
    """Score a brain model on a benchmark.

    Parameters
    ----------
    model : BrainModel, or str
        Or the name of one that is registered.
    benchmark : str or Benchmark
        A public identifier, or a benchmark object.  Files of the public ones are looked for in ``brain-score`` below ``NEURODYN_DATA``, in Brain-Score's
        own folder, and on its server.
    fast : bool
        Run on neurodyn's engine where the metric is known, else on Brain-Score's own.
    verify : bool
        Run both engines and report the difference; the score is ours.

    Returns
    -------
    Score
        ``attrs["raw"]`` and ``attrs["ceiling"]`` as Brain-Score makes them; ``attrs["convention"]`` says how they became the score,
        ``attrs["error_normalised"]`` the standard error carried over to it, ``attrs["versions"]`` by what, and with `verify`
        ``attrs["largest_difference"]`` how far the engines are apart.  Scores over time keep their time bins.

    Raises
    ------
    DataError
        If the benchmark's data can be had neither from the network nor from local files; it says which file goes where.

    Notes
    -----
    A benchmark object may be scored again, with `fast` and `verify` as they are given each time; it is left on the engine that it ran on before.
    Calls the benchmark itself: Brain-Score's ``score()`` leaves a pickle in site-packages and estimates memory from a rule that refuses runs that fit.
    Its caches of ceilings (keyed on the identifier alone) and of images put on the screen (which outlive their files) are not asked.
    """
    from neurodyn.brainscore.acceleration import on_engine

    library = require()
    with _without_stale_caches():
        if isinstance(model, str):
            model = library.load_model(model)
        if isinstance(benchmark, str):
            benchmark = _load(library, benchmark)
        with on_engine(benchmark, fast=fast, verify=verify) as differences, redirect_stdout(io.StringIO()):  # some benchmarks print as they go
            result = benchmark(model)
    if differences:
        result.attrs["largest_difference"] = max(differences)
    return _described(_with_time(result), benchmark)


def _described(result: Any, benchmark: Any) -> Any:
    from importlib.metadata import version

    raw, ceiling = (result.attrs.get(k) for k in ("raw", "ceiling"))
    convention, slope = "the benchmark's own", None
    if raw is not None and ceiling is not None:
        r, c, found = (np.asarray(getattr(v, "values", v), dtype=float) for v in (raw, ceiling, result))
        with np.errstate(divide="ignore", invalid="ignore"):
            for name, value, rate in (("r^2/c", r**2 / c, 2 * np.abs(r) / c), ("r/c", r / c, 1 / c)):
                telling = np.isfinite(found) & (found != 0)
                if np.shape(value) == found.shape and telling.any() and np.allclose(value, found, atol=1e-9, equal_nan=True):
                    convention, slope = name, rate
                    break
    if slope is None and _parts_are_ceiled(result, benchmark):
        convention = "mean of r^2/c over its parts"
    result.attrs["convention"] = convention
    error = getattr(raw, "attrs", {}).get("error")
    if slope is not None and error is not None:
        result.attrs["error_normalised"] = np.asarray(getattr(error, "values", error), dtype=float) * slope
    result.attrs["versions"] = f"brainscore_vision {version('brainscore_vision')}, numpy {np.__version__}"
    return result


def _parts_are_ceiled(result: Any, benchmark: Any) -> bool:
    """Whether a score is the mean of scores that are r^2/c each, of sessions (Cowley2026) or of subjects (Papale2025)."""
    sessions = getattr(benchmark, "_sessions", None)
    if sessions and "session_scores" in result.attrs:
        common = require("brainscore_vision.benchmark_helpers.neural_common")
        return all(isinstance(part, common.NeuralBenchmark) for part in sessions)
    parts = [v for v in result.attrs.values() if {"raw", "ceiling"} <= set(getattr(v, "attrs", ()))]
    same = [np.allclose(np.asarray(p.attrs["raw"].values) ** 2 / np.asarray(p.attrs["ceiling"].values), p.values) for p in parts]
    return bool(parts) and all(same) and bool(np.isclose(np.mean([float(p) for p in parts]), float(result)))


def _with_time(result: Any) -> Any:
    """The ceiled score with the time bins of the raw one, which Brain-Score drops."""
    raw = result.attrs.get("raw")
    if raw is None or "time_bin" not in getattr(raw, "dims", ()) or "time_bin" in result.dims or result.shape != raw.shape:
        return result
    from neurodyn.brainscore.assemblies import flat_coords

    coords = {k: v for k, v in flat_coords(raw).items() if v[0] == ("time_bin",)}
    return type(result)(np.asarray(result.values), coords=coords, dims=raw.dims, attrs=result.attrs)


@contextmanager
def _without_stale_caches() -> Iterator[None]:
    before = os.environ.get("RESULTCACHING_DISABLE")
    kept = [] if before in (None, "", "0") else [str(before)]
    os.environ["RESULTCACHING_DISABLE"] = ",".join([*kept, *_STALE])
    try:
        yield
    finally:
        if before is None:
            del os.environ["RESULTCACHING_DISABLE"]
        else:
            os.environ["RESULTCACHING_DISABLE"] = before


def _load(library: Any, identifier: str) -> Any:
    from neurodyn.brainscore.files import refusal, use_local_files

    use_local_files()
    if identifier not in library.benchmark_registry and identifier not in public_benchmarks():
        raise unknown_name("brainscore.score", "benchmark", identifier, sorted({*library.benchmark_registry, *public_benchmarks()}))
    try:
        return library.load_benchmark(identifier)
    except NeurodynError:
        raise
    except Exception as error:
        raise refusal(identifier, error) from error


def public_benchmarks() -> list[str]:
    """Identifiers of the benchmarks that the installed Brain-Score knows, read from its sources without importing them."""
    folder = Path(str(require().__file__)).parent / "benchmarks"
    found = set()
    for file in sorted(folder.glob("*/__init__.py")):
        found.update(re.findall(r"benchmark_registry\[['\"]([^'\"]+)['\"]\]", file.read_text(encoding="utf-8")))
    return sorted(found)


def _wrap_lookup(library: Any) -> None:
    if getattr(library.import_plugin, "_neurodyn", False):
        return
    original = library.import_plugin

    def import_plugin(library_root: str, plugin_type: str, identifier: str, registry_prefix: str | None = None) -> None:
        registry = getattr(library, f"{registry_prefix or plugin_type.strip('s')}_registry", {})
        if getattr(registry.get(identifier), "_neurodyn", False):
            return
        original(library_root, plugin_type, identifier, registry_prefix)

    import_plugin._neurodyn = True  # type: ignore[attr-defined]
    library.import_plugin = import_plugin
