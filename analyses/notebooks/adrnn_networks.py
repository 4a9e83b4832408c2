# %% [markdown]
# # Networks that decide how long to think, on small mazes and short contours
#
# Adaptive networks, fixed-step and feedforward controls, trained on mazes of sizes 5 and 7 or on contours of 5, 7 and 9 paddles, and tested on larger and
# longer ones they never saw.  A protocol for one core, a few minutes a network on mazes and most of an hour on contours: what differs between networks is
# the result, not how accurate they are.
#
#     python analyses/notebooks/adrnn_networks.py train act-s0 fixed-s0 --folder runs      # skips what is there; resumes what was stopped
#     python analyses/notebooks/adrnn_networks.py measure act-s0 fixed-s0 --folder runs    # every test level, every step
#     python analyses/notebooks/adrnn_networks.py pack --folder runs --out data/adrnn_outcomes.nc
#     python analyses/notebooks/adrnn_networks.py ship act-s0 --folder runs --home .
#
# Networks of one seed that differ only after the common beginning of training (see the recipe) take that beginning over from ``<folder>/bases``: the
# numbers are the same as if each had been trained alone, by the command on its card.  Published sizes: `analyses/notebooks/adrnn_full_scale.py`.

# %%
import argparse
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import xarray as xr

MAZE = {"n_channels": 16, "kernel": 3, "kernel_inter": 3, "norm": "channel", "image_size": 32}
HOW = {
    "levels": (5, 7),
    "n_steps": 24,
    "n_epochs": 20,
    "n_batches": 65,
    "batch_size": 32,
    "warm_share": 0.7,
    "n_validation": 50,
}
ADAPTIVE = {**MAZE, "halting": "act", "halting_gain": 30.0, "n_steps": 60}
PRICES = {"act-cheapest": 0.001, "act-cheap": 0.003, "act": 0.01, "act-dear": 0.03, "act-dearest": 0.1}  # of a step
# what differs from "act": other cells, and LocRNN without one of its parts
CELLS = {"hgru": {"cell": "hgru"}, "conv-gru": {"cell": "conv_gru"}, "r-resnet": {"cell": "r_resnet"}}
ABLATIONS = {
    "no-interneurons": {"interneurons": False},
    "no-gates": {"gates": False},
    "map-norm": {"norm": "map"},
    "tanh": {"activation": "tanh"},
}
# contours on a canvas half as wide as the published one, as many distractors an area: do both disks mark one contour?  A place of the map is 6 pixels
DISPLAYS = {
    "task": "class",
    "stem": "gabor",
    "n_channels": 16,
    "kernel": 5,
    "kernel_inter": 5,
    "norm": "none",
    "image_channels": 1,
    "image_size": 156,
    "stem_kernel": 9,
    "stem_stride": 2,
    "stem_pool": 3,
}
STOPPING = {"halting": "act", "halting_pool": "change", "halting_gain": 20.0, "halting_bias": -3.0, "n_steps": 60}
CANVAS = {"canvas": 156, "geometry": {"padding": 6, "seed_border": 14}, "n_distractors": 4, "matched": True, "max_tries": 20000}
TRACE = {
    "generator": "pathfinder",
    "levels": (5, 7, 9),
    "options": CANVAS,
    "trace": 5.0,
    "n_steps": 16,
    "least_steps": 6,
    "n_pool": 6000,
    "n_epochs": 20,
    "n_batches": 1000,
    "batch_size": 16,
    "warm_share": 0.8,
    "n_validation": 60,
    "n_test": 200,
    "precision": "bfloat16",
}
# condition -> configuration, recipe
CONDITIONS = {
    **{name: (ADAPTIVE, {**HOW, "method": "act", "tau": tau, "limit": 36}) for name, tau in PRICES.items()},
    **{name: ({**ADAPTIVE, **change}, {**HOW, "method": "act", "tau": PRICES["act"], "limit": 36}) for name, change in (CELLS | ABLATIONS).items()},
    "places": ({**ADAPTIVE, "halting_at": "place"}, {**HOW, "method": "act", "tau": PRICES["act"], "limit": 36}),
    "fixed": ({**MAZE, "halting": "none", "n_steps": 24}, {**HOW, "method": "fixed"}),
    "progressive": ({**MAZE, "halting": "none", "n_steps": 24}, {**HOW, "method": "progressive"}),
    "ponder": ({**ADAPTIVE, "halting": "ponder"}, {**HOW, "method": "ponder", "tau": 0.01, "limit": 36}),
    "feedforward": (
        {**MAZE, "cell": "feedforward", "depth": 8, "halting": "none", "n_steps": 1},
        {**HOW, "method": "fixed", "n_steps": 1, "least_steps": 1},
    ),
    **{  # the halting unit is trained alone to the end
        name: ({**DISPLAYS, **STOPPING}, {**TRACE, "method": "act", "tau": tau, "limit": 32, "unit_share": 0.2})
        for name, tau in (("pathfinder", 0.01), ("pathfinder-dear", 0.03))
    },
    "pathfinder-feedforward": (
        {**DISPLAYS, "cell": "feedforward", "depth": 8, "halting": "none", "n_steps": 1},
        {**TRACE, "method": "fixed", "n_steps": 1, "least_steps": 1},
    ),
}
SHARED = (*PRICES, "places", "fixed", "progressive", "ponder", "pathfinder", "pathfinder-dear")
LEVELS = {"mazes": (5, 7, 9, 11, 13, 15), "pathfinder": (5, 7, 9, 10, 11, 12, 14)}
N_TEST, N_STEPS, TEST_SEED, SEEDS = {"mazes": 100, "pathfinder": 400}, 60, 20231107, (0, 1, 2)
ABOUT = ("path_length", "fill_depth", "in_training", "label", "marker_distance")  # what the table keeps of an image
ONE_STEP = ("feedforward", "pathfinder-feedforward")
MORE_PROBES = ["eigenspectrum", "tag_propagation", "association_field", "settling", "trajectories"]


