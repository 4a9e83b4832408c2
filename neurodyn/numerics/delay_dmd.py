"""Linear operators fitted to delay-embedded trials, and how far apart two of them are as dynamics.

References: Brunton et al. 2017 (Hankel alternative view of Koopman); Ostrow et al. 2023 (dynamical similarity analysis); Redman et al. 2024
(distance between spectra).
"""

from __future__ import annotations

import numpy as np

from neurodyn.errors import NumericsError

__all__ = ["delay_operator", "eigenvalue_distance"]


def delay_operator(trials: np.ndarray, *, n_delays: int, rank: int, ridge: float = 1e-8) -> np.ndarray:
    """The linear map of one step in the leading coordinates of delay-embedded trials.

    Parameters
    ----------
    trials : array, (trial, time, unit)
    n_delays : int
        Time points stacked into one vector.
    rank : int
        Leading singular directions of the stacked vectors kept, scaled to equal variance.
    ridge : float
        Added to the diagonal of their scatter.

    Returns
    -------
    array, (rank, rank)
        A with v(t + 1) = A v(t) in the least squares, over all trials.

    Raises
    ------
    NumericsError
        Too few time points, or a rank larger than the data hold.

    Examples
    --------
    >>> path = 0.5 ** np.arange(8.0)[None, :, None]
    >>> delay_operator(path, n_delays=1, rank=1, ridge=0.0).round(6).tolist()
    [[0.5]]
    """
    X = np.asarray(trials, float)
    if X.ndim != 3 or X.shape[1] < n_delays + 1 or n_delays < 1 or not np.isfinite(X).all():
        raise NumericsError(
            "delay_operator", f"`trials` has shape {X.shape} for {n_delays} delays", expected="finite, (trial, time, unit), more times than delays"
        )
    n_times = X.shape[1] - n_delays + 1
    stacked = np.concatenate([X[:, n_delays - 1 - d : n_delays - 1 - d + n_times] for d in range(n_delays)], axis=2)
    U, s, _ = np.linalg.svd(stacked.reshape(-1, stacked.shape[2]), full_matrices=False)
    held = int((s > 1e-12 * s[0]).sum()) if s[0] > 0 else 0
    if not 1 <= rank <= held:
        raise NumericsError("delay_operator", f"`rank` is {rank} but the trials span {held} directions", expected=f"1..{held}", fix=f"rank={max(held, 1)}")
    V = U[:, :rank].reshape(len(X), n_times, rank)
    before, after = V[:, :-1].reshape(-1, rank), V[:, 1:].reshape(-1, rank)
    return np.linalg.solve(before.T @ before + ridge * np.eye(rank), before.T @ after).T


def eigenvalue_distance(A: np.ndarray, B: np.ndarray) -> float:
    """Mean squared distance between the eigenvalues of two maps, matched one to one; the smaller map is filled up with zeros.

    Examples
    --------
    >>> eigenvalue_distance(np.diag([0.5, 0.9]), np.diag([0.9, 0.7]))
    0.02
    """
    from scipy.optimize import linear_sum_assignment

    a, b = (np.asarray(M) if np.ndim(M) == 1 else np.linalg.eigvals(M) for M in (A, B))
    n = max(len(a), len(b))
    a, b = (np.concatenate([v, np.zeros(n - len(v))]) for v in (a, b))
    gap = np.abs(a[:, None] - b[None, :]) ** 2
    return float(gap[linear_sum_assignment(gap)].mean().round(15))
