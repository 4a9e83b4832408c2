# %% [markdown]
# # PC-RNN at full size, on fastMRI
#
# Needs the data (registration at fastmri.med.nyu.edu, folders `multicoil_train` and `multicoil_val` below `NEURODYN_DATA/fastmri`) and a GPU of
# 16 GB or more; it is not run for the results shipped here.  The paper's strides, channels, iterations, optimiser and coil compression are not
# known to us: 64 channels, strides 4, 2, 1, five iterations and eight virtual coils are our choices.
#
#     python analyses/notebooks/pcrnn_full_scale.py train pyramid --folder runs --root /data/fastmri
#     python analyses/notebooks/pcrnn_full_scale.py test pyramid --folder runs --root /data/fastmri
#
# Metrics are fastMRI's, of volumes cropped to their targets, on the validation volumes with one fixed mask each; they are not comparable with a
# leaderboard, whose volumes are hidden.

# %%
import argparse
import json
from pathlib import Path

import numpy as np

NETWORKS = {
    "pyramid": ("pcrnn", {}),
    "single": ("pcrnn", {"strides": [1], "n_iterations": [15]}),
    "untied": ("pcrnn", {"tied": False}),
    "no-consistency": ("pcrnn", {"data_consistency": False}),
    "no-fusion": ("pcrnn", {"fusion_channels": 0}),
    "unet": ("mri_baseline", {"kind": "unet", "channels": 32}),
    "cascade": ("mri_baseline", {"kind": "cascade", "channels": 32}),
    "crnn": ("mri_baseline", {"kind": "crnn", "channels": 64}),
}
N_COILS = 8
EPOCHS = {"n_epochs": 50, "batch_size": 1, "learning_rate": 1e-3, "nmse_of": "magnitude", "mask": "random"}


# %%
def model_of(name, seed):
    """An untrained network."""
    from neurodyn.experiment.resolve import build

    architecture, config = NETWORKS[name]
    return build(architecture, seed=seed, n_coils=N_COILS, **config)


def slices_of(file, acceleration, kind, seed):
    """Frames and targets of one volume, with a mask drawn for it, slice by slice."""
    import torch

    from neurodyn.datasets import fastmri
    from neurodyn.numerics.coils import compression
    from neurodyn.numerics.fourier import as_channels
    from neurodyn.numerics.sampling_masks import CENTER_FRACTIONS, column_mask, n_center

    volume = fastmri.read_volume(file)
    full, target = volume.kspace.values, volume.target.values
    mask = column_mask(full.shape[-1], acceleration, kind=kind, seed=seed)
    mixed = compression(full, N_COILS, n_center=n_center(full.shape[-1], CENTER_FRACTIONS[acceleration]), pad=True)
    shown = torch.from_numpy(mask.astype(np.float32)).expand(1, 1, full.shape[-2], -1)
    for k in range(len(full)):
        kspace = torch.from_numpy(as_channels(mixed.apply(full[k]) * mask).astype(np.float32))[None]
        yield {"kspace": kspace, "mask": shown}, torch.from_numpy(target[k])[None]


def train(name, root, folder, seed, device):
    """Every slice of every volume once an epoch, a mask drawn anew for each volume."""
    import torch

    from neurodyn.datasets import fastmri
    from neurodyn.training.checkpoints import save_weights
    from neurodyn.training.loop import TrainConfig, fit
    from neurodyn.training.recipes import pcrnn as recipe

    files = fastmri.volumes(root, "multicoil_train")
    parameters = recipe.Parameters(**EPOCHS, device=device)

    def batches(epoch, generator):
        for k in torch.randperm(len(files), generator=generator).tolist():
            acceleration = (4, 8)[int(torch.randint(2, (1,), generator=generator))]
            yield from slices_of(files[k], acceleration, parameters.mask, int(torch.randint(2**62, (1,), generator=generator)))

    config = TrainConfig(
        n_epochs=parameters.n_epochs,
        batch_size=1,
        learning_rate=parameters.learning_rate,
        clip_norm=1.0,
        schedule="cosine",
        warmup_steps=2000,
        seed=seed,
        device=device,
        checkpoint_every_s=600,
    )
    model = model_of(name, seed)
    fit(model, batches, lambda module, batch: recipe.loss(module, batch, parameters), config, folder=folder / f"{name}-s{seed}")
    save_weights(model, folder / f"{name}-s{seed}" / "weights.safetensors")


def test(name, root, folder, seed, device):
    """NMSE, PSNR and SSIM of every validation volume at 4x and 8x."""
    import torch

    from neurodyn.datasets import fastmri
    from neurodyn.numerics.fourier import center_crop
    from neurodyn.numerics.image_quality import nmse, psnr, ssim
    from neurodyn.seeding import subseed
    from neurodyn.training.checkpoints import load_weights
    from neurodyn.training.recipes import pcrnn as recipe

    model = load_weights(model_of(name, seed), folder / f"{name}-s{seed}" / "weights.safetensors").to(device)
    found = {}
    for file in fastmri.volumes(root, "multicoil_val"):
        for a in (4, 8):
            pairs = []
            with torch.no_grad():
                for frame, target in slices_of(file, a, EPOCHS["mask"], subseed(0, "fastmri", file.stem)):
                    output = model.readout(recipe.run(model, {k: v.to(device) for k, v in frame.items()}))
                    pairs.append((target[0].numpy(), center_crop(recipe.magnitude(output), tuple(target.shape[-2:]))[0].cpu().numpy()))
            volume, image = (np.stack(v) for v in zip(*pairs, strict=True))
            found[f"{file.stem} {a}x"] = {"nmse": nmse(volume, image), "psnr": psnr(volume, image), "ssim": ssim(volume, image)}
    (folder / f"{name}-s{seed}" / "metrics.json").write_text(json.dumps(found, indent=1))


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "test"])
    parser.add_argument("name", choices=sorted(NETWORKS))
    parser.add_argument("--root", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda")
    given = parser.parse_args()
    {"train": train, "test": test}[given.what](given.name, given.root, given.folder, given.seed, given.device)
