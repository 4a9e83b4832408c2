"""How the geometry of a population's activity unfolds over time, and how alike two populations are at each pair of times."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodyn.errors import SchemaError, unknown_name
from neurodyn.numerics import geometry
from neurodyn.numerics.dimensionality import covariance_spectrum, participation_ratio
from neurodyn.schema import check_responses

__all__ = ["representational_geometry"]

SIMILARITIES = ("rsa", "cka", "procrustes", "shape_distance")


def representational_geometry(
    responses: xr.DataArray, other: xr.DataArray | None = None, *, dissimilarity: str = "correlation", comparison: str = "spearman", similarity: str = "rsa"
) -> xr.Dataset:
    """Dissimilarities of stimuli at every time, their dimensionality, and temporal generalisation.

    Parameters
    ----------
    responses : DataArray, (presentation, neuroid, time_bin)
        Repetitions of a stimulus are averaged, except for ``"crossnobis"``, which needs them.
    other : DataArray, (presentation, neuroid, time_bin), optional
        A second population shown the same stimuli; `responses` itself when absent.
    dissimilarity : {"correlation", "cosine", "euclidean", "sqeuclidean", "crossnobis"}
    comparison : {"spearman", "pearson", "cosine", "kendall", "whitened_cosine"}
        Between dissimilarities, for ``similarity="rsa"``.
    similarity : {"rsa", "cka", "procrustes", "shape_distance"}
        What fills the time-by-time matrix: comparison of dissimilarities, debiased CKA, Procrustes disparity or angular shape
        distance (the last two are distances).

    Returns
    -------
    Dataset
        ====================  ============================  =====  =========================================================
        variable              dims                          units  meaning
        ====================  ============================  =====  =========================================================
        rdm                   (time_bin, pair)              1      dissimilarity of ``stimulus_a`` and ``stimulus_b``
        participation_ratio   (time_bin)                    1      effective dimensions of the stimulus means
        generalisation        (time_bin, other_time_bin)    1      similarity of the geometry at one time and at another
        ====================  ============================  =====  =========================================================

    Raises
    ------
    SchemaError
        Other stimuli than `other`, or no repetitions for crossnobis.
    ConfigError
        Unknown method.

    Examples
    --------
    >>> from neurodyn.schema import make_recordings
    >>> X = np.random.default_rng(0).standard_normal((5, 8, 2))
    >>> r = make_recordings(X, stimulus_id="abcde", neuroid_id=range(8), time_bins_ms=[(0, 10), (10, 20)])
    >>> representational_geometry(r).generalisation.values.diagonal().round(6).tolist()
    [1.0, 1.0]
    """
    if similarity not in SIMILARITIES:
        raise unknown_name("representational_geometry", "similarity", similarity, SIMILARITIES)
    check_responses(responses, where="representational_geometry")
    ids, means = _means(responses)
    rdms = _rdms(responses, means, ids, dissimilarity)
    second, second_means, second_rdms = responses, means, rdms
    if other is not None:
        check_responses(other, where="representational_geometry", name="other")
        second, (other_ids, second_means) = other, _means(other)
        if not np.array_equal(ids, other_ids):
            shared = int(np.isin(ids, other_ids).sum())
            raise SchemaError("representational_geometry", f"`responses` and `other` share {shared} of {len(ids)} stimuli", expected="the same stimuli")
        second_rdms = _rdms(other, second_means, ids, dissimilarity)
    if similarity == "rsa":
        table = geometry.compare_rdms(rdms, second_rdms, method=comparison)
    else:
        measure = {"cka": geometry.cka, "procrustes": geometry.procrustes, "shape_distance": geometry.shape_distance}[similarity]
        table = np.array([[measure(x, y) for y in second_means] for x in means])
    i, j = np.triu_indices(len(ids), 1)
    coords: dict = {str(k): v for k, v in responses.coords.items() if v.dims == ("time_bin",)}
    coords |= {f"other_{k}": ("other_time_bin", v.values, v.attrs) for k, v in second.coords.items() if v.dims == ("time_bin",)}
    return xr.Dataset(
        {
            "rdm": (("time_bin", "pair"), rdms, {"units": "1"}),
            "participation_ratio": ("time_bin", np.array([participation_ratio(covariance_spectrum(m)) for m in means]), {"units": "1"}),
            "generalisation": (("time_bin", "other_time_bin"), table, {"units": "1"}),
        },
        coords={**coords, "stimulus_a": ("pair", ids[i]), "stimulus_b": ("pair", ids[j])},
        attrs={"dissimilarity": dissimilarity, "comparison": comparison, "similarity": similarity},
    )


def _means(responses: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Stimulus ids in sorted order and mean activity, (time_bin, stimulus, neuroid)."""
    ids, rows = np.unique(responses.stimulus_id.values.astype(str), return_inverse=True)
    values = np.asarray(responses.values, dtype=np.float64)
    total = np.zeros((len(ids), *values.shape[1:]))
    np.add.at(total, rows, values)
    return ids, (total / np.bincount(rows)[:, None, None]).transpose(2, 0, 1)


def _rdms(responses: xr.DataArray, means: np.ndarray, ids: np.ndarray, dissimilarity: str) -> np.ndarray:
    if dissimilarity != "crossnobis":
        found = geometry.rdm(means, method=dissimilarity)
        if not np.isfinite(found).all():
            flat = ids[(np.ptp(means, axis=2) == 0).any(0)]
            raise SchemaError(
                "representational_geometry",
                f"activity does not vary over neuroids for {len(flat)} stimuli (first: {', '.join(flat[:3])}), so its correlation is undefined",
                expected="activity that varies at every time",
                fix='dissimilarity="euclidean", or responses.isel(time_bin=slice(1, None))',
            )
        return found
    rows = np.unique(responses.stimulus_id.values.astype(str), return_inverse=True)[1]
    counts = np.bincount(rows)
    folds = int(counts.min())
    if folds < 2:
        raise SchemaError(
            "representational_geometry",
            f"{int((counts < 2).sum())} of {len(ids)} stimuli have one repetition",
            expected="2 or more",
            fix='dissimilarity="correlation"',
        )
    order = [np.nonzero(rows == s)[0][:folds] for s in range(len(ids))]
    values = np.asarray(responses.values, np.float64)
    stacked = np.stack([[values[o[f]] for o in order] for f in range(folds)])  # (fold, stimulus, neuroid, time)
    return geometry.crossnobis(stacked.transpose(3, 0, 1, 2))
