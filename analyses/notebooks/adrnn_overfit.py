# %% [markdown]
# # Can the network learn a few PathFinder displays of 9 paddles by heart?
#
# An acceptance test of scaffold, cell and optimiser: the same displays again and again, without mirroring or turning, for at most 30 epochs.  From an untrained
# network, or from a card that was trained on shorter contours.
#
#     python analyses/notebooks/adrnn_overfit.py --folder runs/scratch                                     # 128 displays, untrained
#     python analyses/notebooks/adrnn_overfit.py --folder runs/taught --card adrnn-pathfinder-s0     # after short contours
#     python analyses/notebooks/adrnn_overfit.py --folder runs/full --n 512 --canvas 300 --image-size 150  # the published canvas

# %%
import argparse
from pathlib import Path

import numpy as np


def main(folder, card, n, n_epochs, canvas, image_size, learning_rate):
    """Train and say after every epoch how many of the displays are answered right."""
    import torch

    from neurodyn.architectures import adrnn
    from neurodyn.experiment.resolve import load_model
    from neurodyn.training.loop import TrainConfig, fit
    from neurodyn.training.recipes import adrnn as recipe
    from neurodyn.training.recipes._adrnn_data import as_batch, make_pools

    torch.set_num_threads(1)
    model = load_model(card or "adrnn-pathfinder-s0")
    if card is None:
        model = adrnn.build(model.config, seed=0)
    model = model.resized(image_size)
    options = {"canvas": canvas, "image_size": image_size, "geometry": {"padding": 6, "seed_border": 14}, "n_distractors": 2, "matched": True}
    p = recipe.Parameters(generator="pathfinder", levels=(9,), options=options, method="fixed", trace=5.0, n_steps=24, least_steps=16)
    pool = make_pools("pathfinder", (9,), n, seed=9, options=options, task="class")[9]

    def batches(epoch, generator):
        order = torch.randperm(n, generator=generator).numpy()
        for k, rows in enumerate(np.array_split(order, n // 16)):
            yield as_batch(pool.images[rows], pool.targets[rows], pool.traces[rows]), 1000 * epoch + k

    def learned(module):
        with torch.no_grad():
            whole = as_batch(pool.images, pool.targets)
            answers = recipe._alone(module, recipe._plain(module, whole, 0, 20)).argmax(dim=1)
        right = float((answers == whole.targets).float().mean())
        print(f"right after this epoch: {100 * right:.1f} % of {n}", flush=True)
        return {"right": right}

    config = TrainConfig(n_epochs=n_epochs, batch_size=16, learning_rate=learning_rate, clip_norm=1.0, schedule="cosine", warmup_steps=10, seed=0)
    learned(model)
    fit(model, batches, lambda m, item: recipe._loss(m, item[0], p, "warm", item[1]), config, folder=folder, evaluate=learned, n_batches=n // 16, progress=False)


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--card", default=None)
    parser.add_argument("--n", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--canvas", type=int, default=132)
    parser.add_argument("--image-size", type=int, default=66)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    given = parser.parse_args()
    main(given.folder, given.card, given.n, given.epochs, given.canvas, given.image_size, given.learning_rate)
