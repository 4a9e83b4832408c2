# %% [markdown]
# # A population of networks for the feedback x dropout question
#
# Ten networks (seeds 0 to 9) of every cell are trained on CIFAR-10 and measured; the table of all measurements is `data/feedback_population.nc`.
#
# ```
# export NEURODYN_DATA=/path/to/data
# python analyses/notebooks/feedback_population.py train   --seeds 0 1 2 3 4 5 6 7 8 9
# python analyses/notebooks/feedback_population.py measure --seeds 0 1 2 3 4 5 6 7 8 9
# python analyses/notebooks/feedback_population.py collect --out data/feedback_population.nc
# neurodyn sweep feedback/claims feedback/claims_matched
# python analyses/notebooks/feedback_population.py report          # writes analyses/feedback/claims.md
# ```
#
# Both stages skip what is already in the folder (`--folder`, by default `results/feedback_population`), so they can be stopped and split over processes.

# %%
import argparse
import dataclasses
import functools
import time
from functools import cache
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from neurodyn import analysis as an
from neurodyn.analysis.robustness import attack_images
from neurodyn.architectures.feedback import Config, build
from neurodyn.datasets import cifar10
from neurodyn.datasets.feedback_population import load as load_table
from neurodyn.dynamics.record import Record
from neurodyn.dynamics.schedule import Schedule
from neurodyn.dynamics.simulate import simulate, state_at
from neurodyn.experiment.run import open_result
from neurodyn.experiment.spec import read_experiment
from neurodyn.numerics import dimensionality as dims
from neurodyn.numerics.resampling import paired_difference
from neurodyn.stimuli.perturbations import perturbations
from neurodyn.training.checkpoints import load_weights, save_weights
from neurodyn.training.recipes import feedback as recipe

CELLS = {
    "top-plain": {"feedback": "top", "dropout": 0.0},
    "top-dropout": {"feedback": "top", "dropout": 0.25},
    "self-plain": {"feedback": "self", "dropout": 0.0},
    "self-dropout": {"feedback": "self", "dropout": 0.25},
    # controls: path length matched without feedback; one mask a trial
    "deep-dropout": {"feedback": "self", "dropout": 0.25, "refinements": 3},
    "top-trialmask": {"feedback": "top", "dropout": 0.25, "mask": "trial"},
    "self-trialmask": {"feedback": "self", "dropout": 0.25, "mask": "trial"},
}
DESIGN = tuple(CELLS)[:4]
CONTROLS = {"deep-dropout": {"feedback": "self, three times"}, "top-trialmask": {"dropout": "on, a mask a trial"}, "self-trialmask": {"dropout": "on, a mask a trial"}}


# %%
def network(cell, seed):
    return build(Config(**CELLS[cell]), seed=seed)


def train(folder, cells, seeds):
    for seed in seeds:
        for cell in cells:
            weights = folder / "weights" / f"{cell}-{seed}.safetensors"
            if weights.is_file():
                continue
            model = network(cell, seed)
            metrics = recipe.train(model, seed=seed, folder=folder / "runs" / f"{cell}-{seed}", progress=False)
            weights.parent.mkdir(parents=True, exist_ok=True)
            save_weights(model, weights)
            print(cell, seed, metrics["accuracy"], metrics["accuracy_step_1"], metrics["train_accuracy"], flush=True)


def trained(folder, cell, seed):
    model = network(cell, seed)
    load_weights(model, folder / "weights" / f"{cell}-{seed}.safetensors")
    return model.eval()


# %%
N_BEHAVIOUR, N_ATTACK, PER_CLASS = 400, 80, 25
LEVELS = {  # reduced once, for time, after a trial on two networks; the same for every network in the table
    "gaussian": (0.04, 0.08, 0.16, 0.3),
    "uniform": (0.2, 0.4),
    "salt_and_pepper": (0.05, 0.1, 0.2),
    "blur": (1.0, 2.0),
    "contrast": (0.3, 0.15),
    "occlusion": (4, 8),
    "phase_noise": (45, 90),
}
DYNAMIC = {"gaussian": (0.08, 0.16, 0.3)}
CONDITIONS = (("clean", 0.0), ("gaussian", 0.08), ("gaussian", 0.16), ("blur", 1.0), ("contrast", 0.3))
LINF, L2, PROBE = (1 / 255, 2 / 255, 4 / 255, 8 / 255), (0.25, 0.5), 4 / 255
N_UNITS, COMPONENTS, N_STEPS, N_PGD = 400, (1, 2, 4, 8, 16, 32, 64), 5, 10


