# %% [markdown]
# # Networks behind a moving sensor of 8 x 8 receptors, on CIFAR-10
#
# One teacher; students and baselines in three seeds each.  This is a protocol for one core and a few minutes: networks are small, and see
# 6,000 presentations of the 45,000 training images; the differences between them are the result, not the accuracies.
#
#     python analyses/notebooks/drc_networks.py train teacher-s0 t5-s0 still-s0 --folder runs     # skips what is there; resumes what was stopped
#     python analyses/notebooks/drc_networks.py train all --folder runs
#     python analyses/notebooks/drc_networks.py probe matched-s0 --folder runs   # further tests of one network
#     python analyses/notebooks/drc_networks.py linear --folder runs             # the linear reference behind the same teacher
#     python analyses/notebooks/drc_networks.py pack --folder runs --out data/drc_outcomes.nc     # answers to every test image, and curves
#     python analyses/notebooks/drc_networks.py ship t5-s0 --folder runs --home .                 # weights and card of one network
#
# The published size needs a GPU: `analyses/notebooks/drc_full_scale.py` holds its configurations and recipe.

# %%
import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import xarray as xr

KAPPAS = [-5, -2, -1, 0, 2, 5, 20]
FAMILIES = {"kappa": "von_mises", "matched": "matched_von_mises"}
STUDENT = {
    "widths": (16, 16, 32),
    "activation": "elu",
    "upsample": 1,
    "teacher": "two_core",
    "scale": (2.0, 2.0, 2.0),
    "position_offset_px": 0.0,
    "position_scale_px": 4.0,
}
TEACHER = {"n_train": 12_500, "n_test": 1_000, "n_epochs": 2, "batch_size": 64}
TEACHERS = {  # the first teaches; the published small ones, at their learning rate, stand beside it (two and five minutes of a core)
    "teacher": ("two_core", {}),
    "teacher-v1": ("v1", {"learning_rate": 1e-3}),
    "teacher-v2": ("v2", {"learning_rate": 1e-3}),
}
SHORT = {"epoch_size": 750, "n_cached": 4_000, "n_test": 3_000, "batch_size": 32, "back_batch_size": 64}
NAME = "drc-teacher-cifar10"
TEST_SEED = 20220425
# condition -> architecture, configuration, changes of the recipe
CONDITIONS = {
    "t5": ("drc", {"n_steps": 5}, {}),
    "still": ("drc", {"n_steps": 5}, {"trajectory": {"style": "not_moving"}}),
    "t5-blind": ("drc", {"n_steps": 5, "position": False}, {}),
    "t10": ("drc", {"n_steps": 10}, {}),
    "t10-blind": ("drc", {"n_steps": 10, "position": False}, {}),
    **{name: ("drc", {"n_steps": 5}, {"trajectory": {"style": style, "kappa": KAPPAS}}) for name, style in FAMILIES.items()},
    "t5-labels": ("drc", {"n_steps": 5}, {"method": "labels"}),
    "naive": ("drc_baseline", {"kind": "committee", "n_steps": 10}, {"method": "labels", "feature_epochs": 12}),
    "naive-teacher": ("drc_baseline", {"kind": "committee", "n_steps": 10}, {}),
    "head": ("drc_baseline", {"kind": "recurrent_head", "width": 96}, {"method": "labels"}),
    "head-pos": ("drc_baseline", {"kind": "recurrent_head", "width": 96, "position": True}, {"method": "labels"}),
    "stack": ("drc_baseline", {"kind": "stacked", "position": True}, {}),
}
# as the paper did: a network for each kappa, trained and tested along walks of that kappa alone
OWN = {f"{name}={k}": ("drc", {"n_steps": 5}, {"trajectory": {"style": style, "kappa": k}}) for name, style in FAMILIES.items() for k in KAPPAS}
CONDITIONS |= OWN
FIRST = ["t5", "still", "t5-blind", "t10", "matched", "naive", "stack", "kappa", "head", "head-pos", "naive-teacher", "t10-blind", "t5-labels"]
ALL = ["teacher-s0", *(f"{name}-s{seed}" for seed in range(3) for name in [*FIRST, *OWN])]


