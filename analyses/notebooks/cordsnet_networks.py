# %% [markdown]
# # CordsNets, their equivalent CNNs and their controls, on scikit-learn's digits, MNIST and CIFAR-10
#
# A protocol for one core: small channels, short trials (40 steps of 2 ms), part of the training images, an Euler step of 10 ms in training; on MNIST and
# CIFAR-10 most epochs of the recurrent stages train the steady state, with a truncated series of its implicit gradient, and only the last one whole trials.
# For each data set: the three steps and fine-tuning; the equivalent CNN; a CordsNet trained directly, for about the CPU time of the steps before fine-tuning,
# as in the paper (on digits of the whole pipeline); a dense recurrent network with as many parameters; logistic regression on the pixels.
#
#     python analyses/notebooks/cordsnet_networks.py choose digits --folder runs    # settings, on images held out of the training split
#     python analyses/notebooks/cordsnet_networks.py train digits-three-s1 digits-direct-s1 --folder runs    # skips what is there
#     python analyses/notebooks/cordsnet_networks.py train all --folder runs
#     python analyses/notebooks/cordsnet_networks.py pack digits --folder runs --home .                     # answers and curves -> data/cordsnet_digits.nc
#     python analyses/notebooks/cordsnet_networks.py noise digits --folder runs --home .                    # robustness -> data/cordsnet_noise_digits.nc
#     python analyses/notebooks/cordsnet_networks.py ablation --folder runs --home .   # after `neurodyn run cordsnet/ablation_training` -> data/cordsnet_ablation.nc
#     python analyses/notebooks/cordsnet_networks.py ship digits-three-s1 --folder runs --home .             # weights and card of one network
#
# The published size needs GPUs: `analyses/notebooks/cordsnet_full_scale.py`.

# %%
import argparse
import dataclasses
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import xarray as xr

