"""Train a network to reconstruct images from few measurements, on phantoms or natural images with simulated coils.

The loss is NMSE + (1 - SSIM) of the root-sum-of-squares magnitude; that it combines the two is the paper's, equal weights are our choice, and so
are the optimiser, its schedule, the noise, mixed accelerations (each presentation draws one, and a new mask) and all sizes: none is known to us.
The defaults are a protocol for one core and a few minutes; ``analyses/notebooks/pcrnn_full_scale.py`` holds one for fastMRI.

Every network, whatever its architecture, sees the same images in the same order under the same masks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from neurodyn.datasets import cifar10, digits
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.numerics.fourier import as_channels, as_complex, center_crop, fft2c, ifft2c, rss
from neurodyn.numerics.image_quality import nmse, psnr, ssim, ssim_map
from neurodyn.numerics.sampling_masks import KINDS, column_mask
from neurodyn.seeding import subseed
from neurodyn.stimuli.measurements import coil_images, undersample
from neurodyn.stimuli.phantoms import phantoms
from neurodyn.training.loop import TrainConfig, fit

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["IMAGES", "Parameters", "evaluate", "loss", "magnitude", "measured", "reconstruct", "references", "run", "train"]

IMAGES = ("phantoms", "cifar10", "digits")
SPLITS = ("train", "validation", "test")
DATA_SEED = 1912_00543
Batch = tuple[dict[str, "Tensor"], "Tensor"]


@dataclass(frozen=True)
class Parameters:
    """How a network is trained.

    Attributes
    ----------
    images : {"phantoms", "cifar10", "digits"}
        Random heads of ellipses, or CIFAR-10 in grey or digits, enlarged to the network's size.
    n_train, n_validation, n_test : int
    accelerations : tuple of float
        Each presentation draws one of them.
    mask : {"random", "equispaced"}
    snr_db : float
        Of the simulated coils.
    n_cycles : int
        Training starts again from the weights reached, that often in all, with `n_train` images that were not shown before and the whole schedule.
    n_epochs, batch_size, learning_rate, warmup_steps, clip_norm
        Of AdamW without weight decay, with a cosine schedule, in one cycle.
    nmse_of : {"coils", "magnitude"}
        Of complex coil images, where the network gives them, or of magnitudes.
    nmse_weight, ssim_weight : float
        Of the two parts of the loss.
    device : str
    data_root : str, optional
        Folder of CIFAR-10; looked for under NEURODYN_DATA when absent.
    """

    images: str = "phantoms"
    n_train: int = 300
    n_validation: int = 20
    n_test: int = 100
    accelerations: tuple[float, ...] = (4.0, 8.0)
    mask: str = "random"
    snr_db: float = 30.0
    n_cycles: int = 2
    n_epochs: int = 2
    batch_size: int = 2
    learning_rate: float = 3e-3
    warmup_steps: int = 50
    clip_norm: float = 1.0
    nmse_of: str = "coils"
    nmse_weight: float = 1.0
    ssim_weight: float = 1.0
    device: str = "cpu"
    data_root: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "accelerations", tuple(float(a) for a in self.accelerations))
        if self.images not in IMAGES:
            raise unknown_name("pcrnn recipe", "images", self.images, IMAGES)
        if self.nmse_of not in ("coils", "magnitude"):
            raise unknown_name("pcrnn recipe", "nmse_of", self.nmse_of, ("coils", "magnitude"))
        if self.mask not in KINDS:
            raise unknown_name("pcrnn recipe", "mask", self.mask, KINDS)
        for name in ("n_train", "n_validation", "n_test", "n_cycles", "n_epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError("pcrnn recipe", f"`{name}` is {getattr(self, name)}", expected="1 or more")
        if not self.accelerations or min(self.accelerations) < 1:
            raise ConfigError(
                "pcrnn recipe", f"`accelerations` is {self.accelerations}", expected="one or more numbers of 1 or more", fix="accelerations=(4, 8)"
            )
        if min(self.nmse_weight, self.ssim_weight) < 0 or self.nmse_weight + self.ssim_weight == 0:
            raise ConfigError("pcrnn recipe", f"the loss weights are {self.nmse_weight} and {self.ssim_weight}", expected="not negative, and one above 0")


def train(model: Any, parameters: Parameters | None = None, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train `model` in place and say how well it reconstructs test images; resumes in `folder`.

    Parameters
    ----------
    model : DynamicalModel
        An architecture whose frame is a dict of ``kspace`` and ``mask``.
    parameters : Parameters, optional
    seed : int
        Order of the images and the masks.
    folder : path
        Checkpoints and history.
    progress : bool, optional

    Returns
    -------
    dict
        ``psnr_<a>x``, ``ssim_<a>x``, ``nmse_<a>x``, means over test images, and ``zero_filled_psnr_<a>x``, for every acceleration a.
    """
    parameters = parameters or Parameters()
    if any(p.requires_grad for p in model.parameters()):
        n = parameters.n_train
        shown = references(parameters.images, "train", parameters.n_cycles * n, **_simulated(model, parameters)).values
        for cycle in range(parameters.n_cycles):
            inner, own = (Path(folder), seed) if cycle == 0 else (Path(folder) / f"cycle-{cycle}", subseed(seed, "cycle", cycle))
            _cycle(model, shown[cycle * n : (cycle + 1) * n], parameters, own, inner, progress)
    return _summary(model, parameters, "test", parameters.n_test)


