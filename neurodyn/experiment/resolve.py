"""From names to models: architectures are built, trained instances are loaded with their weights checked."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurodyn import places, registry
from neurodyn.errors import ConfigError, ModelError, unknown_name

if TYPE_CHECKING:
    from neurodyn.dynamics.protocol import DynamicalModel
    from neurodyn.training.cards import Card

__all__ = ["build", "card_of", "list_models", "load_model", "weights_path"]


def list_models() -> list[str]:
    """Names of the models that have a card.

    Examples
    --------
    >>> isinstance(list_models(), list)
    True
    """
    return registry.names("models")


def card_of(name: str | Path) -> Card:
    """The card of a model, by name or by the path of a ``.yaml`` file.

    Raises
    ------
    ConfigError
        If no card has this name; the nearest is offered.
    """
    from neurodyn.training.cards import read_card

    return read_card(_card_file(name))


def weights_path(name: str | Path) -> Path | None:
    """The weights file of a model, or None where its card ships none."""
    card = card_of(name)
    return None if card.weights is None else places.weights_file(_card_file(name), card.weights.file)


def load_model(name: str | Path, *, untrained: bool = False, seed: int | None = None, device: str | None = None) -> DynamicalModel:
    """Load a trained model, in eval mode.

    Parameters
    ----------
    name : str or path
        One of :func:`list_models`, or the path of a card.
    untrained : bool
        Return the untrained twin: the same architecture and config with the weights it started from.
    seed : int, optional
        Of the untrained twin; the card's own when absent.
    device : str, optional

    Returns
    -------
    DynamicalModel

    Raises
    ------
    ConfigError
        If the name is unknown (the nearest is offered), or the card ships no weights.
    DataError
        If the weights are missing, truncated or altered.
    ModelError
        If the weights are of another architecture.
    """
    card = card_of(name)
    model = build(card.architecture, seed=card.seed if seed is None else seed, **card.config)
    if not untrained:
        from neurodyn.training.checkpoints import load_weights

        path = weights_path(name)
        if path is None or card.weights is None:
            raise ConfigError(f"load_model({card.name!r})", "the card ships no weights", expected="a trained model", fix=card.command)
        load_weights(model, path, card.weights.sha256)  # type: ignore[arg-type]
    if hasattr(model, "eval"):
        model.eval()
    if device is not None:
        model.to(device)  # type: ignore[attr-defined]
    return model


def build(architecture: str, seed: int = 0, **config: Any) -> DynamicalModel:
    """Build an untrained model of an architecture.

    Parameters
    ----------
    architecture : str
        File name in ``neurodyn/architectures``, or ``package.module`` from outside.
    seed : int
        Of the initial weights.
    **config
        Fields of the architecture's ``Config``.

    Returns
    -------
    DynamicalModel
        In eval mode.

    Raises
    ------
    ConfigError
        If the architecture or a field is unknown (the nearest is offered), or a value cannot be taken.
    """
    module = registry.load_module("architectures", architecture)
    for name in ("Config", "build"):
        if not hasattr(module, name):
            raise ModelError(f"build({architecture!r})", f"{module.__name__} has no `{name}`", expected="a frozen Config and build(config, *, seed)")
    known = [f.name for f in fields(module.Config)]
    for key in config:
        if key not in known:
            raise unknown_name(f"build({architecture!r})", "config key", key, known)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}  # YAML has no tuples
    return module.build(module.Config(**values), seed=seed)


def _card_file(name: str | Path) -> Path:
    path = Path(name)
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    return registry.find("models", str(name))
