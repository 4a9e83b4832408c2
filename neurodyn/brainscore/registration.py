"""Names for one's own models and benchmarks in Brain-Score's registries, and scoring without its side effects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from neurodyn.brainscore.installed import require
from neurodyn.errors import ConfigError, DataError, unknown_name

__all__ = ["register", "score"]

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
    model : BrainModel
    benchmark : str or Benchmark
        A public identifier (its data must be reachable) or a benchmark object.
    fast : bool
        Run on neurodyn's engine where the metric is known.
    verify : bool
        Run both engines and report the difference.

    Returns
    -------
    Score
        ``attrs["convention"]`` says how it was normalised, ``attrs["versions"]`` by what.

    Raises
    ------
    DataError
        If the benchmark's data can be had neither from the network nor from local files.

    Notes
    -----
    Calls the benchmark itself: Brain-Score's ``score()`` leaves a pickle in site-packages and estimates memory from a rule that refuses runs that fit.
    """
    from importlib.metadata import version

    from neurodyn.brainscore.acceleration import accelerate

    library = require()
    if isinstance(benchmark, str):
        benchmark = _load(library, benchmark)
    if fast and hasattr(benchmark, "_similarity_metric") and not hasattr(benchmark, "accelerated"):
        accelerate(benchmark, verify=verify)
    result = benchmark(model)
    result.attrs["convention"] = "r^2/c"
    result.attrs["versions"] = f"brainscore_vision {version('brainscore_vision')}"
    return result


def _load(library: Any, identifier: str) -> Any:
    try:
        return library.load_benchmark(identifier)
    except AssertionError as error:
        raise unknown_name("brainscore.score", "benchmark", identifier, sorted(library.benchmark_registry)) from error
    except Exception as error:
        raise DataError(
            "brainscore.score",
            f"the data of `{identifier}` cannot be had ({str(error)[:160]})",
            expected="credentials or network for brainscore-storage, or below BRAINIO_HOME, each in a folder named after its sha1: "
            "assy_<id>.nc, stimulus_<id>.csv and stimulus_<id>.zip",
            fix="neurodyn.brainscore.local_benchmark(recordings, stimuli) with files read by neurodyn.datasets.assembly",
        ) from error


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
