# %% [markdown]
# # The published networks at full size
#
# ImageNet as folders, 224 pixels, one GPU or several; it goes on where it was stopped.  The released network with its five feedback edges:
#
#     python analyses/notebooks/convrnn_full_scale.py --cell searched_gated --feedback edges_5 --root imagenet --folder runs/rgc
#     torchrun --nproc-per-node 4 analyses/notebooks/convrnn_full_scale.py ...
#
# What the papers leave open (learning rate, its schedule, clipping) is our choice, see `FULL_SCALE`.  Crops are central; the authors' are not known.

# %%
import argparse
import dataclasses
import json
from pathlib import Path

from neurodyn.architectures.convrnn import FEEDBACK_SETS, Config, build
from neurodyn.training.checkpoints import save_weights
from neurodyn.training.recipes.convrnn import FULL_SCALE, train

# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="train a published convolutional recurrent network on ImageNet")
    parser.add_argument("--depth", default="intermediate", choices=("shallow", "intermediate"))
    parser.add_argument("--cell", default="searched_gated")
    parser.add_argument("--feedback", default="none", choices=tuple(FEEDBACK_SETS))
    parser.add_argument("--root", required=True, help="folder with train/ and val/")
    parser.add_argument("--folder", type=Path, required=True, help="checkpoints and weights")
    parser.add_argument("--device", default=FULL_SCALE.device)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-epochs", type=int, default=FULL_SCALE.n_epochs)
    parser.add_argument("--batch-size", type=int, default=FULL_SCALE.batch_size)
    given = parser.parse_args()
    model = build(Config(depth=given.depth, cell=given.cell, feedback=given.feedback, image_size=224, n_classes=1000), seed=given.seed)
    parameters = dataclasses.replace(FULL_SCALE, root=given.root, device=given.device, n_epochs=given.n_epochs, batch_size=given.batch_size)
    metrics = train(model, parameters, seed=given.seed, folder=given.folder)
    save_weights(model, given.folder / "weights.safetensors")
    (given.folder / "metrics.json").write_text(json.dumps(metrics, indent=1))
