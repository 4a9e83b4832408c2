# %% [markdown]
# # The published networks at full size
#
# ImageNet as folders at 224 pixels, R8, all five stages; it goes on where it was stopped.  A full run takes days on several GPUs (about 3e18
# floating-point operations an epoch of fine-tuning); this is not run for the results shipped here.
#
#     python analyses/notebooks/cordsnet_full_scale.py --depth 8 --root imagenet --folder runs/r8
#     python analyses/notebooks/cordsnet_full_scale.py --depth 8 --root imagenet --folder runs/r8-direct --arm direct     # or cnn, dense
#     python analyses/notebooks/cordsnet_full_scale.py --dataset image_folder --mix --root cifar10 --folder runs/c8       # train/<class>/*.png, test/...
#     torchrun --nproc-per-node 4 analyses/notebooks/cordsnet_full_scale.py ...
#
# Where the protocol differs from the paper: the CNN starts from random weights instead of a pretrained ResNet-18 and its learning rate falls
# along a cosine instead of in three stages; RandAugment is left out; the order of the crop and the resize to 224 pixels is exchanged.

# %%
import argparse
import dataclasses
import json
from pathlib import Path

from neurodyn.architectures import cordsnet, cordsnet_cnn, dense_rnn
from neurodyn.training.cards import Card, Recipe, Weights, write_card
from neurodyn.training.checkpoints import save_weights
from neurodyn.training.recipes import cordsnet as recipe
from neurodyn.training.recipes import cordsnet_cnn as cnn_recipe
from neurodyn.training.recipes import dense_rnn as dense_recipe
from neurodyn.training.recipes._trials import load_images

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
EPOCHS = ("cnn_epochs", "inverse_epochs", "linear_epochs", "anneal_epochs", "tune_epochs")


# %%
def plan(given):
    """(architecture, config, recipe, parameters) of an arm at full size."""
    config = cordsnet.Config(depth=given.depth, channels=given.channels, image_size=given.image_size, n_classes=given.n_classes, **IMAGENET)
    crop = 0.08 if given.dataset == "imagenet_folder" else None
    p = dataclasses.replace(
        recipe.PAPER, dataset=given.dataset, root=given.root, crop_area=crop, flip=True, mix=given.mix, device=given.device, batch_size=given.batch_size
    )
    p = dataclasses.replace(p, cnn_batch=given.cnn_batch or p.cnn_batch)
    if given.epochs is not None:
        p = dataclasses.replace(p, **dict.fromkeys(EPOCHS, given.epochs), anneal_rounds=2)
    if given.arm == "cnn":
        shared = ("dataset", "root", "crop_area", "flip", "mix", "device")
        of_cnn = cnn_recipe.Parameters(n_epochs=p.cnn_epochs, batch_size=p.cnn_batch, **{k: getattr(p, k) for k in shared})
        return cordsnet_cnn, cordsnet_cnn.twin_config(config), cnn_recipe, of_cnn
    if given.arm == "dense":
        n_parameters = sum(q.numel() for q in cordsnet.build(config, seed=0).parameters())
        n_units = dense_rnn.units_for(n_parameters, n_pixels=3 * config.image_size**2, n_classes=config.n_classes)
        names = [f.name for f in dataclasses.fields(dense_rnn.Config) if hasattr(config, f.name)]
        return dense_rnn, dense_rnn.Config(**{k: getattr(config, k) for k in names}, n_units=n_units), dense_recipe, p
    return cordsnet, config, recipe, recipe.with_stages(p, "tune") if given.arm == "direct" else p


def run(given):
    """Train one network; write its weights, metrics and card into the folder."""
    given.n_classes = given.n_classes or int(load_images(given.dataset, "train", image_size=given.image_size, root=given.root).labels.max()) + 1
    architecture, config, module, parameters = plan(given)
    model = architecture.build(config, seed=given.seed)
    metrics = module.train(model, parameters, seed=given.seed, folder=given.folder)
    name = f"cordsnet-r{given.depth}-{given.arm}-s{given.seed}"
    digest = save_weights(model.cpu(), given.folder / "weights" / f"{name}.safetensors")
    (given.folder / "metrics.json").write_text(json.dumps(metrics, indent=1))

    def plain(values):
        return {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(values).items()}

    card = Card(
        name=name,
        architecture=architecture.__name__.rpartition(".")[2],
        config=plain(config),
        recipe=Recipe(name=module.__name__.rpartition(".")[2], parameters=plain(parameters)),
        data=f"{given.dataset}, {given.image_size} pixels",
        seed=given.seed,
        weights=Weights(file=f"{name}.safetensors", sha256=digest),
        metrics=metrics,
        probes=["trajectories"],
        command=f"python analyses/notebooks/cordsnet_full_scale.py --depth {given.depth} --arm {given.arm} --seed {given.seed}",
        citation="Soo, Battista, Radmard, Wang 2024, Recurrent neural network dynamical systems for biological vision, NeurIPS 37",
    )
    write_card(card, given.folder / f"{name}.yaml")


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="train a CordsNet, or a control, by the published protocol")
    parser.add_argument("--arm", default="three", choices=("three", "cnn", "direct", "dense"))
    parser.add_argument("--depth", type=int, default=8, choices=cordsnet.DEPTHS)
    parser.add_argument("--dataset", default="imagenet_folder", choices=("imagenet_folder", "image_folder"))
    parser.add_argument("--root", required=True, help="folder with train/ and val/ (or test/)")
    parser.add_argument("--folder", type=Path, required=True, help="checkpoints, weights and card")
    parser.add_argument("--mix", action="store_true", help="CutMix and MixUp, as for CIFAR and Fashion-MNIST")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=recipe.PAPER.batch_size, help="of the recurrent stages, for each process")
    parser.add_argument("--cnn-batch", type=int)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--n-classes", type=int, help="counted from the folders when absent")
    parser.add_argument("--epochs", type=int, help="of every stage, instead of the paper's (to try it out)")
    run(parser.parse_args())