@cache
def behaviour_set():
    stimuli, labels = cifar10.load(None, "test", image_size=16, n=N_BEHAVIOUR)
    return stimuli, labels


@cache
def geometry_set():
    """25 images of every class, sorted by class; the first are those of the behaviour set."""
    stimuli, labels = cifar10.load(None, "test", image_size=16, n=1000)
    rows = np.concatenate([np.nonzero(labels == c)[0][:PER_CLASS] for c in range(10)])
    return stimuli.isel(presentation=rows), labels[rows]


@cache
def perturbed(which, kind, level, n_frames=None):
    stimuli = behaviour_set()[0] if which == "behaviour" else geometry_set()[0]
    return stimuli if kind == "clean" else perturbations(stimuli, kind, level, seed=0, n_frames=n_frames)


def readout(model, stimuli, n_steps=N_STEPS):
    return simulate(model, stimuli, Schedule.steps(stimulus=n_steps), Record(layers=("readout",)), batch_size=200, progress=False)


def activity(model, stimuli, layers, steps="all"):
    return simulate(model, stimuli, None, Record(layers=layers, steps=steps), batch_size=200, progress=False)


def correct(logits, labels):
    return float((logits.values[:, :, -1].argmax(1) == labels).mean())


# %% [markdown]
# ## Behaviour: speed and accuracy, noise, attacks

# %%
def behaviour(model):
    labels, found = behaviour_set()[1], {}
    for name, condition in (("clean", ("clean", 0.0)), ("noisy", ("gaussian", 0.08))):
        logits = readout(model, perturbed("behaviour", *condition), 2 * N_STEPS)
        trained = an.speed_accuracy(logits.isel(time_bin=slice(0, N_STEPS)), labels)
        found[f"accuracy_{name}"] = float(trained.accuracy[-1])
        found[f"accuracy_by_step_{name}"] = ("step", [float((logits.values[:, :, t].argmax(1) == labels).mean()) for t in range(2 * N_STEPS)])
        found[f"speed_area_{name}"], found[f"frontier_{name}"] = float(trained.area), float(trained.frontier_area)
        found[f"steps_to_95_{name}"], found[f"calibration_error_{name}"] = float(trained.steps_to_share), float(trained.calibration_error[-1])
        found[f"stop_time_{name}"], found[f"stop_accuracy_{name}"] = (("threshold", trained[v].values) for v in ("stop_time", "stop_accuracy"))
        found[f"accuracy_first_{name}"] = float(trained.accuracy[0])
    static = [(k, v) for k, levels in LEVELS.items() for v in levels]
    found["noise_accuracy"] = ("noise", [correct(readout(model, perturbed("behaviour", k, v)), labels) for k, v in static])
    moving = [(k, v) for k, levels in DYNAMIC.items() for v in levels]
    found["dynamic_accuracy"] = ("dynamic", [correct(readout(model, perturbed("behaviour", k, v, N_STEPS)), labels) for k, v in moving])
    for kind in LEVELS:
        found[f"robust_{kind}"] = float(np.mean([a for a, (k, _) in zip(found["noise_accuracy"][1], static) if k == kind]))
    found["robust_noise"] = float(np.mean([found[f"robust_{k}"] for k in ("gaussian", "uniform", "salt_and_pepper")]))
    found["robust_all"] = float(np.mean([found[f"robust_{k}"] for k in LEVELS]))
    found["robust_dynamic"] = float(np.mean(found["dynamic_accuracy"][1]))
    found["relative_noise"] = found["robust_noise"] / found["accuracy_clean"]
    return found


