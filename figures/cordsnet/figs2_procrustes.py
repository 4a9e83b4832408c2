"""Distance of each connectivity's trajectories from those of fully connected networks, on five tasks (after the table beside CordsNet's figure S2)."""

import numpy as np

from neurodyn.plot import COLOURS, figure

INPUTS = {"table": "cordsnet/figs2_procrustes"}
ROWS = (
    ("full", "fully connected, other seeds", COLOURS["black"], "s"),
    ("sparse", "sparse", COLOURS["green"], "^"),
    ("convolutional", "convolutional", COLOURS["blue"], "o"),
    ("low_rank", "low-rank", COLOURS["vermilion"], "D"),
    ("untrained", "fully connected, untrained", COLOURS["grey"], "x"),
)


def draw(table):
    fig = figure("double", 68)
    ax = fig.subplots()
    tasks = list(dict.fromkeys(table.task.values.tolist()))
    for k, (kind, name, colour, marker) in enumerate(ROWS):
        label = name
        for t, task in enumerate(tasks):
            values = _distances(table, task, kind)
            if not len(values):
                continue
            x = t + 0.16 * (k - 2)
            ax.plot(np.full(len(values), x), values, marker, color=colour, ms=2.5, alpha=0.5, label="_each pair")
            ax.plot([x - 0.06, x + 0.06], [values.mean()] * 2, color=colour, lw=1.6, label=label)
            ax.text(x, -0.03, f"{len(values)}", ha="center", va="top", fontsize=5, color=colour)
            label = "_mean"
    learnt = _distances(table, "parametric_memory", "low_rank")
    if len(learnt):
        where = (tasks.index("parametric_memory") + 0.16, float(learnt.max()))
        ax.annotate("this one did not learn\n(58 % correct)", where, xytext=(-8, 0), textcoords="offset points", ha="right", va="center", fontsize=5.5)
    ax.set_xticks(range(len(tasks)), [t.replace("_", " ") for t in tasks])
    ax.set_ylim(-0.08, None)
    ax.axhline(0, color="0.8", lw=0.5, zorder=0, label="_zero")
    ax.set_ylabel("Procrustes distance to trained\nfully connected networks (0 to 1)")
    ax.set_title("Bars: mean over pairs of networks (points; their number below); 125 units, 10 components, conditions without noise", fontsize=6.5)
    fig.legend(loc="outside lower center", ncols=5, fontsize=6)
    return fig


def _distances(table, task, kind):
    """Every pair of one network of this kind with a trained fully connected one."""
    trained, other = table.seed.values >= 0, table.reference_seed.values >= 0
    first, second = table.connectivity.values, table.reference.values
    if kind == "untrained":
        keep = (first == "full") & (second == "full") & (trained != other)
    elif kind == "full":
        keep = (first == "full") & (second == "full") & trained & other
    else:
        keep = trained & other & (((first == "full") & (second == kind)) | ((first == kind) & (second == "full")))
    return table.procrustes.values[keep & (table.task.values == task)]