# %%
def plan(network):
    """(model, recipe parameters, condition, seed) of ``<condition>-s<seed>``."""
    from neurodyn.architectures import adrnn
    from neurodyn.training.recipes import adrnn as recipe

    condition, _, seed = network.rpartition("-s")
    config, parameters = CONDITIONS[condition]
    return adrnn.build(adrnn.Config(**config), seed=int(seed)), recipe.Parameters(**parameters), condition, int(seed)


def fork(base, where, model):
    """Begin a training where the common part of another of the same seed ended; its halting unit, untouched so far, is this network's own."""
    from neurodyn.training.checkpoints import load_checkpoint, save_checkpoint

    content = load_checkpoint(base)
    stored = {k: v for k, v in content["module"].items() if not k.startswith("halt.")}
    content["module"] = {k: stored.get(k, v) for k, v in model.state_dict().items()}
    group = content["optimiser"]["param_groups"][0]
    group["params"] = list(range(len(list(model.parameters()))))  # the halting unit comes last and has no moments yet
    save_checkpoint(where / "checkpoint.pt", content)


def train(networks, folder):
    """Train what is not there yet."""
    import torch

    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import adrnn as recipe

    torch.set_num_threads(1)
    for network in networks:
        where = folder / network
        if (where / "metrics.json").is_file():
            continue
        where.mkdir(parents=True, exist_ok=True)
        model, parameters, condition, seed = plan(network)
        base, shared = folder / "bases" / f"{parameters.generator}-{model.config.cell}-s{seed}.pt", condition in SHARED
        if shared and base.is_file() and not (where / "checkpoint.pt").is_file():
            fork(base, where, model)
        warm = round(parameters.warm_share * parameters.n_epochs)

        def keep(epoch, where=where, base=base, shared=shared, warm=warm):
            if shared and epoch == warm and not base.is_file():
                base.parent.mkdir(exist_ok=True)
                shutil.copy(where / "checkpoint.pt", base)

        metrics = recipe.train(model, parameters, seed=seed, folder=where, progress=False, at_epoch=keep)
        save_weights(model, where / "weights.safetensors")
        (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
        print(network, metrics, flush=True)


def measure(networks, folder):
    """Every network at every level, halted or not, on the same images; outcomes of each in a file.

    Mazes that occur in the training of any seed, however turned or mirrored, are left out; where hardly any other exists (size 5) the table says so.
    """
    from neurodyn.analysis import halting
    from neurodyn.seeding import subseed
    from neurodyn.training.checkpoints import load_weights
    from neurodyn.training.recipes._adrnn_data import draw_unseen, make_pools, seen_images

    tests = {}
    for network in networks:
        out = folder / network / "outcomes.nc"
        if out.is_file():
            continue
        model, parameters, condition, _ = plan(network)
        load_weights(model, folder / network / "weights.safetensors")
        n_steps = 1 if condition in ONE_STEP else N_STEPS
        generator, task = parameters.generator, model.config.task
        if generator not in tests:
            seen = set()
            for seed in SEEDS if generator == "mazes" else ():  # no two displays are alike
                seen |= seen_images(make_pools(generator, parameters.levels, parameters.n_pool, seed=subseed(seed, "train"), options={}, task=task))
            how = {"seed": TEST_SEED, "options": parameters.options, "task": task, "seen": seen}
            tests[generator] = {level: draw_unseen(generator, level, N_TEST[generator], **how) for level in LEVELS[generator]}
        parts = []
        for stimuli in tests[generator].values():
            one = halting(model.resized(stimuli.shape[-1]), stimuli, n_steps=n_steps)
            if model.halt is None:  # stops where it was told to
                one = stopped_at(one, model.config.n_steps)
            kept = [k for k in ABOUT if k in one.coords]
            parts.append(one.drop_vars([k for k in one.coords if k not in ("step", *kept)]).reset_coords(kept))
        data = xr.concat(parts, "level").assign_coords(level=list(tests[generator]))
        data.to_netcdf(out)
        print(network, data.score.mean("presentation").values.round(3), data.n_steps.mean("presentation").values.round(1), flush=True)


def stopped_at(one, step):
    """Outcomes of a network that takes `step` steps whatever it sees."""
    at = {"time_bin": min(step, one.sizes["time_bin"]) - 1}
    return one.assign(
        n_steps=one.n_steps * 0 + step,
        halted=one.halted | True,
        correct=one.step_correct.isel(at),
        score=one.step_score.isel(at),
        correct_unmixed=one.step_correct.isel(at),
    )


def pack(folder, out, generator):
    """Outcomes of every measured network in one file, steps as whole numbers and scores to three digits."""
    mine = [c for c, (_, how) in CONDITIONS.items() if how.get("generator", "mazes") == generator]
    names = [n for c in mine for n in sorted(p.name for p in folder.glob(f"{c}-s[0-9]")) if (folder / n / "outcomes.nc").is_file()]
    parts = []
    for name in names:
        one = xr.load_dataset(folder / name / "outcomes.nc")
        if one.sizes["time_bin"] == 1:
            one = one.isel(time_bin=np.zeros(N_STEPS, int))
        parts.append(one.assign_coords(step=("time_bin", np.arange(N_STEPS))))
    if generator == "pathfinder":
        names, parts = [*names, "distance-s0"], [*parts, distance_alone(parts[0])]
    data = xr.concat(parts, "network").assign_coords(network=names)
    about = {name: data[name].isel(network=0) for name in ABOUT if name in data}
    if not all((data[name] == one).all() for name, one in about.items()):
        raise SystemExit("networks saw other images")
    kept = {"n_steps": data.n_steps.astype(np.int16), "halted": data.halted.astype(np.int8), "ponder": data.ponder.astype(np.float32).round(3)}
    for name in ("correct", "correct_unmixed", "stopped_correct", "step_correct"):
        kept[name] = data[name].astype(np.int8)
    for name in ("score", "stopped_score", "step_score"):
        kept[name] = data[name].astype(np.float32).round(3)
    kept["probability"] = data.probability.mean("presentation").astype(np.float32)
    kept |= {name: one.astype(np.float32).round(2) if name == "marker_distance" else one.astype(np.int16) for name, one in about.items()}
    table = xr.Dataset(kept)
    seeds = [int(n.rpartition("-s")[2]) for n in names]
    table = table.assign_coords(condition=("network", [n.rpartition("-s")[0] for n in names]), training_seed=("network", seeds))
    trained = ", ".join(str(v) for v in CONDITIONS[mine[0]][1]["levels"])
    table.attrs = {"training_levels": trained, "n_images": N_TEST[generator], "test_seed": TEST_SEED, "data": f"generated {generator}"}
    table.to_netcdf(out, encoding={k: {"zlib": True, "complevel": 9} for k in table.data_vars})


def distance_alone(one):
    """Outcomes of an observer who sees nothing but the distance of the disks, fitted at every level."""
    from neurodyn.stimuli.pathfinder import distance_observer

    right = np.stack([distance_observer(d, y) for d, y in zip(one.marker_distance.values, one.label.values, strict=True)]).astype(float)
    alone, always = (("level", "presentation"), right), (("level", "presentation", "time_bin"), np.repeat(right[..., None], N_STEPS, axis=2))
    answers = dict.fromkeys(("correct", "score", "correct_unmixed"), alone)
    answers |= dict.fromkeys(("stopped_correct", "stopped_score", "step_correct", "step_score"), always)
    nothing = {"ponder": one.ponder * np.nan, "probability": one.probability * np.nan}
    return one.assign(answers | nothing | {"n_steps": one.n_steps * 0 + 1, "halted": one.halted | True})


def ship(network, folder, home):
    """Write the card and the weights of a trained network."""
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import load_weights, save_weights

    model, parameters, condition, seed = plan(network)
    config = CONDITIONS[condition][0]
    load_weights(model, folder / network / "weights.safetensors")
    name = f"adrnn-{network}" if condition.startswith("pathfinder") else f"adrnn-maze-{network}"
    digest = save_weights(model, home / "models" / "weights" / f"{name}.safetensors")
    metrics = json.loads((folder / network / "metrics.json").read_text())
    cpu = json.loads((folder / network / "history.jsonl").read_text().splitlines()[-1])["cpu_s"]  # goes on from the common beginning
    defaults = type(parameters)()
    changed = {f.name: getattr(parameters, f.name) for f in dataclasses.fields(parameters) if getattr(parameters, f.name) != getattr(defaults, f.name)}
    write_card(
        Card(
            name=name,
            architecture="adrnn",
            config=config,
            recipe=Recipe(name="adrnn", parameters={k: list(v) if isinstance(v, tuple) else v for k, v in changed.items()}),
            data=f"generated {parameters.generator}: trained on {parameters.n_pool} of each of the levels {', '.join(str(v) for v in parameters.levels)} under "
            f"the 8 symmetries of the square, tested on {parameters.n_test} others of each"
            + (" (size 5 has hardly any other: there the test mazes occur in training)" if parameters.generator == "mazes" else ""),
            seed=seed,
            weights=Weights(file=f"{name}.safetensors", sha256=digest),
            metrics=metrics,
            probes=["halting", *(MORE_PROBES if network == "act-s0" else [])],
            command=f"neurodyn train {name}",
            hardware=f"one CPU core, {cpu:.0f} s of training",
            citation="Veerabadran, Ravishankar, Tang, Raina and de Sa 2023, arXiv 2311.06964 (neither text nor code was available; every value is our choice)",
            notes="Small on purpose; published sizes in analyses/notebooks/adrnn_full_scale.py. What the networks show: analyses/adrnn/claims.md.",
        ),
        home / "models" / f"{name}.yaml",
    )


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["train", "measure", "pack", "ship"])
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("data/adrnn_outcomes.nc"))
    parser.add_argument("--home", type=Path, default=Path())
    parser.add_argument("--generator", choices=list(LEVELS), default="mazes")
    given = parser.parse_intermixed_args()
    if given.verb == "train":
        train(given.networks, given.folder)
    elif given.verb == "measure":
        measure(given.networks, given.folder)
    elif given.verb == "pack":
        pack(given.folder, given.out, given.generator)
    else:
        for network in given.networks:
            ship(network, given.folder, given.home)
