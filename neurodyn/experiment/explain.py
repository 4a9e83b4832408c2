"""Say what a name stands for, and why a result is or is not up to date."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

from neurodyn import places, registry
from neurodyn.artefacts.store import load, provenance
from neurodyn.datasets._manifest import read_manifest, verify
from neurodyn.errors import unknown_name
from neurodyn.experiment.run import status
from neurodyn.experiment.spec import read_experiment

__all__ = ["explain"]


def explain(name: str, *, results: str | Path | None = None) -> Iterator[str]:
    """Lines that say what a model, experiment, figure, analysis, data set or result file is.

    Parameters
    ----------
    name : str
    results : path, optional
        Where results are looked for.

    Raises
    ------
    ConfigError
        If nothing has this name; the nearest is offered.
    """
    folder = Path(results) if results is not None else places.results_dir()
    if name.endswith(".nc"):
        yield from _explain_file(Path(name))
        return
    if name.endswith((".yaml", ".yml")) and Path(name).is_file():
        yield from _explain_experiment(name, folder)
        return
    makers = {"models": _explain_model, "analysis": _explain_analysis, "figures": _explain_figure, "data": _explain_data, "datasets": _explain_reader}
    every = ("models", "analyses", "figures", "analysis", "data", "datasets")
    kinds = [kind for kind in every if name in registry.names(kind)]
    if not kinds:
        raise unknown_name("explain", "name", name, [k for kind in every for k in registry.names(kind)])
    if "data" in kinds and "datasets" in kinds:
        kinds.remove("datasets")  # the manifest names its reader
    for kind in kinds:
        yield from _explain_experiment(name, folder) if kind == "analyses" else makers[kind](name)


def _explain_model(name: str) -> Iterator[str]:
    from neurodyn.experiment.resolve import card_of, weights_path

    card, path = card_of(name), weights_path(name)
    yield f"model {name}: {card.architecture} {json.dumps(card.config)}"
    yield f"  trained by {card.recipe.name} {json.dumps(card.recipe.parameters)} on {card.data}, seed {card.seed}"
    if card.weights is None:
        yield "  weights: none shipped"
    else:
        size = f"{path.stat().st_size / 2**20:.2f} MiB" if path is not None and path.is_file() else "MISSING"
        yield f"  weights: {card.weights.file} ({size}, {card.weights.dtype}), sha256 {card.weights.sha256[:12]}"
    for metric, value in card.metrics.items():
        yield f"  {metric}: {json.dumps(value)}"
    if card.probes:
        yield f"  measurements that fit it: {', '.join(card.probes)}"
    yield f"  retrain: {card.command} ({card.hardware})"
    yield f"  licence: {card.licence}; cite {card.citation}"
    if card.notes:
        yield f"  {card.notes}"


def _explain_analysis(name: str) -> Iterator[str]:
    function = registry.load_object("analysis", name)
    yield f"analysis {name}{inspect.signature(function)}"  # type: ignore[arg-type]
    yield from ("  " + line for line in (inspect.getdoc(function) or "").splitlines())


def _explain_figure(name: str) -> Iterator[str]:
    from neurodyn.experiment.figures import figure_script

    _, script = figure_script(name)
    yield f"figure {name}: {(script.__doc__ or '').strip().splitlines()[0] if script.__doc__ else ''}"
    for argument, key in script.INPUTS.items():
        yield f"  {argument} <- {key}"
    yield f"  draw: neurodyn figure {name}"


def _explain_data(name: str) -> Iterator[str]:
    manifest = read_manifest(name)
    yield f"data set {name}: {manifest['what']}"
    if manifest["files"]:
        folder = str(manifest.get("folder", name))
        found = places.find_data(folder)
        yield f"  files: {found if found is not None else f'not here; expected in {folder} under NEURODYN_DATA'}"
        yield from (f"    {file}: {state}" for file, state in verify(name).items())
    else:
        yield f"  files: embedded in {manifest.get('embedded', 'the project')}"
    for key in ("source", "licence", "citation", "dims", "coords", "splits", "ceiling", "note"):
        if manifest.get(key):
            yield f"  {key}: {manifest[key] if isinstance(manifest[key], str) else json.dumps(manifest[key])}"
    yield from _explain_reader(manifest["reader"])


def _explain_reader(name: str) -> Iterator[str]:
    module = registry.load_module("datasets", name)
    yield f"reader neurodyn.datasets.{name}: {(module.__doc__ or '').strip().splitlines()[0]}"
    load = getattr(module, "load", None)
    if load is not None:
        yield f"  load{inspect.signature(load)}"
        yield from ("  " + line for line in (inspect.getdoc(load) or "").splitlines())


def _explain_experiment(name: str, results: Path) -> Iterator[str]:
    experiment = read_experiment(name)
    spec = experiment.spec
    yield f"experiment {experiment.key}: {spec.title or spec.analysis}"
    yield f"  analysis {spec.analysis}, {len(experiment.cells)} cell{'s' * (len(experiment.cells) > 1)}, file {experiment.path}"
    if spec.notes:
        yield f"  {spec.notes}"
    for cell in status(experiment, results, {}):
        yield f"  [{cell.label}] {'hit' if cell.done else 'miss'}: {cell.path} (key {cell.key[:12]})"
        yield from (f"    {reason}" for reason in cell.reasons)


def _explain_file(path: Path) -> Iterator[str]:
    dataset, found = load(path), provenance(path)
    yield f"result {path}, key {found['key'][:12]}, whole"
    yield f"  of {found['notes'].get('experiment', 'no experiment')} {json.dumps(found['notes'].get('cell', {}))}"
    yield f"  analysis {found['parts']['analysis']} {json.dumps(found['parts']['parameters'])}, seed {found['parts']['seed']}"
    yield f"  made with {', '.join(f'{k} {v}' for k, v in found['notes'].get('versions', {}).items())}"
    for name, variable in dataset.data_vars.items():
        yield f"  {name} ({', '.join(map(str, variable.dims))}) {variable.shape} {variable.dtype} {variable.attrs.get('units', '')}".rstrip()
