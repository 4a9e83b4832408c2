"""Fixed points and slow points of a map, from many starts at once.

Anderson acceleration takes every start downhill cheaply and finds what attracts; Newton steps, exact for small systems and by
GMRES for large ones, find the saddles as well.  The union is kept, duplicates are merged.

References: Anderson 1965; Walker and Ni 2011; Knoll and Keyes 2004; Sussillo and Barak 2013 (slow points).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurodyn.errors import ConfigError, ConvergenceWarning, NumericsError
from neurodyn.seeding import torch_generator

if TYPE_CHECKING:
    from torch import Tensor

    StepMap = Callable[[Tensor], Tensor]

__all__ = ["FixedPoints", "anderson", "fixed_points", "merge", "newton"]

SAMPLE = 128
DENSE_UP_TO = 200
METHODS = ("union", "anderson", "newton")


@dataclass(frozen=True)
class FixedPoints:
    """Distinct points where a map stands still, most frequent first.

    Attributes
    ----------
    states : Tensor, (point, n)
    speeds : float array, (point)
        |F(x) - x|.
    counts : int array, (point)
        How many starts ended there.
    converged : bool array, (point)
        ``speed <= tol * max(1, |x|)``; the others are slow points, kept on request.
    assignments : int array, (start)
        Which point each start ended at; -1 where it ended nowhere.
    """

    states: Tensor
    speeds: np.ndarray
    counts: np.ndarray
    converged: np.ndarray
    assignments: np.ndarray


def fixed_points(
    step_map: StepMap,
    starts: Tensor | np.ndarray,
    *,
    tol: float = 1e-8,
    seed: int,
    method: str = "union",
    max_iterations: int = 200,
    merge_distance: float = 1e-4,
    slow_speed: float | None = None,
    perturb: float = 0.1,
    max_norm: float | None = None,
    batch_size: int = 1024,
) -> FixedPoints:
    """Points x with F(x) = x.

    Parameters
    ----------
    step_map : callable
        x (batch, n) -> F(x) (batch, n); rows are independent.
    starts : Tensor, (start, n)
        Their dtype is the precision of the search.
    tol : float
        Speed |F(x) - x|, relative to max(1, |x|), at which a point counts as fixed.
    seed : int
        Perturbations of the starts.
    method : {"union", "anderson", "newton"}
        ``"union"``: Anderson from every start; then Newton from the starts that failed, from perturbed points, from half-way between
        them, and from a sample of the other starts that grows while points are come to only once; everything is kept.
    max_iterations : int
        Iterations of Anderson, five times as many in the union; Newton takes a third of it.
    merge_distance : float
        Points closer than this, relative to the spread of the starts, are one.
    slow_speed : float, optional
        Also keep points where the speed has a local minimum below this; they are not `converged`.
    perturb : float
        Size of the perturbations, relative to the spread of the starts.
    max_norm : float, optional
        Points further out than this are dropped; 10 times the furthest start when absent.
    batch_size : int
        Starts at a time.

    Returns
    -------
    FixedPoints
        Ordered by count, most frequent first.

    Raises
    ------
    NumericsError
        Starts that are not (start, n) and finite; a map of another shape, or one that returns NaN at every start.
    ConfigError
        An unknown method.

    Warns
    -----
    ConvergenceWarning
        If no start converges.

    Examples
    --------
    >>> import torch
    >>> found = fixed_points(lambda x: x - 0.1 * (x**3 - x), torch.linspace(-2, 2, 41, dtype=torch.float64)[:, None], seed=0)
    >>> sorted(round(float(x), 6) + 0.0 for x in found.states[:, 0])
    [-1.0, 0.0, 1.0]
    """
    import torch

    x0 = _check_starts(step_map, starts)
    if method not in METHODS:
        raise ConfigError("fixed_points", f"unknown method `{method}`", expected=f"one of {', '.join(METHODS)}")
    if not tol > 0:
        raise ConfigError("fixed_points", f"`tol` is {tol}", expected="above 0")
    spread = float((x0 - x0.mean(0)).norm(dim=1).mean()) or max(1.0, float(x0.norm(dim=1).mean()))
    far = max_norm if max_norm is not None else 10 * max(1.0, float(x0.norm(dim=1).max()))
    ends, origin = [], []
    with torch.no_grad():
        for i in range(0, len(x0), batch_size):
            rows = torch.arange(i, min(i + batch_size, len(x0)))
            for points, source in _search(step_map, x0[rows], rows, tol, seed, method, max_iterations, perturb * spread, spread):
                ends.append(points)
                origin.append(source)
        points, source = torch.cat(ends), torch.cat(origin)
        speed = _speed(step_map, points, batch_size)
    size = torch.clamp(points.norm(dim=1), min=1.0)
    fixed = speed <= tol * size
    kept = torch.isfinite(speed) & (points.norm(dim=1) <= far) & (fixed | (speed <= (slow_speed if slow_speed is not None else -1.0)))
    points, speed, fixed, source = points[kept], speed[kept], fixed[kept], source[kept]
    if not bool(fixed.any()):
        warnings.warn(
            f"fixed_points: none of {len(x0)} starts reached a speed of {tol:g}\n"
            "  fix: raise max_iterations, give other starts, or slow_speed=1e-3 to keep slow points",
            ConvergenceWarning,
            stacklevel=2,
        )
    return _collect(points, speed, fixed, source, len(x0), merge_distance, spread)


def _check_starts(step_map: StepMap, starts: Tensor | np.ndarray) -> Tensor:
    import torch

    x0 = torch.as_tensor(starts).detach()
    if x0.dim() != 2 or 0 in x0.shape or not x0.is_floating_point():
        raise NumericsError("fixed_points", f"`starts` has shape {tuple(x0.shape)} and dtype {x0.dtype}", expected="floating, (start, n)")
    if not bool(torch.isfinite(x0).all()):
        raise NumericsError("fixed_points", f"`starts` holds NaN or infinity in {int((~torch.isfinite(x0)).any(1).sum())} rows", expected="finite starts")
    with torch.no_grad():
        out = step_map(x0[:1])
    if tuple(out.shape) != tuple(x0[:1].shape):
        raise NumericsError("fixed_points", f"`step_map` returned shape {tuple(out.shape)} for {tuple(x0[:1].shape)}", expected="the same shape")
    if not bool(torch.isfinite(out).all()):
        raise NumericsError("fixed_points", "`step_map` returned NaN or infinity at the first start", expected="finite values")
    return x0


def _search(step_map: StepMap, x0: Tensor, rows: Tensor, tol: float, seed: int, method: str, n: int, size: float, spread: float) -> list[tuple[Tensor, Tensor]]:
    """Ends of the searches from one batch of starts, with the start each came from (-1 for extra searches)."""
    import torch

    if method == "newton":
        return [(newton(step_map, x0, tol=tol, max_iterations=max(10, n // 3))[0], rows)]
    x, speed = anderson(step_map, x0, tol=tol, max_iterations=5 * n if method == "union" else n)  # an iteration costs a hundredth of Newton's
    settled = speed <= tol * torch.clamp(x.norm(dim=1), min=1.0)
    if method == "anderson":
        return [(x, rows)]
    iterations = max(10, n // 3)
    chosen, group = merge(x[settled], 1e-6, scale=spread)
    polished = newton(step_map, x[settled][chosen], tol=tol, max_iterations=10)[0]
    found = [(polished[group], rows[settled.cpu()])]
    starts = [x0[~settled]]
    if len(polished):
        unique = polished[merge(polished, 1e-4, scale=spread)[0]]
        noise = torch.randn(*unique.shape, generator=torch_generator(seed, "perturb", int(rows[0])), dtype=torch.float32).to(x0.device, x0.dtype)
        starts.append(unique + size * noise / max(1.0, unique.shape[1] ** 0.5))
        if len(unique) > 1:
            starts.append(_midpoints(unique, limit=len(x0)))
    ends = newton(step_map, torch.cat(starts), tol=tol, max_iterations=iterations)[0]
    own = rows[~settled.cpu()]  # a start counts where Anderson settles it, else where Newton does
    found.append((ends, torch.cat([own, torch.full((len(ends) - len(own),), -1)])))
    # Newton from starts that settled too, for what does not attract, until no point has been come to only once: few are then left unseen
    others = torch.nonzero(settled)[:, 0].cpu()
    others = others[torch.randperm(len(others), generator=torch_generator(seed, "sample", int(rows[0])))].to(x0.device)
    for part in others[: max(SAMPLE, len(x0) // 4)].split(SAMPLE):
        more = newton(step_map, x0[part], tol=tol, max_iterations=iterations)[0]
        found.append((more, torch.full((len(more),), -1)))
        ends = torch.cat([ends, more])
        fixed = ends[_speed(step_map, ends, 1024) <= tol * torch.clamp(ends.norm(dim=1), min=1.0)]
        if len(fixed) and int(torch.bincount(merge(fixed, 1e-4, scale=spread)[1]).min()) > 1:
            break
    return found


def _midpoints(points: Tensor, limit: int) -> Tensor:
    """Half-way between near pairs of attractors: where saddles are."""
    import torch

    distance = torch.cdist(points, points)
    i, j = torch.triu_indices(len(points), len(points), 1).to(points.device)
    order = torch.argsort(distance[i, j])[:limit]
    return 0.5 * (points[i[order]] + points[j[order]])


def _speed(step_map: StepMap, x: Tensor, batch_size: int) -> Tensor:
    import torch

    return torch.cat([(step_map(part) - part).norm(dim=1) for part in x.split(batch_size)])


def anderson(step_map: StepMap, starts: Tensor, *, tol: float = 1e-8, max_iterations: int = 200, memory: int = 5) -> tuple[Tensor, Tensor]:
    """Anderson-accelerated iteration x <- F(x), every row on its own.

    Parameters
    ----------
    step_map : callable, (batch, n) -> (batch, n)
    starts : Tensor, (batch, n)
    tol : float
        Relative speed at which a row stops.
    max_iterations, memory : int

    Returns
    -------
    states : Tensor, (batch, n)
        The slowest point each row visited.
    speeds : Tensor, (batch)

    Examples
    --------
    >>> import torch
    >>> x, speed = anderson(torch.cos, torch.zeros(1, 1, dtype=torch.float64), tol=1e-12)
    >>> round(float(x), 6)
    0.739085
    """
    import torch

    x = starts.clone()
    best, least = x.clone(), torch.full((len(x),), torch.inf, dtype=x.dtype, device=x.device)
    active = torch.arange(len(x), device=x.device)
    X = x.new_zeros(len(x), memory, x.shape[1])
    G = torch.zeros_like(X)
    for k in range(max_iterations):
        y = step_map(x)
        g = y - x
        speed = torch.nan_to_num(g.norm(dim=1), nan=torch.inf)
        better = speed < least[active]
        rows = active[better]
        best[rows], least[rows] = x[better], speed[better]
        going = torch.isfinite(speed) & (speed > 0.3 * tol * torch.clamp(x.norm(dim=1), min=1.0))
        if not bool(going.any()):
            break
        if not bool(going.all()):
            active, x, y, g, X, G, speed = active[going], x[going], y[going], g[going], X[going], G[going], speed[going]
        slot = k % memory
        X[:, slot], G[:, slot] = y, g
        n = min(k + 1, memory)
        # minimise |sum_j a_j g_j| with sum a = 1: a regularised Gram system for each row
        gram = G[:, :n] @ G[:, :n].transpose(1, 2)
        ridge = 1e-10 if x.dtype == torch.float64 else 1e-5
        scale = gram.diagonal(dim1=1, dim2=2).mean(1).clamp_min(torch.finfo(x.dtype).tiny)
        gram = gram / scale[:, None, None] + ridge * torch.eye(n, dtype=x.dtype, device=x.device)
        weights, info = torch.linalg.solve_ex(gram, torch.ones(len(x), n, 1, dtype=x.dtype, device=x.device))
        weights = weights[..., 0] / weights[..., 0].sum(1, keepdim=True)
        mixed = torch.einsum("bk,bkn->bn", weights, X[:, :n])
        sound = (info == 0) & torch.isfinite(mixed).all(1) & (weights.abs().sum(1) < 1e3) & (speed < 10 * least[active])
        x = torch.where(sound[:, None], mixed, y)
    return best, least


def newton(step_map: StepMap, starts: Tensor, *, tol: float = 1e-8, max_iterations: int = 60, dense_up_to: int = DENSE_UP_TO) -> tuple[Tensor, Tensor]:
    """Newton's method on F(x) - x = 0 with a line search, every row on its own.

    Parameters
    ----------
    step_map : callable, (batch, n) -> (batch, n)
    starts : Tensor, (batch, n)
    tol : float
        Relative speed at which a row stops.
    max_iterations : int
    dense_up_to : int
        Up to this many units the Jacobians are formed and solved; above, GMRES on their products.

    Returns
    -------
    states : Tensor, (batch, n)
    speeds : Tensor, (batch)

    Examples
    --------
    >>> import torch
    >>> x, speed = newton(lambda x: x - 0.1 * (x**3 - x), torch.tensor([[0.1]], dtype=torch.float64))
    >>> abs(float(x)) < 1e-8
    True
    """
    import torch

    x = starts.clone()
    g = step_map(x) - x
    speed = g.norm(dim=1)
    for _ in range(max_iterations):
        going = torch.nonzero(torch.isfinite(speed) & (speed > 0.03 * tol * torch.clamp(x.norm(dim=1), min=1.0)))[:, 0]
        if not len(going):
            break
        direction = (_solve_dense if x.shape[1] <= dense_up_to else _solve_gmres)(step_map, x[going], g[going])
        moved, xn, gn = _line_search(step_map, x[going], g[going], direction)
        rows = going[moved]
        if not len(rows):
            break
        stuck = going[~moved]
        x[rows], g[rows] = xn[moved], gn[moved]
        speed[rows] = g[rows].norm(dim=1)
        if len(stuck):
            speed[stuck] = -speed[stuck]  # at a local minimum of the speed: leave it there
    speed = speed.abs()
    return x, speed


def _solve_dense(step_map: StepMap, x: Tensor, g: Tensor) -> Tensor:
    """Newton directions (J - I) d = -g with J formed; least squares, slightly regularised, where singular."""
    import torch

    n = x.shape[1]
    rows = max(1, int(3e7 // (n * n)))
    eye = torch.eye(n, dtype=x.dtype, device=x.device)
    out = []
    for xs, gs in zip(x.split(rows), g.split(rows), strict=True):
        J = _jacobians(step_map, xs) - eye
        d, info = torch.linalg.solve_ex(J, -gs[..., None])
        bad = (info != 0) | ~torch.isfinite(d).all(dim=(1, 2)) | (d[..., 0].norm(dim=1) > 1e6 * (1 + xs.norm(dim=1)))
        if bool(bad.any()):
            A, b = J[bad], -gs[bad][..., None]
            normal = A.transpose(1, 2) @ A
            normal = normal + 1e-10 * normal.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * eye
            d[bad] = torch.linalg.solve_ex(normal, A.transpose(1, 2) @ b)[0]
        out.append(torch.nan_to_num(d[..., 0]))
    return torch.cat(out)


def _jacobians(step_map: StepMap, x: Tensor) -> Tensor:
    """Jacobians of all rows, (batch, n, n): one forward-mode pass a column, all rows at once."""
    import torch

    def product(v: Tensor) -> Tensor:
        return torch.func.jvp(step_map, (x,), (v.expand_as(x),))[1]

    eye = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    try:
        return torch.func.vmap(product, chunk_size=max(1, int(2e7 // x.numel())))(eye).permute(1, 2, 0)
    except RuntimeError:  # steps that vmap cannot batch
        return torch.stack([product(v) for v in eye], dim=2)


def _solve_gmres(step_map: StepMap, x: Tensor, g: Tensor, *, n_inner: int = 40, reduction: float = 1e-3) -> Tensor:
    """Newton directions (J - I) d = -g by GMRES, all rows in step, each with its own Krylov space."""
    import torch

    b, n = x.shape
    m = min(n_inner, n)
    beta = g.norm(dim=1).clamp_min(torch.finfo(x.dtype).tiny)
    V = x.new_zeros(b, m + 1, n)
    H = x.new_zeros(b, m + 1, m)
    V[:, 0] = -g / beta[:, None]
    goal = x.new_zeros(b, m + 1, 1)
    goal[:, 0, 0] = beta
    y = None
    for j in range(m):
        v = V[:, j].contiguous()
        w = torch.func.jvp(step_map, (x,), (v,))[1] - v
        for _ in range(2):
            h = (V[:, : j + 1] @ w[..., None])[..., 0]
            w = w - (h[:, None] @ V[:, : j + 1])[:, 0]
            H[:, : j + 1, j] += h
        size = w.norm(dim=1)
        H[:, j + 1, j] = size
        V[:, j + 1] = w / size.clamp_min(torch.finfo(x.dtype).tiny)[:, None]
        if j % 5 == 4 or j == m - 1:
            A, r = H[:, : j + 2, : j + 1], goal[:, : j + 2]
            normal = A.transpose(1, 2) @ A
            jitter = torch.finfo(x.dtype).eps * normal.diagonal(dim1=1, dim2=2).sum(1).clamp_min(torch.finfo(x.dtype).tiny)
            normal = normal + jitter[:, None, None] * torch.eye(j + 1, dtype=x.dtype, device=x.device)
            y = torch.linalg.solve_ex(normal, A.transpose(1, 2) @ r)[0]
            left = (A @ y - r)[..., 0].norm(dim=1)
            if bool((left <= reduction * beta).all()):
                break
    assert y is not None
    return torch.nan_to_num((y.transpose(1, 2) @ V[:, : y.shape[1]])[:, 0])


def _line_search(step_map: StepMap, x: Tensor, g: Tensor, d: Tensor, *, halvings: int = 12) -> tuple[Tensor, Tensor, Tensor]:
    """Backtrack each row until its speed falls; rows that cannot are reported."""
    import torch

    speed = g.norm(dim=1)
    longest = 2.0 * (1.0 + x.norm(dim=1))
    d = d * torch.clamp(longest / d.norm(dim=1).clamp_min(1e-300), max=1.0)[:, None]
    moved = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    xn, gn = x.clone(), g.clone()
    left, length = torch.arange(len(x), device=x.device), 1.0
    for _ in range(halvings):
        trial = x[left] + length * d[left]
        gt = step_map(trial) - trial
        good = gt.norm(dim=1) < (1 - 1e-4 * length) * speed[left]
        rows = left[good]
        xn[rows], gn[rows], moved[rows] = trial[good], gt[good], True
        left = left[~good]
        if not len(left):
            break
        length *= 0.5
    return moved, xn, gn


def merge(points: Tensor, distance: float, *, scale: float | None = None) -> tuple[Tensor, Tensor]:
    """Group points that are closer than `distance` times `scale`.

    Parameters
    ----------
    points : Tensor, (point, n)
    distance : float
    scale : float, optional
        The furthest point's distance from the mean when absent.

    Returns
    -------
    representatives : int Tensor, (group)
        Index of the first point of each group.
    groups : int Tensor, (point)

    Examples
    --------
    >>> import torch
    >>> merge(torch.tensor([[0.0], [1e-9], [1.0]]), 1e-4)[1].tolist()
    [0, 0, 1]
    """
    import torch

    if scale is None:
        scale = max(float((points - points.mean(0)).norm(dim=1).max()), 1e-3 * float(points.norm(dim=1).max()), 1e-12)
    groups = torch.full((len(points),), -1, dtype=torch.long, device=points.device)
    representatives: list[int] = []
    for i in range(len(points)):
        if int(groups[i]) >= 0:
            continue
        free = torch.nonzero(groups < 0)[:, 0]
        near = free[(points[free] - points[i]).norm(dim=1) <= distance * scale]
        groups[near] = len(representatives)
        representatives.append(i)
    return torch.tensor(representatives, dtype=torch.long, device=points.device), groups


def _collect(points: Tensor, speed: Tensor, fixed: Tensor, source: Tensor, n_starts: int, distance: float, spread: float) -> FixedPoints:
    import torch

    assigned = np.full(n_starts, -1)
    if not len(points):
        return FixedPoints(points, np.zeros(0), np.zeros(0, int), np.zeros(0, bool), assigned)
    order = torch.argsort(speed, stable=True)
    points, speed, fixed, source = points[order], speed[order], fixed[order], source[order]
    chosen, groups = merge(points, distance, scale=spread)
    own = (source >= 0).cpu().numpy()
    assigned[source.cpu().numpy()[own]] = groups.cpu().numpy()[own]
    counts = np.bincount(assigned[assigned >= 0], minlength=len(chosen))
    rank = np.lexsort((speed[chosen].cpu().numpy(), -counts))
    back = np.empty(len(rank), int)
    back[rank] = np.arange(len(rank))
    assigned[assigned >= 0] = back[assigned[assigned >= 0]]
    chosen = chosen[torch.as_tensor(rank, device=chosen.device)]
    return FixedPoints(points[chosen], speed[chosen].double().cpu().numpy(), counts[rank], fixed[chosen].cpu().numpy(), assigned)
