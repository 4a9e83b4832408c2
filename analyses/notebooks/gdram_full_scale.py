# %% [markdown]
# # Gaussian RAM at its published size
#
# 128-pixel images, eight glimpses of 12 samples at four scales, 1.1 million parameters, 200 epochs of batches of 128 (Shim and Kim 2020).  One epoch of
# 40,000 images takes 108 MMAC x 3 x 40,000 = 13 TMAC, that is minutes on a GPU and hours on one core; this is not run for the results shipped here.
#
#     python analyses/notebooks/gdram_full_scale.py paper --data cluttered-mnist --folder runs --seed 0
#     python analyses/notebooks/gdram_full_scale.py corrected --data large-cifar10 --folder runs --seed 0
#     python analyses/notebooks/gdram_full_scale.py equal-macs --data cluttered-mnist --folder runs --seed 0
#     torchrun --nproc-per-node 4 analyses/notebooks/gdram_full_scale.py corrected --data cluttered-mnist --folder runs --seed 0
#
# Where the protocol differs from the paper: canvases are drawn anew every epoch; the learning rate falls along a cosine instead of by halves on
# plateaus; validation images are the last 10,000 of the training set, not the first; the network after the last epoch is tested, not the one of the
# best validation epoch; canvases are enlarged as they are, without the colour map and the JPEG files of the released preparation.

# %%
import argparse
import json
from pathlib import Path

PAPER = {"image_size": 128, "in_channels": 3, "n_scales": 4, "n_steps": 8, "anti_alias": False}
PROTOCOL = {"n_train": 40_000, "n_validation": 10_000, "n_test": 10_000, "n_epochs": 200, "batch_size": 128, "learning_rate": 1e-3}
MENDED = {"n_scattered_epochs": 20, "supervise": "all", "reward": "to-go", "reinforce_weight": 0.01, "move_cost": 1e-3}
NETWORKS = {
    "paper": (PAPER, {}),
    "corrected": ({**PAPER, "anti_alias": True, "variant": "corrected", "sigma_range": (0.2, 1.0)}, MENDED),
    "fixed": ({**PAPER, "anti_alias": True, "variant": "corrected", "sigma_range": (0.2, 1.0), "policy": "fixed_sigma"}, MENDED),
    "random": ({**PAPER, "anti_alias": True, "variant": "corrected", "policy": "random"}, {"supervise": "all"}),
    "centre": ({**PAPER, "anti_alias": True, "variant": "corrected", "policy": "centre"}, {"supervise": "all"}),
    "equal-macs": (PAPER, {"cnn": "equal-macs"}),
    "equal-parameters": (PAPER, {"cnn": "equal-parameters"}),
}


# %%
def train(name, data, folder, seed, device):
    """Train one network at full size, and write its weights and metrics."""
    from neurodyn.architectures import gdram
    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import gdram as recipe

    config, changes = NETWORKS[name]
    parameters = recipe.Parameters(data=data, **{**PROTOCOL, **changes}, device=device)
    model = gdram.build(gdram.Config(**config), seed=seed)
    module = recipe.network(model, parameters, seed=seed)
    where = folder / f"{data}-{name}-s{seed}"
    metrics = recipe.train_network(module, model.config, parameters, seed=seed, folder=where)
    save_weights(module, where / "weights.safetensors")
    (where / "metrics.json").write_text(json.dumps(metrics, indent=1))
    return metrics


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=sorted(NETWORKS))
    parser.add_argument("--data", choices=["cluttered-mnist", "large-cifar10"], default="cluttered-mnist")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    train(given.network, given.data, given.folder, given.seed, given.device)
