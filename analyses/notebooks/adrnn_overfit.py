# %% [markdown]
# # Can the network learn 512 PathFinder displays of 9 paddles by heart?
#
# An acceptance test of scaffold, cell and optimiser: an untrained network, the same displays again and again without mirroring or turning, 30 epochs.
# More than 99 % of the displays should be answered right at the end.
#
#     python analyses/notebooks/adrnn_overfit.py --folder runs/by-heart

# %%
import argparse
from pathlib import Path

import numpy as np

NETWORK = {
    "task": "class",
    "stem": "gabor",
    "n_channels": 24,
    "kernel": 5,
    "kernel_inter": 5,
    "norm": "none",
    "halting": "none",
    "n_steps": 8,
    "image_channels": 1,
    "image_size": 156,
    "stem_kernel": 9,
    "stem_stride": 2,
    "stem_pool": 3,
}
CANVAS = {"canvas": 156, "geometry": {"padding": 6, "seed_border": 14}, "n_distractors": 4, "matched": True}


def main(folder, n, n_epochs, batch_size):
    """Train and say after every epoch how many of the displays are answered right."""
    import torch

    from neurodyn.architectures import adrnn
    from neurodyn.training.loop import TrainConfig, fit
    from neurodyn.training.recipes import adrnn as recipe
    from neurodyn.training.recipes._adrnn_data import as_batch, make_pools

    torch.set_num_threads(1)
    model = adrnn.build(adrnn.Config(**NETWORK), seed=0)
    how = {"n_steps": model.config.n_steps, "least_steps": model.config.n_steps, "trace": 5.0, "precision": "bfloat16"}
    p = recipe.Parameters(generator="pathfinder", levels=(9,), options=CANVAS, method="fixed", **how)
    pool = make_pools("pathfinder", (9,), n, seed=9, options=CANVAS, task="class")[9]

    def batches(epoch, generator):
        order = torch.randperm(n, generator=generator).numpy()
        for k, rows in enumerate(np.array_split(order, n // batch_size)):
            yield as_batch(pool.images[rows], pool.targets[rows], pool.traces[rows]), 1000 * epoch + k

    def learned(module):
        right = 0
        with torch.no_grad():
            for rows in np.array_split(np.arange(n), -(-n // 64)):
                batch = as_batch(pool.images[rows], pool.targets[rows])
                answers = recipe._alone(module, recipe._plain(module, batch, 0, p.n_steps, "float32")).argmax(dim=1)
                right += int((answers == batch.targets).sum())
        print(f"right after this epoch: {right} of {n} ({100 * right / n:.1f} %)", flush=True)
        return {"right": right / n}

    n_batches = n // batch_size
    config = TrainConfig(n_epochs=n_epochs, batch_size=batch_size, learning_rate=3e-3, weight_decay=1e-4, clip_norm=1.0, schedule="cosine", warmup_steps=50)
    fit(model, batches, lambda m, item: recipe._loss(m, item[0], p, "warm", item[1]), config, folder=folder, evaluate=learned, n_batches=n_batches)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--n", type=int, default=512)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=4)
    given = parser.parse_args()
    main(given.folder, given.n, given.epochs, given.batch_size)
