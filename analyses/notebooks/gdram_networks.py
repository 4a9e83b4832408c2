# %% [markdown]
# # Glimpses at cluttered digits: Gaussian RAM, its two trainings, and its controls
#
# Digits of MNIST among clutter on canvases of 64 pixels, looked at through six glimpses of 12 samples at three scales.  A protocol for one core and
# a minute or two a network (ten for the CNN of equal parameters); every network sees as many canvases.
#
#     python analyses/notebooks/gdram_networks.py train corrected-s0 paper-s0 cnn-macs-s0 --folder runs    # skips what is there; resumes what was stopped
#     python analyses/notebooks/gdram_networks.py train all --folder runs
#     python analyses/notebooks/gdram_networks.py probe all --folder runs                    # answers to the test canvases, gradient diagnostics
#     python analyses/notebooks/gdram_networks.py pack --folder runs --out data/gdram_outcomes.nc
#     python analyses/notebooks/gdram_networks.py ship corrected-s0 --folder runs --home .   # weights and card of one network
#
# The published size needs a GPU: `analyses/notebooks/gdram_full_scale.py`.

# %%
import argparse
import json
import time
from pathlib import Path

import numpy as np
import xarray as xr

MODEL = {"image_size": 64, "in_channels": 1, "n_scales": 3, "n_steps": 6, "widths": [16, 32], "context_width": 16, "hidden": 64, "head": 64}
MENDED = {**MODEL, "variant": "corrected", "sigma_range": [0.2, 1.0]}
SHORT = {"n_train": 15_000, "n_epochs": 5, "batch_size": 64, "learning_rate": 4e-3}
FREE = {**SHORT, "n_scattered_epochs": 1, "supervise": "all", "reward": "to-go", "reinforce_weight": 0.01}
RECIPE = {**FREE, "move_cost": 1e-3}
PICTURES = {"data": "large-cifar10", "n_epochs": 2}
# condition -> configuration, recipe
CONDITIONS = {
    "corrected": (MENDED, RECIPE),
    "costless": (MENDED, FREE),
    "detached": ({**MENDED, "detach_weights": True}, RECIPE),
    "fixed": ({**MENDED, "policy": "fixed_sigma"}, RECIPE),
    "random": ({**MENDED, "policy": "random"}, {**RECIPE, "n_scattered_epochs": 0}),
    "centre": ({**MENDED, "policy": "centre"}, {**RECIPE, "n_scattered_epochs": 0}),
    "paper": (MODEL, SHORT),
    "cnn-macs": (MENDED, {**SHORT, "cnn": "equal-macs"}),
    "cnn-parameters": (MENDED, {**SHORT, "cnn": "equal-parameters"}),  # a canvas costs nine times as much: ten minutes of a core
    "cifar": ({**MENDED, "in_channels": 3}, {**RECIPE, **PICTURES}),
    "cifar-cnn-macs": ({**MENDED, "in_channels": 3}, {**SHORT, **PICTURES, "cnn": "equal-macs"}),
}
AGAIN = {1: ("corrected", "cnn-macs", "fixed", "random", "centre"), 2: ("corrected", "cnn-macs", "fixed")}  # what further seeds were trained of
QUEUE = [*(f"{name}-s0" for name in CONDITIONS), *(f"{name}-s{seed}" for seed, names in AGAIN.items() for name in names)]
CURVES = ["cross_entropy", "train_accuracy", "validation_accuracy", "reward", "reward_variance", "advantage_mean", "advantage_variance", "sigma"]
CURVES += ["clip_rate", "grad_norm"]
PROBES = ["eigenspectrum", "trajectories", "representational_geometry"]
# network -> name of the card, probes, notes
SHIPPED = {
    "corrected-s0": ("gdram-mnist", PROBES, "The corrected training: every module receives a gradient. Small on purpose; the published size needs a GPU."),
    "paper-s0": ("gdram-mnist-paper", PROBES, "The paper's training at the same size: location core and context stay as they were initialised."),
    "fixed-s0": ("gdram-mnist-fixed", PROBES, "A recurrent attention model: the same training with a constant sigma."),
    "random-s0": ("gdram-mnist-random", PROBES, "Control: trained on random fixations, no policy."),
    "cifar-s0": ("gdram-cifar10", PROBES, "The corrected training on CIFAR-10 enlarged to 64 pixels."),
}


# %%
def plan(network):
    """(model, recipe parameters, configuration, seed) of ``<condition>-s<seed>``."""
    from neurodyn.architectures import gdram
    from neurodyn.training.recipes import gdram as recipe

    condition, _, seed = network.rpartition("-s")
    config, parameters = CONDITIONS[condition]
    made = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
    return gdram.build(gdram.Config(**made), seed=int(seed)), recipe.Parameters(**parameters), config, int(seed)