def _cycle(model: Any, shown: np.ndarray, parameters: Parameters, seed: int, folder: Path, progress: bool | None) -> None:
    import torch

    kspace = torch.from_numpy(as_channels(fft2c(as_complex(shown))).astype(np.float32))
    coils = torch.from_numpy(shown)
    config = TrainConfig(
        n_epochs=parameters.n_epochs,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        clip_norm=parameters.clip_norm,
        schedule="cosine",
        warmup_steps=parameters.warmup_steps,
        seed=seed,
        device=parameters.device,
    )
    fit(
        model,
        lambda epoch, generator: _batches(kspace, coils, parameters, generator),
        lambda module, batch: loss(module, batch, parameters),
        config,
        folder=folder,
        evaluate=lambda module: _summary(module, parameters, "validation", parameters.n_validation),
        n_batches=-(-len(kspace) // parameters.batch_size),
        progress=progress,
    )


def references(
    images: str,
    split: str,
    n: int,
    *,
    image_size: tuple[int, int] | int = 32,
    n_coils: int = 4,
    snr_db: float = 30.0,
    data_root: str | None = None,
) -> xr.DataArray:
    """Fully sampled coil images of one split, (presentation, channel, row, column).

    Parameters
    ----------
    images : {"phantoms", "cifar10", "digits"}
    split : {"train", "validation", "test"}
        No image is in two; validation images of CIFAR-10 and of the digits are the last of their training split.
    n : int
    image_size : int or (int, int)
        Pixels; cut from a square where they are not square.
    n_coils, snr_db
        Of :func:`neurodyn.stimuli.measurements.coil_images`.
    data_root : str, optional
    """
    if split not in SPLITS:
        raise unknown_name("references", "split", split, SPLITS)
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if images == "phantoms":
        shown = phantoms(n, image_size=max(size), seed=subseed(DATA_SEED, split) % 2**31)
    elif images in IMAGES:
        named = "test" if split == "test" else "train"
        if images == "cifar10":
            shown = _grey(cifar10.pixels(data_root, named)[0], split, n, max(size))
        else:
            stimuli, _ = digits.load(named, image_size=max(size))
            keep = slice(-n, None) if split == "validation" else slice(0, n)
            shown = stimuli.isel(presentation=keep)
    else:
        raise unknown_name("references", "images", images, IMAGES)
    if shown.sizes["presentation"] < n:
        raise ConfigError("references", f"{n} {images} of the {split} split are asked for but there are {shown.sizes['presentation']}", expected="fewer")
    return coil_images(shown[..., : size[0], : size[1]], n_coils=n_coils, snr_db=snr_db, seed=DATA_SEED)


def measured(
    images: str = "phantoms",
    split: str = "test",
    n: int = 16,
    *,
    acceleration: float = 4,
    mask: str = "random",
    image_size: tuple[int, int] | int = 32,
    n_coils: int = 4,
    snr_db: float = 30.0,
    keep_reference: bool = False,
) -> xr.Dataset:
    """Frames of one split: the images that networks are evaluated on, under masks of their own draw; an experiment names it as a generator of stimuli.

    Parameters
    ----------
    keep_reference : bool
        Keep the fully sampled images; analyses of the error need them, `simulate` refuses them.

    Returns
    -------
    Dataset
        Of :func:`neurodyn.stimuli.measurements.undersample`.
    """
    shown = references(images, split, n, image_size=image_size, n_coils=n_coils, snr_db=snr_db)
    return undersample(shown, acceleration=acceleration, mask=mask, keep_reference=keep_reference, seed=subseed(DATA_SEED, split, acceleration))


def reconstruct(model: Any, frames: xr.Dataset, *, batch_size: int = 20) -> np.ndarray:
    """Magnitudes after the model's own trial, (presentation, row, column)."""
    import torch

    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    kspace, mask = (torch.from_numpy(np.ascontiguousarray(frames[k].values)) for k in ("kspace", "mask"))
    found = []
    with torch.no_grad():
        for k in range(0, len(kspace), batch_size):
            frame = {"kspace": kspace[k : k + batch_size].to(device), "mask": mask[k : k + batch_size].to(device)}
            found.append(magnitude(model.readout(run(model, frame))).cpu().numpy())
    return np.concatenate(found)


def evaluate(model: Any, frames: xr.Dataset) -> xr.Dataset:
    """NMSE, PSNR and SSIM of each reconstruction and of its zero-filled image, (presentation); each slice is its own volume.

    Parameters
    ----------
    model : DynamicalModel
    frames : Dataset
        With ``reference``.
    """
    target, found = rss(frames.reference.values), reconstruct(model, frames)
    zero_filled = rss(as_channels(ifft2c(as_complex(frames.kspace.values))))
    data = {}
    for prefix, images in (("", found), ("zero_filled_", zero_filled)):
        for name, measure, units in (("nmse", nmse, "1"), ("psnr", psnr, "dB"), ("ssim", ssim, "1")):
            data[prefix + name] = ("presentation", np.array([measure(t, i) for t, i in zip(target, images, strict=True)]), {"units": units})
    return xr.Dataset(data, {"stimulus_id": frames.stimulus_id})


def loss(module: Any, batch: Batch, parameters: Parameters) -> tuple[Tensor, dict[str, float]]:
    """NMSE + (1 - SSIM) of one batch, weighted, and both parts.

    Parameters
    ----------
    module : nn.Module
    batch : (frame, target)
        Targets are coil images, (batch, 2 * coil, row, column), or magnitudes, (batch, row, column), which may be cropped about the centre.
    parameters : Parameters
    """
    frame, wanted = ({k: v.to(parameters.device) for k, v in batch[0].items()}, batch[1].to(parameters.device))
    output = module.readout(run(module, frame))
    target = wanted if wanted.dim() == 3 else rss(wanted)
    found = center_crop(magnitude(output), tuple(target.shape[-2:]))  # type: ignore[arg-type]
    a, b = (output, wanted) if parameters.nmse_of == "coils" and output.shape == wanted.shape else (found[:, None], target[:, None])
    error = ((a - b) ** 2).sum(dim=(-3, -2, -1)) / (b**2).sum(dim=(-3, -2, -1))
    similarity = ssim_map(target[:, None], found[:, None], target.amax(dim=(-2, -1))).mean()
    total = parameters.nmse_weight * error.mean() + parameters.ssim_weight * (1 - similarity)
    return total, {"train_nmse": float(error.mean().detach()), "train_ssim": float(similarity.detach())}


def magnitude(output: Tensor) -> Tensor:
    """A readout as magnitudes, (batch, row, column): root-sum-of-squares of coils, or the one channel of a network of magnitudes."""
    return output[:, 0] if output.shape[1] == 1 else rss(output)


def run(model: Any, frame: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state after the model's own trial."""
    drive = model.encode(frame)
    state = model.initial_state(drive)
    for _ in range(len(model.trial.timeline(dt_ms=None))):
        state = model.step(state, drive)
    return state


def _batches(kspace: Tensor, target: Tensor, parameters: Parameters, generator: torch.Generator) -> Iterator[Batch]:
    import torch

    columns = kspace.shape[-1]
    for rows in torch.randperm(len(kspace), generator=generator).split(parameters.batch_size):
        which = torch.randint(len(parameters.accelerations), (len(rows),), generator=generator).tolist()
        seeds = torch.randint(2**62, (len(rows),), generator=generator).tolist()
        drawn = [column_mask(columns, parameters.accelerations[a], kind=parameters.mask, seed=s) for a, s in zip(which, seeds, strict=True)]
        mask = torch.from_numpy(np.stack(drawn)).float()[:, None, None].expand(-1, 1, kspace.shape[-2], -1)
        yield {"kspace": kspace[rows] * mask, "mask": mask}, target[rows]


def _summary(model: Any, parameters: Parameters, split: str, n: int) -> dict[str, float]:
    found = {}
    shown = references(parameters.images, split, n, **_simulated(model, parameters))
    for a in parameters.accelerations:
        frames = undersample(shown, acceleration=a, mask=parameters.mask, seed=subseed(DATA_SEED, split, a))
        result = evaluate(model, frames)
        for name in ("psnr", "ssim", "nmse", "zero_filled_psnr"):
            found[f"{name}_{a:g}x"] = round(float(result[name].mean()), 5)
    return found


def _simulated(model: Any, parameters: Parameters) -> dict[str, Any]:
    c = model.config
    return {"image_size": c.image_size, "n_coils": c.n_coils, "snr_db": parameters.snr_db, "data_root": parameters.data_root}


def _grey(pixels: np.ndarray, split: str, n: int, size: int) -> xr.DataArray:
    from neurodyn.schema import make_stimuli
    from neurodyn.stimuli.resize import resize

    keep = slice(-n, None) if split == "validation" else slice(0, n)
    grey = pixels[keep].mean(axis=1, keepdims=True) / 255
    first = len(pixels) - n if split == "validation" else 0
    return resize(make_stimuli(grey, [f"cifar10-{split}-{first + k:05d}" for k in range(len(grey))]), size)
