"""One training loop for every model: plain torch, resumable to the bit, and ready for ``torchrun``."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn.errors import ConfigError, NumericsError, unknown_name
from neurodyn.seeding import subseed, torch_generator
from neurodyn.training.checkpoints import load_checkpoint, refuse_changed, save_checkpoint, write_text

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

__all__ = ["History", "TrainConfig", "fit"]

_OPTIMISERS = ("adamw", "sgd")
_SCHEDULES = ("constant", "cosine")
_FREE = ("device", "checkpoint_every_s")


@dataclass(frozen=True)
class TrainConfig:
    """How to train.

    Attributes
    ----------
    n_epochs, batch_size : int
        `batch_size` is for the recipe's `batches`; the loop takes the batches it is given.
    learning_rate : float
    optimiser : {"adamw", "sgd"}
    weight_decay : float
    clip_norm : float, optional
        Largest norm of the gradient; no clipping when absent.
    schedule : {"constant", "cosine"}
        After a linear warm-up of `warmup_steps` updates.
    seed : int
        Order of the data and any draw inside the loss.
    device : str
    checkpoint_every_s : float
        Seconds between checkpoints inside an epoch; one is written after every epoch anyhow.
    momentum : float
        Of SGD.
    epsilon : float
        Of AdamW.  With a small `clip_norm` the gradient of one parameter can fall to this size, which damps its updates.
    """

    n_epochs: int
    batch_size: int
    learning_rate: float
    optimiser: str = "adamw"
    weight_decay: float = 0.0
    clip_norm: float | None = None
    schedule: str = "constant"
    warmup_steps: int = 0
    seed: int = 0
    device: str = "cpu"
    checkpoint_every_s: float = 60.0
    momentum: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if self.optimiser not in _OPTIMISERS:
            raise unknown_name("TrainConfig", "optimiser", self.optimiser, _OPTIMISERS)
        if self.schedule not in _SCHEDULES:
            raise unknown_name("TrainConfig", "schedule", self.schedule, _SCHEDULES)
        for name in ("n_epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ConfigError("TrainConfig", f"`{name}` is {getattr(self, name)}", expected="a number above 0")


@dataclass
class History:
    """What happened: one row an epoch (means over its batches, then what `evaluate` returned).

    Attributes
    ----------
    rows : list of dict
        ``epoch step loss grad_norm learning_rate elapsed_s cpu_s`` and the metrics; ``history.jsonl`` in the folder holds the same.
        ``cpu_s`` is the time of this process on its cores since the start, evaluation left out.
    """

    rows: list[dict[str, float]] = field(default_factory=list)


@dataclass
class _Progress:
    epoch: int = 0
    batch: int = 0
    step: int = 0
    elapsed_s: float = 0.0
    cpu_s: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)


def fit(
    module: nn.Module,
    batches: Callable[[int, torch.Generator], Iterator[Any]],
    loss: Callable[[nn.Module, Any], tuple[Tensor, dict[str, float]]],
    config: TrainConfig,
    *,
    folder: str | Path,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    n_batches: int | None = None,
    progress: bool | None = None,
) -> History:
    """Train a module; called again with the same folder it goes on where it was stopped, to the bit.

    Parameters
    ----------
    module : nn.Module
        Trained in place; in eval mode afterwards.
    batches : callable
        ``batches(epoch, generator)`` yields the batches of an epoch, and the same ones for the same generator state.
    loss : callable
        ``loss(module, batch)`` returns the scalar to minimise and metrics to average over the epoch.
    config : TrainConfig
    folder : path
        Checkpoints and ``history.jsonl``.
    evaluate : callable, optional
        ``evaluate(module)`` after each epoch, in eval mode.
    n_batches : int, optional
        Batches in an epoch, for the cosine schedule and the progress bar; by epochs when absent.
    progress : bool, optional
        Show a progress bar; by default only on a terminal.

    Returns
    -------
    History

    Raises
    ------
    ConfigError
        If the folder holds a checkpoint made with other settings.
    NumericsError
        If the loss is not finite.

    Notes
    -----
    Under ``torchrun`` each process takes every n-th batch and gradients are averaged, so that the effective batch is
    `batch_size` times the number of processes; only the first process writes.
    """
    import torch
    from tqdm.auto import tqdm

    rank, world = _join_processes(config.device)
    device = torch.device(config.device)
    module.to(device)
    optimiser = _optimiser(module, config)
    where, history = _Progress(), History()
    checkpoint = Path(folder) / "checkpoint.pt"
    with torch.random.fork_rng(devices=[]):
        torch.random.set_rng_state(_start(config.seed, rank).get_state())
        if checkpoint.is_file():
            where, history = _resume(checkpoint, module, optimiser, config)
        _broadcast(module, world)
        saved_at = clock = time.monotonic()
        while where.epoch < config.n_epochs:
            module.train()
            generator = torch_generator(config.seed, "batches", where.epoch)
            mine = itertools.islice(_share(batches(where.epoch, generator), rank, world), where.batch, None)
            total = None if n_batches is None else n_batches // world
            bar = tqdm(mine, total=total, initial=where.batch, desc=f"epoch {where.epoch}", disable=_quiet(progress, rank), leave=False)
            cpu = time.process_time()
            for batch in bar:
                rate = _rate(config, where, n_batches)
                value, metrics = _update(module, optimiser, loss, batch, rate, config, world, where)
                _add(where, {"loss": value, **metrics})
                bar.set_postfix(loss=f"{value:.3f}")
                now = time.process_time()
                where.cpu_s, cpu = where.cpu_s + now - cpu, now
                if time.monotonic() - saved_at >= config.checkpoint_every_s:
                    where.elapsed_s += time.monotonic() - clock
                    saved_at = clock = time.monotonic()
                    _save(checkpoint, module, optimiser, config, where, history, rank)
            where.elapsed_s += time.monotonic() - clock
            clock = time.monotonic()
            _finish_epoch(where, history, module, evaluate, _rate(config, where, n_batches))
            _save(checkpoint, module, optimiser, config, where, history, rank)
            if rank == 0:
                write_text(Path(folder) / "history.jsonl", "".join(json.dumps(row) + "\n" for row in history.rows))
            saved_at = time.monotonic()
    module.eval()
    return history


def _update(module, optimiser, loss, batch, rate: float, config: TrainConfig, world: int, where: _Progress) -> tuple[float, dict[str, float]]:  # noqa: ANN001
    import torch

    for group in optimiser.param_groups:
        group["lr"] = rate
    optimiser.zero_grad(set_to_none=True)
    scalar, metrics = loss(module, batch)
    value = float(scalar.detach())
    if not math.isfinite(value):
        raise NumericsError(
            "fit",
            f"the loss is {value} at step {where.step} (epoch {where.epoch}, learning rate {rate:.3g})",
            expected="a finite loss",
            fix="a smaller learning_rate, clip_norm=1.0, or a smaller dt_ms",
        )
    scalar.backward()
    parameters = [p for p in module.parameters() if p.requires_grad]
    _average_gradients(parameters, world)
    norm = torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm if config.clip_norm is not None else math.inf)
    optimiser.step()
    return value, {**metrics, "grad_norm": float(norm)}


def _add(where: _Progress, values: dict[str, float]) -> None:
    for name, value in values.items():
        where.sums[name] = where.sums.get(name, 0.0) + float(value)
    where.batch += 1
    where.step += 1


def _finish_epoch(where: _Progress, history: History, module: nn.Module, evaluate: Callable | None, rate: float) -> None:
    if where.batch == 0:
        raise ConfigError("fit", f"`batches` yielded nothing in epoch {where.epoch}", expected="at least one batch for each process")
    row: dict[str, float] = {"epoch": where.epoch, "step": where.step, **{k: v / where.batch for k, v in where.sums.items()}}
    row |= {"learning_rate": rate, "elapsed_s": round(where.elapsed_s, 3), "cpu_s": round(where.cpu_s, 3)}
    if evaluate is not None:
        module.eval()
        row |= evaluate(module)
    history.rows.append(row)
    where.epoch, where.batch, where.sums = where.epoch + 1, 0, {}


def _rate(config: TrainConfig, where: _Progress, n_batches: int | None) -> float:
    warm = min(1.0, (where.step + 1) / (config.warmup_steps + 1))
    if config.schedule == "constant":
        return config.learning_rate * warm
    inside = where.batch / n_batches if n_batches else 0.0
    done = min(1.0, (where.epoch + inside) / config.n_epochs)
    return config.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * done))


def _optimiser(module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    import torch

    parameters = [p for p in module.parameters() if p.requires_grad]
    if not parameters:
        raise ConfigError("fit", f"{type(module).__name__} has no parameter that requires a gradient", fix="module.requires_grad_(True)")
    if config.optimiser == "sgd":
        return torch.optim.SGD(parameters, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay)
    return torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, eps=config.epsilon)


def _save(path: Path, module: nn.Module, optimiser, config: TrainConfig, where: _Progress, history: History, rank: int) -> None:  # noqa: ANN001
    import torch

    if rank != 0:
        return
    content = {
        "module": module.state_dict(),
        "optimiser": optimiser.state_dict(),
        "config": asdict(config),
        "progress": asdict(where),
        "rows": history.rows,
        "rng": torch.random.get_rng_state(),
    }
    save_checkpoint(path, content)


def _resume(path: Path, module: nn.Module, optimiser, config: TrainConfig) -> tuple[_Progress, History]:  # noqa: ANN001
    import torch

    content = load_checkpoint(path)
    free = (*_FREE, "n_epochs") if config.schedule == "constant" else _FREE
    refuse_changed("fit", content["config"], asdict(config), free)
    module.load_state_dict(content["module"])
    optimiser.load_state_dict(content["optimiser"])
    torch.random.set_rng_state(content["rng"])
    return _Progress(**content["progress"]), History(content["rows"])


def _start(seed: int, rank: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(subseed(seed, "loop", rank))


def _join_processes(device: str) -> tuple[int, int]:
    import torch.distributed as dist

    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return dist.get_rank(), dist.get_world_size()


def _share(batches: Iterator[Any], rank: int, world: int) -> Iterator[Any]:
    """Every world-th batch; an incomplete last round is dropped so that all processes take equally many."""
    while len(round_ := list(itertools.islice(batches, world))) == world:
        yield round_[rank]


def _broadcast(module: nn.Module, world: int) -> None:
    if world > 1:
        import torch.distributed as dist

        for value in module.state_dict().values():
            dist.broadcast(value, 0)


def _average_gradients(parameters: list[nn.Parameter], world: int) -> None:
    if world == 1:
        return
    import torch
    import torch.distributed as dist

    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        dist.all_reduce(p.grad)
        p.grad /= world


def _quiet(progress: bool | None, rank: int) -> bool | None:
    if rank != 0:
        return True
    return None if progress is None else not progress