TRIAL = {"before_ms": 100, "stimulus_ms": 80, "after_ms": 80}
STEM = {"stem_kernel": 3, "stem_stride": 1}
CONFIGS = {
    "digits": {"depth": 4, "channels": 8, "image_size": 16, "in_channels": 1, **STEM, "mean": (0.3,), "std": (0.37,)},
    "mnist": {"depth": 4, "channels": 8, "image_size": 28, "in_channels": 1, **STEM, "mean": (0.1307,), "std": (0.3081,)},
    "cifar10": {"depth": 4, "channels": 16, "image_size": 32, "in_channels": 3, **STEM, "mean": (0.4914, 0.4822, 0.4465), "std": (0.247, 0.2435, 0.2616)},
}
# %% settings; `choose` took the learning rate of the recurrent stages on digits and CIFAR-10, and the weight of the return to baseline on MNIST
RECIPES = {
    "digits": {
        "shift": 1,
        "cnn_epochs": 15,
        "cnn_batch": 64,
        "inverse_epochs": 15,
        "inverse_learning_rate": 5e-3,
        "series_weight": 10.0,
        "linear_epochs": 2,
        "anneal_rounds": 4,
        "tune_epochs": 6,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "train_dt_ms": 10.0,
        "penalty": 0.1,
        "after_ms": 40.0,
    },
    "mnist": {
        "n_train": 12_000,
        "n_test": 2_000,
        "shift": 2,
        "cnn_epochs": 4,
        "cnn_batch": 64,
        "inverse_epochs": 2,
        "inverse_learning_rate": 5e-3,
        "series_weight": 10.0,
        "n_recurrent": 4_096,
        "steady": (3, 3),
        "linear_epochs": 1,
        "anneal_rounds": 5,
        "steady_epochs": 12,
        "tune_epochs": 4,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "tune_learning_rate": 3e-4,
        "train_dt_ms": 10.0,
        "gradient_ms": 40.0,
        "penalty": 0.1,
        "penalty_share": 0.25,
        "after_ms": 40.0,
    },
    "cifar10": {
        "n_train": 30_000,
        "n_test": 4_000,
        "shift": 2,
        "flip": True,
        "cnn_epochs": 8,
        "cnn_batch": 64,
        "cnn_learning_rate": 0.05,
        "inverse_epochs": 1,
        "n_inverse": 16_000,
        "inverse_learning_rate": 5e-3,
        "series_weight": 10.0,
        "n_recurrent": 8_192,
        "steady": (3, 3),
        "linear_epochs": 1,
        "anneal_rounds": 5,
        "steady_epochs": 20,
        "tune_epochs": 1,
        "batch_size": 64,
        "learning_rate": 1e-3,
        "tune_learning_rate": 3e-4,
        "train_dt_ms": 10.0,
        "gradient_ms": 40.0,
        "penalty": 0.01,
        "penalty_share": 0.25,
        "after_ms": 40.0,
    },
}
DIRECT_EPOCHS = {"digits": 14, "mnist": 16, "cifar10": 24}  # of trials on digits, else at the steady state, with one epoch of trials after them
N_VALIDATION = {"digits": 238, "mnist": 2_000, "cifar10": 2_000}
SHORTER = {"n_recurrent": 4_096, "anneal_rounds": 4, "steady_epochs": 2, "tune_epochs": 0}  # an eighth of the recurrent stages
CHOICES = {
    "digits": [{"learning_rate": 2e-3}, {"learning_rate": 4e-3}],
    "mnist": [{"penalty": 0.1}, {"penalty": 0.01}],
    "cifar10": [{"learning_rate": 1e-3, **SHORTER}, {"learning_rate": 3e-4, **SHORTER}],
}
ARMS = ("three", "cnn", "direct", "dense", "longer")
LONGER = {"cifar10": 2}  # the CNN alone for as many more epochs as its CordsNet has seen more images
SEEDS = {"digits": range(3), "mnist": range(3), "cifar10": range(1)}
ALL = [f"{dataset}-{arm}-s{seed}" for dataset in CONFIGS for seed in SEEDS[dataset] for arm in ARMS if arm != "longer" or dataset in LONGER]
N_CURVE = 359


# %%
def plan(network):
    """(architecture, configuration, recipe, parameters, seed) of ``<dataset>-<arm>-s<seed>``."""
    from neurodyn.architectures import cordsnet
    from neurodyn.architectures.dense_rnn import units_for

    dataset, arm, seed = network.rsplit("-", 2)
    config = {**CONFIGS[dataset], "n_classes": 10, **TRIAL}
    parameters = {"dataset": dataset, **RECIPES[dataset]}
    if arm == "three":
        return "cordsnet", config, "cordsnet", parameters, int(seed[1:])
    if arm in ("cnn", "longer"):
        of_cnn = {k: parameters[k] for k in ("dataset", "n_train", "n_test", "shift", "flip") if k in parameters}
        of_cnn |= {"n_epochs": parameters["cnn_epochs"] * (LONGER[dataset] if arm == "longer" else 1), "batch_size": parameters["cnn_batch"]}
        of_cnn |= {"learning_rate": parameters["cnn_learning_rate"]} if "cnn_learning_rate" in parameters else {}
        return "cordsnet_cnn", {**config, "identity": 1.0}, "cordsnet_cnn", of_cnn, int(seed[1:])
    kept = ("dataset", "n_train", "n_test", "shift", "flip", "n_recurrent", "batch_size", "learning_rate", "train_dt_ms")
    kept += ("gradient_ms", "penalty", "penalty_share", "after_ms")
    direct = {**{k: parameters[k] for k in kept if k in parameters}, "stages": ("tune",), "tune_epochs": DIRECT_EPOCHS[dataset]}
    if arm == "direct" and "steady" in parameters:
        direct |= {k: parameters[k] for k in ("steady", "tune_learning_rate", "tune_epochs")} | {"steady_epochs": DIRECT_EPOCHS[dataset]}
    if arm == "direct":
        return "cordsnet", config, "cordsnet", direct, int(seed[1:])
    n_parameters = sum(p.numel() for p in cordsnet.build(cordsnet.Config(**config), seed=0).parameters())
    n_pixels = config["in_channels"] * config["image_size"] ** 2
    shared = {k: v for k, v in config.items() if k in ("image_size", "in_channels", "n_classes", "mean", "std", *TRIAL)}
    direct.pop("stages")
    return "dense_rnn", {**shared, "n_units": units_for(n_parameters, n_pixels=n_pixels, n_classes=10)}, "dense_rnn", direct, int(seed[1:])


