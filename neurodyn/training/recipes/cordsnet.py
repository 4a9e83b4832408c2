"""CordsNet's training: a CNN becomes a linear recurrent network becomes a rectified one, which is then fine-tuned.

=============  ==========================================================================================================
stage          what happens
=============  ==========================================================================================================
``cnn``        the equivalent CNN is trained and its batch normalisations are folded
``inverse``    recurrent kernels and biases are fitted to the CNN's second convolutions (linear areas)
``linear``     the linear recurrent network is trained through time
``anneal``     the slope below threshold falls from 1 to 0, one value a round
``tune``       the rectified network is trained, with the penalty on not returning to baseline
=============  ==========================================================================================================

Leaving out the first four is the control "direct training".  The values of the paper are :data:`PAPER`; a full run of depth 8 on
ImageNet takes days on several GPUs (about 3e18 floating-point operations an epoch of fine-tuning).  The defaults are a protocol
for two cores, and differ where the attributes say so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from neurodyn.architectures import cordsnet_cnn as cnn_architecture
from neurodyn.errors import ConfigError, unknown_name
from neurodyn.seeding import subseed
from neurodyn.training.loop import TrainConfig, fit
from neurodyn.training.losses import log_weights
from neurodyn.training.recipes import cordsnet_cnn
from neurodyn.training.recipes._inverse import copy_feedforward, fit_inverse, gaps
from neurodyn.training.recipes._trials import Augmentation, Images, TrialPlan, batches, check_images, held_out_accuracy, load_splits, steady_loss, trial_loss

if TYPE_CHECKING:
    from neurodyn.architectures.cordsnet import CordsNet

__all__ = ["PAPER", "STAGES", "Parameters", "train", "train_on"]

STAGES = ("cnn", "inverse", "linear", "anneal", "tune")


@dataclass(frozen=True)
class Parameters:
    """How a CordsNet is trained.

    Attributes
    ----------
    dataset : {"cifar10", "digits", "image_folder", "imagenet_folder", "mnist"}
    root : str, optional
        Where it is; found below ``NEURODYN_DATA`` when absent.
    n_train, n_test : int, optional
        First images of either split; all when absent.
    n_validation : int
        Above 0: measure on so many held-out images of the training split, and leave the test split alone (for choosing settings).
    n_evaluate : int
        Held-out images that the recurrent stages are measured on after every epoch, with the Euler step of training.
    stages : tuple of str
        Which of :data:`STAGES`, in that order; ``("tune",)`` is direct training.
    shift, flip : int, bool
        Random translation (pixels) and mirroring of the training images.
    crop_area : float, optional
        Random crops of at least this share of the area; the paper, on ImageNet: 0.08.
    mix : bool
        CutMix or MixUp for every batch; the paper: on CIFAR and Fashion-MNIST.
    device : str
    cnn_epochs, cnn_batch, cnn_learning_rate, identity
        Of the CNN; `identity` is the weight of the unit impulse in its initial second kernels.  The paper starts from 0; 1 keeps
        them close to what recurrence with a contraction can express (our choice).
    inverse_epochs, inverse_learning_rate, inverse_clip_norm, series_weight
        Of the fit of the recurrence; the paper: 100 epochs, 1e-4, 1e-3, 10.
    n_inverse : int, optional
        Images in an epoch of that fit, drawn anew for each; the whole training set when absent.
    batch_size, learning_rate, clip_norm, weight_decay
        Of all recurrent stages; the paper: 8 to 32, 1e-5, 1e-4, 0.01.
    linear_epochs, anneal_rounds, anneal_epochs, tune_epochs
        The paper: 100, 20, 1, 20.
    n_recurrent : int, optional
        Images in an epoch of the recurrent stages, drawn anew for each epoch; the whole training set when absent.
    steady : (int, int), optional
        Train the linear, annealed and (for `steady_epochs`) rectified network at its steady state instead of through a trial: so many iterations an
        area without and with gradients, see :meth:`neurodyn.architectures.cordsnet.CordsNet.settled`.  Neither the return to baseline nor the time
        it takes to answer is then trained before the last `tune_epochs` (our choice on two cores; three times cheaper).  After (3, 3) a trained
        network of four areas is within 0.02, 1, 2 and 6 % of its fixed point, area by area.
    steady_epochs : int
        Of the rectified network at its steady state, before the epochs of whole trials, with a rate that falls to 0.
    tune_learning_rate : float, optional
        Of the last stage; as in the others when absent.
    train_dt_ms : float, optional
        Euler step while training; the model's own when absent.  Fixed points do not depend on it, and a coarser step reaches them
        in fewer updates (our choice on two cores).
    before_ms, stimulus_ms, after_ms : float
        The trial in training; the paper: 200 each.
    window_ms : (float, float)
        Supervised part of the stimulus; the paper: 140 to 200.
    log_range : (float, float)
        Exponents of ten of the first and the last supervised step's weight.
    gradient_ms : float, optional
        How far back gradients reach from the end of the window; to stimulus onset when absent, as in the paper.
    penalty, penalty_ms : float
        Weight of the return to baseline, and the part of the second blank it is measured on; the paper: 1e-3, 20.
    penalty_share : float
        Share of each batch it is measured on; below 1 the second blank costs less (our choice on two cores).
    """

    dataset: str = "mnist"
    root: str | None = None
    n_train: int | None = None
    n_test: int | None = None
    n_validation: int = 0
    n_evaluate: int = 0
    stages: tuple[str, ...] = STAGES
    shift: int = 0
    flip: bool = False
    crop_area: float | None = None
    mix: bool = False
    device: str = "cpu"
    cnn_epochs: int = 10
    cnn_batch: int = 128
    cnn_learning_rate: float = 0.1
    identity: float = 1.0
    inverse_epochs: int = 5
    inverse_learning_rate: float = 3e-3
    inverse_clip_norm: float | None = 1.0
    series_weight: float = 1.0
    n_inverse: int | None = None
    batch_size: int = 64
    learning_rate: float = 1e-3
    clip_norm: float = 1.0
    weight_decay: float = 0.01
    linear_epochs: int = 1
    anneal_rounds: int = 5
    anneal_epochs: int = 1
    tune_epochs: int = 2
    n_recurrent: int | None = None
    steady: tuple[int, int] | None = None
    steady_epochs: int = 0
    tune_learning_rate: float | None = None
    train_dt_ms: float | None = 5.0
    before_ms: float = 100.0
    stimulus_ms: float = 80.0
    after_ms: float = 80.0
    window_ms: tuple[float, float] = (50.0, 80.0)
    log_range: tuple[float, float] = (-3.0, 0.0)
    gradient_ms: float | None = None
    penalty: float = 1e-3
    penalty_ms: float = 20.0
    penalty_share: float = 1.0

    def __post_init__(self) -> None:
        for name in self.stages:
            if name not in STAGES:
                raise unknown_name("cordsnet recipe", "stage", name, STAGES)
        if list(self.stages) != [s for s in STAGES if s in self.stages] or ("inverse" in self.stages) != ("cnn" in self.stages):
            raise ConfigError("cordsnet recipe", f"`stages` is {self.stages}", expected=f"some of {STAGES} in this order, the first two together")

    def augmentation(self, n_classes: int) -> Augmentation:
        """What is done to training images."""
        return Augmentation(self.shift, self.flip, self.crop_area, n_classes if self.mix else None)

    def plan(self, dt_ms: float, *, penalty: bool) -> TrialPlan:
        """The trial in steps of `dt_ms`."""

        def steps(ms: float) -> int:
            return round(ms / dt_ms)

        window = (steps(self.window_ms[0]), steps(self.window_ms[1]))
        weights = log_weights(window[1] - window[0], log_range=self.log_range)
        on = penalty and self.penalty > 0
        return TrialPlan(
            n_before=steps(self.before_ms),
            n_stimulus=steps(self.stimulus_ms),
            window=window,
            weights=tuple(float(w) for w in weights),
            n_gradient=None if self.gradient_ms is None else steps(self.gradient_ms),
            n_after=steps(self.after_ms) if on else 0,
            n_penalty=max(1, steps(self.penalty_ms)),
            penalty=self.penalty if on else 0.0,
            penalty_share=self.penalty_share,
        )


PAPER = Parameters(
    cnn_epochs=300,
    cnn_batch=256,
    identity=0.0,
    inverse_epochs=100,
    inverse_learning_rate=1e-4,
    inverse_clip_norm=1e-3,
    series_weight=10.0,
    batch_size=32,
    learning_rate=1e-5,
    clip_norm=1e-4,
    linear_epochs=100,
    anneal_rounds=20,
    tune_epochs=20,
    train_dt_ms=None,
    before_ms=200.0,
    stimulus_ms=200.0,
    after_ms=200.0,
    window_ms=(140.0, 200.0),
)


def train(model: CordsNet, parameters: Parameters | None = None, *, seed: int, folder: str | Path, progress: bool | None = None) -> dict[str, float]:
    """Train a CordsNet in place; stopped and called again with the same `folder` it goes on.

    Parameters
    ----------
    model : CordsNet
    parameters : Parameters, optional
    seed : int
        Of the CNN's weights, the order of the data and the augmentation.
    folder : path
        One checkpoint a stage.

    Returns
    -------
    dict
        Accuracies after each stage (``test_accuracy``, or ``validation_accuracy`` where `n_validation` is given, is the last), and
        the gaps of the inverse fit.  Only the last is measured with the model's own Euler step, the others with that of training.

    Raises
    ------
    ConfigError
        If a stage, the data set, or the trial cannot be taken.
    SchemaError
        If the images or labels are not the model's.
    """
    p = parameters or Parameters()
    sets = load_splits(p.dataset, image_size=model.config.image_size, n_train=p.n_train, n_test=p.n_test, n_validation=p.n_validation, root=p.root)
    return train_on(model, *sets, p, seed=seed, folder=folder, progress=progress)


def train_on(
    model: CordsNet, train_set: Images, test_set: Images, p: Parameters, *, seed: int, folder: str | Path, progress: bool | None = None
) -> dict[str, float]:
    """Train on images already in memory; parameters and result are those of :func:`train`."""
    check_images(train_set, model, "cordsnet recipe")
    model.to(p.device)
    check_images(test_set, model, "cordsnet recipe")
    folder, name = Path(folder), _metric(p)
    metrics: dict[str, float] = {}
    if "cnn" in p.stages:
        metrics |= _from_cnn(model, train_set, test_set, p, seed, folder, progress)
    sets = (train_set, test_set)
    if "linear" in p.stages:
        model.slope = 1.0
        _through_time(model, sets, p, p.linear_epochs, seed, "linear", folder, progress, penalty=False)
        metrics[f"{name}_linear"] = held_out_accuracy(_in_training(model, p), test_set)
    if "anneal" in p.stages:
        for k in range(p.anneal_rounds):
            model.slope = max(0.0, 1 - (k + 1) / p.anneal_rounds)
            _through_time(model, sets, p, p.anneal_epochs, seed, f"anneal-{k:02d}", folder, progress, penalty=True)
    if len(p.stages) > 1:
        model.slope = 0.0
    metrics[f"{name}_initialised"] = held_out_accuracy(_in_training(model, p), test_set)
    if "tune" in p.stages:
        if p.steady is not None:
            _through_time(model, sets, p, p.steady_epochs, seed, "steady", folder, progress, penalty=False)
        _through_time(model, sets, p, p.tune_epochs, seed, "tune", folder, progress, penalty=True)
    metrics[name] = held_out_accuracy(model, test_set)
    return metrics


def _in_training(model: CordsNet, p: Parameters) -> CordsNet:
    """The model with the Euler step of training."""
    return model if p.train_dt_ms is None else model.with_dt(p.train_dt_ms)


def _metric(p: Parameters) -> str:
    return "validation_accuracy" if p.n_validation else "test_accuracy"


def _from_cnn(model: CordsNet, train_set: Images, test_set: Images, p: Parameters, seed: int, folder: Path, progress: bool | None) -> dict[str, float]:
    cnn = cnn_architecture.build(cnn_architecture.twin_config(model.config, identity=p.identity), seed=seed)
    shared = ("dataset", "root", "n_validation", "shift", "flip", "crop_area", "mix", "device")
    of_cnn = cordsnet_cnn.Parameters(
        n_epochs=p.cnn_epochs, batch_size=p.cnn_batch, learning_rate=p.cnn_learning_rate, **{name: getattr(p, name) for name in shared}
    )
    found = cordsnet_cnn.train_on(cnn, train_set, test_set, of_cnn, seed=seed, folder=folder / "cnn", progress=progress)
    teacher = cnn_architecture.fold(cnn)
    copy_feedforward(model, teacher)
    model.slope = 1.0
    fit_inverse(
        model,
        teacher,
        train_set,
        n_epochs=p.inverse_epochs,
        batch_size=p.cnn_batch,
        learning_rate=p.inverse_learning_rate,
        series_weight=p.series_weight,
        clip_norm=p.inverse_clip_norm,
        seed=seed,
        folder=folder / "inverse",
        augmentation=Augmentation(crop_area=p.crop_area, mix_classes=model.config.n_classes if p.mix else None),
        n_images=p.n_inverse,
        device=p.device,
        progress=progress,
    )
    metrics = {f"{_metric(p)}_cnn": found[_metric(p)], f"{_metric(p)}_inverse": held_out_accuracy(_in_training(model, p), test_set)}
    return metrics | {
        k: v for k, v in gaps(model, teacher, test_set.take(slice(0, 200))[0].to(p.device)).items() if k.endswith("_mean") or not math.isfinite(v)
    }


def _through_time(
    model: CordsNet, sets: tuple[Images, Images], p: Parameters, n_epochs: int, seed: int, stage: str, folder: Path, progress: bool | None, *, penalty: bool
) -> None:
    if n_epochs < 1:
        return
    images, held_out = sets
    twin = _in_training(model, p)
    if p.steady is None or stage == "tune":
        loss = trial_loss(twin, p.plan(float(twin.dt_ms or 0.0), penalty=penalty))
    else:
        loss = steady_loss(model, *p.steady)
    config = TrainConfig(
        n_epochs=n_epochs,
        batch_size=p.batch_size,
        learning_rate=(p.tune_learning_rate or p.learning_rate) if stage == "tune" else p.learning_rate,
        weight_decay=p.weight_decay,
        clip_norm=p.clip_norm,
        schedule="cosine" if stage in ("steady", "tune") else "constant",
        seed=subseed(seed, stage),
        device=p.device,
    )
    make = batches(images, p.batch_size, p.augmentation(model.config.n_classes), n_images=p.n_recurrent, device=p.device)
    n_images = min(len(images), p.n_recurrent or len(images))
    some = held_out.part(slice(0, p.n_evaluate))
    evaluate = (lambda _: {_metric(p): held_out_accuracy(twin, some)}) if p.n_evaluate else None
    fit(model, make, loss, config, folder=folder / stage, evaluate=evaluate, n_batches=n_images // p.batch_size, progress=progress)


def with_stages(parameters: Parameters, *stages: str) -> Parameters:
    """The same parameters with other stages, for the controls.

    Examples
    --------
    >>> with_stages(Parameters(), "tune").stages
    ('tune',)
    """
    return replace(parameters, stages=stages)