def train(networks, folder):
    """Train what is not there yet."""
    import torch

    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import gdram as recipe

    torch.set_num_threads(1)
    for network in networks:
        where = folder / network
        if (where / "metrics.json").is_file():
            continue
        began, cpu = time.monotonic(), time.process_time()
        model, parameters, _, seed = plan(network)
        module = recipe.network(model, parameters, seed=seed)
        metrics = recipe.train_network(module, model.config, parameters, seed=seed, folder=where, progress=False)
        save_weights(module, where / "weights.safetensors", dtype="float32")
        metrics |= {"train_s": round(time.monotonic() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
        print(network, {k: round(v, 4) for k, v in metrics.items()}, flush=True)


# %%
def reload(network, folder):
    """(model or CNN with its trained weights, recipe parameters, configuration, seed)."""
    from neurodyn.training.checkpoints import load_weights
    from neurodyn.training.recipes import gdram as recipe

    model, parameters, config, seed = plan(network)
    module = recipe.network(model, parameters, seed=seed)
    load_weights(module, folder / network / "weights.safetensors")
    return module.eval(), parameters, config, seed


def test_images(parameters, n=2_000):
    """The test canvases (or enlarged pictures) with labels."""
    from neurodyn.experiment.cluttered_images import cluttered_images
    from neurodyn.schema import make_stimuli
    from neurodyn.training.recipes._gdram_data import load_split

    if parameters.data == "cluttered-mnist":
        return cluttered_images("mnist", n=n)
    images, labels = load_split(parameters, "test", image_size=64, n_channels=3)
    return make_stimuli(images.numpy()[:n], [f"cifar10-test-{k:05d}" for k in range(n)], label=labels.numpy()[:n])


def probe(networks, folder):
    """Answers to the test canvases along every kind of scanpath, and how gradients arrive."""
    import torch

    from neurodyn.analysis import glimpse_controls, network_cost
    from neurodyn.training.recipes import gdram as recipe
    from neurodyn.training.recipes._gdram_data import load_split

    torch.set_num_threads(1)
    for network in networks:
        where = folder / network
        if not (where / "weights.safetensors").is_file() or (where / "outcomes.nc").is_file():
            continue
        module, parameters, _, _ = reload(network, folder)
        stimuli = test_images(parameters)
        if parameters.cnn:
            with torch.no_grad():
                said = torch.cat([module(torch.from_numpy(stimuli.values[k : k + 250])) for k in range(0, len(stimuli), 250)]).argmax(1).numpy()
            right = (said == stimuli.label.values).astype(np.int8)
            found = xr.Dataset({"correct": (("path", "presentation", "time_bin"), np.repeat(right[None, :, None], 1, 2))}, coords={"path": ["own"]})
            metrics = json.loads((where / "metrics.json").read_text())
            found.attrs |= {"n_parameters": metrics["n_parameters"], "macs": metrics["macs"]}
        else:
            paths = {"own": {}, "random": {"fixations": "random"}, "centre": {"fixations": "centre"}, "shuffled": {"fixations": "shuffled"}}
            if network.startswith(("random", "cifar")):
                paths.pop("shuffled")
            found = glimpse_controls(module, stimuli, conditions=paths, extent=0.8125, seed=0)[["correct"]]
            cost = network_cost(module)
            heads = sum(p.numel() for p in module.baseline.parameters())
            found.attrs |= {"n_parameters": int(cost.n_parameters), "macs": int(cost.macs_trial), "n_parameters_baseline": heads}
            found = found.assign(diagnose(module, parameters, recipe, load_split).data_vars)
        found.to_netcdf(where / "outcomes.nc")
        print(network, found.correct.mean("presentation").values.round(3).tolist(), flush=True)


def diagnose(model, parameters, recipe, load_split, n_batches=20):
    """Gradient of every term of the loss in every module, and the signal and noise of the policy's gradient, on validation canvases."""
    images, labels = load_split(parameters, "validation", image_size=model.config.image_size, n_channels=model.config.in_channels)
    size = parameters.batch_size
    batches = [(images[k * size : (k + 1) * size], labels[k * size : (k + 1) * size], k, 0) for k in range(n_batches)]
    reach = recipe.gradient_reach(model, batches[0], parameters)
    terms, modules = list(reach), list(next(iter(reach.values())))
    ready = model.config.policy in ("learned", "fixed_sigma")
    noise = recipe.gradient_noise(model, batches, parameters) if ready else {"signal": np.nan, "noise": np.nan, "snr": np.nan}
    values = {"reach": (("term", "module"), np.array([[reach[t][m] for m in modules] for t in terms]))}
    values |= {f"gradient_{k}": ((), v) for k, v in noise.items()}
    return xr.Dataset(values, coords={"term": terms, "module": modules})


def pack(folder, out):
    """Answers of every trained network to every test image after every glimpse, training curves and gradient diagnostics, in one file."""
    found = [n for n in QUEUE if (folder / n / "outcomes.nc").is_file()]
    paths, steps, epochs = ["own", "random", "centre", "shuffled"], MODEL["n_steps"], SHORT["n_epochs"]
    correct = np.full((len(found), len(paths), 2_000, steps), -1, np.int8)
    curves = {k: np.full((len(found), epochs), np.nan) for k in CURVES}
    first = xr.load_dataset(folder / "corrected-s0" / "outcomes.nc")
    reach = np.full((len(found), first.sizes["term"], first.sizes["module"]), np.nan)
    noise, cost = np.full((len(found), 3), np.nan), np.full((len(found), 2), np.nan)
    for i, network in enumerate(found):
        result = xr.load_dataset(folder / network / "outcomes.nc")
        for j, name in enumerate(paths):
            if name in result.path:
                answers = result.correct.sel(path=name).values
                correct[i, j, : len(answers), : answers.shape[1]] = answers
        if network.startswith("random"):  # its own policy: the fixations drawn for the path `random`
            correct[i, paths.index("own")] = correct[i, paths.index("random")]
        for k, row in enumerate(json.loads(line) for line in (folder / network / "history.jsonl").read_text().splitlines()):
            for name, values in curves.items():
                values[i, k] = row.get(name, np.nan)
        cost[i] = result.attrs["n_parameters"], result.attrs["macs"]
        if "reach" in result:
            reach[i] = result.reach.values
            noise[i] = [float(result[f"gradient_{k}"]) for k in ("signal", "noise", "snr")]
    explained = 1 - curves["advantage_variance"] / curves["reward_variance"]
    by_epoch = {k: (("model", "epoch"), v, {"units": "1"}) for k, v in {**curves, "explained_variance": explained}.items()}
    data = xr.Dataset(
        {
            "correct": (("model", "path", "presentation", "time_bin"), correct, {"units": "1", "missing": -1}),
            "reach": (("model", "term", "module"), reach, {"units": "1"}),
            "gradient_noise": (("model", "part"), noise, {"units": "1"}),
            "n_parameters": ("model", cost[:, 0], {"units": "1"}),
            "macs": ("model", cost[:, 1], {"units": "1"}),
            **by_epoch,
        },
        coords={
            "model": found,
            "path": paths,
            "step": ("time_bin", np.arange(steps), {"units": "step"}),
            "epoch": ("epoch", np.arange(epochs) + 1, {"units": "1"}),
            "term": first.term.values,
            "module": first.module.values,
            "part": ["signal", "noise", "snr"],
            "condition": ("model", [n.rpartition("-s")[0] for n in found]),
            "training_seed": ("model", [int(n.rpartition("-s")[2]) for n in found]),
        },
        attrs={"data": "cluttered MNIST (CIFAR-10 where the network's name says so), 2,000 test images"},
    )
    data.to_netcdf(out, encoding={k: {"zlib": True, "complevel": 9} for k in data.data_vars})


def card(network, folder, home, name, probes, notes):
    """Write the card and the weights of a trained network below `home`."""
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import save_weights

    module, parameters, config, seed = reload(network, folder)
    digest = save_weights(module, home / "weights" / f"{name}.safetensors")
    metrics = json.loads((folder / network / "metrics.json").read_text())
    digits = parameters.data == "cluttered-mnist"
    shown = "MNIST digits on cluttered canvases of 40 pixels, enlarged to 64" if digits else "CIFAR-10 enlarged to 64 pixels"
    write_card(
        Card(
            name=name,
            architecture="gdram",
            config=config,
            recipe=Recipe(name="gdram", parameters=CONDITIONS[network.rpartition("-s")[0]][1]),
            data=f"{shown}: the first {parameters.n_train:,} training images, validated on the last {parameters.n_validation:,}, tested on the first "
            f"{parameters.n_test:,} test images",
            seed=seed,
            weights=Weights(file=f"{name}.safetensors", sha256=digest),
            metrics={k: round(v, 4) for k, v in metrics.items() if k not in ("train_s", "cpu_s")},
            probes=probes,
            command=f"neurodyn train {name}",
            hardware=f"one core of an AMD EPYC, {metrics['cpu_s']:.0f} s of its time",
            licence="BSD-3-Clause",
            citation="Shim and Kim 2020, ICCAS, arXiv 2011.06190",
            notes=notes,
        ),
        home / f"{name}.yaml",
    )


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["train", "probe", "pack", "ship"])
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("data/gdram_outcomes.nc"))
    parser.add_argument("--home", type=Path, default=Path())
    given = parser.parse_intermixed_args()
    chosen = QUEUE if given.networks == ["all"] else given.networks
    if given.verb == "train":
        train(chosen, given.folder)
    elif given.verb == "probe":
        probe(chosen, given.folder)
    elif given.verb == "pack":
        pack(given.folder, given.out)
    else:
        for network in chosen:
            card(network, given.folder, given.home / "models", *SHIPPED[network])
