# %% [markdown]
# # Which cell, and does feedback help? Networks of equal size on CIFAR-10
#
# Every condition has 4 layers, 32-pixel images and 40,000 parameters (feedforward controls too), is trained on 10,000 images of
# CIFAR-10 for 2 epochs by the cross-entropy of the last of 8 steps, and is tested on 2,000 others.  This is a protocol for two cores:
# the differences between conditions are the result, not the accuracies.
#
#     python analyses/notebooks/convrnn_comparison.py next --folder runs      # trains the next run that nobody has claimed; repeat
#     python analyses/notebooks/convrnn_comparison.py collect --folder runs --out data/convrnn_comparison.nc
#     python analyses/notebooks/convrnn_comparison.py ship --folder runs      # seed 0 of every condition into models/

# %%
import argparse
import json
import time
from pathlib import Path

import numpy as np
import xarray as xr

N_PARAMETERS = 40_000
TRUNK = {"widths": (16, 32, 48, 64), "pools": (1, 2), "schedule": (8, 0)}
SMALL_GATED = {"use_source": False}
FEEDBACK = ("4->2", "4->3", "3->2")
HEADLINE = {
    "rgc": {"cell": "reciprocal_gated", "cell_options": SMALL_GATED},
    "rgc_feedback": {"cell": "reciprocal_gated", "cell_options": SMALL_GATED, "feedback": FEEDBACK},
    "simple_rnn": {"cell": "simple_rnn"},
    "conv_lstm": {"cell": "conv_lstm"},
    "rgc_ungated": {"cell": "reciprocal_gated", "cell_options": {**SMALL_GATED, "gating": False}},
    "rgc_no_bypass": {"cell": "reciprocal_gated", "cell_options": {**SMALL_GATED, "bypass": False}},
}
OTHERS = {
    "feedforward": {"cell": None, "schedule": (5, 0)},
    "feedforward_deeper": {"cell": None, "widths": (16, 32, 32, 48, 48, 64), "schedule": (7, 0)},
    "feedforward_trunk": {"cell": None, "schedule": (5, 0), "same_trunk_as": "rgc"},
    "time_decay": {"cell": "time_decay"},
    "conv_gru": {"cell": "conv_gru"},
    "ugrnn": {"cell": "ugrnn"},
    "intersection_rnn": {"cell": "intersection_rnn"},
    "searched_gated": {"cell": "searched_gated", "cell_options": {"kernel": 3}},
}
RUNS = [(name, seed) for seed in range(2) for name in HEADLINE]
RUNS += [(name, 0) for name in OTHERS]
RUNS += [(name, seed) for seed in range(2, 6) for name in HEADLINE]
RUNS += [(name, seed) for seed in (1, 2) for name in OTHERS]
PROBES = {  # measurements that say something about a condition: only frozen gates settle, a feedforward net has no spectrum
    "rgc": ["eigenspectrum", "trajectories"],
    "rgc_ungated": ["fixed_points", "trajectories"],
    "simple_rnn": ["eigenspectrum", "trajectories"],
    "conv_lstm": ["eigenspectrum", "trajectories"],
}
PARAMETERS = {"n_train": 10_000, "n_test": 2_000, "n_epochs": 2, "batch_size": 100, "learning_rate": 4e-3, "warmup_steps": 20}


# %%
def config_of(name):
    """The configuration of a condition, its widths chosen so that the network has 40,000 parameters."""
    from neurodyn.architectures.convrnn import Config, match_parameters

    given = {**TRUNK, **(HEADLINE | OTHERS)[name]}
    twin = given.pop("same_trunk_as", None)
    if twin is not None:
        return Config(**{**given, "widths": config_of(twin).widths})
    return match_parameters(Config(**given), N_PARAMETERS)


def train_one(name, seed, folder):
    from neurodyn.architectures.convrnn import build
    from neurodyn.training.recipes.convrnn import Parameters, load_images, step_logits, train

    model, parameters = build(config_of(name), seed=seed), Parameters(**PARAMETERS)
    metrics = train(model, parameters, seed=seed, folder=folder)
    images, labels = load_images(parameters, "test", size=32)
    np.savez_compressed(folder / "test.npz", logits=step_logits(model, images).astype(np.float16), labels=labels, first=model.latency())
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
    return metrics


def next_run(folder, stale_s=1200):
    """Claim and train the first run that is neither done nor claimed lately."""
    for name, seed in RUNS:
        run = folder / f"{name}-{seed}"
        claim = run / "claim"
        if (run / "metrics.json").is_file() or (claim.is_file() and time.time() - claim.stat().st_mtime < stale_s):
            continue
        run.mkdir(parents=True, exist_ok=True)
        claim.touch()
        start = time.process_time()
        metrics = train_one(name, seed, run)
        print(f"{name}-{seed}: accuracy {metrics['accuracy']:.3f}, {metrics['n_parameters']:.0f} parameters, {time.process_time() - start:.0f} core-s", flush=True)
        return True
    print("all runs are done or claimed", flush=True)
    return False