def attacked(model):
    stimuli, labels = (v[:N_ATTACK] for v in behaviour_set())
    options = {"n_steps": N_PGD, "seed": 0, "batch_size": N_ATTACK}
    sup = an.robustness(model, stimuli, labels, budgets=LINF, **options)
    ball = an.robustness(model, stimuli, labels, budgets=L2, norm="l2", **options)
    step = an.robustness(model, stimuli, labels, budgets=LINF, attack="fgsm", **options)
    at_probe = {**options, "budgets": [PROBE]}
    margin = an.robustness(model, stimuli, labels, loss="margin", **at_probe)
    masks = an.robustness(model, stimuli, labels, n_masks=2, **at_probe) if model.config.dropout else None
    few = slice(0, 40)
    search = an.robustness(model, stimuli[few], labels[few], attack="random_search", **{**at_probe, "n_steps": 150})
    probe = float(sup.accuracy[3])
    clean = float(sup.accuracy[0])
    return {
        "pgd_linf": ("budget_linf", sup.accuracy.values),
        "pgd_l2": ("budget_l2", ball.accuracy.values),
        "fgsm_linf": ("budget_linf", step.accuracy.values),
        "pgd_area": float(sup.accuracy.values[1:].mean()),
        "pgd_relative": float(sup.accuracy.values[1:].mean() / clean),
        "pgd_l2_area": float(ball.accuracy.values[1:].mean()),
        "fgsm_area": float(step.accuracy.values[1:].mean()),
        "attack_monotone": float(sup.monotone.all() and ball.monotone.all()),
        "attack_at_probe": ("check", [probe, float(margin.accuracy[1]), np.nan if masks is None else float(masks.accuracy[1])]),
        "search_accuracy": float(search.accuracy[1]),
        "pgd_on_search_images": float(sup.correct.values[3, few].mean()),
        "minimal_budget": float(np.nanmean(np.where(np.isnan(sup.minimal_budget), 16 / 255, sup.minimal_budget))),
    }


@cache
def foreign(folder, cell, seed):
    """Images made on another network, the stated cell with another seed."""
    stimuli, labels = (v[:N_ATTACK] for v in behaviour_set())
    return attack_images(trained(folder, cell, seed), stimuli, labels, budget=8 / 255, n_steps=N_PGD, seed=0, batch_size=N_ATTACK)


def seeds_of(folder):
    """Seeds of which all four cells are trained."""
    return [k for k in range(N_SEEDS) if all((folder / "weights" / f"{cell}-{k}.safetensors").is_file() for cell in DESIGN)]


def transferred(model, folder, seed, seeds):
    other = next((k for k in seeds if k > seed), seeds[0])
    labels = behaviour_set()[1][:N_ATTACK]
    values = [correct(readout(model, foreign(folder, cell, other)), labels) for cell in DESIGN]
    return {"transfer_accuracy": ("source", values), "transfer_from_control": values[DESIGN.index("self-plain")]}


# %% [markdown]
# ## The post-integration layer: streams, dimensions, information

# %%
def geometry(model):
    stimuli, labels = geometry_set()
    whole = activity(model, stimuli, ("area1.u", "area1.d", "area1.z", "area1"))
    part = {name: whole.isel(neuroid=np.nonzero(whole.layer.values == name)[0]) for name in ("area1.u", "area1.d", "area1.z", "area1")}
    a = part["area1"]
    found = {}
    for target in ("area1", "area1.z"):
        shares = an.stream_partition(part[target], part["area1.u"], part["area1.d"], labels, n_shuffles=2, seed=0)
        tag = "post" if target == "area1" else "sum"
        for name in ("total", "unique_bottom_up", "unique_top_down", "common", "unique_category", "unique_top_down_chance"):
            found[f"{tag}_{name}"] = ("trial_step", shares[name].values)
        found[f"{tag}_unique_top_down_last"] = float(shares.unique_top_down[-1] - shares.unique_top_down_chance[-1])
    size = an.dimensionality(a, labels, n_units=N_UNITS, seed=0)
    for name in ("participation_ratio", "participation_ratio_correlation", "participation_ratio_shuffled", "n_components_90", "exponent", "intrinsic_dimension"):
        found[f"{name}_by_step"] = ("trial_step", size[name].values)
        found[name] = float(size[name][-1])
    found["participation_ratio_within"], found["participation_ratio_between"] = (float(size[f"participation_ratio_{k}"][-1]) for k in ("within", "between"))
    found["share_silent"] = float(size.share_silent[-1])
    found["spectrum"] = ("component", size.eigenvalue.values[-1, :200])
    last = a.isel(time_bin=[-1])
    for name, values in information(model, last, labels).items():
        found[name] = values
    moves = an.temporal_stability(a)
    for name in ("step_change", "pattern_correlation", "geometry_correlation"):
        found[f"{name}_by_step"] = ("interval", moves[name].values)
        found[f"{name}_last"] = float(moves[name][-1])
    across = an.temporal_generalisation(a, labels, seed=0)
    found["generalisation"], found["generalisation_matrix"] = float(across.generalisation), (("train_step", "test_step"), across.accuracy.values)
    leaning = an.coadaptation(last, labels, n_units=300, seed=0)
    for name in ("correlation", "correlation_within", "predictability", "share_active"):
        found[f"coadaptation_{name}"] = float(leaning[name][0])
    found["correlation_histogram"] = ("bin", leaning.histogram.values[0])
    found |= _classes(last.values[:, :, 0], labels)
    return found


