"""Halting steps and accuracy against difficulty, trained levels shaded, and halting against the depth of dead ends within a size."""

from neurodyn.plot.style import COLOURS, figure, panel_letter

INPUTS = {"difficulty": "adrnn/difficulty", "outcomes": "adrnn/outcomes"}
ADAPTIVE = "act"  # the condition drawn as "adaptive"
STYLES = {
    "adaptive": ("vermilion", "-", "o"),
    "fixed steps": ("blue", "--", "s"),
    "adaptive, dearer steps": ("orange", "-", "D"),
    "feedforward": ("green", "-.", "^"),
}


def shade(ax, difficulty):
    trained = difficulty.level.values[difficulty.trained.values]
    ax.axvspan(trained.min() - 0.8, trained.max() + 0.8, color="0.92", linewidth=0, zorder=0)
    ax.set_xticks(difficulty.level.values)


def lines(ax, difficulty, name, scale=1.0, groups=STYLES, label=True):
    for k, group in enumerate(g for g in groups if g in difficulty.group.values):
        colour, dash, marker = STYLES[group]
        one = difficulty.sel(group=group)
        x = one.level + 0.14 * (k - 1)
        y, low, high = (scale * one[f"{name}{end}"].values for end in ("", "_low", "_high"))
        text = f"{group} (n = {int(one.n_networks)})" if label else None
        ax.errorbar(x, y, [y - low, high - y], color=COLOURS[colour], linestyle=dash, marker=marker, markersize=3.2, linewidth=1, elinewidth=0.8, label=text)


def draw(difficulty, outcomes):
    fig = figure("double", 112)
    axes = fig.subplots(2, 3).ravel()
    lines(axes[0], difficulty, "overlap", 100)
    axes[0].set(ylabel="overlap with the solution (%)", ylim=(0, 102))
    axes[0].legend(fontsize=5.4, loc="lower left")
    lines(axes[1], difficulty, "accuracy", 100, label=False)
    axes[1].set(ylabel="mazes wholly right (%)", ylim=(-2, 102))
    lines(axes[2], difficulty, "steps", groups=[g for g in STYLES if g != "feedforward"], label=False)
    axes[2].set(ylabel="steps until it halts", ylim=(0, None))
    for ax in axes[:3]:
        shade(ax, difficulty)
        ax.set_xlabel("maze size (trained: shaded)")
    against_depth(axes[3], outcomes)
    correlations(axes[4], difficulty)
    shade(axes[5], difficulty)
    lines(axes[5], difficulty, "accuracy_lost", 100, groups=["adaptive", "adaptive, dearer steps"], label=False)
    axes[5].axhline(0, color="black", linewidth=0.6)
    clamps = " or about ".join(f"{float(v):.0f}" for v in difficulty.clamp_step.sel(group=["adaptive", "adaptive, dearer steps"]))
    axes[5].set(xlabel="maze size", ylabel="mazes lost when clamped at\nthe training mean (points)")
    about = f"bars: 95 % over networks (n) and {outcomes.sizes['presentation']} mazes a size, all new but those of size 5; clamped at about {clamps} steps"
    fig.supxlabel(about, fontsize=6, color="0.3")
    panel_letter(axes)
    return fig


def correlations(ax, difficulty):
    shade(ax, difficulty)
    one = difficulty.sel(group="adaptive")
    for k, (covariate, label, colour) in enumerate((("fill_depth", "depth of dead ends", "vermilion"), ("path_length", "path length", "sky"))):
        part = one.sel(covariate=covariate)
        y, low, high = (part[f"rank_correlation{end}"].values for end in ("", "_low", "_high"))
        ax.errorbar(one.level + 0.2 * (k - 0.5), y, [y - low, high - y], color=COLOURS[colour], marker="os"[k], markersize=3.2, linewidth=1, label=label)
    ax.axhline(0, color="black", linewidth=0.6)
    ax.set(xlabel="maze size", ylabel="rank correlation with steps,\nwithin a size", ylim=(-1, 1))
    ax.legend(fontsize=5.4, loc="upper right")


def against_depth(ax, outcomes):
    colours = ["sky", "blue", "green", "orange", "vermilion", "purple"]
    network = next(n for n, c in zip(outcomes.network.values, outcomes.condition.values, strict=True) if c == ADAPTIVE)
    for level, colour in zip(outcomes.level.values, colours, strict=False):
        one = outcomes.sel(level=level, network=network)
        ax.plot(one.fill_depth, one.n_steps, ".", markersize=2.4, color=COLOURS[colour], alpha=0.7, label=f"size {level}")
    ax.set(xlabel="depth of the dead ends (squares)", ylabel="steps until it halts\n(one network)")
    ax.legend(fontsize=5.2, markerscale=2, ncol=2, loc="lower right")
