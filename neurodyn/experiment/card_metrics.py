"""The measured metrics of several model cards as one table, for figures of what was trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodyn import registry
from neurodyn.errors import ConfigError
from neurodyn.training.cards import read_card

__all__ = ["card_metrics"]


def card_metrics(models: Sequence[str], *, metrics: Sequence[str] = ("test_accuracy",), curve: str | None = None) -> xr.Dataset:
    """Collect metrics from cards; NaN where a card has none.

    Parameters
    ----------
    models : sequence of str
        Names of cards.
    metrics : sequence of str
        Metrics that are one number.
    curve : str, optional
        A metric that is a mapping from a number (images shown, say) to a value.

    Returns
    -------
    Dataset
        ``value`` (model, metric); with `curve`, ``curve`` (model, point) and ``curve_at`` (model, point), NaN-padded.

    Examples
    --------
    >>> card_metrics([]).value.shape
    (0, 1)
    """
    cards = [read_card(registry.find("models", name)) for name in models]
    value = np.full((len(cards), len(metrics)), np.nan)
    for i, card in enumerate(cards):
        for j, name in enumerate(metrics):
            found = card.metrics.get(name)
            if isinstance(found, dict):
                raise ConfigError("card_metrics", f"`{name}` of `{card.name}` is a mapping", expected="one number", fix=f"curve={name!r}")
            value[i, j] = np.nan if found is None else found
    variables = {"value": (("model", "metric"), value, {"units": "1"})}
    if curve is not None:
        points = [c.metrics.get(curve) for c in cards]
        pairs = [sorted((float(k), v) for k, v in p.items()) if isinstance(p, dict) else [] for p in points]
        longest = max((len(p) for p in pairs), default=0)
        at, level = np.full((len(cards), longest), np.nan), np.full((len(cards), longest), np.nan)
        for i, found_pairs in enumerate(pairs):
            for j, (where, height) in enumerate(found_pairs):
                at[i, j], level[i, j] = where, height
        variables |= {"curve": (("model", "point"), level, {"units": "1"}), "curve_at": (("model", "point"), at, {"units": "1"})}
    return xr.Dataset(variables, coords={"model": list(models), "metric": list(metrics)})
