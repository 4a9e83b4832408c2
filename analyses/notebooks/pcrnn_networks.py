# %% [markdown]
# # Reconstruction networks on phantoms and on natural images, 32 pixels, 4 simulated coils, 4x and 8x
#
# A protocol for one core and a minute or two each.  Every network sees 300 images twice, then 300 others twice: 600 updates of two images.  Other
# counts: ``-short``, the first 300 images alone, 300 updates; the pyramid on natural images, four such sets, 1,200 updates; the U-Net, 1,200 images
# twice as one set, 1,200 updates.  Images come in the same order and under the same masks of a seed, with the same optimiser and learning rate,
# which was not tuned for any; only the network differs.  Widths were chosen so that the pyramid and most baselines have about as many parameters;
# `flat` is the pyramid with all three modules at full size, `single` one module with as many iterations as the pyramid has in all.
#
#     python analyses/notebooks/pcrnn_networks.py train pyramid-s0 single-s0 --folder runs      # skips what is there; resumes what was stopped
#     python analyses/notebooks/pcrnn_networks.py train all --folder runs
#     python analyses/notebooks/pcrnn_networks.py pack --folder runs --out data/pcrnn_outcomes.nc   # metrics of every test image
#     python analyses/notebooks/pcrnn_networks.py ship pyramid-s0 --folder runs --home models
#
# The published size needs fastMRI and a GPU: `analyses/notebooks/pcrnn_full_scale.py`.

# %%
import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import xarray as xr

FRAME = {"n_coils": 4, "image_size": [32, 32]}
PYRAMID = {**FRAME, "channels": 16, "fusion_channels": 16, "n_iterations": [3, 3, 3]}
TRAINING = {"n_train": 300, "n_cycles": 2, "n_epochs": 2, "batch_size": 2, "learning_rate": 3e-3, "n_validation": 20}
# condition -> architecture, configuration, changes of the recipe
CONDITIONS = {
    "zero-filled": ("mri_baseline", {**FRAME, "kind": "zero_filled"}, {}),
    "pyramid": ("pcrnn", PYRAMID, {}),
    "pyramid-short": ("pcrnn", PYRAMID, {"n_cycles": 1}),
    "single": ("pcrnn", {**PYRAMID, "strides": [1], "n_iterations": [9]}, {}),
    "single-short": ("pcrnn", {**PYRAMID, "strides": [1], "n_iterations": [9]}, {"n_cycles": 1}),
    "flat": ("pcrnn", {**PYRAMID, "strides": [1, 1, 1]}, {}),
    "flat-short": ("pcrnn", {**PYRAMID, "strides": [1, 1, 1]}, {"n_cycles": 1}),
    "single-wide": ("pcrnn", {**PYRAMID, "strides": [1], "n_iterations": [3], "channels": 36}, {}),
    "untied": ("pcrnn", {**PYRAMID, "tied": False}, {}),
    "no-consistency": ("pcrnn", {**PYRAMID, "data_consistency": False}, {}),
    "no-fusion": ("pcrnn", {**PYRAMID, "fusion_channels": 0}, {}),
    "unet": ("mri_baseline", {**FRAME, "kind": "unet", "channels": 6, "n_pools": 3}, {"n_train": 1200, "n_cycles": 1}),
    "cascade": ("mri_baseline", {**FRAME, "kind": "cascade", "channels": 18}, {}),
    "crnn": ("mri_baseline", {**FRAME, "kind": "crnn", "channels": 28, "n_iterations": 3}, {}),
    "zero-filled-natural": ("mri_baseline", {**FRAME, "kind": "zero_filled"}, {"images": "cifar10"}),
    "pyramid-natural": ("pcrnn", PYRAMID, {"images": "cifar10", "n_cycles": 4}),
    "single-natural": ("pcrnn", {**PYRAMID, "strides": [1], "n_iterations": [9]}, {"images": "cifar10"}),
    "cascade-natural": ("mri_baseline", {**FRAME, "kind": "cascade", "channels": 18}, {"images": "cifar10"}),
    "unet-natural": ("mri_baseline", {**FRAME, "kind": "unet", "channels": 6, "n_pools": 3}, {"images": "cifar10", "n_cycles": 1}),
}
ORDER = [
    "zero-filled-s0",
    "pyramid-s0",
    "pyramid-short-s0",
    "single-short-s0",
    "single-s0",
    "zero-filled-natural-s0",
    "pyramid-natural-s0",
    "no-consistency-s0",
    "no-fusion-s0",
    "flat-s0",
    "flat-short-s0",
    "unet-s0",
    "cascade-s0",
    "untied-s0",
    "pyramid-s1",
    "single-s1",
    "crnn-s0",
    "single-wide-s0",
    "single-natural-s0",
    "unet-natural-s0",
    "pyramid-s2",
    "single-s2",
]
N_TEST = 100
NAMES = {"pyramid-s0": "pcrnn-phantoms", "pyramid-natural-s0": "pcrnn-natural"}


# %%
def plan(network):
    """(model, recipe parameters, architecture, configuration, seed) of ``<condition>-s<seed>``."""
    from neurodyn.experiment.resolve import build
    from neurodyn.training.recipes import pcrnn as recipe

    condition, _, seed = network.rpartition("-s")
    architecture, config, changes = CONDITIONS[condition]
    parameters = recipe.Parameters(**{**TRAINING, **changes})
    return build(architecture, seed=int(seed), **config), parameters, architecture, config, int(seed)


