"""What leading eigenvalues cost against the size of the state, the number of modes and the number of states: a table and a figure.

    python benchmarks/cost_curves.py FOLDER        # writes cost_curves.csv and cost_curves.png there

Times are CPU seconds of this process, so that other work on the machine counts less; ARPACK runs over the same product, LAPACK on the dense matrix.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigs
from timing import timed

from neurodyn.dynamics.linearise import ConvolutionOperator, dense
from neurodyn.numerics import arnoldi
from neurodyn.plot.style import CYCLE, figure, figure_note, house_style, panel_letter

CHANNELS, TOL = 8, 1e-5


def kernel(dtype=torch.float32):
    g = torch.Generator().manual_seed(0)
    return ((torch.rand(CHANNELS, CHANNELS, 3, 3, generator=g) * 2 - 1) / (9 * CHANNELS) ** 0.5).to(dtype)


def gates(n_states, side):
    return (torch.rand(n_states, CHANNELS * side * side, generator=torch.Generator().manual_seed(1)) > 0.5).float()


def arpack(op, n_modes):
    n = op.shape[0]
    product = LinearOperator((n, n), matvec=lambda v: op.matvec(torch.from_numpy(np.ascontiguousarray(v, np.float32))).numpy(), dtype=np.float32)
    return eigs(product, k=n_modes, ncv=2 * n_modes + 20, tol=TOL, v0=np.random.default_rng(0).standard_normal(n).astype(np.float32))


def ours(op, n_modes):
    degree = 4 if op.shape[0] > 5_000 else 1  # as neurodyn.analysis.eigenspectrum chooses
    return arnoldi.leading_eigenpairs(op, n_modes, tol=TOL, seed=0, vectors=False, filter_degree=degree)


def measure():
    """Rows (curve, abscissa, method, CPU seconds)."""
    rows = []

    def add(curve, x, method, call):
        rows.append((curve, x, method, timed(call)[1]))
        print(f"{curve:8s} {x:7d}  {method:21s} {rows[-1][3]:8.3f} s", flush=True)

    warm = ConvolutionOperator(kernel(), (CHANNELS, 12, 12), gate=gates(2, 12))
    ours(warm.row(0), 8), arpack(warm.row(0), 8), arnoldi.leading_eigenpairs_many(warm, 8, tol=TOL, seed=0)  # load what is loaded once
    for side in (6, 12, 24, 48, 96):
        op = ConvolutionOperator(kernel(), (CHANNELS, side, side), gate=gates(1, side))
        n = op.shape[0]
        add("units", n, "this package", lambda op=op: ours(op, 20))
        add("units", n, "ARPACK, same product", lambda op=op: arpack(op, 20))
        if n < 2500:
            add("units", n, "LAPACK, dense", lambda op=op: np.linalg.eigvals(dense(op).numpy()))
    op = ConvolutionOperator(kernel(), (CHANNELS, 32, 32), gate=gates(1, 32))
    for n_modes in (5, 10, 20, 40, 80):
        add("modes", n_modes, "this package", lambda k=n_modes: ours(op, k))
        add("modes", n_modes, "ARPACK, same product", lambda k=n_modes: arpack(op, k))
    for n_states in (1, 2, 4, 8, 16):
        many = ConvolutionOperator(kernel(), (CHANNELS, 12, 12), gate=gates(n_states, 12))
        add("states", n_states, "this package", lambda many=many: arnoldi.leading_eigenpairs_many(many, 8, tol=TOL, seed=0))
        add("states", n_states, "ARPACK, same product", lambda many=many: [arpack(many.row(i), 8) for i in range(many.n_states)])
    return rows


def draw(rows):
    curves = {
        "units": ("Units of the state", "20 modes, one state"),
        "modes": ("Modes", f"{CHANNELS * 32 * 32:,} units, one state"),
        "states": ("States", f"{CHANNELS * 144:,} units, 8 modes of each"),
    }
    methods = {"this package": (CYCLE[0], "o", "-"), "ARPACK, same product": (CYCLE[1], "s", "--"), "LAPACK, dense": (CYCLE[2], "^", ":")}
    with house_style():
        fig = figure("double", 70.0)
        axes = fig.subplots(1, 3)
        for ax, (curve, (label, title)) in zip(axes, curves.items(), strict=True):
            for method, (colour, marker, line) in methods.items():
                points = [(x, t) for c, x, m, t in rows if (c, m) == (curve, method)]
                if points:
                    ax.loglog(*zip(*points, strict=True), marker + line, color=colour, label=method)
            ticks = [x for c, x, m, _ in rows if c == curve and m == "this package"]
            ax.set_xticks(ticks, [f"{x:,}" for x in ticks], rotation=35 if curve == "units" else 0)
            ax.minorticks_off()
            ax.set(xlabel=label, ylabel="CPU time (s)" if curve == "units" else "", title=title)
        axes[0].legend(frameon=False)
        panel_letter(axes)
        figure_note(
            fig, f"Gated 3 x 3 convolutions, {CHANNELS} channels, random weights and gates, float32, residuals below {TOL:g} of the radius; one run, one core"
        )
    return fig


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    table = folder / "cost_curves.csv"
    if "--draw" not in sys.argv:
        with table.open("w", newline="") as file:
            csv.writer(file).writerows([("curve", "abscissa", "method", "cpu_s"), *measure()])
    with table.open() as file:
        found = [(r["curve"], int(r["abscissa"]), r["method"], float(r["cpu_s"])) for r in csv.DictReader(file)]
    draw(found).savefig(folder / "cost_curves.png", dpi=160)