def _classes(x, labels):
    """Distance of classes over distance within them."""
    r = 1 - np.corrcoef(x)
    same = labels[:, None] == labels[None]
    off = ~np.eye(len(x), dtype=bool)
    return {"class_separation": float(r[~same].mean() / r[same & off].mean())}


def information(model, clean, labels):
    found, bits, efficiency, ratios, curves = {}, [], [], [], []
    transfer = []
    for kind, level in CONDITIONS:
        seen = clean if kind == "clean" else activity(model, perturbed("geometry", kind, level), ("area1",), "last")
        own = an.object_information(seen, labels, n_components=COMPONENTS, seed=0)
        bits.append(float(own.best_information[0]))
        efficiency.append(float(own.efficiency[0]))
        curves.append(own.accuracy.values[0])
        ratios.append(float(an.dimensionality(seen, n_units=N_UNITS, seed=0).participation_ratio[0]))
        transfer.append(float(an.object_information(clean, labels, other=seen, n_components=[32], seed=0).accuracy[0, 0]))
    found |= {"information": ("condition", bits), "efficiency": ("condition", efficiency), "ratio": ("condition", ratios), "readout_transfer": ("condition", transfer)}
    found["information_curve"] = (("condition", "n_component"), curves)
    found["information_clean"], found["information_ood"] = bits[0], float(np.mean(bits[1:]))
    found["efficiency_clean"], found["efficiency_ood"] = efficiency[0], float(np.mean(efficiency[1:]))
    found["ratio_ood"], found["transfer_ood"] = float(np.mean(ratios[1:])), float(np.mean(transfer[1:]))
    return found


def controls(model):
    """Feedback replaced: does content matter, or only drive?"""
    stimuli, labels = geometry_set()
    found, accuracy, ratio, seen = {}, [], [], {}
    for mode in REPLAYS:
        accuracy.append(correct(an.stream_replay(model, stimuli, stream="area1.d", mode=mode, layer="readout", seed=0), labels))
        seen[mode] = an.stream_replay(model, stimuli, stream="area1.d", mode=mode, layer="area1", seed=0).isel(time_bin=[-1])
        ratio.append(float(an.dimensionality(seen[mode], n_units=N_UNITS, seed=0).participation_ratio[0]))
    for mode in ("shuffled", "off"):
        both = xr.concat([seen["intact"].assign_coords(step=("time_bin", [0])), seen[mode].assign_coords(step=("time_bin", [1]))], "time_bin")
        found[f"geometry_change_{mode}"] = 1 - float(an.temporal_stability(both).geometry_correlation[0])
    found |= {"replay_accuracy": ("replay", accuracy), "replay_ratio": ("replay", ratio)}
    found["lesion_cost"] = accuracy[0] - accuracy[-1]
    return found


REPLAYS = ("intact", "shuffled", "tonic", "delayed", "off")


# %% [markdown]
# ## Dynamics and dependence on single units

# %%
def dynamics(model):
    stimuli, labels = geometry_set()
    few = stimuli.isel(presentation=np.arange(0, len(stimuli), PER_CLASS))  # one a class
    off, found = model.with_alpha(0.0), {}
    for name, network, held in (("lyapunov", model, ()), ("lyapunov_held", model, ("area1.d",)), ("lyapunov_off", off, ())):
        seen = an.perturbation_growth(network, *state_at(network, few), held=held, n_steps=40, burn_in=20, seed=0)
        found[name] = float(seen.exponent.mean())
        if not held and network is model:
            found["perturbation_growth"] = ("growth_step", np.exp(np.log(seen.growth.values[:, :31].clip(1e-6)).mean(0)))
    found["lyapunov_feedback_effect"] = found["lyapunov"] - found["lyapunov_held"]
    return found | endpoints(model)