def collect(folder, out):
    """Every finished run: whether each test image is named right at each step, and how far its logits carry."""
    found = {(n, s): np.load(folder / f"{n}-{s}" / "test.npz") for n, s in RUNS if (folder / f"{n}-{s}" / "metrics.json").is_file()}
    names, seeds = [n for n in {**HEADLINE, **OTHERS} if any(k[0] == n for k in found)], sorted({k[1] for k in found})
    n_images = len(next(iter(found.values()))["labels"])
    correct = np.full((len(names), len(seeds), n_images, 8), -1, dtype=np.int8)
    for (name, seed), run in found.items():
        first, logits = int(run["first"]), run["logits"].astype(np.float32)
        right = (logits.argmax(2) == run["labels"][:, None]).astype(np.int8)
        block = correct[names.index(name), seeds.index(seed)]
        block[:, first : first + right.shape[1]] = right
        block[:, first + right.shape[1] :] = right[:, -1:]  # a feedforward net goes on saying the same
    parameters = [json.loads((folder / f"{n}-{next(s for m, s in found if m == n)}" / "metrics.json").read_text())["n_parameters"] for n in names]
    dataset = xr.Dataset(
        {
            "correct": (("condition", "seed", "presentation", "step"), correct, {"units": "1", "missing": -1}),
            "n_parameters": ("condition", np.asarray(parameters), {"units": "1"}),
        },
        {"condition": names, "seed": seeds, "step": np.arange(8)},
        {"data": "CIFAR-10, 10,000 training and 2,000 test images", "protocol": "2 epochs, last of 8 steps, AdamW 4e-3"},
    )
    dataset.to_netcdf(out, encoding={"correct": {"zlib": True, "complevel": 9}})


def ship(folder, models):
    """Write the card and weights of seed 0 of every finished condition."""
    import dataclasses

    from neurodyn.architectures.convrnn import Config, build
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import load_checkpoint, load_weights, save_weights
    from neurodyn.training.recipes.convrnn import Parameters, load_images, step_logits

    default = dataclasses.asdict(Config())
    images, labels = load_images(Parameters(**PARAMETERS), "test", size=32)
    for name in HEADLINE | OTHERS:
        run = folder / f"{name}-0"
        if not (run / "metrics.json").is_file():
            continue
        key, config = f"convrnn-{name.replace('_', '-')}", config_of(name)
        model = build(config, seed=0)
        model.load_state_dict(load_checkpoint(run / "checkpoint.pt")["module"])
        file = models / "weights" / f"{key}.safetensors"
        sha256 = save_weights(model, file)
        by_step = (step_logits(load_weights(model, file), images).argmax(2) == labels[:, None]).mean(axis=0)
        metrics = json.loads((run / "metrics.json").read_text())
        kept = {k: v for k, v in dataclasses.asdict(config).items() if k == "cell" or v != default[k]}
        card = Card(
            name=key,
            architecture="convrnn",
            config={k: list(v) if isinstance(v, tuple) else v for k, v in kept.items()},
            recipe=Recipe(name="convrnn", parameters=PARAMETERS),
            data="CIFAR-10, the first 10,000 training and 2,000 test images of the reader's order",
            seed=0,
            weights=Weights(file=file.name, sha256=sha256),
            metrics={
                "accuracy": float(by_step[-1]),
                "accuracy_by_step": {str(model.latency() + k): float(v) for k, v in enumerate(by_step)},
                "n_parameters": metrics["n_parameters"],
                "train_loss": round(metrics["train_loss"], 4),
            },
            probes=PROBES.get(name, ["trajectories"]),
            command=f"neurodyn train {key} --ship",
            hardware="one CPU thread, about half a minute",
            citation="Nayebi et al. 2018, arXiv:1807.00053",
            notes="One of fourteen networks of 40,000 parameters that differ in their cell; a small protocol whose differences count, not its accuracies.",
        )
        write_card(card, models / f"{key}.yaml")
        print(f"{key}: accuracy {by_step[-1]:.4f} with float16 weights ({metrics['accuracy']:.4f} before)")


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("next", "collect", "ship", "sizes"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--minutes", type=float, default=0.0, help="begin further runs for this long")
    arguments = parser.parse_args()
    if arguments.what == "next":
        begin = time.monotonic()
        while (more := next_run(arguments.folder)) and time.monotonic() - begin < 60 * arguments.minutes:
            pass
        raise SystemExit(0 if more else 3)
    if arguments.what == "sizes":
        for condition in HEADLINE | OTHERS:
            print(condition, config_of(condition).widths)
    elif arguments.what == "ship":
        ship(arguments.folder, arguments.out or Path("models"))
    else:
        collect(arguments.folder, arguments.out)
