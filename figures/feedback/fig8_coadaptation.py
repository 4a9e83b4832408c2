"""Co-adaptation: random lesions, correlations between units, how well units predict each other, and the two mechanisms side by side."""

from neurodyn.plot.arms import plot_arm_curves, plot_arm_points, plot_effects
from neurodyn.plot.style import figure, figure_note, panel_letter

INPUTS = {"population": "feedback/population", "effects": "feedback/claims"}
OUTCOMES = {
    "coadaptation_correlation_within": "correlation within classes",
    "coadaptation_predictability": "predictability of units",
    "lesion_relative": "accuracy kept in lesions",
    "lesion_gini": "inequality of units",
    "lyapunov": "largest exponent",
    "trial_variability": "variability under masks",
    "step_change_last": "step change",
}


def draw(population, effects):
    fig = figure("double", 112)
    fig.set_layout_engine("none")
    grid = fig.add_gridspec(2, 4, left=0.095, right=0.98, top=0.93, bottom=0.14, wspace=0.55, hspace=0.5)
    panels = [fig.add_subplot(grid[0, 0]), fig.add_subplot(grid[0, 1]), fig.add_subplot(grid[1, 0]), fig.add_subplot(grid[1, 1]), fig.add_subplot(grid[:, 2:])]
    plot_arm_curves(panels[0], population, "lesion_accuracy", population.fraction.values)
    panels[0].set(xlabel="share of units silenced", ylabel="accuracy")
    panels[0].legend(fontsize=4.6, loc="lower left")
    plot_arm_curves(panels[1], population, "correlation_histogram", population.r.values)
    panels[1].set(xlabel="correlation of two units", ylabel="share of pairs", xlim=(-0.6, 0.9), yscale="log", ylim=(1e-4, 0.5))
    plot_arm_points(panels[2], population, "coadaptation_predictability")
    panels[2].set(ylabel="median R$^2$ of a unit\nfrom 299 others")
    plot_arm_points(panels[3], population, "lyapunov")
    panels[3].set_ylabel("largest exponent (1 / step)", fontsize=6)
    for ax in panels[2:4]:
        ax.tick_params(axis="x", labelsize=4.2)
    rows = ("feedback | dropout=on", "dropout | feedback=self", "dropout | feedback=top", "feedback x dropout")
    plot_effects(panels[4], effects, OUTCOMES, rows=rows, legend=False)
    panels[4].legend(fontsize=5, loc="upper center", bbox_to_anchor=(0.3, -0.1), ncol=2)
    panels[4].set_position((0.71, 0.19, 0.27, 0.74))
    panels[4].set(xlabel="effect size (Cohen's d, 95 % CI)", title=f"{effects.attrs['n_blocks']} seeds")
    panels[4].tick_params(axis="y", labelsize=5.5)
    n = effects.attrs["n_blocks"]
    figure_note(fig, f"{n} networks an arm; bands (a, b): one standard error over networks; points (c, d): networks, bars 95 % intervals of their mean", x=0.07)
    panel_letter(panels)
    return fig