# %%
def plan(network, folder):
    """(model, recipe module, recipe parameters, architecture, configuration, seed) of ``<condition>-s<seed>``."""
    from neurodyn.architectures import drc, drc_baseline, drc_teacher
    from neurodyn.training.recipes import drc as recipe
    from neurodyn.training.recipes import drc_teacher as teacher_recipe

    condition, _, seed = network.rpartition("-s")
    seed = int(seed)
    if condition in TEACHERS:
        kind, changes = TEACHERS[condition]
        parameters = teacher_recipe.Parameters(**TEACHER | changes)
        return drc_teacher.build(drc_teacher.Config(kind), seed=seed), teacher_recipe, parameters, "drc_teacher", {}, seed
    architecture, config, changes = CONDITIONS[condition]
    config = {**STUDENT, **config} if architecture == "drc" else config
    module = {"drc": drc, "drc_baseline": drc_baseline}[architecture]
    parameters = recipe.Parameters(**{"teacher": str(folder / f"{NAME}.yaml"), **SHORT, **changes})
    return module.build(module.Config(**config), seed=seed), recipe, parameters, architecture, config, seed


def train(networks, folder):
    """Train what is not there yet."""
    import torch

    from neurodyn.training.checkpoints import save_weights

    torch.set_num_threads(1)
    for network in ALL if networks == ["all"] else networks:
        where = folder / network
        if (where / "metrics.json").is_file():
            continue
        began, cpu = time.monotonic(), time.process_time()
        model, recipe, parameters, _, _, seed = plan(network, folder)
        metrics = recipe.train(model, parameters, seed=seed, folder=where, progress=False)
        save_weights(model, where / "weights.safetensors")
        metrics |= {"train_s": round(time.monotonic() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
        (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
        if network == "teacher-s0":
            card(network, folder, folder, NAME)
        print(network, {k: round(v, 4) for k, v in metrics.items() if not isinstance(v, dict) and "frame" not in k}, flush=True)


def card(network, folder, home, name):
    """Write the card and the weights of a trained network below `home` (``weights/`` beside the card)."""
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.checkpoints import load_weights

    model, _, parameters, architecture, config, seed = plan(network, folder)
    load_weights(model, folder / network / "weights.safetensors")
    digest = save_weights(model, home / "weights" / f"{name}.safetensors")
    metrics = json.loads((folder / network / "metrics.json").read_text())
    defaults = type(parameters)()
    changed = {f.name: getattr(parameters, f.name) for f in dataclasses.fields(parameters) if getattr(parameters, f.name) != getattr(defaults, f.name)}
    changed.pop("teacher", None)
    shown = f"the first {TEACHER['n_train']:,} training images" if architecture == "drc_teacher" else "6,000 presentations of the first 45,000 training images"
    n_test = parameters.n_test
    write_card(
        Card(
            name=name,
            architecture=architecture,
            config={k: list(v) if isinstance(v, tuple) else v for k, v in config.items()},
            recipe=Recipe(name="drc_teacher" if architecture == "drc_teacher" else "drc", parameters=changed),
            data=f"CIFAR-10: trained on {shown}, tested on the first {n_test:,} test images in the reader's order",
            seed=seed,
            weights=Weights(file=f"{name}.safetensors", sha256=digest),
            metrics={k: v for k, v in metrics.items() if k not in ("train_s", "cpu_s")},
            probes=["predictivity", "representational_geometry", *([] if architecture == "drc_teacher" else ["eigenspectrum", "trajectories"])],
            command=f"neurodyn train {name}",
            hardware=f"one core of an AMD EPYC, {metrics['cpu_s']:.0f} s of its time",
            citation="Rivkind, Ram, Assa, Kreiserman and Ahissar 2022, ICLR",
            notes="A protocol for one core and a few minutes; the published size is in analyses/notebooks/drc_full_scale.py.",
        ),
        home / f"{name}.yaml",
    )


def probe(networks, folder, kappas=KAPPAS):
    """Further answers of networks with a front end that recurs: to ten frames, and along both families of every kappa."""
    from neurodyn.seeding import subseed
    from neurodyn.training.checkpoints import load_weights
    from neurodyn.training.recipes._drc_data import load_split, outcomes

    images = load_split("test", SHORT["n_test"])
    for network in networks:
        model, _, parameters, *_ = plan(network, folder)
        load_weights(model, folder / network / "weights.safetensors")
        settings = {"padding": tuple(model.config.mean), "kernel": "cubic"}
        tests = {} if network.startswith("matched") else {"own, 10 frames": (parameters.trajectory, "ten", 10)}  # matched walks are of five frames
        for kappa in kappas:
            tests[f"published {kappa}"] = ({"style": "von_mises", "kappa": kappa}, "kappa", None)
            tests[f"matched {kappa}"] = ({"style": "matched_von_mises", "kappa": kappa}, "kappa", None)
        for name, (path, stream, n_steps) in tests.items():
            file = folder / network / f"{name}.npy"
            if not file.is_file():
                np.save(file, outcomes(model, images, path, **settings, seed=subseed(TEST_SEED, stream), n_steps=n_steps))


def linear(folder, n_seeds=3, n_steps=5):
    """The reference: the teacher behind the best linear reconstruction of each image; its back end retrained on the same maps, once a seed.

    What the front end would have to know beyond the sensor's positions and the spectrum of natural images is what a DRC gains over this.
    """
    import torch
    import torch.nn.functional as F

    from neurodyn.numerics.super_resolution import linear_reconstruction
    from neurodyn.seeding import subseed
    from neurodyn.training.loop import TrainConfig, fit
    from neurodyn.training.recipes._drc_data import draw, load_split, load_teacher, shuffled
    from neurodyn.numerics.sensor import sample

    torch.set_num_threads(1)
    teacher, path = load_teacher(str(folder / f"{NAME}.yaml")), {"style": "spiral_2dir2"}
    colour = teacher.config.mean

    def maps(images, seed, last):
        """Features of the reconstructions after every frame, or the last alone, and of the images; (presentation, frame, channel, row, column)."""
        where, found, full = draw(path, len(images), n_steps, seed=seed), [], []
        for rows in torch.arange(len(images)).split(100):
            pixels = images.take(rows)[0]
            seen = sample(pixels, where[rows], padding=colour)
            guess = torch.from_numpy(linear_reconstruction(seen.numpy(), where[rows].numpy(), padding=colour)).float()[:, -1 if last else 0 :]
            with torch.no_grad():
                found.append(torch.stack([teacher.features(guess[:, t]) for t in range(guess.shape[1])], dim=1))
                full.append(teacher.features(pixels))
        return torch.cat(found), torch.cat(full)

    train, test = load_split("train", 4_032), load_split("test", SHORT["n_test"])
    known, _ = maps(train, subseed(TEST_SEED, "linear"), last=True)
    shown, full = maps(test, subseed(TEST_SEED, 0), last=False)  # the test trajectories of every network
    error = float(F.mse_loss(shown[:, -1], full) / full.var())
    for seed in range(n_seeds):
        where, back = folder / f"linear-s{seed}", load_teacher(str(folder / f"{NAME}.yaml")).back.requires_grad_(True)
        config = TrainConfig(
            n_epochs=2, batch_size=64, learning_rate=1e-3, optimiser="adamw", clip_norm=1.0, schedule="cosine", warmup_steps=30, seed=subseed(seed, "back")
        )
        with torch.no_grad():
            before = float((back(shown[:, -1]).argmax(1) == test.labels).float().mean())
        fit(
            back,
            lambda epoch, g: ((known[rows, 0], train.labels[rows]) for _, rows in shuffled(len(train), 64, g)),
            lambda module, batch: (F.cross_entropy(module(batch[0]), batch[1]), {}),
            config,
            folder=where,
            n_batches=len(train) // 64,
            progress=False,
        )
        with torch.no_grad():
            right = torch.stack([back.eval()(shown[:, t]).argmax(1) == test.labels for t in range(n_steps)], dim=1).numpy()
        np.save(where / "outcomes.npy", right[None])
        metrics = {"test_accuracy": float(right[:, -1].mean()), "feature_error": error, "accuracy_before_retraining": before}
        (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
        print(f"linear-s{seed}", metrics, flush=True)


def pack(folder, out):
    """Answers of every trained network to every test image after every frame, and the training curves, in one file."""
    from neurodyn.training.recipes._drc_data import load_split

    found = [n for n in [*ALL[1:], *(f"linear-s{seed}" for seed in range(3))] if (folder / n / "metrics.json").is_file()]
    images = load_split("test", SHORT["n_test"])
    paths = ["own", "own, 10 frames", *(f"{family} {k}" for family in ("published", "matched") for k in KAPPAS)]
    correct = np.full((len(found), len(paths), len(images), 10), -1, np.int8)
    curves = np.full((len(found), 12), np.nan)
    for i, network in enumerate(found):
        metrics = json.loads((folder / network / "metrics.json").read_text())
        own = np.load(folder / network / "outcomes.npy")[0]
        correct[i, 0, :, : own.shape[1]] = own
        curve = list(metrics.get("feature_error_after", {}).values())
        curves[i, : len(curve)] = curve
        for j, name in enumerate(paths[1:], 1):
            cache = folder / network / f"{name}.npy"
            if cache.is_file():
                answers = np.load(cache)
                correct[i, j, :, : answers.shape[1]] = answers
    data = xr.Dataset(
        {
            "correct": (("model", "path", "presentation", "time_bin"), correct, {"units": "1", "missing": -1}),
            "feature_error": (("model", "epoch"), curves, {"units": "1"}),
        },
        coords={
            "model": found,
            "path": paths,
            "stimulus_id": ("presentation", [f"cifar10-test-{k:05d}" for k in range(len(images))]),
            "step": ("time_bin", np.arange(10), {"units": "step"}),
            "shown": ("epoch", SHORT["epoch_size"] * np.arange(1, 13), {"units": "presentations"}),
            "condition": ("model", [n.rpartition("-s")[0] for n in found]),
            "training_seed": ("model", [int(n.rpartition("-s")[2]) for n in found]),
        },
        attrs={"teacher_test_accuracy": metric(folder, "teacher-s0", "test_accuracy"), "linear_feature_error": metric(folder, "linear-s0", "feature_error")}
        | {"data": "CIFAR-10"},
    )
    data.to_netcdf(out, encoding={k: {"zlib": True, "complevel": 9} for k in data.data_vars})


def metric(folder, network, name):
    """One number of a network's metrics."""
    return json.loads((folder / network / "metrics.json").read_text())[name]


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["train", "probe", "linear", "pack", "ship"])
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("data/drc_outcomes.nc"))
    parser.add_argument("--home", type=Path, default=Path())
    given = parser.parse_intermixed_args()
    if given.verb == "train":
        train(given.networks, given.folder)
    elif given.verb == "probe":
        probe(given.networks, given.folder)
    elif given.verb == "linear":
        linear(given.folder)
    elif given.verb == "pack":
        pack(given.folder, given.out)
    else:
        for network in given.networks:
            name = NAME if network.startswith("teacher") else f"drc-cifar10-{network}"
            card(network, given.folder, given.home / "models", name)
