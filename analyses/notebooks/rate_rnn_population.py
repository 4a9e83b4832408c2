# %% [markdown]
# # Rate networks on five cognitive tasks: how alike are their trajectories?
#
# Networks of 125 units, connected fully, sparsely, with low rank, or by convolution (the last three with one number of free recurrent weights), are trained on each of
# five tasks by the recipe of their cards; seed 0 is shipped (`neurodyn list models`: rnn-*), further seeds are trained here.  `data/rate_rnn_population.nc` then holds
# the Procrustes distance of the trajectories of every pair of networks of a task (after the table of the CordsNet paper, whose values are not known to us).
#
# ```
# python analyses/notebooks/rate_rnn_population.py train   --seeds 1 2
# python analyses/notebooks/rate_rnn_population.py collect --seeds 0 1 2 --out data/rate_rnn_population.nc
# ```

# %%
import argparse
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import neurodyn as nd
from neurodyn.analysis import trajectory_alignment
from neurodyn.experiment.resolve import card_of
from neurodyn.experiment.train import train_card
from neurodyn.numerics import dimensionality
from neurodyn.stimuli.cognitive import TASKS, cognitive
from neurodyn.training.checkpoints import load_weights

KINDS = ("full", "sparse", "low_rank", "convolutional")
CARDS = {}  # (task, connectivity) -> the card, stimulus sets other than the whole ring left out
for name in nd.list_models():
    if name.startswith("rnn-") and card_of(name).recipe.parameters.get("stimulus_set", "ring") == "ring":
        CARDS[card_of(name).recipe.parameters["task"], card_of(name).config["connectivity"]] = name


# %%
def train(folder, seeds):
    for seed in seeds:
        for name in CARDS.values():
            target = folder / f"{name}-{seed}"
            if (target / f"{name}.safetensors").is_file():
                continue
            metrics, _ = train_card(name, folder=target, seed=seed, progress=False)
            print(name, seed, metrics, flush=True)


def network(folder, name, seed):
    """The shipped network, one of another seed, or the untrained twin of the shipped one (seed -1)."""
    if seed < 1:
        return nd.load_model(name, untrained=seed < 0)
    card = card_of(name)
    model = nd.build(card.architecture, seed=seed, **card.config)
    return load_weights(model, folder / f"{name}-{seed}" / f"{name}.safetensors").eval()


def available(folder, name, seeds):
    """Those of the seeds that are trained already."""
    return [s for s in seeds if s == 0 or (folder / f"{name}-{s}" / f"{name}.safetensors").is_file()]


# %%
def collect(folder, seeds, out):
    rows = []
    for task in TASKS:
        stimuli = cognitive(task, seed=0)  # every condition once, without noise
        found = {}
        for kind in KINDS:
            for seed in [-1, *available(folder, CARDS[task, kind], seeds)]:
                found[kind, seed] = nd.simulate(network(folder, CARDS[task, kind], seed), stimuli, progress=False)
        for (kind, seed), (other, second) in combinations(found, 2):
            a, b = found[kind, seed], found[other, second]
            apart = trajectory_alignment(a, b, n_components=10)
            rows.append((task, kind, seed, other, second, float(apart.procrustes), float(apart.shape_distance), float(apart.explained_variance_ratio.min())))
        print(task, len(rows), flush=True)
    columns = list(zip(*rows))
    names = ("task", "connectivity", "seed", "reference", "reference_seed")
    table = xr.Dataset(
        {
            "procrustes": ("pair", np.array(columns[5]), {"units": "1"}),
            "shape_distance": ("pair", np.array(columns[6]), {"units": "rad"}),
            "explained_variance_ratio": ("pair", np.array(columns[7]), {"units": "1"}),
        },
        coords={k: ("pair", np.array(v)) for k, v in zip(names, columns)},
        attrs={"n_units": 125, "n_components": 10},
    )
    ratios = []
    for (task, kind), name in CARDS.items():
        for seed in available(folder, name, seeds):
            r = nd.simulate(network(folder, name, seed), cognitive(task, seed=0), progress=False)
            x = r.values.transpose(0, 2, 1).reshape(-1, r.sizes["neuroid"])
            ratios.append((task, kind, seed, dimensionality.participation_ratio(dimensionality.covariance_spectrum(x))))
    t, k, s, value = zip(*ratios)
    table["participation_ratio"] = ("network", np.array(value), {"units": "1"})
    table = table.assign_coords(network_task=("network", np.array(t)), network_connectivity=("network", np.array(k)), network_seed=("network", np.array(s)))
    table.to_netcdf(out)
    print(table)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=("train", "collect"))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--folder", type=Path, default=Path("results/rate_rnn_population"))
    parser.add_argument("--out", type=Path, default=Path("data/rate_rnn_population.nc"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.stage == "train":
        train(arguments.folder, arguments.seeds)
    else:
        collect(arguments.folder, arguments.seeds, arguments.out)
