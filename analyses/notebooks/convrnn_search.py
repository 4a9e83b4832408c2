# %% [markdown]
# # A small architecture search: gates, bypass and feedback edges of the reciprocal gated network
#
# The tree-structured Parzen estimator proposes cells and feedback edges; each proposal has 40,000 parameters, sees 3,000 images of CIFAR-10 once
# and is scored on 1,000 training images it has not seen.  Stop it whenever you like: it goes on where it was.
#
#     python analyses/notebooks/convrnn_search.py run --folder search --trials 30
#     python analyses/notebooks/convrnn_search.py collect --folder search --trials 30 --out data/convrnn_search.nc

# %%
import argparse
import time
from pathlib import Path

from neurodyn.training.search import Choice, Real, search

N_PARAMETERS, SEED = 40_000, 0
EDGES = ("3->2", "4->2", "4->3")
SPACE = {
    "gating": Choice((True, False)),
    "bypass": Choice((True, False)),
    "cell_to_out": Choice((True, False)),
    "source_to_out_gate": Choice((True, False)),
    "layer_norm": Choice((True, False)),
    "kernel": Choice((1, 3)),
    "gate_function": Choice(("sigmoid", "tanh")),
    **{f"edge {edge}": Choice((True, False)) for edge in EDGES},
    "learning_rate": Real(1e-3, 1e-2, log=True),
}


# %%
def config_of(parameters):
    from neurodyn.architectures.convrnn import Config, match_parameters

    cell = {k: parameters[k] for k in ("gating", "bypass", "cell_to_out", "source_to_out_gate", "layer_norm", "kernel", "gate_function")}
    if not cell["gating"]:
        cell["source_to_out_gate"] = False  # there is no gate to reach
    edges = tuple(edge for edge in EDGES if parameters[f"edge {edge}"])
    given = Config(cell="reciprocal_gated", cell_options=cell, feedback=edges, widths=(16, 32, 48, 64), pools=(1, 2), schedule=(8, 0))
    return match_parameters(given, N_PARAMETERS)


def objective(parameters, folder):
    from neurodyn.architectures.convrnn import build
    from neurodyn.training.recipes.convrnn import Parameters, load_images, train_on

    recipe = Parameters(n_train=None, n_epochs=1, batch_size=60, learning_rate=parameters["learning_rate"], warmup_steps=10)
    images, labels = load_images(recipe, "train", size=32)
    model = build(config_of(parameters), seed=SEED)
    return train_on(model, (images[:3000], labels[:3000]), (images[-1000:], labels[-1000:]), recipe, seed=SEED, folder=folder)["accuracy"]


def run(folder, n_trials, minutes):
    begin = time.monotonic()
    done = len((folder / "study.jsonl").read_text().splitlines()) if (folder / "study.jsonl").is_file() else 0
    while done < n_trials and time.monotonic() - begin < 60 * minutes:
        done += 1
        table = search(objective, SPACE, n_trials=done, folder=folder, seed=SEED)
        print(f"trial {done - 1}: {float(table.value[-1]):.3f}, best {float(table.best[-1]):.3f}", flush=True)
    return done >= n_trials


def collect(folder, n_trials, out):
    table = search(objective, SPACE, n_trials=n_trials, folder=folder, seed=SEED)
    for edge in EDGES:
        table = table.rename({f"edge {edge}": f"edge_{edge.replace('->', '_to_')}"})
    for name, column in table.data_vars.items():
        if column.dtype == bool:
            table[name] = column.astype("int8")
    table.attrs = {"data": "CIFAR-10: 3,000 images seen once, scored on 1,000 other training images", "n_parameters": N_PARAMETERS}
    table.to_netcdf(out)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "collect"))
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "run":
        raise SystemExit(0 if run(arguments.folder, arguments.trials, arguments.minutes) else 3)
    collect(arguments.folder, arguments.trials, arguments.out)
