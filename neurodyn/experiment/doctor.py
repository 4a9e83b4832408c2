"""Is this machine fit to run neurodyn, and what would be missing?"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from neurodyn import places
from neurodyn.errors import NeurodynError

__all__ = ["Finding", "examine"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    state : {"ok", "note", "fail"}
        A note limits what can be done; a failure must be mended.
    what, text : str
    """

    state: str
    what: str
    text: str


def examine(results: str | Path | None = None) -> Iterator[Finding]:
    """Look at Python, torch, torchvision, brainscore, threads, data, models and the results folder.

    Parameters
    ----------
    results : path, optional
        ``NEURODYN_RESULTS`` or ``results`` when absent.
    """
    good = sys.version_info >= (3, 11)
    yield Finding("ok" if good else "fail", "python", f"{platform.python_version()}{'' if good else '; 3.11 or newer is needed'}")
    yield _torch()
    yield _torchvision()
    yield _brainscore()
    yield _threads()
    yield from _data()
    yield from _models()
    yield _results(Path(results) if results is not None else places.results_dir())


def _torch() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("fail", "torch", f"cannot be imported ({error})")
    device = f"{torch.cuda.device_count()} CUDA device(s)" if torch.cuda.is_available() else "CPU only"
    return Finding("ok", "torch", f"{torch.__version__}, {device}")


def _torchvision() -> Finding:
    if _version("torchvision") is None:
        return Finding("ok", "torchvision", "not installed; neurodyn does not use it")
    try:
        import torchvision  # noqa: F401
    except Exception as error:  # noqa: BLE001 - beside another build of torch it raises RuntimeError, AttributeError or OSError
        text = f"{_version('torchvision')} is broken beside this torch ({str(error).splitlines()[0]}); neurodyn does not use it, Brain-Score's own models would"
        return Finding("note", "torchvision", text)
    return Finding("ok", "torchvision", f"{_version('torchvision')}; neurodyn does not use it")


def _brainscore() -> Finding:
    found = _version("brainscore_vision")
    if found is None:
        return Finding("note", "brainscore", "brainscore_vision is not installed (pip install neurodyn[brainscore], Python 3.11); its bridge is off")
    return Finding("ok", "brainscore", f"brainscore_vision {found}: its scores are r**2 / ceiling, neurodyn states its own convention in every result")


def _threads() -> Finding:
    try:
        import torch

        n = torch.get_num_threads()
    except ImportError:
        n = 0
    set_by = f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']}" if "OMP_NUM_THREADS" in os.environ else "OMP_NUM_THREADS is not set"
    return Finding("ok", "threads", f"{n} for torch of {os.cpu_count()} cores ({set_by})")


def _data() -> Iterator[Finding]:
    roots = places.data_roots()
    if not roots:
        yield Finding("note", "data", "NEURODYN_DATA is not set or names no folder: digits, generated stimuli and synthetic recordings only")
        return
    for name, candidates in _KNOWN_DATA.items():
        found = places.find_data(*candidates)
        yield Finding("ok" if found else "note", f"data: {name}", str(found) if found else f"no {' or '.join(candidates)} under NEURODYN_DATA")


_KNOWN_DATA = {
    "mnist": ("mnist", "MNIST/raw"),
    "cifar10": ("cifar10", "cifar-10-batches-py"),
    "cowley2023": ("recordings/cowley2023_v4", "cowley2023_v4"),
    "zhang2011": ("recordings/zhang2011_it", "zhang2011_it"),
}


def _models() -> Iterator[Finding]:
    from neurodyn.experiment.resolve import card_of, list_models, weights_path
    from neurodyn.training.checkpoints import digest

    for name in list_models():
        try:
            card, path = card_of(name), weights_path(name)
        except NeurodynError as error:
            yield Finding("fail", f"model {name}", str(error).splitlines()[0])
            continue
        if card.weights is None or path is None:
            yield Finding("note", f"model {name}", f"no weights are shipped; {card.command}")
        elif not path.is_file():
            yield Finding("fail", f"model {name}", f"{path} is missing")
        elif digest(path) != card.weights.sha256:
            yield Finding("fail", f"model {name}", f"{path} does not have the sha256 on the card: truncated or altered")
        else:
            yield Finding("ok", f"model {name}", f"{path.name}, sha256 as on the card")


def _results(folder: Path) -> Finding:
    there = folder
    while not there.exists():
        there = there.parent
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        return Finding("fail", "results", f"{folder} cannot be written ({error.strerror}); export NEURODYN_RESULTS=/another/folder")
    return Finding("ok", "results", f"{folder.resolve()} can be written")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