def endpoints(model, n_steps=40):
    """Do long runs on noisy images end nearer to those on clean ones than they began?"""
    clean, noisy = (perturbed("geometry", *c).isel(presentation=slice(0, None, 5)) for c in (("clean", 0.0), ("gaussian", 0.16)))
    gaps = []
    for k in (1, n_steps):
        a, b = (simulate(model, s, Schedule.steps(stimulus=k), Record(layers=("area3",), steps="last"), batch_size=100, progress=False).values[:, :, 0] for s in (clean, noisy))
        gaps.append(np.linalg.norm(a - b, axis=1) / np.linalg.norm(a - a.mean(0), axis=1))
    return {"denoising": float(np.mean(gaps[1]) / np.mean(gaps[0])), "endpoint_gap": float(np.mean(gaps[1]))}


def units(model):
    stimuli, labels = (v[:160] for v in behaviour_set())
    curve = an.lesion_curve(model, stimuli, labels, fractions=(0.1, 0.25, 0.5, 0.75), n_draws=3, seed=0)
    single = an.lesion_curve(model, stimuli, labels, layers=("area3",), fractions=(0.5,), n_draws=1, n_single=24, seed=0)
    found = {"lesion_accuracy": ("fraction", curve.accuracy.mean("draw").values), "lesion_area": float(curve.area), "lesion_gini": float(single.gini)}
    found["lesion_relative"] = found["lesion_area"] / found["lesion_accuracy"][1][0]
    noisy = build(dataclasses.replace(model.config, dropout=0.25, mask="step"), seed=0)
    noisy.load_state_dict(model.state_dict())
    few = stimuli[:100]
    record = Record(layers=("area1",), steps="last")
    runs = np.stack([simulate(noisy, few, None, record, batch_size=100, seed=s, progress=False).values[:, :, 0] for s in range(5)])
    found["trial_variability"] = float(runs.var(axis=0, ddof=1).mean() / runs.mean(axis=0).var(axis=0, ddof=1).mean())
    found["trial_ratio"] = dims.participation_ratio(dims.covariance_spectrum((runs - runs.mean(axis=0)).reshape(-1, runs.shape[2])[:, :N_UNITS]))
    return found


# %% [markdown]
# ## Measuring all networks, and the table

# %%
def measure(folder, cells, seeds):
    for seed in seeds:
        for cell in cells:
            out = folder / "measured" / f"{cell}-{seed}.nc"
            if out.is_file() or not (folder / "weights" / f"{cell}-{seed}.safetensors").is_file():
                continue
            model, start, found, spent = trained(folder, cell, seed), time.time(), {}, []
            for part in (behaviour, attacked, geometry, controls, dynamics, units):
                found |= part(model)
                spent.append(f"{part.__name__} {time.time() - start:.0f}")
            found |= transferred(model, folder, seed, seeds_of(folder))
            out.parent.mkdir(parents=True, exist_ok=True)
            table(found, cell, seed).to_netcdf(out.with_suffix(".tmp"))
            out.with_suffix(".tmp").replace(out)
            print(cell, seed, found["accuracy_clean"], round(found["robust_noise"], 3), round(found["pgd_area"], 3), round(found["lyapunov"], 3), *spent, flush=True)


def table(found, cell, seed):
    variables = {}
    for name, value in found.items():
        dim, values = value if isinstance(value, tuple) else ((), value)
        dim = (dim,) if isinstance(dim, str) else tuple(dim)
        variables[name] = (("network", *dim), np.asarray(values, np.float32)[None])
    config = CELLS[cell]
    labels = {"cell": cell, "feedback": config["feedback"], "dropout": "on" if config["dropout"] else "off", "seed": seed}
    return xr.Dataset(variables, coords={k: ("network", [v]) for k, v in labels.items()})


def examples(folder):
    """Dissimilarities and paths of class means of the first network of every cell."""
    stimuli, labels = geometry_set()
    rdms, paths = [], []
    for cell in DESIGN:
        seen = activity(trained(folder, cell, 0), stimuli, ("area1",)).values
        rows = np.concatenate([np.nonzero(labels == c)[0][:5] for c in range(10)])
        rdms.append(1 - np.corrcoef(seen[rows, :, -1]))
        means = np.stack([[seen[labels == c, :, t].mean(0) for c in range(10)] for t in range(N_STEPS)])
        paths.append(plane(means.reshape(N_STEPS * 10, -1)).reshape(N_STEPS, 10, 2))
    return {"example_rdm": (("example_cell", "image", "image_2"), np.float32(rdms)), "example_path": (("example_cell", "trial_step", "class", "axis"), np.float32(paths))}


