"""How alike the trajectories of two populations are up to rotation, and the one turned onto the other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import ConfigError, SchemaError
from neurodyn.numerics import geometry
from neurodyn.schema import check_responses

__all__ = ["trajectory_alignment"]


def trajectory_alignment(responses: xr.DataArray, reference: xr.DataArray, *, n_components: int = 10) -> xr.Dataset:
    """Turn the trajectories of one population onto those of another, in as many principal components of each.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Of a model or a brain; presentations are matched by ``stimulus_id``.
    reference : DataArray, (presentation, other neuroid, time_bin)
        The same stimuli, each once, at the same times.
    n_components : int
        Principal components kept of each (over presentations and times together).

    Returns
    -------
    Dataset
        ========================  ====================================  =====  ====================================================
        variable                  dims                                  units  meaning
        ========================  ====================================  =====  ====================================================
        procrustes                ()                                    1      1 - (sum of singular values)^2, between 0 and 1
        shape_distance            ()                                    rad    the angular distance, a metric
        score                     (population, presentation, time_bin,  1      centred, scaled to norm 1, the responses turned onto
                                  component)                                   the reference; ``population`` names which
        explained_variance_ratio  (population)                          1      share of the variance in the components kept
        ========================  ====================================  =====  ====================================================

    Raises
    ------
    SchemaError
        Responses that are not finite and labelled, of other stimuli or other times.
    ConfigError
        More components than either has.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> path = np.random.default_rng(0).standard_normal((2, 4, 30)).cumsum(2)
    >>> labels = dict(stimulus_id=["a", "b"], time_bins_ms=[(i, i + 1) for i in range(30)])
    >>> turn = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 4)))[0]
    >>> a = make_recordings(path, neuroid_id="abcd", **labels)
    >>> b = make_recordings(3 * np.einsum("kn,pnt->pkt", turn, path), neuroid_id="efghij", **labels)
    >>> round(float(trajectory_alignment(a, b, n_components=4).procrustes), 6)
    0.0
    """
    for name, given in (("responses", responses), ("reference", reference)):
        check_responses(given, where=f"trajectory_alignment ({name})")
    order = _matching(responses, reference)
    at = "step" if "step" in responses.coords and "step" in reference.coords else "time_bin_start"
    if responses.sizes["time_bin"] != reference.sizes["time_bin"] or not np.array_equal(responses[at].values, reference[at].values):
        raise SchemaError(
            "trajectory_alignment",
            f"{responses.sizes['time_bin']} time bins, and {reference.sizes['time_bin']} in `reference`",
            expected="the same times",
            fix="reference.sel or isel over time_bin",
        )
    shape = (responses.sizes["presentation"], responses.sizes["time_bin"])
    clouds = [np.asarray(v.values, float).transpose(0, 2, 1).reshape(-1, v.sizes["neuroid"]) for v in (responses, reference.isel(presentation=order))]
    most = min(min(c.shape[1], len(c) - 1) for c in clouds)
    if not 1 <= n_components <= most:
        raise ConfigError("trajectory_alignment", f"`n_components` is {n_components}", expected=f"1..{most}", fix=f"n_components={most}")
    (own, share), (other, shared) = (_scores(c, n_components) for c in clouds)
    U, _, V = np.linalg.svd(own.T @ other)
    both = np.stack([own @ U @ V, other]).reshape(2, *shape, n_components)
    kept = ("presentation", "time_bin")
    return xr.Dataset(
        {
            "procrustes": ((), geometry.procrustes(own, other), {"units": "1"}),
            "shape_distance": ((), geometry.shape_distance(own, other), {"units": "rad"}),
            "score": (("population", "presentation", "time_bin", "component"), both, {"units": "1"}),
            "explained_variance_ratio": ("population", np.array([share, shared]), {"units": "1"}),
        },
        coords={
            **{str(k): v for k, v in responses.coords.items() if v.dims and set(v.dims) <= set(kept)},
            "population": ["responses", "reference"],
            "component": np.arange(n_components),
        },
        attrs={"n_components": n_components},
    )


def _matching(responses: xr.DataArray, reference: xr.DataArray) -> np.ndarray:
    """Rows of the reference in the order of the responses."""
    ids, others = (np.asarray(v.stimulus_id.values) for v in (responses, reference))
    if len(set(others.tolist())) != len(others) or sorted(map(str, ids)) != sorted(map(str, others)):
        missing = [str(k) for k in ids if k not in set(others.tolist())]
        raise SchemaError(
            "trajectory_alignment",
            f"`reference` has {len(others)} presentations, `responses` {len(ids)}; not in the reference: {', '.join(missing[:3]) or 'none'}",
            expected="every stimulus once in both",
        )
    row = {k: i for i, k in enumerate(others.tolist())}
    return np.array([row[k] for k in ids.tolist()])


def _scores(cloud: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """Principal scores scaled to norm 1, largest-loading sign, and the share of variance they hold."""
    U, s, V = np.linalg.svd(cloud - cloud.mean(0), full_matrices=False)
    total = float((s**2).sum())
    if total == 0:
        raise SchemaError("trajectory_alignment", "one population does not vary", expected="trajectories that move")
    sign = np.sign(V[np.arange(n), np.abs(V[:n]).argmax(1)])
    scores = U[:, :n] * s[:n] * sign
    return scores / np.linalg.norm(scores), float((s[:n] ** 2).sum() / total)
