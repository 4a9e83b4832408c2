# %% [markdown]
# # The published sizes of the adaptive networks, for a GPU
#
# PathFinder at N = 14 (160 pixels, frozen Gabor stem, 40 x 40 map) and mazes of size 9 (24 pixels), tested on lengths and sizes never seen.  Cells,
# widths, kernels, norms and optimiser settings are those of the authors' earlier public code; epsilon, the price of a step, what halting looks at, the
# largest number of steps and the schedule of training halting are our choice, because the paper's were not available.  Not run for the results shipped
# here.
#
#     python analyses/notebooks/adrnn_full_scale.py pathfinder locrnn act --folder runs --seed 10 --device cuda
#     python analyses/notebooks/adrnn_full_scale.py mazes locrnn fixed --folder runs --seed 10 --device cuda
#     python analyses/notebooks/adrnn_full_scale.py pathfinder locrnn act --ablate interneurons --folder runs --seed 10 --device cuda
#
# One LocRNN on PathFinder is about 4e16 operations: an hour or less on one modern GPU.  Drawing 475,000 displays takes 2 h on one core first.

# %%
import argparse
import json
from pathlib import Path

GABOR = {"stem": "gabor", "task": "class", "image_channels": 1, "image_size": 160, "n_channels": 32, "stem_kernel": 11, "stem_stride": 2, "stem_pool": 2}
NETWORKS = {
    "pathfinder": {
        "locrnn": {**GABOR, "cell": "locrnn", "kernel": 7, "kernel_inter": 5},
        "hgru": {**GABOR, "cell": "hgru", "kernel": 9},
        "conv_gru": {**GABOR, "cell": "conv_gru", "n_channels": 24, "kernel": 7},
        "r_resnet": {**GABOR, "cell": "r_resnet", "n_channels": 54, "kernel": 3, "depth": 2},
        "feedforward": {**GABOR, "cell": "feedforward", "n_channels": 32, "kernel": 3, "depth": 8},
    },
    "mazes": {
        "locrnn": {"cell": "locrnn", "stem": "pixel", "n_channels": 64, "kernel": 5, "kernel_inter": 3},
        "hgru": {"cell": "hgru", "stem": "pixel", "n_channels": 64, "kernel": 5},
        "conv_gru": {"cell": "conv_gru", "stem": "pixel", "n_channels": 64, "kernel": 5},
        "r_resnet": {"cell": "r_resnet", "stem": "pixel", "n_channels": 128, "kernel": 3, "depth": 2},
        "feedforward": {"cell": "feedforward", "stem": "pixel", "n_channels": 64, "kernel": 3, "depth": 16},
    },
}
TASKS = {  # levels trained, levels tested, steps in training, largest number in training, in testing
    "pathfinder": {"levels": (14,), "test": (6, 9, 14, 16, 18, 21, 24), "n_steps": 12, "limit": 24, "trial": 96},
    "mazes": {"levels": (9,), "test": (9, 11, 13, 15, 17, 19, 25, 33), "n_steps": 30, "limit": 40, "trial": 160},
}
OPTIMISER = {
    "pathfinder": {"n_pool": 475_000, "batch_size": 256, "n_batches": 1856, "n_epochs": 5, "learning_rate": 1e-4, "options": {"image_size": 160}},
    "mazes": {"n_pool": 50_000, "batch_size": 50, "n_batches": 1000, "n_epochs": 50, "learning_rate": 1e-3, "weight_decay": 2e-4, "options": {}},
}
ABLATIONS = {
    "none": {},
    "interneurons": {"interneurons": False},
    "gates": {"gates": False},
    "norm": {"norm": "none"},
    "local norm": {"norm": "channel"},
    "tanh": {"activation": "tanh"},
    "relu6": {"activation": "relu6"},
    "clip": {"activation": "clip"},
    "halting at every place": {"halting_at": "place"},
}


# %%
def main(task, cell, method, ablation, folder, seed, device, tau):
    """Train one network and test it at every level."""
    from neurodyn.architectures import adrnn
    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import adrnn as recipe

    plan = TASKS[task]
    halting = method if method in ("act", "ponder") else "none"
    steps = 1 if cell == "feedforward" else plan["n_steps"]
    looks = {"halting_pool": "change" if task == "pathfinder" else "mean"}  # the mean over mostly empty displays hardly moves
    config = {**NETWORKS[task][cell], **looks, **ABLATIONS[ablation], "halting": halting, "n_steps": plan["trial"] if halting != "none" else steps}
    model = adrnn.build(adrnn.Config(**config), seed=seed)
    limit = plan["limit"] if halting != "none" else None
    least = min(6, steps)
    generator = "pathfinder" if task == "pathfinder" else "mazes"
    how = {"generator": generator, "levels": plan["levels"], "method": method, "n_steps": steps, "least_steps": least, "limit": limit, "tau": tau}
    parameters = recipe.Parameters(**how, **OPTIMISER[task], n_validation=1000, n_test=10_000, device=device)
    where = folder / f"{task}-{cell}-{method}-{ablation.replace(' ', '_')}-s{seed}"
    metrics = recipe.train(model, parameters, seed=seed, folder=where)
    save_weights(model, where / "weights.safetensors", dtype="float32")
    metrics |= recipe.measure(model, parameters, plan["test"], n=1000, seed=1, n_steps=model.config.n_steps)
    (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
    print(metrics)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("cell", choices=list(NETWORKS["mazes"]))
    parser.add_argument("method", choices=["act", "ponder", "fixed", "progressive"])
    parser.add_argument("--ablate", choices=list(ABLATIONS), default="none")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tau", type=float, default=0.003)
    given = parser.parse_args()
    main(given.task, given.cell, given.method, given.ablate, given.folder, given.seed, given.device, given.tau)
