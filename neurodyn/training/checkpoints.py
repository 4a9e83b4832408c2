"""Weights and training state on disk: written to a temporary file and moved, so that no reader ever sees half of one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn.errors import ArtefactError, ConfigError, DataError, ModelError, first_of, unknown_name

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

__all__ = ["digest", "load_checkpoint", "load_weights", "save_checkpoint", "save_weights"]

_DTYPES = ("bfloat16", "float16", "float32", "float64")


def save_weights(module: nn.Module, path: str | Path, dtype: str = "float16") -> str:
    """Write a module's parameters and persistent buffers as safetensors.

    Parameters
    ----------
    module : nn.Module
    path : path
        Ends with ``.safetensors``.
    dtype : {"float16", "bfloat16", "float32", "float64"}
        Floating tensors are stored as this; integer tensors keep their type.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    ModelError
        If a weight is not finite, or too large for the dtype.
    ArtefactError
        If the folder cannot be written.
    """
    import torch
    from safetensors.torch import save

    if dtype not in _DTYPES:
        raise unknown_name("save_weights", "dtype", dtype, _DTYPES)
    kind = getattr(torch, dtype)
    stored: dict[str, Tensor] = {}
    for name, value in module.state_dict().items():
        value = value.detach().cpu()
        cast = value.to(kind) if value.is_floating_point() else value
        if value.is_floating_point() and not bool(torch.isfinite(cast).all()):
            what = "is not finite" if not bool(torch.isfinite(value).all()) else f"reaches {float(value.abs().max()):.3g}, too large for {dtype}"
            raise ModelError("save_weights", f"`{name}` {what}", expected="finite weights", fix='save_weights(..., dtype="float32")')
        stored[name] = cast.clone().contiguous()
    _write(Path(path), lambda file: file.write(save(stored)))
    return digest(path)


def load_weights(module: nn.Module, path: str | Path, sha256: str | None = None) -> nn.Module:
    """Read safetensors into a module; every name and shape must match.

    Parameters
    ----------
    module : nn.Module
        Changed in place; keeps its dtype and device.
    path : path
    sha256 : str, optional
        Refuse a file with another digest.

    Returns
    -------
    nn.Module
        The module itself.

    Raises
    ------
    DataError
        If the file is missing, truncated, altered or not safetensors.
    ModelError
        If the weights are of another architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path)
    if not path.is_file():
        raise DataError("load_weights", f"{path.name} is missing from {path.parent}", expected="a safetensors file")
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if sha256 is not None and found != sha256:
        raise DataError(
            "load_weights",
            f"{path.name} ({len(content)} bytes) has sha256 {found[:12]}...; it was truncated or altered",
            expected=f"sha256 {sha256[:12]}...",
            fix="fetch the file again, or retrain by the command on the model's card",
        )
    try:
        stored = load(content)
    except SafetensorError as error:
        raise DataError("load_weights", f"{path.name} ({len(content)} bytes) cannot be read ({error})", expected="a whole safetensors file") from error
    _refuse_other_architecture(module, stored, path.name)
    module.load_state_dict({name: value.to(module.state_dict()[name].dtype) for name, value in stored.items()}, strict=True)
    return module


def save_checkpoint(path: str | Path, content: dict[str, Any]) -> None:
    """Write tensors, numbers and strings in dicts and lists, atomically."""
    import torch

    _write(Path(path), lambda file: torch.save(content, file))


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote.

    Raises
    ------
    DataError
        If the file is not a whole checkpoint.
    """
    from pickle import UnpicklingError

    import torch

    try:
        return torch.load(Path(path), map_location=device, weights_only=True)
    except (RuntimeError, EOFError, UnpicklingError) as error:
        raise DataError("load_checkpoint", f"{path} cannot be read ({str(error).splitlines()[0]})", fix="delete the folder to train from the start") from error


def digest(path: str | Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _refuse_other_architecture(module: nn.Module, stored: dict[str, Tensor], name: str) -> None:
    own = module.state_dict()
    missing, extra = [k for k in own if k not in stored], [k for k in stored if k not in own]
    if missing or extra:
        parts = [f"lacks {len(missing)} tensors ({first_of(missing)})"] if missing else []
        parts += [f"holds {len(extra)} unknown tensors ({first_of(extra)})"] if extra else []
        raise ModelError("load_weights", f"{name} {' and '.join(parts)} for {type(module).__name__}", expected="weights of this architecture and config")
    other = [k for k in own if own[k].shape != stored[k].shape]
    if other:
        k = other[0]
        raise ModelError(
            "load_weights",
            f"{name} holds {len(other)} tensors of another shape ({first_of(other)}): `{k}` is {tuple(stored[k].shape)}",
            expected=f"{tuple(own[k].shape)}",
            fix="build the model with the config on the card",
        )


def _write(path: Path, fill: Callable[[Any], object]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise ArtefactError("checkpoints", f"{path.parent} cannot be written ({error.strerror})", expected="a folder with free space") from error
    try:
        with os.fdopen(handle, "wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise ArtefactError("checkpoints", f"{path} cannot be written ({error.strerror})", expected="a folder with free space") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    _write(Path(path), lambda file: file.write(text.encode("utf-8")))


def refuse_changed(where: str, old: dict[str, Any], new: dict[str, Any], ignored: Iterable[str] = ()) -> None:
    """Refuse to go on from a state that was made with other settings."""
    skip = set(ignored)
    changed = [k for k in new if k not in skip and old.get(k) != new[k]]
    if changed:
        k = changed[0]
        raise ConfigError(where, f"`{k}` is {new[k]!r} but the checkpoint was made with {old.get(k)!r}", expected="the same settings", fix="another folder")
