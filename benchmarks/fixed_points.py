"""Fixed points of rate networks: the FixedPointFinder method (joint Adam on the speed) against ours; both sides in one run.

    python benchmarks/fixed_points.py [n_units] [n_starts]
    python benchmarks/fixed_points.py r8      # ours alone: the whole phase space of CordsNet-R8 at 224 pixels, random weights

The peer's method as it is published: all starts descend q = |F(x) - x|^2 / 2 together by Adam with a decreasing step until the
mean q or its change is small; then points within 1e-3 of the spread are merged.  A point counts where its speed is below 1e-4
(float32) for the peer and 1e-8 (float64) for ours.  Times are CPU seconds of this process.
"""

import resource
import sys
import time

import numpy as np
import torch

from neurodyn.numerics import newton_krylov


def network(n, seed=0, gain=1.6, rank=3):
    """A rate network with several attractors: random weights and a few strong directions, as training leaves them."""
    g = torch.Generator().manual_seed(seed)
    W = 0.6 * torch.randn(n, n, generator=g, dtype=torch.float64) / n**0.5
    basis = torch.linalg.qr(torch.randn(n, rank, generator=g, dtype=torch.float64))[0]
    return W + gain * basis @ basis.T


def step(W):
    return lambda x: x + 0.2 * (torch.tanh(x @ W.T) - x)


def adam(move, starts, *, rate=1e-2, n_iterations=5000, tol_q=1e-12, tol_dq=1e-20):
    x = starts.clone().requires_grad_()
    optimiser = torch.optim.Adam([x], lr=rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=100)
    last = np.inf
    for _ in range(n_iterations):
        optimiser.zero_grad()
        q = 0.5 * (move(x) - x).square().sum(1)
        q.sum().backward()
        optimiser.step()
        mean = float(q.detach().mean())
        schedule.step(mean)
        if mean < tol_q or abs(last - mean) < tol_dq:
            break
        last = mean
    return x.detach()


def main(n=128, k=256):
    torch.set_num_threads(1)
    W = network(n)
    starts = torch.randn(k, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    single, double = step(W.float()), step(W)
    begin = time.process_time()
    ends = adam(single, starts.float())
    speed = (single(ends) - ends).norm(dim=1)
    good = ends[speed < 1e-4]
    theirs = good[newton_krylov.merge(good, 1e-3)[0]]
    peer = time.process_time() - begin
    print(f"{n} units, {k} starts")
    print(f"  joint Adam   {peer:6.2f} s CPU  {len(theirs)} distinct points, median speed {float(speed.median()):.1e}")
    for method in ("anderson", "newton", "union"):
        begin = time.process_time()
        found = newton_krylov.fixed_points(double, starts, seed=0, method=method)
        own = time.process_time() - begin
        seen = 0
        if len(theirs) and len(found.states):
            gap = torch.cdist(theirs.double(), found.states).min(dim=1).values
            seen = int((gap < 1e-2 * float(found.states.norm(dim=1).max())).sum())
        print(f"  {method:9s}    {own:6.2f} s CPU  {len(found.states)} distinct points, largest speed {found.speeds.max():.1e}, ", end="")
        print(f"{int((found.assignments >= 0).sum())} starts converged, {seen} of the peer's {len(theirs)} among them, ratio {peer / own:.1f}")


def r8():
    from neurodyn.analysis import fixed_points
    from neurodyn.architectures import cordsnet

    torch.set_num_threads(1)
    model = cordsnet.build(cordsnet.Config(depth=8, n_classes=1000, image_size=224), seed=0)
    with torch.no_grad():
        drive = model.encode(torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
        rest = model.initial_state(drive)
        late = rest
        for _ in range(40):
            late = model.step(late, drive)
    begin = time.process_time()
    starts = {k: torch.cat([rest[k], late[k], 2 * late[k]]) for k in rest}
    found = fixed_points(model, starts, drive, tol=1e-5, n_modes=1, method="anderson", seed=0)
    used = time.process_time() - begin
    print(f"CordsNet-R8 (random weights), {found.sizes['neuroid']} units, 3 starts: {used:.0f} s CPU, ", end="")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")
    for point in range(found.sizes["fixed_point"]):
        one = found.isel(fixed_point=point)
        print(f"  speed {float(one.speed):.1e} from {int(one.n_starts)} starts; leading eigenvalue {complex(one.eigenvalue[0]):.4f}, ", end="")
        print(f"residual {float(one.residual[0]):.1e}, {'stable' if bool(one.stable) else 'not certified stable'}")


if __name__ == "__main__":
    if sys.argv[1:] == ["r8"]:
        r8()
    else:
        main(*(int(a) for a in sys.argv[1:3]))
