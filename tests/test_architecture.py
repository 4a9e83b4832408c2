"""The house: who may import whom, and what may not appear anywhere."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "neurodyn"

BASE = {"errors", "seeding", "places"}
LAYERS = {
    "errors": set(),
    "seeding": set(),
    "places": set(),
    "numerics": BASE,
    "schema": BASE,
    "registry": BASE,
    "artefacts": {"schema", "errors"},
    "dynamics": {"artefacts", "numerics", "schema", "errors", "seeding"},
    "cells": {"dynamics", "numerics", "errors", "seeding"},
    "stimuli": {"numerics", "schema", "errors", "seeding", "places"},
    "datasets": {"numerics", "schema", "errors", "seeding", "places"},
    "architectures": {"cells", "dynamics", "numerics", "errors", "seeding"},
    "analysis": {"dynamics", "stimuli", "numerics", "schema", "errors", "seeding"},
    "testing": {"dynamics", "stimuli", "numerics", "schema", "errors", "seeding"},
    "training": {"dynamics", "stimuli", "datasets", "numerics", "artefacts", "errors", "seeding"},
    "plot": {"schema", "errors"},
}
# These stand above everything and reach it by name.
FREE = {"experiment", "brainscore", "cli", "__init__", "__main__"}
RECIPES_ALSO = {"architectures", "schema", "places"}
FIGURE_IMPORTS = {"neurodyn", "xarray", "numpy", "matplotlib", "__future__"}


def imports_of(path):
    """Every module imported anywhere in a file, inside functions and TYPE_CHECKING blocks too, as (name, line)."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} uses a relative import"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


def layer_of(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def files(*folders):
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def violations(path, layer, recipe=False):
    if layer in FREE:
        return []
    allowed = LAYERS[layer] | {layer} | (RECIPES_ALSO if recipe else set())
    bad = []
    for name, line in imports_of(path):
        parts = name.split(".")
        if parts[0] != "neurodyn":
            if layer == "plot" and parts[0] == "torch":
                bad.append(f"{path}:{line} reaches torch")
            if parts[0].startswith("brainscore"):
                bad.append(f"{path}:{line} imports {parts[0]}")
            continue
        target = parts[1] if len(parts) > 1 else "__init__"
        if target not in allowed and target in LAYERS.keys() | FREE:
            bad.append(f"{path}:{line} imports neurodyn.{target}; {layer} may import {sorted(allowed)}")
    return bad


def test_layers():
    bad = [v for path in files("neurodyn") for v in violations(path, layer_of(path), recipe="recipes" in path.parts)]
    assert not bad, "\n".join(bad)


def test_every_part_of_the_package_has_a_layer():
    assert {layer_of(p) for p in files("neurodyn")} <= LAYERS.keys() | FREE


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("analysis", "def f():\n    from neurodyn.architectures import cordsnet"),
        ("analysis", "from neurodyn import architectures"),
        ("plot", "def f():\n    import torch"),
        ("plot", "import neurodyn.analysis.eigenspectrum"),
        ("numerics", "from neurodyn.schema import check_stimuli"),
        ("dynamics", "import brainscore_vision"),
    ],
)
def test_a_planted_import_is_seen(tmp_path, layer, source):
    file = tmp_path / "planted.py"
    file.write_text(source, encoding="utf-8")
    assert len(violations(file, layer)) == 1


def test_figures_read_results_and_nothing_else():
    bad = []
    for path in files("figures"):
        for name, line in imports_of(path):
            parts = name.split(".")
            if parts[0] not in FIGURE_IMPORTS or (parts[0] == "neurodyn" and parts[1:2] != ["plot"]):
                bad.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not bad, "\n".join(bad)


def test_only_places_reads_the_outer_folders():
    pattern = re.compile(r"environ.*NEURODYN_(HOME|DATA|RESULTS)|getenv.*NEURODYN_(HOME|DATA|RESULTS)|sys\.prefix|__file__\)\.resolve\(\)\.parent\.parent")
    bad = [
        f"{p.relative_to(ROOT)}:{n}"
        for p in files("neurodyn")
        if p.name not in ("places.py", "cli.py")
        for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not bad, bad


def test_outer_folders_are_not_packages():
    bad = [p for folder in ("models", "data", "analyses", "figures", "tests", "benchmarks") for p in (ROOT / folder).rglob("__init__.py")]
    assert not bad, bad


FORBIDDEN = {
    r"\bpickle\.(load|loads|dump|dumps)\b|^\s*import pickle": "pickle",
    r"torch\.load\((?!.*weights_only=True)": "torch.load without weights_only=True",
    r"allow_pickle=True": "allow_pickle",
    r"yaml\.(load|unsafe_load|full_load)\(": "yaml without safe_load",
    r"\bNotImplementedError\b": "a stub",
    r"\b(TODO|FIXME|XXX)\b": "an open end",
    r"np\.random\.(seed|rand|randn|normal|uniform|choice|shuffle|permutation)\(": "the global numpy generator",
    r"torch\.manual_seed\(": "the global torch generator",
    r"[\"' (]/(home|work|root)/": "a path of one machine",
}


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=list(FORBIDDEN.values()))
def test_forbidden_words(pattern):
    regex = re.compile(pattern)
    bad = [
        f"{p.relative_to(ROOT)}:{n}: {line.strip()[:80]}"
        for p in files("neurodyn", "figures", "analyses", "benchmarks")
        for n, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if regex.search(line)
    ]
    assert not bad, "\n".join(bad)


def test_the_library_does_not_print():
    bad = []
    for path in files("neurodyn"):
        if path.name in ("cli.py", "__main__.py"):
            continue
        calls = (n for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Call))
        bad += [f"{path.relative_to(ROOT)}:{n.lineno}" for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
    assert not bad, bad


def test_every_analysis_is_exported_by_name():
    exported = {name.split(".")[-1] for name, _ in imports_of(PACKAGE / "analysis" / "__init__.py")}
    present = {p.stem for p in (PACKAGE / "analysis").glob("*.py") if not p.stem.startswith("_")}
    assert present <= exported, f"not exported by neurodyn.analysis: {sorted(present - exported)}"


def test_importing_the_package_is_light():
    code = "import sys, neurodyn; print(sorted({'torch', 'matplotlib', 'xarray'} & sys.modules.keys()))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert out.stdout.strip() == "[]"