def train(networks, folder):
    """Train what is not there yet, and measure it on the test images."""
    import torch

    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import pcrnn as recipe

    torch.set_num_threads(1)
    for network in ORDER if networks == ["all"] else networks:
        where = folder / network
        if (where / "metrics.json").is_file():
            continue
        model, parameters, *_, seed = plan(network)
        began = time.process_time()
        metrics = recipe.train(model, parameters, seed=seed, folder=where, progress=False)
        metrics["cpu_s"] = round(time.process_time() - began, 1)
        metrics["n_parameters"] = sum(p.numel() for p in model.parameters())
        where.mkdir(parents=True, exist_ok=True)
        if metrics["n_parameters"]:
            save_weights(model, where / "weights.safetensors")
        (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
        print(network, metrics, flush=True)


def restored(network, folder):
    """The model with the weights that are kept (half precision)."""
    from neurodyn.training.checkpoints import load_weights

    model, parameters, *rest = plan(network)
    file = folder / network / "weights.safetensors"
    if file.is_file():
        load_weights(model, file)
    return model, parameters, *rest


def pack(folder, out):
    """NMSE, PSNR and SSIM of every network on every test image at 4x and 8x, and how it was trained."""
    from neurodyn.training.recipes import pcrnn as recipe

    found = [n for n in ORDER if (folder / n / "metrics.json").is_file()]
    values = {k: np.full((len(found), 2, N_TEST), np.nan, np.float32) for k in ("nmse", "psnr", "ssim")}
    frames = {}
    for i, network in enumerate(found):
        model, parameters, *_ = restored(network, folder)
        for j, a in enumerate((4, 8)):
            key = (parameters.images, a)
            if key not in frames:
                frames[key] = recipe.measured(parameters.images, "test", N_TEST, acceleration=a, image_size=32, keep_reference=True)
            result = recipe.evaluate(model, frames[key])
            for name in values:
                values[name][i, j] = result[name].values
    metrics = [json.loads((folder / n / "metrics.json").read_text()) for n in found]
    data = {k: (("network", "acceleration", "presentation"), v, {"units": "dB" if k == "psnr" else "1"}) for k, v in values.items()}
    data["n_parameters"] = ("network", np.array([m["n_parameters"] for m in metrics]), {"units": "1"})
    data["cpu_s"] = ("network", np.array([m["cpu_s"] for m in metrics]), {"units": "s"})
    images = [plan(n)[1].images for n in found]
    coords = {
        "network": found,
        "acceleration": [4, 8],
        "condition": ("network", [n.rpartition("-s")[0].removesuffix("-natural") for n in found]),
        "images": ("network", images),
        "training_seed": ("network", [int(n.rpartition("-s")[2]) for n in found]),
        "item": ("presentation", np.arange(N_TEST)),
    }
    xr.Dataset(data, coords, {"n_test": N_TEST, "image_size": 32, "n_coils": 4, "note": "phantoms and simulated coils: synthetic"}).to_netcdf(
        out, encoding={k: {"zlib": True, "complevel": 9} for k in values}
    )


def ship(networks, folder, home):
    """Weights and card of a trained network below `home`."""
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import save_weights

    for network in networks:
        model, parameters, architecture, config, seed = restored(network, folder)
        name = NAMES.get(network, "pcrnn-" + network.rpartition("-s")[0])
        metrics = json.loads((folder / network / "metrics.json").read_text())
        digest = save_weights(model, home / "weights" / f"{name}.safetensors")
        defaults = type(parameters)()
        changed = {f.name: getattr(parameters, f.name) for f in dataclasses.fields(parameters) if getattr(parameters, f.name) != getattr(defaults, f.name)}
        what = "random head phantoms" if parameters.images == "phantoms" else "CIFAR-10 images in grey"
        write_card(
            Card(
                name=name,
                architecture=architecture,
                config=config,
                recipe=Recipe(name="pcrnn", parameters=changed),
                data=f"{parameters.n_train * parameters.n_cycles:,} {what}, 4 simulated coils, random masks at 4x and 8x mixed; tested on {parameters.n_test} others",
                seed=seed,
                weights=Weights(file=f"{name}.safetensors", sha256=digest),
                metrics={k: v for k, v in metrics.items() if k not in ("cpu_s", "n_parameters")},
                probes=["eigenspectrum", "trajectories", "settling"] if model.phase else ["representational_geometry"],
                command=f"neurodyn train {name}",
                hardware=f"one CPU core, {metrics['cpu_s']:.0f} s of its time",
                citation="Chen, Wang, Chen, Chen and Sun 2022, IEEE TMI 41:2033, doi 10.1109/TMI.2022.3153849 (arXiv 1912.00543)",
                notes="A protocol for one core and a few minutes on synthetic measurements; strides, channels and iterations are our choice.",
            ),
            home / f"{name}.yaml",
        )


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "pack", "ship"])
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("data/pcrnn_outcomes.nc"))
    parser.add_argument("--home", type=Path, default=Path("models"))
    given = parser.parse_args()
    if given.what == "train":
        train(given.networks or ["all"], given.folder)
    elif given.what == "pack":
        pack(given.folder, given.out)
    else:
        ship(given.networks, given.folder, given.home)
