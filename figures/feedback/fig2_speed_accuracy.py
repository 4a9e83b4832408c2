"""Speed and accuracy: accuracy at every step, and stop policies, on clean and on noisy images."""

from neurodyn.plot.arms import ARMS, arm_label, arm_style, in_arm, plot_arm_curves, plot_effects
from neurodyn.plot.style import COLOURS, figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population", "effects": "feedback/claims"}
OUTCOMES = {
    "frontier_clean": "stop frontier,\nclean",
    "frontier_noisy": "stop frontier,\nnoisy",
    "speed_area_noisy": "mean over\nsteps, noisy",
    "accuracy_clean": "clean accuracy",
}


def draw(population, effects):
    fig = figure("double", 112)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, 3, left=0.07, right=0.985, top=0.93, bottom=0.14, wspace=0.48, hspace=0.5)
    panels = [fig.add_subplot(grid[k // 2, k % 2]) for k in range(4)]
    for k, (tag, title) in enumerate((("clean", "clean images"), ("noisy", "Gaussian noise, sd 0.08"))):
        plot_arm_curves(panels[k], population, f"accuracy_by_step_{tag}", population.step.values)
        panels[k].axvspan(5.5, 10.5, color=COLOURS["grey"], alpha=0.12, linewidth=0)
        panels[k].text(8, 0.02, "longer than trained", transform=panels[k].get_xaxis_transform(), ha="center", fontsize=5.5, color=COLOURS["grey"])
        panels[k].set(xlabel="step", ylabel="accuracy", title=title, xlim=(0.7, 10.3), xticks=(1, 3, 5, 7, 9))
        frontier(panels[k + 2], population, tag)
        panels[k + 2].set(xlabel="mean stopping step", ylabel="accuracy", title=f"stopping when sure, {tag}")
    panels[0].legend(fontsize=5, loc="lower left", bbox_to_anchor=(0.1, 0.08))
    panels[0].set_ylim(bottom=panels[0].get_ylim()[0] - 0.02)
    forest = fig.add_subplot(grid[:, 2])
    rows = ("feedback | dropout=off", "feedback | dropout=on", "feedback x dropout")
    plot_effects(forest, effects, OUTCOMES, rows=rows, legend=False)
    forest.set(xlabel="effect size (Cohen's d, 95 % CI)", title=f"{effects.attrs['n_blocks']} seeds")
    forest.tick_params(axis="y", labelsize=5.5)
    forest.legend(fontsize=5, loc="upper center", bbox_to_anchor=(0.3, -0.13))
    forest.set_position((0.78, 0.24, 0.2, 0.69))
    figure_note(fig, f"{effects.attrs['n_blocks']} networks an arm; bands (a, b) and bars (c, d): one standard error over networks", x=0.07)
    panel_letter([*panels, forest])
    return fig


def frontier(ax, table, tag):
    for arm in ARMS:
        mine = table.isel(network=in_arm(table, arm))
        style = arm_style(*arm)
        time, hit = mine[f"stop_time_{tag}"], mine[f"stop_accuracy_{tag}"]
        error = hit.std("network", ddof=1) / mine.sizes["network"] ** 0.5
        ax.errorbar(time.mean("network"), hit.mean("network"), error, markersize=3.2, linewidth=1.1, elinewidth=0.6, label=arm_label(*arm), **style)
