"""PathFinder: accuracy and halting steps against the length of the contours, beside a control without recurrence and the distance of the disks alone."""

import numpy as np

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"difficulty": "adrnn/pathfinder_difficulty", "outcomes": "adrnn/pathfinder_outcomes", "displays": "adrnn/pathfinder_displays"}
STYLES = {
    "adaptive": ("vermilion", "-", "o"),
    "adaptive, dearer steps": ("orange", "--", "s"),
    "feedforward": ("green", "-.", "^"),
    "distance of the disks": ("grey", ":", "x"),
}
ADAPTIVE = "pathfinder"  # the condition drawn as "adaptive"
SHADES = ["sky", "blue", "green", "orange", "vermilion", "purple", "black"]


def shade(ax, difficulty):
    trained = difficulty.level.values[difficulty.trained.values]
    ax.axvspan(trained.min() - 0.4, trained.max() + 0.4, color="0.92", linewidth=0, zorder=0)
    ax.set_xticks(difficulty.level.values)
    ax.set_xlabel("paddles (trained: shaded)")


def line(ax, difficulty, group, name, scale=100.0, shift=0.0, label=None):
    colour, dash, marker = STYLES[group]
    one = difficulty.sel(group=group)
    y, low, high = (scale * one[f"{name}{end}"].values for end in ("", "_low", "_high"))
    ax.errorbar(one.level + shift, y, [y - low, high - y], color=COLOURS[colour], linestyle=dash, marker=marker, markersize=3.2, linewidth=1, label=label)


def draw(difficulty, outcomes, displays):
    fig = figure("double", 132)
    rows = fig.subfigures(2, 1, height_ratios=(0.7, 2))
    examples(rows[0], displays)
    axes = rows[1].subplots(2, 3).ravel()
    for k, group in enumerate(STYLES):
        line(axes[0], difficulty, group, "accuracy", shift=0.1 * (k - 1.5), label=group)
    axes[0].axhline(50, color="black", linewidth=0.6)
    axes[0].set(ylabel="answered right (%)", ylim=(0, 102))
    axes[0].legend(fontsize=5.2, loc="lower left")
    for shift, group in ((-0.08, "adaptive"), (0.08, "adaptive, dearer steps")):
        clamp = f"stopped after {float(difficulty.clamp_step.sel(group=group)):.0f}"
        line(axes[1], difficulty, group, "steps", 1.0, shift, group)
        line(axes[2], difficulty, group, "accuracy_lost", shift=shift, label=clamp)
    axes[1].set(ylabel="steps until it halts", ylim=(0, None))
    axes[2].axhline(0, color="black", linewidth=0.6)
    axes[2].set(ylabel="lost when stopped at the\ntraining mean (points)")
    axes[1].legend(fontsize=5.2, loc="lower right")
    axes[2].legend(fontsize=5.2, loc="upper left")
    for ax in axes[:3]:
        shade(ax, difficulty)
    forced(axes[3], outcomes)
    by_answer(axes[4], outcomes, difficulty)
    against_distance(axes[5], outcomes)
    for ax in axes:
        ax.xaxis.label.set_fontsize(6.5)
        ax.yaxis.label.set_fontsize(6.5)
    n = outcomes.sizes["presentation"]
    seeds = int(difficulty.n_networks.sel(group="adaptive"))
    who = "one network a condition" if seeds == 1 else f"{seeds} adaptive networks (d, f: the first), one of the others"
    about = f"{who}; bars: 95 % over {n} displays a length (f: quartiles); negatives matched in the distance of the disks"
    fig.supxlabel(about, fontsize=6, color="0.3")
    panel_letter(axes, dx=-22)
    return fig


def examples(fig, displays):
    axes = fig.subplots(1, displays.sizes["n_paddles"] * displays.sizes["presentation"])
    shown = [(n, k) for n in displays.n_paddles.values for k in range(displays.sizes["presentation"])]
    for ax, (n, k) in zip(axes, shown, strict=True):
        one = displays.sel(n_paddles=n).isel(presentation=k)
        ax.imshow(one[next(iter(one.data_vars))].isel(channel=0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(f"{n} paddles, disks on {'one' if int(one.label) else 'two'}", fontsize=6)


def adaptive(outcomes):
    return outcomes.sel(network=outcomes.network.values[outcomes.condition.values == ADAPTIVE][0])


def forced(ax, outcomes):
    """Accuracy of the answer of every step alone."""
    one = adaptive(outcomes)
    steps = np.arange(1, outcomes.sizes["time_bin"] + 1)
    for level, colour in zip(outcomes.level.values, SHADES, strict=True):
        mean = 100 * one.step_correct.sel(level=level).astype(float).mean("presentation")
        ax.plot(steps, mean, color=COLOURS[colour], linewidth=1, label=f"{level}")
        halt = float(one.n_steps.sel(level=level).mean())
        ax.plot(halt, np.interp(halt, steps, mean), "o", color=COLOURS[colour], markersize=4, markeredgecolor="black", markeredgewidth=0.5)
    ax.axhline(50, color="black", linewidth=0.6)
    ax.set(xlabel="forced number of steps", ylabel="answer of that step\nright (%)", ylim=(0, 102))
    ax.legend(fontsize=5, ncol=4, title="paddles (dots: mean halting step)", title_fontsize=5, loc="lower right")


def by_answer(ax, outcomes, difficulty):
    """Steps of displays with one joined contour and with two, of every adaptive network."""
    each = outcomes.sel(network=outcomes.network.values[outcomes.condition.values == ADAPTIVE])
    for k, dash in zip(range(each.sizes["network"]), ("-", "--", ":"), strict=False):
        one = each.isel(network=k)
        for label, name, colour, shift in ((1, "one contour", "orange", -0.08), (0, "two contours", "purple", 0.08)):
            steps = one.n_steps.where(one.label == label)
            mean, error = steps.mean("presentation"), 1.96 * steps.std("presentation", ddof=1) / np.sqrt(steps.notnull().sum("presentation"))
            look = {"color": COLOURS[colour], "linestyle": dash, "marker": "o", "markersize": 3, "linewidth": 1}
            ax.errorbar(one.level + shift, mean, error, label=f"{name}, seed {int(one.training_seed)}", **look)
    shade(ax, difficulty)
    ax.set(ylabel="steps until it halts", ylim=(0, None))
    ax.legend(fontsize=5.2, loc="lower right", title="disks on", title_fontsize=5.2)


def against_distance(ax, outcomes):
    """Median steps of displays by the distance of their disks, in quarters of each length."""
    one = adaptive(outcomes)
    for level, colour in zip(outcomes.level.values, SHADES, strict=True):
        part = one.sel(level=level)
        order = np.argsort(part.marker_distance.values, kind="stable")
        far, steps = (np.array_split(v.values[order], 4) for v in (part.marker_distance, part.n_steps))
        low, middle, high = np.array([np.percentile(v, [25, 50, 75]) for v in steps]).T
        ax.errorbar(
            [v.mean() for v in far], middle, [middle - low, high - middle], color=COLOURS[colour], marker="o", markersize=2.5, linewidth=1, label=f"{level}"
        )
    ax.set(xlabel="distance of the disks (pixels)", ylabel="steps until it halts", ylim=(0, None))
    ax.legend(fontsize=5, ncol=4, title="paddles", title_fontsize=5, loc="lower right")
