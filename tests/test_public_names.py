"""The names and leading arguments that users, notebooks and other programs call."""

import importlib
import inspect

import pytest

import neurodyn as nd

SIGNATURES = {
    "neurodyn:list_models": [],
    "neurodyn:load_model": ["name"],
    "neurodyn:simulate": ["model", "stimuli", "schedule", "record", "*batch_size", "*device", "*seed"],
    "neurodyn:build": ["architecture", "seed"],
    "neurodyn:as_dynamical": ["module"],
    "neurodyn:check_model": ["model"],
    "neurodyn.numerics.arnoldi:leading_eigenpairs": ["operator", "n_modes", "*which", "*tol", "*seed"],
    "neurodyn.numerics.newton_krylov:fixed_points": ["step_map", "starts", "*tol", "*seed"],
    "neurodyn.numerics.lyapunov:spectrum": ["step_map", "start", "n_exponents", "n_steps", "*dt", "*seed"],
    "neurodyn.numerics.pls:pls_cv": ["X", "Y", "splits", "*n_components", "*solver"],
    "neurodyn.numerics.ridge:ridge_cv": ["X", "Y", "splits", "*alphas"],
    "neurodyn.numerics.reliability:split_half_ceiling": ["responses", "*n_splits", "*seed"],
    "neurodyn.analysis:eigenspectrum": ["model", "state", "drive", "*n_modes", "*operator", "*layer", "*tol", "*seed"],
    "neurodyn.analysis:fixed_points": ["model"],
    "neurodyn.analysis:trajectories": ["responses"],
    "neurodyn.analysis:lyapunov_exponents": ["model"],
    "neurodyn.analysis:grating_tuning": ["model", "layer", "*spatial_frequency_cpp", "*temporal_frequency_hz", "*orientation_deg"],
    "neurodyn.analysis:receptive_field": ["model", "layer"],
    "neurodyn.analysis:optimal_stimulus": ["model", "layer"],
    "neurodyn.analysis:predictivity": ["responses", "recordings", "*regression", "*folds", "*seed"],
    "neurodyn.analysis:predictivity_map": ["responses", "recordings"],
    "neurodyn.analysis:ceiling": ["recordings"],
    "neurodyn.analysis:representational_geometry": ["responses"],
    "neurodyn.analysis:decoding": [],
    "neurodyn.analysis:robustness": ["model", "stimuli", "labels"],
    "neurodyn.analysis:object_solution_time": [],
    "neurodyn.testing:synthetic_recording": [],
    "neurodyn.brainscore:as_brain_model": ["model"],
    "neurodyn.brainscore:from_assembly": [],
    "neurodyn.brainscore:to_assembly": [],
    "neurodyn.brainscore:accelerate": ["benchmark"],
}
DATASETS = ("digits", "mnist", "fashion_mnist", "cifar10", "cifar100", "imagenet_folder", "image_folder", "cowley2023", "zhang2011", "assembly")


@pytest.mark.parametrize("path", SIGNATURES)
def test_signature(path):
    module, name = path.split(":")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    positional = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    expected = SIGNATURES[path]
    leading = [e for e in expected if not e.startswith("*")]
    assert positional[: len(leading)] == leading
    assert {e[1:] for e in expected if e.startswith("*")} <= set(parameters)


@pytest.mark.parametrize("name", DATASETS)
def test_every_reader_loads(name):
    assert callable(importlib.import_module(f"neurodyn.datasets.{name}").load)


def test_every_public_name_is_there():
    for name in nd.__all__:
        assert getattr(nd, name) is not None
    with pytest.raises(AttributeError, match="did you mean `simulate`"):
        _ = nd.simulat


def test_the_recipes_of_readme_run():
    import re
    from pathlib import Path

    text = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(recipes) == 2
    for recipe in recipes:
        exec(compile(recipe, "README.md", "exec"), {})