def plane(x):
    """Classical scaling of 1 - r to two axes."""
    square = (1 - np.corrcoef(x)) ** 2
    centre = np.eye(len(x)) - 1 / len(x)
    values, vectors = np.linalg.eigh(-0.5 * centre @ square @ centre)
    return vectors[:, -2:][:, ::-1] * np.sqrt(values[-2:][::-1].clip(0))


def collect(folder, out):
    parts = []
    for file in sorted((folder / "measured").glob("*.nc")):
        with xr.open_dataset(file) as part:
            parts.append(part.load())
        control = CONTROLS.get(str(parts[-1].cell.values[0]), {})  # levels of their own, so that no analysis of the 2 x 2 design takes them in
        parts[-1] = parts[-1].assign_coords({k: ("network", [v]) for k, v in control.items()})
    whole = xr.concat(parts, "network").assign(examples(folder)).assign_coords(example_cell=list(DESIGN))
    complete = [k for k in range(N_SEEDS) if sum(((whole.seed == k) & (whole.cell == c)).values.sum() for c in DESIGN) == len(DESIGN)]
    whole = whole.isel(network=np.isin(whole.seed.values, complete))
    names = {
        "noise": [f"{k} {v:g}" for k, levels in LEVELS.items() for v in levels],
        "dynamic": [f"{k} {v:g}" for k, levels in DYNAMIC.items() for v in levels],
        "condition": [k if k == "clean" else f"{k} {v:g}" for k, v in CONDITIONS],
        "check": ["final", "margin", "masks"],
        "budget_linf": np.array([0.0, *LINF]),
        "budget_l2": np.array([0.0, *L2]),
        "source": list(DESIGN),
        "replay": list(REPLAYS),
        "n_component": list(COMPONENTS),
        "fraction": [0.0, 0.1, 0.25, 0.5, 0.75],
        "step": np.arange(1, 2 * N_STEPS + 1),
        "trial_step": np.arange(1, N_STEPS + 1),
        "component": np.arange(1, whole.sizes["component"] + 1),
        "growth_step": np.arange(whole.sizes["growth_step"]),
        "r": ("bin", np.linspace(-1, 1, 41)[:-1] + 0.025),
    }
    whole = whole.assign_coords(names)
    whole.attrs = {"n_behaviour": N_BEHAVIOUR, "n_attack": N_ATTACK, "n_geometry": 10 * PER_CLASS, "n_units": N_UNITS, "made_by": "analyses/notebooks/feedback_population.py"}
    whole.to_netcdf(out, encoding={k: {"zlib": True, "complevel": 9} for k in whole.data_vars})


# %% [markdown]
# ## The claims: what was predicted, what was found
#
# A claim about feedback AND dropout is supported where feedback helps under dropout (intervals without 0) and the interaction does too. Claims that
# compare one factor are judged by that effect alone. Baselines: the matched control without feedback, no dropout. Signs are those of the abstract.

# %%
ON, BOTH, DO = "feedback | dropout=on", "feedback x dropout", "dropout"
CLAIMS = (  # claim, outcome, predicted sign, effects that must have it
    ("C1 the arms are comparable", "accuracy_clean", 0, ("feedback", DO)),
    ("C2 speed and accuracy, clean", "frontier_clean", 1, (ON, BOTH)),
    ("C2 speed and accuracy, noisy", "frontier_noisy", 1, (ON, BOTH)),
    ("C3 static noise", "robust_noise", 1, (ON, BOTH)),
    ("C3 all perturbations", "robust_all", 1, (ON, BOTH)),
    ("C3 noise redrawn every step", "robust_dynamic", 1, (ON, BOTH)),
    ("C4 PGD, sup norm", "pgd_area", 1, (ON, BOTH)),
    ("C4 PGD, Euclidean", "pgd_l2_area", 1, (ON, BOTH)),
    ("C4 FGSM", "fgsm_area", 1, (ON, BOTH)),
    ("C4 transfer from the control", "transfer_from_control", 1, (ON, BOTH)),
    ("C4 search without gradients", "search_accuracy", 1, (ON, BOTH)),
    ("C5 no help without dropout: noise", "robust_noise", 0, ("feedback | dropout=off",)),
    ("C5 no help without dropout: PGD", "pgd_area", 0, ("feedback | dropout=off",)),
    ("C5 no help by dropout alone: noise", "robust_noise", 0, ("dropout | feedback=self",)),
    ("C5 no help by dropout alone: PGD", "pgd_area", 0, ("dropout | feedback=self",)),
    ("C6 masks hurt less after dropout", "trial_variability", -1, (DO,)),
    ("C7 unique share of the top-down stream", "post_unique_top_down_last", 1, (ON, "dropout | feedback=top")),
    ("C7 geometry changed by the stream", "geometry_change_off", 1, (ON, "dropout | feedback=top")),
    ("C8 participation ratio", "participation_ratio", -1, (ON, BOTH)),
    ("C8 the same of correlations", "participation_ratio_correlation", -1, (ON, BOTH)),
    ("C8 intrinsic dimension", "intrinsic_dimension", -1, (ON, BOTH)),
    ("C9 efficiency, perturbed", "efficiency_ood", 1, (ON, BOTH)),
    ("C9 information, perturbed", "information_ood", 1, (ON, BOTH)),
    ("C9 clean readout on perturbed images", "transfer_ood", 1, (ON, BOTH)),
    ("C10 variability under masks", "trial_variability", -1, ("feedback", ON)),
    ("C10 step change", "step_change_last", -1, ("feedback", ON)),
    ("C10 exponent with and without the stream's block", "lyapunov_feedback_effect", -1, ("feedback", ON)),
    ("C11 predictability of units", "coadaptation_predictability", -1, (DO,)),
    ("C11 correlation within classes", "coadaptation_correlation_within", -1, (DO,)),
    ("C11 accuracy kept in lesions", "lesion_relative", 1, (DO,)),
    ("C11 more chaotic", "lyapunov", 1, (DO,)),
)