def made(network, **changes):
    """The untrained network, its recipe's module, its parameters and its seed."""
    import importlib

    import neurodyn as nd

    architecture, config, recipe, parameters, seed = plan(network)
    module = importlib.import_module(f"neurodyn.training.recipes.{recipe}")
    return nd.build(architecture, seed=seed, **config), module, module.Parameters(**{**parameters, **changes}), seed


def choose(dataset, folder):
    """Train with every candidate setting, measured on images held out of the training split; print the accuracies."""
    import shutil

    for k, candidate in enumerate(CHOICES[dataset]):
        where = folder / f"choose-{dataset}-{k}"
        if k and not where.exists():
            for stage in ("cnn", "inverse"):  # the same for every candidate
                shutil.copytree(folder / f"choose-{dataset}-0" / stage, where / stage)
        model, module, parameters, seed = made(f"{dataset}-three-s0", n_validation=N_VALIDATION[dataset], **candidate)
        metrics = module.train(model, parameters, seed=seed, folder=where, progress=False)
        print(dataset, candidate, {k: round(v, 4) for k, v in metrics.items()}, flush=True)


def train(networks, folder):
    """Train what is not there yet, and keep the answers to the test set."""
    import shutil

    import torch

    from neurodyn.training.checkpoints import save_weights

    torch.set_num_threads(1)
    for network in ALL if networks == ["all"] else networks:
        where = folder / network
        if (where / "metrics.json").is_file():
            continue
        dataset, arm, seed = network.rsplit("-", 2)
        same = {"three": (folder / f"{dataset}-cnn-{seed}", where / "cnn"), "cnn": (folder / f"{dataset}-three-{seed}" / "cnn", where)}.get(arm)
        if same and (same[0] / "checkpoint.pt").is_file() and not same[1].exists():  # the CNN alone is the first step of the three: once is enough
            shutil.copytree(*same, ignore=shutil.ignore_patterns("*.npy", "metrics.json", "*.safetensors"))
        began = time.process_time()
        model, module, parameters, seed = made(network, **({} if arm in ("cnn", "longer") else {"n_evaluate": N_CURVE}))
        metrics = module.train(model, parameters, seed=seed, folder=where, progress=False)
        metrics["cpu_s"] = cpu_of_training(where) or round(time.process_time() - began, 1)
        np.save(where / "correct.npy", answers(model, dataset))
        save_weights(model, where / "weights.safetensors")
        (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
        print(time.strftime("%H:%M"), network, {k: round(v, 4) for k, v in metrics.items()}, flush=True)


def answers(model, dataset):
    """Whether each test image is named at each step of the trial, (presentation, step) of bool."""
    import torch

    from neurodyn.training.recipes._trials import load_images, spontaneous

    images = load_images(dataset, "test", image_size=model.config.image_size, n=RECIPES[dataset].get("n_test"))
    n_before, n_shown = round(TRIAL["before_ms"] / model.dt_ms), round(TRIAL["stimulus_ms"] / model.dt_ms)
    baseline, correct = spontaneous(model, n_before), np.zeros((len(images), n_shown), bool)
    with torch.no_grad():
        for start in range(0, len(images), 250):
            frames, labels = images.take(slice(start, start + 250))
            drive = model.encode(frames)
            state = {k: v.expand(len(frames), *v.shape[1:]) for k, v in baseline.items()}
            for t in range(n_shown):
                state = model.step(state, drive)
                correct[start : start + len(frames), t] = (model.readout(state).argmax(1) == labels).numpy()
    return correct


def linear_classifier(dataset):
    """Whether logistic regression on the pixels of the same training images names each test image; its penalty is chosen on held-out training images."""
    from sklearn.linear_model import LogisticRegression

    from neurodyn.training.recipes._trials import load_images

    size, numbers = CONFIGS[dataset]["image_size"], (("train", RECIPES[dataset].get("n_train")), ("test", RECIPES[dataset].get("n_test")))
    sets = [load_images(dataset, split, image_size=size, n=n) for split, n in numbers]
    (x, y), (x_test, y_test) = ((images.take(slice(None))[0].flatten(1).numpy() - 0.5, images.labels.numpy()) for images in sets)
    n = min(len(x), 10_000)
    fit, held = slice(0, int(0.8 * n)), slice(int(0.8 * n), n)
    strengths = (1e-3, 1e-2) if dataset == "cifar10" else (1e-2, 1e-1, 1.0)

    def fitted(strength, rows):
        return LogisticRegression(C=strength, max_iter=25 if dataset == "cifar10" else 300).fit(x[rows], y[rows])

    found = {c: fitted(c, fit).score(x[held], y[held]) for c in strengths}
    return fitted(max(found, key=found.get), slice(None)).predict(x_test) == y_test


# %%
def stages_of(where):
    """(stage, rows) of every stage that was trained, in order; the CNN alone and the dense network have one."""
    for stage in (".", "cnn", "inverse", "linear", *(f"anneal-{k:02d}" for k in range(30)), "steady", "tune"):
        file = where / stage / "history.jsonl"
        if file.is_file():
            yield stage, [json.loads(line) for line in file.read_text().splitlines()]


def cpu_of_training(where):
    """CPU time of all stages, s, measurements left out; None where a part was trained before it was kept."""
    ends = [history[-1].get("cpu_s") for _, history in stages_of(where)]
    return None if None in ends else round(sum(ends), 1)


def curve(where):
    """Accuracy on a part of the test set against the CPU time of training so far: (seconds, accuracy, stage) of every measured epoch."""
    spent, rows = 0.0, []
    for stage, history in stages_of(where):
        if any("cpu_s" not in row for row in history):
            return []  # part of it was trained before CPU time was kept
        rows += [(spent + row["cpu_s"], row["test_accuracy"], stage) for row in history if "test_accuracy" in row and stage not in (".", "cnn")]
        spent += history[-1]["cpu_s"]
    return rows


def pack(dataset, folder, out):
    """Answers of every network of a data set to every test image at the end of the image, and curves of training, in one file."""
    trained = [arm for arm in ARMS if arm != "longer" or dataset in LONGER]
    arms, seeds = [*trained, "linear"], list(SEEDS[dataset])
    correct = {}
    curves = {}
    metrics = {}
    for arm in trained:
        for k, seed in enumerate(seeds):
            where = folder / f"{dataset}-{arm}-s{seed}"
            if (where / "metrics.json").is_file():
                correct[arm, k] = np.load(where / "correct.npy")[:, -1]
                curves[arm, k], metrics[arm, k] = curve(where), json.loads((where / "metrics.json").read_text())
    correct["linear", 0] = cached_linear(dataset, folder)
    shape, n_curve = (len(arms), len(seeds)), max(map(len, curves.values()))
    answered = np.full((*shape, len(correct["linear", 0]), 1), -1, np.int8)
    cpu, accuracy, total = np.full((*shape, n_curve), np.nan), np.full((*shape, n_curve), np.nan), np.full(shape, np.nan)
    stages = {k: np.full(shape, np.nan) for k in ("test_accuracy_cnn", "test_accuracy_inverse", "test_accuracy_linear", "test_accuracy_initialised")}
    for (arm, k), values in correct.items():
        answered[arms.index(arm), k, :, 0] = values
    for (arm, k), rows in curves.items():
        i = arms.index(arm)
        cpu[i, k, : len(rows)], accuracy[i, k, : len(rows)] = [r[0] for r in rows], [r[1] for r in rows]
        total[i, k] = metrics[arm, k]["cpu_s"]
        for name, values in stages.items():
            values[i, k] = metrics[arm, k].get(name, np.nan)
    unit, dims = {"units": "1"}, ("condition", "seed")
    n_parameters = [sum(q.numel() for q in made(f"{dataset}-{arm}-s0")[0].parameters()) for arm in trained]
    size = CONFIGS[dataset]
    table = xr.Dataset(
        {
            "correct": ((*dims, "presentation", "step"), answered, unit | {"missing": -1}),
            "train_cpu_s": ((*dims, "epoch"), cpu, {"units": "s", "long_name": "CPU time of training so far, measurements left out"}),
            "train_accuracy": ((*dims, "epoch"), accuracy, unit | {"long_name": f"on the first {N_CURVE} test images, with the Euler step of training"}),
            "cpu_s": (dims, total, {"units": "s"}),
            **{name.removeprefix("test_"): (dims, values, unit) for name, values in stages.items()},
            "n_parameters": ("condition", [*n_parameters, 10 * (size["in_channels"] * size["image_size"] ** 2 + 1)], unit),
        },
        {"condition": arms, "seed": seeds, "step": ("step", [round(TRIAL["stimulus_ms"] / 2) - 1], {"units": "step"})},
        {"dataset": dataset, "n_curve": N_CURVE},
    )
    table.to_netcdf(out, encoding={"correct": {"zlib": True, "complevel": 9}})
    print(out, f"{out.stat().st_size / 1024:.0f} kB, sha256", hashlib.sha256(out.read_bytes()).hexdigest())


def cached_linear(dataset, folder):
    """The linear classifier's answers, fitted once."""
    file = folder / f"linear-{dataset}.npy"
    if not file.is_file():
        np.save(file, linear_classifier(dataset))
    return np.load(file)


# %%
NOISE = {"noise_sd": [0.0, 0.1, 0.2, 0.4, 0.8], "window_ms": 20.0}
NOISE_ARMS = {"cnn": ("cnn", {}), "cnn-delays": ("cnn", {"delays": True}), "three": ("three", {})}  # name: (trained network, changes of its configuration)
N_NOISE = {"digits": None, "mnist": 1_000, "cifar10": 500}


def noise(dataset, folder, out):
    """Accuracy and error of the output area of every CordsNet and CNN of a data set under pixel noise, with joint intervals over seeds and images, in one file."""
    import neurodyn as nd
    from neurodyn.analysis import noise_robustness
    from neurodyn.datasets import cifar10, digits, mnist
    from neurodyn.dynamics.schedule import Schedule
    from neurodyn.numerics.crossed_bootstrap import crossed_resamples
    from neurodyn.training.checkpoints import load_weights

    seeds = [s for s in SEEDS[dataset] if all((folder / f"{dataset}-{arm}-s{s}" / "weights.safetensors").is_file() for arm in ("three", "cnn"))]
    size, n = CONFIGS[dataset]["image_size"], N_NOISE[dataset]
    stimuli, labels = (
        digits.load("test", image_size=size, n=n) if dataset == "digits" else {"mnist": mnist, "cifar10": cifar10}[dataset].load(None, "test", n=n)
    )
    schedule, cells = Schedule.ms(before=TRIAL["before_ms"], stimulus=TRIAL["stimulus_ms"]), []
    for name, (arm, changes) in NOISE_ARMS.items():
        for seed in seeds:
            architecture, config, *_ = plan(f"{dataset}-{arm}-s{seed}")
            model = nd.build(architecture, seed=seed, **{**config, **changes})
            load_weights(model, folder / f"{dataset}-{arm}-s{seed}" / "weights.safetensors")
            one = noise_robustness(model, stimuli, labels, schedule=schedule, seed=0, **NOISE)
            cells.append(one[["correct", "correct_averaged", "error"]].to_array("measure").transpose("measure", "kind", "noise", "presentation"))
            print(time.strftime("%H:%M"), dataset, name, seed, one.accuracy.values.round(3).tolist(), flush=True)
    measures = ["accuracy", "accuracy_averaged", "error"]
    values = np.stack([c.values for c in cells]).reshape(len(NOISE_ARMS), len(seeds), *cells[0].shape)  # (condition, seed, measure, kind, noise, presentation)
    grid = values.shape[2:5]
    drawn = np.empty((len(NOISE_ARMS), 2_000, *grid))
    for cell in np.ndindex(grid):
        drawn[(slice(None), slice(None), *cell)] = crossed_resamples(values[(slice(None), slice(None), *cell)], n_resamples=2_000, seed=0)
    low, high = np.quantile(drawn, (0.025, 0.975), axis=1)
    apart = np.quantile(drawn[-1] - drawn[:-1], (0.025, 0.975), axis=1)  # CordsNet minus each control, paired over images
    by_seed, dims, unit = values.mean(-1), ("condition", "measure", "kind", "noise"), {"units": "1"}
    mean = by_seed.mean(1)
    table = xr.Dataset(
        {
            "mean": (dims, mean, unit),
            "low": (dims, low, unit),
            "high": (dims, high, unit),
            "by_seed": (("condition", "seed", *dims[1:]), by_seed, unit),
            "difference": (("control", *dims[1:]), mean[-1] - mean[:-1], unit | {"long_name": "CordsNet minus control"}),
            "difference_low": (("control", *dims[1:]), apart[0], unit),
            "difference_high": (("control", *dims[1:]), apart[1], unit),
        },
        {
            "condition": list(NOISE_ARMS),
            "control": list(NOISE_ARMS)[:-1],
            "seed": seeds,
            "measure": measures,
            "kind": cells[0].kind.values,
            "noise": NOISE["noise_sd"],
        },
        {"dataset": dataset, "n_images": len(labels)},
    )
    table.to_netcdf(out, encoding={k: {"zlib": True, "complevel": 9} for k in table.data_vars})
    print(out, f"{out.stat().st_size / 1024:.0f} kB, sha256", hashlib.sha256(out.read_bytes()).hexdigest())


def ablation(out):
    """The results of the experiment that trains networks with other losses, in one file."""
    from neurodyn.experiment.run import open_result

    table = open_result("cordsnet/ablation_training", check=False)
    table.attrs = {}
    table.to_netcdf(out, encoding={k: {"zlib": True, "complevel": 9} for k in table.data_vars})
    print(out, f"{out.stat().st_size / 1024:.0f} kB, sha256", hashlib.sha256(out.read_bytes()).hexdigest())


# %%
WHAT = {
    "three": "CNN, inverse fit, linear recurrence, annealing, fine-tuning",
    "cnn": "The equivalent CNN, trained alone: the feedforward control, and the first stage of its CordsNet. As a dynamical system it answers at once",
    "direct": "Control: trained from random weights, with the settings of the recurrent stages",
    "dense": "Control: fully connected on the pixels, as many parameters as the CordsNet, trained with its loss, through trials, for about as many updates as "
    "the direct control",
}
PROBES = {
    "three": ["eigenspectrum", "trajectories"],
    "cnn": ["trajectories"],
    "direct": ["trajectories"],
    "dense": ["trajectories", "eigenspectrum"],
}


def card_name(network):
    """How a shipped network is called."""
    dataset, arm, seed = network.rsplit("-", 2)
    plain = seed == "s0" and dataset != "digits"  # cordsnet-digits is another network, with longer trials
    return f"cordsnet-{dataset}" + {"three": ""}.get(arm, f"-{arm}") + ("" if plain else f"-{seed}")


def ship(network, folder, home):
    """Write the card and the weights of a trained network below `home`."""
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import load_weights, save_weights

    dataset, arm, _ = network.rsplit("-", 2)
    architecture, config, recipe, parameters, seed = plan(network)
    model, *_ = made(network)
    load_weights(model, folder / network / "weights.safetensors")
    name = card_name(network)
    digest = save_weights(model, home / "weights" / f"{name}.safetensors")
    metrics = json.loads((folder / network / "metrics.json").read_text())
    linear, seconds = cached_linear(dataset, folder), metrics.pop("cpu_s")
    metrics["test_accuracy_linear_classifier"] = float(linear.mean())
    metrics["n_parameters"] = sum(p.numel() for p in model.parameters())
    shown = f"first {parameters['n_train']:,} training images" if parameters.get("n_train") else "all training images"
    size = config["image_size"]
    title = {"digits": "scikit-learn's digits", "mnist": "MNIST", "cifar10": "CIFAR-10 (the reader's order)"}[dataset]
    write_card(
        Card(
            name=name,
            architecture=architecture,
            config={k: list(v) if isinstance(v, tuple) else v for k, v in config.items()},
            recipe=Recipe(name=recipe, parameters={k: list(v) if isinstance(v, tuple) else v for k, v in parameters.items()}),
            data=f"{title}, {shown}, {'all' if dataset == 'digits' else 'first'} {len(linear):,} test images, {size} x {size} pixels",
            seed=seed,
            weights=Weights(file=f"{name}.safetensors", sha256=digest),
            metrics={k: round(v, 4) for k, v in metrics.items() if np.isfinite(v)},
            probes=PROBES[arm] if seed == 0 else ["trajectories"],
            command=f"neurodyn train {name}",
            hardware=f"one CPU core, {seconds / 60:.1f} minutes",
            citation="Soo, Battista, Radmard, Wang 2024, Recurrent neural network dynamical systems for biological vision, NeurIPS 37",
            notes=f"{WHAT[arm]}. Two-core protocol: {config.get('channels', config.get('n_units'))} {'units' if arm == 'dense' else 'channels'}, trials of "
            f"{TRIAL['stimulus_ms']} ms (40 steps of 2 ms)"
            + ("" if arm == "cnn" else f", Euler step of {parameters.get('train_dt_ms', 5.0):g} ms in training")
            + (
                f", before the last {parameters['tune_epochs']} epochs of whole trials towards the steady state alone ({sum(parameters['steady'])} "
                f"iterations an area, gradients through {parameters['steady'][1]})"
                if "steady" in parameters
                else ""
            )
            + (
                ". No setting was tuned."
                if arm == "cnn"
                else f". The {'weight of the return to baseline' if dataset == 'mnist' else 'learning rate'} was chosen on images held out of the training split."
            ),
        ),
        home / f"{name}.yaml",
    )


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["choose", "train", "pack", "noise", "ablation", "ship"])
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--home", type=Path, default=Path(), help="where data/ and models/ are")
    given = parser.parse_intermixed_args()
    if given.verb == "choose":
        for dataset in given.networks:
            choose(dataset, given.folder)
    elif given.verb == "train":
        train(given.networks, given.folder)
    elif given.verb == "pack":
        for dataset in given.networks:
            pack(dataset, given.folder, given.home / "data" / f"cordsnet_{dataset}.nc")
    elif given.verb == "noise":
        for dataset in given.networks:
            noise(dataset, given.folder, given.home / "data" / f"cordsnet_noise_{dataset}.nc")
    elif given.verb == "ablation":
        ablation(given.home / "data" / "cordsnet_ablation.nc")
    else:
        for network in given.networks:
            ship(network, given.folder, given.home / "models")
