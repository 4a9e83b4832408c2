# %% [markdown]
# # The published networks at full size
#
# ResNet-50 with ImageNet weights teaches; students see 45,000 images of CIFAR-10 through 8 x 8 receptors for up to 100 epochs.  One epoch of
# the student takes about 700 s on one GPU of 2021; this is not run for the results shipped here.
#
#     python analyses/notebooks/drc_full_scale.py teacher --weights resnet50.pth --folder runs --seed 0
#     python analyses/notebooks/drc_full_scale.py student "5 steps, with position" --folder runs --seed 0
#
# Where the protocol differs from the paper: learning rates fall along a cosine instead of on plateaus, there is no early stopping, stride 2
# sits in the 3 x 3 convolution of a block, and each image is normalised by ImageNet's mean and standard deviation.

# %%
import argparse
import dataclasses
import json
from pathlib import Path

IMAGENET = {"mean": (0.485, 0.456, 0.406), "scale": (1 / 0.229, 1 / 0.224, 1 / 0.225)}
STUDENTS = {
    "5 steps, not moving": ({"n_steps": 5}, {"style": "not_moving"}),
    "5 steps, without position": ({"n_steps": 5, "position": False}, {"style": "spiral_2dir2"}),
    "10 steps, without position": ({"n_steps": 10, "position": False}, {"style": "spiral_2dir2"}),
    "5 steps, with position": ({"n_steps": 5}, {"style": "spiral_2dir2"}),
    "5 steps, deeper, with position": ({"n_steps": 5, "block_size": 2}, {"style": "spiral_2dir2"}),
    "10 steps, with position": ({"n_steps": 10}, {"style": "spiral_2dir2"}),
    **{f"kappa {k}": ({"n_steps": 5}, {"style": "von_mises", "kappa": k}) for k in (-5, -2, -1, 0, 2, 5, 20)},
    **{f"matched kappa {k}": ({"n_steps": 5}, {"style": "matched_von_mises", "kappa": k}) for k in (-5, -2, -1, 0, 2, 5, 20)},
}
TEACHER_EPOCHS = {"n_epochs": 30, "batch_size": 32, "learning_rate": 1e-4, "shift_px": 4, "precision": "bfloat16"}
STUDENT_EPOCHS = {
    "n_train": None,
    "epoch_size": None,
    "n_test": None,
    "n_passes": 5,
    "feature_epochs": 100,
    "feature_rate": 1e-3,
    "batch_size": 32,
    "back_epochs": 40,
    "back_rate": 2.5e-3,
    "back_batch_size": 32,
    "back_optimiser": "sgd",
    "n_cached": 0,
}


# %%
def train_teacher(folder, weights, seed, device):
    """Fine-tune ResNet-50 on CIFAR-10 enlarged to 224 pixels, and write its card."""
    from neurodyn.architectures import drc_teacher
    from neurodyn.training.cards import Card, Recipe, Weights, write_card
    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import drc_teacher as recipe

    config = drc_teacher.Config("resnet50", **IMAGENET)
    model = drc_teacher.build(dataclasses.replace(config, imagenet_weights=str(weights)), seed=seed)
    metrics = recipe.train(model, recipe.Parameters(**TEACHER_EPOCHS, device=device), seed=seed, folder=folder / f"teacher-s{seed}")
    name = f"drc-teacher-resnet50-s{seed}"
    digest = save_weights(model, folder / "weights" / f"{name}.safetensors")
    card = Card(
        name=name,
        architecture="drc_teacher",
        config={"kind": "resnet50", **{k: list(v) for k, v in IMAGENET.items()}},
        recipe=Recipe(name="drc_teacher", parameters={**TEACHER_EPOCHS, "device": device}),
        data="CIFAR-10, from ImageNet weights",
        seed=seed,
        weights=Weights(file=f"{name}.safetensors", sha256=digest),
        metrics=metrics,
        command=f"python analyses/notebooks/drc_full_scale.py teacher --seed {seed}",
    )
    write_card(card, folder / f"{name}.yaml")


def train_student(name, folder, seed, device):
    """Teach one published student, and write its weights and metrics."""
    from neurodyn.architectures import drc
    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.recipes import drc as recipe

    config, trajectory = STUDENTS[name]
    model = drc.build(drc.Config(**config), seed=seed)
    where = folder / f"{name}-s{seed}"
    parameters = recipe.Parameters(**STUDENT_EPOCHS, teacher=str(folder / f"drc-teacher-resnet50-s{seed}.yaml"), trajectory=trajectory, device=device)
    metrics = recipe.train(model, parameters, seed=seed, folder=where)
    save_weights(model, where / "weights.safetensors")
    (where / "metrics.json").write_text(json.dumps(metrics, indent=1))


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["teacher", "student"])
    parser.add_argument("name", nargs="?", choices=sorted(STUDENTS))
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    if given.what == "teacher":
        train_teacher(given.folder, given.weights, given.seed, given.device)
    else:
        train_student(given.name, given.folder, given.seed, given.device)
