"""Retrain a model by its card."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from neurodyn import places, registry
from neurodyn.errors import ModelError, unknown_name
from neurodyn.experiment.resolve import build, card_of

__all__ = ["train_card"]


def train_card(
    name: str | Path, *, folder: str | Path | None = None, ship: bool = False, seed: int | None = None, progress: bool | None = None
) -> tuple[dict[str, Any], Path]:
    """Train the model of a card by the card's recipe; called again it goes on where it stopped.

    Parameters
    ----------
    name : str or path
        A card.
    folder : path, optional
        For checkpoints; ``<results>/training/<name>`` when absent.
    ship : bool
        Write the weights beside the card, and their digest and the measured metrics on it.
    seed : int, optional
        Instead of the card's (not with `ship`, whose card states its seed).
    progress : bool, optional

    Returns
    -------
    metrics : dict
    weights : Path

    Raises
    ------
    ConfigError
        If the card, its recipe or one of its parameters is unknown.
    ModelError
        If `ship` is combined with another seed than the card's.
    """
    from neurodyn.training.cards import Weights, write_card
    from neurodyn.training.checkpoints import save_weights

    card = card_of(name)
    used = card.seed if seed is None else seed
    if ship and used != card.seed:
        raise ModelError("train", f"seed {used} is not the card's ({card.seed})", expected="the card's seed with --ship", fix="edit the card's seed")
    target = Path(folder) if folder is not None else places.results_dir() / "training" / card.name
    recipe = registry.load_module("recipes", card.recipe.name)
    known = [f.name for f in dataclasses.fields(recipe.Parameters)]
    for key in card.recipe.parameters:
        if key not in known:
            raise unknown_name(f"{card.name}: recipe {card.recipe.name}", "parameter", key, known)
    parameters = recipe.Parameters(**{k: tuple(v) if isinstance(v, list) else v for k, v in card.recipe.parameters.items()})
    model: Any = build(card.architecture, seed=used, **card.config)
    metrics = recipe.train(model, parameters, seed=used, folder=target, progress=progress)
    model.eval()
    dtype = card.weights.dtype if card.weights is not None else "float16"
    if not ship:
        path = target / f"{card.name}.safetensors"
        save_weights(model, path, dtype=dtype)
        return metrics, path
    card_file = Path(name) if str(name).endswith((".yaml", ".yml")) else registry.find("models", str(name))
    path = places.weights_file(card_file, f"{card.name}.safetensors")
    weights = Weights(file=path.name, sha256=save_weights(model, path, dtype=dtype), dtype=dtype)
    measured = {k: v if isinstance(v, dict) else float(v) for k, v in metrics.items() if isinstance(v, (int, float, dict))}
    write_card(card.model_copy(update={"weights": weights, "metrics": measured}), card_file)
    return metrics, path
