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
# ```
#
# Both stages skip what is already in the folder (`--folder`, by default `results/feedback_population`), so they can be stopped and split over processes.

# %%
import argparse
import dataclasses
from pathlib import Path

import torch

from neurodyn.architectures.feedback import Config, build
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
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=("train", "measure", "collect"))
    parser.add_argument("--cells", nargs="+", default=list(DESIGN), choices=list(CELLS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(10)))
    parser.add_argument("--folder", type=Path, default=Path("results/feedback_population"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.stage == "train":
        train(arguments.folder, arguments.cells, arguments.seeds)