def report(out, found, matched):
    """One line a claim, in Markdown: effects with their intervals, effect size, p, and the verdict."""
    lines = [
        "# Claims of the abstract, tested",
        "",
        f"{found.attrs['n_blocks']} seeds in every cell, trained on CIFAR-10 at 16 pixels (20,000 images, 4 epochs). Estimates with 95 % bootstrap intervals over",
        "seeds; d is Cohen's d with its interval; p is of the mixed model, and corrected (Holm) over all outcomes of `feedback/claims`. `matched` adjusts for clean",
        "accuracy. An effect counts as shown where the bootstrap interval and that of the mixed model both leave out 0, before any correction (see p Holm); `not shown` is not evidence of absence.",
        "A test of the abstract's claims in small networks of our own choosing, not a replication of reported numbers.",
        "",
        "| claim | outcome | effect | estimate [95 % CI] | d [95 % CI] | p | p Holm | d matched [95 % CI] | predicted | found |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for claim, outcome, sign, effects in CLAIMS:
        for effect in effects:
            e = found.sel(outcome=outcome, effect=effect)
            low, high = float(e.low), float(e.high)
            seen = 1 if min(low, float(e.t_low)) > 0 else -1 if max(high, float(e.t_high)) < 0 else 0
            verdict = "not shown" if seen == 0 else "as predicted" if seen == sign else "an effect" if sign == 0 else "the opposite"
            other = ""
            if outcome in matched.outcome.values:
                m = matched.sel(outcome=outcome, effect=effect)
                other = f"{float(m['size']):.2f} [{float(m.size_low):.2f}, {float(m.size_high):.2f}]"
            size = f"{float(e['size']):.2f} [{float(e.size_low):.2f}, {float(e.size_high):.2f}]"
            estimate = f"{float(e.estimate):.4f} [{low:.4f}, {high:.4f}]"
            p = f"{float(e.p_value):.2g} | {float(e.p_holm):.2g}"
            lines.append(f"| {claim} | {outcome} | {effect.replace('|', 'at')} | {estimate} | {size} | {p} | {other} | {('-', 'none', '+')[sign + 1]} | {verdict} |")
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


CONTROLLED = ("accuracy_clean", "frontier_noisy", "robust_noise", "robust_dynamic", "pgd_area", "fgsm_area")


def of_seeds(table, cell, name, seeds):
    rows = table.isel(network=table.cell.values == cell)
    return np.stack([rows[name].values[list(rows.seed.values).index(k)] for k in seeds])


def seeds_of(table, *cells):
    return sorted(set.intersection(*(set(table.seed.values[table.cell.values == c].tolist()) for c in cells)))


def depth_control(table, out):
    """Is feedback only depth? The control run for longer, and the network without feedback that has the loop's path length."""
    of, design = functools.partial(of_seeds, table), seeds_of(table, "top-dropout")
    lines = ["", "## Matched depth", "", "Feedback + dropout minus the control + dropout, paired by seed, with 95 % bootstrap intervals.", "", "| comparison | seeds | difference |", "|---|---|---|"]
    for tag in ("clean", "noisy"):
        name = f"accuracy_by_step_{tag}"
        d = paired_difference(of("top-dropout", name, design)[:, N_STEPS - 1], of("self-dropout", name, design)[:, -1], seed=0)
        lines.append(f"| {tag} accuracy: feedback at step 5 (path of 15 areas), control at step 10 (path of 12) | {len(design)} | {d.estimate:.4f} [{d.low:.4f}, {d.high:.4f}] |")
    deep = seeds_of(table, "deep-dropout", "top-dropout")
    for name in CONTROLLED if len(deep) > 1 else ():
        d = paired_difference(of("top-dropout", name, deep), of("deep-dropout", name, deep), seed=0)
        lines.append(f"| {name}: feedback, and no feedback with area 1 applied three times a step (path of 17) | {len(deep)} | {d.estimate:.4f} [{d.low:.4f}, {d.high:.4f}] |")
    with out.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


def mask_control(table, out):
    """Does feedback help because it averages masks that are drawn anew at every step? The same contrast with one mask a trial."""
    of, seeds = functools.partial(of_seeds, table), seeds_of(table, "top-trialmask", "self-trialmask", "top-dropout", "self-dropout")
    if len(seeds) < 2:
        return
    lines = ["", "## One mask a trial", "", f"Feedback minus the control without it, both trained with dropout, paired over {len(seeds)} seeds, with 95 % bootstrap intervals.", ""]
    lines += ["| outcome | a mask a step | a mask a trial | the second minus the first |", "|---|---|---|---|"]
    for name in CONTROLLED:
        step, trial = (of(f"top-{k}", name, seeds) - of(f"self-{k}", name, seeds) for k in ("dropout", "trialmask"))
        found = [paired_difference(a, b, seed=0) for a, b in ((step, 0 * step), (trial, 0 * trial), (trial, step))]
        lines.append(f"| {name} | " + " | ".join(f"{d.estimate:.4f} [{d.low:.4f}, {d.high:.4f}]" for d in found) + " |")
    with out.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


def masking_control(table, out):
    """Would masked gradients show?"""
    by_check = table.attack_at_probe
    masks = float((by_check.sel(check="masks") - by_check.sel(check="final")).mean())
    lines = [
        "",
        "## Masked gradients",
        "",
        f"- The attacked loss rises with every budget in {float((table.attack_monotone == 1).mean()):.0%} of the {table.sizes['network']} networks.",
        f"- At 4/255 a search without gradients leaves {float(table.search_accuracy.mean()):.2f} accuracy, gradients {float(table.pgd_on_search_images.mean()):.2f} on the same images.",
        f"- The margin loss changes accuracy at 4/255 by {float((by_check.sel(check='margin') - by_check.sel(check='final')).mean()):+.3f}, an expectation over masks by {masks:+.3f}.",
        "",
        "## Not controlled",
        "",
        "- Other rates and places of dropout, other regularisers, the loss at the last step only, feedback between all neighbouring areas: the recipe and the configuration take these",
        "  settings, the population was not trained with them.",
        "- Variability under masks (C10) is also larger with feedback because masks of the top area reach the first one through the stream.",
    ]
    with out.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


# %%
N_SEEDS = 10
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=("train", "measure", "collect", "report"))
    parser.add_argument("--cells", nargs="+", default=list(DESIGN), choices=list(CELLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(N_SEEDS)))
    parser.add_argument("--folder", type=Path, default=Path("results/feedback_population"))
    parser.add_argument("--out", type=Path, default=Path("data/feedback_population.nc"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.stage == "train":
        train(arguments.folder, arguments.cells, arguments.seeds)
    elif arguments.stage == "measure":
        measure(arguments.folder, arguments.cells, arguments.seeds)
    elif arguments.stage == "collect":
        collect(arguments.folder, arguments.out)
    else:
        results = [open_result(read_experiment(f"feedback/{name}")) for name in ("claims", "claims_matched")]
        report(Path("analyses/feedback/claims.md"), *results)
        depth_control(load_table(), Path("analyses/feedback/claims.md"))
        mask_control(load_table(), Path("analyses/feedback/claims.md"))
        masking_control(load_table(), Path("analyses/feedback/claims.md"))
